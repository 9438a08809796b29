"""What a setting may be: one of a list, or a number between two."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module


@dataclass(frozen=True)
class Of:
    """Choices that another module lists; it is imported when they are asked for, and not before."""

    module: str
    name: str

    def __iter__(self) -> Iterator:
        return iter(getattr(import_module(self.module), self.name))


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included."""

    low: float
    high: float = float("inf")

    def __str__(self) -> str:
        return f"{self.low:g} or more" if self.high == float("inf") else f"between {self.low:g} and {self.high:g}"

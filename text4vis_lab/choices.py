"""What a setting may be: one of a list, or a number between two."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module


@dataclass(frozen=True)
class Of:
    """Choices that another module lists, or a function of it; it is imported when they are asked for, not before."""

    module: str
    name: str

    def __iter__(self) -> Iterator:
        listed = getattr(import_module(self.module), self.name)
        return iter(listed() if callable(listed) else listed)


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included."""

    low: float
    high: float = float("inf")

    def __str__(self) -> str:
        return f"{self.low:g} or more" if self.high == float("inf") else f"between {self.low:g} and {self.high:g}"

"""A case: a file as people have it, how it is made, and what is asked of whoever reads it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .films import CannotMake, Film, Step

Seconds = tuple[float | None, float | None]


@dataclass(frozen=True)
class Case:
    """One case. Of `numbers` and `error` at least one is given; both: either is right, other pictures are not.

    Attributes:
        name: of the file, below the folder in which cases are made.
        make: writes it, or raises `CannotMake`.
        numbers: of its pictures in order; of a file that is also allowed an `error`, the most that can be left of it.
        size: height and width of its frames, as shown.
        turn: which of `pattern.TURNS` its pictures are, as shown.
        seconds: parts, from second to second, and the numbers of the pictures that are shown in them.
        error: what the message of refusal must hold, as a regular expression.
        concealed: whether it may also be read as FFmpeg shows it, which conceals damage and does not always say so.
        reading: limits under which it is read, as of `text4vis_core.data.probe.Reading`.
        relative: whether its name alone is given, with its folder as the current directory.
        slow: whether it takes a second or more.
        kind: filled in by the table that the case stands in.
    """

    name: str
    make: Step
    numbers: Sequence[int] = ()
    size: tuple[int, int] = (120, 160)
    turn: str = "upright"
    seconds: Mapping[Seconds, Sequence[int]] = field(default_factory=dict)
    error: str = ""
    concealed: bool = False
    reading: Mapping[str, Any] = field(default_factory=dict)
    relative: bool = False
    slow: bool = False
    kind: str = ""

    @property
    def asked(self) -> str:
        """What is asked, in words."""
        refused = "an error" if self.error == "." else f"an error with “{self.error}”"
        if not self.numbers:
            return refused
        height, width = self.size
        shown = "" if self.turn == "upright" else f", {self.turn}"
        parts = "".join(f"; {_seconds(*part)}: {ranges(shows)}" for part, shows in self.seconds.items())
        words = f"{len(self.numbers)} frames ({ranges(self.numbers)}) of {width} × {height}{shown}{parts}"
        others = ", or what FFmpeg conceals unseen" if self.concealed else ""
        return f"{words}, or an error{others}" if self.error else words

    def made_in(self, folder: Path) -> Path:
        """Make it in a folder, unless it is there; its path. Raises `CannotMake`."""
        path = folder / self.name
        if not os.path.lexists(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self.make(path)
            except CannotMake:
                path.unlink(missing_ok=True)
                raise
        return path


def seen(name: str, make: Step, numbers: int | Sequence[int] | None = None, **facts: Any) -> Case:
    """A file that is read; numbers and size are the film's where nothing else is said."""
    if isinstance(make, Film):
        numbers = make.numbers if numbers is None else numbers
        facts = {"size": make.size} | facts
    numbers = 48 if numbers is None else numbers
    return Case(name, make, range(numbers) if isinstance(numbers, int) else tuple(numbers), **facts)


def refused(name: str, make: Step, error: str, **facts: Any) -> Case:
    """A file that is no video, or none that can be read: what the error must say."""
    return Case(name, make, error=error, **facts)


def spoiled(name: str, make: Step, numbers: int | Sequence[int] = 48, error: str = ".", **facts: Any) -> Case:
    """A file of which pictures may be read or refused, but not be others; nothing of it counts as sound."""
    return Case(name, make, range(numbers) if isinstance(numbers, int) else tuple(numbers), error=error, **facts)


def ranges(numbers: Sequence[int]) -> str:
    """Numbers in words: "0–3, 7"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ", ".join("–".join(str(end) for end in dict.fromkeys(run)) for run in runs)


def _seconds(start: float | None, end: float | None) -> str:
    return f"{start or 0:g} to {end:g} s" if end is not None else f"from {start or 0:g} s"

"""Randomised rounds: a run is started and killed, started and killed again, until one start comes to its end.

All of a round follows from its number but for what the machine does between two moments. TEXT4VIS_FAULT_ROUNDS says how
many rounds there are.
"""

import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .harness import Kill, Outcome

ROUNDS = int(os.environ.get("TEXT4VIS_FAULT_ROUNDS", 12))
MOST_KILLS = 6  # of a round; the start after these is left alone
FIGURES: Counter[str] = Counter()  # what happened in all rounds


@dataclass
class Undisturbed:
    """A run that nobody killed: what it returned, and what of it there is to disturb.

    Attributes:
        seconds: from its start to its end.
        lines: of `harness.WATCHED` code.
        largest: bytes of the largest file that it left.
    """

    value: dict
    seconds: float
    lines: int
    largest: int

    @classmethod
    def of(cls, start: Callable[..., Outcome], folder: Path) -> "Undisturbed":
        """Start a run that writes to a folder, and leave it alone."""
        begin = time.perf_counter()
        outcome = start()
        assert outcome.error == "" and outcome.warnings == []
        seconds, sizes = time.perf_counter() - begin, [file.stat().st_size for file in files(folder)]
        return cls(outcome.value, seconds, outcome.lines, max(sizes))


def files(folder: Path) -> list[Path]:
    """All files below a folder."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def unfinished(folder: Path) -> list[Path]:
    """Those that were not written to their end."""
    return [path for path in files(folder) if path.suffix == ".tmp"]


def play(
    rng: np.random.Generator,
    like: Undisturbed,
    workers: int,
    folder: Path,
    start: Callable[..., Outcome],
    look: Callable[[], None],
) -> dict:
    """A round: start, kill and start again, and return what the last start did.

    Args:
        rng: draws the kills.
        like: a run that was not killed.
        workers: processes that the run starts.
        folder: that it writes to.
        start: starts it, to be given a `kill`.
        look: checks what a killed one left.
    """
    kinds = ["moment", "line"] + ["byte"] * (workers == 0)  # workers would have the limit, too, and name it
    for _ in range(rng.integers(1, MOST_KILLS + 1)):
        kind, before = rng.choice(kinds), set(unfinished(folder))
        outcome = start(kill=_draw(rng, kind, like))
        assert outcome.error == "" and outcome.warnings == []
        if not outcome.signal:
            break
        new = set(unfinished(folder)) - before
        where = outcome.place.split(":")[0] + "()" if kind == "line" else "writing a file" if new else "elsewhere"
        FIGURES.update(["kills", f"kills at a random {kind}", f"kills at a random {kind} in: {where}"])
        look()
    else:
        outcome = start()
    FIGURES.update(["rounds"])
    assert (outcome.signal, outcome.error, outcome.warnings) == (0, "", [])
    return outcome.value


def _draw(rng: np.random.Generator, kind: str, like: Undisturbed) -> Kill:
    # Early ones more often, for after every kill there is less left to be done.
    early, group = float(rng.random() ** 2), bool(rng.random() < 0.8)
    if kind == "moment":
        return Kill(after=early * like.seconds, group=group)
    line = int(early * like.lines)
    return Kill(line=line, byte=int(like.largest ** rng.random()) if kind == "byte" else None, group=group)

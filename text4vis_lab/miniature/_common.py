"""What films and drawings have in common: actions by name, a person's place in the picture, work in processes."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

from text4vis_core.processes import progress_bar

from .actions import ACTIONS, Action
from .drawing import Shape, bounds

PERSON_HEIGHT = 0.7  # of the picture's


def look_up(name: str) -> Action:
    if name not in ACTIONS:
        raise ValueError(f"unknown action {name!r}; the actions are: {', '.join(ACTIONS)}")
    return ACTIONS[name]


def fit(shapes: Sequence[Shape], width: float, height: float, wanted: float) -> tuple[float, float, float]:
    """Pixels per unit, at most `wanted`, so that the shapes fit a picture; and their left and right end in units."""
    left, right, _, top = bounds(shapes)
    return min(wanted, width / (right - left), 0.86 * height / top), left, right


def stand_at(rng: np.random.Generator, width: float, scale: float, left: float, right: float, mirror: bool) -> float:
    """A pixel column for the world's 0 that keeps what lies from `left` to `right` in the picture, near its middle."""
    left, right = (-right, -left) if mirror else (left, right)
    slack = (width - scale * (right - left)) / 2
    return width / 2 - scale * (left + right) / 2 + rng.uniform(-0.7, 0.7) * slack


def each(work: Callable[[Any], Any], jobs: Sequence[Any], workers: int, what: str, unit: str) -> Iterator[Any]:
    """The results of `work` on each job, in order, with a progress bar; in processes of their own if workers > 1."""
    how = {"total": len(jobs), "unit": unit}
    if workers <= 1 or len(jobs) <= 1:
        yield from progress_bar(map(work, jobs), what, **how)
        return
    # spawned, not forked: a fork of a process that runs torch's threads may hang
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))
    try:
        yield from progress_bar(pool.map(work, jobs, chunksize=4), what, **how)
    finally:
        pool.shutdown(cancel_futures=True)

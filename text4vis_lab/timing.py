"""Seconds that jobs take, in turn: a drift of the machine meets all alike."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from text4vis_core.data.datasets import VideoDataset


def in_turn(
    jobs: Mapping[str, Callable[[int, int], Any]], items: int, repeats: int, warm_up: int = 1
) -> dict[str, list[float]]:
    """Seconds that each job takes for an item, the mean over the items of a repetition.

    Jobs take turns at every item, in an order that is drawn anew each time, so that neither a drift of the machine nor
    what a job leaves in its caches favours one of them.

    Args:
        jobs: name -> function of (repetition, item).
        items: items in a repetition.
        repeats: repetitions that count.
        warm_up: repetitions before them that do not.

    Returns:
        name -> `repeats` numbers.
    """
    rng = np.random.default_rng(0)
    names = list(jobs)
    seconds = {name: np.zeros((repeats + warm_up, items)) for name in names}
    for repetition in range(repeats + warm_up):
        for item in range(items):
            for which in rng.permutation(len(names)):
                begin = time.perf_counter()
                jobs[names[which]](repetition, item)
                seconds[names[which]][repetition, item] = time.perf_counter() - begin
    return {name: values[warm_up:].mean(1).tolist() for name, values in seconds.items()}


def time_samples(datasets: Mapping[str, VideoDataset], count: int, repeats: int) -> dict[str, list[float]]:
    """Seconds that a sample of each data set takes on one thread, as `in_turn` has them; `count` videos of each."""

    def sampling(dataset: VideoDataset) -> Callable[[int, int], Any]:
        return lambda epoch, index: sample(dataset, epoch, index)

    with torch_threads(1):
        return in_turn({name: sampling(dataset) for name, dataset in datasets.items()}, count, repeats)


def sample(dataset: VideoDataset, epoch: int, index: int) -> dict[str, Any]:
    """A sample as it is drawn in an epoch."""
    dataset.epoch = epoch
    return dataset[index]


@contextlib.contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """Let torch compute with this many threads, and as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)

"""Samples per second over the number of processes that decode: through the loader, and what the machine allows."""

import contextlib
import itertools
import multiprocessing
import time
from collections.abc import Sequence
from pathlib import Path

from text4vis_core.data.datasets import VideoDataset
from text4vis_core.data.loader import load_batches
from text4vis_core.data.sampling import evaluation_indices
from text4vis_core.data.video_list import VideoList

from ..timing import torch_threads
from .loading import NUM_FRAMES, SIZE, TRAINING, decode_alone
from .measurement import Quantity, ratio

BATCH = 4
LINEAR = 0.9  # a rate that is less than this share of proportional is not called linear


def numbers(most: int) -> list[int]:
    """Numbers of workers to measure: 0, 1, 2, 4, ... and `most`."""
    doubled = itertools.takewhile(lambda number: number < most, (2**i for i in itertools.count()))
    return [0, *doubled, most]


def rates(
    videos: VideoList, workers: Sequence[int], samples: int, repeats: int
) -> tuple[dict[int, Quantity], dict[int, Quantity]]:
    """Training samples per second through the loader, and of decoding alone in as many processes; in turn.

    Decoding alone hands nothing over. Where it is not proportional to the processes, the machine's cores are not
    worth a core each: they share arithmetic units, memory, or the machine with others.

    Args:
        videos: repeated until there are enough.
        workers: numbers of processes; 0 decodes in the one that asks, and is left out of decoding alone.
        samples: in each repetition, by each number of workers.
        repeats: repetitions that count; one comes before them.

    Returns:
        Number of workers -> rate, for both.
    """
    loaded: dict[int, list[float]] = {number: [] for number in workers}
    decoded: dict[int, list[float]] = {number: [] for number in workers if number}
    with contextlib.ExitStack() as stack, torch_threads(1):
        pools = {number: stack.enter_context(multiprocessing.Pool(number)) for number in decoded}
        for epoch in range(repeats + 1):
            for number in workers:
                if number:
                    decoded[number].append(_decoding_rate(pools[number], videos, samples))
                loaded[number].append(_loading_rate(videos, number, samples, epoch))
    return (
        {n: Quantity(f"training samples, {_name(n)}", values[1:], "samples/s", "more") for n, values in loaded.items()},
        {n: Quantity(f"decoding alone, {_name(n)}", values[1:], "samples/s", "more") for n, values in decoded.items()},
    )


def scaling(loaded: dict[int, Quantity], decoded: dict[int, Quantity], cores: int) -> list[Quantity]:
    """Rates of several workers over that of one, and this ratio over that of decoding alone; limits up to the cores.

    Args:
        loaded, decoded: what `rates` returns, with 1 among the numbers.
        cores: of the machine.
    """
    found = []
    for number in (number for number in decoded if number > 1):
        limited = number <= cores
        own, allowed = (
            ratio(f"{of[number].name} / 1", of[number].values, of[1].values, "more") for of in (loaded, decoded)
        )
        found += [
            Quantity(own.name, own.values, better="more", limit=LINEAR * number if limited else None),
            allowed,
            ratio(
                f"{_name(number)} / 1, over that of decoding alone",
                own.values,
                allowed.values,
                "more",
                LINEAR if limited else None,
            ),
        ]
    return found


def _loading_rate(videos: VideoList, workers: int, samples: int, epoch: int) -> float:
    """The clock starts when every worker has given its first batch: their start is paid once in an epoch, not here.

    All workers get as many batches, lest the last one is waited for alone, which is paid once in an epoch as well.
    """
    started = max(1, workers)
    count = started * (1 + -(-samples // (BATCH * started)))
    dataset = VideoDataset(videos.repeat(count * BATCH), NUM_FRAMES, SIZE, TRAINING["published"])
    dataset.epoch = epoch
    batches = [list(range(i * BATCH, (i + 1) * BATCH)) for i in range(count)]
    for done, _ in enumerate(load_batches(dataset, batches, workers), start=1):
        if done == started:
            begin = time.perf_counter()
    return (count - started) * BATCH / (time.perf_counter() - begin)


def _decoding_rate(pool, videos: VideoList, samples: int) -> float:
    paths = [video.path for video in videos.repeat(samples).videos]
    begin = time.perf_counter()
    pool.map(_decode, paths, chunksize=1)
    return samples / (time.perf_counter() - begin)


def _decode(path: Path) -> None:
    decode_alone(path, lambda length: evaluation_indices(length, NUM_FRAMES))


def _name(number: int) -> str:
    return f"{number} worker{'' if number == 1 else 's'}" if number else "no workers"

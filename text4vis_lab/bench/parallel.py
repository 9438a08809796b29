"""How rates grow with the processes: workers that decode, against what the machine allows, and processes that evaluate
and train together, each with one thread, and whether they agree.
"""

import contextlib
import hashlib
import itertools
import multiprocessing
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from text4vis_core.data.datasets import VideoDataset, Views
from text4vis_core.data.loader import load_batches
from text4vis_core.data.sampling import evaluation_indices
from text4vis_core.data.video_list import VideoList
from text4vis_core.evaluation.embedding import embed_videos
from text4vis_core.model.clip import load_clip
from text4vis_core.model.video_classifier import VideoClassifier
from text4vis_core.training.loop import fit
from text4vis_core.training.recipe import TrainingConfig

from ..lists import repeated
from ..processes import Processes
from ..timing import torch_threads
from .loading import NUM_FRAMES, SIZE, TRAINING, decode_alone
from .measurement import Quantity, ratio

BATCH = 4  # videos; in training, of all processes together
LINEAR = 0.9  # a rate that is less than this share of proportional is not called linear
MODEL = "ViT-S-32-alt"  # a small one: what is measured is the division of work
SAME_LOSS = 1e-4


def numbers(most: int) -> list[int]:
    """Numbers of workers to measure: 0, 1, 2, 4, ... and `most`."""
    doubled = itertools.takewhile(lambda number: number < most, (2**i for i in itertools.count()))
    return [0, *doubled, most]


def worker_rates(
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
                loaded[number].append(loading_rate(videos, number, samples, epoch))
    return (
        {n: Quantity(f"training samples, {_name(n)}", values[1:], "samples/s", "more") for n, values in loaded.items()},
        {n: Quantity(f"decoding alone, {_name(n)}", values[1:], "samples/s", "more") for n, values in decoded.items()},
    )


def worker_scaling(loaded: dict[int, Quantity], decoded: dict[int, Quantity], cores: int) -> list[Quantity]:
    """Rates of several workers over that of one, and this ratio over that of decoding alone; limits up to the cores.

    Args:
        loaded, decoded: what `worker_rates` returns, with 1 among the numbers.
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


def loading_rate(videos: VideoList, workers: int, samples: int, epoch: int) -> float:
    """The clock starts when every worker has given its first batch: their start is paid once in an epoch, not here.

    All workers get as many batches, lest the last one is waited for alone, which is paid once in an epoch as well.
    """
    started = max(1, workers)
    count = started * (1 + -(-samples // (BATCH * started)))
    dataset = VideoDataset(repeated(videos, count * BATCH), NUM_FRAMES, SIZE, TRAINING["published"])
    dataset.epoch = epoch
    batches = [list(range(i * BATCH, (i + 1) * BATCH)) for i in range(count)]
    for done, _ in enumerate(load_batches(dataset, batches, workers), start=1):
        if done == started:
            begin = time.perf_counter()
    return (count - started) * BATCH / (time.perf_counter() - begin)


def _decoding_rate(pool, videos: VideoList, samples: int) -> float:
    paths = [video.path for video in repeated(videos, samples).videos]
    begin = time.perf_counter()
    pool.map(_decode, paths, chunksize=1)
    return samples / (time.perf_counter() - begin)


def _decode(path: Path) -> None:
    decode_alone(path, lambda length: evaluation_indices(length, NUM_FRAMES))


def _name(number: int) -> str:
    return f"{number} worker{'' if number == 1 else 's'}" if number else "no workers"


def process_rates(
    videos: VideoList, processes: Sequence[int], folder: str | Path, repeats: int, model: str = MODEL
) -> tuple[dict[str, dict[int, Quantity]], list[Quantity]]:
    """Videos per second that a number of processes evaluates and trains together.

    The clock runs inside the processes: not while they start, nor while they load the model or save it. The first
    repetition does not count.

    Args:
        videos: evaluated once in each repetition; and trained on, for an epoch.
        processes: numbers of them, the first of which is 1.
        folder: for checkpoints.
        repeats: repetitions that count.
        model: open_clip's name, of which the weights are random, or a folder.

    Returns:
        {"evaluation", "training"} -> number -> rate; and how far the results of several processes are from one's.
    """
    outcomes = {
        number: Processes(devices=number).run(_measure, model, videos, Path(folder, str(number)), repeats)
        for number in processes
    }
    rates = {
        task: {
            number: Quantity(
                f"{task}, {number} process{'es' if number > 1 else ''}",
                [len(videos) / seconds for seconds in outcome[task]],
                "videos/s",
                "more",
            )
            for number, outcome in outcomes.items()
        }
        for task in ("evaluation", "training")
    }
    one, agreement = outcomes[1], []
    for number in (number for number in processes if number > 1):
        other = outcomes[number]
        differ = float(other["embeddings"] != one["embeddings"])
        losses = [abs(b / a - 1) for a, b in zip(one["losses"], other["losses"], strict=True)]
        agreement += [
            Quantity(f"embeddings by {number} processes differ in some bit (1: yes)", [differ], limit=0),
            Quantity(f"losses of {number} processes, largest relative difference", [max(losses)], limit=SAME_LOSS),
        ]
    return rates, agreement


def process_scaling(rates: dict[str, dict[int, Quantity]]) -> list[Quantity]:
    """Rates of several processes over that of one."""
    return [
        ratio(f"{rate.name} / 1", rate.values, of_task[1].values, "more")
        for of_task in rates.values()
        for number, rate in of_task.items()
        if number > 1
    ]


def _measure(model: str, videos: VideoList, folder: Path, repeats: int) -> dict[str, Any]:
    """One process's part; all but the first return what nobody reads."""
    with torch_threads(1):
        clip = load_clip(model, None if Path(model).is_dir() else "random")
        classifier = VideoClassifier.from_clip(clip)
        dataset = VideoDataset(videos, NUM_FRAMES, classifier.size)
        evaluation = []
        for _ in range(repeats + 1):
            begin = time.perf_counter()
            embedded = embed_videos(classifier, dataset, batch_size=2)
            evaluation.append(time.perf_counter() - begin)
        generator = torch.Generator().manual_seed(0)
        classifier.set_classifier(torch.randn(len(videos.classes), classifier.dim, generator=generator), frozen=False)
        training = VideoDataset(videos, NUM_FRAMES, classifier.size, Views(training=True))
        config = TrainingConfig(epochs=repeats + 1, batch_size=BATCH, warmup_epochs=0)
        history = fit(classifier, training, config, checkpoint_dir=folder, name="bench", progress=False).history
    return {
        "evaluation": evaluation[1:],
        "training": [after["seconds"] - before["seconds"] for before, after in itertools.pairwise(history)],
        "embeddings": hashlib.sha256(embedded.views.numpy().tobytes()).hexdigest(),
        "losses": [row["loss"] for row in history],
    }

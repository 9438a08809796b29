"""Evaluation and training over several processes of this machine, each with one thread, and whether they agree."""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ..clip import load_clip
from ..datasets import VideoDataset
from ..evaluation import embed_videos
from ..model import VideoClassifier
from ..processes import Processes
from ..training import TrainingConfig, fit
from ..video_list import VideoList
from .measurement import Quantity, ratio, torch_threads

NUM_FRAMES = 8
BATCH = 4  # videos of a training step, all processes together
LEARNING_RATE = 1e-3  # high, so that a difference of gradients shows in the weights


def process_rates(
    model: str, videos: VideoList, processes: Sequence[int], folder: str | Path, repeats: int
) -> tuple[dict[str, dict[int, Quantity]], list[Quantity]]:
    """Videos per second that a number of processes evaluates and trains together.

    The clock runs inside the processes: not while they start, nor while they load the model or save it. The first
    repetition does not count.

    Args:
        model: open_clip's name, of which the weights are random, or a folder.
        videos: evaluated once in each repetition; and trained on, for an epoch.
        processes: numbers of them, the first of which is 1.
        folder: for checkpoints.
        repeats: repetitions that count.

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
        different = float(other["embeddings"] != one["embeddings"])
        weights = max((other["weights"][name] - one["weights"][name]).abs().max().item() for name in one["weights"])
        agreement += [
            Quantity(f"embeddings of {number} processes that differ in a bit (1: some do)", [different], limit=0),
            Quantity(f"weights after training with {number} processes, largest difference", [weights], limit=1e-4),
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
        training = VideoDataset(videos, NUM_FRAMES, classifier.size, training=True)
        config = TrainingConfig(
            epochs=repeats + 1, batch_size=BATCH, warmup_epochs=0, lr=LEARNING_RATE, clip_lr_ratio=1
        )
        history = fit(classifier, training, config, checkpoint_dir=folder, name="bench", progress=False).history
    ends = [0.0, *(row["seconds"] for row in history)]
    return {
        "evaluation": evaluation[1:],
        "training": [end - begin for begin, end in zip(ends[1:-1], ends[2:], strict=True)],
        "embeddings": hashlib.sha256(embedded.views.numpy().tobytes()).hexdigest(),
        "weights": {name: value.clone() for name, value in classifier.state_dict().items()},
    }

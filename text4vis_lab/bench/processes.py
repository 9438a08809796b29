"""Evaluation and training over several processes of this machine, each with one thread, and whether they agree."""

import hashlib
import itertools
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from text4vis_core.data.datasets import VideoDataset, Views
from text4vis_core.data.video_list import VideoList
from text4vis_core.evaluation.embedding import embed_videos
from text4vis_core.model.clip import load_clip
from text4vis_core.model.video_classifier import VideoClassifier
from text4vis_core.processes import Processes
from text4vis_core.training.loop import fit
from text4vis_core.training.recipe import TrainingConfig

from ..timing import torch_threads
from .measurement import Quantity, ratio

MODEL = "ViT-S-32-alt"  # a small one: what is measured is the division of work
NUM_FRAMES = 8
BATCH = 4  # videos of a training step, all processes together
SAME_LOSS = 1e-4


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

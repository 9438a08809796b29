"""Resident memory while many videos are loaded: that of this process and its workers, over the samples."""

from pathlib import Path
from typing import Any

from .clips import TINY, write_videos
from .measurement import Quantity

VIDEOS, FRAMES = 16, 8  # tiny ones
BATCH = 20
LIMIT = 1.05
POINTS = 100


def memory_curve(folder: str | Path, samples: int, num_workers: int) -> dict[str, Any]:
    """Load training samples from tiny videos, again and again, in a process of their own.

    Returns:
        {"samples", "megabytes"}: how many were loaded, and the memory then.
    """
    from .starts import call_fresh

    write_videos(folder, VIDEOS, TINY, FRAMES)
    return call_fresh("memory", "load_many", str(folder), samples, num_workers)


def memory_growth(curve: dict[str, Any]) -> list[Quantity]:
    """The last tenth of the curve against its second tenth, before which buffers fill: the ratio, and bytes per sample.

    The ratio is of everything resident, torch's own hundreds of megabytes too; bytes per sample show a small leak.
    """
    tenth = max(1, len(curve["megabytes"]) // 10)
    early, late = (slice(tenth, 2 * tenth), slice(-tenth, None))
    pairs = list(zip(curve["megabytes"][early], curve["megabytes"][late], strict=True))
    loaded = curve["samples"][-1] - curve["samples"][2 * tenth - 1]
    return [
        Quantity("memory at the end / after a tenth", [after / before for before, after in pairs], limit=LIMIT),
        Quantity("memory kept of a sample", [(after - before) * 2**20 / loaded for before, after in pairs], "bytes"),
    ]


def load_many(folder: str, samples: int, num_workers: int) -> dict[str, Any]:
    """The part of `memory_curve` that loads."""
    import psutil
    import torch

    from text4vis_core.data.datasets import VideoDataset, Views
    from text4vis_core.data.loader import load_batches

    torch.set_num_threads(1)
    videos = write_videos(folder, VIDEOS, TINY, FRAMES).repeat(samples)
    dataset = VideoDataset(videos, 8, 32, Views(training=True))
    batches = [list(range(start, min(start + BATCH, samples))) for start in range(0, samples, BATCH)]
    process, every, curve = psutil.Process(), max(1, len(batches) // POINTS), []
    for number, _ in enumerate(load_batches(dataset, batches, num_workers), start=1):
        if number % every == 0:
            family = [process, *process.children(recursive=True)]
            curve.append((number * BATCH, sum(each.memory_info().rss for each in family) / 2**20))
    return {"samples": [point for point, _ in curve], "megabytes": [value for _, value in curve]}

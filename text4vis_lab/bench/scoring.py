"""Scoring from cached embeddings at the size of Kinetics-600: time, and memory, in a process of its own."""

import itertools
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from .starts import call_fresh

PART = 2048  # videos whose embeddings are drawn at a time


def large_scale(
    videos: int = 65000, classes: int = 600, views: int = 12, dim: int = 768, folder: str | Path | None = None
) -> dict[str, float]:
    """Read a cache entry of drawn embeddings, and take every metric of it.

    Args:
        videos, classes, views, dim: of the data set and the model.
        folder: where the entry lies meanwhile (2.4 GB by default); the system's temporary folder when None.

    Returns:
        `seconds` of reading with its check, and of the metrics; `write_seconds` of drawing and writing; `entry_gb`;
        `peak_gb`, the largest resident memory, of which the entry's mapped pages are a part; and `top1`, `map`.

    Raises:
        RuntimeError: the process failed, with the last that it said.
    """
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        return call_fresh("scoring", "score_drawn", videos, classes, views, dim, temporary)


def peak_gb() -> float:
    """The largest resident memory of this process so far."""
    try:
        # Not the system's ru_maxrss, in which a process begins with what the one that started it had.
        status = Path("/proc/self/status").read_text()
        return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1e9
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e9 / 1024)


def _drawn(labels: Tensor, rows: Tensor, views: int) -> Iterator[Tensor]:
    """View embeddings (n, V, D) about their classes' rows, some videos at a time."""
    generator = torch.Generator().manual_seed(0)
    for part in labels.split(PART):
        noise = torch.randn(len(part), views, rows.shape[1], generator=generator)
        yield rows[part][:, None] + 1.5 * noise


def score_drawn(videos: int, classes: int, views: int, dim: int, folder: str) -> dict[str, float]:
    """The part of `large_scale` that a process of its own does."""
    from text4vis_core.evaluation.embedding import EmbeddedVideos
    from text4vis_core.evaluation.metrics import mean_average_precision, score_metrics, topk_accuracy
    from text4vis_core.evaluation.protocols import multi_view_scores, zero_shot_accuracy

    from ..cache.cache import entry_path, read_entry, write_entry

    generator = torch.Generator().manual_seed(1)
    rows = F.normalize(torch.randn(classes, dim, generator=generator), dim=-1)
    labels = torch.randint(classes, (videos,), generator=generator)
    path = entry_path(folder, "videos", {"videos": videos, "views": views, "dim": dim})
    begin = time.perf_counter()
    layout = {"indices": (torch.int64, [videos]), "views": (torch.float32, [videos, views, dim])}
    pieces = itertools.chain([torch.arange(videos)], _drawn(labels, rows, views))
    write_entry(path, layout, pieces, {"about": "drawn", "skipped": "[]"})
    written = time.perf_counter()
    tensors, _ = read_entry(path)
    known = EmbeddedVideos(tensors["views"], labels, tensors["indices"])
    scores = multi_view_scores(known.views, rows)
    metrics = score_metrics(scores, known.labels)
    metrics["map"] = mean_average_precision(scores, known.labels)
    targets = torch.zeros(videos, classes).scatter_(1, labels[:, None], 1)
    score_metrics(scores, known.labels, targets)
    topk_accuracy(scores, known.labels, classes=range(classes // 2))
    del targets, scores
    zero_shot_accuracy(known.mean, rows, known.labels)
    return {
        "seconds": time.perf_counter() - written,
        "write_seconds": written - begin,
        "entry_gb": path.stat().st_size / 1e9,
        "peak_gb": peak_gb(),
        "top1": metrics["top1"],
        "map": metrics["map"],
    }

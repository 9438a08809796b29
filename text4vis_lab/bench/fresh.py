"""What a fresh interpreter does: how long until something happens, how memory grows with the samples, and scoring from
cached embeddings at the size of Kinetics-600.
"""

import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from .clips import TINY, write_videos
from .measurement import Quantity, peak_gb

IMPORT_LIMIT, GROWTH_LIMIT = 0.3, 1.05  # seconds; memory at the end over that after a tenth
VIDEOS, FRAMES = 16, 8  # tiny ones
BATCH, POINTS = 20, 100  # of samples; of the curve
PART = 2048  # videos whose embeddings are drawn at a time


def import_seconds(module: str) -> float:
    """Seconds that `import module` takes in a fresh interpreter, without the interpreter's own start."""
    code = f"import time; begin = time.perf_counter(); import {module}; print(time.perf_counter() - begin)"
    return float(_fresh(f"importing {module}", "-c", code))


def imports(repeats: int) -> list[Quantity]:
    """Imports of the package alone, and of torch, which everything that computes needs."""
    seconds: dict[str, list[float]] = {"text4vis_core": [], "torch": []}
    for repetition in range(repeats + 1):
        for module, values in seconds.items():
            value = import_seconds(module)
            if repetition:  # the first one reads the files from the disk
                values.append(value)
    limits = {"text4vis_core": IMPORT_LIMIT}
    return [Quantity(f"import {name}", values, "s", limit=limits.get(name)) for name, values in seconds.items()]


def embeddings(model: str, weights: str | Path, video: str | Path, repeats: int) -> list[Quantity]:
    """From the command to a video's first embedding, and the same video's second one in that process."""
    cold, warm = [], []
    for _ in range(repeats):
        first, second = call_fresh("fresh", "embed_twice", model, str(weights), str(video), time.time())
        cold.append(first)
        warm.append(second)
    return [Quantity("first embedding, cold", cold, "s"), Quantity("second embedding, warm", warm, "s")]


def embed_twice(model: str, weights: str, video: str, started: float) -> tuple[float, float]:
    """Seconds from `started`, by the clock on the wall, to the embedding of a video, and to its next one."""
    from text4vis_core.data.datasets import VideoDataset
    from text4vis_core.data.video_list import Video, VideoList
    from text4vis_core.model.clip import load_clip
    from text4vis_core.model.video_classifier import VideoClassifier

    classifier = VideoClassifier.from_clip(load_clip(model, weights))
    dataset = VideoDataset(VideoList(("video",), (Video(Path(video), 0),)), 8, classifier.size)
    with torch.no_grad():
        classifier.encode_video(dataset[0]["frames"])
        first = time.time()
        classifier.encode_video(dataset[0]["frames"])
    return first - started, time.time() - first


def save_random_weights(model: str, path: str | Path) -> None:
    """Untrained weights of one of open_clip's architectures, as a file to load."""
    from safetensors.torch import save_file

    from text4vis_core.files import replacing
    from text4vis_core.model.clip import load_clip

    with replacing(path) as temporary:
        save_file(load_clip(model, "random").model.state_dict(), temporary)


def call_fresh(module: str, function: str, *arguments: Any, timeout: float | None = None) -> Any:
    """What a function of this package returns for plain arguments, in a fresh interpreter.

    Raises:
        RuntimeError: it failed, with the last line that it printed; or took longer than `timeout` seconds.
    """
    code = (
        "import importlib, json, sys; module, function, arguments = json.loads(sys.argv[1]); "
        "print(json.dumps(getattr(importlib.import_module(module), function)(*arguments)))"
    )
    asked = json.dumps([f"{__package__}.{module}", function, arguments])
    return json.loads(_fresh(function, "-c", code, asked, timeout=timeout))


def _fresh(what: str, *arguments: str, timeout: float | None = None) -> str:
    """The last line that a fresh interpreter prints, which does `what`."""
    try:
        done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{what} took longer than {timeout:g} s") from None
    lines = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines() or ["it printed nothing"]
    if done.returncode != 0:
        raise RuntimeError(f"{what} ended with status {done.returncode}: {lines[-1]}")
    return lines[-1]


def memory_curve(folder: str | Path, samples: int, num_workers: int) -> dict[str, Any]:
    """Load training samples from tiny videos, again and again, in a process of their own.

    Returns:
        {"samples", "megabytes"}: how many were loaded, and the memory then.
    """
    write_videos(folder, VIDEOS, TINY, FRAMES)
    return call_fresh("fresh", "load_many", str(folder), samples, num_workers)


def memory_growth(curve: dict[str, Any]) -> list[Quantity]:
    """The last tenth of the curve against its second tenth, before which buffers fill: the ratio, and bytes per sample.

    The ratio is of everything resident, torch's own hundreds of megabytes too; bytes per sample show a small leak.
    """
    tenth = max(1, len(curve["megabytes"]) // 10)
    early, late = (slice(tenth, 2 * tenth), slice(-tenth, None))
    pairs = list(zip(curve["megabytes"][early], curve["megabytes"][late], strict=True))
    loaded = curve["samples"][-1] - curve["samples"][2 * tenth - 1]
    return [
        Quantity("memory at the end / after a tenth", [after / before for before, after in pairs], limit=GROWTH_LIMIT),
        Quantity("memory kept of a sample", [(after - before) * 2**20 / loaded for before, after in pairs], "bytes"),
    ]


def load_many(folder: str, samples: int, num_workers: int) -> dict[str, Any]:
    """The part of `memory_curve` that loads."""
    import psutil

    from text4vis_core.data.datasets import VideoDataset, Views
    from text4vis_core.data.loader import load_batches

    from ..lists import repeated

    torch.set_num_threads(1)
    videos = repeated(write_videos(folder, VIDEOS, TINY, FRAMES), samples)
    dataset = VideoDataset(videos, 8, 32, Views(training=True))
    batches = [list(range(start, min(start + BATCH, samples))) for start in range(0, samples, BATCH)]
    process, every, curve = psutil.Process(), max(1, len(batches) // POINTS), []
    for number, _ in enumerate(load_batches(dataset, batches, num_workers), start=1):
        if number % every == 0:
            family = [process, *process.children(recursive=True)]
            curve.append((number * BATCH, sum(each.memory_info().rss for each in family) / 2**20))
    return {"samples": [point for point, _ in curve], "megabytes": [value for _, value in curve]}


def large_scale(
    videos: int = 65000, classes: int = 600, views: int = 12, dim: int = 768, folder: str | Path | None = None
) -> dict[str, float]:
    """Read a cache entry of drawn embeddings, and take every metric of it.

    Args:
        videos, classes, views, dim: of the data set and the model.
        folder: where the entry lies meanwhile (2.4 GB by default); the system's temporary folder when None.

    Returns:
        `seconds` of reading with its check, and of the metrics; `write_seconds` of drawing and writing; `entry_gb`;
        `peak_gb`, the largest memory, without the entry's mapped pages; and `top1`, `map`.

    Raises:
        RuntimeError: the process failed, with the last that it said.
    """
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        return call_fresh("fresh", "score_drawn", videos, classes, views, dim, temporary)


def _drawn(labels: Tensor, rows: Tensor, views: int) -> Iterator[Tensor]:
    """View embeddings (n, V, D) about their classes' rows, some videos at a time."""
    generator = torch.Generator().manual_seed(0)
    for part in labels.split(PART):
        noise = torch.randn(len(part), views, rows.shape[1], generator=generator)
        yield rows[part][:, None] + 1.5 * noise


def score_drawn(videos: int, classes: int, views: int, dim: int, folder: str) -> dict[str, float]:
    """The part of `large_scale` that a process of its own does."""
    from text4vis_core.evaluation.embedding import EmbeddedVideos
    from text4vis_core.evaluation.metrics import mean_average_precision
    from text4vis_core.evaluation.protocols import multi_view_scores, zero_shot_accuracy

    from ..cache.cache import entry_path, read_entry, write_entry
    from ..metrics import score_metrics

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

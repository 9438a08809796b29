"""From files to the device: does it wait for videos, or the program for it; and what it does in a step."""

import gzip
import os
import shutil
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from text4vis_core.data.datasets import VideoDataset, Views
from text4vis_core.data.loader import load_batches
from text4vis_core.data.video_list import Video, VideoList
from text4vis_core.training.loop import fit
from text4vis_core.training.recipe import TrainingConfig

from ..bench.clips import ENCODING, FPS, SIZE, draw_frames
from ..bench.measurement import Quantity
from ..encoding import write_h264
from ..lists import repeated
from ..prepare.copying import Recipe, make_copy
from ._inputs import Check
from .fast import B16, L14, TINY, WAYS, clear, seconds, step_of
from .training import trained

WAITING = 0.05  # share of the time in which the device may have nothing to do
FRAMES, FILMS = 100, 16  # four seconds each
COPIES = ("Memcpy", "Memset")  # how the names of what is no computing begin


def loading(check: Check) -> Iterator[Quantity]:
    """Samples a second of files and of their copies; and how long the device waits for them while it trains."""
    cores = check.size(os.cpu_count() or 1, 1)
    with ProcessPoolExecutor(cores) as pool:
        pairs = list(pool.map(partial(_film, check.out / "films", check.size(FRAMES, 12)), range(check.size(FILMS, 2))))
    forms = {
        name: VideoList(("film",), tuple(Video(path, 0) for path in paths))
        for name, paths in zip(("files", "copies"), zip(*pairs, strict=True), strict=True)
    }
    for name, videos in forms.items():
        rates = [_rate(check, videos, cores) for _ in range(check.size(3, 1))]
        yield Quantity(f"{name}: training samples by {cores} workers", rates, "samples/s", "more")
    for about, shape, form, steps in (
        ("B/16", B16, "copies", 24),
        ("B/16", B16, "files", 24),
        ("L/14", L14, "copies", 12),
    ):
        clear(check)
        shape, steps = (TINY, 4) if check.tiny else (shape, steps)
        with torch.device(check.device):
            model = shape.ours()
        videos = repeated(forms[form], steps * shape.videos)
        dataset = VideoDataset(videos, shape.frames, shape.size, Views(training=True))
        config = TrainingConfig(epochs=1, batch_size=shape.videos, warmup_epochs=0, num_workers=cores)
        activity = ProfilerActivity.CUDA if check.cuda else ProfilerActivity.CPU
        with profile(activities=[activity]) as profiler:
            fit(model, dataset, config, checkpoint_dir=check.out / "loading", name=f"{about[0]}-{form}", progress=False)
        spans = _spans(profiler)
        spans = spans[len(spans) // 2 :]  # of the second half of the steps: all workers run
        rate = steps / 2 * shape.videos / (spans[-1][1] - spans[0][0]) * 1e6
        yield Quantity(f"{about} from {form}: trained, loading included", [rate], "videos/s", "more")
        limit = WAITING if form == "copies" and not check.tiny else None
        yield Quantity(f"{about} from {form}: share of the time without work", [_idle(spans)], limit=limit)


def _film(folder: Path, frames: int, seed: int) -> tuple[Path, Path]:
    """A file, and its prepared copy."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{seed}.mp4"
    write_h264(path, draw_frames(seed, SIZE, frames), FPS, ENCODING | {"g": "12"})
    return path, folder / make_copy(path, folder, Recipe())["copy"]


def _rate(check: Check, videos: VideoList, workers: int) -> float:
    """The clock starts when every worker has given its first batch."""
    batch, count = 8, workers * check.size(8, 3)
    dataset = VideoDataset(repeated(videos, count * batch), B16.frames, B16.size, Views(training=True))
    batches = [list(range(i * batch, (i + 1) * batch)) for i in range(count)]
    begin = time.perf_counter()
    for done, _ in enumerate(load_batches(dataset, batches, workers, pin_memory=check.cuda), start=1):
        if done == workers:
            begin = time.perf_counter()
    return (count - workers) * batch / (time.perf_counter() - begin)


def _spans(profiler: profile) -> list[tuple[float, float]]:
    """When the device computed, in microseconds, in order; on the CPU, its operations."""
    events = [event for event in profiler.events() or [] if not event.name.startswith(COPIES)]
    on_device = [event for event in events if event.device_type == DeviceType.CUDA and not event.is_user_annotation]
    return sorted((event.time_range.start, event.time_range.end) for event in on_device or events)


def _idle(spans: list[tuple[float, float]]) -> float:
    """The share of the time from the first beginning to the last end in which nothing goes on."""
    idle, reached = 0.0, spans[0][1]
    for begin, end in spans:
        idle += max(0.0, begin - reached)
        reached = max(reached, end)
    return idle / max(reached - spans[0][0], 1e-9)


def waiting(check: Check) -> Iterator[Quantity]:
    """Does the program wait for the device in a step? Told by PyTorch's sync debug mode."""
    for about, settings in {
        "bf16": {"precision": "bf16-mixed", "grad_clip": None},
        "bf16, gradients clipped": {"precision": "bf16-mixed"},
        "fp16": {"precision": "16-mixed", "grad_clip": None},
        "fp16, gradients clipped": {"precision": "16-mixed"},
        "stochastic depth": {"precision": "bf16-mixed", "drop_path": 0.1},
    }.items():
        counts = [_waits(check, f"{about}-{size}", batch_size=size, epochs=1, **settings) for size in (12, 4)]
        videos = 24 * check.size(4, 1)
        more = counts[1] - counts[0]
        per_step = {place: count / (videos / 4 - videos / 12) for place, count in more.items()}
        limit = 1 if about.startswith("fp16") else 0  # whose scaler looks at the gradients
        yield Quantity(f"{about}: waits for the device in a step", [sum(per_step.values())], "", limit=limit)
        for place, count in per_step.items():
            yield Quantity(f"{about}: waits in a step at {place}", [count])


def _waits(check: Check, name: str, **settings) -> Counter:
    """How often the program waited for the device, by the line that did."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if check.cuda:
            torch.cuda.set_sync_debug_mode("warn")
        trained(check, name, warmup_epochs=0, **settings)
        if check.cuda:
            torch.cuda.set_sync_debug_mode("default")
    found = [warning for warning in caught if "synchronizing CUDA" in str(warning.message)]
    return Counter(f"{'/'.join(Path(warning.filename).parts[-2:])}:{warning.lineno}" for warning in found)


def trace(check: Check) -> Iterator[Quantity]:
    """A profiler's trace of three steps of ViT-B/16, and what takes longest in it."""
    shape = TINY if check.tiny else B16
    step, _ = step_of(check, shape, WAYS[0], ExitStack())
    seconds(check, step, 1)
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if check.cuda else [])]
    with profile(activities=activities) as profiler:
        for _ in range(3):
            step()
        if check.cuda:
            torch.cuda.synchronize()
    path = check.out / "trace.json"
    profiler.export_chrome_trace(str(path))
    with open(path, "rb") as source, gzip.open(check.out.parent / "trace.json.gz", "wb") as target:
        shutil.copyfileobj(source, target)
    spans = _spans(profiler)
    yield Quantity("three steps: share of the time without work", [_idle(spans)])
    yield Quantity("three steps: kernels in a step", [len(spans) / 3])
    spent = {
        each.key: (each.self_device_time_total if check.cuda else each.self_cpu_time_total)
        for each in profiler.key_averages()
    }
    for name, microseconds in sorted(spent.items(), key=lambda item: -item[1])[:12]:
        yield Quantity(f"three steps: {name[:100]}", [microseconds / 3e3], "ms")

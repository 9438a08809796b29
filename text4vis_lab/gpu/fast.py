"""Is it fast: steps and evaluation of the paper's models in several ways; loading, waiting, and a profiler's trace."""

import os
import statistics
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import torch

from text4vis_core.data.datasets import VideoDataset, Views
from text4vis_core.data.video_list import Video, VideoList
from text4vis_core.training.loop import fit
from text4vis_core.training.recipe import TrainingConfig

from ..bench import profiles
from ..bench.baselines import MINIATURE, VIT_B_32, Shape
from ..bench.clips import film_and_copy
from ..bench.measurement import Quantity
from ..bench.parallel import loading_rate
from ..bench.steps import Way, clear_memory, device_rates, evaluation_quantities, step_of, step_quantities, step_seconds
from ..lists import repeated
from ..miniature.few import train_few
from . import Check

AS_IS, PUBLISHED = Way("as it is"), Way("published code")
BLOCKS, WHOLE = Way("blocks compiled", compile="blocks"), Way("compiled", compile="whole")
FP16, AGAIN = Way("fp16", precision="16-mixed"), Way("blocks computed again", recompute=True)
UNFUSED, PLAIN = Way("optimiser not fused", fused=False), Way("plain QuickGELU", plain=True)
B16 = replace(VIT_B_32, videos=32, patch=16)
L14 = Shape(videos=16, patch=14, width=1024, layers=24, dim=768)
TINY = replace(MINIATURE, frames=2)
MODELS: dict[str, tuple[Shape, tuple[Way, ...]]] = {
    "b32_f8": (replace(VIT_B_32, videos=64), (AS_IS, PUBLISHED, BLOCKS, Way("float32", precision="32-true"))),
    "b16_f8": (B16, (AS_IS, PUBLISHED, BLOCKS, WHOLE, FP16, AGAIN, UNFUSED, PLAIN)),
    "l14_f8": (L14, (AS_IS, PUBLISHED, BLOCKS, Way("bf16 throughout", precision="bf16-true"), AGAIN)),
    "l14_336_f32": (replace(L14, videos=4, frames=32, size=336), (AGAIN, PUBLISHED)),  # else too large for 80 GB
}
UTILISATION, WAITING = 0.5, 0.05  # goals: of L/14 compiled; share of the time in gaps
LOADED = (("B/16", B16, "copies", 24), ("B/16", B16, "files", 12), ("L/14", L14, "copies", 12))
WATCHED: dict[str, dict] = {
    "bf16": {"precision": "bf16-mixed", "grad_clip": None},
    "bf16, clipped": {"precision": "bf16-mixed"},
    "fp16": {"precision": "16-mixed", "grad_clip": None},
    "fp16, clipped": {"precision": "16-mixed"},
    "stochastic depth": {"precision": "bf16-mixed", "drop_path": 0.1},
}


def ceilings(check: Check) -> Iterator[Quantity]:
    """No model is faster."""
    yield from device_rates(check.device, check.size(8192, 256), check.size(2**31, 2**20))


def model(check: Check) -> Iterator[Quantity]:
    """Seconds, memory and utilisation of the step in each way; then of the evaluation in 4 x 3 views."""
    shape, ways = MODELS[check.part]
    goal = UTILISATION if shape is L14 and not check.tiny else None
    shape, repeats, usual = TINY if check.tiny else shape, check.size(10, 2), 0.0
    for way in ways:
        about = f"{check.part}, {way.name}"
        for quantity in step_quantities(about, shape, way, check.device, repeats):
            yield replace(quantity, limit=goal) if way is BLOCKS and "utilisation" in quantity.name else quantity
            if quantity.unit == "s" and quantity.name.endswith("videos"):
                usual = usual or statistics.median(quantity.values)
                share = [value / usual for value in quantity.values]
                better, least = ("more", None if check.tiny else 1) if way is PUBLISHED else ("less", None)
                yield Quantity(f"{about}: step / {ways[0].name}", share, "", better, least)
    yield from evaluation_quantities(f"{check.part}, evaluation in 4 x 3 views", shape, check.device, repeats, 12)


def loading(check: Check) -> Iterator[Quantity]:
    """Samples a second of files and of their copies; and how long the device waits for them while it trains."""
    cores = check.size(os.cpu_count() or 1, 1)
    with ProcessPoolExecutor(cores) as pool:  # of four seconds each
        film = partial(film_and_copy, check.out / "films", check.size(100, 12))
        paths = zip(*pool.map(film, range(check.size(16, 2))), strict=True)
        lists = [VideoList(("film",), tuple(Video(path, 0) for path in of_form)) for of_form in paths]
    forms = dict(zip(("files", "copies"), lists, strict=True))
    for name, videos in forms.items():
        rates = [loading_rate(videos, cores, check.size(1000, 4), epoch) for epoch in range(check.size(3, 1))]
        yield Quantity(f"{name}: training samples by {cores} workers", rates, "samples/s", "more")
    for about, usual, form, number in LOADED:
        clear_memory(check.device)
        shape, steps = (TINY, 4) if check.tiny else (usual, number)
        with torch.device(check.device):
            classifier = shape.ours()
        config = TrainingConfig(epochs=1, batch_size=shape.videos, warmup_epochs=0, num_workers=cores)
        videos = repeated(forms[form], steps * shape.videos)
        dataset = VideoDataset(videos, shape.frames, shape.size, Views(training=True))
        train = partial(
            fit, classifier, dataset, config, checkpoint_dir=check.out / "loading", name=form, progress=False
        )
        seconds, gaps = profiles.second_half(train, check.device)
        rate = steps / 2 * shape.videos / seconds
        yield Quantity(f"{about} from {form}: trained, loading included", [rate], "videos/s", "more")
        limit = WAITING if form == "copies" and not check.tiny else None
        yield Quantity(f"{about} from {form}: share of the time in gaps", [gaps], limit=limit)


def waiting(check: Check) -> Iterator[Quantity]:
    """Does the program wait for the device in a step? Of trainings by few and many steps, what the steps more cost."""
    videos = 24 * check.few[0]
    for about, settings in WATCHED.items():
        train = partial(train_few, check.out, check.few, "waits", epochs=1, warmup_epochs=0, **settings)
        few, many = (profiles.waits(partial(train, batch_size=size), check.device) for size in (12, 4))
        found = {place: count / (videos / 4 - videos / 12) for place, count in (many - few).items()}
        limit = 1 if about == "fp16, clipped" else 0  # whose scaler looks at the gradients
        yield Quantity(f"{about}: waits for the device in a step", [sum(found.values())], limit=limit)
        for place, count in found.items():
            yield Quantity(f"{about}: waits in a step at {place}", [count])


def trace(check: Check) -> Iterator[Quantity]:
    """A profiler's trace of three steps of ViT-B/16, in the record's folder, and what takes longest in it."""
    step, _ = step_of(TINY if check.tiny else B16, AS_IS, check.device, ExitStack())
    step_seconds(step, check.device, 1)
    yield from profiles.trace(step, check.device, check.out.parent / "trace.json.gz")

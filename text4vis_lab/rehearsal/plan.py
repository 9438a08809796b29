"""How much of a run is rehearsed: all of it on a GPU; on a CPU what a budget of floating-point operations allows.

The rule depends on the architecture alone, not on the machine's speed: fewer videos a step (2, then 1), then fewer
frames (halved, to 2 at least), fewer views (4 x 3, then 1 x 3, then 1), fewer class names.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TypeVar

import torch

from text4vis_core.model.clip import load_clip
from text4vis_core.model.hub import quiet

from ..suites import Run
from .settings import check_settings, settings_of, trains

# 10^12 floating-point operations of a rehearsal on a CPU: half a minute to a minute each, on two cores.
BUDGET = {"training": 3.0, "evaluation": 2.0, "text": 2.5}
STEPS = 3  # two of an uninterrupted training, one after a resume
VIEWS = ((4, 3), (1, 3), (1, 1))  # clips, crops
GPU_TEST_VIDEOS = 32
BRIEF_CLASSES = 8

T = TypeVar("T")


@dataclass(frozen=True)
class Plan:
    """How much of a run is rehearsed.

    Attributes:
        frames: in a clip.
        batch_size, accumulate: videos in a step, and micro-batches; 0 for a run that does not train.
        clips, crops: views of each test video.
        videos: test videos.
        classes: class names at most; 0 for all.
    """

    frames: int
    batch_size: int
    accumulate: int
    clips: int
    crops: int
    videos: int
    classes: int


@dataclass(frozen=True)
class Cost:
    """An architecture's floating-point operations, in 10^12: of a frame and of a class name, forward."""

    frame: float
    name: float


def plan_of(run: Run) -> Plan:
    """How much of a run is rehearsed on this machine.

    Raises:
        ValueError: a value with which the run itself would stop, or a model that open_clip does not know.
    """
    check_settings(run)
    settings = settings_of(run)
    full = Plan(
        frames=settings["num_frames"],
        batch_size=settings["batch_size"] if trains(settings) else 0,
        accumulate=settings["accumulate"] if trains(settings) else 0,
        clips=max(settings["clips"], VIEWS[0][0]),
        crops=max(settings["crops"], VIEWS[0][1]),
        videos=GPU_TEST_VIDEOS,
        classes=0,
    )
    if torch.cuda.is_available():
        return full
    return reduced(full, cost_of(settings["model"]), settings.get("gradient_checkpointing", False))


def brief(plan: Plan) -> Plan:
    """A step and a view, of a few classes: for a run whose architecture has been rehearsed under other settings."""
    return replace(plan, clips=1, crops=1, videos=1, classes=BRIEF_CLASSES)


def reduced(full: Plan, cost: Cost, recompute: bool = False) -> Plan:
    """The largest part of a plan that is within `BUDGET`, or the smallest that still is a rehearsal.

    Args:
        full: the whole run.
        cost: of its architecture.
        recompute: whether every step has another forward pass (gradient checkpointing).
    """
    lengths = [full.frames >> i for i in range(full.frames.bit_length()) if full.frames >> i >= 2] or [full.frames]
    batch_size = 0
    if full.batch_size:
        passes = 4 if recompute else 3
        sizes = [(2, full.frames), *((1, length) for length in lengths)]
        batch_size, length = _first_within(
            "training", sizes, lambda size: STEPS * math.prod(size) * passes * cost.frame
        )
        lengths = [length]
    views = [(2, full.clips, full.crops), *((1, *each) for each in ((full.clips, full.crops), *VIEWS[1:]))]
    tests = [(length, *each) for length in lengths for each in views]
    frames, videos, clips, crops = _first_within("evaluation", tests, lambda test: math.prod(test) * cost.frame)
    classes = max(2, int(BUDGET["text"] / cost.name))
    return Plan(frames, batch_size, min(batch_size, full.accumulate), clips, crops, videos, classes)


@cache
def cost_of(model: str) -> Cost:
    """An architecture's cost, counted without weights or pixels.

    Raises:
        ValueError: open_clip does not know the model (with the closest).
    """
    import open_clip
    from torch.utils.flop_counter import FlopCounterMode

    name = f"local-dir:{model}" if Path(model).is_dir() else model
    if name == model and model not in open_clip.list_models():
        load_clip(model, "random")  # says what is wrong
    with torch.device("meta"), quiet():
        clip = open_clip.create_model(name, load_weights=False, device="meta").eval()
        size = clip.visual.image_size
        with FlopCounterMode(display=False) as frame:
            clip.encode_image(torch.empty(1, 3, *((size, size) if isinstance(size, int) else size)))
        with FlopCounterMode(display=False) as text:
            clip.encode_text(torch.zeros(1, clip.context_length, dtype=torch.long))
    return Cost(frame.get_total_flops() / 1e12, text.get_total_flops() / 1e12)


def _first_within(what: str, choices: Sequence[T], operations: Callable[[T], float]) -> T:
    """The first choice that is within the budget; the last when none is."""
    return next((choice for choice in choices if operations(choice) <= BUDGET[what]), choices[-1])

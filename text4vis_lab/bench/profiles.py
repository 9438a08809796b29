"""What a device does meanwhile: when it computes, and whether the program waits for it."""

import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from .measurement import Quantity
from .steps import step_seconds

COPIES = ("Memcpy", "Memset")  # how the names of what is no computing begin
GAP = 100.0  # microseconds; shorter ones lie between any two kernels

Spans = list[tuple[float, float]]


def computing(profiler: profile) -> Spans:
    """When the device computed, in microseconds, in order; where there is no GPU, the CPU's operations."""
    events = [event for event in profiler.events() or [] if not event.name.startswith(COPIES)]
    on_device = [event for event in events if event.device_type == DeviceType.CUDA and not _annotates(event)]
    return sorted((event.time_range.start, event.time_range.end) for event in on_device or events)


def _annotates(event: Any) -> bool:
    """Whether it is a name that the program gave to a stretch of time; older versions of PyTorch do not say."""
    return bool(getattr(event, "is_user_annotation", False))


def idle_share(spans: Spans, shortest: float = GAP) -> float:
    """The share of the time from the first beginning to the last end that is in gaps of `shortest` microseconds."""
    idle, reached = 0.0, spans[0][1]
    for begin, end in spans:
        if begin - reached >= shortest:
            idle += begin - reached
        reached = max(reached, end)
    return idle / (reached - spans[0][0])


def second_half(train: Callable[[], Any], device: str) -> tuple[float, float]:
    """Seconds of the second half of a training's kernels, when all workers run; and their share in gaps."""
    with profile(activities=[ProfilerActivity.CUDA if device == "cuda" else ProfilerActivity.CPU]) as profiler:
        train()
    spans = computing(profiler)
    spans = spans[len(spans) // 2 :]
    return (spans[-1][1] - spans[0][0]) / 1e6, idle_share(spans)


def waits(call: Callable[[], Any], device: str) -> Counter:
    """How often the program waits for the device in a call, by the line that does: PyTorch's sync debug mode tells."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if device == "cuda":
            torch.cuda.set_sync_debug_mode("warn")
        call()
        if device == "cuda":
            torch.cuda.set_sync_debug_mode("default")
    found = [warning for warning in caught if "synchronizing CUDA" in str(warning.message)]
    return Counter(f"{'/'.join(Path(warning.filename).parts[-2:])}:{warning.lineno}" for warning in found)


def trace(step: Callable[[], Any], device: str, path: Path, steps: int = 3) -> list[Quantity]:
    """Write a profiler's trace of some steps, for a browser; its gaps, kernels, and what takes longest."""
    activities = [ProfilerActivity.CPU, *[ProfilerActivity.CUDA] * (device == "cuda")]
    with profile(activities=activities) as profiler:
        step_seconds(step, device, steps, warm_up=0)
    profiler.export_chrome_trace(str(path))
    spans = computing(profiler)
    found = [Quantity("trace: share of the time in gaps", [idle_share(spans)])]
    found.append(Quantity("trace: kernels in a step", [len(spans) / steps]))
    field = "self_device_time_total" if device == "cuda" else "self_cpu_time_total"
    spent = {each.key: getattr(each, field) for each in profiler.key_averages()}
    longest = sorted(spent.items(), key=lambda item: -item[1])[:12]
    return found + [Quantity(f"trace: {name[:100]}", [took / steps / 1e3], "ms") for name, took in longest]

"""Training steps on a GPU (or, to rehearse, on the CPU) in several ways, and their time on the device's own clock.

`model.py` beside this compares float32 on the CPU; here precision, memory and compilation are what differs.
"""

import gc
import itertools
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from open_clip.transformer import QuickGELU
from torch.nn import functional as F

from text4vis_core.model.residual import recompute, residual_blocks
from text4vis_core.training.hardware import compiled, make_fabric, make_optimizer
from text4vis_core.training.objectives import ClassifierObjective
from text4vis_core.training.recipe import TrainingConfig, parameter_groups

from .baselines import Shape, published
from .loading import MEAN, STD
from .measurement import Quantity, peak_gb

DATASHEET = {"H100": 989.4, "H200": 989.4, "A100": 312.0}  # TFLOP/s in bf16, dense, of the SXM boards


@dataclass(frozen=True)
class Way:
    """A way to take a training step.

    Attributes:
        name: "published code" is what `baselines` says of it; all others are this project's, but for what follows.
        precision: Fabric's.
        compile: "whole", as `fit` does it; "blocks", one block of the encoder for all; or "".
        fused: AdamW in one kernel.
        recompute: gradient checkpointing.
        plain: with open_clip's own QuickGELU.
    """

    name: str
    precision: str = "bf16-mixed"
    compile: str = ""
    fused: bool = True
    recompute: bool = False
    plain: bool = False


def step_of(shape: Shape, way: Way, device: str, stack: ExitStack) -> tuple[Callable[[], Any], str]:
    """What takes a training step on a batch that lies on the device, and why it is not compiled where it is not.

    Args:
        shape: model and batch.
        way: how.
        device: "cuda" or "cpu", which has to be Fabric's own choice.
        stack: ends what is changed in the model.
    """
    frames, labels = (part.to(device) for part in shape.batch())
    if way.name == "published code":
        return _published_step(shape, frames, labels), ""
    config = TrainingConfig(precision=way.precision)
    with torch.device(device):
        model = shape.ours().train()
    if way.plain:
        for module in model.modules():
            if isinstance(module, QuickGELU):
                module.__class__ = QuickGELU
    if way.compile == "blocks":
        for block, _ in residual_blocks(model.visual):
            block.compile()
    fabric = make_fabric(precision=way.precision)
    objective: Any = fabric.setup_module(ClassifierObjective(model))
    plain = make_optimizer(parameter_groups(model, config), config)
    for group in plain.param_groups:
        group["fused"] = group["fused"] and way.fused
    optimizer: Any = fabric.setup_optimizers(plain)
    why = ""
    if way.compile == "whole":
        objective, why = compiled(fabric, objective, {"frames": frames, "labels": labels})
    stack.enter_context(recompute(model.visual, way.recompute))

    def step() -> None:
        loss, _ = objective(frames=frames, labels=labels)
        fabric.backward(loss / len(labels))
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step, why


def _published_step(shape: Shape, frames: torch.Tensor, labels: torch.Tensor) -> Callable[[], float]:
    """In fp16 by autocast with a scaler, AdamW as PyTorch has it, the loss read at every step."""
    device = frames.device
    model = published(shape).to(device).train()
    mean, std = (values.view(3, 1, 1).to(device) for values in (MEAN, STD))
    pictures = (frames.float() / 255 - mean) / std  # its loader's work
    optimizer = torch.optim.AdamW(model.parameters(), 5e-5, betas=(0.9, 0.98), weight_decay=0.2)
    scaler = torch.amp.GradScaler(device.type, enabled=device.type == "cuda")

    def step() -> float:
        with torch.autocast(device.type, torch.float16 if device.type == "cuda" else torch.bfloat16):
            loss = F.cross_entropy(model(pictures), labels)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        return loss.item()

    return step


def step_seconds(step: Callable[[], Any], device: str, repeats: int, warm_up: int = 3) -> list[float]:
    """Seconds of each of `repeats` steps that follow one another without being waited for."""
    for _ in range(warm_up):
        step()
    marks = [_mark(device)]
    for _ in range(repeats):
        step()
        marks.append(_mark(device))
    if device != "cuda":
        return [second - first for first, second in itertools.pairwise(marks)]
    torch.cuda.synchronize()
    return [first.elapsed_time(second) / 1e3 for first, second in itertools.pairwise(marks)]


def _mark(device: str) -> Any:
    if device != "cuda":
        return time.perf_counter()
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event


def clear_memory(device: str) -> None:
    """Let go of what the last way needed, and count anew."""
    torch.compiler.reset()
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def memory_gb(device: str) -> float:
    """The most memory of the device since `clear_memory`; on the CPU, of the process."""
    return torch.cuda.max_memory_allocated() / 2**30 if device == "cuda" else peak_gb()


def step_quantities(about: str, shape: Shape, way: Way, device: str, repeats: int) -> list[Quantity]:
    """A step in a way: seconds, videos a second, memory, utilisation; of a compiled one also how long that took."""
    clear_memory(device)
    begin = time.perf_counter()
    with ExitStack() as stack:
        step, why = step_of(shape, way, device, stack)
        step()
        first = time.perf_counter() - begin
        values = step_seconds(step, device, repeats)
    found = [Quantity(f"{about}: step of {shape.videos} videos", values, "s")]
    if way.compile:
        found.append(Quantity(f"{about}: until the first step is launched", [first], "s"))
        found.append(Quantity(f"{about}: not compiled{why and f', {why}'} (1: so)", [bool(why)], limit=0))
    return found + rates(about, device, values, shape.videos, 3 * shape.operations())


@torch.no_grad()
def evaluation_quantities(about: str, shape: Shape, device: str, repeats: int, views: int) -> list[Quantity]:
    """What `embed_videos` does with a batch of a quarter of the shape's videos, whose frames lie on the device."""
    clear_memory(device)
    videos = max(1, shape.videos // 4)
    with torch.device(device):
        classifier = shape.ours().eval()
    frames = replace(shape, videos=views * videos).batch()[0].to(device)

    def encode() -> None:
        with torch.autocast(device, enabled=device == "cuda"):
            classifier.encode_video(frames).float()

    return rates(about, device, step_seconds(encode, device, repeats), videos, views * shape.operations())


def rates(about: str, device: str, values: list[float], videos: int, operations: int) -> list[Quantity]:
    """Videos and their operations a second, memory, and of a GPU that is known the share of its data sheet's rate.

    Operations are the model's: its products of matrices, whatever is computed again on the way.
    """
    operated = [videos * operations / value / 1e12 for value in values]
    found = [
        Quantity(f"{about}: videos", [videos / value for value in values], "videos/s", "more"),
        Quantity(f"{about}: memory", [memory_gb(device)], "GB"),
        Quantity(f"{about}: model operations", operated, "TFLOP/s", "more"),
    ]
    name = torch.cuda.get_device_name() if device == "cuda" else ""
    for most in (most for board, most in DATASHEET.items() if board in name):
        found.append(Quantity(f"{about}: utilisation, of {most:g} TFLOP/s", [r / most for r in operated], "", "more"))
    return found


def device_rates(device: str, side: int, size: int) -> list[Quantity]:
    """Products of square matrices of `side`, and a copy of `size` bytes within the device."""
    found = []
    for name, dtype in (("bf16", torch.bfloat16), ("float32", torch.float32)):
        a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
        products = [2 * side**3 / value / 1e12 for value in step_seconds(partial(torch.mm, a, b), device, 10)]
        found.append(Quantity(f"{side} x {side} matrices, {name}", products, "TFLOP/s", "more"))
    source = torch.randint(0, 256, (size,), dtype=torch.uint8, device=device)
    copied = [
        2 * size / value / 1e9 for value in step_seconds(partial(torch.empty_like(source).copy_, source), device, 10)
    ]
    return [*found, Quantity("copies, read and written", copied, "GB/s", "more")]

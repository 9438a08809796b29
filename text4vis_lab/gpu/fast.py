"""Is it fast: the training step and the evaluation of the paper's models, in several ways, against what the device can.

Steps follow one another without being waited for, and events on the device time them; frames lie on it. What a model
computes is what its matrix products are: three times those of a forward pass in training, whatever is computed again.
"""

import gc
import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import torch
from open_clip.transformer import QuickGELU
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from text4vis_core.model.residual import recompute, residual_blocks
from text4vis_core.training.hardware import compiled, make_fabric, make_optimizer
from text4vis_core.training.objectives import ClassifierObjective
from text4vis_core.training.recipe import TrainingConfig, parameter_groups

from ..bench.baselines import MINIATURE, VIT_B_32, Shape, published
from ..bench.measurement import Quantity, peak_gb
from ._inputs import Check

B32, B16 = replace(VIT_B_32, videos=64), replace(VIT_B_32, videos=32, patch=16)
L14 = Shape(videos=16, patch=14, width=1024, layers=24, dim=768)
L14_336 = replace(L14, videos=4, frames=32, size=336)
TINY = replace(MINIATURE, frames=2)
DATASHEET = {"H100": 989.4, "H200": 989.4, "A100": 312.0}  # TFLOP/s in bf16, dense, of the SXM boards
UTILISATION = 0.5  # goal for L/14


def ceilings(check: Check) -> Iterator[Quantity]:
    """Products of square matrices and copies: no model is faster."""
    side = check.size(8192, 256)
    for name, dtype, tf32 in (
        ("bf16", torch.bfloat16, False),
        ("TF32", torch.float32, True),
        ("float32", torch.float32, False),
    ):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        a, b = (torch.randn(side, side, device=check.device, dtype=dtype) for _ in range(2))
        rates = [2 * side**3 / value / 1e12 for value in seconds(check, lambda a=a, b=b: torch.mm(a, b), 10)]
        yield Quantity(f"{side} x {side} matrices, {name}", rates, "TFLOP/s", "more")
    source = torch.randint(0, 256, (check.size(2**31, 2**20),), dtype=torch.uint8, device=check.device)
    target = torch.empty_like(source)
    rates = [2 * len(source) / value / 1e9 for value in seconds(check, lambda: target.copy_(source), 10)]
    yield Quantity("copies on the device, read and written", rates, "GB/s", "more")


def b32_f8(check: Check) -> Iterator[Quantity]:
    """ViT-B/32, 8 frames."""
    return measured(check, "B/32 f8", B32, (*WAYS, Way("float32", precision="32-true"), Way("compiled", compile=True)))


def b16_f8(check: Check) -> Iterator[Quantity]:
    """ViT-B/16, 8 frames."""
    return measured(check, "B/16 f8", B16, (*WAYS, Way("compiled", compile=True)))


def l14_f8(check: Check) -> Iterator[Quantity]:
    """ViT-L/14, 8 frames."""
    ways = [WAYS[0], *(way for way in WAYS if way.plain or way.blocks or way.attention), Way("compiled", compile=True)]
    return measured(check, "L/14 f8", L14, tuple(ways), UTILISATION)


def l14_336_f32(check: Check) -> Iterator[Quantity]:
    """ViT-L/14 of 336 pixels, 32 frames: blocks are computed again, or the batch is too large."""
    return measured(check, "L/14-336 f32", L14_336, (Way("as it is", recompute=True), Way("published code")))


@dataclass(frozen=True)
class Way:
    """A way to take a training step; "as it is" is what `fit` does, "published code" what `bench.baselines` says."""

    name: str
    precision: str = "bf16-mixed"
    compile: bool = False
    fused: bool = True
    recompute: bool = False
    blocks: bool = False  # compile each block of the encoder by itself, once for all
    plain: bool = False  # open_clip's own QuickGELU
    attention: SDPBackend | None = None


WAYS = (
    Way("as it is"),
    Way("published code"),
    Way("fp16", precision="16-mixed"),
    Way("bf16 throughout", precision="bf16-true"),
    Way("optimiser not fused", fused=False),
    Way("plain QuickGELU", plain=True),
    Way("cuDNN attention", attention=SDPBackend.CUDNN_ATTENTION),
    Way("blocks compiled", blocks=True),
    Way("blocks compiled, cuDNN attention", blocks=True, attention=SDPBackend.CUDNN_ATTENTION),
    Way("blocks computed again", recompute=True),
)


def measured(
    check: Check, name: str, shape: Shape, ways: tuple[Way, ...], goal: float | None = None
) -> Iterator[Quantity]:
    """Seconds, memory and utilisation of the step in each way; then of the evaluation in 4 x 3 views."""
    shape = TINY if check.tiny else shape
    operations = 3 * shape.videos * forward_operations(shape)
    usual = None
    for way in ways:
        torch.compiler.reset()
        clear(check)
        with ExitStack() as stack:
            begin = time.perf_counter()
            step, why = step_of(check, shape, way, stack)
            if why:
                yield Quantity(f"{name}, {way.name}: not compiled, {why} (1: so)", [1.0], limit=0)
                continue
            step()
            started = time.perf_counter() - begin
            values = seconds(check, step, check.size(10, 2))
        about = f"{name}, {way.name}"
        yield Quantity(f"{about}: step of {shape.videos} videos", values, "s")
        yield Quantity(f"{about}: videos trained", [shape.videos / value for value in values], "videos/s", "more")
        yield Quantity(f"{about}: memory", [memory_gb(check)], "GB")
        yield from utilisation(about, operations, values, goal if way.compile else None)
        if way.compile or way.blocks:
            yield Quantity(f"{about}: compiling", [started], "s")
        if usual is None:
            usual = values
        else:
            share = [value / statistics.median(usual) for value in values]
            yield Quantity(f"{name}: step, {way.name} / {ways[0].name}", share, "", "more")
    yield from evaluated(check, name, shape)


def step_of(check: Check, shape: Shape, way: Way, stack: ExitStack) -> tuple[Callable[[], Any], str]:
    """What takes a training step, and why it is not compiled; the stack ends what is changed for it."""
    frames, labels = (part.to(check.device) for part in shape.batch())
    if way.name == "published code":
        return published_step(check, shape, frames, labels), ""
    config = TrainingConfig(precision=way.precision)
    with torch.device(check.device):
        model = shape.ours().train()
    model.to(memory_format=model.memory_format)
    if way.blocks:
        for block, _ in residual_blocks(model.visual):
            block.compile()
    if way.plain:
        for module in model.modules():
            if isinstance(module, QuickGELU):
                module.__class__ = QuickGELU
    if way.attention:
        stack.enter_context(sdpa_kernel([way.attention, SDPBackend.FLASH_ATTENTION, SDPBackend.MATH], set_priority=True))
    fabric = make_fabric(precision=way.precision)
    objective: Any = fabric.setup_module(ClassifierObjective(model))
    plain = make_optimizer(parameter_groups(model, config), config)
    for group in plain.param_groups:
        group["fused"] = group["fused"] and way.fused
    optimizer: Any = fabric.setup_optimizers(plain)
    why = ""
    if way.compile:
        objective, why = compiled(fabric, objective, {"frames": frames, "labels": labels})
    stack.enter_context(recompute(model.visual, way.recompute))

    def step() -> None:
        loss, _ = objective(frames=frames, labels=labels)
        fabric.backward(loss / len(labels))
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step, why


def published_step(check: Check, shape: Shape, frames, labels) -> Callable[[], Any]:
    """The published code's: fp16 by autocast with a scaler, activations computed again, the loss read at every step."""
    model = published(shape).to(check.device).train()
    mean, std = (
        torch.tensor(values, device=check.device).view(3, 1, 1) for values in ([0.48, 0.46, 0.41], [0.27, 0.26, 0.28])
    )
    pictures = (frames.float() / 255 - mean) / std  # its loader's work
    optimizer = torch.optim.AdamW(model.parameters(), 5e-5, betas=(0.9, 0.98), weight_decay=0.2)
    scaler = torch.amp.GradScaler(check.device, enabled=check.cuda)

    def step() -> float:
        with torch.autocast(check.device, torch.float16 if check.cuda else torch.bfloat16):
            loss = F.cross_entropy(model(pictures), labels)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        return loss.item()

    return step


@torch.no_grad()
def evaluated(check: Check, name: str, shape: Shape) -> Iterator[Quantity]:
    """What `embed_videos` does with the views of a batch, frames already on the device."""
    clear(check)
    videos = max(1, shape.videos // 4)
    with torch.device(check.device):
        model = shape.ours().eval()
    model.to(memory_format=model.memory_format)
    frames, _ = replace(shape, videos=12 * videos).batch()
    frames = frames.to(check.device)

    def encode() -> None:
        with torch.autocast(check.device, enabled=check.cuda):
            model.encode_video(frames).float()

    values = seconds(check, encode, check.size(10, 2))
    about = f"{name}, evaluation in 4 x 3 views"
    yield Quantity(f"{about}: videos", [videos / value for value in values], "videos/s", "more")
    yield Quantity(f"{about}: memory", [memory_gb(check)], "GB")
    yield from utilisation(about, 12 * videos * forward_operations(shape), values)


def forward_operations(shape: Shape) -> int:
    """Floating-point operations of a video's forward pass: the products of patches, blocks and head, two each."""
    patches, width = (shape.size // shape.patch) ** 2, shape.width

    def block(tokens: int, width: int) -> int:
        return 24 * tokens * width**2 + 4 * tokens**2 * width

    encoder = 6 * patches * shape.patch**2 * width + shape.layers * block(patches + 1, width) + 2 * width * shape.dim
    return shape.frames * encoder + shape.head_layers * block(shape.frames, shape.dim) + 2 * shape.dim * shape.classes


def utilisation(about: str, operations: int, values: list[float], goal: float | None = None) -> Iterator[Quantity]:
    """The model's operations a second, and of a device that is known its share of the data sheet's."""
    rates = [operations / value / 1e12 for value in values]
    yield Quantity(f"{about}: model operations", rates, "TFLOP/s", "more")
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    for board, most in DATASHEET.items():
        if board in name:
            share = [rate / most for rate in rates]
            yield Quantity(f"{about}: utilisation, of {most:g} TFLOP/s", share, "", "more", goal)


def seconds(check: Check, step: Callable[[], Any], repeats: int, warm_up: int = 3) -> list[float]:
    """Seconds of each of `repeats` steps that follow one another, on the device's own clock."""
    for _ in range(warm_up):
        step()
    marks = [_mark(check)]
    for _ in range(repeats):
        step()
        marks.append(_mark(check))
    if check.cuda:
        torch.cuda.synchronize()
        return [first.elapsed_time(second) / 1e3 for first, second in itertools.pairwise(marks)]
    return [second - first for first, second in itertools.pairwise(marks)]


def _mark(check: Check) -> Any:
    if not check.cuda:
        return time.perf_counter()
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event


def clear(check: Check) -> None:
    """Let go of what the last way needed."""
    gc.collect()
    if check.cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def memory_gb(check: Check) -> float:
    """The most memory of the device since `clear`; on the CPU, of the process."""
    return torch.cuda.max_memory_allocated() / 2**30 if check.cuda else peak_gb()

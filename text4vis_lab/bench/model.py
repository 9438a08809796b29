"""A training step and inference of a ViT-B/32, against those of `baselines` and against matrix products: times, and
what they make as quantities.
"""

import multiprocessing
import statistics
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from text4vis_core.data.memory import ACTIVATIONS, keep_freed_memory
from text4vis_core.model.kernels import linear, packed_weights
from text4vis_core.training.hardware import make_fabric, make_optimizer
from text4vis_core.training.objectives import ClassifierObjective
from text4vis_core.training.recipe import TrainingConfig, parameter_groups

from .baselines import MINIATURE, VIT_B_32, Shape, plain_open_clip, published
from .loading import MEAN, STD
from .machine import has_bf16
from .measurement import Quantity, ratio

CONFIG = TrainingConfig()
BASELINES = {"published": published, "open_clip": plain_open_clip}
PRECISIONS = {"ours": "32-true", "ours in bf16": "bf16-mixed"}
IN_32_BITS = (*BASELINES, "ours")
WAYS = (*IN_32_BITS, "ours in bf16")
FASTER, FASTER_IN_BF16, GRADIENTS, SHARE = 2.0, 3.0, 1e-4, 0.85  # limits
NAMES = {"published": "published code", "open_clip": "plain open_clip", "ours": "this project"}
NAMES |= {"ours in bf16": "this project in bf16"}


class Trainer:
    """A model, a batch, and what takes a training step, in one of `WAYS`."""

    def __init__(self, way: str, shape: Shape):
        self.frames, self.labels = shape.batch()
        self.model: nn.Module
        self.optimizer: Any
        self.fabric = make_fabric(PRECISIONS[way]) if way in PRECISIONS else None
        if self.fabric is not None:
            self.model = ours = shape.ours()
            self.objective = self.fabric.setup_module(ClassifierObjective(ours))
            self.optimizer = self.fabric.setup_optimizers(make_optimizer(parameter_groups(ours, CONFIG), CONFIG))
        else:
            self.model = BASELINES[way](shape)
            self.frames = (self.frames.float() / 255 - MEAN.view(3, 1, 1)) / STD.view(
                3, 1, 1
            )  # which its data loader does
            parameters, decay = self.model.parameters(), CONFIG.weight_decay
            self.optimizer = torch.optim.AdamW(parameters, CONFIG.lr, betas=(0.9, 0.98), weight_decay=decay)
        self.model.train()
        # Of a checkpoint within one, in the first forward pass, which is without gradients.
        warnings.filterwarnings("ignore", "None of the inputs have requires_grad=True", UserWarning)

    def backward(self) -> float:
        """The loss, and its gradients in the parameters."""
        if self.fabric is not None:
            total, _ = self.objective(self.frames, self.labels)
            loss = total / len(self.labels)
            self.fabric.backward(loss)
        else:
            loss = F.cross_entropy(self.model(self.frames), self.labels)
            loss.backward()
        return loss.item()

    def step(self) -> None:
        self.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


def step_times(repeats: int = 5, miniature: bool = False) -> dict:
    """Seconds that a training step takes in each of `WAYS`, and how far their gradients differ.

    Each way has a process of its own, with as many threads as this one, for one of them changes how memory is handed
    out; they take turns, and wait for each other. ViT-B/32, two videos of 8 frames: about 8 GB of memory.

    Args:
        repeats: steps of each that are timed, after one that is not.
        miniature: a model that takes milliseconds, for tests.

    Returns:
        {way: [seconds] * repeats}, and "gradient_difference": the largest difference of a gradient from the published
        way's, over the parameter's largest gradient.
    """
    shape = MINIATURE if miniature else VIT_B_32
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    context.set_forkserver_preload([__name__])  # what takes seconds to import is imported once
    pipes, processes = {}, []
    try:
        for way in WAYS:
            pipes[way], theirs = context.Pipe()
            arguments = (theirs, way, asdict(shape), torch.get_num_threads())
            # typeshed gives a context, whose kind is not known beforehand, no Process
            processes.append(context.Process(target=_serve_steps, args=arguments, daemon=True))  # type: ignore[attr-defined]
            processes[-1].start()
            theirs.close()
        seconds: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(repeats + 1):
            for way, pipe in pipes.items():
                pipe.send("step")
                seconds[way].append(pipe.recv())
    finally:
        for pipe in pipes.values():
            pipe.close()
        for process in processes:
            process.join()
    times = {way: values[1:] for way, values in seconds.items()}
    return times | {"gradient_difference": gradient_difference(shape)}


def _serve_steps(pipe, way: str, shape: dict, threads: int) -> None:
    """Take a step whenever asked to, and say how long it took, until nobody asks any more."""
    torch.set_num_threads(threads)
    trainer = Trainer(way, Shape(**shape))
    while True:
        try:
            pipe.recv()
        except EOFError:
            return
        begin = time.perf_counter()
        trainer.step()
        pipe.send(time.perf_counter() - begin)


def gradient_difference(shape: Shape) -> float:
    """The largest difference of a gradient from the published way's, relative to its parameter's, of `IN_32_BITS`."""
    expected, largest = None, 0.0
    for way in IN_32_BITS:
        trainer = Trainer(way, shape)
        trainer.backward()
        found = {name: p.grad for name, p in trainer.model.named_parameters() if p.grad is not None}
        if expected is None:
            expected = found
        if found.keys() != expected.keys():
            raise RuntimeError(f"{way} and {IN_32_BITS[0]} have gradients of different parameters")
        for name, gradient in found.items():
            scale = float(expected[name].abs().max())
            largest = max(largest, float((gradient - expected[name]).abs().max()) / scale if scale else 0.0)
    return largest


@torch.no_grad()
def inference_rate(repeats: int = 15, miniature: bool = False) -> dict:
    """How many operations a second `encode_video` does in float32 and in bf16, and products of float32 matrices do.

    The products are of the encoder's own sizes and of two squares; by `torch.mm`, and by what the model's linear layers
    call. The yardstick is the fastest of all, by its median. Everything takes turns.

    Returns:
        "operations": of encoding the batch, as torch counts them in plain open_clip, which on the CPU leaves out the
        products within attention, a hundredth of all; lists of 10⁹ operations a second: "achieved", "achieved in bf16",
        and "products", {"torch.mm, 800 x 768 x 3072": ...}; "yardstick", the name of the fastest product, and
        "torch_yardstick", of the fastest by torch.mm; "share" and "torch_share", lists: achieved over each.
    """
    shape = MINIATURE if miniature else VIT_B_32
    frames, _ = shape.batch()
    plain, model, half = plain_open_clip(shape), shape.ours().eval(), shape.ours().eval()
    with FlopCounterMode(display=False) as counter:  # in training mode, for it does not know PyTorch's fused attention
        plain(frames.float())
    operations = counter.get_total_flops() - 2 * shape.videos * shape.dim * shape.classes  # encoding does no logits
    rows, width = shape.videos * shape.frames * ((shape.size // shape.patch) ** 2 + 1), shape.width
    square = 64 if miniature else 2048
    sizes = [(rows, width, 4 * width), (rows, 4 * width, width), (square, square, square)]
    jobs: dict[str, tuple[int, Callable[[], Tensor]]] = {}
    for m, k, n in sizes:
        x, w = torch.randn(m, k), torch.randn(n, k)
        jobs[f"torch.mm, {m} x {k} x {n}"] = 2 * m * k * n, partial(torch.mm, x, w.t())
        jobs[f"kernels.linear, {m} x {k} x {n}"] = 2 * m * k * n, partial(linear, x, w, None)
    jobs["achieved"] = operations, partial(model.encode_video, frames)
    autocast = torch.autocast("cpu", torch.bfloat16)
    jobs["achieved in bf16"] = operations, partial(autocast(half.encode_video), frames)
    rates: dict[str, list[float]] = {name: [] for name in jobs}
    keep_freed_memory(ACTIVATIONS)
    with packed_weights(model), packed_weights(half, torch.bfloat16):
        for _ in range(repeats + 1):
            for name, (number, job) in jobs.items():
                begin = time.perf_counter()
                job()
                rates[name].append(number / (time.perf_counter() - begin) / 1e9)
    rates = {name: values[1:] for name, values in rates.items()}
    achieved, in_bf16 = rates.pop("achieved"), rates.pop("achieved in bf16")
    fastest = max(rates, key=lambda name: statistics.median(rates[name]))
    torchs = max((name for name in rates if name.startswith("torch")), key=lambda name: statistics.median(rates[name]))
    return {
        "operations": operations,
        "products": rates,
        "achieved": achieved,
        "achieved in bf16": in_bf16,
        "yardstick": fastest,
        "torch_yardstick": torchs,
        "share": [a / b for a, b in zip(achieved, rates[fastest], strict=True)],
        "torch_share": [a / b for a, b in zip(achieved, rates[torchs], strict=True)],
    }


def step_quantities(measured: Mapping[str, Any], miniature: bool = False) -> list[Quantity]:
    """What `step_times` measured: seconds of a step in each way, the ratios over this project's, gradients.

    Of the miniature model no speed is asked for.
    """
    steps = {way: Quantity(f"{name}, training step", measured[way], "s") for way, name in NAMES.items()}
    halved = FASTER_IN_BF16 if has_bf16() else None
    pairs = [("published", "ours", FASTER), ("open_clip", "ours", None), ("published", "ours in bf16", halved)]
    return [
        *steps.values(),
        *(
            ratio(
                f"training step, {NAMES[way]} / {NAMES[ours]}",
                measured[way],
                measured[ours],
                "more",
                None if miniature else limit,
            )
            for way, ours, limit in pairs
        ),
        Quantity("gradients, largest relative difference", [measured["gradient_difference"]], limit=GRADIENTS),
    ]


def inference_quantities(measured: Mapping[str, Any], miniature: bool = False) -> list[Quantity]:
    """What `inference_rate` measured: the rates of matrix products and of inference, and its share of them.

    Of the miniature model no share is asked for.
    """
    products = [
        Quantity(f"product by {name}", rates, "GFLOP/s", "more") for name, rates in measured["products"].items()
    ]
    return [
        *products,
        Quantity("inference", measured["achieved"], "GFLOP/s", "more"),
        Quantity("inference in bf16", measured["achieved in bf16"], "GFLOP/s", "more"),
        ratio("inference in bf16 / in float32", measured["achieved in bf16"], measured["achieved"], "more"),
        Quantity("inference / fastest product", measured["share"], "", "more", None if miniature else SHARE),
        Quantity("inference / fastest product by torch.mm", measured["torch_share"], "", "more"),
    ]

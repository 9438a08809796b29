"""A training step and inference of a ViT-B/32, against the published code's way, plain open_clip and matrix products.

The published way is written anew from what that code does (github whwu95/Text4Vis, `clip/model.py`, `train.py`): tokens
come first and videos second; layer norms in float32; in the backward pass every block is computed again, and within it
its attention and its MLP once more, so that three forward passes stand before one backward; plain AdamW, which goes
through the parameters one by one; the loss is read at every step. The text encoder does not run: its rows are fixed.
"""

import multiprocessing
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from open_clip.transformer import QuickGELU, VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from text4vis_core.data.memory import ACTIVATIONS, keep_freed_memory
from text4vis_core.model.classifier import cosine_logits
from text4vis_core.model.kernels import linear, packed_weights
from text4vis_core.model.temporal import TemporalOptions, TemporalTransformer
from text4vis_core.model.video_classifier import ImageEncoder, VideoClassifier
from text4vis_core.training.hardware import make_fabric, make_optimizer
from text4vis_core.training.objectives import ClassifierObjective
from text4vis_core.training.recipe import TrainingConfig, parameter_groups

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
CONFIG = TrainingConfig()


@dataclass(frozen=True)
class Shape:
    """What is trained: a ViT and a temporal transformer as wide as its embedding, and a batch of clips."""

    videos: int = 2
    frames: int = 8
    size: int = 224
    patch: int = 32
    width: int = 768
    layers: int = 12
    dim: int = 512
    head_layers: int = 6
    classes: int = 400

    def visual(self) -> VisionTransformer:
        heads = self.width // 64
        return VisionTransformer(
            self.size, self.patch, self.width, self.layers, heads, 4.0, output_dim=self.dim, act_layer=QuickGELU
        )

    def batch(self) -> tuple[Tensor, Tensor]:
        """Frames, uint8 (B, T, 3, S, S), and labels (B,)."""
        generator = torch.Generator().manual_seed(0)
        shape = (self.videos, self.frames, 3, self.size, self.size)
        frames = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)
        return frames, torch.randint(0, self.classes, (self.videos,), generator=generator)

    def rows(self) -> Tensor:
        return F.normalize(torch.randn(self.classes, self.dim, generator=torch.Generator().manual_seed(1)), dim=-1)

    def ours(self) -> VideoClassifier:
        """This project's model; the others get its weights."""
        with torch.random.fork_rng():
            torch.manual_seed(0)
            encoder = ImageEncoder(self.visual(), self.dim, self.size, MEAN, STD)
            options = TemporalOptions(layers=self.head_layers)
            model = VideoClassifier(encoder, 4.6, "transformer", options=options)
        return model.set_classifier(self.rows())


VIT_B_32 = Shape()
MINIATURE = Shape(size=32, patch=16, width=128, layers=2, dim=64, head_layers=1, classes=5)


class Baseline(nn.Module):
    """Normalised frames (B, T, 3, S, S) to logits (B, C): encoder, temporal head, cosine with fixed rows."""

    def __init__(self, shape: Shape, visual: nn.Module, temporal: nn.Module):
        super().__init__()
        self.visual, self.temporal = visual, temporal
        self.logit_scale = nn.Parameter(torch.zeros(()))
        weights = {name: weight for name, weight in shape.ours().state_dict().items() if "classifier" not in name}
        self.load_state_dict(weights, assign=True)
        self.rows = shape.rows()

    def forward(self, frames: Tensor) -> Tensor:
        videos = self.temporal(self.visual(frames.flatten(0, 1)).unflatten(0, frames.shape[:2]))
        return cosine_logits(videos, self.rows, self.logit_scale)


class PublishedNorm(nn.LayerNorm):
    """A layer norm that is computed in float32 whatever comes in."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.to(torch.float32)).to(x.dtype)


class PublishedHeadNorm(nn.LayerNorm):
    """A layer norm operation by operation, epsilon inside the root."""

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        return self.weight * (centred / (centred.square().mean(-1, keepdim=True) + self.eps).sqrt()) + self.bias


class PublishedBlock(nn.Module):
    """A pre-norm transformer block of (L, N, D), whose two branches are computed again in the backward pass."""

    def __init__(self, width: int, heads: int, norm: Callable[[int], nn.Module], recompute: bool):
        super().__init__()
        self.ln_1, self.ln_2, self.recompute = norm(width), norm(width), recompute
        self.attn = nn.MultiheadAttention(width, heads)
        self.mlp = nn.Sequential()
        for name, module in (
            ("c_fc", nn.Linear(width, 4 * width)),
            ("gelu", QuickGELU()),
            ("c_proj", nn.Linear(4 * width, width)),
        ):
            self.mlp.add_module(name, module)

    def attend(self, x: Tensor) -> Tensor:
        return self.attn(x, x, x, need_weights=False)[0]

    def forward(self, x: Tensor) -> Tensor:
        for norm, branch in ((self.ln_1, self.attend), (self.ln_2, self.mlp)):
            h = norm(x)
            x = x + (checkpoint(branch, h, use_reentrant=True) if self.recompute else branch(h))
        return x


class PublishedEncoder(nn.Module):
    """The published image encoder: (N, 3, S, S) -> (N, D). Parameter names are open_clip's."""

    def __init__(self, shape: Shape):
        super().__init__()
        width = shape.width
        self.conv1 = nn.Conv2d(3, width, shape.patch, shape.patch, bias=False)
        self.class_embedding = nn.Parameter(torch.zeros(width))
        self.positional_embedding = nn.Parameter(torch.zeros((shape.size // shape.patch) ** 2 + 1, width))
        self.ln_pre, self.ln_post = PublishedNorm(width), PublishedNorm(width)
        self.proj = nn.Parameter(torch.zeros(width, shape.dim))
        self.transformer = nn.Module()
        self.transformer.resblocks = nn.ModuleList(
            PublishedBlock(width, width // 64, PublishedNorm, recompute=True) for _ in range(shape.layers)
        )

    def forward(self, images: Tensor) -> Tensor:
        patches = self.conv1(images).flatten(2).transpose(1, 2)
        first = self.class_embedding + patches.new_zeros(len(patches), 1, patches.shape[-1])
        tokens = self.ln_pre(torch.cat([first, patches], dim=1) + self.positional_embedding).transpose(0, 1)
        for block in self.transformer.resblocks:
            tokens = checkpoint(block, tokens, use_reentrant=True)
        return self.ln_post(tokens.transpose(0, 1)[:, 0]) @ self.proj


class PublishedHead(nn.Module):
    """The published temporal transformer: (B, T, D) -> (B, D). Parameter names are `TemporalTransformer`'s."""

    def __init__(self, shape: Shape):
        super().__init__()
        dim = shape.dim
        self.frame_position_embeddings = nn.Embedding(77, dim)
        self.transformer = nn.Module()
        self.transformer.resblocks = nn.ModuleList(
            PublishedBlock(dim, dim // 64, lambda d: PublishedHeadNorm(d, eps=1e-12), recompute=False)
            for _ in range(shape.head_layers)
        )

    def forward(self, frames: Tensor) -> Tensor:
        hidden = (frames + self.frame_position_embeddings(torch.arange(frames.shape[1]))).transpose(0, 1)
        for block in self.transformer.resblocks:
            hidden = block(hidden)
        return (hidden.transpose(0, 1) + frames).mean(1)


def published(shape: Shape) -> Baseline:
    """The published way."""
    with torch.device("meta"):  # the weights are given
        visual, head = PublishedEncoder(shape), PublishedHead(shape)
    return Baseline(shape, visual, head)


def plain_open_clip(shape: Shape) -> Baseline:
    """open_clip's image encoder and this project's temporal head, as they come."""
    with torch.device("meta"):
        visual = shape.visual()
        head = TemporalTransformer(shape.dim, shape.dim // 64, layers=shape.head_layers)
    return Baseline(shape, visual, head)


BASELINES = {"published": published, "open_clip": plain_open_clip}
WAYS = (*BASELINES, "ours")


class Trainer:
    """A model, a batch, and what takes a training step, in one of `WAYS`."""

    def __init__(self, way: str, shape: Shape):
        self.frames, self.labels = shape.batch()
        if way == "ours":
            self.model, self.fabric = shape.ours(), make_fabric(precision="32-true")
            self.objective = self.fabric.setup_module(ClassifierObjective(self.model))
            self.optimizer = self.fabric.setup_optimizers(make_optimizer(parameter_groups(self.model, CONFIG), CONFIG))
        else:
            self.model, self.fabric = BASELINES[way](shape), None
            mean, std = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, STD))
            self.frames = (self.frames.float() / 255 - mean) / std  # which its data loader does
            options = {"lr": CONFIG.lr, "betas": (0.9, 0.98), "weight_decay": CONFIG.weight_decay}
            self.optimizer = torch.optim.AdamW(self.model.parameters(), **options)
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
            processes.append(context.Process(target=_serve_steps, args=arguments, daemon=True))
            processes[-1].start()
            theirs.close()
        seconds = {way: [] for way in WAYS}
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
    """The largest difference of a gradient in one of the other ways from the published, relative to its parameter's."""
    expected, largest = None, 0.0
    for way in WAYS:
        trainer = Trainer(way, shape)
        trainer.backward()
        found = {name: p.grad for name, p in trainer.model.named_parameters() if p.grad is not None}
        if expected is None:
            expected = found
        if found.keys() != expected.keys():
            raise RuntimeError(f"{way} and {WAYS[0]} have gradients of different parameters")
        for name, gradient in found.items():
            scale = float(expected[name].abs().max())
            largest = max(largest, float((gradient - expected[name]).abs().max()) / scale if scale else 0.0)
    return largest


@torch.no_grad()
def inference_rate(repeats: int = 15, miniature: bool = False) -> dict:
    """How many float32 operations a second `encode_video` does, and how many products of matrices do.

    The products are of the encoder's own sizes and of two squares; by `torch.mm`, and by what the model's linear layers
    call. The yardstick is the fastest of all, by its median. Everything takes turns.

    Returns:
        "operations": of encoding the batch, as torch counts them in plain open_clip, which on the CPU leaves out the
        products within attention, a hundredth of all; lists of 10⁹ operations a second:
        "achieved", and "products", {"torch.mm, 800 x 768 x 3072": ...}; "yardstick", the name of the fastest product,
        and "torch_yardstick", of the fastest by torch.mm; "share" and "torch_share", lists: achieved over each.
    """
    shape = MINIATURE if miniature else VIT_B_32
    frames, _ = shape.batch()
    plain, model = plain_open_clip(shape), shape.ours().eval()
    with FlopCounterMode(display=False) as counter:  # in training mode, for it does not know PyTorch's fused attention
        plain(frames.float())
    operations = counter.get_total_flops() - 2 * shape.videos * shape.dim * shape.classes  # encoding does no logits
    rows, width = shape.videos * shape.frames * ((shape.size // shape.patch) ** 2 + 1), shape.width
    square = 64 if miniature else 2048
    sizes = [(rows, width, 4 * width), (rows, 4 * width, width), (square, square, square)]
    jobs = {}
    for m, k, n in sizes:
        x, w = torch.randn(m, k), torch.randn(n, k)
        for name, product in (("torch.mm", lambda x, w: torch.mm(x, w.t())), ("kernels.linear", _linear)):
            jobs[f"{name}, {m} x {k} x {n}"] = 2 * m * k * n, lambda product=product, x=x, w=w: product(x, w)
    jobs["achieved"] = operations, lambda: model.encode_video(frames)
    rates = {name: [] for name in jobs}
    keep_freed_memory(ACTIVATIONS)
    with packed_weights(model):
        for _ in range(repeats + 1):
            for name, (number, job) in jobs.items():
                begin = time.perf_counter()
                job()
                rates[name].append(number / (time.perf_counter() - begin) / 1e9)
    rates = {name: values[1:] for name, values in rates.items()}
    achieved = rates.pop("achieved")
    fastest = max(rates, key=lambda name: _median(rates[name]))
    torchs = max((name for name in rates if name.startswith("torch")), key=lambda name: _median(rates[name]))
    return {
        "operations": operations,
        "products": rates,
        "achieved": achieved,
        "yardstick": fastest,
        "torch_yardstick": torchs,
        "share": [a / b for a, b in zip(achieved, rates[fastest], strict=True)],
        "torch_share": [a / b for a, b in zip(achieved, rates[torchs], strict=True)],
    }


def _linear(x: Tensor, w: Tensor) -> Tensor:
    return linear(x, w, None)


def _median(values: list[float]) -> float:
    return float(torch.tensor(values).median())

"""Is it right: every encoder and temporal module on the device against the CPU, in every precision; the published
vectors; the same embeddings by one process and by two that share the device.
"""

import copy
import functools
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, multiprocessing

from text4vis_core.data.datasets import Views
from text4vis_core.evaluation.embedding import embed_videos
from text4vis_core.model.video_classifier import VideoClassifier
from text4vis_core.training.hardware import make_fabric
from text4vis_core.training.objectives import ClassifierObjective

from ..bench.measurement import Quantity
from ..fidelity import model_differences
from ._inputs import ENCODERS, Check, classifier, distance, mini_clip, puppets, random_clip

ONLY = os.environ.get("ONLY", "")
CASES = [(kind, "mean") for kind in ENCODERS]
CASES += [("ViT-B/32", name) for name in ("transformer", "tokenshift", "tokent1d", "tsm", "joint")]
CASES += [("RN50", "tsm"), ("SigLIP", "transformer")]
COMPARED = ("embeddings", "loss", "gradients")
# What precisions may differ by, in the embeddings, the loss and all gradients. Rounding is to 2^-24 of a number in
# float32, 2^-11 in fp16 and in TF32, 2^-8 in bf16; through the 12 to 24 blocks of an encoder the errors of some dozens
# of roundings add up as their root, about tenfold, and the way back is twice as long. A wrong sign, scale or order is
# an error of 1.
TOLERANCES = {
    "32-true": ("float32 against the CPU", (1e-4, 1e-4, 1e-3)),
    "tf32": ("float32 with TF32 convolutions, as PyTorch has them, against float32", (1e-2, 1e-2, 3e-2)),
    "bf16-mixed": ("bf16 against float32", (4e-2, 2e-2, 0.15)),
    "16-mixed": ("fp16 against float32", (1e-2, 1e-2, 3e-2)),
}
SCALE = 2.0**10  # of the loss in fp16: gradients neither vanish nor overflow in these models
VECTORS = 1e-4  # of embeddings of size 1 by other kernels


NAMES: list = []


def backbones(check: Check) -> Iterator[Quantity]:
    """Embeddings, loss and gradients of every encoder, and of every temporal module, in every precision."""
    clips = functools.cache(lambda kind: random_clip(check, kind))
    for kind, temporal in CASES:
        if ONLY and kind + temporal not in ONLY.split(","):
            continue
        clip = clips(kind)
        frames = 2 if kind == "ViT-L/14" else 4
        model = VideoClassifier.from_clip(clip, temporal, num_frames=frames)
        generator = torch.Generator().manual_seed(0)
        model.set_classifier(torch.randn(10, model.dim, generator=generator)).train()
        shape = (2, frames, 3, model.size, model.size)
        batch = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator), torch.tensor([3, 7])
        expected = outcome(copy.deepcopy(model), batch)
        for precision, (about, limits) in TOLERANCES.items():
            torch.backends.cudnn.allow_tf32 = precision == "tf32"
            found = outcome(copy.deepcopy(model), batch, "32-true" if precision == "tf32" else precision)
            for what, ours, theirs, limit in zip(COMPARED, found, expected, limits, strict=True):
                found_here = Quantity(f"{kind}, {temporal}: {what}, {about}", [distance(ours, theirs)], limit=limit)
                yield found_here
                if what == "gradients" and not found_here.met:
                    names = NAMES
                    sizes = [n for _, n in names]
                    rows = zip([n for n, _ in names], ours.cpu().split(sizes), theirs.cpu().split(sizes), strict=True)
                    worst = sorted(((distance(a, b) if b.norm() else 0.0, n, b.norm().item()) for n, a, b in rows), reverse=True)
                    for far, n, norm in worst[:8]:
                        yield Quantity(f"{kind}: gradient of {n} of norm {norm:.3g}, {about}", [far])
            if precision == "32-true":
                expected = found


def outcome(model: VideoClassifier, batch: tuple[Tensor, Tensor], precision: str = "") -> tuple[Tensor, Tensor, Tensor]:
    """Embeddings, loss, and all gradients in a row: by Fabric in a precision, or plainly where the model is."""
    if not precision:
        loss, _ = ClassifierObjective(model)(*batch)
        loss.backward()
        return model.encode_video(batch[0]), loss, _gradients(model)
    fabric = make_fabric(precision=precision)
    objective: Any = fabric.setup_module(ClassifierObjective(model))
    frames, labels = (part.to(fabric.device) for part in batch)
    loss, _ = objective(frames, labels)
    scaler = getattr(fabric.strategy.precision, "scaler", None)
    if scaler is not None:
        scaler.scale(loss.detach())
        scaler.update(SCALE)
    fabric.backward(loss)
    with fabric.autocast(), torch.no_grad():
        embeddings = model.encode_video(frames)
    return embeddings, loss, _gradients(model) / (scaler.get_scale() if scaler is not None else 1)


def _gradients(model: VideoClassifier) -> Tensor:
    NAMES[:] = [(n, p.numel()) for n, p in model.named_parameters() if p.grad is not None]
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def reference(check: Check) -> Iterator[Quantity]:
    """The vectors of the published code, in float32."""
    torch.backends.cudnn.allow_tf32 = False
    for name, difference in model_differences(device=check.device).items():
        limit = VECTORS * (100 if name.startswith("logits") else 1)  # the temperature
        yield Quantity(f"published vectors, {name}: largest difference", [difference], limit=limit)


def shared(check: Check) -> Iterator[Quantity]:
    """Embeddings by one process, and by two at the same time on the same device: equal to the bit."""
    alone = _embed(check)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
    file = check.out / "shared.pt"
    multiprocessing.spawn(_embed_together, (check, port, file), nprocs=2)
    together = torch.load(file, weights_only=True)
    differ = int((alone != together).sum()) if alone.shape == together.shape else alone.numel()
    yield Quantity("embeddings by two processes on one device: numbers that differ in some bit", [differ], limit=0)


def _embed(check: Check) -> Tensor:
    torch.set_num_threads(1)
    dataset = puppets(check, "test", Views(clips=2, crops=3))
    return embed_videos(classifier(mini_clip(), dataset.videos.names).to(check.device), dataset, batch_size=5).views


def _embed_together(rank: int, check: Check, port: int, file: Path) -> None:
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "shared"}
    # NCCL takes one process a device; what is gathered is on the CPU.
    distributed.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    views = _embed(check)
    if rank == 0:
        torch.save(views, file)
    distributed.barrier()
    distributed.destroy_process_group()

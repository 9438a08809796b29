"""Are its numbers right: encoders and temporal modules against the CPU, published vectors, two processes."""

import copy
import functools
import os
from collections.abc import Iterator

import torch
from torch import Tensor, distributed, multiprocessing

from text4vis_core.data.datasets import Views
from text4vis_core.evaluation.embedding import embed_videos
from text4vis_core.model.video_classifier import VideoClassifier

from ..bench.encoders import ENCODERS, outcome, random_clip
from ..bench.measurement import Quantity, distance
from ..fidelity import model_differences
from ..miniature.few import few_videos, mini_classifier
from ..processes import LOOPBACK
from . import Check

CASES = [(kind, "mean") for kind in ENCODERS]
CASES += [("ViT-B/32", name) for name in ("transformer", "tokenshift", "tokent1d", "tsm", "joint")] + [("RN50", "tsm")]
# Of embeddings, loss and all gradients. A number is rounded to 2^-24 of itself in float32, 2^-11 in fp16, 2^-8 in bf16.
# Through the blocks of an encoder the errors of some dozens of roundings add up as their root, about tenfold, and the
# way back is twice as long; float32 may be summed up in any order. A wrong sign, scale or order is an error of 1.
COMPARED = ("embeddings", "loss", "gradients")
TOLERANCES = {
    "32-true": ("float32 against the CPU", (1e-5, 1e-5, 1e-4)),
    "bf16-mixed": ("bf16 against float32", (4e-2, 2e-2, 8e-2)),
    "16-mixed": ("fp16 against float32", (5e-3, 3e-3, 1e-2)),
}
VECTORS = 1e-5  # of numbers whose size is about 1


def backbones(check: Check) -> Iterator[Quantity]:
    """Embeddings, loss and gradients of every encoder, and of every temporal module, in every precision."""
    torch.backends.cudnn.allow_tf32 = False  # which PyTorch would take for convolutions, with the precision of fp16
    clips = functools.cache(lambda kind: random_clip(kind, check.out, check.tiny))
    for kind, temporal in CASES:
        frames = 2 if kind == "ViT-L/14" else 4
        model = VideoClassifier.from_clip(clips(kind), temporal, num_frames=frames)
        generator = torch.Generator().manual_seed(0)
        model.set_classifier(torch.randn(10, model.dim, generator=generator)).train()
        shape = (2, frames, 3, model.size, model.size)
        batch = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator), torch.tensor([3, 7])
        expected = outcome(copy.deepcopy(model), batch)
        for precision, (about, limits) in TOLERANCES.items():
            if precision == "16-mixed" and not check.cuda:
                continue  # Fabric would take bf16
            found = outcome(copy.deepcopy(model), batch, precision)
            for what, ours, theirs, limit in zip(COMPARED, found, expected, limits, strict=True):
                yield Quantity(f"{kind}, {temporal}: {what}, {about}", [distance(ours, theirs)], limit=limit)
            expected = found if precision == "32-true" else expected


def reference(check: Check) -> Iterator[Quantity]:
    """The vectors of the published code, in float32."""
    torch.backends.cudnn.allow_tf32 = False
    for name, difference in model_differences(device=check.device).items():
        yield Quantity(f"published vectors, {name}: largest difference", [difference], limit=VECTORS)


def shared(check: Check) -> Iterator[Quantity]:
    """Embeddings by one process, and by two at the same time on the same device: equal to the bit."""
    alone = _embed(check)
    (check.out / "meeting").unlink(missing_ok=True)
    multiprocessing.spawn(_embed_together, (check,), nprocs=2)
    together = torch.load(check.out / "shared.pt", weights_only=True)
    differ = int((alone != together).sum()) if alone.shape == together.shape else alone.numel()
    yield Quantity("embeddings by two processes on one device: numbers that differ in some bit", [differ], limit=0)


def _embed(check: Check) -> Tensor:
    torch.set_num_threads(1)
    dataset = few_videos(check.out, check.few, "test", Views(clips=2, crops=3))
    return embed_videos(mini_classifier(dataset.videos.names).to(check.device), dataset, batch_size=5).views


def _embed_together(rank: int, check: Check) -> None:
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "x", "GLOO_SOCKET_IFNAME": LOOPBACK}
    # NCCL takes one process a device; what is gathered is on the CPU.
    meeting = distributed.FileStore(str(check.out / "meeting"), 2)
    distributed.init_process_group("gloo", store=meeting, rank=rank, world_size=2)
    views = _embed(check)
    if rank == 0:
        torch.save(views, check.out / "shared.pt")
    distributed.barrier()
    distributed.destroy_process_group()

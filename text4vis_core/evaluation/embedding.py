"""Embed a data set once: the encoder runs for every video and view, all that is scored is a function of the result.

B videos of a batch, V views, T frames, S pixels, N videos in all, D width of an embedding, C classes.
"""

from dataclasses import dataclass, field
from itertools import chain

import torch
from torch import Tensor

from ..data.datasets import VideoDataset
from ..data.loader import load_batches
from ..data.memory import ACTIVATIONS, keep_freed_memory
from ..model.kernels import packed_weights
from ..model.video_classifier import VideoClassifier
from ..processes import gather_objects, gather_rows, progress_bar, rank, world


@dataclass
class EmbeddedVideos:
    """A data set's video embeddings: one per view.

    Attributes:
        views: float32 (N, V, D), not of unit length.
        labels: int64 (N,)
        indices: int64 (N,), the videos' places in their list.
        skipped: (path, reason) of the videos that could not be decoded; empty unless skipping was asked for.
        targets: 0/1 float32 (N, C) where videos may have several labels, else None.
    """

    views: Tensor
    labels: Tensor
    indices: Tensor
    skipped: list[tuple[str, str]] = field(default_factory=list)
    targets: Tensor | None = None

    @property
    def truth(self) -> Tensor:
        """What counts as right: the labels (N,), or the targets (N, C) where a video may have several."""
        return self.labels if self.targets is None else self.targets

    @property
    def mean(self) -> Tensor:
        """float32 (N, D): the mean of the views."""
        return self.views.mean(1)


@torch.no_grad()
def embed_videos(
    model: VideoClassifier,
    dataset: VideoDataset,
    batch_size: int = 32,
    num_workers: int = 0,
    progress: str | None = None,
    timeout: float = 0.0,
    precision: str = "auto",
) -> EmbeddedVideos:
    """Encode every video of a data set, once, in the order of the data set; all processes share the work.

    A batch holds the same videos whoever encodes it, so that the embeddings are the same, to the bit, on any number of
    processes (of as many threads each).

    Args:
        model: runs where its parameters are.
        dataset: gives evaluation views (V, T, 3, S, S).
        batch_size: videos at a time.
        num_workers: processes that decode, for each that encodes.
        progress: label of the progress bar; None for none.
        timeout: seconds that decoding one video may take, with workers; 0 for no limit.
        precision: "auto": fp16 on CUDA, 32 bit on the CPU; "bf16-mixed", "16-mixed" (on CUDA alone); else 32 bit.

    A `VideoError` when a video cannot be decoded and the data set does not skip; a ValueError when none could be.
    """
    device = model.logit_scale.device
    cuda = device.type == "cuda"
    half = torch.bfloat16 if precision == "bf16-mixed" else None
    half = torch.float16 if cuda and precision in ("auto", "16-mixed") else half
    if not cuda:
        keep_freed_memory(ACTIVATIONS)
    batches = [list(range(i, min(i + batch_size, len(dataset)))) for i in range(0, len(dataset), batch_size)]
    mine = batches[rank() :: world()]
    model.eval()

    def encode(frames: Tensor) -> Tensor:
        with torch.autocast(device.type, half, enabled=half is not None):
            embeddings = model.encode_video(frames.to(device, non_blocking=True).flatten(0, 1))
        return embeddings.float().unflatten(0, frames.shape[:2]).cpu()

    # Processes go through the model equally often, with or without videos: one in shards is whole only for all of them.
    nothing: dict = {"frames": None, "errors": []}
    rounds = -(-len(batches) // world())
    views, labels, indices, targets, errors = [], [], [], [], []
    loaded = load_batches(dataset, mine, num_workers, pin_memory=cuda, timeout=timeout)
    with packed_weights(model, half or torch.float32):
        for batch in progress_bar(chain(loaded, [nothing] * (rounds - len(mine))), progress, total=rounds):
            errors += batch["errors"]
            if batch["frames"] is None:
                if world() > 1:
                    encode(torch.zeros(1, 1, dataset.num_frames, 3, dataset.size, dataset.size, dtype=torch.uint8))
                continue
            views.append(encode(batch["frames"]))
            labels.append(batch["labels"])
            indices.append(batch["indices"])
            targets += [batch["targets"]] if "targets" in batch else []
    errors = sorted(error for part in gather_objects(errors) for error in part)
    skipped = [(str(dataset.videos.videos[i].path), reason) for i, reason in errors]
    if len(skipped) == len(dataset):
        first = f"; the first: {skipped[0][1]}" if skipped else ""
        raise ValueError(f"none of the {len(dataset)} videos could be decoded{first}")
    place = torch.cat(gather_rows(torch.cat([torch.zeros(0, dtype=torch.int64), *indices])))
    order = place.argsort()

    def whole(parts: list[Tensor], *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """The rows of all processes, in the order of the data set."""
        rows = torch.cat(gather_rows(torch.cat([torch.zeros(0, *shape, dtype=dtype), *parts])))
        return rows if world() == 1 else rows[order]

    truth = whole(targets, len(dataset.videos.classes)) if dataset.videos.multi_label else None
    width = dataset.views.clips * dataset.views.crops, model.dim
    return EmbeddedVideos(whole(views, *width), whole(labels, dtype=torch.int64), place[order], skipped, truth)

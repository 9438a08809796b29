"""The video classifier: a CLIP image encoder on each frame, aggregation over time, a cosine with each class.

    uint8 frames (B, T, 3, S, S)  ->  normalised on the device  ->  frame embeddings (B, T, D)
        ->  temporal module  ->  video embedding (B, D)  ->  `classifier.py`  ->  logits (B, C)

B videos, T frames, S pixels, D width of an embedding, C classes.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..files import check_finite
from .classifier import CosineClassifier, cosine_logits
from .clip import Clip
from .kernels import PatchConv, use_fast_kernels
from .residual import still
from .temporal import HEADS, INSIDE, Clock, TemporalOptions, split_temporal


@dataclass(frozen=True)
class ImageEncoder:
    """An image encoder, with what is needed to use it.

    Attributes:
        visual: pictures (N, 3, S, S) -> (N, D), not of unit length; a temporal module inside changes it in place.
        dim: D.
        size: S, side of the input in pixels.
        mean, std: of the pixels' three channels, in [0, 1].
    """

    visual: nn.Module
    dim: int
    size: int
    mean: Sequence[float]
    std: Sequence[float]


class VideoClassifier(nn.Module):
    """Frames in, logits out.

    Args:
        encoder: for each frame.
        logit_scale: the logarithm of the temperature's inverse.
        temporal: one of `temporal.TEMPORAL`, or a module inside and a head, such as "tokenshift+transformer"; a
            ValueError for another, or one that does not go into this encoder.
        num_frames: T; needed by the temporal module "joint" alone.
        options: of the temporal head.
        logit_bias: added to every logit (SigLIP); it moves no accuracy.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        encoder: ImageEncoder,
        logit_scale: float,
        temporal: str = "mean",
        num_frames: int | None = None,
        options: TemporalOptions | None = None,
        logit_bias: float | None = None,
    ):
        super().__init__()
        self.visual, self.dim, self.size = encoder.visual, encoder.dim, encoder.size
        self.temporal_name, self.clock = temporal, Clock()
        inside, head = split_temporal(temporal)
        if inside is not None:
            INSIDE[inside](self.visual, self.clock, num_frames)
        self.temporal = HEADS[head](self.dim, options or TemporalOptions())
        still(self.visual)
        use_fast_kernels(self)
        self.memory_format = _memory_format(self.visual)
        self.logit_scale = nn.Parameter(torch.tensor(float(logit_scale)))
        self.logit_bias = logit_bias
        self.classifier: nn.Module | None = None
        self.text_tower: Any = None  # a `training.contrastive.TextTower`, while it is trained
        self.penalty: nn.Module | None = None  # while it is trained: (frames, embeddings (B, D)) -> further losses (B,)
        self.register_buffer("mean", torch.tensor(encoder.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(encoder.std).view(3, 1, 1), persistent=False)

    @classmethod
    def from_clip(
        cls,
        clip: Clip,
        temporal: str = "mean",
        temporal_heads: int | None = None,
        num_frames: int | None = None,
        seed: int = 0,
        position_std: float = 0.02,
    ) -> "VideoClassifier":
        """A classifier on a copy of a CLIP's image encoder, with its temperature.

        Args:
            clip: the CLIP.
            temporal, num_frames: as of the class.
            temporal_heads: of the temporal transformer; None for as many as the text tower has, as published.
            seed: new parameters are drawn by it.
            position_std: of the temporal transformer's frame positions, see `temporal.TemporalTransformer`.
        """
        if temporal_heads is None and clip.text_heads and clip.dim % clip.text_heads == 0:
            temporal_heads = clip.text_heads
        options = TemporalOptions(temporal_heads, position_std)
        device = next(clip.model.parameters()).device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            encoder = ImageEncoder(clip.image_encoder(), clip.dim, clip.size, clip.mean, clip.std)
            model = cls(encoder, clip.logit_scale, temporal, num_frames, options, clip.logit_bias)
        return model.to(device).to(memory_format=model.memory_format).eval()

    def set_classifier(self, rows: Tensor, frozen: bool = True) -> "VideoClassifier":
        """Put these rows (C, D) into the last layer, frozen or trainable. Returns self."""
        if rows.ndim != 2 or rows.shape[1] != self.dim:
            raise ValueError(f"classifier rows have shape {tuple(rows.shape)}, expected (classes, {self.dim})")
        check_finite("the classifier", {"rows": rows})
        self.classifier = CosineClassifier(rows.to(self.logit_scale.device), frozen)
        return self

    def encode_video(self, frames: Tensor) -> Tensor:
        """Video embeddings, not of unit length.

        Args:
            frames: (B, T, 3, S, S): uint8, or float already normalised.

        Returns:
            (B, D)
        """
        batch, self.clock.frames = frames.shape[:2]
        images = frames.flatten(0, 1)
        if images.dtype == torch.uint8:
            images = (images.to(self.mean.dtype) / 255 - self.mean) / self.std
        images = images.contiguous(memory_format=self.memory_format)
        return self.temporal(self.visual(images).unflatten(0, (batch, -1)))

    def logits(self, video_embeddings: Tensor, class_embeddings: Tensor) -> Tensor:
        """(B, D), (C, D) -> (B, C): exp(logit_scale) * cosine, plus the model's bias if it has one."""
        return cosine_logits(video_embeddings, class_embeddings, self.logit_scale) + (self.logit_bias or 0.0)

    def forward(self, frames: Tensor) -> Tensor:
        """Logits of the model's own classes: (B, T, 3, S, S) -> (B, C). A RuntimeError before `set_classifier`."""
        return self.own_logits(self.encode_video(frames))

    def own_logits(self, embeddings: Tensor) -> Tensor:
        """The same of video embeddings: (B, D) -> (B, C)."""
        if self.classifier is None:
            raise RuntimeError("the model has no classifier yet: call set_classifier with its rows")
        return self.classifier(embeddings, self.logit_scale) + (self.logit_bias or 0.0)

    def train(self, mode: bool = True) -> "VideoClassifier":
        """Training mode, but for BatchNorm: its statistics over a handful of videos would ruin the encoder."""
        super().train(mode)
        for module in self.visual.modules():
            if isinstance(module, _BatchNorm):
                module.eval()
        return self


def fingerprint(module: nn.Module) -> str:
    """SHA-256 over names, shapes and bytes of a module's state: changes when any weight does."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _memory_format(visual: nn.Module) -> torch.memory_format:
    """Channels last: convolutions are faster so, on tensor cores and on the CPU (1.3 times, for Mini CLIP).

    Not for a ViT, whose one convolution is a product of matrices; nor for a strided 1 x 1 convolution of few channels,
    as MobileCLIP-S begins with: backwards through it in this format, PyTorch 2.14 crashes on the CPU.
    """
    convolutions = [module for module in visual.modules() if isinstance(module, nn.Conv2d)]
    crashes = any(one.kernel_size == (1, 1) != one.stride and one.in_channels < 16 for one in convolutions)
    patches = all(isinstance(module, PatchConv) for module in convolutions)
    return torch.contiguous_format if crashes or patches else torch.channels_last

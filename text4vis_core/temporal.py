"""From frame embeddings to a video embedding: aggregation over time.

A new aggregation is a module `(B, T, D) -> (B, D)` and one line in `TEMPORAL`.
"""

from collections.abc import Callable
from functools import partial

import torch
from open_clip.transformer import QuickGELU, ResidualAttentionBlock
from torch import Tensor, nn

MAX_FRAMES = 77  # rows of the published position table


class MeanPooling(nn.Module):
    """The mean over frames. Blind to their order."""

    def forward(self, frames: Tensor) -> Tensor:
        """(B, T, D) -> (B, D)"""
        return frames.mean(1)


class TemporalTransformer(nn.Module):
    """The published temporal head: learned frame positions, six pre-norm blocks, residual over all, then the mean.

    Parameter names and shapes are those of the published checkpoints' `fusion_model.*`.

    Args:
        dim: D, the embedding's size.
        heads: attention heads; the published models have text width / 64.
        layers: blocks.
    """

    def __init__(self, dim: int, heads: int, layers: int = 6):
        super().__init__()
        if dim % heads:
            raise ValueError(f"the temporal transformer's {heads} heads do not divide the embedding size {dim}")
        self.frame_position_embeddings = nn.Embedding(MAX_FRAMES, dim)
        block = partial(ResidualAttentionBlock, dim, heads, act_layer=QuickGELU, norm_layer=_layer_norm)
        self.transformer = nn.Module()
        self.transformer.resblocks = nn.ModuleList(block() for _ in range(layers))
        self.apply(_initialise)

    def forward(self, frames: Tensor) -> Tensor:
        """(B, T, D) -> (B, D). Raises ValueError for more than 77 frames."""
        length = frames.shape[1]
        if length > MAX_FRAMES:
            raise ValueError(f"the temporal transformer has positions for {MAX_FRAMES} frames, the clip has {length}")
        positions = self.frame_position_embeddings(torch.arange(length, device=frames.device))
        hidden = frames + positions.to(frames.dtype)
        for block in self.transformer.resblocks:
            hidden = block(hidden)
        return (frames + hidden.to(frames.dtype)).mean(1)


def _layer_norm(dim: int) -> nn.LayerNorm:
    return nn.LayerNorm(dim, eps=1e-12)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)


TEMPORAL: dict[str, Callable[[int, int], nn.Module]] = {
    "mean": lambda dim, heads: MeanPooling(),
    "transformer": TemporalTransformer,
}


def build_temporal(name: str, dim: int, heads: int | None = None) -> nn.Module:
    """The aggregation called `name` for embeddings of size `dim`.

    Args:
        name: a key of `TEMPORAL`.
        dim: D.
        heads: attention heads; `dim // 64` when None.

    Raises:
        ValueError: an unknown name (with the choices), or heads that do not divide `dim`.
    """
    if name not in TEMPORAL:
        raise ValueError(f"unknown temporal aggregation {name!r}; choose from: {', '.join(TEMPORAL)}")
    return TEMPORAL[name](dim, heads or max(1, dim // 64))

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
        position_std: of the frame positions before training. 0.02 is the published value, for CLIP's embeddings, whose
            entries are about 0.4 in size; where they are larger, positions have to be, or the order is never seen.
        layers: blocks.
    """

    def __init__(self, dim: int, heads: int, position_std: float = 0.02, layers: int = 6):
        super().__init__()
        if dim % heads:
            raise ValueError(f"the temporal transformer's {heads} heads do not divide the embedding size {dim}")
        self.frame_position_embeddings = nn.Embedding(MAX_FRAMES, dim)
        block = partial(ResidualAttentionBlock, dim, heads, act_layer=QuickGELU, norm_layer=_layer_norm)
        self.transformer = nn.Module()
        self.transformer.resblocks = nn.ModuleList(block() for _ in range(layers))
        self.apply(_initialise)
        nn.init.normal_(self.frame_position_embeddings.weight, std=position_std)

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
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


TEMPORAL: dict[str, Callable[..., nn.Module]] = {
    "mean": lambda dim, heads, **_: MeanPooling(),
    "transformer": TemporalTransformer,
}


def build_temporal(name: str, dim: int, heads: int | None = None, **options) -> nn.Module:
    """The aggregation called `name` for embeddings of size `dim`.

    Args:
        name: a key of `TEMPORAL`.
        dim: D.
        heads: attention heads; `dim // 64` when None.
        options: of the aggregation, such as the transformer's `position_std`.

    Raises:
        ValueError: an unknown name (with the choices), or heads that do not divide `dim`.
    """
    if name not in TEMPORAL:
        raise ValueError(f"unknown temporal aggregation {name!r}; choose from: {', '.join(TEMPORAL)}")
    return TEMPORAL[name](dim, heads or max(1, dim // 64), **options)

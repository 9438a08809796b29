"""Time: modules inside the image encoder, and heads that aggregate frame embeddings into a video embedding.

A new head is a module `(B, T, D) -> (B, D)` and one line in `HEADS`; a new module inside is a function that converts an
encoder in place and one line in `INSIDE`. Names of parameters and shapes are those of the published checkpoints.

    pictures (B * T, 3, S, S)  ->  [module inside the encoder]  ->  frames (B, T, D)  ->  [head]  ->  video (B, D)

B videos, T frames, S pixels, L tokens of a frame, C channels or width inside the encoder, D width of an embedding.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from open_clip.modified_resnet import ModifiedResNet
from open_clip.transformer import QuickGELU, ResidualAttentionBlock, VisionTransformer
from torch import Tensor, nn

MAX_FRAMES = 77  # rows of the published position table
HEAD_DIM = 64  # of an attention head, in CLIP
DEEP = 23  # blocks in a ResNet's third stage from which on only every second block is shifted


class Clock:
    """How many frames the clips have that the encoder is about to see: it gets (B * T) pictures, and must know T."""

    def __init__(self):
        self.frames = 1

    def unfold(self, pictures: Tensor) -> Tensor:
        """(B * T, ...) -> (B, T, ...)"""
        return pictures.unflatten(0, (-1, self.frames))


def shift(clips: Tensor, fold: int) -> Tensor:
    """(B, T, ..., C), the first `fold` channels from the next frame, as many from the previous, zeros at the ends."""
    nothing = torch.zeros_like(clips[:, :1, ..., :fold])
    following = torch.cat([clips[:, 1:, ..., :fold], nothing], dim=1)
    preceding = torch.cat([nothing, clips[:, :-1, ..., fold : 2 * fold]], dim=1)
    return torch.cat([following, preceding, clips[..., 2 * fold :]], dim=-1)


class TokenShift(nn.Module):
    """Shifts a quarter of the class token's channels to each side in time. (B * T, L, C) -> the same."""

    def __init__(self, width: int, clock: Clock):
        super().__init__()
        self.fold, self.clock = width // 4, clock

    def forward(self, tokens: Tensor) -> Tensor:
        shifted = shift(self.clock.unfold(tokens[:, :1]), self.fold).flatten(0, 1)
        return torch.cat([shifted, tokens[:, 1:]], dim=1)


class TokenT1D(nn.Module):
    """A depthwise temporal convolution of the class token, which begins as `TokenShift`. (B * T, L, C) -> the same."""

    def __init__(self, width: int, clock: Clock):
        super().__init__()
        self.clock = clock
        self.conv = nn.Conv1d(width, width, kernel_size=3, padding=1, groups=width, bias=False)
        fold = width // 4
        with torch.no_grad():
            self.conv.weight.zero_()
            self.conv.weight[:fold, 0, 2] = 1
            self.conv.weight[fold : 2 * fold, 0, 0] = 1
            self.conv.weight[2 * fold :, 0, 1] = 1

    def forward(self, tokens: Tensor) -> Tensor:
        mixed = self.conv(self.clock.unfold(tokens[:, 0]).transpose(1, 2)).transpose(1, 2).flatten(0, 1)
        return torch.cat([mixed[:, None], tokens[:, 1:]], dim=1)


class TokenBlock(ResidualAttentionBlock):
    """A transformer block with a module on the residual stream, before the attention and again before the MLP."""

    control_point: nn.Module

    def forward(self, q_x: Tensor, k_x=None, v_x=None, attn_mask: Tensor | None = None) -> Tensor:
        x = self.control_point(q_x)
        x = x + self.ls_1(self.attention(q_x=self.ln_1(x), attn_mask=attn_mask))
        x = self.control_point(x)
        return x + self.ls_2(self.mlp(self.ln_2(x)))


class ShiftedBlock(nn.Module):
    """A transformer block whose patch tokens are shifted over time first; the class token is not (TSM)."""

    def __init__(self, net: nn.Module, width: int, clock: Clock):
        super().__init__()
        self.net, self.fold, self.clock = net, width // 8, clock

    def forward(self, q_x: Tensor, k_x=None, v_x=None, attn_mask: Tensor | None = None) -> Tensor:
        patches = shift(self.clock.unfold(q_x[:, 1:]), self.fold).flatten(0, 1)
        return self.net(torch.cat([q_x[:, :1], patches], dim=1), attn_mask=attn_mask)


class ShiftedConv(nn.Module):
    """A convolution whose input channels are shifted over time first (TSM). (B * T, C, H, W) -> (B * T, C', H', W')"""

    def __init__(self, net: nn.Conv2d, clock: Clock):
        super().__init__()
        self.net, self.fold, self.clock = net, net.in_channels // 8, clock

    def forward(self, pictures: Tensor) -> Tensor:
        clips = self.clock.unfold(pictures.movedim(1, -1))
        return self.net(shift(clips, self.fold).flatten(0, 1).movedim(-1, 1))


class JointTransformer(VisionTransformer):
    """All patches of all frames attend together, with one class token: (B * T, 3, S, S) -> (B, D)."""

    time_embedding: nn.Parameter
    clock: Clock

    def forward(self, images: Tensor) -> Tensor:
        patches = self.clock.unfold(self.conv1(images).flatten(2).transpose(1, 2) + self.positional_embedding[1:])
        if patches.shape[1] != len(self.time_embedding):
            expected = len(self.time_embedding)
            raise ValueError(f"the joint encoder is for {expected} frames, the clip has {patches.shape[1]}")
        patches = patches + self.time_embedding[:, None]
        first = (self.class_embedding + self.positional_embedding[0]).expand(len(patches), 1, -1)
        tokens = torch.cat([first.to(patches.dtype), patches.flatten(1, 2)], dim=1)
        tokens = self.transformer(self.ln_pre(self.patch_dropout(tokens)))
        return self.ln_post(tokens[:, 0]) @ self.proj


def _add_to_blocks(module: Callable[[int, Clock], nn.Module], name: str) -> Callable:
    def convert(visual: nn.Module, clock: Clock, num_frames: int | None) -> None:
        for block in _blocks(visual, name):
            width = block.ln_1.normalized_shape[0]
            if width % 4:
                raise ValueError(f"temporal module {name!r} needs a width that four divides, the encoder has {width}")
            block.control_point = module(width, clock)
            block.__class__ = TokenBlock  # weights and their names stay as they are

    return convert


def _add_tsm(visual: Any, clock: Clock, num_frames: int | None) -> None:
    if isinstance(visual, ModifiedResNet):
        every = 2 if len(visual.layer3) >= DEEP else 1
        for stage in (visual.layer1, visual.layer2, visual.layer3, visual.layer4):
            for block in stage[::every]:
                block.conv1 = ShiftedConv(block.conv1, clock)
        return
    blocks = _blocks(visual, "tsm", "a ViT or a ModifiedResNet")
    width = blocks[0].ln_1.normalized_shape[0]
    visual.transformer.resblocks = nn.ModuleList(ShiftedBlock(block, width, clock) for block in blocks)


def _make_joint(visual: Any, clock: Clock, num_frames: int | None) -> None:
    _blocks(visual, "joint")
    if visual.pool_type != "tok" or visual.attn_pool is not None or visual.proj is None:
        raise ValueError("temporal module 'joint' needs an encoder whose class token is the embedding; this one pools")
    if num_frames is None or num_frames < 1:
        raise ValueError("temporal module 'joint' needs num_frames, the frames in a clip, for its time embedding")
    width = visual.conv1.out_channels
    visual.__class__ = JointTransformer  # weights and their names stay as they are
    visual.clock = clock
    visual.time_embedding = nn.Parameter(width**-0.5 * torch.randn(num_frames, width))


def _blocks(visual: Any, name: str, fitting: str = "a ViT") -> list[Any]:
    """The transformer's blocks, of an encoder that they can be changed in."""
    blocks = list(visual.transformer.resblocks) if isinstance(visual, VisionTransformer) else []
    if not blocks or any(type(block) is not ResidualAttentionBlock for block in blocks):
        kind = type(visual).__name__ + (f" of {type(blocks[0]).__name__}" if blocks else "")
        reason = f"goes into {fitting} of open_clip's own; this image encoder is a {kind}"
        raise ValueError(f"temporal module {name!r} {reason}. After any encoder: {', '.join(HEADS)}")
    return blocks


class MeanPooling(nn.Module):
    """The mean over frames. Blind to their order."""

    def forward(self, frames: Tensor) -> Tensor:
        """(B, T, D) -> (B, D)"""
        return frames.mean(1)


class TemporalTransformer(nn.Module):
    """The published temporal head: learned frame positions, six pre-norm blocks, residual over all, then the mean.

    Args:
        dim: D, the embedding's size.
        heads: attention heads; the published models have text width / 64.
        position_std: of the frame positions before training. 0.02 is the published value, for CLIP's embeddings, whose
            entries are about 0.4 in size; where they are larger, positions have to be, or the order is never seen.
        layers: blocks.
        positions: rows of the position table, the most frames that a clip can have.
    """

    def __init__(self, dim: int, heads: int, position_std: float = 0.02, layers: int = 6, positions: int = MAX_FRAMES):
        super().__init__()
        if dim % heads:
            raise ValueError(f"the temporal transformer's {heads} heads do not divide the embedding size {dim}")
        self.frame_position_embeddings = nn.Embedding(positions, dim)
        norm = partial(nn.LayerNorm, eps=1e-12)
        block = partial(ResidualAttentionBlock, dim, heads, act_layer=QuickGELU, norm_layer=norm)
        self.transformer: Any = nn.Module()
        self.transformer.resblocks = nn.ModuleList(block() for _ in range(layers))
        self.apply(_initialise)
        nn.init.normal_(self.frame_position_embeddings.weight, std=position_std)

    def forward(self, frames: Tensor) -> Tensor:
        """(B, T, D) -> (B, D). Raises ValueError for more frames than there are positions."""
        length, most = frames.shape[1], self.frame_position_embeddings.num_embeddings
        if length > most:
            raise ValueError(f"the temporal transformer has positions for {most} frames, the clip has {length}")
        positions = self.frame_position_embeddings(torch.arange(length, device=frames.device))
        hidden = frames + positions.to(frames.dtype)
        for block in self.transformer.resblocks:
            hidden = block(hidden)
        return (frames + hidden.to(frames.dtype)).mean(1)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


@dataclass(frozen=True)
class TemporalOptions:
    """Of the temporal transformer; the other modules have none.

    Attributes:
        heads: attention heads; None for as many as the embedding's size has 64s.
        position_std: of the frame positions before training, see `TemporalTransformer`.
        layers: blocks.
        positions: the most frames that a clip can have.
    """

    heads: int | None = None
    position_std: float = 0.02
    layers: int = 6
    positions: int = MAX_FRAMES


def _transformer(dim: int, options: TemporalOptions) -> TemporalTransformer:
    heads = options.heads or max(1, dim // HEAD_DIM)
    return TemporalTransformer(dim, heads, options.position_std, options.layers, options.positions)


HEADS: dict[str, Callable[[int, TemporalOptions], nn.Module]] = {
    "mean": lambda dim, options: MeanPooling(),
    "transformer": _transformer,
}
INSIDE: dict[str, Callable[[nn.Module, Clock, int | None], None]] = {
    "tokenshift": _add_to_blocks(TokenShift, "tokenshift"),
    "tokent1d": _add_to_blocks(TokenT1D, "tokent1d"),
    "tsm": _add_tsm,
    "joint": _make_joint,
}
TEMPORAL = (*HEADS, *INSIDE)


def split_temporal(name: str) -> tuple[str | None, str]:
    """Module inside the encoder (None for none) and head: "tsm" -> ("tsm", "mean"), "tsm+transformer" names both.

    A ValueError for an unknown name (with the choices), two of one kind, or a head after "joint".
    """
    parts = name.split("+")
    for part in parts:
        if part not in TEMPORAL:
            choices = f"{', '.join(TEMPORAL)}, or one inside the encoder and a head, such as 'tokenshift+transformer'"
            raise ValueError(f"unknown temporal module {part!r}; choose from: {choices}")
    inside = [part for part in parts if part in INSIDE]
    heads = [part for part in parts if part in HEADS]
    if len(inside) > 1 or len(heads) > 1:
        choices = f"one of {', '.join(INSIDE)} and one of {', '.join(HEADS)}"
        raise ValueError(f"temporal {name!r} names two of one kind; {choices}")
    if inside == ["joint"] and heads == ["transformer"]:
        raise ValueError("temporal 'joint' gives one embedding per video; a transformer over frames cannot follow it")
    return inside[0] if inside else None, heads[0] if heads else "mean"

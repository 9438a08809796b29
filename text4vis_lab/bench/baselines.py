"""The models whose training steps are compared: this project's, plain open_clip's, one as the published code has it.

The published way is written anew from what that code does (github whwu95/Text4Vis, `clip/model.py`, `train.py`): tokens
come first and videos second; layer norms in float32; in the backward pass every block is computed again, and within it
its attention and its MLP once more, so that three forward passes stand before one backward; plain AdamW, which goes
through the parameters one by one; the loss is read at every step. The text encoder does not run: its rows are fixed.

B videos, T frames, C classes, D width of an embedding, S pixels; L tokens of N images in a block.
"""

from dataclasses import dataclass

import torch
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from open_clip.transformer import QuickGELU, ResidualAttentionBlock, VisionTransformer
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from text4vis_core.model.classifier import cosine_logits
from text4vis_core.model.temporal import TemporalOptions, TemporalTransformer
from text4vis_core.model.video_classifier import ImageEncoder, VideoClassifier


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
        frames = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator, device="cpu")
        return frames, torch.randint(0, self.classes, (self.videos,), generator=generator, device="cpu")

    def rows(self) -> Tensor:
        generator = torch.Generator().manual_seed(1)
        return F.normalize(torch.randn(self.classes, self.dim, generator=generator, device="cpu"), dim=-1)

    def operations(self) -> int:
        """Floating-point operations of one video's forward pass, two for each pair that a product of matrices adds up.

        Those of patches, blocks, projection, temporal head and logits; what is not a product counts nothing.
        """
        patches = (self.size // self.patch) ** 2
        encoder = 6 * patches * self.patch**2 * self.width + 2 * self.width * self.dim
        encoder += self.layers * _of_block(patches + 1, self.width)
        head = self.head_layers * _of_block(self.frames, self.dim)
        return self.frames * encoder + head + 2 * self.dim * self.classes

    def ours(self) -> VideoClassifier:
        """This project's model; the others get its weights."""
        with torch.random.fork_rng():
            torch.manual_seed(0)
            encoder = ImageEncoder(self.visual(), self.dim, self.size, OPENAI_DATASET_MEAN, OPENAI_DATASET_STD)
            options = TemporalOptions(layers=self.head_layers)
            model = VideoClassifier(encoder, 4.6, "transformer", options=options)
        return model.set_classifier(self.rows())


def _of_block(tokens: int, width: int) -> int:
    return 24 * tokens * width**2 + 4 * tokens**2 * width


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
        self.rows: Tensor
        self.register_buffer("rows", shape.rows(), persistent=False)

    def encode(self, frames: Tensor) -> Tensor:
        """Normalised frames (B, T, 3, S, S) to embeddings (B, D)."""
        return self.temporal(self.visual(frames.flatten(0, 1)).unflatten(0, frames.shape[:2]))

    def forward(self, frames: Tensor) -> Tensor:
        return cosine_logits(self.encode(frames), self.rows, self.logit_scale)


class PublishedNorm(nn.LayerNorm):
    """A layer norm that is computed in float32 whatever comes in."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.to(torch.float32)).to(x.dtype)


class PublishedHeadNorm(nn.LayerNorm):
    """A layer norm operation by operation, epsilon inside the root."""

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        return self.weight * (centred / (centred.square().mean(-1, keepdim=True) + self.eps).sqrt()) + self.bias


class PublishedBlock(ResidualAttentionBlock):
    """A block of (L, N, D), whose two branches are computed again in the backward pass."""

    def forward(self, q_x: Tensor, k_x=None, v_x=None, attn_mask: Tensor | None = None) -> Tensor:
        x = q_x
        for norm, branch in ((self.ln_1, self.attention), (self.ln_2, self.mlp)):
            x = x + checkpoint(branch, norm(x), use_reentrant=True)
        return x


class PublishedEncoder(VisionTransformer):
    """The published image encoder: (N, 3, S, S) -> (N, D)."""

    def forward(self, images: Tensor) -> Tensor:
        patches = self.conv1(images).flatten(2).transpose(1, 2)
        first = self.class_embedding + patches.new_zeros(len(patches), 1, patches.shape[-1])
        tokens = self.ln_pre(torch.cat([first, patches], dim=1) + self.positional_embedding).transpose(0, 1)
        for block in self.transformer.resblocks:
            tokens = checkpoint(block, tokens, use_reentrant=True)
        return self.ln_post(tokens.transpose(0, 1)[:, 0]) @ self.proj


class PublishedHead(TemporalTransformer):
    """The published temporal transformer: (B, T, D) -> (B, D)."""

    def forward(self, frames: Tensor) -> Tensor:
        positions = self.frame_position_embeddings(torch.arange(frames.shape[1], device=frames.device))
        hidden = (frames + positions).transpose(0, 1)
        for block in self.transformer.resblocks:
            hidden = block(hidden)
        return (hidden.transpose(0, 1) + frames).mean(1)


def published(shape: Shape) -> Baseline:
    """The published way: the same weights under the same names, otherwise computed."""
    model = plain_open_clip(shape)
    for part, norm in ((model.visual, PublishedNorm), (model.temporal, PublishedHeadNorm)):
        for module in part.modules():
            if isinstance(module, nn.LayerNorm):
                module.__class__ = norm
            elif isinstance(module, nn.MultiheadAttention):
                module.batch_first = False
            elif isinstance(module, ResidualAttentionBlock) and part is model.visual:
                module.__class__ = PublishedBlock
    model.visual.__class__, model.temporal.__class__ = PublishedEncoder, PublishedHead
    return model


def plain_open_clip(shape: Shape) -> Baseline:
    """open_clip's image encoder and this project's temporal head, as they come."""
    with torch.device("meta"):
        visual = shape.visual()
        head = TemporalTransformer(shape.dim, shape.dim // 64, layers=shape.head_layers)
    return Baseline(shape, visual, head)

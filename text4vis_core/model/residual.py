"""Residual blocks of an image encoder, changed while it trains: stochastic depth, and recomputation to save memory.

Both are context managers. They change no parameter and no name of one, and leave the encoder as it was.

B videos, T frames; the encoder gets B * T pictures.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

RATES = {"Dropout": "p", "PatchDropout": "prob", "DropPath": "drop_prob"}  # of torch, open_clip and timm


def residual_blocks(visual: nn.Module) -> list[tuple[nn.Module, list[nn.Module]]]:
    """The residual blocks in order, each with the last module of each of its branches.

    Known are transformer blocks (open_clip's and timm's; attention and MLP) and the bottlenecks of CLIP's ResNet; a
    ValueError for an encoder that has none of these.
    """
    blocks = []
    for module in visual.modules():
        children = dict(module.named_children())
        if {"attn", "mlp"} <= children.keys():
            blocks.append((module, [children["attn"], children["mlp"]]))
        elif {"conv3", "bn3", "act3"} <= children.keys() and not hasattr(module, "layer1"):  # the stem has these too
            blocks.append((module, [children["bn3"]]))
    if not blocks:
        remedy = "set drop_path to 0 and gradient_checkpointing to False"
        kind = f"image encoder {type(visual).__name__}"
        raise ValueError(f"{kind} has no residual blocks that are known here (a ViT's or CLIP's ResNet's): {remedy}")
    return blocks


def still(visual: nn.Module) -> None:
    """Turn off what an encoder leaves out at random of itself, as open_clip's ConvNeXts do: 0.1 of a batch's branches.

    Such a draw falls otherwise when a batch is divided otherwise. Who wants stochastic depth says so: `drop_path`.
    """
    for module in visual.modules():
        if rate := RATES.get(type(module).__name__):
            setattr(module, rate, 0.0)


class StochasticDepth:
    """Which branches are left out of which pictures, until the next draw. Made by `stochastic_depth`.

    `rates` are each branch's, in the encoder's order; the encoder computes on `device`.
    """

    def __init__(self, rates: Sequence[float], device: torch.device):
        self._rates, self._device = np.array(rates), device
        self._factors: Tensor | None = None

    def draw(self, seed: int, epoch: int, indices: Sequence[int] | Tensor, frames: int) -> None:
        """Draw anew, before every forward pass: a function of (seed, epoch, video, frame, branch) and nothing else.

        So a video loses the same branches in whatever batch, process or micro-batch it is, and again when its blocks
        are recomputed. `indices` (B,) are those of the next batch's videos, on the CPU, which have `frames` T each.
        """
        if not len(self._rates):
            return
        shape = (frames, len(self._rates))
        # The last number keeps these draws apart from those of the same video's random clip.
        draws = [np.random.default_rng([seed, epoch, int(index), 1]).random(shape) for index in indices]
        keep = 1 - self._rates
        factors = torch.from_numpy(((np.stack(draws) < keep) / keep).astype(np.float32)).permute(2, 0, 1).contiguous()
        if self._device.type == "cuda":
            factors = factors.pin_memory()
        self._factors = factors.to(self._device, non_blocking=True)

    def leave_out(self, number: int, block: nn.Module, branch: nn.Module, inputs, output):
        """A branch's forward hook: what it gave, times 0 or 1 / (1 - rate) for each picture."""
        # The block's mode and not the branch's, whose BatchNorm never trains.
        if not block.training:
            return output
        if isinstance(output, tuple):  # attention gives its weights too
            return self.leave_out(number, block, branch, inputs, output[0]), *output[1:]
        if self._factors is None:
            raise RuntimeError("stochastic depth has nothing drawn: call draw before the forward pass")
        factor = self._factors[number]
        if len(output) == len(factor):  # all frames of a clip are one sequence, as in "joint"
            factor = factor[:, 0]
        if len(output) != factor.numel():
            drawn = " x ".join(map(str, factor.shape))
            found = f"was drawn for {drawn} pictures, the encoder got {len(output)}"
            raise RuntimeError(f"stochastic depth {found}: call draw before every forward pass")
        return output * factor.to(output.dtype).view(-1, *[1] * (output.ndim - 1))


@contextmanager
def stochastic_depth(visual: nn.Module, rate: float) -> Iterator[StochasticDepth]:
    """In training, leave out residual branches at random (Huang et al., stochastic depth, ECCV 2016).

        with stochastic_depth(model.visual, rate=0.1) as depth:
            depth.draw(seed, epoch, batch["indices"], num_frames)
            model(batch["frames"])

    A branch of block i of L is left out with probability `rate` * i / (L - 1), of a picture; what is kept is divided by
    the probability of that. (The release's draw falls on tokens, which come first there.) The rate is in [0, 1), and
    0 changes nothing. A ValueError for an encoder without blocks that are known.
    """
    blocks = residual_blocks(visual) if rate > 0 else []
    branches = [
        (rate * number / max(1, len(blocks) - 1), block, branch)
        for number, (block, own) in enumerate(blocks)
        for branch in own
    ]
    depth = StochasticDepth([share for share, _, _ in branches], next(visual.parameters()).device)
    with ExitStack() as hooks:
        for number, (share, block, branch) in enumerate(branches):
            if share:
                handle = branch.register_forward_hook(partial(depth.leave_out, number, block))
                hooks.callback(handle.remove)
        yield depth


@contextmanager
def recompute(visual: nn.Module, enabled: bool = True) -> Iterator[None]:
    """Gradient checkpointing: keep a residual block's input only, and compute the rest again in the backward pass.

    A ValueError for an encoder without blocks that are known; `enabled=False` changes nothing.
    """
    blocks = [block for block, _ in residual_blocks(visual)] if enabled else []
    for block in blocks:
        block.forward = partial(_recomputed, block.forward)
    try:
        yield
    finally:
        for block in blocks:
            del block.forward  # the class's own is there again


def _recomputed(forward, *args, **kwargs):
    if not torch.is_grad_enabled():
        return forward(*args, **kwargs)
    return checkpoint(forward, *args, use_reentrant=False, **kwargs)

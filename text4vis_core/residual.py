"""Residual blocks of an image encoder, changed while it trains: stochastic depth, and recomputation to save memory.

Both are context managers. They change no parameter and no name of one, and leave the encoder as it was.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


def residual_blocks(visual: nn.Module) -> list[tuple[nn.Module, list[nn.Module]]]:
    """The residual blocks in order, each with the last module of each of its branches.

    Known are transformer blocks (open_clip's and timm's; attention and MLP) and the bottlenecks of CLIP's ResNet.

    Raises:
        ValueError: the encoder has none of these.
    """
    blocks = []
    for module in visual.modules():
        children = dict(module.named_children())
        if {"attn", "mlp"} <= children.keys():
            blocks.append((module, [children["attn"], children["mlp"]]))
        elif {"conv3", "bn3", "act3"} <= children.keys() and not hasattr(module, "layer1"):  # the stem has these too
            blocks.append((module, [children["bn3"]]))
    if not blocks:
        raise ValueError(
            f"image encoder {type(visual).__name__} has no residual blocks that are known here (a ViT's or CLIP's "
            f"ResNet's): set drop_path to 0 and gradient_checkpointing to False"
        )
    return blocks


@contextmanager
def stochastic_depth(visual: nn.Module, rate: float) -> Iterator[None]:
    """In training, leave out residual branches at random (Huang et al., stochastic depth, ECCV 2016).

    A branch of block i of L is left out with probability `rate` * i / (L - 1), for each picture alone, and what is kept
    is divided by the probability of that. (The release's draw falls on tokens instead, for its tokens come first.)

    Args:
        visual: image encoder.
        rate: of the last block, in [0, 1); 0 changes nothing.

    Raises:
        ValueError: an encoder without blocks that are known.
    """
    with ExitStack() as hooks:
        blocks = residual_blocks(visual) if rate > 0 else []
        for number, (block, branches) in enumerate(blocks):
            share = rate * number / max(1, len(blocks) - 1)
            for branch in branches:
                handle = branch.register_forward_hook(partial(_leave_out, block, share))
                hooks.callback(handle.remove)
        yield


def _leave_out(block: nn.Module, rate: float, branch: nn.Module, inputs, output: Tensor | tuple) -> Tensor | tuple:
    # The block's mode and not the branch's, whose BatchNorm never trains.
    if rate == 0 or not block.training:
        return output
    if isinstance(output, tuple):  # attention gives its weights too
        return _leave_out(block, rate, branch, inputs, output[0]), *output[1:]
    keep = 1 - rate
    kept = torch.rand(len(output), *[1] * (output.ndim - 1), device=output.device) < keep
    return output * kept / keep


@contextmanager
def recompute(visual: nn.Module, enabled: bool = True) -> Iterator[None]:
    """Gradient checkpointing: keep a residual block's input only, and compute the rest again in the backward pass.

    Args:
        visual: image encoder.
        enabled: False changes nothing.

    Raises:
        ValueError: an encoder without blocks that are known.
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

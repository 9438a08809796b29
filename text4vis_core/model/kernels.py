"""Faster modules for float32 and bf16 on the CPU, put in the place of a model's own; QuickGELU's is for CUDA too.

PyTorch multiplies float32 matrices on the CPU by MKL, which leaves out AVX-512 where the processor is not Intel's.
oneDNN, which is in PyTorch too and does its convolutions, does not: twice the rate on an AMD EPYC of 2024, forwards
and backwards (`make bench` measures both). Parameters, their names and what is computed stay the same.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from open_clip.transformer import QuickGELU
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

# Numbers in a weight; for fewer, calling oneDNN costs more than it saves. Rows do not count: a video's embedding would
# depend on the batch that it comes in.
SMALLEST = 2**16


def use_fast_kernels(model: nn.Module) -> nn.Module:
    """Convert a model's modules in place, those whose kind is known here: their class, and nothing else. Returns it."""
    for module in model.modules():
        if type(module) in FAST:
            module.__class__ = FAST[type(module)]
        elif type(module) is nn.Conv2d and _cuts_patches(module):
            module.__class__ = PatchConv
    return model


@contextmanager
def packed_weights(model: nn.Module, dtype: torch.dtype = torch.float32) -> Iterator[None]:
    """For evaluation: while this is open, linear layers have their weights in oneDNN's own order, made once.

    A twelfth of the time of ViT-B/32. A weight that is changed meanwhile is used as it then is. The copies, of this
    type (bf16: for autocast), are as large as the weights; on other devices, nothing happens.
    """
    mine = {}
    for module in model.modules():
        weights = module.parameters(recurse=False) if type(module) in (*FAST.values(), PatchConv) else ()
        for weight in weights:
            if weight.ndim > 1 and _can_be_packed(weight):
                packed = torch.ops.mkldnn._reorder_linear_weight(weight.detach().flatten(1).to(dtype))
                mine[weight.data_ptr()] = weight, weight._version, packed
    _PACKED.update(mine)
    try:
        yield
    finally:
        for address in mine:
            del _PACKED[address]


def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """As `F.linear`: (..., K), (N, K), (N,) -> (..., N)."""
    if _PACKED and torch.is_autocast_enabled("cpu") and x.device.type == "cpu" and not torch.is_grad_enabled():
        packed = _packed(weight, torch.get_autocast_dtype("cpu"))
        if packed is not weight and x.numel():
            return _product(x.to(packed.dtype), packed, bias if bias is None else bias.to(packed.dtype))
    if not _by_onednn(x, weight):
        return F.linear(x, weight, bias)
    if torch.is_grad_enabled():
        return _Linear.apply(x, weight, bias)
    return _product(x, _packed(weight, x.dtype) if _PACKED else weight, bias)


class Linear(nn.Linear):
    """A linear layer by oneDNN."""

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)


class OutProjection(nn.modules.linear.NonDynamicallyQuantizableLinear):
    """The last layer of attention by oneDNN."""

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight, self.bias)


class SelfAttention(nn.MultiheadAttention):
    """Multi-head self-attention whose heads are views of one product, without PyTorch's copies of them."""

    def forward(self, query, key, value, key_padding_mask=None, need_weights=True, attn_mask=None, **options):
        known = query is key is value and self.in_proj_weight is not None and self.bias_k is None
        known = known and self.batch_first and query.ndim == 3 and not self.add_zero_attn
        plain = not (need_weights or key_padding_mask is not None or options)
        plain = plain and (attn_mask is None or attn_mask.ndim == 2)
        if not (known and plain) or (self.dropout and self.training):
            return super().forward(query, key, value, key_padding_mask, need_weights, attn_mask, **options)
        heads = linear(query, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)
        q, k, v = (part.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for part in heads)
        if attn_mask is not None and attn_mask.dtype == torch.bool:  # True is left out
            attn_mask = torch.zeros_like(attn_mask, dtype=q.dtype).masked_fill_(attn_mask, float("-inf"))
        mixed = _attention(q, k, v, attn_mask)
        return self.out_proj(mixed.transpose(1, 2).flatten(2)), None


class FastQuickGELU(QuickGELU):
    """x * sigmoid(1.702 x) by silu: one kernel backwards where there were five, and half of what is kept for it."""

    def forward(self, x: Tensor) -> Tensor:
        if _is_plain(x) or x.is_cuda or x.dtype == torch.bfloat16:
            return _QuickGELU.apply(x)
        return super().forward(x)


class PatchConv(nn.Conv2d):
    """A convolution of patches that do not overlap, which is a product of matrices."""

    def forward(self, x: Tensor) -> Tensor:
        if not _by_onednn(x, self.weight):
            return super().forward(x)
        (rows, columns), (height, width) = self.kernel_size, x.shape[-2:]
        x = x[..., : height // rows * rows, : width // columns * columns]
        patches = x.unflatten(3, (-1, columns)).unflatten(2, (-1, rows)).permute(0, 2, 4, 1, 3, 5).flatten(3)
        return linear(patches, self.weight.flatten(1), self.bias).permute(0, 3, 1, 2)


FAST = {
    nn.Linear: Linear,
    nn.modules.linear.NonDynamicallyQuantizableLinear: OutProjection,
    nn.MultiheadAttention: SelfAttention,
    QuickGELU: FastQuickGELU,
}


def _attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    if q.dtype != torch.bfloat16 or q.device.type != "cpu":
        return F.scaled_dot_product_attention(q, k, v, mask)
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)  # PyTorch's fused kernel takes three times as long in bf16
    return (scores if mask is None else scores + mask).softmax(-1, dtype=q.dtype) @ v


def _cuts_patches(conv: nn.Conv2d) -> bool:
    plain = conv.padding in ((0, 0), "valid") and conv.dilation == (1, 1) and conv.groups == 1
    return plain and conv.kernel_size == conv.stride != (1, 1)


def _is_plain(x: Tensor) -> bool:
    return x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")


def _by_onednn(x: Tensor, weight: Tensor) -> bool:
    return ONEDNN and _is_plain(x) and weight.dtype == torch.float32 and weight.numel() >= SMALLEST and x.numel() > 0


ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
_PACKED: dict[int, tuple[Tensor, int, Tensor]] = {}  # by a weight's address: the weight, its version, the copy


def _can_be_packed(weight: Tensor) -> bool:
    shards = hasattr(weight, "full_tensor")  # a DTensor
    return _by_onednn(weight, weight) and weight.is_contiguous() and not weight.is_inference() and not shards


def _packed(weight: Tensor, dtype: torch.dtype) -> Tensor:
    original, version, packed = _PACKED.get(weight.data_ptr(), (weight, None, weight))
    return packed if original._version == version and packed.dtype == dtype else weight


def _product(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    if torch.compiler.is_compiling():  # whose own way of calling oneDNN is for weights that never change
        return _opaque_product(x, weight, bias)
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


@torch.library.custom_op("text4vis::product", mutates_args=())
def _opaque_product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


@_opaque_product.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return x.new_empty(*x.shape[:-1], weight.shape[0])


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _product(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):
        x, weight = ctx.saved_tensors
        rows, inputs = (part.reshape(-1, part.shape[-1]).contiguous() for part in (gradient, x))
        of_x, of_weight, of_bias = ctx.needs_input_grad
        return (
            _product(rows, weight.t()).view_as(x) if of_x else None,
            _product(rows.t(), inputs.t()) if of_weight else None,
            rows.sum(0) if of_bias else None,
        )


class _QuickGELU(torch.autograd.Function):
    """x sigmoid(a x) = silu(a x) / a, whose derivative is that of silu at a x."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        scaled = x * 1.702
        if ctx.needs_input_grad[0]:
            ctx.save_for_backward(scaled)
        return F.silu(scaled, inplace=not ctx.needs_input_grad[0]).div_(1.702)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> Tensor:
        return torch.ops.aten.silu_backward(gradient, ctx.saved_tensors[0])

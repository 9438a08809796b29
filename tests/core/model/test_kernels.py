"""Faster modules: the same numbers and gradients as those whose place they take, for every kind of model."""

import copy
import platform
import subprocess
import sys

import open_clip
import pytest
import torch
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from text4vis_core import VideoClassifier, VideoDataset, embed_videos
from text4vis_core.model import ImageEncoder, kernels
from text4vis_core.model.kernels import FAST, PatchConv, SelfAttention, linear, packed_weights, use_fast_kernels
from text4vis_core.model.residual import recompute

TEXT = {"context_length": 8, "vocab_size": 64, "width": 16, "heads": 2, "layers": 2}
VISION = {
    "vit": {"layers": 2, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 20},
    "layer scale": {"layers": 2, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 16, "ls_init_value": 0.1},
    "attention pool": {
        "layers": 2, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 16, "attentional_pool": True,
        "attn_pooler_heads": 2, "attn_pooler_queries": 4,
    },
    "resnet": {"layers": [1, 1, 1, 1], "width": 8, "image_size": 32},
    "timm": {"timm_model_name": "vit_tiny_patch16_224", "timm_pool": "", "timm_proj": "linear", "image_size": 224},
    "convnext": {"timm_model_name": "convnext_atto", "timm_pool": "avg", "timm_proj": "linear", "image_size": 32},
}  # fmt: skip


@pytest.fixture(autouse=True)
def every_size(monkeypatch):
    """oneDNN for the small weights of these tests too."""
    assert kernels.ONEDNN, "this PyTorch has no oneDNN"
    monkeypatch.setattr(kernels, "SMALLEST", 0)


def clip_model(kind: str, quick: bool = True) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = open_clip.model.CLIP(16, VISION[kind], TEXT, quick_gelu=quick).eval()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.ones_(module.weight)  # of a residual's last one open_clip makes 0
        return model


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def pictures(model: nn.Module) -> torch.Tensor:
    size = model.visual.image_size
    return normal(3, 3, *(size if isinstance(size, tuple) else (size, size)))


def run(model: nn.Module) -> dict[str, torch.Tensor]:
    """Embeddings of pictures and of texts, and every gradient."""
    model.zero_grad()
    texts = torch.randint(1, 60, (5, 8), generator=torch.Generator().manual_seed(1))
    found = {"pictures": model.encode_image(pictures(model)), "texts": model.encode_text(texts)}
    sum((tensor * normal(*tensor.shape, seed=2)).sum() for tensor in found.values()).backward()
    found |= {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return {name: tensor.detach().clone() for name, tensor in found.items()}


def assert_close(found: dict, expected: dict, tolerance: float = 1e-5) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        largest = float(tensor.abs().max())
        assert float((found[name] - tensor).abs().max()) <= tolerance * max(largest, 1e-3), name


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("kind", VISION)
def test_the_same_numbers_and_gradients(kind, quick):
    plain = clip_model(kind, quick)
    fast = use_fast_kernels(copy.deepcopy(plain))
    assert any(type(module) in (*FAST.values(), PatchConv) for module in fast.modules())
    assert list(fast.state_dict()) == list(plain.state_dict())
    expected = run(plain)
    assert len(expected) > 20
    assert_close(run(fast), expected)
    with torch.no_grad():
        assert torch.allclose(fast.encode_image(pictures(fast)), plain.encode_image(pictures(plain)), atol=1e-5)


def test_products_are_onednns(monkeypatch):
    """A ViT's every large product goes there: MKL's are left for the projection of its class tokens."""
    calls = []
    product = kernels._product
    monkeypatch.setattr(kernels, "_product", lambda *inputs: calls.append(1) or product(*inputs))
    model = use_fast_kernels(clip_model("vit"))
    model.visual(normal(2, 3, 20, 20)).sum().backward()
    assert len(calls) == 3 * (1 + 2 * 4) - 1  # forwards, input, weight; the patches need no gradient


def test_recomputed_blocks_give_the_same_gradients():
    model = use_fast_kernels(clip_model("vit"))
    expected = run(model)
    with recompute(model.visual):
        assert_close(run(model), expected, 1e-6)


def test_bf16_is_what_it_was():
    plain = clip_model("vit")
    fast = use_fast_kernels(copy.deepcopy(plain))
    with torch.autocast("cpu", torch.bfloat16):
        expected, found = run(plain), run(fast)
    assert found["pictures"].dtype == expected["pictures"].dtype
    assert_close(found, expected, 0.05)
    half = pictures(plain).bfloat16()
    assert torch.allclose(fast.bfloat16().encode_image(half), plain.bfloat16().encode_image(half), atol=0.05)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=3), st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_linear_is_linear(lead, inputs, outputs, with_bias):
    x, weight, bias = normal(*lead[:-1], 1, inputs), normal(outputs, inputs, seed=1), normal(outputs, seed=2)
    x = x.expand(*lead, inputs)  # strides of zero here, and in the gradient of a mean
    parts = [part.detach().requires_grad_() for part in (x, weight, bias)]
    gradients = []
    for function in (linear, F.linear):
        y = function(*parts[:2], parts[2] if with_bias else None)
        assert y.shape == (*lead, outputs)
        gradients.append([y, *torch.autograd.grad(y.mean(0).square().sum(), parts[: 2 + with_bias])])
    assert all(torch.allclose(a, b, atol=1e-5, rtol=1e-4) for a, b in zip(*gradients, strict=True))


@pytest.mark.parametrize(
    "options", [{"need_weights": True}, {"key_padding_mask": torch.tensor([[False] * 4 + [True]] * 2)}]
)
def test_attention_that_is_not_known_is_pytorchs(options):
    plain = nn.MultiheadAttention(8, 2, batch_first=True)
    fast = use_fast_kernels(copy.deepcopy(plain))
    assert type(fast) is SelfAttention
    x, other = normal(2, 5, 8), normal(2, 5, 8, seed=1)
    options = {"need_weights": False} | options
    for inputs in ((x, x, x), (x, other, other)):
        found, expected = fast(*inputs, **options), plain(*inputs, **options)
        assert torch.allclose(found[0], expected[0], atol=1e-6)
        assert (found[1] is None) == (expected[1] is None)


@pytest.mark.parametrize("mask", [torch.ones(5, 5).triu(1).bool(), torch.full((5, 5), -torch.inf).triu(1)])
def test_a_mask_leaves_out_the_same(mask):
    plain = nn.MultiheadAttention(8, 2, batch_first=True)
    x = normal(2, 5, 8)
    expected = plain(x, x, x, need_weights=False, attn_mask=mask)[0]
    found = use_fast_kernels(copy.deepcopy(plain))(x, x, x, need_weights=False, attn_mask=mask)[0]
    assert torch.allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("mask", [None, torch.ones(5, 5).triu(1).bool(), torch.full((5, 5), -torch.inf).triu(1)])
def test_attention_in_bf16_is_as_near_to_the_truth_as_pytorchs(mask):
    """Forwards and backwards: how far both are from float64."""
    plain = nn.MultiheadAttention(16, 2, batch_first=True)
    x = normal(3, 5, 16).bfloat16().double()

    def run(module, dtype) -> list[torch.Tensor]:
        given = x.detach().clone().requires_grad_()
        with torch.autocast("cpu", dtype or torch.bfloat16, enabled=dtype is not None):
            y = module(*(given if dtype is None else given.float(),) * 3, need_weights=False, attn_mask=mask)[0]
        return [y.double(), torch.autograd.grad(y.double().square().sum(), given)[0].double()]

    exact = run(copy.deepcopy(plain).double(), None)
    fast = run(use_fast_kernels(copy.deepcopy(plain)), torch.bfloat16)
    for found, pytorchs, right in zip(fast, run(plain, torch.bfloat16), exact, strict=True):
        errors = [((each - right).norm() / right.norm()).item() for each in (found, pytorchs)]
        assert 0 < errors[0] < max(0.01, 1.5 * errors[1])


@pytest.mark.parametrize(("inputs", "outputs"), [(64, 256), (300, 40)])
def test_a_row_does_not_depend_on_the_rows_beside_it(inputs, outputs):
    """So that embeddings are the same in whatever batch, as long as it is not of one row."""
    x, weight, bias = normal(120, inputs), normal(outputs, inputs, seed=1), normal(outputs, seed=2)
    whole = linear(x, weight, bias)
    for rows in (2, 3, 8, 50, 119):
        assert torch.equal(linear(x[:rows], weight, bias), whole[:rows])


@pytest.mark.parametrize("kind", ["vit", "timm"])
def test_packed_weights_are_the_weights_and_never_old_ones(kind, monkeypatch):
    model = use_fast_kernels(clip_model(kind))
    images = pictures(model)
    with torch.no_grad():
        expected = model.encode_image(images)
        monkeypatch.setattr(kernels, "_packed", unpack := Counted(kernels._packed))
        with packed_weights(model):
            assert torch.allclose(model.encode_image(images), expected, atol=1e-5)
            assert unpack.changed >= 9
            for parameter in model.parameters():
                parameter.mul_(1.1)
            unpack.changed = 0
            changed = model.encode_image(images)
            assert unpack.changed == 0
        assert not kernels._PACKED
        assert torch.allclose(changed, model.encode_image(images), atol=1e-5)
        assert not torch.allclose(changed, expected, atol=1e-3)
    with packed_weights(model):
        found = run(model)
    assert_close(run(model), found, 1e-6)


@pytest.mark.parametrize("kind", ["vit", "timm"])
def test_weights_are_packed_in_bf16_where_it_is_asked_for(kind, monkeypatch):
    model = use_fast_kernels(clip_model(kind))
    images = pictures(model)
    with torch.no_grad(), packed_weights(model, torch.bfloat16):
        expected = model.encode_image(images)  # in float32, which has no use for them
        monkeypatch.setattr(kernels, "_packed", unpack := Counted(kernels._packed))
        with torch.autocast("cpu", torch.bfloat16):
            found = model.encode_image(images)
        assert unpack.changed >= 8  # four products in each of two layers
    assert found.dtype == torch.bfloat16
    assert 0 < (found - expected).norm() / expected.norm() < 0.02


def test_evaluation_in_bf16_is_asked_for(test_videos):
    visual = clip_model("layer scale").visual
    model = VideoClassifier(ImageEncoder(visual, 16, 16, (0.5,) * 3, (0.25,) * 3), 2.0)
    dataset = VideoDataset(test_videos, 2, 16)
    plain, same, half = (
        embed_videos(model, dataset, precision=name).views for name in ("auto", "32-true", "bf16-mixed")
    )
    assert torch.equal(plain, same)
    assert half.dtype == torch.float32
    assert 0 < (half - plain).norm() / plain.norm() < 0.02


def test_evaluation_packs_the_weights(test_videos, monkeypatch):
    visual = clip_model("layer scale").visual
    model = VideoClassifier(ImageEncoder(visual, 16, 16, (0.5,) * 3, (0.25,) * 3), 2.0)
    monkeypatch.setattr(kernels, "_packed", unpack := Counted(kernels._packed))
    embed_videos(model, VideoDataset(test_videos, 2, 16))
    assert unpack.changed >= 8  # four products in each of two layers
    assert not kernels._PACKED


class Counted:
    """How often a function gave something else than it was given."""

    def __init__(self, function):
        self.function, self.changed = function, 0

    def __call__(self, tensor, *others):
        result = self.function(tensor, *others)
        self.changed += result is not tensor
        return result


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a C library without mallopt")
def test_freed_memory_is_kept():
    """In a process of its own: a block that is freed and asked for again has its pages already, also after a video."""
    code = (
        "import resource, torch; from text4vis_core.data.memory import ACTIVATIONS, CLIPS, keep_freed_memory\n"
        "def faults():\n"
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "    for _ in range(4): torch.empty(2**24).fill_(1)\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before\n"
        "before = faults(); assert keep_freed_memory(ACTIVATIONS); keep_freed_memory(CLIPS)\n"
        "print(before, [faults() for _ in range(8)][-1])"  # the first ones make room
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    before, after = map(int, done.stdout.split())
    assert after < before / 100


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_quick_gelu_loses_nothing_in_half_precision(dtype):
    """As CUDA has it, compared with open_clip's: how far both are from float64."""
    numbers = torch.randn(10_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 3
    numbers = numbers.to(dtype).double()  # the same for all
    exact = numbers.clone().requires_grad_()
    expected = exact * torch.sigmoid(1.702 * exact)
    expected.sum().backward()

    def errors(function) -> tuple[float, float]:
        x = numbers.to(dtype).requires_grad_()
        y = function(x)
        y.sum().backward()
        pairs = ((y, expected), (x.grad, exact.grad))
        return tuple(((found - right).norm() / right.norm()).item() for found, right in pairs)

    ours, plain = errors(kernels._QuickGELU.apply), errors(open_clip.transformer.QuickGELU())
    assert ours[0] < 2 * plain[0]  # a rounding more
    assert ours[1] < plain[1]

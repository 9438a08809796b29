"""Stochastic depth and recomputation: what they do to an encoder while it trains, and that nothing of them stays."""

from functools import partial

import open_clip
import pytest
import torch
from torch import nn

from text4vis_core.model.residual import recompute, residual_blocks, stochastic_depth
from text4vis_core.model.temporal import INSIDE, Clock

TEXT = {"context_length": 8, "vocab_size": 64, "width": 16, "heads": 2, "layers": 1}


def vit(temporal: str | None = None) -> nn.Module:
    vision = {"layers": 3, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 16}
    visual = open_clip.model.CLIP(8, vision, TEXT).visual
    clock = Clock()
    clock.frames = 2
    if temporal is not None:
        INSIDE[temporal](visual, clock, 2)
    return visual


def resnet() -> nn.Module:
    visual = open_clip.model.CLIP(8, {"layers": [1, 2, 1, 1], "width": 8, "image_size": 32}, TEXT).visual
    for module in visual.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)  # of a residual's last one open_clip makes 0
    return visual


def training(visual: nn.Module) -> nn.Module:
    """Training mode as `VideoClassifier.train` has it, without BatchNorm's."""
    visual.train()
    for module in visual.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    return visual


ENCODERS = {"vit": vit, "resnet": resnet}
ENCODERS |= {name: partial(vit, name) for name in ("tokenshift", "tsm", "joint")}


@pytest.fixture(params=ENCODERS)
def visual(request) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return training(ENCODERS[request.param]())


def pictures(visual: nn.Module, count: int = 4) -> torch.Tensor:
    size = visual.image_size if isinstance(visual.image_size, int) else visual.image_size[0]
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(1))


def test_the_blocks_are_found_in_order(visual):
    blocks = residual_blocks(visual)
    transformer = hasattr(visual, "transformer")
    assert len(blocks) == (3 if transformer else 5)
    assert [len(branches) for _, branches in blocks] == [2 if transformer else 1] * len(blocks)


def test_stochastic_depth_grows_over_the_blocks_and_keeps_the_mean(visual):
    """Of block i of L, rate * i / (L - 1) of the pictures lose the branch; the others' is larger for it."""
    rate, found = 0.6, []

    def note(block, inputs, output):
        found[-1].append((output[0] if isinstance(output, tuple) else output).detach().clone())

    images = pictures(visual, 600)
    blocks = residual_blocks(visual)
    branches = [branch for _, branches in blocks for branch in branches]
    with torch.no_grad():
        for number, (_, own) in enumerate(blocks):
            for branch in own:
                found.append([])
                handles = [branch.register_forward_hook(note)]
                with stochastic_depth(visual, rate) as depth:
                    depth.draw(0, 0, range(300), 2)
                    handles.append(branch.register_forward_hook(note))
                    visual(images)
                for handle in handles:
                    handle.remove()
                before, after = found[-1]
                lost = after.flatten(1).abs().amax(1) == 0
                expected = rate * number / (len(blocks) - 1)
                assert float(lost.float().mean()) == pytest.approx(expected, abs=0.1)
                assert torch.allclose(after[~lost] * (1 - expected), before[~lost], atol=1e-5)
    assert len(found) == len(branches)


def test_stochastic_depth_is_of_training_alone_and_leaves_nothing_behind(visual):
    images, names = pictures(visual), list(visual.state_dict())
    with torch.no_grad():
        plain = visual(images)
        with stochastic_depth(visual, 0.9) as depth:
            assert list(visual.state_dict()) == names
            depth.draw(0, 0, [0, 1], 2)
            assert not torch.allclose(visual(images), plain)
            assert torch.allclose(visual.eval()(images), plain, atol=1e-5)
        assert torch.equal(training(visual)(images), plain)
        with stochastic_depth(visual, 0.0) as depth:
            depth.draw(0, 0, [0, 1], 2)
            assert torch.equal(visual(images), plain)


def test_what_a_video_loses_is_its_own_in_any_batch(visual):
    """By seed, epoch and index: as many processes or micro-batches as there are, a video loses the same branches."""
    images = pictures(visual, 8).unflatten(0, (4, 2))

    def embed(*videos: int, seed: int = 0, epoch: int = 0) -> torch.Tensor:
        depth.draw(seed, epoch, torch.tensor([10 + video for video in videos]), 2)
        torch.rand(3)  # the global generator has no say
        return visual(images[list(videos)].flatten(0, 1)).unflatten(0, (len(videos), -1))

    with torch.no_grad(), stochastic_depth(visual, 0.7) as depth:
        whole = embed(0, 1, 2, 3)
        assert torch.allclose(torch.cat([embed(0), embed(1, 2), embed(3)]), whole, atol=2e-6)
        assert torch.allclose(embed(3, 1, 0, 2)[[2, 1, 3, 0]], whole, atol=2e-6)
        for other in (embed(0, 1, 2, 3, epoch=1), embed(0, 1, 2, 3, seed=1)):
            assert not torch.allclose(other, whole, atol=2e-5)


def test_a_forward_pass_needs_a_draw_of_its_own(visual):
    images = pictures(visual)
    with stochastic_depth(visual, 0.5) as depth:
        with pytest.raises(RuntimeError, match="nothing drawn: call draw before the forward pass"):
            visual(images)
        depth.draw(0, 0, range(6), 2)
        with pytest.raises(RuntimeError, match="drawn for 6 x 2 pictures, the encoder got"):
            visual(images)


def gradients(visual: nn.Module, images: torch.Tensor) -> tuple[int, dict[str, torch.Tensor]]:
    """How many numbers the forward pass keeps, and every parameter's gradient."""
    kept = []

    def pack(tensor):
        kept.append(tensor.numel())
        return tensor

    visual.zero_grad()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = visual(images).square().sum()
    numbers = sum(kept)
    loss.backward()
    return numbers, {name: p.grad.clone() for name, p in visual.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_recomputation_gives_the_same_gradients_and_keeps_less(visual, rate):
    images = pictures(visual, 8)
    with stochastic_depth(visual, rate) as depth:
        depth.draw(0, 0, range(4), 2)
        kept, expected = gradients(visual, images)
        with recompute(visual):
            less, found = gradients(visual, images)
        again, after = gradients(visual, images)
    assert less < 0.5 * kept
    assert again == kept
    assert found.keys() == expected.keys()
    assert all(torch.allclose(found[name], expected[name], atol=1e-6) for name in expected)
    assert all(torch.equal(after[name], expected[name]) for name in expected)
    assert any(gradient.abs().max() > 1e-3 for gradient in expected.values())


def test_without_gradients_nothing_is_recomputed(visual):
    images, calls = pictures(visual), []
    handle = residual_blocks(visual)[0][1][0].register_forward_hook(lambda *_: calls.append(1))
    with torch.no_grad(), recompute(visual):
        visual(images)
    handle.remove()
    assert calls == [1]


@pytest.mark.parametrize("change", [lambda visual: stochastic_depth(visual, 0.1), recompute])
def test_an_encoder_without_known_blocks(change):
    message = r"image encoder Sequential has no residual blocks .* set drop_path to 0"
    with pytest.raises(ValueError, match=message), change(nn.Sequential(nn.Flatten(), nn.Linear(12, 4))):
        pass

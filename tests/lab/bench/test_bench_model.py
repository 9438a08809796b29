"""The bench's model part, on a model that takes milliseconds: three ways that compute the same, rates that add up."""

import pytest
import torch

from text4vis_core.data.sampling import evaluation_indices
from text4vis_core.model import kernels
from text4vis_lab.bench import model as bench
from text4vis_lab.bench import views
from text4vis_lab.bench.model import MINIATURE, VIT_B_32, WAYS, Trainer, gradient_difference, inference_rate, step_times

WAYS_TO_SEE = (views.THEIRS, views.OURS, views.HALF)


def test_the_ways_have_the_same_loss_and_gradients(monkeypatch):
    monkeypatch.setattr(kernels, "SMALLEST", 0)
    *losses, in_bf16 = (Trainer(way, MINIATURE).backward() for way in WAYS)
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-5)
    assert in_bf16 == pytest.approx(losses[0], rel=0.02)
    assert in_bf16 not in losses
    assert gradient_difference(MINIATURE) < 1e-4


def test_a_difference_is_seen(monkeypatch):
    ours = bench.Shape.ours

    def changed(shape: bench.Shape):
        model = ours(shape)
        model.classifier.weight.neg_()
        return model

    monkeypatch.setattr(bench.Shape, "ours", changed)
    assert gradient_difference(MINIATURE) > 0.1


def test_the_published_way_has_three_forward_passes(monkeypatch):
    """Once, again with its block, and again with its branch; plain open_clip has one."""
    calls = {}
    for way in ("published", "open_clip"):
        trainer = Trainer(way, MINIATURE)
        block = trainer.model.visual.transformer.resblocks[1]
        block.mlp.c_fc.register_forward_hook(lambda *_, way=way: calls.update({way: calls.get(way, 0) + 1}))
        trainer.step()
    assert calls == {"published": 3, "open_clip": 1}


@pytest.mark.slow
def test_step_times():
    found = step_times(repeats=2, miniature=True)
    assert found.keys() == {*WAYS, "gradient_difference"}
    assert all(len(found[way]) == 2 and min(found[way]) > 0 for way in WAYS)
    assert found["gradient_difference"] < 1e-4


def test_inference_rate():
    found = inference_rate(repeats=3, miniature=True)
    # The patches, 12 width^2 for a token in a block, and the projection: twice, for multiplying and adding.
    tokens, width, dim = 16 * 5, MINIATURE.width, MINIATURE.dim
    encoder = 16 * 4 * 3 * 16**2 * width + tokens * MINIATURE.layers * 12 * width**2 + 16 * width * dim
    assert found["operations"] == 2 * (encoder + 16 * 12 * dim**2)
    assert found["yardstick"] in found["products"]
    assert found["torch_yardstick"].startswith("torch.mm")
    rates = found["products"][found["yardstick"]]
    assert found["share"] == pytest.approx([a / b for a, b in zip(found["achieved"], rates, strict=True)])
    assert not kernels._PACKED


def test_the_shape_is_that_of_vit_b_32():
    import open_clip

    config = open_clip.get_model_config("ViT-B-32-quickgelu")
    vision = config["vision_cfg"]
    assert config["quick_gelu"]
    assert (vision["width"], vision["layers"], vision["patch_size"], vision["image_size"], config["embed_dim"]) == (
        VIT_B_32.width,
        VIT_B_32.layers,
        VIT_B_32.patch,
        VIT_B_32.size,
        VIT_B_32.dim,
    )
    assert torch.equal(VIT_B_32.batch()[0], VIT_B_32.batch()[0])


def test_evaluation_times(tmp_path):
    found = views.evaluation_times(tmp_path, 2, miniature=True)
    assert found.keys() == {f"{seen}, {way}" for seen in views.SEEN for way in WAYS_TO_SEE} | views.APART.keys()
    assert all(len(found[name]) == 2 and min(found[name]) > 0 for name in found.keys() - views.APART.keys())
    quantities = {each.name: each for each in views.evaluation_quantities(found, miniature=True)}
    assert all(quantities[name].met for name in views.APART)
    half = found[f"{views.ALL}, {views.THEIRS}"][0] / found[f"{views.ALL}, {views.HALF}"][0]
    assert quantities[f"evaluation, {views.ALL}, {views.THEIRS} / {views.HALF}"].values[0] == half
    [asked] = [
        each for each in views.evaluation_quantities(found) if each.name.endswith(f"/ {views.OURS}") and each.limit
    ]
    assert asked.limit == 1.5 and views.ALL in asked.name


@pytest.mark.parametrize("wrong", ["crops", "clips", "scaling"])
def test_an_evaluation_of_something_else_is_seen(tmp_path, monkeypatch, wrong):
    """The published way's views, a crop too far left, of other frames, or scaled otherwise, are not ours."""
    match wrong:
        case "crops":
            monkeypatch.setattr(views.F, "crop", lambda picture, *_: picture.crop((0, 0, 32, 32)))
        case "clips":
            monkeypatch.setattr(views, "evaluation_indices", lambda *asked: evaluation_indices(*asked) // 2)
        case _:
            monkeypatch.setattr(views.F, "resize", lambda picture, *_: picture)
    assert views.evaluation_times(tmp_path, 1, miniature=True)[views.PIXELS][0] > 10 * views.APART[views.PIXELS]

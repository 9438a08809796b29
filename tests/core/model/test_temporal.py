"""Aggregation over time: the published implementation's numbers, and who can see the order of frames."""

import numpy as np
import open_clip
import pytest
import torch
from conftest import REFERENCE
from hypothesis import given, settings
from hypothesis import strategies as st

from text4vis_core import VideoClassifier
from text4vis_core.model import ImageEncoder
from text4vis_core.model.temporal import HEADS, MAX_FRAMES, TemporalOptions, split_temporal


@pytest.mark.parametrize(("temporal", "width"), [("transformer", 128), ("mean", 64)])
def test_published_weights_give_the_published_numbers(temporal, width):
    weights = torch.load(REFERENCE / f"vit_{temporal}_f8.pt", weights_only=True)["model_state_dict"]
    expected = {name: torch.from_numpy(array) for name, array in np.load(REFERENCE / f"vit_{temporal}_f8.npz").items()}
    layers = len({name.split(".")[3] for name in weights if name.startswith("visual.transformer.resblocks.")})
    tower = open_clip.transformer.VisionTransformer(
        32, 8, width, layers, width // 64, 4.0, output_dim=64, act_layer=open_clip.transformer.QuickGELU
    )
    model = VideoClassifier(
        ImageEncoder(tower, 64, 32, (0.5,) * 3, (0.5,) * 3),
        weights["logit_scale"],
        temporal,
        options=TemporalOptions(2),
    )
    renamed = {name.replace("fusion_model.", "temporal."): tensor for name, tensor in weights.items()}
    model.load_state_dict(renamed, strict=True)
    with torch.no_grad():
        embeddings = model.eval().encode_video(expected["frames"])
        logits = model.logits(embeddings, expected["text_embeddings"])
    assert torch.allclose(embeddings, expected["video_embeddings"], atol=1e-5, rtol=0)
    assert torch.allclose(logits, expected["logits"], atol=1e-5, rtol=0)


@settings(max_examples=20)
@given(st.permutations(range(6)))
def test_the_mean_is_blind_to_the_order_of_frames_and_the_transformer_is_not(order):
    frames = torch.randn(2, 6, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        mean = HEADS["mean"](16, TemporalOptions())
        assert torch.allclose(mean(frames[:, order]), mean(frames), atol=1e-6)
        torch.manual_seed(0)
        transformer = HEADS["transformer"](16, TemporalOptions(2))
        same = torch.allclose(transformer(frames[:, order]), transformer(frames), atol=1e-6)
    assert same == (order == sorted(order))


def test_the_transformer_starts_near_the_mean():
    torch.manual_seed(0)
    frames = torch.randn(2, 8, 64)
    with torch.no_grad():
        mean, out = frames.mean(1), HEADS["transformer"](64, TemporalOptions())(frames)
    assert torch.nn.functional.cosine_similarity(out, mean).min() > 0.9


def test_larger_positions_see_more_of_the_order():
    frames = torch.randn(4, 8, 64, generator=torch.Generator().manual_seed(0))
    changes = []
    for position_std in (0.02, 1.0):
        torch.manual_seed(0)
        transformer = HEADS["transformer"](64, TemporalOptions(position_std=position_std))
        with torch.no_grad():
            changes.append(float((transformer(frames) - transformer(frames.flip(1))).norm()))
    assert changes[1] > 5 * changes[0] > 0
    assert HEADS["mean"](64, TemporalOptions(position_std=1.0))(frames).shape == (4, 64)


def test_more_frames_than_positions():
    transformer = HEADS["transformer"](16, TemporalOptions(2))
    assert transformer(torch.zeros(1, MAX_FRAMES, 16)).shape == (1, 16)
    with pytest.raises(ValueError, match="positions for 77 frames, the clip has 78"):
        transformer(torch.zeros(1, MAX_FRAMES + 1, 16))


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize(("dim", "heads"), [(16, None), (64, None), (512, None), (16, 2)])
def test_heads_follow_from_the_size_unless_given(name, dim, heads):
    assert HEADS[name](dim, TemporalOptions(heads))(torch.zeros(2, 3, dim)).shape == (2, dim)


def test_heads_that_do_not_divide():
    with pytest.raises(ValueError, match="3 heads do not divide the embedding size 16"):
        HEADS["transformer"](16, TemporalOptions(3))


def test_an_unknown_name_lists_the_choices():
    with pytest.raises(ValueError, match="unknown temporal module 'lstm'; choose from: mean, transformer, tokenshift"):
        split_temporal("lstm")

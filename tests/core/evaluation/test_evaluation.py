"""Protocols against the published implementation's numbers, metrics against scikit-learn."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import REFERENCE
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from text4vis_core import VideoDataset, VideoError, embed_videos
from text4vis_core.data import Views
from text4vis_core.evaluation.metrics import (
    mean_average_precision,
    topk_accuracy,
    topk_correct,
)
from text4vis_core.evaluation.protocols import (
    half_class_splits,
    multi_view_scores,
    zero_shot_accuracy,
)


def reference(name) -> dict:
    return {key: torch.from_numpy(array) for key, array in np.load(REFERENCE / f"{name}.npz").items()}


def test_half_class_splits_are_the_published_ones():
    expected = json.loads((REFERENCE / "half_class_splits.json").read_text())["101"]
    assert [split.tolist() for split in half_class_splits(101)] == expected


@given(st.integers(2, 300), st.integers(1, 12))
def test_half_class_splits_are_halves(classes, splits):
    halves = half_class_splits(classes, splits)
    assert len(halves) == splits
    for half in halves:
        assert len(half) == classes // 2
        assert (np.diff(half) > 0).all()
        assert set(half) <= set(range(classes))


def test_zero_shot_is_the_published_protocol():
    given = reference("zero_shot_protocol")
    result = zero_shot_accuracy(given["video_embeddings"], given["text_embeddings"], given["labels"])
    assert [result["top1"], result["top5"]] == pytest.approx(given["full"].tolist(), abs=1e-4)
    assert result["half_top1"] == pytest.approx(given["half_top1"].tolist(), abs=1e-4)
    assert result["half_top5"] == pytest.approx(given["half_top5"].tolist(), abs=1e-4)


def test_multi_view_is_the_published_protocol():
    given = reference("multi_view")
    scores = multi_view_scores(given["view_embeddings"], given["text_embeddings"])
    assert torch.allclose(scores.sum(1), torch.ones(len(scores)), atol=1e-5)
    assert topk_accuracy(scores, given["labels"]) == pytest.approx(given["top1"].item(), abs=1e-4)
    assert topk_accuracy(scores, given["labels"], 5) == pytest.approx(given["top5"].item(), abs=1e-4)
    assert mean_average_precision(scores, given["labels"]) == pytest.approx(
        given["mean_average_precision"].item(), abs=1e-4
    )


def test_mean_average_precision_of_one_and_of_several_labels():
    rng = np.random.default_rng(0)
    scores, labels = torch.from_numpy(rng.random((40, 5))), torch.from_numpy(rng.integers(4, size=40))
    one_hot = torch.nn.functional.one_hot(labels, 5)
    expected = 100 * metrics.average_precision_score(one_hot[:, :4], scores[:, :4], average="macro")
    assert mean_average_precision(scores, labels) == pytest.approx(expected)
    several = torch.from_numpy(rng.integers(2, size=(40, 5)))
    expected = 100 * metrics.average_precision_score(several, scores, average="macro")
    assert mean_average_precision(scores, several) == pytest.approx(expected)
    with pytest.raises(ValueError, match="at least one labelled video"):
        mean_average_precision(scores, torch.zeros(40, 5))


@settings(max_examples=30)
@given(st.integers(1, 30), st.integers(2, 8), st.integers(1, 10), st.integers(0, 1000))
def test_top_k_is_scikit_learns(videos, classes, k, seed):
    rng = np.random.default_rng(seed)
    scores, labels = rng.random((videos, classes)), rng.integers(classes, size=videos)
    expected = np.mean([label in np.argsort(-row)[:k] for row, label in zip(scores, labels, strict=True)])
    assert topk_accuracy(torch.from_numpy(scores), torch.from_numpy(labels), k) == pytest.approx(100 * expected)


def test_embed_videos_gives_every_video_in_order(model, test_videos):
    model.train()
    embedded = embed_videos(model, VideoDataset(test_videos, 2, 32, Views(clips=2, crops=3)), batch_size=4)
    assert embedded.views.shape == (6, 6, 16)
    assert embedded.labels.tolist() == test_videos.labels.tolist()
    assert embedded.indices.tolist() == list(range(6))
    assert embedded.skipped == []
    assert torch.allclose(embedded.mean, embedded.views.mean(1))
    with torch.no_grad():
        alone = model.eval().encode_video(VideoDataset(test_videos, 2, 32, Views(clips=2, crops=3))[5]["frames"])
    assert torch.allclose(embedded.views[5], alone, atol=1e-5)


def test_embeddings_do_not_depend_on_batches_and_workers(model, test_videos):
    dataset = VideoDataset(test_videos, 2, 32)
    reference = embed_videos(model, dataset)
    for batch_size, workers in ((1, 0), (4, 1)):
        again = embed_videos(model, dataset, batch_size, workers)
        assert torch.allclose(again.views, reference.views, atol=1e-5)
        assert again.indices.tolist() == reference.indices.tolist()


@pytest.fixture
def broken(test_videos, tmp_path):
    """The test videos with the first and the fourth replaced by what is no video."""
    videos = list(test_videos.videos)
    for i in (0, 3):
        videos[i] = replace(videos[i], path=tmp_path / f"broken{i}.avi")
        videos[i].path.write_text("broken")
    return replace(test_videos, videos=tuple(videos))


@pytest.mark.parametrize("batch_size", [1, 2, 32])
def test_skipped_videos_are_counted_and_never_replaced(model, test_videos, broken, batch_size):
    whole = embed_videos(model, VideoDataset(test_videos, 2, 32))
    part = embed_videos(model, VideoDataset(broken, 2, 32, on_error="skip"), batch_size)
    assert part.indices.tolist() == [1, 2, 4, 5]
    assert part.labels.tolist() == [0, 1, 2, 2]
    assert torch.allclose(part.views, whole.views[part.indices], atol=1e-5)
    assert [path for path, _ in part.skipped] == [str(broken.videos[i].path) for i in (0, 3)]
    assert all("broken" in reason for _, reason in part.skipped)


def test_a_broken_video_stops_by_default_and_is_named(model, broken):
    with pytest.raises(VideoError, match=r"broken0\.avi"):
        embed_videos(model, VideoDataset(broken, 2, 32))


def test_no_video_left(model, broken):
    only = broken.select_classes([0]).videos[:1]
    dataset = VideoDataset(type(broken)(("a",), only), 2, 32, on_error="skip")
    with pytest.raises(ValueError, match=r"none of the 1 videos could be decoded.*broken0\.avi"):
        embed_videos(model, dataset)


def test_any_of_several_labels_is_right():
    scores = torch.tensor([[0.9, 0.1, 0.0, 0.0], [0.1, 0.2, 0.3, 0.4], [0.5, 0.4, 0.1, 0.0]])
    targets = torch.tensor([[1.0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]])
    assert topk_accuracy(scores, targets) == pytest.approx(100 / 3)
    assert topk_accuracy(scores, targets, 3) == pytest.approx(100)


def test_arrays_and_small_integers_are_as_good_as_tensors():
    given = reference("multi_view")
    scores = multi_view_scores(given["view_embeddings"].numpy(), given["text_embeddings"].numpy())
    expected = pytest.approx(given["mean_average_precision"].item(), abs=1e-4)
    assert mean_average_precision(scores.numpy(), given["labels"].int().numpy()) == expected


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_is_not_scored(value):
    scores, labels = torch.rand(4, 8), torch.tensor([0, 1, 2, 7])
    scores[2, 5] = value
    for score in (topk_accuracy, topk_correct, mean_average_precision):
        with pytest.raises(ValueError, match="scores of 1 of 4 videos are not finite; see to weights and embeddings"):
            score(scores, labels)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize(("side", "wrong"), [("videos", 1), ("classes", 4)])
def test_embeddings_that_are_not_finite_are_not_scored(value, side, wrong):
    given = {"videos": torch.rand(4, 5), "classes": torch.rand(8, 5)}
    given[side][1, 2] = value
    message = f"scores of {wrong} of 4 videos are not finite"
    with pytest.raises(ValueError, match=message):
        zero_shot_accuracy(given["videos"], given["classes"], torch.tensor([0, 1, 2, 7]))
    with pytest.raises(ValueError, match=message):
        multi_view_scores(given["videos"][:, None], given["classes"])


@pytest.mark.parametrize(("classes", "splits"), [(2, 0), (5, 0), (6, 10), (7, 10)])
def test_halves_of_one_or_two_classes_are_no_result(classes, splits):
    labels = torch.arange(40) % classes
    found = zero_shot_accuracy(torch.rand(40, 3), torch.rand(classes, 3), labels)
    assert len(found["half_top1"]) == len(found["half_top5"]) == splits

"""Protocols against the published implementation's numbers, metrics and intervals against scikit-learn and scipy."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import REFERENCE
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from text4vis_core import VideoDataset, VideoError, embed_videos
from text4vis_core.data import Views
from text4vis_core.evaluation.intervals import mean_interval
from text4vis_core.evaluation.metrics import (
    mean_average_precision,
    topk_accuracy,
)
from text4vis_core.evaluation.protocols import (
    base_novel_split,
    half_class_splits,
    harmonic_mean,
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


@given(st.lists(st.floats(0, 100), min_size=2, max_size=10).filter(lambda values: np.std(values) > 1e-3))
def test_mean_interval_is_scipys(values):
    mean, half = mean_interval(values)
    low, high = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
    assert (mean - half, mean + half) == pytest.approx((low, high), abs=1e-6)


def test_equal_values_have_an_interval_of_no_width():
    assert mean_interval([42.0, 42.0, 42.0]) == (42.0, 0.0)


def test_one_value_has_no_interval():
    mean, half = mean_interval([42.0])
    assert mean == 42.0
    assert math.isnan(half)


def test_harmonic_mean():
    assert harmonic_mean(50, 100) == pytest.approx(200 / 3)
    assert harmonic_mean(0, 0) == harmonic_mean(0, 80) == 0


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


def test_accuracy_of_some_classes_counts_their_videos_only():
    scores = torch.tensor([[2.0, 1.0, 0.0], [2.0, 1.0, 0.0], [0.0, 1.0, 2.0]])
    labels = torch.tensor([0, 1, 2])
    assert topk_accuracy(scores, labels, classes=[0, 2]) == 100
    assert topk_accuracy(scores, labels, classes=[1]) == 0
    assert topk_accuracy(scores, labels, 2, classes=[1]) == 100


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60))
def test_base_classes_are_the_half_with_more_videos(counts):
    base, novel = base_novel_split(counts)
    assert sorted([*base, *novel]) == list(range(len(counts)))
    assert (np.diff(base) > 0).all() and (np.diff(novel) > 0).all()
    assert len(base) - len(novel) == len(counts) % 2
    if len(novel):
        assert min(counts[i] for i in base) >= max(counts[i] for i in novel)


def test_of_equally_frequent_classes_the_first_are_novel():
    """As in ViFi-CLIP's lists: HMDB51 has 70 training videos of each class, and `brush_hair` to `pick` are novel."""
    base, novel = base_novel_split([70] * 51)
    assert novel.tolist() == list(range(25))
    assert base.tolist() == list(range(25, 51))


def test_base_and_novel_of_an_example():
    base, novel = base_novel_split([5, 9, 2, 5, 7])
    assert (base.tolist(), novel.tolist()) == ([1, 3, 4], [0, 2])


def test_any_of_several_labels_is_right():
    scores = torch.tensor([[0.9, 0.1, 0.0, 0.0], [0.1, 0.2, 0.3, 0.4], [0.5, 0.4, 0.1, 0.0]])
    targets = torch.tensor([[1.0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]])
    assert topk_accuracy(scores, targets) == pytest.approx(100 / 3)
    assert topk_accuracy(scores, targets, 3) == pytest.approx(100)
    assert topk_accuracy(scores, targets, classes=[1]) == pytest.approx(50)


def test_arrays_and_small_integers_are_as_good_as_tensors():
    given = reference("multi_view")
    scores = multi_view_scores(given["view_embeddings"].numpy(), given["text_embeddings"].numpy())
    expected = pytest.approx(given["mean_average_precision"].item(), abs=1e-4)
    assert mean_average_precision(scores.numpy(), given["labels"].int().numpy()) == expected

"""Scores and metrics some videos or classes at a time: the same numbers, and memory that a large data set fits into."""

import sys

import pytest
import torch
from torch.nn import functional as F

from text4vis_core.evaluation import metrics
from text4vis_core.evaluation.metrics import mean_average_precision
from text4vis_core.evaluation.protocols import multi_view_scores, zero_shot_accuracy
from text4vis_lab.bench.fresh import large_scale
from text4vis_lab.metrics import score_metrics

VIDEOS, CLASSES = 203, 37


@pytest.fixture(scope="module")
def embeddings() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Views (N, V, D), class embeddings (C, D) and labels (N,)."""
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(CLASSES, 16, generator=generator)
    labels = torch.randint(CLASSES - 1, (VIDEOS,), generator=generator)  # the last class has no video
    return rows[labels][:, None] + 2 * torch.randn(VIDEOS, 3, 16, generator=generator), rows, labels


@pytest.fixture(params=[(VIDEOS, CLASSES), (100, 20), (64, 8), (16, 1)])
def parts(request, monkeypatch):
    """How many videos and classes are computed at a time."""
    monkeypatch.setattr(metrics, "ROWS", request.param[0])
    monkeypatch.setattr(metrics, "COLUMNS", request.param[1])


def test_scores_in_parts_are_the_formula_on_all(embeddings, parts):
    views, rows, _ = embeddings
    expected = (100 * F.normalize(views.mean(1), dim=-1) @ F.normalize(rows, dim=-1).T).softmax(-1)
    assert torch.allclose(multi_view_scores(views, rows), expected, atol=1e-6)


def test_metrics_in_parts_are_the_same_numbers(embeddings, parts):
    views, rows, labels = embeddings
    cosines = F.normalize(views.mean(1), dim=-1) @ F.normalize(rows, dim=-1).T
    targets = F.one_hot(labels, CLASSES)
    targets[:, :-1] |= F.one_hot(labels.flip(0), CLASSES)[:, :-1]
    top1 = 100 * (cosines.argmax(1) == labels).double().mean().item()
    assert zero_shot_accuracy(views.mean(1), rows, labels)["top1"] == pytest.approx(top1, abs=1e-9)
    ties = (4 * cosines).round()  # whose order has to stay as well
    for scores in (cosines, ties):
        for truth in (labels, targets):
            assert mean_average_precision(scores, truth) == pytest.approx(precision_of_all(scores, truth), abs=1e-9)
    assert score_metrics(cosines, labels)["top1"] == top1


def precision_of_all(scores: torch.Tensor, labels: torch.Tensor) -> float:
    """Mean average precision of all classes at once."""
    truth = F.one_hot(labels, CLASSES) if labels.ndim == 1 else labels
    present = truth.sum(0) > 0
    hits = truth[:, present].gather(0, scores[:, present].sort(dim=0, descending=True).indices).double()
    precision = hits.cumsum(0) / torch.arange(1, VIDEOS + 1)[:, None]
    return 100 * ((precision * hits).sum(0) / hits.sum(0)).mean().item()


def test_mean_average_precision_is_identical_whatever_the_parts(embeddings, monkeypatch):
    views, rows, labels = embeddings
    scores, found = multi_view_scores(views, rows), set()
    for columns in (1, 3, 8, 36, 100):
        monkeypatch.setattr(metrics, "COLUMNS", columns)
        found.add(mean_average_precision(scores, labels))
    assert len(found) == 1


@pytest.mark.slow
def test_large_scale_measures_a_process_of_its_own(tmp_path):
    ballast = torch.ones(80_000_000)  # 0.3 GB of this process, which the other one has no part in
    measured = large_scale(videos=500, classes=20, views=2, dim=8, folder=tmp_path)
    assert measured["entry_gb"] == pytest.approx((500 * 2 * 8 * 4 + 500 * 8) / 1e9, rel=0.05)
    assert 0 < measured["top1"] < 100 and 0 < measured["map"] < 100
    assert measured["seconds"] > 0 and measured["write_seconds"] > 0
    assert 0.1 < measured["peak_gb"] < 4
    assert list(tmp_path.iterdir()) == []
    assert len(ballast)


def test_a_process_that_fails_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "false")
    with pytest.raises(RuntimeError, match="score_drawn ended with status 1"):
        large_scale(folder=tmp_path)
    assert list(tmp_path.iterdir()) == []

"""Metrics against scikit-learn, and beside the core's."""

import math

import numpy as np
import pytest
import torch
from sklearn import metrics

from text4vis_core.evaluation.metrics import topk_accuracy
from text4vis_lab.metrics import confusion_matrix, per_class_accuracy, score_metrics


def test_confusion_and_per_class_accuracy_are_scikit_learns():
    rng = np.random.default_rng(0)
    predictions, labels = (torch.from_numpy(rng.integers(4, size=50)) for _ in range(2))
    matrix = confusion_matrix(predictions, labels, 5)
    assert matrix.tolist() == metrics.confusion_matrix(labels, predictions, labels=range(5)).tolist()
    accuracy = per_class_accuracy(predictions, labels, 5)
    expected = metrics.recall_score(labels, predictions, labels=range(4), average=None)
    assert accuracy[:4].numpy() == pytest.approx(100 * expected)
    assert math.isnan(accuracy[4])


def test_metrics_of_one_label_per_video():
    rng = np.random.default_rng(0)
    scores, labels = torch.from_numpy(rng.random((30, 8))), torch.from_numpy(rng.integers(8, size=30))
    expected = {"top1": topk_accuracy(scores, labels), "top5": topk_accuracy(scores, labels, 5)}
    assert score_metrics(scores, labels) == score_metrics(scores.numpy(), labels.numpy()) == expected
    assert 0 < expected["top1"] < expected["top5"] < 100


def test_metrics_of_several_labels_per_video():
    scores = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7], [0.4, 0.5, 0.1]])
    targets = torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    labels = torch.tensor([1, 1, 0])  # the first label is not the first class of the scores: any one counts
    result = score_metrics(scores, labels, targets)
    precision = metrics.average_precision_score(targets[:, :2], scores[:, :2], average="macro")
    assert result == {"top1": pytest.approx(200 / 3), "map": pytest.approx(100 * precision)}

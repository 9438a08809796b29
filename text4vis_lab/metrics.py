"""Metrics in percent beside the core's: those usual for a kind of labels, and class by class. N videos, C classes."""

import torch
from torch import Tensor

from text4vis_core.evaluation.metrics import mean_average_precision, topk_accuracy


def score_metrics(scores: Tensor, labels: Tensor, targets: Tensor | None = None) -> dict[str, float]:
    """The metrics that are usual for a data set's kind of labels, in percent.

    Args:
        scores: (N, C).
        labels: (N,), the class of each video.
        targets: 0/1 (N, C) for videos with several labels, else None.

    Returns:
        {"top1", "top5"}; with targets {"top1", "map"}, where the first class is right if it is any of a video's labels.
    """
    scores = torch.as_tensor(scores)
    if targets is None:
        labels = torch.as_tensor(labels)
        return {"top1": topk_accuracy(scores, labels), "top5": topk_accuracy(scores, labels, 5)}
    targets = torch.as_tensor(targets)
    return {"top1": topk_accuracy(scores, targets), "map": mean_average_precision(scores, targets)}


def confusion_matrix(predictions: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """Class ids (N,), (N,) -> int64 (C, C): videos of each class (rows) by predicted class (columns).

    By scikit-learn, of the extra "notebooks".
    """
    from sklearn import metrics

    return torch.from_numpy(metrics.confusion_matrix(labels, predictions, labels=range(num_classes)))


def per_class_accuracy(predictions: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """float64 (C,): percent correct of each class's videos; nan for a class without any."""
    matrix = confusion_matrix(predictions, labels, num_classes).double()
    return 100 * matrix.diagonal() / matrix.sum(1)

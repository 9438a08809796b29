"""Metrics of scores (N, C), in percent. N videos, C classes.

Top-k is not scikit-learn's or torchmetrics', for those know one label per video, sort all scores at once, and give an
accuracy in float32; mean average precision is not, for they rank tied scores as one, and the published figures do not.
"""

from collections.abc import Callable

import torch
from torch import Tensor

# Scores are computed for so many videos, and sorted for so many classes at a time: memory grows with neither.
ROWS, COLUMNS = 4096, 16


def topk_accuracy(scores: Tensor, labels: Tensor, k: int = 1) -> float:
    """Percentage of videos that `topk_correct` has right."""
    return 100 * topk_correct(scores, labels, k).double().mean().item()


def topk_correct(scores: Tensor, labels: Tensor, k: int = 1) -> Tensor:
    """bool (N,): whether a video's label is among its k highest scores, or all where k exceeds C.

    Labels are class ids (N,), or for several labels per video 0/1 (N, C): any of them is right.
    """
    check_scores(scores)
    highest = scores.topk(min(k, scores.shape[1]), dim=-1).indices
    return (highest == labels[:, None] if labels.ndim == 1 else labels.gather(1, highest) > 0).any(-1)


def mean_average_precision(scores: Tensor, labels: Tensor) -> float:
    """Mean over classes of the average precision, in percent, of scores (N, C).

    Labels are class ids (N,), or for several labels per video 0/1 (N, C). Classes without a video are left out; a
    ValueError when all are.
    """
    scores, labels = check_scores(torch.as_tensor(scores)), torch.as_tensor(labels)
    counts = torch.bincount(labels.long(), minlength=scores.shape[1]) if labels.ndim == 1 else labels.sum(0)
    present = counts.nonzero()[:, 0]
    if not len(present):
        raise ValueError("mean average precision needs at least one labelled video")
    precisions = []
    for classes in _parts(present, COLUMNS):
        truth = labels[:, None] == classes if labels.ndim == 1 else labels[:, classes]
        precisions.append(_average_precisions(scores[:, classes], truth))
    return 100 * torch.cat(precisions).mean().item()


def _average_precisions(scores: Tensor, truth: Tensor) -> Tensor:
    """float64 (C,) of each class, from scores and 0/1 truth (N, C)."""
    # Saturated probabilities tie; the plain sort leaves them in the order in which the published figures were taken.
    hits = truth.gather(0, scores.sort(dim=0, descending=True).indices).double()
    precision = hits.cumsum(0) / torch.arange(1, len(hits) + 1, dtype=torch.float64)[:, None]
    # The last of the running sums, which unlike `sum` round the same however many classes are beside each other.
    return (precision * hits).cumsum(0)[-1] / hits.sum(0)


def check_scores(scores: Tensor) -> Tensor:
    """The scores (N, ...); a ValueError where one is NaN or infinite, which would be ranked all the same."""
    if not scores.isfinite().all():
        wrong = int((~scores.isfinite()).flatten(1).any(1).sum())
        raise ValueError(f"scores of {wrong} of {len(scores)} videos are not finite; see to weights and embeddings")
    return scores


def by_rows(function: Callable[[Tensor], Tensor], rows: Tensor, columns: int) -> Tensor:
    """A function from (n, ...) to finite (n, columns), of all rows, some at a time."""
    result = rows.new_empty(len(rows), columns)
    for part, into in zip(_parts(rows, ROWS), _parts(result, ROWS), strict=True):
        into.copy_(function(part))
    return check_scores(result)


def _parts(rows: Tensor, size: int) -> tuple[Tensor, ...]:
    """Parts of at most `size` and of equal length, up to a row: the product of only a few rows rounds differently."""
    return rows.tensor_split(max(1, -(-len(rows) // size)))

"""Published ways to score videos by class embeddings: several views, zero-shot, half of the classes.

B or N videos, V views, C classes, D width of an embedding.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .metrics import by_rows, topk_accuracy

LEAST = 3  # classes of a half, of fewer there is nothing to report


def multi_view_scores(view_embeddings: Tensor, class_embeddings: Tensor, logit_scale: float = np.log(100)) -> Tensor:
    """Class probabilities of videos seen in several views: the mean of the views' embeddings, then cosine, softmax.

    (B, V, D), (C, D) -> (B, C), rows sum to 1. `logit_scale` is the logarithm of the temperature's inverse, CLIP's own
    unless the model's is given. A ValueError where the embeddings are not finite.
    """
    view_embeddings, class_embeddings = map(torch.as_tensor, (view_embeddings, class_embeddings))
    scale, classes = float(np.exp(logit_scale)), F.normalize(class_embeddings, dim=-1)

    def scores(views: Tensor) -> Tensor:
        return (scale * F.normalize(views.mean(1), dim=-1) @ classes.T).softmax(-1)

    return by_rows(scores, view_embeddings, len(classes))


def half_class_splits(num_classes: int, num_splits: int = 10) -> list[np.ndarray]:
    """The published half-class splits: seed s permutes the classes, the first half is taken, in increasing order."""
    # The legacy generator: the published splits were drawn with it.
    permutations = (np.random.RandomState(seed).permutation(num_classes) for seed in range(num_splits))
    return [np.sort(permutation[: num_classes // 2]) for permutation in permutations]


def zero_shot_accuracy(video_embeddings: Tensor, class_embeddings: Tensor, labels: Tensor) -> dict:
    """Zero-shot accuracy over all classes and over the ten half-class splits (Text4Vis, section 4.4).

    Args:
        video_embeddings: (N, D).
        class_embeddings: (C, D).
        labels: (N,), in 0..C-1.

    Returns:
        {"top1", "top5"}: percent; {"half_top1", "half_top5"}: a list with a value per split; empty below `LEAST`.
    """
    video_embeddings, class_embeddings, labels = map(torch.as_tensor, (video_embeddings, class_embeddings, labels))
    rows = F.normalize(class_embeddings, dim=-1)
    scores = by_rows(lambda videos: F.normalize(videos, dim=-1) @ rows.T, video_embeddings, len(rows))
    result = {"top1": topk_accuracy(scores, labels), "top5": topk_accuracy(scores, labels, 5)}
    half_top1, half_top5 = [], []
    for classes in half_class_splits(len(rows)) if len(rows) // 2 >= LEAST else ():
        inside = torch.isin(labels, torch.as_tensor(classes)).nonzero()[:, 0]
        part = scores[inside[:, None], torch.as_tensor(classes)]
        renumbered = torch.as_tensor(np.searchsorted(classes, labels[inside].numpy()))
        half_top1.append(topk_accuracy(part, renumbered))
        half_top5.append(topk_accuracy(part, renumbered, 5))
    return result | {"half_top1": half_top1, "half_top5": half_top5}

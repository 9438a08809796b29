"""Published ways to score videos by class embeddings: several views, zero-shot, half of the classes, base to novel.

B or N videos, V views, C classes, D width of an embedding.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .metrics import by_rows, topk_accuracy


def multi_view_scores(view_embeddings: Tensor, class_embeddings: Tensor, logit_scale: float = np.log(100)) -> Tensor:
    """Class probabilities of videos seen in several views: the mean of the views' embeddings, then cosine, softmax.

    Args:
        view_embeddings: (B, V, D).
        class_embeddings: (C, D).
        logit_scale: the logarithm of the temperature's inverse; CLIP's own, ln 100, unless the model's is given.

    Returns:
        (B, C), rows sum to 1.
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


def base_novel_split(counts: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Base and novel classes of the base-to-novel protocol (Rasheed et al., ViFi-CLIP, CVPR 2023).

    The half of the classes with more training videos is base, the rarer half novel; of an odd number base has one more.
    Of classes with equally many the first are novel: the published split of HMDB51, where all have 70, has them so.
    From the training videos of each class (C,) to the ids of base and of novel classes, both in increasing order.
    """
    rarest_first = np.argsort(np.asarray(counts), kind="stable")
    novel, base = np.split(rarest_first, [len(rarest_first) // 2])
    return np.sort(base), np.sort(novel)


def zero_shot_accuracy(video_embeddings: Tensor, class_embeddings: Tensor, labels: Tensor) -> dict:
    """Zero-shot accuracy over all classes and over the ten half-class splits (Text4Vis, section 4.4).

    Args:
        video_embeddings: (N, D).
        class_embeddings: (C, D).
        labels: (N,), in 0..C-1.

    Returns:
        {"top1", "top5"}: percent; {"half_top1", "half_top5"}: a list with one value per split.
    """
    video_embeddings, class_embeddings, labels = map(torch.as_tensor, (video_embeddings, class_embeddings, labels))
    rows = F.normalize(class_embeddings, dim=-1)
    scores = by_rows(lambda videos: F.normalize(videos, dim=-1) @ rows.T, video_embeddings, len(rows))
    result = {"top1": topk_accuracy(scores, labels), "top5": topk_accuracy(scores, labels, 5)}
    half_top1, half_top5 = [], []
    for classes in half_class_splits(len(class_embeddings)):
        inside = torch.isin(labels, torch.as_tensor(classes)).nonzero()[:, 0]
        part = scores[inside[:, None], torch.as_tensor(classes)]
        renumbered = torch.as_tensor(np.searchsorted(classes, labels[inside].numpy()))
        half_top1.append(topk_accuracy(part, renumbered))
        half_top5.append(topk_accuracy(part, renumbered, 5))
    return result | {"half_top1": half_top1, "half_top5": half_top5}


def harmonic_mean(base: float, novel: float) -> float:
    """Of the accuracies on base and novel classes; 0 when both are."""
    return 2 * base * novel / (base + novel) if base + novel > 0 else 0.0

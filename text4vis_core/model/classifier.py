"""The paper's subject: what the rows of a video classifier's last layer are before training, and whether they move.

A video classifier ends in a matrix W with a row for each class, and the usual W begins as random numbers: training has
to find out what each class looks like. Text4Vis (Wu et al., AAAI 2023, arXiv 2207.01297, section 3) begins with what
CLIP knows already. Row c is the text embedding of the name of class c, in the space where CLIP's images and texts meet;
the rows stay as they are, and the video encoder alone is trained towards them.

    W = initialise("text", class_embeddings=clip.class_embeddings(names))     rows before training   (C, D)
    classifier = CosineClassifier(W, frozen=True)                             whether they move
    logits = classifier(video_embeddings, logit_scale)                        (B, D) -> (B, C)

    logits[b, c] = exp(logit_scale) * cosine(video_embeddings[b], W[c])

The paper compares it with other rows, and rows that are trained: an initialisation is one function below.

B videos of a batch, C classes, D width of an embedding, N labelled videos.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

INITIALISERS: dict[str, Callable[..., Tensor]] = {}
LDA_SHRINKAGE = 0.1  # weight of the identity in the within-class covariance


def initialiser(name: str) -> Callable:
    """Register a function `(num_classes, dim, *, generator, class_embeddings, features, labels) -> (C, D)`.

    It takes what it needs of these by name, and the rest as `**_`.
    """

    def register(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
        INITIALISERS[name] = function
        return function

    return register


@initialiser("random")
def _random(num_classes: int, dim: int, *, generator: torch.Generator, **_) -> Tensor:
    """Independent normal rows: the usual classifier."""
    return torch.randn(num_classes, dim, generator=generator)


@initialiser("orthogonal")
def _orthogonal(num_classes: int, dim: int, *, generator: torch.Generator, **_) -> Tensor:
    """Orthonormal rows in a random rotation; with more classes than dimensions, orthonormal columns."""
    q, r = torch.linalg.qr(torch.randn(max(num_classes, dim), min(num_classes, dim), generator=generator))
    q = q * r.diagonal().sign()  # makes the rotation uniformly distributed
    return q if num_classes >= dim else q.T


@initialiser("lda")
def _lda(num_classes: int, dim: int, *, features: Tensor | None, labels: Tensor | None, **_) -> Tensor:
    """Coefficients of linear discriminant analysis of video embeddings: covariance^-1 (mean of class - mean).

    The within-class covariance is shrunk towards a multiple of the identity, without which a few shots per class,
    fewer videos than dimensions, have no inverse.
    """
    means, features, labels = class_means("lda", num_classes, features, labels)
    centred = features - means[labels]
    covariance = centred.T @ centred / len(features)
    spread = covariance.diagonal().mean()
    # One video per class has no spread to whiten with: the identity is left.
    identity = torch.eye(len(covariance), dtype=torch.float64)
    covariance = (1 - LDA_SHRINKAGE) * covariance + LDA_SHRINKAGE * spread * identity if spread > 0 else identity
    return torch.linalg.solve(covariance, (means - features.mean(0)).T).T.float()


def class_means(name: str, num_classes: int, features: Tensor | None, labels: Tensor | None) -> tuple[Tensor, ...]:
    """Means (C, D) of each class's features, these (N, D), in float64, and labels (N,), for the initialisation `name`.

    A ValueError where one of them is missing, or a class has none.
    """
    if features is None or labels is None:
        needed = "features (N, D), embeddings of labelled videos, and labels (N,)"
        raise ValueError(f"initialisation {name!r} needs {needed}")
    features, labels = features.double(), labels.long()
    counts = torch.bincount(labels, minlength=num_classes)
    if len(counts) > num_classes or (counts == 0).any():
        raise ValueError(f"initialisation {name!r} needs labels of all {num_classes} classes and no others")
    means = torch.zeros(num_classes, features.shape[1], dtype=torch.float64).index_add_(0, labels, features)
    return means / counts[:, None], features, labels


@initialiser("text")
def _text(num_classes: int, dim: int, *, class_embeddings: Tensor | None, **_) -> Tensor:
    """The text embeddings of the class names: the paper's proposal."""
    if class_embeddings is None:
        raise ValueError("initialisation 'text' needs class_embeddings (C, D), the text embeddings of the class names")
    return class_embeddings


def initialise(
    name: str,
    num_classes: int | None = None,
    dim: int | None = None,
    *,
    class_embeddings: Tensor | None = None,
    features: Tensor | None = None,
    labels: Tensor | None = None,
    seed: int = 0,
) -> Tensor:
    """The classifier's rows before training (Text4Vis, section 3.2 and table 1).

    Args:
        name: a key of `INITIALISERS`.
        num_classes, dim: C and D; taken from what is given below when None.
        class_embeddings: (C, D) text embeddings of the class names, for "text".
        features, labels: (N, D), (N,) embeddings of labelled videos and their class ids, for "lda".
        seed: of the random ones; the same seed gives the same rows.

    Returns:
        float32 (C, D), rows of unit length.

    Raises:
        ValueError: an unknown name (with the choices), something it needs is missing, or shapes that disagree.
    """
    if name not in INITIALISERS:
        raise ValueError(f"unknown initialisation {name!r}; choose from: {', '.join(INITIALISERS)}")
    if num_classes is None and class_embeddings is not None:
        num_classes = len(class_embeddings)
    elif num_classes is None and labels is not None:
        num_classes = int(labels.max()) + 1
    if dim is None:
        known = class_embeddings if class_embeddings is not None else features
        dim = known.shape[1] if known is not None else None
    if num_classes is None or dim is None:
        raise ValueError(f"initialisation {name!r} needs num_classes and dim")
    given = {"class_embeddings": class_embeddings, "features": features, "labels": labels}
    rows = INITIALISERS[name](num_classes, dim, generator=torch.Generator().manual_seed(seed), **given)
    if rows.shape != (num_classes, dim):
        raise ValueError(f"initialisation {name!r} gave shape {tuple(rows.shape)}, expected ({num_classes}, {dim})")
    return F.normalize(rows.float(), dim=-1)


class CosineClassifier(nn.Module):
    """Cosine with each class's row, times the temperature. Frozen rows are a buffer: no optimiser can move them.

    Args:
        rows: (C, D).
        frozen: keep the rows as they are.
    """

    def __init__(self, rows: Tensor, frozen: bool = True):
        super().__init__()
        self.frozen = frozen
        if frozen:
            self.register_buffer("weight", rows.clone())
        else:
            self.weight = nn.Parameter(rows.clone())

    def forward(self, video_embeddings: Tensor, logit_scale: Tensor) -> Tensor:
        """(B, D), () -> logits (B, C)."""
        return cosine_logits(video_embeddings, self.weight, logit_scale)


def cosine_logits(video_embeddings: Tensor, class_embeddings: Tensor, logit_scale: Tensor) -> Tensor:
    """(B, D), (C, D), () -> (B, C): exp(logit_scale) * cosine. Neither side need be of unit length."""
    return logit_scale.exp() * F.normalize(video_embeddings, dim=-1) @ F.normalize(class_embeddings, dim=-1).T

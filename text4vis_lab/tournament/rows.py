"""Rows before training, beside those of `classifier.py`: what an alternative to text might begin with, and controls.

What text rows have can be told apart: where they lie in the encoder's space (alignment), and their angles between each
other (geometry). Two rotations and two sets of angles make four kinds of rows, of one random rotation:

                      their own angles    all angles equal
    as text lies      text                nearest simplex
    turned            rotated             rotated simplex

C classes, D width of an embedding, N labelled videos.
"""

import torch
from scipy.linalg import helmert, orthogonal_procrustes
from torch import Tensor
from torch.nn import functional as F

from text4vis_core.model.classifier import INITIALISERS, class_means, initialiser


@initialiser("simplex")
def simplex(num_classes: int, dim: int, *, generator: torch.Generator, **_) -> Tensor:
    """Equiangular rows, cosine -1 / (C - 1), in a random rotation.

    Where the rows of a classifier that is trained to the end tend to lie (Papyan, Han and Donoho, PNAS 2020, arXiv
    2008.08186, section 2); fixed from the beginning in Zhu et al., NeurIPS 2021, arXiv 2105.02375, section 4.3. A
    ValueError for C > D + 1, where there are none.
    """
    return _equiangular(num_classes, dim) @ rotation(dim, generator)


@initialiser("means")
def means(num_classes: int, dim: int, *, features: Tensor | None, labels: Tensor | None, **_) -> Tensor:
    """The mean of each class's unit embeddings by the untrained encoder (Snell et al., arXiv 1703.05175, equation 1).

    A ValueError for labels that do not cover the classes.
    """
    unit = None if features is None else F.normalize(features.double(), dim=-1)
    return class_means("means", num_classes, unit, labels)[0].float()


@initialiser("nearest simplex")
def nearest_simplex(num_classes: int, dim: int, *, class_embeddings: Tensor | None, **_) -> Tensor:
    """The equiangular rows that are nearest to the text rows: their alignment without their angles.

    The rotation that brings a simplex nearest to them is the orthogonal Procrustes problem's (Schönemann, Psychometrika
    31, 1966). A ValueError for C > D + 1.
    """
    text = _text("nearest simplex", class_embeddings)
    rows = _equiangular(num_classes, dim)
    turn, _ = orthogonal_procrustes(rows.double().numpy(), text.double().numpy())
    return (rows.double() @ torch.from_numpy(turn)).float()


@initialiser("rotated")
def rotated(num_classes: int, dim: int, *, class_embeddings: Tensor | None, generator: torch.Generator, **_) -> Tensor:
    """The text rows after one random rotation of the space: their angles without their alignment."""
    return _text("rotated", class_embeddings).float() @ rotation(dim, generator)


@initialiser("rotated simplex")
def rotated_simplex(
    num_classes: int, dim: int, *, class_embeddings: Tensor | None, generator: torch.Generator, **_
) -> Tensor:
    """The nearest simplex after the rotation of "rotated" with the same seed: neither alignment nor angles."""
    _text("rotated simplex", class_embeddings)
    return nearest_simplex(num_classes, dim, class_embeddings=class_embeddings) @ rotation(dim, generator)


@initialiser("shuffled")
def shuffled(num_classes: int, dim: int, *, class_embeddings: Tensor | None, generator: torch.Generator, **_) -> Tensor:
    """The text rows, each at another class than its own: a random derangement of the names."""
    return _text("shuffled", class_embeddings)[derangement(num_classes, generator)]


def turned_in(
    num_classes: int, dim: int, *, class_embeddings: Tensor | None, generator: torch.Generator, **_
) -> Tensor:
    """Rows of another model's space: as they are where it has D dimensions, else brought into R^D by the seed.

    All their angles are kept for C <= D, or a space of fewer dimensions; else as well as D principal axes can. How they
    lie in R^D is arbitrary.
    """
    given = _text("of another model", class_embeddings)
    if given.shape[1] == dim:
        return given
    left, sizes, _ = torch.linalg.svd(given.double(), full_matrices=False)
    inside = (left * sizes)[:, :dim].float()
    return F.pad(inside, (0, dim - inside.shape[1])) @ rotation(dim, generator)


for _name in ("other clip", "language model"):
    INITIALISERS[_name] = turned_in


def rotation(dim: int, generator: torch.Generator) -> Tensor:
    """A uniformly distributed orthogonal matrix (D, D)."""
    return INITIALISERS["orthogonal"](dim, dim, generator=generator)


def derangement(count: int, generator: torch.Generator) -> Tensor:
    """A uniformly distributed permutation int64 (count,) without fixed point; a ValueError for one alone."""
    if count < 2:
        raise ValueError("initialisation 'shuffled' needs two classes at least")
    while True:
        order = torch.randperm(count, generator=generator)
        if (order != torch.arange(count)).all():
            return order


def _equiangular(num_classes: int, dim: int) -> Tensor:
    """Unit rows (C, D) with all cosines -1 / (C - 1), in the first C - 1 dimensions."""
    if num_classes > dim + 1:
        raise ValueError(
            f"a simplex in {dim} dimensions has at most {dim + 1} rows, and there are {num_classes} classes: leave out "
            "'simplex', 'nearest simplex' and 'rotated simplex'"
        )
    if num_classes == 1:
        return F.pad(torch.ones(1, 1), (0, dim - 1))
    inside = torch.from_numpy(helmert(num_classes).T.copy()) * (num_classes / (num_classes - 1)) ** 0.5
    return F.pad(inside.float(), (0, dim - num_classes + 1))


def _text(name: str, class_embeddings: Tensor | None) -> Tensor:
    if class_embeddings is None:
        raise ValueError(
            f"initialisation {name!r} needs class_embeddings (C, D), the text embeddings of the class names"
        )
    return class_embeddings

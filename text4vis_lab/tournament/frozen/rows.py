"""Cosine rows that are trained on the embeddings, from different beginnings: is it where text points, or its angles?

                               angles of the text     all angles equal
    along the embeddings       text                   nearest simplex
    in a random rotation       rotated text           simplex

The four tell *alignment* (rows point where the class's embeddings lie) from *geometry* (classes are related as their
names are). All are trained alike: AdamW, full batches, cross-entropy of s cos(x, w_c).

C classes, D width of an embedding.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from text4vis_core.model.classifier import initialise

from .method import METHODS, STEPS, FrozenMethod, Problem, Scorer, cosine_scorer, frozen_method, minimise

LR, PREFIX = 1e-3, "rows from "


def simplex(classes: int, dim: int, seed: int) -> Tensor:
    """(C, D): unit rows of which every two have the cosine -1 / (C - 1), a regular simplex in a random rotation.

    Raises:
        ValueError: more classes than dimensions.
    """
    return _corners(classes, dim) @ rotation(dim, seed)[:classes]


def _corners(classes: int, dim: int) -> Tensor:
    if classes > dim:
        raise ValueError(f"{classes} classes have no simplex in {dim} dimensions: leave its methods out")
    return F.normalize(torch.eye(classes) - 1 / classes, dim=-1)


def rotation(dim: int, seed: int) -> Tensor:
    """(D, D), drawn uniformly from the orthogonal matrices."""
    return initialise("orthogonal", dim, dim, seed=seed)


def rotated(rows: Tensor, seed: int) -> Tensor:
    """Rows (C, D) in a random rotation of the space: their angles stay, what they point at does not."""
    return rows @ rotation(rows.shape[1], seed).to(rows)


def nearest_simplex(rows: Tensor) -> Tensor:
    """The vertices of a regular simplex that lie nearest to the rows (C, D), by least squares: all angles are equal.

    Orthogonal Procrustes: of all S Q', Q (D, C) with orthonormal columns, the one that maximises tr(R' S Q').

    Raises:
        ValueError: more classes than dimensions, where there is no such simplex.
    """
    corners = _corners(*rows.shape).to(rows)
    left, _, right = torch.linalg.svd(rows.T @ corners, full_matrices=False)
    return corners @ (left @ right).T


def shuffled(rows: Tensor, seed: int) -> Tensor:
    """Rows (C, D) that no class keeps: a random cycle through all of them."""
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
    taken = torch.empty_like(order)
    taken[order] = order.roll(1)
    return rows[taken.to(rows.device)]


BEGINNINGS: dict[str, tuple[str, Callable[[Problem], Tensor]]] = {
    "text": ("text", lambda problem: problem.names),
    "random": ("text-free", lambda problem: initialise("random", *_shape(problem), seed=problem.seed)),
    "means": ("text-free", lambda problem: problem.means),
    "lda": (
        "text-free",
        lambda problem: initialise(
            "lda", *_shape(problem), features=problem.items.rows.cpu(), labels=problem.items.labels
        ),
    ),
    "simplex": ("text-free", lambda problem: simplex(*_shape(problem), problem.seed)),
    "nearest simplex": ("control", lambda problem: nearest_simplex(problem.names)),
    "rotated text": ("control", lambda problem: rotated(problem.names, problem.seed)),
    "shuffled text": ("control", lambda problem: shuffled(problem.names, problem.seed)),
}


def train_rows(problem: Problem, first: Tensor, lr: float = LR, sharpness: float = 1.0) -> Scorer:
    """Cosine rows from `first` (C, D), trained for `STEPS` full batches (the laboratory's own recipe).

    The paper's classifier (Text4Vis, arXiv 2207.01297, section 3.2) with rows that move and an encoder that does not.

    Args:
        problem: what is learned.
        first: the rows before.
        lr: AdamW's rate, without weight decay.
        sharpness: share of the temperature's inverse; rows whose angles are small call for another than others.
    """
    items, scale = problem.items, problem.scale * sharpness
    rows = nn.Parameter(F.normalize(first, dim=-1).to(items.rows).clone())

    def loss() -> Tensor:
        return F.cross_entropy(scale * items.rows @ F.normalize(rows, dim=-1).T, items.labels)

    minimise(torch.optim.AdamW([rows], lr, weight_decay=0.0), loss, STEPS)
    return cosine_scorer(rows.detach(), scale)


def _shape(problem: Problem) -> tuple[int, int]:
    return problem.classes, problem.items.rows.shape[1]


def _register(beginning: str, role: str, first: Callable[[Problem], Tensor]) -> None:
    def function(problem: Problem, lr: float = LR, sharpness: float = 1.0) -> Scorer:
        return train_rows(problem, first(problem), lr, sharpness)

    name = f"{PREFIX}{beginning}"
    METHODS[name] = FrozenMethod(
        name,
        role,
        function,
        trials={"lr": [1e-4, 1e-3, 1e-2], "sharpness": [0.1, 0.2, 0.5]},
        fixed={"lr": LR, "sharpness": 1.0},
        about="the laboratory's: one rate, CLIP's temperature",
    )


for _beginning, (_role, _first) in BEGINNINGS.items():
    _register(_beginning, _role, _first)


@frozen_method("zero-shot, nearest simplex", "control", sees=False, about="nothing to choose")
def zero_shot_simplex(problem: Problem) -> Scorer:
    """Zero-shot by the simplex nearest to the text: its alignment without its angles."""
    return cosine_scorer(nearest_simplex(problem.names), problem.scale)


@frozen_method("zero-shot, shuffled", "control", sees=False, about="nothing to choose")
def zero_shot_shuffled(problem: Problem) -> Scorer:
    """Zero-shot by the names of other classes: what is right by chance."""
    return cosine_scorer(shuffled(problem.names, problem.seed), problem.scale)

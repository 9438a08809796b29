"""Cosine rows that are trained on the embeddings, from different beginnings: is it where text points, or its angles?

                       their own angles     all angles equal
    as text lies       text                 nearest simplex
    turned             rotated text         rotated simplex

The beginnings are those of `tournament.rows`; all are trained alike: AdamW, full batches, cross-entropy of
s cos(x, w_c).

C classes, D width of an embedding.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from text4vis_core.model.classifier import initialise

from .. import rows  # noqa: F401  # which makes its initialisations known
from .method import METHODS, STEPS, FrozenMethod, Problem, Scorer, cosine_scorer, frozen_method, minimise

LR, PREFIX = 1e-3, "rows from "
BEGINNINGS = {  # what methods are called after -> initialisation, role
    "text": ("text", "text"),
    "random": ("random", "text-free"),
    "means": ("means", "text-free"),
    "lda": ("lda", "text-free"),
    "simplex": ("simplex", "text-free"),
    "nearest simplex": ("nearest simplex", "control"),
    "rotated text": ("rotated", "control"),
    "rotated simplex": ("rotated simplex", "control"),
    "shuffled text": ("shuffled", "control"),
}
AS_TRAINED = {f"{PREFIX}{name}": f"{initialisation}, frozen" for name, (initialisation, _) in BEGINNINGS.items()}


def beginning(name: str, problem: Problem) -> Tensor:
    """Rows (C, D) before training, of unit length.

    Args:
        name: an initialisation.
        problem: its text, items and seed.

    Raises:
        ValueError: something that the initialisation needs is not there.
    """
    items = problem.items
    return initialise(
        name,
        problem.classes,
        items.rows.shape[1],
        class_embeddings=None if problem.text is None else problem.text.cpu(),
        features=items.rows.cpu(),
        labels=items.labels.cpu(),
        seed=problem.seed,
    ).to(items.rows)


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
    moved = nn.Parameter(F.normalize(first, dim=-1).clone())

    def loss() -> Tensor:
        return F.cross_entropy(scale * items.rows @ F.normalize(moved, dim=-1).T, items.labels)

    minimise(torch.optim.AdamW([moved], lr, weight_decay=0.0), loss, STEPS)
    return cosine_scorer(moved.detach(), scale)


def _register(name: str, initialisation: str, role: str) -> None:
    def function(problem: Problem, lr: float = LR, sharpness: float = 1.0) -> Scorer:
        return train_rows(problem, beginning(initialisation, problem), lr, sharpness)

    METHODS[f"{PREFIX}{name}"] = FrozenMethod(
        f"{PREFIX}{name}",
        role,
        function,
        trials={"lr": [1e-4, 1e-3, 1e-2], "sharpness": [0.1, 0.2, 0.5]},
        fixed={"lr": LR, "sharpness": 1.0},
        about="the laboratory's: one rate, CLIP's temperature",
        draws=name not in ("text", "nearest simplex", "means", "lda"),
    )


for _name, (_initialisation, _role) in BEGINNINGS.items():
    _register(_name, _initialisation, _role)


@frozen_method("zero-shot, nearest simplex", "control", sees=False, about="nothing to choose")
def zero_shot_simplex(problem: Problem) -> Scorer:
    """Zero-shot by the simplex nearest to the text: its alignment without its angles."""
    return cosine_scorer(beginning("nearest simplex", problem), problem.scale)


@frozen_method("zero-shot, shuffled", "control", sees=False, about="nothing to choose")
def zero_shot_shuffled(problem: Problem) -> Scorer:
    """Zero-shot by the names of other classes: what is right by chance."""
    return cosine_scorer(beginning("shuffled", problem), problem.scale)

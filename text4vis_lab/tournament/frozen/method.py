"""What a method of the frozen encoder is, and the table of all.

N items, C classes, D width of an embedding.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ...settings import check_choices
from ..features import Embeddings, Features, Projection

TRIALS = 9  # of every method that has anything to choose
STEPS = 100  # of every method whose source says no other number

Scorer = Callable[[Embeddings], Tensor]  # M items -> logits (M, C)


@dataclass(frozen=True)
class Problem:
    """What a method is fitted on.

    Attributes:
        items: N labelled embeddings.
        classes: C.
        text: (C, D), unit class embeddings; None without any.
        scale: what cosines are multiplied by.
        seed: of everything random.
        projection: the encoder's last, where the embeddings before it are at hand.
    """

    items: Embeddings
    classes: int
    text: Tensor | None = None
    scale: float = 100.0
    seed: int = 0
    projection: Projection | None = None

    @classmethod
    def of(cls, features: Features, shots: int, seed: int) -> "Problem":
        """A draw of few shots; 0 for all."""
        items = features.draw(shots, seed)
        return cls(items, len(features.classes), features.text, features.logit_scale, seed, features.projection)

    @property
    def shots(self) -> float:
        """Items per class, in the mean."""
        return len(self.items) / self.classes

    @property
    def names(self) -> Tensor:
        """The class embeddings (C, D); a ValueError with the remedy where there are none."""
        if self.text is None:
            raise ValueError("this method needs class embeddings: give the file of the text rows as class_embeddings")
        return self.text

    @property
    def one_hot(self) -> Tensor:
        """float32 (N, C)."""
        return F.one_hot(self.items.labels, self.classes).to(self.items.rows)

    @property
    def means(self) -> Tensor:
        """(C, D): the mean of each class's embeddings, not of unit length."""
        return self.one_hot.T @ self.items.rows / self.one_hot.sum(0)[:, None]

    def generator(self) -> torch.Generator:
        """Of the numbers that a method draws: on the CPU, so that they are the same everywhere."""
        return torch.Generator().manual_seed(self.seed)


@dataclass(frozen=True)
class FrozenMethod:
    """A line of the tournament.

    Attributes:
        name: as tables call it.
        role: a key of `rows.ROLES`.
        function: `(problem, **settings) -> Scorer`.
        trials: setting -> values; all their combinations are tried on validation embeddings, `TRIALS` in all.
        fixed: the settings of the validation-free recipe: those of its source, or of the laboratory (`about`).
        about: one line on the fixed recipe.
        sees: whether it looks at the labelled items at all; else neither shots nor seeds matter.
        draws: whether it draws random numbers; else of the same items the seed does not matter.
    """

    name: str
    role: str
    function: Callable[..., Scorer]
    trials: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    about: str = ""
    sees: bool = True
    draws: bool = False

    def __post_init__(self):
        if self.trials and len(self.grid) != TRIALS:
            raise ValueError(f"method {self.name!r} has {len(self.grid)} trials, every other has {TRIALS}")

    @property
    def grid(self) -> list[dict[str, Any]]:
        """The settings that are tried."""
        return [dict(zip(self.trials, values, strict=True)) for values in itertools.product(*self.trials.values())]


METHODS: dict[str, FrozenMethod] = {}


def frozen_method(name: str, role: str, **about: Any) -> Callable:
    """Register a function as a method: its name, its role, and the other fields of `FrozenMethod`."""

    def register(function: Callable[..., Scorer]) -> Callable[..., Scorer]:
        METHODS[name] = FrozenMethod(name, role, function, **about)
        return function

    return register


def names() -> list[str]:
    """The names of all methods."""
    from . import closed, rows, trained  # noqa: F401  # which fill the table

    return list(METHODS)


def methods(wanted: Sequence[str] = ()) -> list[FrozenMethod]:
    """Methods by name; all of them for none. A ValueError with the choices for a name that none has."""
    known = names()
    check_choices("methods", list(wanted), known)
    return [METHODS[name] for name in wanted or known]


def cosine_scorer(rows: Tensor, scale: float) -> Scorer:
    """Logits: scale times the cosine with each row (C, D)."""
    unit = scale * F.normalize(rows, dim=-1).T
    return lambda items: items.rows @ unit


def linear_scorer(rows: Tensor, bias: Tensor | None = None) -> Scorer:
    """Logits: products with each row (C, D), plus the bias (C,)."""
    return lambda items: F.linear(items.rows, rows, bias)


def minimise(optimiser: torch.optim.Optimizer, loss: Callable[[], Tensor], steps: int, cosine: bool = False) -> None:
    """Full-batch steps.

    Args:
        optimiser: of the parameters.
        loss: of the current parameters.
        steps: how many.
        cosine: let the rate fall to 0 as a half cosine; else it stays.
    """
    rates = [group["lr"] for group in optimiser.param_groups]
    for step in range(steps):
        if cosine:
            for group, rate in zip(optimiser.param_groups, rates, strict=True):
                group["lr"] = 0.5 * rate * (1 + math.cos(math.pi * step / steps))
        optimiser.zero_grad()
        loss().backward()
        optimiser.step()

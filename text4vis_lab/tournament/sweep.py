"""One budget for every method: as many trials on validation videos, in two rounds, and the best of them.

    first round    each rate of the encoder, all epochs, the rows' usual rate                              5 trials
    second round   with the best of these: half of the epochs, and                                         1
                   frozen rows: the encoder's rate half a step less and more                               2
                   trainable rows: their own rate a step less and more                                     2

Where frozen rows have a finer grid of the one rate that matters, trainable ones have a second rate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .methods import CONTRASTIVE, Method

WARM_UP = 1 / 8  # of the epochs


@dataclass(frozen=True)
class Space:
    """What is tried.

    Attributes:
        epochs: passes over the videos, the most that a method may have.
        rates: of the encoder, all of them, each about as many times the one before.
        row_rate: of what is new, trainable rows among it.
        step: factor to the next rate of rows.
    """

    epochs: int
    rates: Sequence[float]
    row_rate: float = 1e-2
    step: float = 10.0

    @property
    def num_trials(self) -> int:
        """Of each method."""
        return len(self.rates) + 3

    def settings(self, rate: float, epochs: int = 0, row_rate: float = 0.0) -> dict[str, Any]:
        """A trial as settings of a recipe."""
        epochs, row_rate = epochs or self.epochs, row_rate or self.row_rate
        ratio = float(f"{rate / row_rate:.4g}")
        return {"lr": row_rate, "clip_lr_ratio": ratio, "epochs": epochs, "warmup_epochs": epochs * WARM_UP}

    def first_round(self) -> list[dict[str, Any]]:
        """Trials of every method: the encoder's rates."""
        return [self.settings(rate) for rate in self.rates]

    def second_round(self, method: Method, best: float) -> list[dict[str, Any]]:
        """The trials that are left, around the best rate of the first round."""
        shorter = self.settings(best, epochs=max(1, self.epochs // 2))
        if method.frozen or method.objective == CONTRASTIVE:
            half = (max(self.rates) / min(self.rates)) ** (0.5 / max(1, len(self.rates) - 1))
            return [shorter, self.settings(best / half), self.settings(best * half)]
        return [shorter, *(self.settings(best, row_rate=self.row_rate * by) for by in (1 / self.step, self.step))]

    def at_edge(self, settings: dict[str, Any]) -> bool:
        """Whether a chosen rate of the encoder is the lowest or highest, so that the best may lie beyond."""
        rate = settings["lr"] * settings["clip_lr_ratio"]
        return not min(self.rates) * 1.001 < rate < max(self.rates) * 0.999


def best_trials(rows: pd.DataFrame, by: Sequence[str] = ("method", "shots")) -> pd.DataFrame:
    """The best trial of everything that is tuned: by the mean accuracy over its trainings, else by their loss.

    Args:
        rows: of all trials on validation videos, with columns trial, top1, train_loss, and those of `by`.
        by: columns that tell apart what is tuned.

    Returns:
        A row for each combination of `by`, in order of appearance: trial, and the means top1 and train_loss.
    """
    means = rows.groupby([*by, "trial"], sort=False)[["top1", "train_loss"]].mean().reset_index()
    order = means.sort_values(["top1", "train_loss"], ascending=[False, True], kind="stable")
    return order.drop_duplicates([*by]).sort_index().reset_index(drop=True)


def trials_of(problem: str, method: str, shots: int, rows: pd.DataFrame, settings: Sequence[Mapping[str, Any]]) -> dict:
    """What a record tells of one thing that was tuned (`RunRecord.trials`): every trial, and its cells.

    Args:
        problem, method, shots: as `recipes.py` has them.
        rows: of all its trials on validation videos, with columns trial, cell, test, view and top1.
        settings: of each trial, by its number.
    """
    tried = []
    for number, some in rows.groupby("trial"):
        found = {"settings": dict(settings[int(number)]), "validation": float(np.mean(some["top1"]))}
        tried.append(found | {"cells": some[["cell", "test", "view"]].to_dict("records")})
    return {"problem": problem, "method": method, "shots": int(shots), "tried": tried}

"""Means and differences of rows with their intervals, from the scores per video: what notebooks show."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .bootstrap import Estimate, bootstrap
from .cube import Cube, Read, cube_of, harmonic, paired

COLUMNS = ("mean", "low", "high", "n", "over")
METHOD = ("method", "setting", "temporal")  # columns that name a method


@dataclass(frozen=True)
class Difference:
    """How far one method is ahead of another, or of the best of several, in points.

    Attributes:
        estimate: with standard error and degrees of freedom.
        comparator: the method behind, or which was the best of them.
        over: what the interval is taken over: "5 seeds × 30 groups".
        each: of every comparator, by its name.
        percents: of the method ahead, and of the (best) one behind.
    """

    estimate: Estimate
    comparator: str
    over: str
    each: dict[str, Estimate]
    percents: tuple[float, float]

    @property
    def mean(self) -> float:
        return self.estimate.mean

    @property
    def low(self) -> float:
        return self.estimate.interval()[0]

    @property
    def high(self) -> float:
        return self.estimate.interval()[1]

    def text(self) -> str:
        """ "6.4 points [3.1, 9.7] over 5 seeds × 30 groups"."""
        return f"{self.mean:.1f} points [{self.low:.1f}, {self.high:.1f}] over {self.over}"


def means(rows: pd.DataFrame, by: str | list[str], scores: Read, dataset: str, y: str = "top1") -> pd.DataFrame:
    """Mean of a metric over the seeds (or folds) of each group of rows, with its 95 % interval in percent.

    The interval is that of a bootstrap crossed over seeds and groups of test videos, see `bootstrap`.

    Args:
        rows: of a run, see `rows.COLUMNS`; those without a value of `y` are left out.
        by: columns that tell the groups of rows apart; within one, seeds and folds alone may differ.
        scores: from a row to its scores per video.
        dataset: of which the groups of videos are, a key of `data.READERS`.
        y: "top1", "top5" or "map".

    Returns:
        A row for each group of rows, in order of appearance: the columns of `by`, mean, low, high, n rows, and over
        what: "5 seeds × 30 groups".

    Raises:
        ValueError: rows of one seed differ in something that is not in `by` (in what), or scores are missing.
    """
    return _table(rows.dropna(subset=y), by, lambda some: cube_of(some, scores, dataset, y))


def mean_text(mean: Mapping[str, Any] | pd.Series) -> str:
    """A row of `means` as text: "52.9 % [47.0, 58.8] over 5 seeds × 30 groups"."""
    return f"{mean['mean']:.1f} % [{mean['low']:.1f}, {mean['high']:.1f}] over {mean['over']}"


def with_harmonic_mean(rows: pd.DataFrame, by: str | list[str], scores: Read, dataset: str) -> pd.DataFrame:
    """`means` of top-1 by test, with further rows, test "harmonic mean", of the accuracies on "base" and "novel".

    Args:
        rows: of the tests "base" and "novel".
        by: columns besides "test".
        scores, dataset: see `means`.
    """
    names = [by] if isinstance(by, str) else by
    both = rows[rows["test"].isin(["base", "novel"])]

    def cube(some: pd.DataFrame) -> Cube:
        return harmonic(*(cube_of(some[some["test"] == test], scores, dataset) for test in ("base", "novel")))

    own = means(rows, [*names, "test"], scores, dataset)
    return pd.concat([own, _table(both, names, cube).assign(test="harmonic mean")], ignore_index=True)[own.columns]


def difference(ahead: pd.DataFrame, behind: pd.DataFrame, scores: Read, dataset: str, y: str = "top1") -> Difference:
    """How far a method is ahead of another, pair by pair of the same seed and video.

    Where the rows behind are of several methods it is the distance from the best of them, which each resample finds
    anew. A method that has no seeds, zero-shot say, is the same for each seed of the other.

    Args:
        ahead: rows of one method; see `rows.COLUMNS`.
        behind: rows of one or several methods, told apart by the columns of `METHOD`.
        scores, dataset, y: see `means`.

    Raises:
        ValueError: seeds or videos do not match (which), or there are no rows.
    """
    first = cube_of(ahead, scores, dataset, y)
    others = {name: cube_of(some, scores, dataset, y) for name, some in by_method(behind).items()}
    if not others:
        raise ValueError("there is no row to compare with: see which methods the run has")
    first, *rest = paired([first, *others.values()])
    each = {name: bootstrap([first, cube], np.subtract) for name, cube in zip(others, rest, strict=True)}
    best = min(each, key=lambda name: each[name].mean)
    whole = each[best] if len(rest) == 1 else bootstrap([first, *rest], _ahead_of_best)
    percent = bootstrap([first], lambda mean: mean).mean
    return Difference(whole, best, first.over, each, (percent, percent - each[best].mean))


def by_method(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each method, by its name: "lda, frozen", with its setting or temporal module where there are two."""
    told = [name for name in METHOD if name in rows and (name == "method" or rows[name].nunique(dropna=False) > 1)]
    groups = rows.groupby(told, sort=False, observed=True, dropna=False)
    return {", ".join(str(part) for part in key if not pd.isna(part)): some for key, some in groups}


def _ahead_of_best(ahead: np.ndarray, *behind: np.ndarray) -> np.ndarray:
    return ahead - np.max(behind, axis=0)


def _table(rows: pd.DataFrame, by: str | list[str], cube: Callable[[pd.DataFrame], Cube]) -> pd.DataFrame:
    names, found = [by] if isinstance(by, str) else by, []
    for key, some in rows.groupby(names, sort=False, observed=True, dropna=False):
        one = cube(some)
        estimate = bootstrap([one], lambda mean: mean)
        ends = [float(np.clip(end, 0, 100)) for end in estimate.interval()]
        values = (estimate.mean, *ends, len(one.right), one.over)
        found.append(dict(zip(names, key, strict=True)) | dict(zip(COLUMNS, values, strict=True)))
    return pd.DataFrame(found, columns=[*names, *COLUMNS])

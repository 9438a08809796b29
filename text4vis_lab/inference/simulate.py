"""How often verdicts are right: experiments with a planted effect, whose noise is that of a real pair of methods.

S seeds, G groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ..scores import Scores
from .bootstrap import Estimate, bootstrap
from .cube import Cube, Read, paired
from .verdicts import EQUIVALENCE, FAILS, HOLDS, KINDS, NON_INFERIORITY, VERDICTS, decide, p_values


@dataclass(frozen=True)
class Noise:
    """What varies in the paired difference of two methods, in points.

    Attributes:
        seeds: standard deviation of seeds.
        groups: (G,) what each group of videos adds, of mean 0, scaled to its standard deviation.
        rest: (S, G) what is left, of mean 0, scaled to its standard deviation.
    """

    seeds: float
    groups: np.ndarray
    rest: np.ndarray

    @classmethod
    def of(cls, ahead: Cube, behind: Cube) -> "Noise":
        """Of two methods, by the mean squares of the two-way analysis of variance of seeds and groups.

        Raises:
            ValueError: fewer than two seeds or groups, or they do not match.
        """
        first, second = paired([ahead, behind])
        each = np.eye(int(first.groups.max()) + 1)
        points = (first.averages(each) - second.averages(each)).T
        seeds, groups = points.shape
        if min(seeds, groups) < 2:
            raise ValueError(
                f"what varies is seen with two seeds and two groups at least; here are {seeds} and {groups}"
            )
        by_seed, by_group = points.mean(1, keepdims=True), points.mean(0, keepdims=True)
        rest = points - by_seed - by_group + points.mean()
        left = float((rest**2).sum()) / ((seeds - 1) * (groups - 1))
        of_seeds = max(0.0, float(by_seed.var(ddof=1)) - left / groups)
        of_groups = max(0.0, float(by_group.var(ddof=1)) - left / seeds)
        return cls(of_seeds**0.5, _scaled(by_group[0] - points.mean(), of_groups), _scaled(rest, left))

    def experiment(self, seeds: int, groups: int, rng: np.random.Generator) -> Estimate:
        """The estimate that an experiment gives of an effect that is 0; another effect adds to its mean."""
        points = rng.normal(scale=self.seeds, size=(seeds, 1)) + rng.choice(self.groups, size=groups)
        points = (points + rng.choice(self.rest.reshape(-1), size=(seeds, groups))) / 100
        names, ids = tuple((("seed", seed),) for seed in range(seeds)), np.arange(groups)
        return bootstrap([Cube(names, tuple(map(str, ids)), points, ids, "groups", ids)], lambda percent: percent)


def rates(
    noise: Noise,
    margin: float,
    seeds: Sequence[int] = (3, 5, 10),
    groups: int = 30,
    experiments: int = 200,
    family: int = 1,
    seed: int = 0,
) -> pd.DataFrame:
    """How often each kind of claim holds, fails or is undecided, by the effect that was planted.

    Args:
        noise: of a real pair of methods.
        margin: points.
        seeds: numbers of seeds of an experiment.
        groups: of test videos.
        experiments: of each kind, effect and number of seeds.
        family: claims that are decided together by Holm's correction, all with the same effect.
        seed: of the simulation.

    Returns:
        A row for each: kind, seeds, planted (points), holds, fails, undecided (percent of all claims), and wrong:
        percent of experiments in which any claim that does not hold is said to, or one that holds to fail.
    """
    lines: list[dict[str, Any]] = []
    for count in seeds:
        drawn = _drawn(noise, (count, groups), (experiments, family), np.random.default_rng([seed, count]))
        for kind in KINDS:
            for planted in planted_effects(kind, margin):
                line = {"kind": kind, "seeds": count, "planted": planted}
                lines.append(line | _verdicts(drawn, kind, margin, planted))
    return pd.DataFrame(lines)


def coverage(noise: Noise, seeds: int, groups: int = 30, experiments: int = 300, seed: int = 0) -> float:
    """How many of a hundred 95 % intervals hold an effect of 0, of experiments with this noise."""
    drawn = _drawn(noise, (seeds, groups), (experiments, 1), np.random.default_rng(seed))
    ends = [estimate.interval() for [estimate] in drawn]
    return 100 * float(np.mean([low <= 0 <= high for low, high in ends]))


def _drawn(
    noise: Noise, size: tuple[int, int], times: tuple[int, int], rng: np.random.Generator
) -> list[list[Estimate]]:
    return [[noise.experiment(*size, rng) for _ in range(times[1])] for _ in range(times[0])]


def _verdicts(drawn: list[list[Estimate]], kind: str, margin: float, planted: float) -> dict[str, float]:
    """Percents of verdicts, and of experiments with a wrong one, where the planted effect adds to every estimate."""
    found, wrong, mistake = [], 0, FAILS if is_true(kind, margin, planted) else HOLDS
    for estimates in drawn:
        moved = [replace(estimate, mean=estimate.mean + planted) for estimate in estimates]
        verdicts = [verdict for verdict, _ in decide([p_values(kind, margin, each) for each in moved])]
        found += verdicts
        wrong += mistake in verdicts
    shares = {verdict: 100 * found.count(verdict) / len(found) for verdict in VERDICTS}
    return shares | {"wrong": 100 * wrong / len(drawn)}


def planted_effects(kind: str, margin: float) -> tuple[float, ...]:
    """Effects in points that say most of a kind: none, the margin, where a claim is just untrue, and twice it."""
    sign = -1 if kind == NON_INFERIORITY else 1
    return (0.0, sign * margin, sign * 2 * margin)


def is_true(kind: str, margin: float, effect: float) -> bool:
    """Whether a claim of this kind is true of an effect."""
    if kind == EQUIVALENCE:
        return abs(effect) < margin
    return effect > -margin if kind == NON_INFERIORITY else effect > margin


def permuted(scores: Read, seed: int) -> Read:
    """Scores whose videos' labels are permuted, of all methods alike: nothing is left for any of them to know."""

    def read(row: Any) -> Scores:
        part = scores(row)
        if not isinstance(part, Scores) or part.targets is not None:
            raise ValueError(f"labels of {row['cell']} cannot be permuted: that needs scores, and one label per video")
        by_name = np.argsort(np.asarray(part.videos), kind="stable")
        labels = part.labels.clone()
        labels[by_name] = part.labels[by_name[np.random.default_rng(seed).permutation(len(by_name))]]
        return replace(part, labels=labels)

    return read


def _scaled(values: np.ndarray, variance: float) -> np.ndarray:
    deviation = values.std()
    return values * (variance**0.5 / deviation) if deviation else values

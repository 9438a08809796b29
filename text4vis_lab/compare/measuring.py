"""How far two lots of answers are apart, pair by pair of the same video, with an interval over groups of videos."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..groups import groups_of
from ..inference.bootstrap import Estimate, bootstrap
from ..inference.cube import Cube, RankedCube
from ..scores import Ranks, Scores

TOP = {"top1": 1, "top5": 5}
Part = Scores | Ranks


@dataclass(frozen=True)
class Gap:
    """How far one number is from another.

    Attributes:
        here, there: the numbers, in percent.
        low, high: ends of the 95 % interval of their difference, in points; nan where nothing repeats.
        p: of the hypothesis that there is none: McNemar's exact test where each video is a group of its own, else of
            the interval's Student's t.
        videos: that both are of.
        over: what the interval is taken over: "30 groups".
    """

    here: float
    there: float
    low: float
    high: float
    p: float
    videos: int
    over: str

    @property
    def points(self) -> float:
        """The difference, in points."""
        return self.here - self.there


def gap(here: Part, there: Part, dataset: str, metric: str) -> Gap:
    """The difference between two numbers whose videos have one name where they are the same.

    Raises:
        ValueError: a metric that ranks do not tell, or scores of one label.
    """
    cubes = cubes_of([here, there], dataset, metric)
    estimate = bootstrap(cubes, np.subtract)
    shared = ~np.isnan(cubes[0].right[0]) & ~np.isnan(cubes[1].right[0])
    low, high = map(float, estimate.interval())
    mine, its = (float(cube.averages(np.ones((1, int(cube.groups.max()) + 1)))[0, 0]) for cube in cubes)
    alone = metric in TOP and int(cubes[0].groups.max()) + 1 == len(shared) and shared.all()
    p = mcnemar(cubes[0].right[0], cubes[1].right[0]) if alone else two_sided(estimate)
    return Gap(mine, its, low, high, p, int(shared.sum()), cubes[0].over)


def interval_of(part: Part, dataset: str, metric: str) -> tuple[float, float]:
    """Ends of a number's own 95 % interval, in percent."""
    low, high = bootstrap(cubes_of([part], dataset, metric), lambda mean: mean).interval()
    return max(0.0, float(low)), min(100.0, float(high))


def moved(parts: Sequence[Part], dataset: str, metric: str) -> Estimate:
    """By how much (here - there) changes from the first two parts to the last two."""
    return bootstrap(cubes_of(parts, dataset, metric), lambda a, b, c, d: (a - b) - (c - d))


def mcnemar(here: np.ndarray, there: np.ndarray) -> float:
    """p of McNemar's exact test of right or wrong, (N,) each."""
    from scipy import stats

    gained, lost = int((here > there).sum()), int((here < there).sum())
    return float(stats.binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


def two_sided(estimate: Estimate) -> float:
    """p of the hypothesis that a difference is zero; nan where nothing repeats."""
    if np.isnan(estimate.error):
        return float("nan")
    return min(1.0, 2 * min(estimate.above(0), estimate.below(0)))


def value_of(part: Part, metric: str) -> float:
    """A metric in percent; nan where these scores do not tell it."""
    if metric in TOP:
        return 100 * float(np.mean(part.right(TOP[metric]))) if len(part.videos) else float("nan")
    return part.metrics().get(metric, float("nan"))


def cubes_of(parts: Sequence[Part], dataset: str, metric: str) -> list[Cube]:
    """Answers as cubes over the same videos, those of all; of a video that one lacks its answer is nan."""
    videos = tuple(dict.fromkeys(video for part in parts for video in part.videos))
    place = {video: index for index, video in enumerate(videos)}
    groups, unit = groups_of(dataset, [video.split("\0")[0] for video in videos])
    unit = "videos" if groups.max(initial=-1) + 1 == len(videos) else unit
    cubes: list[Cube] = []
    for part in parts:
        at = np.array([place[video] for video in part.videos], dtype=int)
        right, labels = np.full((1, len(videos)), np.nan), np.zeros(len(videos), dtype=int)
        labels[at] = np.asarray(part.labels)
        if metric in TOP:
            right[0, at] = part.right(TOP[metric])
            cubes.append(Cube(((),), videos, right, groups, unit, labels))
            continue
        if isinstance(part, Ranks) or part.targets is None:
            raise ValueError(f"no scores per video for {metric!r}; there are for top1, top5, and map of several labels")
        right[0, at] = 1
        scores, targets = np.zeros((2, 1, len(videos), part.scores.shape[1]))
        scores[0, at], targets[0, at] = part.scores.softmax(-1), part.targets
        cubes.append(RankedCube(((),), videos, right, groups, unit, labels, scores, targets))
    return cubes

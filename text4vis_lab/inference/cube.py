"""A method's answers as a cube: right or wrong for each seed and test video, and the group of each video.

S seeds (or folds), N videos, G groups, R resamples.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ..groups import groups_of
from ..rows import COLUMNS
from ..scores import Ranks, Scores

REPLICATES = ("seed", "draw", "order", "fold")  # columns that tell a method's rows under one condition apart
Read = Callable[[Mapping[str, Any]], Scores | Ranks]  # from a row to what its metrics were computed from
_TOP = {"top1": 1, "top5": 5}


@dataclass(frozen=True)
class Cube:
    """What one method got right.

    Attributes:
        seeds: S names, such as (("seed", 0),); an empty one for a method that has no seed.
        videos: N names, each once.
        right: float (S, N): 1 right, 0 wrong, nan where a video is not in the list of this fold.
        groups: int (N,), from 0.
        unit: what a group is: "groups" or "videos".
        labels: int (N,), the class of each video, or the first of several.
    """

    seeds: tuple[tuple[tuple[str, Any], ...], ...]
    videos: tuple[str, ...]
    right: np.ndarray
    groups: np.ndarray
    unit: str
    labels: np.ndarray

    def averages(self, weights: np.ndarray) -> np.ndarray:
        """Percent right of each seed (R, S), where groups count as often as the weights (R, G) say."""
        return _shares(self.right, self.groups, weights)

    @property
    def over(self) -> str:
        """What an interval is taken over: "5 seeds × 30 groups"; with one seed "30 groups, one seed"."""
        count = self.groups.max(initial=-1) + 1
        groups = f"{count} {self.unit if count != 1 else self.unit.removesuffix('s')}"
        if len(self.right) == 1:
            return f"{groups}, one seed" if any(name == "seed" for name, _ in self.seeds[0]) else groups
        kinds = {name for seed in self.seeds for name, _ in seed}
        kind = next((f"{name}s" for name in REPLICATES if name in kinds), "trainings")
        return f"{len(self.right)} {kind} × {groups}"


@dataclass(frozen=True)
class RankedCube(Cube):
    """A `Cube` of mean average precision, whose answers are rankings of videos: `right` is whether a video is there.

    Attributes:
        scores: float (S, N, C), probabilities.
        targets: 0/1 (S, N, C).
    """

    scores: np.ndarray
    targets: np.ndarray

    def averages(self, weights: np.ndarray) -> np.ndarray:
        """Mean average precision of each seed (R, S) in percent, each video counting as often as its group."""
        found = np.empty((len(weights), len(self.right)))
        for seed, (scores, targets, known) in enumerate(zip(self.scores, self.targets, self.right, strict=True)):
            there = known == 1
            counts = np.ascontiguousarray(weights.T[self.groups[there]])
            of_classes = zip(scores[there].T, targets[there].T, strict=True)
            found[:, seed] = 100 * np.nanmean(np.stack([_precision(*each, counts) for each in of_classes], 1), 1)
        return found


@dataclass(frozen=True)
class HarmonicCube(Cube):
    """A `Cube` of the harmonic mean of the accuracies on base and on novel classes.

    Attributes:
        novel: bool (N,), whether a video is of a novel class.
    """

    novel: np.ndarray

    def averages(self, weights: np.ndarray) -> np.ndarray:
        """Harmonic mean of both percents right, of each seed (R, S)."""
        novel = self.novel
        first, second = (_shares(self.right[:, some], self.groups[some], weights) for some in (~novel, novel))
        total = first + second
        return np.divide(2 * first * second, total, out=np.zeros_like(total), where=total > 0)


def _shares(right: np.ndarray, groups: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Percent right (R, S) of (S, N), where groups count as often as the weights (R, G) say."""
    known, size = ~np.isnan(right), weights.shape[1]
    sums = np.stack([np.bincount(groups, values, size) for values in np.where(known, right, 0)])
    counts = np.stack([np.bincount(groups, values, size) for values in known.astype(float)])
    with np.errstate(invalid="ignore"):
        return 100 * (weights @ sums.T) / (weights @ counts.T)


def _precision(scores: np.ndarray, targets: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Average precision (R,) of a class, nan where none of its videos counts: scores (N,) and 0/1 (N,) of the videos,
    and how often each counts (N, R).

    A video that counts twice is ranked twice, one below the other; each is given the precision at their middle.
    """
    from scipy.sparse import csr_array

    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(targets[order]) + 1  # places in the ranking, from 1, of the class's videos
    if not len(ends):
        return np.full(counts.shape[1], np.nan)
    # From one of its videos to the next, which each row sums; all that lies in between counts in no other way.
    steps = csr_array((np.ones(ends[-1]), order[: ends[-1]], [0, *ends]), shape=(len(ends), len(order)))
    own = counts[order[ends - 1]]
    middle, hits = np.maximum(own - 1, 0) / 2, np.cumsum(own, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = (hits - middle) / (np.cumsum(steps @ counts, 0) - middle)
        return np.cumsum(np.where(own > 0, precision * own, 0), 0)[-1] / hits[-1]


def cube_of(rows: pd.DataFrame, scores: Read, dataset: str, y: str = "top1") -> Cube:
    """The cube of one method under one condition: a row of the table for each seed or fold.

    Args:
        rows: of one method, test and view; see `rows.COLUMNS`.
        scores: from a row to its scores per video: `lab.scores`, or `results.scores_of` of a record.
        dataset: of which the groups are, a key of `data.READERS`.
        y: "top1", "top5" or "map".

    Raises:
        ValueError: two rows of the same seed (names the columns that tell them apart), or no scores of a row.
    """
    if not len(rows):
        raise ValueError("there is no row to take a mean of: see which methods the run has")
    seeds = [_seed(row) for row in rows.to_dict("records")]
    if len(set(seeds)) < len(seeds):
        told = (name for name in rows if name == "mix" or COLUMNS.get(name, str) is not float)
        differ = [name for name in told if name not in ("cell", *REPLICATES) and rows[name].astype(str).nunique() > 1]
        raise ValueError(f"rows of one seed cannot be averaged: take the means by {', '.join(differ) or 'cell'} too")
    parts = [scores(row) for row in rows.to_dict("records")]
    names = [once(part.videos) for part in parts]
    videos = tuple(dict.fromkeys(name for each in names for name in each))
    place = {name: index for index, name in enumerate(videos)}
    right = np.full((len(parts), len(videos)), np.nan)
    at = [np.array([place[name] for name in each], dtype=int) for each in names]
    groups, unit = groups_of(dataset, [name.split("\0")[0] for name in videos])
    unit = "videos" if groups.max(initial=-1) + 1 == len(videos) else unit
    labels = np.zeros(len(videos), dtype=int)
    for each, part in zip(at, parts, strict=True):
        labels[each] = np.asarray(part.labels)
    if y in _TOP:
        for seed, part in enumerate(parts):
            right[seed, at[seed]] = part.right(_TOP[y])
        return Cube(tuple(seeds), videos, right, groups, unit, labels)
    whole = [part for part in parts if isinstance(part, Scores) and part.targets is not None]
    if y != "map" or len(whole) < len(parts):
        raise ValueError(
            f"no scores per video for the column {y!r}; there are for top1, top5, and map of several labels"
        )
    probabilities, targets = np.zeros((2, *right.shape, whole[0].scores.shape[1]))
    for seed, part in enumerate(whole):
        right[seed, at[seed]] = 1
        probabilities[seed, at[seed]], targets[seed, at[seed]] = part.scores.softmax(-1), part.targets
    return RankedCube(tuple(seeds), videos, right, groups, unit, labels, probabilities, targets)


def harmonic(base: Cube, novel: Cube) -> HarmonicCube:
    """The harmonic mean of what one method got right on base and on novel classes, with the same seeds.

    Raises:
        ValueError: the seeds do not match.
    """
    if base.seeds != novel.seeds:
        raise ValueError("the seeds of the tests 'base' and 'novel' do not match: test each training on both")
    is_novel = np.repeat([False, True], [len(base.videos), len(novel.videos)])
    right = np.concatenate([base.right, novel.right], 1)
    groups, labels = (np.concatenate([getattr(part, name) for part in (base, novel)]) for name in ("groups", "labels"))
    return HarmonicCube(base.seeds, (*base.videos, *novel.videos), right, groups, base.unit, labels, is_novel)


def paired(cubes: Sequence[Cube]) -> list[Cube]:
    """Cubes of the same seeds and videos in the same order; one that has no seeds is the same for each seed.

    Raises:
        ValueError: the videos or seeds of two do not match (which).
    """
    first = max(cubes, key=lambda cube: len(cube.seeds))
    found = []
    for cube in cubes:
        strange = sorted(set(cube.videos) ^ set(first.videos))
        if strange:
            raise ValueError(
                f"the videos of two methods do not match, of which only one was tested on {strange[0]!r} "
                f"({len(strange)} in all): run both on the same list"
            )
        order = {name: index for index, name in enumerate(cube.videos)}
        cube = _ordered(cube, [order[name] for name in first.videos], axis=1)
        if not any(cube.seeds):
            cube = replace(_ordered(cube, [0] * len(first.seeds), axis=0), seeds=first.seeds)
        if set(cube.seeds) != set(first.seeds):
            lacks = sorted(set(cube.seeds) ^ set(first.seeds), key=str)[0]
            named = " ".join(f"{name} {value}" for name, value in lacks) or "none"
            raise ValueError(f"the seeds of two methods do not match: only one has {named}; compare those of both")
        found.append(_ordered(cube, [cube.seeds.index(seed) for seed in first.seeds], axis=0))
        if not np.array_equal(np.isnan(found[-1].right), np.isnan(first.right)):
            raise ValueError("the videos of two methods do not match in some fold: run both on the same lists")
    return found


def _ordered(cube: Cube, order: list[int], axis: int) -> Cube:
    changed: dict[str, Any] = {
        name: np.take(getattr(cube, name), order, axis)
        for name in ("right", "scores", "targets")
        if hasattr(cube, name)
    }
    if axis:
        changed |= {"videos": tuple(cube.videos[index] for index in order)}
        changed |= {"groups": cube.groups[order], "labels": cube.labels[order]}
    else:
        changed["seeds"] = tuple(cube.seeds[index] for index in order)
    return replace(cube, **changed)


def _seed(row: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple((name, int(row[name])) for name in REPLICATES if name in row and not pd.isna(row[name]))


def once(videos: Sequence[str]) -> list[str]:
    """Names that are there once: of a path that is listed twice the second is another."""
    seen: dict[str, int] = {}
    found = []
    for video in videos:
        seen[video] = seen.get(video, -1) + 1
        found.append(f"{video}\0{seen[video]}" if seen[video] else video)
    return found

"""Two numbers side by side, each with all that it was computed from. N videos, C classes."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import torch

from text4vis_core.evaluation.protocols import half_class_splits

from ..evidence import Evidence
from ..inference.cube import once
from ..results import scores_of
from ..scores import HALVES, Ranks, Scores

T = TypeVar("T", bound=Scores | Ranks)
CLOSE, AGAIN = 1e-4, 1e-6  # of a sum of probabilities to 1; of a metric, computed again, to the one that was stored
TRAINED = ("train_loss", "trained_parameters", "shots")  # columns that only rows of trained methods have


@dataclass(frozen=True, eq=False)
class Side:
    """One number of a record.

    Attributes:
        record: as `records.read_record` gives it.
        evidence: of it.
        row: of it, see `rows.COLUMNS`.
        whole: the scores of the row's cell, test and view, or ranks where it has no more; each video once.
        as_named: its videos, as the record names them.
    """

    record: Mapping[str, Any]
    evidence: Evidence
    row: Mapping[str, Any]
    whole: Scores | Ranks
    as_named: Sequence[str]

    @classmethod
    def of(cls, record: Mapping[str, Any], evidence: Evidence, row: Mapping[str, Any]) -> "Side":
        """Of a row, with its scores.

        Raises:
            ValueError: they are missing or damaged.
        """
        found = scores_of(record, row)
        if isinstance(found, Scores):
            found = as_ranked(found, row)
        return cls(record, evidence, row, replace(found, videos=once(found.videos)), found.videos)

    @cached_property
    def part(self) -> Scores | Ranks:
        """What the row's metrics are computed from: `whole`, or the half of its classes that the row is of."""
        if isinstance(self.whole, Ranks):
            return self.whole
        named, half = replace(self.whole, classes=self.columns), self.row.get("half")
        return named if half is None else within(named, half_class_splits(named.scores.shape[1], HALVES)[int(half)])

    @cached_property
    def listed(self) -> str:
        """Name of the list, among those of the evidence, that has the most of the tested videos; else empty."""
        mine = {name.split("\0")[0] for name in self.whole.videos}
        found = self.evidence.videos
        counts = found.loc[found["video"].isin(mine), "list"].value_counts(sort=False)
        return str(counts.idxmax()) if len(counts) else ""

    @cached_property
    def classes(self) -> pd.DataFrame:
        """The classes of that list in order, see `Evidence.classes`."""
        found = self.evidence.classes
        return found[found["list"] == self.listed].sort_values("label", ignore_index=True)

    @cached_property
    def contents(self) -> dict[str, str]:
        """Of each tested video whose file was read what is in it: SHA-256, and which part of it the video is."""
        listed = self.evidence.videos
        known = dict(zip(listed["video"], listed["content"], strict=True))
        parts = {video: "".join(video.partition("#t=")[1:]) for video in self.whole.videos}
        return {video: content + part for video, part in parts.items() if (content := known.get(video))}

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """C names of the columns of `whole`; () where nobody knows them."""
        if isinstance(self.whole, Scores):
            count = self.whole.scores.shape[1]
            if len(self.whole.classes) == count:
                return self.whole.classes
        else:
            count = int(self.row["classes"])
        return tuple(self.classes["spelled"]) if len(self.classes) == count else ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of `part`."""
        return self.part.classes if isinstance(self.part, Scores) else self.columns

    @property
    def given(self) -> Mapping[str, Any]:
        """The run's parameters."""
        return self.record["parameters"]

    @property
    def trained(self) -> bool:
        """Whether the row's method was trained on videos."""
        return any(self.row.get(name) is not None for name in TRAINED)

    @property
    def textual(self) -> bool:
        """Whether the row's method knows class names."""
        return self.row.get("role") != "text-free"


@dataclass(frozen=True, eq=False)
class Pair:
    """Two numbers that are compared.

    Attributes:
        here, there: them; videos of `there` bear the names that they have `here`.
        metric: top1, top5 or map.
        renamed: how many videos are the same by their content alone.
    """

    here: Side
    there: Side
    metric: str
    renamed: int = 0

    @classmethod
    def of(cls, here: Side, there: Side, metric: str = "top1") -> "Pair":
        """Of two sides as records tell them: what is the same video gets one name."""
        named = partners(here.whole.videos, there.whole.videos)
        sure = len(named) == min(len(here.whole.videos), len(there.whole.videos))
        renamed = {} if sure else alike(here.contents, there.contents, named)
        named |= renamed
        videos = [named.get(name, name) for name in there.whole.videos]
        evidence = replace(
            there.evidence,
            **{
                name: table.assign(video=table["video"].map(lambda video: named.get(video, video)))
                for name in ("videos", "looks")
                if len(table := getattr(there.evidence, name))
            },
        )
        there = replace(there, evidence=evidence, whole=replace(there.whole, videos=videos))
        return cls(here, there, metric, len(renamed))

    @property
    def note(self) -> str:
        """That videos have other names, in a sentence; empty where none has."""
        have = "videos have other names" if self.renamed != 1 else "video has another name"
        return f"{self.renamed:,} {have} and the same content." if self.renamed else ""

    @property
    def dataset(self) -> str:
        """By which videos are grouped."""
        return str(self.here.given.get("dataset", "puppets"))

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both."""
        return self.here, self.there

    @cached_property
    def shared(self) -> list[str]:
        """The videos of both, in the order of `here`."""
        its = set(self.there.part.videos)
        return [video for video in self.here.part.videos if video in its]

    def both(self, told: Callable[[Side], Any]) -> tuple[Any, Any]:
        """Something of each side."""
        return told(self.here), told(self.there)

    def differ(self, names: Iterable[str]) -> dict[str, tuple[Any, Any]]:
        """Parameters that both runs have and whose values differ, by name."""
        here, there = self.here.given, self.there.given
        return {n: (here[n], there[n]) for n in names if n in here and n in there and here[n] != there[n]}

    def as_there(self, names: Iterable[str]) -> dict[str, Any]:
        """The values there of those parameters that differ."""
        return {name: its for name, (_, its) in self.differ(names).items()}

    def rows_differ(self, names: Iterable[str]) -> dict[str, tuple[Any, Any]]:
        """Columns of both rows whose values differ, by name."""
        both = {name: (self.here.row.get(name), self.there.row.get(name)) for name in names}
        return {name: each for name, each in both.items() if None not in each and each[0] != each[1]}


def partners(here: Sequence[str], there: Sequence[str]) -> dict[str, str]:
    """Which names of `there` are videos of `here`, by another name perhaps: name there -> name here.

    The same path; else the same folder and file, whatever their suffix and the folders above; else the same file.
    Names that are so alike twice are nobody's partners.
    """
    best: dict[str, str] = {}
    for key in (str, lambda name: _tail(name, 2), lambda name: _tail(name, 1)):
        mine, its = _unique(here, key), _unique(there, key)
        found = {its[each]: mine[each] for each in its if each in mine}
        best = found if len(found) > len(best) else best
        if len(best) == min(len(here), len(there)):
            break
    return best


def alike(here: Mapping[str, str], there: Mapping[str, str], named: Mapping[str, str]) -> dict[str, str]:
    """As `partners`, of those that have none by name: which hold the same, and are the only ones on their side to.

    Args:
        here, there: name -> content.
        named: of `partners`.
    """
    mine, its, taken = _unique([*here], here.__getitem__), _unique([*there], there.__getitem__), {*named.values()}
    both = {name: mine[each] for each, name in its.items() if each in mine}
    return {name: partner for name, partner in both.items() if name not in named and partner not in taken}


def _unique(names: Sequence[str], key: Callable[[str], str]) -> dict[str, str]:
    keys = [key(name) for name in names]
    counts = Counter(keys)
    return {each: name for each, name in zip(keys, names, strict=True) if counts[each] == 1}


def _tail(name: str, parts: int) -> str:
    path, mark, part = name.partition("#t=")
    return re.sub(r"\.[A-Za-z]\w{0,4}$", "", "/".join(path.split("/")[-parts:])) + mark + part


def are_probabilities(part: Scores) -> bool:
    """Whether each video's scores (N, C) are not negative and sum to 1."""
    return bool((part.scores >= 0).all() and ((part.scores.sum(-1) - 1).abs() < CLOSE).all())


def as_ranked(part: Scores, row: Mapping[str, Any]) -> Scores:
    """The scores of which a row's average precision is: those after a softmax, where only they give what it says."""
    told = row.get("map")
    if told is None or part.targets is None or are_probabilities(part):
        return part
    after = replace(part, scores=part.scores.softmax(-1))
    plain, twice = (abs(each.metrics()["map"] - told) for each in (part, after))
    return after if twice < AGAIN < plain else part


def some(part: T, chosen: np.ndarray) -> T:
    """Those videos (indices, or bool (N,)) of scores or ranks."""
    index = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
    changed: dict[str, Any] = {"videos": [part.videos[int(i)] for i in index]}
    for name in ("labels", "scores", "targets", "ranks"):
        if getattr(part, name, None) is not None:
            changed[name] = getattr(part, name)[index]
    return replace(part, **changed)


def within(part: Scores, classes: Sequence[int] | np.ndarray, counted: Sequence[int] | None = None) -> Scores:
    """Scores between these classes alone, of the videos whose (first) class is among them, or among `counted`."""
    kept = torch.as_tensor(np.asarray(classes, dtype=np.int64))
    place = torch.full((part.scores.shape[1],), -1)
    place[kept] = torch.arange(len(kept))
    inside = place[part.labels] >= 0
    if counted is not None:
        inside &= torch.isin(part.labels, torch.as_tensor(list(counted), dtype=torch.int64))
    rows = some(part, inside.numpy())
    return replace(
        rows,
        labels=place[rows.labels],
        scores=rows.scores[:, kept].contiguous(),
        targets=None if rows.targets is None else rows.targets[:, kept].contiguous(),
        classes=tuple(rows.classes[int(i)] for i in kept) if rows.classes else (),
    )

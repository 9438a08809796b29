"""What class names show: prompts, spelling, the order of the classes, which classes there are, and labels.

A label is a number; what it means is the name of the column that it counts. N videos, C classes.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.optimize import linear_sum_assignment
from torch.nn.functional import one_hot

from ..plain import readable
from ..scores import Ranks, Scores
from ..wording import counted
from .pair import Pair, Side, some, within

ALIKE, APART = 0.7, 0.3  # correlations of a class's scores here and there, see `_order_of_scores`
FEW = 30  # videos, or as many as classes, below which scores are alike by chance
ENOUGH = 4000  # videos, of which the likeness of scores is well known
MOST = 0.5  # share of a class's videos that make another name of theirs the class's


def plainly(name: object) -> str:
    """A name without case, spaces and marks, under which two spellings of it are one."""
    return re.sub(r"[\W_]+", "", str(name)).lower()


def template(pair: Pair) -> str:
    """Looked at: the rows' templates, else the parameters'; and the prompts without the names in them."""
    here, there = pair.both(_template)
    if not all(pair.both(lambda side: side.textual)) or here == there or None in (here, there):
        return ""
    return f"the prompt is {readable(here)!r} here, {readable(there)!r} there"


def change_template(pair: Pair) -> Mapping[str, Any]:
    """As there."""
    return {"template": _template(pair.there)}


def _template(side: Side) -> str | None:
    mine, own = side.row.get("template"), side.given.get("template")
    if mine not in (None, own):
        return mine  # prompts are kept of the run's own template
    told = side.classes[side.classes["text"] != ""]
    frames = {str(row.text).replace(str(row.name), "{}") for row in told.itertuples(index=False) if row.name}
    if len(frames) == 1:
        return frames.pop()
    return mine or own


def names(pair: Pair) -> str:
    """Looked at: the words that went into the prompts for classes of the same name, see `plainly`; else the parameter
    `names`.
    """
    if not all(pair.both(lambda side: side.textual)):
        return ""
    here, there = pair.both(
        lambda side: dict(zip(map(plainly, side.classes["spelled"]), side.classes["name"], strict=True))
    )
    other = [name for name in here if name in there and here[name] != there[name]]
    if other:
        first = other[0]
        words = f"{readable(here[first])!r} here, {readable(there[first])!r} there"
        return f"{counted(len(other), 'class')} are called by other words, such as {words}"
    if len(here) and len(there):
        return ""
    return "".join(f"names are {mine} here, {its} there" for mine, its in pair.differ(["names"]).values())


def change_names(pair: Pair) -> Mapping[str, Any]:
    """As there."""
    return pair.as_there(["names"])


def label_order(pair: Pair) -> str:
    """Looked at: what the shared videos' labels are called on each side; and, where names do not tell, the scores.

    Columns whose names stand in another order, while labels go by number, give whole classes another name. Where names
    are the same, a class's scores here are to be like those of the same class there: where they are much more like
    another's, and more videos are right under that order, the columns of one side are in another order.
    """
    if not _same_classes(pair):
        return ""
    moved = _renamed(pair)
    if moved:
        mine, its = next(iter(moved.items()))
        told = f"videos of {readable(mine)!r} here are {readable(its)!r} there"
        return f"{counted(len(moved), 'class')} have other numbers: {told}"
    order = _order_of_scores(pair)
    if order is None:
        return ""
    count = int((order != np.arange(len(order))).sum())
    return f"the scores of {counted(count, 'class')} stand in other columns, though they are called the same"


def undo_label_order(pair: Pair, here: Scores | Ranks, there: Scores | Ranks) -> tuple[Scores | Ranks, Scores | Ranks]:
    """Labels here by the names that there has for them."""
    assert isinstance(here, Scores)
    moved = _renamed(pair)
    if moved:
        at = {name: index for index, name in enumerate(_named(pair.here))}
        order = np.array([at[moved.get(name, name)] for name in _named(pair.here)])
    else:
        found = _order_of_scores(pair)
        assert found is not None
        order = found
    targets = here.targets
    if targets is not None:
        targets = torch.zeros_like(targets)
        targets[:, torch.from_numpy(order)] = here.targets  # type: ignore[assignment]
    return replace(here, labels=torch.from_numpy(order)[here.labels], targets=targets), there


def labels(pair: Pair) -> str:
    """Looked at: shared videos whose labels have other names, but for whole classes, see `label_order`."""
    other = _relabelled(pair)
    if not other:
        return ""
    first, (mine, its) = next(iter(other.items()))
    named = [repr(readable(", ".join(each))) for each in (mine, its)]
    told = f"{readable(first.rsplit('/', 1)[-1])} is {named[0]} here, {named[1]} there"
    return f"{counted(len(other), 'shared video')} have other labels: {told}"


def undo_labels(pair: Pair, here: Scores | Ranks, there: Scores | Ranks) -> tuple[Scores | Ranks, Scores | Ranks]:
    """These videos with the labels that they have there, as far as these classes are here."""
    assert isinstance(here, Scores)
    moved = _called_there(pair) if _same_classes(pair) and not _renamed(pair) else {}
    at = {plainly(moved.get(name, name)): index for index, name in enumerate(_named(pair.here))}
    other = _relabelled(pair)
    fixed, targets = here.labels.clone(), here.targets
    if targets is not None or getattr(there, "targets", None) is not None:
        targets = one_hot(fixed, here.scores.shape[1]).float() if targets is None else targets.clone()
    for index, video in enumerate(here.videos):
        its = [at[plainly(name)] for name in other[video][1] if plainly(name) in at] if video in other else []
        if its:
            fixed[index] = its[0]
            if targets is not None:
                targets[index] = 0
                targets[index, its] = 1
    return replace(here, labels=fixed, targets=targets), there


def classes(pair: Pair) -> str:
    """Looked at: between which classes each side decides, by name or number, and which classes' videos count."""
    here, there = pair.both(lambda side: int(side.row["classes"]))
    names_here, names_there = pair.both(lambda side: {plainly(name): name for name in side.names})
    if here != there:
        of = [_of_half(side) for side in pair.sides]
        return f"it decides between {counted(here, 'class')}{of[0]} here, {there}{of[1]} there"
    if names_here and names_there and names_here.keys() != names_there.keys():
        only = [name for key, name in names_here.items() if key not in names_there]
        return f"{counted(len(only), 'class')} of {here} are others, such as {readable(only[0])!r}, which is only here"
    mine, its = pair.both(lambda side: side.row.get("counted"))
    if mine != its:
        return f"videos of {mine or here} classes count here, of {its or there} there"
    return ""


def undo_classes(pair: Pair, here: Scores | Ranks, there: Scores | Ranks) -> tuple[Scores, Scores] | None:
    """Both between the classes that they share, of the videos of classes that count on both sides."""
    mine, its = pair.both(lambda side: [plainly(name) for name in side.names])
    if not (isinstance(here, Scores) and isinstance(there, Scores) and mine and its):
        return None
    shared = [name for name in mine if name in set(its)]
    count = counting(pair.here) & counting(pair.there)
    parts = []
    for part, order in ((here, mine), (there, its)):
        place = {name: index for index, name in enumerate(order)}
        parts.append(within(part, [place[n] for n in shared], [place[n] for n in shared if n in count]))
    return parts[0], parts[1]


def _of_half(side: Side) -> str:
    return "" if side.row.get("half") is None else f" (half {side.row['half']})"


def counting(side: Side) -> set[str]:
    """Names of the classes whose videos count, `plainly`; empty where names are not known."""
    if side.row.get("counted") is None:
        return {plainly(name) for name in side.names}
    return {plainly(side.names[label]) for label in set(np.asarray(side.part.labels).tolist())} if side.names else set()


def called(side: Side) -> pd.Series:
    """The name of each video's label, by video."""
    named = np.array(_named(side), dtype=object)
    return pd.Series(named[np.asarray(side.part.labels)], index=list(side.part.videos), dtype=object)


def _named(side: Side) -> tuple[str, ...]:
    """Names of the columns; their numbers where nobody knows them."""
    return side.names or tuple(map(str, range(int(side.row["classes"]))))


def _same_classes(pair: Pair) -> bool:
    here, there = pair.both(lambda side: sorted(map(plainly, _named(side))))
    return here == there and all(pair.both(lambda side: isinstance(side.part, Scores)))


@lru_cache(maxsize=2)
def _renamed(pair: Pair) -> dict[str, str]:
    """Classes whose columns are those of another class there: name here -> name here of that."""
    moved, likeness = _called_there(pair), _likeness(pair)
    at = {name: index for index, name in enumerate(_named(pair.here))}
    if likeness is not None and moved:
        by_name = [likeness[at[mine], at[mine]] for mine in moved]
        by_label = [likeness[at[its], at[mine]] for mine, its in moved.items()]
        if np.mean(by_label) > np.mean(by_name):
            return {}  # the columns are the same, and just called by other names
    return moved


@lru_cache(maxsize=2)
def _called_there(pair: Pair) -> dict[str, str]:
    """Classes that are another class there, as most of their shared videos say: name here -> name here of that."""
    here, there = (called(side).loc[pair.shared] for side in pair.sides)
    own = {plainly(name): name for name in _named(pair.here)}
    seen: dict[str, Counter] = defaultdict(Counter)
    for mine, its in zip(here, there, strict=True):
        seen[mine][own[plainly(its)]] += 1
    found = {}
    for mine, counts in seen.items():
        name, count = counts.most_common(1)[0]
        found[mine] = name if count > MOST * counts.total() else mine
    if len({*found.values()}) < len(found):
        return {}  # two classes that became one: no order
    found = {name: name for name in own.values() if name not in found.values()} | found
    free = [name for name in own.values() if name not in found.values()]
    found |= dict(zip([name for name in own.values() if name not in found], free, strict=False))
    return {mine: its for mine, its in found.items() if mine != its}


@lru_cache(maxsize=2)
def _relabelled(pair: Pair) -> dict[str, tuple[Sequence[str], Sequence[str]]]:
    """Videos with other labels there, of classes that both sides know: their names here and there, the first first."""
    if bool(pair.here.names) != bool(pair.there.names) or not isinstance(pair.here.part, Scores):
        return {}
    here, there = pair.both(_all_called)
    moved = _called_there(pair) if _same_classes(pair) else {}
    own = {name: plainly(moved.get(name, name)) for name in _named(pair.here)}
    its = {name: plainly(name) for name in _named(pair.there)}
    known, other = {*own.values()} & {*its.values()}, []
    for video in pair.shared:
        called, called_there = {own[name] for name in here[video]}, {its[name] for name in there[video]}
        if called != called_there and (called | called_there) & known:
            other.append(video)
    return {video: (here[video], there[video]) for video in other}


def _all_called(side: Side) -> dict[str, Sequence[str]]:
    """The names of each video's labels, the first one first, by video."""
    named, part = _named(side), side.part
    first = [named[label] for label in np.asarray(part.labels).tolist()]
    more: list[list[str]] = [[] for _ in first]
    if isinstance(part, Scores) and part.targets is not None:
        for index, label in part.targets.nonzero().tolist():
            more[index].append(named[label])
    return {v: [*dict.fromkeys((name, *some))] for v, name, some in zip(part.videos, first, more, strict=True)}


@lru_cache(maxsize=2)
def _order_of_scores(pair: Pair) -> np.ndarray | None:
    """Which column here has the scores of each class, by the likeness of scores here and there; None: its own."""
    likeness = _likeness(pair)
    if likeness is None or float(np.diag(likeness).min()) >= ALIKE:
        return None
    _, order = linear_sum_assignment(-likeness)
    moves = order != np.arange(len(order))
    best, own = likeness[np.flatnonzero(moves), order[moves]], np.diag(likeness)[moves]
    if not moves.any() or np.median(best) < ALIKE or np.median(best - own) < APART:
        return None
    assert isinstance(pair.here.part, Scores)
    here = some(pair.here.part, np.isin(pair.here.part.videos, pair.shared))
    there = some(pair.there.part, np.isin(pair.there.part.videos, pair.shared))
    top, label = here.scores.argmax(-1).numpy(), here.labels.numpy()
    right, ordered, aim = (top == label).mean(), (top == order[label]).mean(), there.right(1).mean()
    return order if abs(ordered - aim) < abs(right - aim) else None


@lru_cache(maxsize=2)
def _likeness(pair: Pair) -> np.ndarray | None:
    """Correlations (C, C) over the shared videos of a class's scores there (row), in the order of the names here, with
    the columns here; None where there are no scores of the same classes, or too few videos.
    """
    here, there = pair.here.part, pair.there.part
    if not isinstance(here, Scores) or not isinstance(there, Scores):
        return None
    if len(pair.shared) < max(FEW, here.scores.shape[1]):
        return None
    place = {video: index for index, video in enumerate(there.videos)}
    at = [index for index, video in enumerate(here.videos) if video in place]
    at = at[:: max(1, len(at) // ENOUGH)]
    by_name = {plainly(name): index for index, name in enumerate(_named(pair.there))}
    columns = [by_name[plainly(name)] for name in _named(pair.here)]
    mine = _standard(here.scores[at])
    its = _standard(there.scores[[place[here.videos[index]] for index in at]][:, columns])
    return (its.T @ mine / len(at)).numpy()


def _standard(scores: torch.Tensor) -> torch.Tensor:
    """Scores (N, C) without the mean of each video, each column of mean 0 and variance 1."""
    found = scores - scores.mean(-1, keepdim=True)
    found -= found.mean(0)
    return found.div_(found.std(0, correction=0).clamp_min(1e-12))

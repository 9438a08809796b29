"""What each cause does to the difference of two numbers: undone one after the other, and what is left then."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from text4vis_core.evaluation.protocols import half_class_splits

from ..inference.cube import once
from ..plain import readable
from ..scores import HALVES, Ranks, Scores
from ..shell import command
from .causes import CAUSES, NOT_TRIED, RECOMPUTED, TRIED, Cause, Effect
from .differing import turned
from .measuring import gap, moved, value_of
from .of_videos import bounds, lacking
from .pair import Pair, Side, some, within

Part = Scores | Ranks
Try = Callable[..., Scores]  # `trying.try_out`


@dataclass(frozen=True)
class Finding:
    """A cause that was noticed.

    Attributes:
        cause: a key of `CAUSES`.
        what: a sentence on what differs.
        effect: points of `here` minus what it would be without the cause; None where it is not known.
        low, high: ends of its 95 % interval; of missing videos the bounds, all right and all wrong; None without.
        how: it is known: "recomputed from stored scores", "tried", or "not tried: " and what would.
        sure: whether it is known to be otherwise. Of a published number it often is not: then the effect is what it
            would do to this run.
    """

    cause: str
    what: str
    effect: float | None
    low: float | None
    high: float | None
    how: str
    sure: bool = True


@dataclass(frozen=True)
class Explained:
    """A difference in its parts.

    Attributes:
        whole: the number here less the one there, each on its own videos, in points.
        findings: the largest effect first, those without one last.
        rest: what no finding explains.
        together: causes of whose effects only the sum is known, which is the rest.
        common: both sides, with all undone that stored scores tell.
    """

    whole: float
    findings: list[Finding]
    rest: Effect
    together: tuple[str, ...]
    common: tuple[Part, Part]


def explained(pair: Pair, again: Try | None = None) -> Explained:
    """The causes of a difference with their effects.

    What stored scores tell is undone on both sides, one cause after the other, in the order of `CAUSES`: a cause's
    effect is by how much that moves the difference. The rest is that of a single further cause, where there is but one.
    Of several, `again` evaluates the run of `here` anew with each as it is there, and what stored scores tell undone.

    Args:
        pair: of numbers.
        again: `trying.try_out`; None to evaluate nothing.

    Raises:
        ValueError: no video is left that both sides have.
    """
    noticed = {name: told for name, cause in CAUSES.items() if not cause.last and (told := cause.notice(pair))}
    parts: tuple[Part, Part] = pair.here.part, pair.there.part
    whole, effects = _apart(pair, parts), dict[str, Effect]()
    for name in noticed:
        undone = _undone(CAUSES[name], pair, parts)
        if undone is not None:
            effects[name] = _effect(name, pair, parts, undone)
            parts = undone
    parts = shared(parts)
    rest = gap(*parts, pair.dataset, pair.metric)
    left = [name for name in noticed if name not in effects]
    if not left and _differ(pair, parts):
        late = {name: told for name, cause in CAUSES.items() if cause.last and (told := cause.notice(pair))}
        noticed, left = noticed | late, [*late]
    remains = Effect(rest.points, rest.low, rest.high, RECOMPUTED)
    if again is not None:
        without = partial(_without, pair, [*effects])
        new = {name: _again(CAUSES[name], pair, again, without) for name in left}
        effects |= new
        known = sum(effect.points for effect in new.values() if effect.points is not None)
        remains = replace(remains, points=rest.points - known, low=rest.low - known, high=rest.high - known)
        left = [name for name, effect in new.items() if effect.points is None]
    if len(left) == 1:
        effects[left[0]] = remains
        remains = Effect(0.0, None, None, RECOMPUTED)
    for name in left if len(left) > 1 else ():
        effects.setdefault(name, _again(CAUSES[name], pair, None))
    findings = [Finding(name, noticed[name], e.points, e.low, e.high, e.how) for name, e in effects.items()]
    return Explained(whole, by_size(findings), remains, tuple(left) if len(left) > 1 else (), parts)


def _undone(cause: Cause, pair: Pair, parts: tuple[Part, Part]) -> tuple[Part, Part] | None:
    """Both sides without a cause; None where what is stored does not tell, or would leave nothing."""
    undone = cause.undo(pair, *parts) if cause.undo else None
    return undone if undone is not None and all(len(part.videos) for part in undone) else None


def _effect(name: str, pair: Pair, before: tuple[Part, Part], after: tuple[Part, Part]) -> Effect:
    points = _apart(pair, before) - _apart(pair, after)
    low, high = map(float, moved([*before, *after], pair.dataset, pair.metric).interval())
    if name == "missing_videos" and pair.metric != "map":
        mine, its = (
            bounds(part, len(lacks), pair.metric) for part, lacks in zip(after[::-1], lacking(pair), strict=True)
        )
        low, high = mine[0] - its[1], mine[1] - its[0]
    return Effect(points, low, high, RECOMPUTED)


def _without(pair: Pair, names: Sequence[str], part: Part) -> Part:
    """Scores of the run of `here` with these causes undone."""
    for name in names:
        undone = _undone(CAUSES[name], pair, (part, pair.there.part))
        part = part if undone is None else undone[0]
    return part


def _again(cause: Cause, pair: Pair, again: Try | None, without: Callable[[Part], Part] = lambda part: part) -> Effect:
    """What evaluating again as there tells of a cause; without `again`, what would be needed."""
    change = cause.change(pair) if cause.change else {}
    if not change:
        return Effect(None, None, None, f"{NOT_TRIED}: no evaluation of this run tells it")
    if again is None:
        folder = Path(pair.there.record["path"]).parent
        return Effect(None, None, None, f"{NOT_TRIED}: {how_to_try(pair.here, folder)}")
    return tried(pair.here, change, pair.metric, again, without)


def tried(
    side: Side,
    change: Mapping[str, Any],
    metric: str,
    again: Try,
    without: Callable[[Part], Part] = lambda part: part,
) -> Effect:
    """What evaluating a run's number again, with something otherwise, does to it; why not, where it cannot be.

    Args:
        side: the run's number.
        change: what is otherwise, keyword arguments of `again`.
        metric: of the number.
        again: `trying.try_out`.
        without: undoes on scores what else is known to differ.
    """
    try:
        found = again(side.record, side.row, **change)
    except (ValueError, OSError) as error:
        return Effect(None, None, None, f"{NOT_TRIED}: {readable(error, 300)}")
    half = side.row.get("half")
    part = replace(found, videos=once(found.videos))
    if half is not None:
        part = within(part, half_class_splits(part.scores.shape[1], HALVES)[int(half)])
    between = gap(without(side.part), without(part), str(side.given.get("dataset", "puppets")), metric)
    return Effect(between.points, between.low, between.high, TRIED)


def how_to_try(side: Side, other: str | Path) -> str:
    """The command that tries what is not known, and how long the run took."""
    took = side.record["timings"]["total_seconds"]
    typed = command(["text4vis", "compare", Path(side.record["path"]).parent, other, "--try"])
    return f"{typed} (the run took {took:.0f} s)"


def by_size(findings: Sequence[Finding]) -> list[Finding]:
    """The largest effect first, those without one last."""
    return sorted(findings, key=lambda found: 1.0 if found.effect is None else -abs(found.effect))


def shared(parts: tuple[Part, Part]) -> tuple[Part, Part]:
    """Both on the videos that they share; a ValueError where there is none."""
    here, there = parts
    both = {*here.videos} & {*there.videos}
    if not both:
        raise ValueError("the two runs share no video; compare runs on one list of videos")
    if len(both) == len(here.videos) == len(there.videos):
        return parts
    return tuple(some(p, np.array([v in both for v in p.videos], dtype=bool)) for p in parts)  # type: ignore[return-value]


def _apart(pair: Pair, parts: tuple[Part, Part]) -> float:
    return value_of(parts[0], pair.metric) - value_of(parts[1], pair.metric)


def _differ(pair: Pair, parts: tuple[Part, Part]) -> bool:
    """Whether the numbers differ, or any answer."""
    return _apart(pair, parts) != 0 or bool(len(turned(*parts)))

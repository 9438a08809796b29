"""A run's number beside a published one: the protocols side by side, and what the known causes do to this run."""

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.optimize import linear_sum_assignment

from text4vis_core.evaluation.protocols import half_class_splits

from ..evidence import evidence_of
from ..notebooks import repository_root
from ..plain import readable
from ..published import published_results
from ..scores import HALVES, Scores
from ..wording import counted, listed
from .causes import NOT_TRIED, RECOMPUTED, Effect
from .comparing import Comparison, as_told, check_cell, number_table
from .differing import FACTS, SIDES
from .explaining import Finding, Try, by_size, how_to_try, tried
from .known import known_of
from .measuring import Gap, gap, interval_of, value_of
from .of_names import plainly
from .of_scores import after_softmax
from .of_videos import bounds
from .pair import Side, within

METRICS = {"top-1": "top1", "top-5": "top5", "mean average precision": "map"}
FILE = "data/published_results.csv"
UNKNOWN = ("", "not found")
TWICE, FAR = 2.0, 0.3  # times as many videos, and share of them, right under another order of the classes that is named
Told = tuple[str, str, Effect]  # of a cause: its id, what is otherwise, and its effect


def published_row(identity: Mapping[str, Any] | str) -> Mapping[str, Any]:
    """A row of `data/published_results.csv` by its id.

    Raises:
        ValueError: no row has it; names the closest.
    """
    if isinstance(identity, Mapping):
        return identity
    rows = {row["id"]: row for row in published_results(repository_root() / FILE)}
    if identity not in rows:
        close = difflib.get_close_matches(identity, rows, n=3, cutoff=0.3)
        remedy = f"the closest: {listed(close)}" if close else f"choose an id of {FILE}"
        raise ValueError(f"no published number is called {readable(identity)!r}; {remedy}")
    return rows[identity]


def against(
    record: Mapping[str, Any],
    published: Mapping[str, Any] | str,
    cell: str = "",
    metric: str = "",
    again: Try | None = None,
) -> Comparison:
    """A run's number and a published one, see `comparing.compare`.

    Nothing is known of how the published number was computed but what its row says. So the effects are those on this
    run: by how much its number would be another under the protocol that was published, or under what nobody tells.
    Those of what is known to be otherwise come first; only they are taken off the difference.

    Raises:
        ValueError: no such number, cell, or another metric; or the run has none in it.
    """
    known = published_row(published)
    if metric not in ("", METRICS[known["metric"]]):
        raise ValueError(f"metric is {readable(metric)}, {known['id']} is {known['metric']}; leave metric out")
    check_cell(record, cell)
    metric = METRICS[known["metric"]]
    evidence = evidence_of(record)
    side = Side.of(record, evidence, _row(record, known, metric, cell))
    value, its = value_of(side.part, metric), float(known["value"])
    low, high = interval_of(side.part, _dataset(side), metric)
    told = {"here": value, "there": its, "difference": value - its, "low": low - its, "high": high - its}
    number = as_told(side.row, side.row, metric) | told | {"p": float("nan"), "videos": len(side.part.videos)}
    protocol = _protocol(side, known)
    findings: list[Finding] = []
    for cause, what, effect in _effects(side, known, metric, again):
        sure = what.startswith("published")
        findings.append(Finding(cause, what, effect.points, effect.low, effect.high, effect.how, sure))
    otherwise = [found for found in findings if found.sure]
    left = value - its - sum(found.effect for found in otherwise if found.effect is not None)
    return Comparison(
        numbers=number_table([number]),
        ends=((low, high), (float("nan"), float("nan"))),
        whole=value - its,
        findings=[*by_size(otherwise), *by_size([found for found in findings if not found.sure])],
        rest=Effect(left, None, None, RECOMPUTED),
        together=(),
        differences=protocol,
        others=protocol[:0],
        sides=pd.DataFrame(columns=list(SIDES)),
        notes=[*filter(None, [evidence.note, _source(known)])],
        strangers=_strangers(side, known),
        elsewhere=known_of(known["data"], known["metric"]),
    )


def _row(record: Mapping[str, Any], known: Mapping[str, Any], metric: str, cell: str) -> Mapping[str, Any]:
    """The row whose number is compared: of `cell`, or the first of class names, trained where the published one is."""
    rows = [row for row in record["rows"] if row.get(metric) is not None and cell in ("", row["cell"])]
    if not rows:
        where = f"cell {readable(cell)!r} of {readable(record['path'])}" if cell else readable(record["path"])
        raise ValueError(f"{where} has no {known['metric']}, which {known['id']} is; give another run or number")
    asked = not known["task"].startswith("zero-shot")

    def fits(row: Mapping[str, Any]) -> tuple[bool, ...]:
        is_trained = row.get("trained_parameters") is not None
        return row.get("half") is not None, is_trained != asked, row.get("role") not in ("text", None)

    return min(rows, key=fits)


def _strangers(side: Side, known: Mapping[str, Any]) -> str:
    """That the numbers are of other data or another model, which makes them no match, in a sentence."""
    other = []
    if not plainly(_dataset(side)).startswith(plainly(known["data"])):
        other.append(f"data {readable(_dataset(side))} here, {known['data']} there")
    if plainly(_model(side)) != plainly(known["model"].removeprefix("CLIP ")):
        other.append(f"model {readable(_model(side))} here, {known['model']} there")
    return f"These two numbers are not comparable: {listed(other)}." if other else ""


def _dataset(side: Side) -> str:
    return str(side.given.get("dataset", "puppets"))


def _model(side: Side) -> str:
    return str(side.given.get("model") or side.given.get("checkpoint") or "")


def _source(known: Mapping[str, Any]) -> str:
    note = f"; {known['note']}" if known.get("note") else ""
    return f"Published, not measured here: {known['id']}, {known['protocol']}; {known['source']}{note}."


def _protocol(side: Side, known: Mapping[str, Any]) -> pd.DataFrame:
    """Both protocols, what is the same too; "not told" where the publication does not say."""
    given, row = side.given, side.row
    half = f" (half {row['half']})" if row.get("half") is not None else ""
    between = f"{counted(int(row['classes']), 'class')}{half}, {row['videos']} videos"
    trained = str(given.get("epochs", "")) if side.trained else "not trained here"
    lines = [
        ("data", _dataset(side), known["data"]),
        ("model", _model(side), known["model"]),
        ("task", str(row["method"]), known["task"]),
        ("classes and videos", between, known["protocol"]),
        ("views", str(row["view"]), known["views"]),
        ("frames", str(given.get("num_frames", "")), known["frames"]),
        ("resolution", "", known["resolution"]),
        ("epochs", trained, known["epochs"]),
        ("which epoch", "the last" if side.trained else "", known["rule"]),
        ("spread", "", known["spread"]),
    ]
    rows = [("protocol", what, mine or "not told", "not told" if its in UNKNOWN else its) for what, mine, its in lines]
    return pd.DataFrame(rows, columns=list(FACTS))


def _effects(side: Side, known: Mapping[str, Any], metric: str, again: Try | None) -> Iterator[Told]:
    """What the causes do to a run's number. What is known to be otherwise begins with "published"."""
    if isinstance(side.part, Scores):
        yield from _of_classes(side, known, metric)
        yield from _of_softmax(side, known, metric)
        yield from _of_order(side, side.part, metric)
    yield from _of_missing(side, metric)
    yield from _of_views(side, metric)
    for cause, what, change in _changes(side, known):
        yield cause, what, tried(side, change, metric, again) if again else _not_tried(side, known)
    if side.trained and "best epoch" in known["rule"]:
        effect = Effect(None, None, None, f"{NOT_TRIED}: no evaluation of this run tells it")
        yield "epoch", f"published is the {known['rule']}; here it is the last", effect


def _not_tried(side: Side, known: Mapping[str, Any]) -> Effect:
    return Effect(None, None, None, f"{NOT_TRIED}: {how_to_try(side, known['id'])}")


def _of_classes(side: Side, known: Mapping[str, Any], metric: str) -> Iterator[Told]:
    whole, half = side.whole, "half of the classes" in known["task"]
    assert isinstance(whole, Scores)
    if metric == "map" or half == (side.row.get("half") is not None) or not whole.halves:
        return
    if not half:
        effect = gap(side.part, whole, _dataset(side), metric)
        yield "classes", "published of all classes, here of half", _of(effect)
        return
    values = [value_of(within(whole, part), metric) for part in half_class_splits(whole.scores.shape[1], HALVES)]
    mine = value_of(side.part, metric)
    what = f"published of half of the classes, here of all {whole.scores.shape[1]}; from the ends of {HALVES} halves"
    yield "classes", what, Effect(mine - float(np.mean(values)), mine - max(values), mine - min(values), RECOMPUTED)


def _of_softmax(side: Side, known: Mapping[str, Any], metric: str) -> Iterator[Told]:
    if metric != "map":
        return
    assert isinstance(side.part, Scores)
    what = "a second softmax before ranking, of which nobody tells"
    if "second softmax" in known["protocol"]:
        what = "published is ranked after a second softmax, here after one"
    yield "softmax", what, _of(gap(side.part, after_softmax(side.part), _dataset(side), metric))


def _of_order(side: Side, part: Scores, metric: str) -> Iterator[Told]:
    """Another order of the classes under which far more videos are right, of videos that did not choose it."""
    top, label, count = part.scores.argmax(-1).numpy(), part.labels.numpy(), part.scores.shape[1]
    right, own = 0, int((top == label).sum())
    for half in (0, 1):
        chosen = np.arange(len(label)) % 2 == half
        order = _best_order(label[chosen], top[chosen], count)
        right += int((top == order[label])[~chosen].sum())
    if metric == "map" or right < max(TWICE * own, FAR * len(label)):
        return
    best = torch.from_numpy(_best_order(label, top, count))
    other = Scores(part.videos, best[part.labels], part.scores, part.targets, part.classes)
    what = f"{right} of {len(label)} videos, not {own}, are right with the classes in another order"
    yield "label_order", what, _of(gap(part, other, _dataset(side), metric))


def _best_order(label: np.ndarray, top: np.ndarray, count: int) -> np.ndarray:
    table = np.zeros((count, count))
    np.add.at(table, (label, top), 1)
    return linear_sum_assignment(-table)[1]


def _of_missing(side: Side, metric: str) -> Iterator[Told]:
    listed_ones = side.evidence.videos
    lacks = int(((listed_ones["list"] == side.listed) & listed_ones["missing"]).sum()) + len(side.record["skipped"])
    if lacks and metric != "map":
        low, high = bounds(side.part, lacks, metric)
        effect = Effect(None, low, high, RECOMPUTED)
        yield "missing_videos", f"{counted(lacks, 'listed video')} are not here", effect


def _of_views(side: Side, metric: str) -> Iterator[Told]:
    alike = [name for name in side.row if name not in ("view", *METRICS.values())]
    for row in side.record["rows"]:
        if row["view"] != side.row["view"] and all(row.get(name) == side.row[name] for name in alike):
            other = Side.of(side.record, side.evidence, row)
            yield (
                "crops",
                f"{row['view']}, not {side.row['view']}",
                _of(gap(side.part, other.part, _dataset(side), metric)),
            )


def _changes(side: Side, known: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """What can be evaluated otherwise: the cause, what, and how."""
    given = side.given
    if side.textual and not side.trained:
        prompt = "{}" if side.row.get("template", given.get("template")) != "{}" else "a video of a person {}."
        yield "template", f"another prompt: {prompt!r}", {"template": prompt}
        style = "published" if given.get("names", "words") == "words" else "words"
        yield "names", f"names as {'the data set spells them' if style == 'published' else 'words'}", {"names": style}
    if known["frames"] not in UNKNOWN and int(known["frames"]) != given.get("num_frames"):
        frames = int(known["frames"])
        yield "frames", f"published with {frames} frames, here {given.get('num_frames')}", {"num_frames": frames}
    views = re.fullmatch(r"(\d+)x(\d+)", known["views"])
    if views and (int(views[2]), int(views[1])) != (given.get("clips", 1), given.get("crops", 1)):
        wanted = {"crops": int(views[1]), "clips": int(views[2])}
        yield "crops", f"published with {views[1]} crops of {views[2]} clips, here {side.row['view']}", wanted
    if given.get("resize"):
        yield "resize", "frames scaled to the model's input size, not cropped from larger ones", {"resize": 0}
    if given.get("decoder"):
        other = "decord" if given["decoder"] == "pyav" else "pyav"
        yield "decoder", f"decoded by {other}", {"decoder": other}


def _of(between: Gap) -> Effect:
    return Effect(between.points, between.low, between.high, RECOMPUTED)

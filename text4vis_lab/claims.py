"""The paper's claims, each with what the rows of a run record must show for it to hold there.

A claim is a function from a record's rows to verdicts and one line in `CLAIMS`. The thresholds are the project's own:
the paper gives numbers of its own data sets, which no other data set has to reproduce.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from text4vis_core.evaluation.intervals import mean_interval, wilson_interval, with_interval

from .plain import readable
from .results import rows_of
from .rows import gain, mean_text

FEW_SHOT_GAIN = 25  # points that frozen text must be ahead of frozen random, at every K up to 4
TEMPORAL_GAIN = 20  # points that the temporal transformer must be ahead of the mean, on time-ordered classes

Verdict = tuple[str, bool, str]  # claim, whether it holds, evidence


def claims(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Verdicts on all claims that the records speak of: dictionaries with claim, holds, evidence, suite, run."""
    return [
        {"claim": claim, "holds": holds, "evidence": evidence} | {k: readable(record[k]) for k in ("suite", "run")}
        for record in records
        if record["rows"]
        for judge in CLAIMS.get(record["notebook"], ())
        for claim, holds, evidence in judge(rows_of(record))
    ]


def _zero_shot(rows: pd.DataFrame) -> Iterator[Verdict]:
    own = rows[rows["template"] == rows["template"].iloc[0]]
    chance = 100 / own["classes"].iloc[0]
    top1, half = mean_interval(own["top1"])
    low, high = (top1 - half, top1 + half) if len(own) > 1 else wilson_interval(top1, int(own["videos"].iloc[0]))
    yield (
        "A classifier made of text names videos that nobody labelled, well above chance",
        bool(low > chance),
        f"top-1 {top1:.1f} % (95 % interval {low:.1f} to {high:.1f}), chance {chance:.1f} %",
    )


def _few_shot(rows: pd.DataFrame) -> Iterator[Verdict]:
    for shots, some in _by_shots(rows):
        found = _compared(some, "method", "text, frozen", "random, frozen")
        if found and shots <= 4:
            points, evidence = found
            yield (
                f"With {shots} video{'s' * (shots > 1)} per class, frozen text beats frozen random by at least "
                f"{FEW_SHOT_GAIN} points",
                points[0] >= FEW_SHOT_GAIN and _above(points, 0),
                evidence,
            )


def _base(rows: pd.DataFrame) -> Iterator[Verdict]:
    some = rows[rows["test"] == "base"]
    found = _compared(some, "method", "text, frozen", "random, frozen")
    if found:
        points, evidence = found
        classes, counted = some[["classes", "counted"]].iloc[0]
        yield (
            f"Trained on {classes} base classes, frozen text beats frozen random on the "
            f"{counted} of them that can be told apart without the order of time",
            _above(points, 0),
            evidence,
        )


def _novel(rows: pd.DataFrame) -> Iterator[Verdict]:
    before, after = (rows[(rows["test"] == "novel") & (rows["method"] == m)] for m in ("zero-shot", "text, frozen"))
    if len(before) and len(after):
        yield (
            "After training with frozen text, zero-shot accuracy on novel classes is, on average, at least what it was",
            bool(after["top1"].mean() >= before["top1"].mean()),
            f"before {before['top1'].mean():.1f} %, after {_text(after)}, {_seeds(after)}",
        )


def _temporal(rows: pd.DataFrame) -> Iterator[Verdict]:
    some = rows[rows["test"] == "ordered"]
    found = _compared(some, "temporal", "transformer", "mean") if len(some) else None
    if found:
        points, evidence = found
        yield (
            f"On classes that differ only in the order of time, the temporal transformer beats the mean by at least "
            f"{TEMPORAL_GAIN} points",
            points[0] >= TEMPORAL_GAIN and _above(points, 0),
            evidence,
        )


def _vision_only(rows: pd.DataFrame) -> Iterator[Verdict]:
    for shots, some in _by_shots(rows):
        found = _compared(some, "method", "text classifier", "vision-only")
        if found:
            points, evidence = found
            videos = f"{shots} video{'s' * (shots != 1)} per class" if shots else "all videos"
            yield (
                f"Trained on {videos}, a frozen text classifier beats a linear layer that knows no text",
                _above(points, 0),
                evidence,
            )


CLAIMS: dict[str, tuple[Callable[[pd.DataFrame], Iterator[Verdict]], ...]] = {
    "02_zero_shot": (_zero_shot,),
    "03_few_shot": (_few_shot,),
    "04_full_training": (_base, _novel, _temporal),
    "10_comparison": (_vision_only,),
}


def _compared(rows: pd.DataFrame, column: str, ahead: str, behind: str) -> tuple[tuple[float, float], str] | None:
    """The gain of one value of a column over another, paired by seed, and the evidence; None where there is no pair."""
    first, second = (rows[rows[column] == value] for value in (ahead, behind))
    points = gain(first, second)
    if points is None:
        return None
    names = (value.removesuffix(", frozen").removesuffix(" classifier") for value in (ahead, behind))
    parts = [f"{name} {_text(some)}" for name, some in zip(names, (first, second), strict=True)]
    return points, ", ".join([*parts, f"gain {with_interval(*points, unit='points')}", _seeds(rows)])


def _by_shots(rows: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame]]:
    for shots in sorted(rows["shots"].dropna().unique()):
        yield int(shots), rows[rows["shots"] == shots]


def _text(rows: pd.DataFrame) -> str:
    """Mean over seeds, with Student's interval."""
    return mean_text(rows.drop(columns="videos"))


def _above(pair: tuple[float, float], level: float) -> bool:
    """Whether the whole 95 % interval of a mean lies above a level; the mean itself where there is one seed only."""
    mean, half = pair
    return bool(mean - (0 if np.isnan(half) else half) > level)


def _seeds(rows: pd.DataFrame) -> str:
    count = rows["seed"].nunique()
    return f"{count} seed{'s' * (count != 1)}"

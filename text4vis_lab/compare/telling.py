"""What a comparison found, in a sentence, as rows to show, and as plain values."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pandas as pd

from ..plain import encodable, plain
from ..wording import counted, listed
from .causes import CAUSES, NOT_TRIED
from .comparing import Comparison
from .explaining import Finding
from .matching import KEYS

WORDS = {"top1": "top-1", "top5": "top-5", "map": "mean average precision"}
ELSEWHERE = "Known elsewhere, not measured here"
LEAST = 0.05  # points, below which a rest is none when it is written with one digit


def sentence(found: Comparison) -> str:
    """The answer: both numbers, how far they are apart, and which causes explain how much of that.

    Where they are of other data or another model, that comes first, and nothing is said to explain their difference.
    """
    first = found.numbers.iloc[0]
    numbers = f"{WORDS[first['metric']]} here {first['here']:.1f}, there {first['there']:.1f}"
    on = f" on {counted(int(first['videos']), 'shared video')}" if first["p"] == first["p"] else ""
    if found.strangers:
        return f"{found.strangers} {numbers}."
    sure = [each for each in found.findings if each.sure]
    if abs(found.whole) < LEAST and not sure:
        sides = len(found.sides)
        same = f"; {counted(sides, 'video')} changed sides" if sides else ", right on the same ones" if on else ""
        return f"{numbers}: the same number{on}{same}."
    apart = f"{abs(found.whole):.1f} points {'less' if found.whole < 0 else 'more'}"
    sign = -1 if found.whole < 0 else 1
    if abs(first["difference"] - found.whole) >= LEAST:  # the two are of other videos
        ends = _ends(first["low"], first["high"])
        apart += f"; {first['difference']:+.1f}{ends}{on}"
    else:
        apart += _ends(*sorted(sign * first[end] for end in ("low", "high"))) + on
    parts = [_told(each, found.whole) for each in sure if each.effect is not None]
    unknown = [each.cause for each in sure if each.effect is None and each.cause not in found.together]
    if found.together:
        ends = _ends(found.rest.low, found.rest.high)
        parts.append(f"{listed(found.together)} together make {found.rest.points:+.1f}{ends}, not told apart")
    if unknown:
        parts.append(f"what {listed(unknown)} {'does' if len(unknown) == 1 else 'do'} is not measured")
    told = f"{numbers} ({apart}): {', '.join(parts) or 'no cause was found'}"
    if not found.together and found.rest.points is not None and abs(found.rest.points) >= LEAST:
        return f"{told}; {abs(found.rest.points):.1f} not explained."
    return f"{told}."


def reading(found: Comparison) -> str:
    """How to read the steps from one number to the other, in sentences."""
    if found.strangers:
        return f"{found.strangers} What the known causes do to this run tells how much they may matter, no more."
    told = []
    for each in found.findings:
        if each.sure and each.effect is not None:
            open_ended = each.low is not None and each.high is not None and each.low <= 0 <= each.high
            open_ended &= each.cause != "missing_videos"  # whose bounds always hold zero
            verdict = ", whose interval holds zero: on these videos it is undecided whether it does anything"
            told.append(f"{each.cause} ({CAUSES[each.cause].title}): {each.what}{verdict if open_ended else ''}.")
    if found.together:
        told.append(f"{listed(found.together)} are not told apart: their effects are known together alone.")
    if not told:
        return "No known cause shows in these records."
    return " ".join(["The bars lead from the number there to the one here.", *told])


def _told(finding: Finding, whole: float) -> str:
    """ "label_order explains 24.1 [22.0, 26.2]": of a cause that works the other way, by how much it does."""
    assert finding.effect is not None
    sign = -1.0 if whole < 0 else 1.0
    points = sign * finding.effect + 0.0  # not -0.0
    ends = sorted(sign * end for end in (finding.low, finding.high) if end is not None and end == end)
    if points < 0:
        return f"{finding.cause} works against it by {-points:.1f}{_ends(*sorted(-end for end in ends))}"
    return f"{finding.cause} explains {points:.1f}{_ends(*ends)}"


def _ends(low: float | None = None, high: float | None = None) -> str:
    return "" if low is None or high is None or low != low else f" [{low + 0.0:.1f}, {high + 0.0:.1f}]"


def causes(found: Comparison) -> pd.DataFrame:
    """A row for each cause: cause, effect, low and high (points), what differs, how the effect is known, and title."""
    rows = [
        {"cause": each.cause, "effect": each.effect, "low": each.low, "high": each.high, "what": encodable(each.what)}
        | {"how": encodable(each.how), "title": CAUSES[each.cause].title, "sure": each.sure}
        for each in found.findings
    ]
    table = pd.DataFrame(rows, columns=["cause", "effect", "low", "high", "what", "how", "title", "sure"])
    return table.astype({"effect": float, "low": float, "high": float})


def elsewhere(found: Comparison) -> pd.DataFrame:
    """A row of texts for each effect that others have found on the published data set: cause, points, what, source."""
    rows = [
        {"cause": row["cause"], "points": "?" if pd.isna(row["effect"]) else f"{row['effect']:+g}"}
        | {"what": f"{row['note']} ({row['model']})", "source": row["source"]}
        for row in found.elsewhere.to_dict("records")
    ]
    return pd.DataFrame(rows, columns=["cause", "points", "what", "source"])


def steps(found: Comparison) -> pd.DataFrame:
    """From the number there to the one here, a row for each step: step, kind, start, stop, low, high, and what.

    Causes of which it is not known whether they are otherwise, or whose effect is not known, are none.
    """
    first = found.numbers.iloc[0]
    at, rows = (
        float(first["there"]),
        list[tuple[Any, ...]]([("there", "number", 0.0, first["there"], *found.ends[1], "")]),
    )
    sure = [each for each in found.findings if each.sure and each.effect is not None]
    parts: list[tuple[Any, ...]] = [(each.cause, each.effect or 0.0, each.low, each.high, each.what) for each in sure]
    rest, left = found.rest, found.rest.points or 0.0
    if abs(left) >= LEAST:
        name = f"{listed(found.together)} together" if found.together else "not explained"
        parts.append((name, left, rest.low, rest.high, ""))
    for name, points, low, high, what in parts:
        along = (points < 0) == (found.whole < 0)
        kind = "not explained" if name == "not explained" else "explains" if along else "works against it"
        rows.append((name, kind, at, points, low, high, what))
        at += points
    rows.append(("here", "number", 0.0, first["here"], *found.ends[0], ""))
    table = pd.DataFrame(rows, columns=["step", "kind", "start", "points", "low", "high", "what"])
    table = table.astype({"low": float, "high": float}).assign(what=table["what"].map(encodable))
    ends = {"stop": table["start"] + table.pop("points")}
    return table.assign(**ends, low=table["start"] + table["low"], high=table["start"] + table["high"])


def numbers(found: Comparison) -> pd.DataFrame:
    """`Comparison.numbers` with what tells each pair apart in one column, `number`, as far as they differ in it."""
    table = found.numbers
    keys = [name for name in KEYS if name in table]
    apart = [name for name in keys if table[name].astype(str).nunique() > 1] or keys[:1]
    told = [
        ", ".join(_called(name, row[name]) for name in apart if row[name] == row[name] and row[name] is not None)
        for row in table[keys].to_dict("records")
    ]
    rest = table.drop(columns=keys).assign(metric=table["metric"].map(WORDS))
    return pd.concat([pd.Series(told, name="number", dtype=object), rest], axis=1)


def _called(name: str, value: Any) -> str:
    if isinstance(value, str) and name not in ("shots", "seed", "half", "fold"):
        return value
    return f"{name} {int(value) if isinstance(value, float) and value.is_integer() else value}"


def as_values(found: Comparison) -> Mapping[str, Any]:
    """All of it as plain values, as JSON has them."""
    tables = {name: getattr(found, name) for name in ("numbers", "differences", "others", "sides", "elsewhere")}
    told: dict[str, Any] = {
        name: table.astype(object).where(table.notna(), None).to_dict("records") for name, table in tables.items()
    }
    findings = [asdict(each) for each in found.findings]
    more = {
        "whole": found.whole,
        "ends": found.ends,
        "findings": findings,
        "rest": asdict(found.rest),
        "together": found.together,
    }
    return plain({"answer": sentence(found), **more, **told, "notes": found.notes})


def untried(found: Comparison) -> list[str]:
    """Commands that would measure what is not, each once."""
    how = [each.how.removeprefix(f"{NOT_TRIED}: ") for each in found.findings if each.how.startswith(NOT_TRIED)]
    return [*dict.fromkeys(each for each in how if each.startswith("text4vis"))]

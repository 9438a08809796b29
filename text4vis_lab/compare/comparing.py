"""Why a number is not another: of two runs, or of a run and a published number."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ..evidence import Evidence, evidence_of
from ..plain import readable
from ..records import RECORD, read_record
from ..rows import METRICS
from ..wording import counted, listed
from .causes import Effect
from .differing import differences, others, turned
from .explaining import Finding, Try, explained, shared
from .matching import KEYS, Row, matched
from .measuring import gap, interval_of
from .pair import Pair, Side

MANY = 60  # pairs of numbers, of which those further on have no interval
NUMBERS = ("metric", "here", "there", "difference", "low", "high", "p", "videos")


@dataclass(frozen=True)
class Comparison:
    """What was found about two numbers.

    Attributes:
        numbers: a row for each pair of numbers that is the same in both: the columns that tell them apart, metric, here
            and there (percent), difference (points, on the shared videos), low, high (of its 95 % interval), p, videos
            (shared). The pair that is explained comes first.
        ends: of that pair's numbers, here and there, the ends of each one's own 95 % interval, in percent; nan of a
            published one.
        whole: its difference as the two tell it, each on its own videos, in points.
        findings: causes, the largest effect first, those without one last.
        rest: what no finding explains.
        together: causes of whose effects only the sum is known, which is the rest.
        differences: every fact that differs, see `differing.differences`.
        others: those that explain no number: versions, hardware, time.
        sides: the shared videos that are right on one side alone, see `differing.turned`.
        notes: what is to be read beside it, a sentence each.
        strangers: of a published number of other data or another model, that the two are not comparable; else empty.
        elsewhere: of a published number what others have found that causes do to its data set, see `known.known_of`.
    """

    numbers: pd.DataFrame
    ends: tuple[tuple[float, float], tuple[float, float]]
    whole: float
    findings: list[Finding]
    rest: Effect
    together: tuple[str, ...]
    differences: pd.DataFrame
    others: pd.DataFrame
    sides: pd.DataFrame
    notes: list[str]
    strangers: str = ""
    elsewhere: pd.DataFrame = field(default_factory=pd.DataFrame)


def compare(
    here: Mapping[str, Any] | str | Path,
    there: Mapping[str, Any] | str | Path | None = None,
    published: Mapping[str, Any] | str | None = None,
    *,
    cell: str = "",
    metric: str = "",
    try_out: bool = False,
) -> Comparison:
    """Why a number of one run is not that of another, or a published one.

    Args:
        here: a record as `records.read_record` gives it, or its run's folder.
        there: another; or
        published: a row of `data/published_results.csv`, or its id.
        cell: of `here`, whose number is explained; empty for the number that differs most.
        metric: top1, top5 or map; empty for map where both have it, else top1.
        try_out: whether the run of `here` is evaluated again for what stored scores do not tell, see `trying`.

    Raises:
        FileNotFoundError: there is no such run.
        ValueError: neither or both of `there` and `published`; no row, metric or video is shared; a record or its
            scores are damaged or missing. Names what, and the remedy.
    """
    if (there is None) == (published is None):
        raise ValueError("compare needs one of there and published: another run, or the id of a published number")
    record, again = as_record(here), _trying() if try_out else None
    if published is not None:
        from .published import against

        return against(record, published, cell, metric, again)
    assert there is not None
    return _two((record, as_record(there)), cell, metric, again)


def as_record(run: Mapping[str, Any] | str | Path) -> Mapping[str, Any]:
    """A record, or that in a run's folder.

    Raises:
        FileNotFoundError: there is none.
    """
    if isinstance(run, Mapping):
        return run
    path = Path(run)
    path = path if path.name == RECORD else path / RECORD
    if not path.is_file():
        raise FileNotFoundError(f"there is no {RECORD} in {readable(run, 400)}; give the folder of a finished run")
    return read_record(path)


def check_cell(record: Mapping[str, Any], cell: str) -> None:
    """Raise a ValueError, with the closest, where a record has no such cell; "" is none."""
    cells = [*dict.fromkeys(row["cell"] for row in record["rows"])]
    if cell and cell not in cells:
        close = difflib.get_close_matches(cell, cells, n=5, cutoff=0.0)
        more = [f"{len(cells) - len(close)} more"] if len(cells) > len(close) else []
        told = f"{readable(record['path'], 400)} has no cell {readable(cell)!r}"
        raise ValueError(f"{told}; its cells: {listed([*close, *more])}")


def _check(records: Sequence[Mapping[str, Any]], cell: str) -> None:
    """Raise a ValueError where a run has no number, or the first no such cell."""
    here, there = (readable(record["path"], 400) for record in records)
    for record, path in zip(records, (here, there), strict=True):
        if not record["rows"]:
            raise ValueError(f"{path} has no number; give another run")
    mine, its = ({row["cell"] for row in record["rows"]} for record in records)
    if cell not in mine and cell in its:
        raise ValueError(f"{here} has no cell {readable(cell)!r}, {there} has: give that run first")
    check_cell(records[0], cell)


def _trying() -> Try:
    from .trying import try_out

    return try_out


def _two(records: Sequence[Mapping[str, Any]], cell: str, metric: str, again: Try | None) -> Comparison:
    _check(records, cell)
    here, there = (record["rows"] for record in records)
    paths = " and ".join(readable(record["path"], 400) for record in records)
    pairs, unpaired, its = matched(here, there)
    if cell:
        pairs = [(i, j) for i, j in pairs if here[i]["cell"] == cell]
    if not pairs:
        alike = "test, method, shots and seed"
        if cell:
            told = f"{readable(records[1]['path'], 400)} has no number of the {alike} of cell {readable(cell)!r}"
            raise ValueError(f"{told}; give another cell or run")
        raise ValueError(f"{paths} share no number: none is of one {alike} in both; compare runs alike")
    metrics = [m for m in METRICS if any(None not in (here[i].get(m), there[j].get(m)) for i, j in pairs)]
    metric = metric or ("map" if "map" in metrics else "top1")
    if metric not in metrics:
        raise ValueError(f"{paths} have no {readable(metric)} in common; they have {', '.join(metrics)}")
    evidence = [evidence_of(record) for record in records]
    first = _lead([(here[i], there[j]) for i, j in pairs], records[0]["parameters"].get("template"), metric)
    order = [pairs[first], *pairs[:first], *pairs[first + 1 :]]
    lead = Pair.of(*_sides(records, evidence, order[0]), metric)
    if not lead.shared:
        raise ValueError(f"{paths} share no video, by name or by content; compare runs on one list of videos")
    found = explained(lead, again)
    metrics = [metric, *(name for name in metrics if name != metric)]
    table = _numbers(lead, metrics)
    for number, each in enumerate(order[1:], 1):
        both = here[each[0]], there[each[1]]
        if number < MANY and both[0].get("half") is None:
            table += _numbers(Pair.of(*_sides(records, evidence, each), metric), metrics)
        else:
            table += [as_told(*both, name) for name in metrics if None not in (both[0].get(name), both[1].get(name))]
    notes = [*filter(None, [*(each.note for each in evidence), lead.note])]
    for rows, where in ((unpaired, "here"), (its, "there")):
        notes += [f"{counted(len(rows), 'row')} {where} found no partner."] if rows else []
    facts = differences(*records)
    return Comparison(
        numbers=number_table(table),
        ends=lead.both(lambda side: interval_of(side.part, lead.dataset, metric)),
        whole=found.whole,
        findings=found.findings,
        rest=found.rest,
        together=found.together,
        differences=facts,
        others=others(facts),
        sides=turned(*found.common),
        notes=notes,
    )


def _lead(rows: Sequence[tuple[Row, Row]], own: object, metric: str) -> int:
    """Which pair of rows is explained: that whose numbers are furthest apart. Not of a half of the classes, and of the
    run's own template, where there are such.
    """

    def rank(index: int) -> tuple[bool, bool, bool, float]:
        mine, its = rows[index]
        if None in (mine.get(metric), its.get(metric)):
            return False, False, False, 0.0
        whole = None in (mine.get("half"), its.get("half"))
        return True, whole, mine.get("template") in (None, own), abs(mine[metric] - its[metric])

    return max(range(len(rows)), key=rank)


def _sides(
    records: Sequence[Mapping[str, Any]], evidence: Sequence[Evidence], indices: tuple[int, int]
) -> tuple[Side, Side]:
    here, there = (
        Side.of(record, told, record["rows"][index])
        for record, told, index in zip(records, evidence, indices, strict=True)
    )
    return here, there


def _numbers(pair: Pair, metrics: Sequence[str]) -> list[dict[str, Any]]:
    """A row of `Comparison.numbers` for each metric that both have."""
    found, parts = [], shared(pair.both(lambda side: side.part)) if pair.shared else ()
    for metric in metrics:
        row = as_told(pair.here.row, pair.there.row, metric)
        if row["here"] is None or row["there"] is None:
            continue
        if parts:
            between = gap(*parts, pair.dataset, metric)
            row |= {"difference": between.points, "low": between.low, "high": between.high, "p": between.p}
        found.append(row | {"videos": len(pair.shared)})
    return found


def as_told(here: Mapping[str, Any], there: Mapping[str, Any], metric: str) -> dict[str, Any]:
    """A row of `Comparison.numbers` without an interval, as both rows tell it."""
    mine, its = here.get(metric), there.get(metric)
    named = {name: _same(here.get(name), there.get(name)) for name in KEYS}
    difference = None if mine is None or its is None else mine - its
    return named | {"metric": metric, "here": mine, "there": its, "difference": difference}


def _same(here: Any, there: Any) -> Any:
    """A value that both rows have; where they differ, both as text."""
    return here if here == there else f"{here} / {there}" if None not in (here, there) else f"{here or there}"


def number_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as `Comparison.numbers`, without columns that are empty."""
    table = pd.DataFrame(rows, columns=[*KEYS, *NUMBERS])
    return table.drop(columns=[name for name in KEYS if table[name].isna().all()])

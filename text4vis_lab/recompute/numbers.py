"""From the scores per video: metrics, means with their intervals, claims, contrasts, and who was called what.

Each must be the very number stored.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from text4vis_core.model.labels import class_names

from .. import mechanism
from ..claims import claims
from ..evidence import evidence_of
from ..figures.answers import COLUMNS, predicted
from ..figures.showing import table_in
from ..headline import WORTH
from ..inference import means
from ..plain import plain, readable
from ..records import read_record
from ..results import CONDITIONS, headline, rows_of, scores_of
from ..rows import METRICS
from ..scores import Scores, read_part
from ..suites import counted
from ..tournament import frozen

FEW_SHOT = "03_few_shot"
MEAN = ("mean", "low", "high")
MEANS = {*MEAN, "n", "over"}  # columns of a figure's table that is of `inference.means`
FORESTS = {"text": True, "others": False}  # figures of 06_results: of the claims on what text is worth, and of others


def metrics_again(record: Mapping[str, Any]) -> tuple[int, list[str]]:
    """Every metric of a record's rows from its scores: how many, and which are not what is stored; so of evidence."""
    count, faults = 0, dict[str, None]()
    try:
        evidence_of(record)
    except ValueError as error:
        faults[readable(error, 400)] = None
    for row in record["rows"]:
        half = row.get("half")
        try:
            scores = read_part(Path(record["path"]).parent, row, record.get("files"))
            again = scores.metrics(None if half is None else int(half))
        except ValueError as error:
            faults[readable(error, 400)] = None
            continue
        for name in [name for name in METRICS if row.get(name) is not None]:
            count += 1
            if again.get(name) != row[name]:
                of = readable(
                    ", ".join([row["cell"], row["test"], row["view"], *([] if half is None else [f"half {half}"])])
                )
                faults[f"{record['path']}: {name} of {of} is {row[name]}, from its scores {again.get(name)}"] = None
    return count, [*faults]


def means_again(record: Mapping[str, Any]) -> tuple[int, list[str]]:
    """Means and intervals in the tables of a record's figures, from its scores, as far as they are of its rows."""
    rows, count, faults = rows_of(record), 0, []
    for path in sorted(Path(record["path"]).parent.glob("figures/*.csv")):
        table = table_in(path.read_text(encoding="utf-8"))
        by = [name for name in CONDITIONS if name in table and name in rows]
        if not by or not MEANS.issubset(table):
            continue
        try:
            again = means(rows, by, partial(scores_of, record), record["parameters"].get("dataset", "puppets"))
        except ValueError:  # rows of other conditions than those in the table, or scores that `metrics_again` names
            continue
        known = {_key(line, by): line for line in again.to_dict("records")}
        for line in table.dropna(subset=list(MEAN)).to_dict("records"):
            if found := known.get(_key(line, by)):
                count += 1
                if any(line[name] != found[name] for name in MEAN):
                    of, *numbers = ", ".join(map(str, _key(line, by))), *(_ends(each) for each in (line, found))
                    faults.append(f"{path}: the mean of {of} is {numbers[0]}, from the scores {numbers[1]}")
    return count, faults


def claims_again(record: Mapping[str, Any]) -> tuple[int, list[str]]:
    """The claims that a record of 06_results stores, from the scores of the records that it names."""
    records, faults = _read_by(record)
    stored, again = record["metrics"]["claims"], plain(claims(records, faults))
    faults += _differing(record["path"], "claim", _named(stored), _named(again))
    for name, worth in FORESTS.items():
        path = Path(record["path"]).parent / "figures" / f"{name}.csv"
        some = [line for line in stored if (line["id"] in WORTH) is worth]
        if path.is_file() and path.read_text(encoding="utf-8") != pd.DataFrame(some).to_csv(index=False):
            faults.append(f"{path}: it is not the table of the claims in {record['path']}")
    return len(stored), faults


def table_again(record: Mapping[str, Any]) -> tuple[int, list[str]]:
    """The means and intervals in the tables of 06_results, from the scores of the records that it names."""
    records, faults = _read_by(record)
    stored, again = record["metrics"].get("numbers", []), plain(headline(records).to_dict("records"))
    return len(stored), [*faults, *_differing(record["path"], "mean", _numbered(stored), _numbered(again))]


def contrasts_again(record: Mapping[str, Any]) -> tuple[int, list[str]]:
    """The differences between methods that a record of 05_analysis or 10_frozen_encoder stores, from the scores."""
    stored, faults, tables = record["metrics"], list[str](), dict[str, pd.DataFrame]()
    try:
        if "estimands" in stored:
            records, faults = _read_by(record, "sources")
            few = [mechanism.of_record(each) for each in records if each["notebook"] == FEW_SHOT]
            tables["estimands"] = pd.concat([pd.DataFrame(), *few])
        if "worth" in stored and "mechanism" in stored:
            given = rows_of(record), partial(scores_of, record), record["parameters"].get("dataset", "puppets")
            tables |= {"worth": frozen.worth_of_text(*given), "mechanism": frozen.mechanism_of(*given)}
    except ValueError as error:
        return 0, [*faults, readable(error, 400)]
    for name, table in tables.items():
        both = (_contrasted(each) for each in (stored[name], plain(table.to_dict("records"))))
        faults += _differing(record["path"], f"contrast of {name}", *both)
    return sum(len(stored[name]) for name in tables), faults


def answers_again(record: Mapping[str, Any]) -> tuple[int, list[str]]:
    """What a confusion matrix says that videos were called, from the scores of the record or of those that it reads."""
    path = Path(record["path"]).parent / "figures" / "confusion.csv"
    if not path.is_file():
        return 0, []
    table, records, faults = pd.read_csv(path, dtype=str, keep_default_na=False), [record], list[str]()
    if "sources" in record["metrics"]:
        more, faults = _read_by(record, "sources")
        records += more
    by = [name for name in ("method", "seed") if name in table]
    for key, some in table.groupby(by) if by else [((), table)]:
        rows = [(each, row) for each in records for row in each["rows"] if row.get("half") is None]
        rows = [(each, row) for each, row in rows if tuple(str(row.get(name)) for name in by) == key]
        if not any(_called(each, row, len(some)) == some[[*COLUMNS]].to_numpy().tolist() for each, row in rows):
            faults.append(f"{path}: the answers{' of ' * bool(by)}{', '.join(key)} are not those of any scores")
    return len(table), faults


def _called(record: Mapping[str, Any], row: Mapping[str, Any], videos: int) -> list[list[str]]:
    """`COLUMNS` of each video by a row's scores; none where these are of another number of videos, or do not tell."""
    try:
        found = scores_of(record, row)
    except ValueError:  # which `metrics_again` names
        return []
    if len(found.videos) != videos or not isinstance(found, Scores) or not found.classes:
        return []
    return predicted(found, class_names(found.classes, "words"))[[*COLUMNS]].to_numpy().tolist()


def _contrasted(lines: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    told = ("estimand", "method", "setting", "shots")
    return {", ".join(str(line[name]) for name in told if line.get(name) is not None): line for line in lines}


def _read_by(record: Mapping[str, Any], name: str = "records") -> tuple[list[Mapping[str, Any]], list[str]]:
    """The records that a record of 06_results or 05_analysis was made of, and which of them do not count any more."""
    faults, records = list[str](), list[Mapping[str, Any]]()
    for path in record["metrics"][name]:
        try:
            records += counted([read_record(path)], faults)
        except (OSError, ValueError) as error:
            faults.append(readable(error, 400))
    return records, faults


def _key(line: Mapping[str, Any], by: Sequence[str]) -> tuple:
    return tuple(None if pd.isna(line[name]) else line[name] for name in by)


def _ends(line: Mapping[str, Any]) -> str:
    return f"{line['mean']} [{line['low']}, {line['high']}]"


def _named(verdicts: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {f"{verdict['suite']}/{verdict['run']}: {verdict['claim']}": verdict for verdict in verdicts}


def _numbered(lines: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    told = ("metric", *CONDITIONS)
    known = [[line[name] for name in told if line.get(name) not in ("", None)] for line in lines]
    parts = [[f"{value:g}" if isinstance(value, float) else str(value) for value in some] for some in known]
    return {f"{line['suite']}/{line['run']}: {', '.join(part)}": line for line, part in zip(lines, parts, strict=True)}


def _differing(path: str, what: str, stored: Mapping[str, Any], again: Mapping[str, Any]) -> Iterator[str]:
    """Which lines differ, and in what."""
    for name in dict.fromkeys([*stored, *again]):
        if name not in stored or name not in again:
            yield f"{path}: {what} {name!r} is {'not stored' if name in again else 'not to be had from the scores'}"
            continue
        for field in dict.fromkeys([*stored[name], *again[name]]):
            one, other = (json.dumps(lines[name].get(field)) for lines in (stored, again))
            if one != other:
                yield f"{path}: {what} {name!r}: {field} is {one}, from the scores {other}"

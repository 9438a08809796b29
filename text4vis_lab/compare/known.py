"""What others have found that causes do, from `data/known_causes.csv`, and what is measured here, side by side."""

from itertools import zip_longest
from pathlib import Path

import pandas as pd

from ..notebooks import repository_root
from ..plain import readable
from ..wording import in_ends
from .causes import CAUSES
from .of_names import plainly

FILE = "data/known_causes.csv"
COLUMNS = ("cause", "effect", "metric", "data", "model", "source", "note")
NOT_MEASURED, NOT_FOUND, NO_NUMBER = "not measured here", "not found", "no number"
MEASURED, CHANGED, PUBLISHED, OF = "measured here", "what was otherwise here", "published", "what was otherwise there"


def known_causes(path: str | Path = FILE) -> pd.DataFrame:
    """Rows of `COLUMNS`, all text but `effect`: points, nan where a source tells no number.

    Args:
        path: of the file; a relative one is of the project's folder.

    Raises:
        ValueError: the file lacks a column, or a row has an unknown cause, an effect that is no number, or no source;
            names the file, the line and the remedy.
    """
    file = repository_root() / path
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    if missing := [name for name in COLUMNS if name not in table]:
        raise ValueError(f"{file}: column {missing[0]!r} is missing; its first line is to be {','.join(COLUMNS)}")
    for number, row in enumerate(table.to_dict("records"), start=2):
        place = f"{file}, line {number}"
        if row["cause"] not in CAUSES:
            raise ValueError(f"{place}: unknown cause {readable(row['cause'])!r}; choose from: {', '.join(CAUSES)}")
        if row["effect"] and pd.isna(pd.to_numeric(row["effect"], errors="coerce")):
            raise ValueError(
                f"{place}: effect {readable(row['effect'])!r} is no number; give points, or leave it empty"
            )
        if not row["source"]:
            raise ValueError(f"{place}: source is empty; say who has found it")
    return table[list(COLUMNS)].assign(effect=pd.to_numeric(table["effect"]))


def known_of(data: str, metric: str) -> pd.DataFrame:
    """Those of `known_causes` that are of a data set and a metric, as `data/published_results.csv` calls them.

    Raises:
        ValueError: as `known_causes`.
    """
    known, wanted = known_causes(), plainly(data)
    alike = known["data"].map(plainly).map(lambda each: wanted.startswith(each) or each.startswith(wanted))
    return known[alike & (known["metric"] == metric)].reset_index(drop=True)


def beside(measured: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """A table for readers, of texts: for each cause what is measured here, and in other columns what is published.

    A line of one says nothing of what stands beside it but that it is of the same cause.

    Args:
        measured: columns cause, changed, mean, low, high (points).
        known: of `known_causes`.
    """
    lines = []
    for name in CAUSES:
        mine = measured[measured["cause"] == name].to_dict("records")
        its = known[known["cause"] == name].to_dict("records")
        for here, there in zip_longest(mine or [{}], its or [{}]):
            line = {"cause": name.replace("_", " "), MEASURED: "", CHANGED: "", PUBLISHED: "", OF: "", "source": ""}
            if here:
                line |= {MEASURED: in_ends(here["mean"], here["low"], here["high"]), CHANGED: here["changed"]}
            elif here is not None:
                line[MEASURED] = NOT_MEASURED
            if there:
                line[PUBLISHED] = NO_NUMBER if pd.isna(there["effect"]) else f"{there['effect']:g}"
                of = ", ".join(there[part] for part in ("metric", "data", "model"))
                line |= {OF: f"{there['note']} ({of})", "source": there["source"]}
            elif there is not None:
                line[PUBLISHED] = NOT_FOUND
            lines.append(line)
    return pd.DataFrame(lines)

"""The headline comparison of a book, as a table: text, the best method without text, and zero-shot, where each is."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ..claims import CLAIMS
from ..headline import WORTH
from ..judging import first_of_all
from ..results import means_of, rows_of

COLUMNS = ("where", "method", "role", "mean", "low", "high", "n", "over", "run")
ZERO_SHOT = "zero-shot"


def comparison(verdicts: Sequence[Mapping[str, Any]], records: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """A row for each condition that a claim of `WORTH` was judged under, and each method.

    Args:
        verdicts: of `claims.decided`.
        records: run's name -> its record, as `read_record` gives it.

    Returns:
        Columns: where, method, role ("text", "text-free", "zero-shot"), mean, low, high (percent), n rows, over what
        the interval is taken, run.
    """
    claims = {claim.id: claim for claim in CLAIMS}
    parts = [
        _condition(verdict, claims[verdict["id"]], records[verdict["run"]])
        for verdict in verdicts
        if verdict["id"] in WORTH and verdict["run"] in records
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*COLUMNS])


def _condition(verdict: Mapping[str, Any], claim: Any, record: Mapping[str, Any]) -> pd.DataFrame:
    rows = first_of_all(rows_of(record))
    for name, value in claim.where.items():
        rows = rows[rows[name] == value]
    shots = re.match(r"\d+", verdict["shots"])
    if shots and "shots" in rows:
        rows = rows[(rows["shots"] == int(shots.group())).fillna(False) | rows["shots"].isna()]
    text = claim.ahead["method"]
    roles = {text: "text", verdict["comparator"]: "text-free", ZERO_SHOT: ZERO_SHOT}
    rows = rows[rows["method"].isin(roles)]
    if "template" in rows:  # of several prompts the first, which is the one that the others were compared with
        rows = rows[rows["template"].isna() | (rows["template"] == rows["template"].dropna().iloc[0])]
    found = means_of(record, rows, ["method"])
    real = record["parameters"].get("dataset") == "features"
    found = found.assign(
        where=f"{'real CLIP, ' if real else ''}{verdict['shots']}", role=found["method"].map(roles), run=verdict["run"]
    )
    order = ["text", "text-free", ZERO_SHOT]
    return found.sort_values("role", key=lambda role: role.map(order.index)).reindex(columns=COLUMNS)

"""Why rows of text help, taken apart: where they lie in the encoder's space, and how they lie to each other.

Each estimand is a difference between two kinds of frozen rows that differ in one property alone (`tournament/rows.py`):

    alignment                  text less rotated                       the same angles, turned away from the encoder
    geometry, if aligned       text less nearest simplex               the same place, all angles equal
    geometry alone             rotated less rotated simplex            both turned away
    alignment over geometry    nearest simplex less rotated            either without the other
    right correspondence       text less shuffled                      the same rows, at other classes

C classes, D width of an embedding.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch

from . import inference, wording
from .inference.cube import Read
from .results import rows_of, scores_of

ESTIMANDS = {
    "alignment": ("text", "rotated"),
    "geometry, if aligned": ("text", "nearest simplex"),
    "geometry alone": ("rotated", "rotated simplex"),
    "alignment over geometry": ("nearest simplex", "rotated"),
    "right correspondence": ("text", "shuffled"),
}


def estimands(rows: pd.DataFrame, scores: Read, dataset: str) -> pd.DataFrame:
    """Each of `ESTIMANDS` at each number of shots and in each setting, where both kinds of rows were trained.

    Args:
        rows: of one test and view, methods "text, frozen" and so on; see `rows.COLUMNS`.
        scores, dataset: see `inference.means`.

    Returns:
        Columns estimand, of ("text - rotated"), those of shots and setting that the rows have, mean, low, high (points)
        and over.
    """
    by = [name for name in ("shots", "setting") if name in rows and rows[name].notna().any()]
    parts = rows.groupby(by, sort=False, dropna=False) if by else [((), rows)]
    found = []
    for key, some in parts:
        for name, kinds in ESTIMANDS.items():
            ahead, behind = (some[some["method"] == f"{kind}, frozen"] for kind in kinds)
            if len(ahead) and len(behind):
                points = inference.difference(ahead, behind, scores, dataset)
                named = {"estimand": name, "of": " less ".join(kinds)} | dict(zip(by, key, strict=True))
                ends = {"mean": points.mean, "low": points.low, "high": points.high}
                found.append(named | ends | {"over": points.over})
    return pd.DataFrame(found, columns=["estimand", "of", *by, "mean", "low", "high", "over"])


def of_record(record: Mapping[str, Any]) -> pd.DataFrame:
    """`estimands` of a run's test of all classes."""
    rows, dataset = rows_of(record), record["parameters"].get("dataset", "puppets")
    return estimands(rows[rows["test"] == "test"], partial(scores_of, record), dataset)


def in_words(found: Mapping) -> str:
    """What a row of `estimands` says: the points with their interval, and whether they can be told from none."""
    low, high = found["low"], found["high"]
    told = "more than none" if low > 0 else "less than none" if high < 0 else "not to be told from none"
    return f"{found['estimand']} ({found['of']}): {found['mean']:+.1f} points [{low:.1f}, {high:.1f}], {told}"


def conclusion(found: pd.DataFrame) -> str:
    """One sentence on rows of `estimands` of the same shots and setting: what text owes its gain to, if to anything."""
    by = found.set_index("estimand")
    if not {"alignment", "geometry, if aligned"} <= set(by.index):
        return "Text, rotated text and the nearest simplex have to be trained, frozen, to tell alignment from geometry."
    parts = {"alignment with the encoder": by.loc["alignment"], "geometry": by.loc["geometry, if aligned"]}
    said = []
    for name, one in parts.items():
        verb = "helps" if one["low"] > 0 else "costs accuracy" if one["high"] < 0 else "cannot be told from nothing"
        said.append(f"{name} {verb} ({one['mean']:+.1f} points [{one['low']:.1f}, {one['high']:.1f}])")
    if all(one["low"] > 0 for one in parts.values()) and "alignment over geometry" in by.index:
        over = by.loc["alignment over geometry"]
        said += ["alignment more"] if over["low"] > 0 else ["geometry more"] if over["high"] < 0 else []
    return f"Of what rows of text have, {', '.join(said)}."


def reading(found: pd.DataFrame) -> str:
    """A paragraph that reads a figure of `estimands`; empty where there are none."""
    if found.empty:
        return ""
    said = [
        "Each dot is the difference in accuracy between two kinds of frozen rows; where its bar reaches over the line "
        "of no difference, what they differ in cannot be told from nothing."
    ]
    several = _several(found)
    for name, some in found.groupby("estimand", sort=False):
        for _, each in some.groupby("setting", sort=False) if "setting" in some else [("", some)]:
            told = [f"{row['mean']:+.1f} points with {_where(row, several)}" for row in each.to_dict("records")]
            said.append(f"{str(name).capitalize()} ({each['of'].iloc[0]}) is {wording.listed(told)}.")
    said.append(
        "The rows are frozen; what they are is all that differs. How text does beside other methods is not seen."
    )
    return " ".join(said)


def answers(found: pd.DataFrame, record: Mapping[str, Any] | None) -> Iterator[str]:
    """What text owes its gain to: a sentence for each setting and number of shots of the `estimands` of a record."""
    if found.empty or record is None:
        yield "Text, rotated text and the nearest simplex have to be trained, frozen, to tell alignment from geometry."
        return
    row = next(row for row in record["rows"] if row["test"] == "test")
    on = f"on {wording.counted(row['videos'], 'test video')} of {wording.counted(row['classes'], 'class')}"
    several = _several(found)
    for _, some in found.groupby([name for name in ("setting", "shots") if name in found], sort=False):
        told = conclusion(some).removeprefix("Of what rows of text have, ").removesuffix(".")
        where, over = _where(some.iloc[0], several), some["over"].iloc[0]
        yield f"With {where}, {told[0].lower()}{told[1:]}: frozen rows {on}, over {over}."


def _several(found: pd.DataFrame) -> bool:
    return "setting" in found and found["setting"].nunique() > 1


def _where(row: Mapping[str, Any] | pd.Series, several: bool) -> str:
    """Where a row was measured: with its setting where there are several."""
    shots = row.get("shots")
    videos = wording.per_class(0 if shots is None or pd.isna(shots) else int(shots))
    return f"{videos} ({row['setting']})" if several else videos


def correlations(rows: np.ndarray | torch.Tensor) -> np.ndarray:
    """Cosines (C, C) between rows (C, D) (Text4Vis, arXiv 2207.01297, figure 1)."""
    values = np.asarray(rows, dtype=float)
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    return unit @ unit.T


def agreement(first: np.ndarray | torch.Tensor, second: np.ndarray | torch.Tensor) -> float:
    """Pearson's r of the cosines of two sets of rows (C, D) and (C, D'), each pair of classes once."""
    above = np.triu_indices(len(first), 1)
    return float(np.corrcoef(correlations(first)[above], correlations(second)[above])[0, 1])


def nearest(rows: np.ndarray | torch.Tensor, names: Sequence[str]) -> str:
    """The two classes whose rows (C, D) have the largest cosine: "squat and push up (0.93)"; "none" of one class."""
    if len(names) < 2:
        return "none"
    cosines = correlations(rows)
    above = np.triu_indices(len(names), 1)
    place = int(cosines[above].argmax())
    first, second = (names[indices[place]] for indices in above)
    return f"{wording.listed([first, second])} ({cosines[above][place]:.2f})"

"""What a tournament of the frozen encoder says: tables for its notebook, and sentences that are computed."""

from collections.abc import Sequence

import pandas as pd

from ... import inference
from ...inference.cube import Read
from ...mechanism import estimands
from .rows import AS_TRAINED

TEXT = "rows from text"
MAIN = (TEXT, "rows from nearest simplex", "gaussian + text", "gaussian", "logistic probe", "class means", "zero-shot")


def side_by_side(means: pd.DataFrame) -> pd.DataFrame:
    """Means by method, role, setting and shots as a table for readers: "71.3 [70.1, 72.5]", a row for each method."""
    text = [f"{m:.1f} [{low:.1f}, {high:.1f}]" for m, low, high in means[["mean", "low", "high"]].to_numpy()]
    shown = means.assign(text=text, shots=means["shots"].fillna(0).astype(int))
    wide = shown.pivot(index=["role", "method"], columns=["setting", "shots"], values="text")
    order = means.groupby(["role", "method"])["mean"].mean().sort_values(ascending=False).index
    return wide.reindex(index=order, columns=wide.columns.sort_values()).fillna("")


def worth_of_text(rows: pd.DataFrame, scores: Read, dataset: str, ahead: Sequence[str] = (TEXT,)) -> pd.DataFrame:
    """How far methods with text are ahead of the best one without, which each resample finds anew.

    Args:
        rows: see `rows.COLUMNS`.
        scores, dataset: see `inference.means`.
        ahead: methods.

    Returns:
        Columns method, setting, shots, comparator (the best without text), mean, low, high (points), over.
    """
    found = []
    for (setting, shots), some in rows.dropna(subset="shots").groupby(["setting", "shots"], sort=False):
        behind = some[some["role"] == "text-free"]
        for name in ahead:
            own = some[some["method"] == name]
            if len(own) and len(behind):
                points = inference.difference(own, behind, scores, dataset)
                named = {"method": name, "setting": setting, "shots": shots, "comparator": points.comparator}
                ends = {"mean": points.mean, "low": points.low, "high": points.high, "over": points.over}
                found.append(named | ends)
    columns = ["method", "setting", "shots", "comparator", "mean", "low", "high", "over"]
    return pd.DataFrame(found, columns=columns)


def mechanism_of(rows: pd.DataFrame, scores: Read, dataset: str) -> pd.DataFrame:
    """`mechanism.estimands` of the rows that were trained on the embeddings: alignment and geometry."""
    trained = rows[rows["method"].isin(AS_TRAINED)]
    return estimands(trained.assign(method=trained["method"].map(AS_TRAINED)), scores, dataset)


def in_words(found: pd.Series) -> str:
    """What a row of `worth_of_text` says, in a sentence."""
    told = "ahead of" if found["low"] > 0 else "behind" if found["high"] < 0 else "not to be told from"
    points = f"{found['mean']:+.1f} points [{found['low']:.1f}, {found['high']:.1f}]"
    named = f"{found['shots']} shot{'s' * (found['shots'] != 1)}, {found['setting']}"
    return f"{named}: {found['method']} is {told} the best method without text, {found['comparator']}: {points}."

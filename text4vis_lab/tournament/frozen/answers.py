"""What a tournament of the frozen encoder says: tables for its notebook, and sentences that are computed."""

from collections.abc import Sequence

import pandas as pd

from ... import inference
from ...inference.cube import Read
from ...mechanism import conclusion, estimands
from ...results import side_by_side
from ...rows import ROLES
from ...wording import counted, in_ends
from .method import FrozenMethod
from .rows import AS_TRAINED, BEGINNINGS, PREFIX

TEXT = "rows from text"
MAIN = (TEXT, "rows from nearest simplex", "gaussian + text", "gaussian", "logistic probe", "class means", "zero-shot")


def described(wanted: Sequence[FrozenMethod]) -> pd.DataFrame:
    """Methods as a table for readers: method, what it knows, and what it does in a line."""
    lines = [(one.name, ROLES[one.role], _about(one)) for one in wanted]
    return pd.DataFrame(lines, columns=["method", "knows", "what it does"])


def _about(method: FrozenMethod) -> str:
    if method.name.removeprefix(PREFIX) in BEGINNINGS:
        return (
            f"Cosine rows that begin as {method.name.removeprefix(PREFIX)} and are trained on the labelled embeddings."
        )
    return (method.function.__doc__ or "").split("\n")[0]


def by_method(means: pd.DataFrame) -> pd.DataFrame:
    """Means of one setting as a table for readers, the best method first: method, knows, and a column "4 labels" each.

    What sees no label, such as zero-shot, is the same at every number of them.
    """
    wide = side_by_side(means.dropna(subset="shots").sort_values("shots"), across="shots").set_index("method")
    for row in means[means["shots"].isna()].itertuples():
        wide.loc[row.method] = in_ends(row.mean, row.low, row.high)
    wide = wide.reindex(means.groupby("method")["mean"].mean().sort_values(ascending=False).index)
    wide.insert(0, "knows", wide.index.map(means.set_index("method")["role"].map(ROLES).to_dict()))
    return wide.rename(columns=lambda name: labels(name) if name != "knows" else name).reset_index()


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
    named = f"{found['shots']} shot{'' if found['shots'] == 1 else 's'}, {found['setting']}"
    return f"{named}: {found['method']} is {told} the best method without text, {found['comparator']}: {points}."


def worth_by_shots(worth: pd.DataFrame) -> pd.DataFrame:
    """`worth_of_text` as a table for readers: points, their interval, and the best method without text."""
    lines = worth.rename(columns={"mean": "points", "shots": "labels", "comparator": "best without the names"})
    return lines[["setting", "labels", "points", "low", "high", "best without the names"]]


def headline(worth: pd.DataFrame, where: str) -> str:
    """What rows of `worth_of_text` of one setting say together: at the fewest shots, and at the most.

    Args:
        worth: of one setting.
        where: on which embeddings, in words.
    """
    if worth.empty:
        return "What the names are worth is not known: compare rows from text with a method that knows labels alone."
    said, against, ordered = [], [], worth.sort_values("shots")
    for line in ordered.iloc[sorted({0, len(ordered) - 1})].to_dict("records"):
        told = "" if line["low"] > 0 else " (behind)" if line["high"] < 0 else " (not to be told from none)"
        points = f"{line['mean']:.1f} points [{line['low']:.1f}, {line['high']:.1f}]{told}"
        said.append(f"{points} with {labels(line['shots'])} of each class")
        against.append(line["comparator"])
    best = " and ".join(dict.fromkeys(against))
    return (
        f"On a frozen encoder ({where}) the class names are worth {' and '.join(said)}, against the best method that "
        f"does not know them ({best})."
    )


def why(parts: pd.DataFrame) -> list[str]:
    """What rows of `mechanism_of` of one setting say at the fewest shots and at the most, a sentence each."""
    found = parts.sort_values("shots", kind="stable").groupby("shots")
    ends = dict.fromkeys([*found.groups][:: max(1, len(found) - 1)])
    told = {shots: conclusion(found.get_group(shots)) for shots in ends}
    return [f"With {labels(shots)} of each class: {said[0].lower()}{said[1:]}" for shots, said in told.items()]


def labels(shots: int) -> str:
    """ "1 label", "4 labels"; "all labels" for 0."""
    return counted(int(shots), "label") if shots else "all labels"


def over_shots(means: pd.DataFrame) -> str:
    """What curves over shots say: the best and the last method at the fewest shots and at the most, and zero-shot.

    Args:
        means: of one setting, columns method, shots, mean, low, high (percent).
    """
    learned = means.dropna(subset="shots")
    said = [f"{means['method'].nunique()} methods are drawn."]
    for shots in dict.fromkeys([learned["shots"].min(), learned["shots"].max()]):
        some = learned[learned["shots"] == shots].sort_values("mean", ascending=False)
        best, last = some.iloc[0], some.iloc[-1]
        said.append(
            f"With {labels(shots)} of each class {best['method']} is best at {best['mean']:.1f} % [{best['low']:.1f}, "
            f"{best['high']:.1f}] and {last['method']} last at {last['mean']:.1f} %, {best['mean'] - last['mean']:.1f} "
            "points apart."
        )
    untrained = means[means["method"] == "zero-shot"]
    if len(untrained) and len(learned):
        level, few = untrained["mean"].iloc[0], learned[learned["shots"] == learned["shots"].min()]
        below = [*few[few["mean"] < level]["method"]]
        told = f"{', '.join(below)} {'are' if len(below) > 1 else 'is'}" if below else "none is"
        said.append(
            f"Zero-shot, which sees no label, is right about {level:.1f} %; of the methods that learn, {told} below it "
            f"with {labels(few['shots'].iloc[0])}."
        )
    return " ".join(said)

"""The table of an experiment: a row for each cell and tested list, one schema for all notebooks.

Notebooks make it (`Lab.run`), the run's record keeps it, figures, claims and the chapter of results read it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .plain import encodable

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 4  # of a record: 1 had dictionaries of each notebook's own making, 2 no seal
BEFORE = 3  # which had no evidence, and is read all the same

# Column -> type of its values, each of which may be missing but those of `REQUIRED`. Metrics are in percent.
COLUMNS: dict[str, type] = {
    "cell": str,  # name of the scores per video that the row's metrics are computed from
    "test": str,  # name of the tested list
    "view": str,  # which views of a video were scored together
    "method": str,
    "role": str,  # whether the method knows the class names: a key of `ROLES`
    "setting": str,  # "tuned" on validation videos, or "validation-free": the recipe of the method's paper
    "initialisation": str,
    "frozen": bool,
    "temporal": str,
    "template": str,
    "precision": str,  # of evaluation, where it is what is compared
    "shots": int,  # training videos per class; 0: all
    "seed": int,
    "initial": int,  # seed of the classifier's rows,
    "draw": int,  # of the draw of few shots, and
    "order": int,  # of order and clips, where they are not `seed`
    "trial": int,  # of a sweep
    "mix": float,  # share of the trained weights in those that are tested, the rest being those before training
    "strength": float,  # of another method that keeps something of the model before training, see `transfer`
    "fold": int,
    "half": int,  # number of the published half-class split
    "classes": int,  # between which the model decided
    "counted": int,  # classes whose videos count, where not all do
    "videos": int,
    "trained_parameters": int,
    "train_loss": float,  # of the last epoch
    "train_top1": float,
    "top1": float,
    "top5": float,
    "map": float,
}
ROLES = {"text": "knows the class names", "text-free": "knows labelled videos alone", "control": "knows wrong names"}
REQUIRED = ("cell", "test", "view", "method", "classes", "videos", "top1")
METRICS = ("top1", "top5", "map")


def check_rows(rows: Iterable[Mapping[str, Any]], where: str) -> None:
    """Raise a ValueError that names the place and the column, if a row is not of the schema."""
    for row in rows:
        for name in REQUIRED:
            if row.get(name) is None:
                raise ValueError(f"{where}: a row lacks {name!r}; it has {', '.join(row)}")
        for name, value in row.items():
            if name not in COLUMNS:
                raise ValueError(f"{where}: unknown column {name!r}; a new one is a line in text4vis_lab.rows.COLUMNS")
            kind = (int, float) if COLUMNS[name] is float else COLUMNS[name]
            is_truth = isinstance(value, bool) and COLUMNS[name] is not bool
            if value is not None and (is_truth or not isinstance(value, kind)):
                raise ValueError(f"{where}: column {name!r} holds {value!r}, not {COLUMNS[name].__name__}")


def as_table(rows: Sequence[Mapping[str, Any]]) -> "pd.DataFrame":
    """Rows as a table, without the columns that are empty."""
    import pandas as pd

    rows = [{name: encodable(value) for name, value in row.items()} for row in rows]
    table = pd.DataFrame(rows, columns=[name for name in COLUMNS if any(row.get(name) is not None for row in rows)])
    whole = [name for name, kind in COLUMNS.items() if name in table and kind is int]
    return table.astype(dict.fromkeys(whole, "Int64"))

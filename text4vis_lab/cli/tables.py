"""Tables as files: CSV, JSON or Parquet by the name's end, whole or not at all."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from text4vis_core.files import replacing

from ..plain import plain
from .running import WrongUse

WRITERS: dict[str, Callable[[pd.DataFrame, Path], object]] = {
    ".csv": lambda table, path: table.to_csv(path, index=False),
    ".json": lambda table, path: path.write_text(as_json(table), encoding="utf-8"),
    ".parquet": lambda table, path: table.to_parquet(path, index=False),
}


def check_form(path: Path | None, option: str = "--out") -> None:
    """Raise a `WrongUse` for a table's file of an unknown kind, before anything is computed."""
    if path is not None and path.suffix.lower() not in WRITERS:
        raise WrongUse(f"{option} {path}: a table is written as {', '.join(WRITERS)}")


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table in the form that its name ends in."""
    with replacing(path) as temporary:
        WRITERS[path.suffix.lower()](table, temporary)


def as_json(table: pd.DataFrame) -> str:
    """A list of rows; what is not a number is null."""
    return json.dumps(plain(table.to_dict("records")), indent=1, ensure_ascii=False, allow_nan=False)

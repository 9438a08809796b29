"""The published numbers: rows of `data/published_results.csv`, never measured here."""

import csv
from pathlib import Path

from .notebooks import repository_root
from .settings import check_choices


def published_results(path: str | Path) -> list[dict]:
    """The published numbers: rows of `data/published_results.csv`, `value` as a number."""
    with open(path, newline="", encoding="utf-8") as file:
        return [row | {"value": float(row["value"])} for row in csv.DictReader(file)]


def published_result(identity: str) -> dict | None:
    """The row of `data/published_results.csv` with this id; None for an empty one.

    Raises:
        ValueError: no row has it (with the choices).
    """
    if not identity:
        return None
    rows = {row["id"]: row for row in published_results(repository_root() / "data" / "published_results.csv")}
    check_choices("published", identity, rows)
    return rows[identity]


def published_note(row: dict | None) -> str:
    """A sentence with a published number and how it came about, to show beside a measured one; empty for None."""
    if row is None:
        return ""
    said = {"epoch": row["rule"], "spread": row["spread"]}
    known = "".join(f"; {name}: {value}" for name, value in said.items() if value)
    return (
        f"Published, not measured here: {row['metric']} {row['value']} {row['unit']} ({row['task']}, {row['data']}, "
        f"{row['model']}; {row['protocol']}{known}; {row['source']})."
    )

"""Video files as people have them, each made in a line, and what is asked of whoever reads them.

To add one, add a line to a table: `shown.py` (turned, kinds of pixels), `stored.py` (formats, metadata, packets),
`timed.py` (seconds), `spoiled.py` (damage), `hostile.py` (scripts, names). The tests and the book's page of conformance
take it from there.
"""

from dataclasses import replace

from . import hostile, shown, spoiled, stored, timed
from .case import Case
from .films import CannotMake

TABLES = (shown, stored, timed, spoiled, hostile)
CASES: tuple[Case, ...] = tuple(
    replace(case, kind=kind, name=f"{kind}/{case.name}")
    for table in TABLES
    for kind, cases in table.CASES.items()
    for case in cases
)

__all__ = ["CASES", "CannotMake", "Case"]

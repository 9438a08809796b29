"""Tables in Parquet files, whose columns are of declared types: a wrong one is named, with its field and the remedy."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from text4vis_core.files import first_line

if TYPE_CHECKING:
    import pyarrow as pa


def read_table(path: Path, kinds: Mapping[str, str], what: str = "scores") -> "pa.Table":
    """A Parquet file that has columns of these types, of which none lacks a value.

    Args:
        path: of the file.
        kinds: column -> its type in pyarrow's words, as a regular expression.
        what: is in it.

    Raises:
        ValueError: it is missing, damaged, empty, or lacks one of them; names the file, the field and the remedy.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(path, memory_map=True)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise unreadable(path, what, first_line(error) if path.is_file() else "there is no such file") from error
    check_kinds(path, table, kinds, what)
    return table


def check_kinds(path: Path, table: "pa.Table", kinds: Mapping[str, str], what: str) -> None:
    """See to it that a table's columns are of these types; errors as of `read_table`."""
    for name, kind in kinds.items():
        found = str(table[name].type) if name in table.column_names else "missing"
        if not re.fullmatch(kind, found) or table[name].null_count:
            raise unreadable(path, what, f"field {name!r} is {found}, or lacks values; it must be {kind}")
    if not len(table):
        raise unreadable(path, what, "it has no rows")


def unreadable(path: Path, what: str, reason: str) -> ValueError:
    """The error about a file; `what` is in it."""
    return ValueError(f"{path}: the {what} cannot be read ({reason}); run the notebook again")

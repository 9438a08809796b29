"""Plain values: as JSON files, and names as text that any page, terminal and file can hold."""

import hashlib
import json
import math
import re
import unicodedata
from pathlib import Path
from typing import Any

from .storing import replacing

LONGEST = 120  # characters of a name that are shown
LONGEST_NAME = 150  # bytes of a file's name; file systems allow 255, and there is more to come
JOINERS = "\u200c\u200d"  # they print nothing, and are part of Persian and Indian words


def readable(text: object, longest: int = LONGEST) -> str:
    """A name as it can be shown: what does not print becomes its escape, and of a long one the middle is left out.

    Names are other people's: a file's need not be UTF-8, and may hold line ends, marks that turn the direction of
    writing, or thousands of characters. What is readable stays as it is.
    """
    shown = "".join(c if prints(c) else c.encode("unicode_escape").decode() for c in str(text))
    if len(shown) <= longest:
        return shown
    return f"{shown[: longest // 2]}…{shown[len(shown) + 1 + longest // 2 - longest :]}"


def prints(c: str) -> bool:
    """Whether a character is seen, as a letter or as room between letters."""
    return c.isprintable() or c in JOINERS or unicodedata.category(c) == "Zs"  # spaces of any width


def encodable(value: Any) -> Any:
    """A text with escapes for what UTF-8 has no place for, whole otherwise: tables and Parquet hold nothing else.

    Other values stay as they are.
    """
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def unfilled(path: Path | str) -> str:
    """A path for papermill and Snakemake, which would fill in what stands in braces."""
    return str(path).replace("{", "{{").replace("}", "}}")


def file_name(*parts: str) -> str:
    """A name for a file, of some texts; the end of a long one becomes a digest of it."""
    name = re.sub(r"[^\w.]+", "-", "-".join(filter(None, parts))).strip("-")
    if len(name.encode()) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:16]
    return f"{name.encode()[: LONGEST_NAME - 17].decode('utf-8', 'ignore')}-{digest}"


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically; NaN becomes null."""
    text = json.dumps(plain(value), indent=1, allow_nan=False)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def plain(value: Any) -> Any:
    """Plain JSON values: arrays and tensors as lists, NaN as None."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, Path):
        return value.as_posix()
    raise ValueError(f"{value!r} of type {type(value).__name__} cannot go into a run record")

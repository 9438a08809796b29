"""Files of annotations: find them, and read them with line numbers.

They come from elsewhere and are checked as they are read. Whatever is wrong is an `AnnotationError` that names the
file, the line and the remedy.
"""

import csv
import io
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..video_list import AnnotationError, Video
from ._places import folders_of

Lists = Mapping[str, str]  # see `load_videos`
NONE: Lists = {}
READ: list[Path] = []  # what was read since it was cleared, see `load_videos`
NO_TEXT = re.compile("[\ud800-\udfff]")  # in the place of bytes that are not UTF-8


def given(root: Path, lists: Lists, part: str, there: Callable[[Path], bool] = os.path.isfile) -> Path | None:
    """The list that the user chose for "train" or "test"; None where that is left to the reader."""
    name = lists.get(part)
    found = [folder / name for folder in folders_of(root) if there(folder / name)] if name else [None]
    if not found:
        raise AnnotationError(f"{root}: {part}_list is {name!r}, which is not there; give its path below {root}")
    return found[0]


def find_all(root: Path, pattern: str) -> list[Path]:
    """Files that match a glob pattern, in a folder or in a folder of it; none that is hidden, as what macOS leaves."""
    found = (*sorted(root.glob(pattern)), *sorted(root.glob(f"*/{pattern}")))
    return [p for p in found if p.is_file() and not any(part[0] == "." for part in p.relative_to(root).parts)]


def find(root: Path, *patterns: str) -> Path:
    """The first file that matches the first pattern that any file matches."""
    for pattern in patterns:
        for path in find_all(root, pattern):
            return path
    remedy = "it is part of the data set's annotations: fetch it, or set data_root to where it lies"
    raise AnnotationError(f"{root}: no {' or '.join(patterns)} in it or in a folder of it; {remedy}")


def fault(path: Path, number: int, reason: str, line: str | dict[str, str] | None = None) -> AnnotationError:
    """What is wrong with a line of a file, to be raised; `reason` ends with the remedy."""
    text = ",".join(line.values()) if isinstance(line, dict) else line  # a row of a CSV file
    note = "" if text is None else f" (the line reads {text if len(text) <= 200 else text[:200] + '…'!r})"
    note += "; it is not in UTF-8: if that is why, save the file as UTF-8" if text and NO_TEXT.search(text) else ""
    # It may name a file whose name is no text.
    return AnnotationError(f"{path}, line {number}: {reason}{note}".encode(errors="backslashreplace").decode())


def read_text(path: Path, errors: str = "strict") -> str:
    """A text file in UTF-8, with or without a byte order mark; not empty."""
    READ.append(path)
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig", errors)
    except UnicodeDecodeError as error:
        number = data.count(b"\n", 0, error.start) + 1
        raise fault(path, number, "this is not text in UTF-8; fetch the file again, or save it as UTF-8") from None
    if not text.strip():
        raise AnnotationError(f"{path}: the file is empty; fetch it again")
    return text


def read_lines(path: Path, errors: str = "strict") -> list[tuple[int, str]]:
    """(line number, text) of the lines that are not blank; `errors` as of `bytes.decode`."""
    lines = re.split(r"\r?\n|\r", read_text(path, errors))
    return [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]


def read_csv(path: Path, columns: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """(line number, column -> text) of a CSV file whose first line names its columns, `columns` among them."""
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    rows, number = [], 1  # of a record's first line; a field may go on over several
    try:
        header = [name.strip().lower() for name in next(reader)]
        absent = [name for name in columns if name not in header]
        if absent:
            reason = f"no column {absent[0]!r}; the first line must name the columns {','.join(columns)}"
            raise fault(path, 1, reason, ",".join(header))
        twice = [name for i, name in enumerate(header) if name in header[:i] and name in columns]
        if twice:
            raise fault(path, 1, f"column {twice[0]!r} occurs twice; remove one of the two", ",".join(header))
        number = reader.line_num + 1
        for fields in reader:
            if len(fields) not in (0, len(header)):
                reason = f"{len(fields)} fields where the first line names {len(header)}; correct or remove the line"
                raise fault(path, number, reason, ",".join(fields))
            if fields:
                rows.append((number, dict(zip(header, (field.strip() for field in fields), strict=True))))
            number = reader.line_num + 1
    except csv.Error as error:
        raise fault(path, number, f"not a line of CSV ({error}); correct or remove it") from None
    if not rows:
        raise AnnotationError(f"{path}: nothing follows the line that names the columns; fetch the file again")
    return rows


def read_json(path: Path, kind: type) -> tuple[Any, Callable[[str, str], AnnotationError]]:
    """The `dict` or `list` of a JSON file, and what makes a fault of (an entry's key, a reason): it finds the line."""
    text = read_text(path)

    def no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content = dict(pairs)
        if len(content) < len(pairs):
            [(twice, _)] = Counter(key for key, _ in pairs).most_common(1)
            raise AnnotationError(f"{path}: {twice!r} occurs twice in an object; remove one of the two")
        return content

    try:
        content = json.loads(text, object_pairs_hook=no_key_twice)
    except AnnotationError:
        raise
    except json.JSONDecodeError as error:
        raise fault(path, error.lineno, f"not JSON ({error.msg}, column {error.colno}); fetch the file again") from None
    except RecursionError:
        raise fault(path, 1, "nested too deeply for a file of annotations; fetch it again") from None
    except ValueError:
        digits = re.search(r"[0-9]{1000}", text)
        number = text.count("\n", 0, digits.start() if digits else 0) + 1
        raise fault(path, number, "an integer of more digits than Python reads; fetch it again") from None
    if not isinstance(content, kind):
        expected = "an object {...}" if kind is dict else "a list [...]"
        raise fault(path, 1, f"expected {expected}, found {type(content).__name__}; fetch the file again")

    def fault_of(key: str, reason: str) -> AnnotationError:
        place = max(text.find(json.dumps(key)), text.find(key) if json.dumps(key) not in text else 0, 0)
        return fault(path, text.count("\n", 0, place) + 1, f"{key}: {reason}")

    return content, fault_of


def read_names(path: Path) -> tuple[str, ...]:
    """Class names of a CSV file `id,name`, ids from 0."""
    names: dict[int, str] = {}
    for number, row in read_csv(path, ("id", "name")):
        if not is_number(row["id"]) or int(row["id"]) in names:
            raise fault(path, number, f"class id {row['id']!r} is not a number, or not a new one; number from 0", row)
        if not row["name"] or row["name"] in names.values():
            raise fault(path, number, f"class name {row['name']!r} is empty or occurs twice; give each its own", row)
        names[int(row["id"])] = row["name"]
    if sorted(names) != list(range(len(names))):
        raise AnnotationError(f"{path}: class ids must be 0 to {len(names) - 1}, each once; renumber them")
    return tuple(names[i] for i in range(len(names)))


def is_number(text: str) -> bool:
    """Whether a text is a count: ASCII digits and nothing else, at most 18, so that it fits 64 bits."""
    return text.isascii() and text.isdecimal() and len(text) <= 18


def complete(classes: Sequence[str], videos: Iterable[Video], source: Path) -> None:
    """Raise the fault of a class without a video, be it there or missing."""
    listed = {label for video in videos for label in video.all_labels}
    if missing := [name for i, name in enumerate(classes) if i not in listed]:
        raise AnnotationError(f"{source}: no videos of class {', '.join(missing)}; add some or remove the class")

"""Files: written whole or not at all, and what is wrong with one, in a line."""

import contextlib
import glob
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary file beside `path`, which takes its place when the block ends well, and is gone when it does not."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not the process's number alone: two machines, or containers, that share a folder may have the same.
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def remove_unfinished(path: str | Path) -> None:
    """Remove what `replacing(path)` had begun in processes that were killed; nobody may be writing it now."""
    path = Path(path)
    for temporary in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        temporary.unlink(missing_ok=True)


def first_line(error: BaseException) -> str:
    """An error in one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def why_not_loaded(error: BaseException) -> str:
    """Why a file of tensors was not loaded, without torch's advice on how to load it all the same."""
    text = str(error)
    named = re.search(r"GLOBAL ([A-Za-z_][\w.]*)", text) or re.search(r"[Uu]nsupported class\W+([A-Za-z_][\w.]*)", text)
    if named:
        return f"it holds {named[1]}, which is neither a tensor nor a plain value"
    if "weights only" in text.lower() or "weights_only" in text:
        return "it is damaged, or holds more than tensors and plain values"
    return first_line(error)

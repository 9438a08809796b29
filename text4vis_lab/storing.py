"""Files that are written whole or not at all; where one cannot be, a sentence says which, why, and what is kept."""

import contextlib
import errno
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from text4vis_core import files

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)
KEPT = "what was there before is kept"


class WriteError(OSError):
    """A file cannot be written. Names it, the reason, what it needs and what to do."""

    def __str__(self) -> str:
        return str(self.strerror)


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary file beside `path`, as `text4vis_core.files.replacing` has it.

    Raises:
        WriteError: the disk is full, or nobody may write there.
    """
    path, written = Path(path), 0
    try:
        with files.replacing(path) as temporary:
            try:
                yield temporary
            except Exception:
                written = temporary.stat().st_size if temporary.exists() else 0
                raise
    except Exception as error:
        number = _number(error)
        if number not in FULL + CLOSED:
            raise
        what = f"cannot write {path}: {os.strerror(number)}"
        if number in CLOSED:
            remedy = "let it be written to, or choose another run_dir"
            raise WriteError(number, f"{what}; {KEPT}: {remedy}", str(path)) from error
        room = (written + shutil.disk_usage(path.parent).free) / 1e6
        needs = f"it needs more than the {room:.2f} MB that were free"
        raise WriteError(number, f"{what}, {needs}; {KEPT}: free some, and run it again", str(path)) from error


def _number(error: BaseException) -> int:
    """The system's number of an error; safetensors has errors of its own, which tell it in words."""
    told = re.search(r"os error (\d+)", str(error))
    return getattr(error, "errno", None) or (int(told[1]) if told else 0)

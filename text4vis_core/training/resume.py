"""Checkpoints of a training that is under way: written whole, one before the newest kept, nothing unpickled."""

import contextlib
import os
import shutil
import warnings
from pathlib import Path

from ..files import CheckpointError, read_tensors, replacing, save_tensors


def save_checkpoint(path: str | Path, state: dict, keep_last: bool = False) -> None:
    """Write a dictionary of tensors and plain values so that `path` always holds a whole file, the old or the new one.

    Args:
        path: where.
        state: what.
        keep_last: the file that was there stays beside it, as `last_good(path)`.

    Raises:
        CheckpointError: the folder cannot be written to, or the disk is full.
    """
    try:
        with contextlib.ExitStack() as afterwards:
            if keep_last and Path(path).exists():
                # By a second name for the same file, so that there is no moment at which `path` is missing; and the
                # last good one goes after the new one has come, for what is at `path` now may have been damaged.
                _link(path, afterwards.enter_context(replacing(last_good(path))))
            save_tensors(path, state)
    except OSError as error:
        kept = "what was saved before is kept: see to it, and start again"
        raise CheckpointError(f"cannot write checkpoint {path}: {error.strerror}; {kept}") from error


def last_good(path: str | Path) -> Path:
    """Where the checkpoint before the newest lies."""
    path = Path(path)
    return path.with_name(f"{path.name}.last")


def _link(old: str | Path, new: Path) -> None:
    try:
        os.link(old, new)
    except OSError:  # a file system without hard links
        shutil.copyfile(old, new)


def load_newest(path: str | Path) -> tuple[dict | None, bool]:
    """The newest checkpoint that is whole: the one at `path`, else the last good one, with a warning; None without any.

    Returns:
        It, and whether it is the last good one because that at `path` is damaged.

    Raises:
        CheckpointError: there are checkpoints, and none of them is whole.
    """
    damaged = None
    for candidate in (Path(path), last_good(path)):
        if candidate.exists():
            try:
                state = load_checkpoint(candidate)
            except CheckpointError as error:
                damaged = damaged or error
            else:
                if damaged:
                    warnings.warn(f"{damaged}; going on from {candidate}, the one before", stacklevel=2)
                return state, damaged is not None
    if damaged:
        raise damaged
    return None, False


def load_checkpoint(path: str | Path) -> dict:
    """Read what `save_checkpoint` wrote, on the CPU.

    Raises:
        CheckpointError: the file is damaged, or holds more than tensors and plain values.
    """
    return read_tensors(path, "delete it to start afresh")

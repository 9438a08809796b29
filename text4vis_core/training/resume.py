"""Checkpoints of a training that is under way: written whole, one before the newest kept, nothing unpickled."""

import contextlib
import os
import shutil
import warnings
from pathlib import Path

from ..files import CheckpointError, read_tensors, replacing, save_tensors


def save_checkpoint(path: str | Path, state: dict, keep_last: bool = False) -> None:
    """Write a dictionary of tensors and plain values so that `path` always holds a whole file, the old or the new one.

    With `keep_last` the file that was there stays beside it, as `last_good(path)`. A `CheckpointError` when the folder
    cannot be written to, or the disk is full.
    """
    try:
        with contextlib.ExitStack() as afterwards:
            if keep_last and Path(path).exists():
                # By a second name for the same file, so that there is no moment at which `path` is missing; and the
                # last good one goes after the new one has come, for what is at `path` now may have been damaged.
                second = afterwards.enter_context(replacing(last_good(path)))
                try:
                    os.link(path, second)
                except OSError:  # a file system without hard links
                    shutil.copyfile(path, second)
            save_tensors(path, state)
    except OSError as error:
        kept = "what was saved before is kept: see to it, and start again"
        raise CheckpointError(f"cannot write checkpoint {path}: {error.strerror}; {kept}") from error


def last_good(path: str | Path) -> Path:
    """Where the checkpoint before the newest lies."""
    path = Path(path)
    return path.with_name(f"{path.name}.last")


def load_newest(path: str | Path) -> tuple[dict | None, bool]:
    """The newest checkpoint that is whole: the one at `path`, else the last good one, with a warning; None without any.

    With it, whether that at `path` is damaged. A `CheckpointError` when there are checkpoints, and none is whole.
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
    """What `save_checkpoint` wrote, on the CPU; a `CheckpointError` when it is damaged, or holds more than that."""
    return read_tensors(path, "delete it to start afresh")

"""Save and load: atomic, and nothing but tensors and plain values is ever unpickled."""

import contextlib
import os
import tempfile
from pathlib import Path

import torch


class CheckpointError(RuntimeError):
    """A checkpoint cannot be written or read. Names the path and the reason."""


def check_writable(folder: str | Path) -> Path:
    """Make a folder and write to it, so that a run fails before its training and not after.

    Raises:
        CheckpointError: it cannot be made or written to.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise CheckpointError(f"cannot write to {folder}: {error.strerror}; choose another run_dir") from error
    return folder


def save_checkpoint(path: str | Path, state: dict) -> None:
    """Write a dictionary of tensors and plain values so that `path` always holds a whole file, the old or the new one.

    Raises:
        CheckpointError: the folder cannot be written to, or the disk is full.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise CheckpointError(f"cannot write checkpoint {path}: {error}") from error


def load_checkpoint(path: str | Path) -> dict:
    """Read what `save_checkpoint` wrote, on the CPU.

    Raises:
        CheckpointError: the file is damaged, or holds more than tensors and plain values.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(f"cannot read checkpoint {path}: {reason}; delete it to start afresh") from error

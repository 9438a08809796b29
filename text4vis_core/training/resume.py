"""Checkpoints of a training that is under way: written whole, one before the newest kept, nothing unpickled."""

import warnings
from pathlib import Path

from torch import Tensor

from ..files import CheckpointError, last_good, read_tensors, save_tensors

save_checkpoint = save_tensors
FIELDS = {"model": dict, "history": list, "skipped": list, "not_compiled": str, "epoch": int, "step": int}
FIELDS |= {"sums": Tensor, "seconds": float}  # and "optimizer" until the training is finished


def load_newest(path: str | Path) -> tuple[dict | None, bool]:
    """The newest checkpoint that is whole: the one at `path`, else the last good one, with a warning; None without any.

    With it, whether that at `path` is damaged. A `CheckpointError` when there are checkpoints, and none is whole.
    """
    damaged = None
    for candidate in filter(Path.exists, (Path(path), last_good(path))):
        try:
            state = load_checkpoint(candidate)
            if wrong := [name for name, kind in FIELDS.items() if not isinstance(state.get(name), kind)]:
                raise CheckpointError(f"{candidate} has no right field {wrong[0]!r}; delete it to start afresh")
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
    """What `save_checkpoint` wrote, on the CPU; a `CheckpointError` when it is anything else."""
    return read_tensors(path, "delete it to start afresh", sealed=True)

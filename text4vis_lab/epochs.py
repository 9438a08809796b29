"""What a training answers after each of its epochs: ranks of the true class, of which its history has the accuracies.

runs/<suite>/<run>/scores/<cell>.epochs.parquet      a row per video, a column per epoch
"""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .scores import FOLDER, Ranks, Scores, ranks_of, read_ranks, write_ranks

SUFFIX = ".epochs.parquet"
ACCURACY = "val_top1"  # of a history's row


def epochs_file(run_dir: str | Path, cell: str) -> Path:
    """Where a cell's answers after each epoch lie."""
    return Path(run_dir, FOLDER, f"{cell}{SUFFIX}")


def keep_epoch(path: Path, epoch: int, test: str, scores: Scores) -> None:
    """Add what a training answers after an epoch, from 1, to what it answered before; what is there of later ones goes.

    Args:
        path: see `epochs_file`.
        epoch: that ended.
        test: name of the list.
        scores: of its videos.
    """
    before = read_epochs(path) if epoch > 1 and path.is_file() else {}
    kept = {f"epoch {number}": ranks.ranks for number, ranks in before.items() if number < epoch}
    kept[f"epoch {epoch}"] = ranks_of(scores.scores, scores.truth)
    write_ranks(path, kept, scores.videos, scores.labels, test)


def read_epochs(path: Path) -> dict[int, Ranks]:
    """What `keep_epoch` kept: epoch -> ranks. A ValueError where the file is missing, or damaged."""
    return {int(cell.removeprefix("epoch ")): ranks for (cell, *_), ranks in read_ranks(path).items()}


def accuracies(path: Path) -> dict[int, float]:
    """Epoch -> top-1 accuracy in percent."""
    return {epoch: ranks.metrics()["top1"] for epoch, ranks in read_epochs(path).items()}


def doubt(path: Path, history: Sequence[dict[str, Any]]) -> str:
    """Why what is kept is not what a history was measured from, a sentence; empty where it is.

    So it is where a training was finished before, and its checkpoint is all that is left of it; such a file is removed.
    """
    told = {row["epoch"]: row[ACCURACY] for row in history if ACCURACY in row}
    with contextlib.suppress(ValueError):  # it is missing, or damaged
        if not told or accuracies(path) == told:
            return ""
    path.unlink(missing_ok=True)
    remedy = "delete its checkpoint and run again"
    return f"what it answered after each epoch is not kept, for it was trained before: {remedy}"

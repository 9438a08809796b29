"""Finished cells of a grid, kept in the run's folder: what was interrupted goes on at the cell where it stopped.

scores/<cell>.parquet       scores per video
cells/<cell>.safetensors    the classifier's rows before and after, means of the classes' embeddings
cells/<cell>.json           the rest, written last: with it a cell is finished
"""

import json
from pathlib import Path
from typing import Any

from safetensors.torch import load, save_file

from text4vis_core.files import file_digest, replacing

from .experiment import Outcome
from .plain import write_json
from .scores import FOLDER, RANKS, read_scores, write_scores


class FinishedCells:
    """The cells of a run's folder."""

    def __init__(self, run_dir: Path):
        self.run_dir = run_dir

    def scores(self, name: str) -> Path:
        """Where a cell's scores per video lie."""
        return self.run_dir / FOLDER / f"{name}.parquet"

    def read(self, name: str, fingerprint: str) -> Outcome | None:
        """A cell that was finished with the same fingerprint, and is whole; else None."""
        try:
            kept = json.loads(self._facts(name).read_text(encoding="utf-8"))
            if kept["fingerprint"] != fingerprint:
                return None
            files = [self.scores(name), self._tensors(name)]
            if [file_digest(file) for file in files] != kept["files"]:
                return None
            tensors = load(self._tensors(name).read_bytes())
            kept["outcome"]["skipped"] = [tuple(pair) for pair in kept["outcome"]["skipped"]]
            return Outcome(read_scores(self.scores(name)), tensors=tensors, **kept["outcome"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, name: str, fingerprint: str, outcome: Outcome, labels: dict[str, Any]) -> None:
        """Keep what came out of a cell, with the fingerprint of all that it needs; `labels` go beside its scores."""
        write_scores(self.scores(name), outcome.scores, labels)
        with replacing(self._tensors(name)) as temporary:
            save_file({key: tensor.contiguous() for key, tensor in outcome.tensors.items()}, temporary)
        facts = {
            "history": outcome.history,
            "skipped": outcome.skipped,
            "trained_parameters": outcome.trained_parameters,
            "not_compiled": outcome.not_compiled,
        }
        files = [file_digest(file) for file in (self.scores(name), self._tensors(name))]
        write_json(self._facts(name), {"fingerprint": fingerprint, "files": files, "outcome": facts})

    def forget_others(self, names: set[str]) -> None:
        """Remove what earlier runs in this folder have left of other cells."""
        for folder in ("cells", FOLDER):
            for path in (self.run_dir / folder).glob("*"):
                if path.stem not in names and not path.name.startswith(RANKS):
                    path.unlink(missing_ok=True)

    def _facts(self, name: str) -> Path:
        return self.run_dir / "cells" / f"{name}.json"

    def _tensors(self, name: str) -> Path:
        return self.run_dir / "cells" / f"{name}.safetensors"

"""Finished cells of a grid, kept in the run's folder: what was interrupted goes on at the cell where it stopped.

scores/<cell>.parquet       scores per video; <cell>.epochs.parquet after each epoch, where that was measured
cells/<cell>.safetensors    the classifier's rows before and after, means of the classes' embeddings
cells/<cell>.json           the rest, written last: with it a cell is finished
"""

import hashlib
import json
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from pydantic import ConfigDict, Field
from safetensors.torch import load, save_file

from text4vis_core.files import file_digest
from text4vis_core.training.loop import WITHOUT_EFFECT

from .cache._dependencies import file_stamps
from .cell import Cell, Outcome
from .epochs import epochs_file
from .experiment import trained_as
from .model_files.facts import FILE
from .plain import plain
from .processes import Processes
from .records import run_code
from .scores import FOLDER, RANKS, read_scores, write_scores
from .sealing import Kind, Schema
from .settings import declared
from .sources import Source
from .storing import replacing
from .tournament.texts import depends_on


class _OutcomeFacts(Schema):
    """Of an outcome all but scores and tensors."""

    model_config = ConfigDict(strict=True, extra="forbid")

    history: list[dict[str, Any]]
    skipped: list[list[str]]
    trained_parameters: int
    not_compiled: str
    remarks: list[str]


class _CellFacts(Schema):
    """What a finished cell's JSON file holds: digests of its scores and tensors among it."""

    fingerprint: str
    files: list[str] = Field(min_length=2, max_length=3)
    outcome: _OutcomeFacts


CELLS = Kind("a finished cell", _CellFacts, "the cell is trained again")


class FinishedCells:
    """The cells of a run's folder."""

    def __init__(self, run_dir: Path):
        self.run_dir = run_dir

    def scores(self, name: str) -> Path:
        """Where a cell's scores per video lie."""
        return self.run_dir / FOLDER / f"{name}.parquet"

    def read(self, name: str, fingerprint: str) -> Outcome | None:
        """A cell that was finished with the same fingerprint, and is whole; else None."""
        facts, files = self._facts(name), self._files(name)
        try:
            kept = CELLS.load(facts)
            if kept.get("fingerprint") != fingerprint:
                return None
            outcome = CELLS.checked(facts, kept)["outcome"]
            for file, digest in zip(files, kept["files"], strict=False):
                if not file.is_file() or file_digest(file) != digest:
                    raise CELLS.wrong(facts, f"{file} is not what was written with it")
            outcome["skipped"] = [tuple(pair) for pair in outcome["skipped"]]
            return Outcome(read_scores(files[0]), tensors=load(files[1].read_bytes()), **outcome)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            warnings.warn(str(error), stacklevel=2)
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
            "remarks": outcome.remarks,
        }
        files = [file_digest(file) for file in self._files(name) if file.is_file()]
        CELLS.write(self._facts(name), {"fingerprint": fingerprint, "files": files, "outcome": facts})

    def forget_others(self, names: set[str]) -> None:
        """Remove what earlier runs in this folder have left of other cells."""
        for folder in ("cells", FOLDER):
            for path in (self.run_dir / folder).glob("*"):
                if path.stem.removesuffix(".epochs") not in names and not path.name.startswith(RANKS):
                    path.unlink(missing_ok=True)
        for path in (self.run_dir / "models").glob(f"*/{FILE}"):
            if path.parent.name not in names:
                shutil.rmtree(path.parent)

    def _files(self, name: str) -> list[Path]:
        return [self.scores(name), self._tensors(name), epochs_file(self.run_dir, name)]

    def _facts(self, name: str) -> Path:
        return self.run_dir / "cells" / f"{name}.json"

    def _tensors(self, name: str) -> Path:
        return self.run_dir / "cells" / f"{name}.safetensors"


def cell_fingerprint(
    cell: Cell, values: Mapping[str, Any], processes: Processes, source: Source, weights: Mapping[str, str]
) -> str:
    """SHA-256 of everything that a cell's outcome depends on.

    Args:
        cell: what is trained and tested.
        values: the settings.
        processes: that compute.
        source: of model and texts.
        weights: its `fingerprints`.
    """
    parts, method = {name: cell.part(name) for name in cell.tests}, cell.method
    recipe = asdict(trained_as(method, cell.recipe))
    shared = {name for name, setting in declared().items() if setting.group != "hardware" and name != "max_seconds"}
    value = [
        {name: value for name, value in values.items() if name in shared and name not in recipe},
        {name: value for name, value in recipe.items() if name not in WITHOUT_EFFECT},
        [processes.devices, processes.num_nodes],
        [method.initialisation, method.frozen, cell.temporal, cell.rows_seed],
        [cell.every_epoch, cell.by_view, cell.fine_tune, cell.export, asdict(cell.transfer)],
        [cell.train.fingerprint(), file_stamps(cell.train)],
        {name: [p.videos.fingerprint(), file_stamps(p.videos), p.classes] for name, p in parts.items()},
        [weights, depends_on(method.initialisation, source), run_code(), torch.__version__, torch.get_num_threads()],
    ]
    return hashlib.sha256(json.dumps(plain(value), sort_keys=True).encode()).hexdigest()

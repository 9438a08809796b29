"""Rehearse a suite: what would go wrong on this machine, and how long it would take, in minutes instead of days.

    python -m text4vis_core.rehearsal experiments/kinetics400.yaml

Every run that says what it `needs` is rehearsed on stand-ins for its data (`stand_ins.py`), through the same functions
as its notebook: the data set's reader, the architecture with its temporal module (random weights where the real ones
are not here), the class embeddings, two optimiser steps with a checkpoint after each, a resume from the first of them
that must end where the uninterrupted training did, and the evaluation of 4 x 3 views (`measure.py`). Each in a process
of its own, so that its peak memory is its own and a crash is a row of the table (`report.py`). Nothing is downloaded.

On a GPU nothing is reduced but the data. On a CPU a rehearsal is kept within a budget of floating-point operations
(`plan.py`), and the table says what is left to a GPU. Runs that are the same after that are rehearsed once.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..results import provenance, write_json
from ..suites import Run, Suite, SuiteError
from .plan import Plan, plan_of, settings_of
from .report import row
from .stand_ins import make_stand_in

__all__ = ["rehearse"]

WEIGHTS = "weights"  # folder of a rehearsal's checkpoints, removed at its end: gigabytes


def rehearse(suite: Suite, root: str | Path = "runs/rehearsal") -> dict[str, Any]:
    """Rehearse every run that says what it needs; print a line for each, and write `<root>/<suite>/rehearsal.json`.

    Returns:
        The record, with `rows`, one per run in the suite's order, whose `status` is "ok" or "failed".

    Raises:
        SuiteError: no run says what it needs.
        ValueError: there is no stand-in for a run's data set, or open_clip does not know its model.
    """
    runs = [run for run in suite.runs if run.needs]
    if not runs:
        raise SuiteError(f"{suite.path}: no run has `needs`, so there is nothing to rehearse")
    folder, begin = Path(root, suite.name), time.perf_counter()
    plans = {run.name: plan_of(run) for run in runs}
    _make_data(runs, folder / "data")
    groups: dict[tuple, list[Run]] = {}
    for run in runs:
        groups.setdefault(_computation(run, plans[run.name]), []).append(run)
    rows = {}
    for group in groups.values():
        print(f"{', '.join(run.name for run in group)}: rehearsing {settings_of(group[0])['model']} ...", flush=True)
        measured = _in_own_process(suite, group, folder)
        rows |= {run.name: row(run, plans[run.name], measured, same_as=group[0].name) for run in group}
        print(f"    {measured['status']} after {measured['seconds']:.0f} s", flush=True)
    record = {
        "suite": suite.name,
        "rows": [rows[run.name] for run in runs],
        "seconds": time.perf_counter() - begin,
        "provenance": provenance(),
    }
    write_json(folder / "rehearsal.json", record)
    return record


def _make_data(runs: Iterable[Run], folder: Path) -> None:
    """A stand-in for each data set, with as many videos a class as any run wants shots."""
    per_class: dict[str, int] = {}
    for run in runs:
        settings = settings_of(run)
        per_class[settings["dataset"]] = max([per_class.get(settings["dataset"], 1), *settings.get("shots", [])])
    for dataset, number in per_class.items():
        make_stand_in(dataset, folder / dataset, number)


def _computation(run: Run, plan: Plan) -> tuple:
    """What two runs share that are rehearsed once."""
    settings = settings_of(run)
    names = ("model", "pretrained", "checkpoint", "temporal", "temporal_heads", "gradient_checkpointing", "resize")
    return plan, *(settings.get(name) for name in names)


def _in_own_process(suite: Suite, group: list[Run], root: Path) -> dict[str, Any]:
    """What the first run's rehearsal measured, the others' data read too; or status "failed" and the reason."""
    folder = root / group[0].name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    command = [sys.executable, "-m", "text4vis_core.rehearsal.measure", str(suite.path), str(folder)]
    begin = time.perf_counter()
    with open(folder / "log.txt", "w", encoding="utf-8") as log:
        ended = subprocess.run(
            [*command, *(run.name for run in group)],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
            check=False,
        )
    seconds = time.perf_counter() - begin
    shutil.rmtree(folder / WEIGHTS, ignore_errors=True)
    if ended.returncode == 0:
        measured = json.loads((folder / "measured.json").read_text(encoding="utf-8"))
        return measured | {"status": "ok", "error": "", "seconds": seconds}
    lines = (folder / "log.txt").read_text(encoding="utf-8").strip().splitlines()
    reason = lines[-1] if lines else f"exit status {ended.returncode}"
    if ended.returncode < 0:
        stage = next((line for line in reversed(lines) if line.startswith("stage: ")), "stage: start")
        killed = "killed, as where memory is used up" if ended.returncode == -9 else f"signal {-ended.returncode}"
        reason = f"{killed}, in {stage}"
    return {"status": "failed", "error": f"{reason} (see {folder / 'log.txt'})", "seconds": seconds}

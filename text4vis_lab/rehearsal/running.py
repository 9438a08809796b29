"""Rehearsing the runs of a suite, one after the other, each in a process of its own."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from text4vis_core.data.formats.readers import load_videos

from ..plain import write_json
from ..records import provenance
from ..suites import Run, Suite, SuiteError
from .plan import Plan, plan_of
from .report import row
from .settings import DATA, NOTED, REDUCED, folds_of, settings_of, trains
from .stand_ins import make_stand_in

WEIGHTS = "weights"  # folder of a rehearsal's checkpoints, removed at its end: gigabytes
OWN = ("status", "error", "seconds", "classes", "all_classes", "no_weights", "parameters")  # of a brief rehearsal


def rehearse(suite: Suite, root: str | Path = "runs/rehearsal") -> dict[str, Any]:
    """Rehearse every run that says what it needs; print a line for each, and write `<root>/<suite>/rehearsal.json`.

    Returns:
        The record, with `rows`, one per run in the suite's order, whose `status` is "ok" or "failed".

    Raises:
        SuiteError: no run says what it needs.
        ValueError: there is no stand-in for a run's data set, or a run would stop at one of its values (which).
    """
    runs = [run for run in suite.runs if run.needs]
    if not runs:
        raise SuiteError(f"{suite.path}: no run has `needs`, so there is nothing to rehearse")
    folder, begin = Path(root, suite.name), time.perf_counter()
    plans = {run.name: _plan(suite, run) for run in runs}
    _make_data(runs, folder / "data")
    rows: dict[str, dict[str, Any]] = {}
    for alike in _by(lambda run: _architecture(run, plans[run.name]), runs):
        lead: Run | None = None
        measured: dict[str, Any] = {}
        for group in _by(lambda run: _variant(run, folder / "data"), alike):
            first = group[0]
            print(f"{', '.join(run.name for run in group)}: rehearsing {settings_of(first)['model']} ...", flush=True)
            own = _in_own_process(suite, group, folder, whole=lead is None)
            # What a step alone does not measure was measured for the lead.
            shown = own if lead is None else measured | {key: own[key] for key in OWN if key in own}
            rows |= {run.name: row(run, plans[run.name], shown, first, lead) for run in group}
            if lead is None and own["status"] == "ok":
                lead, measured = first, own
            print(f"    {own['status']} after {own['seconds']:.0f} s", flush=True)
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


def _plan(suite: Suite, run: Run) -> Plan:
    try:
        return plan_of(run)
    except ValueError as error:
        raise ValueError(f"{suite.path}: run {run.name!r}: {error}") from None


def _by(key: Callable[[Run], Any], runs: Iterable[Run]) -> list[list[Run]]:
    """The runs in groups of the same key, in their order."""
    groups: dict[Any, list[Run]] = {}
    for run in runs:
        groups.setdefault(key(run), []).append(run)
    return list(groups.values())


def _architecture(run: Run, plan: Plan) -> tuple:
    """What runs share whose time and memory are measured once."""
    settings = settings_of(run)
    names = ("model", "pretrained", "checkpoint", "temporal", "temporal_heads", "gradient_checkpointing", "resize")
    return run.notebook, plan, *(settings.get(name) for name in names)


def _variant(run: Run, data: Path) -> str:
    """What runs of an architecture share that are rehearsed once: their settings, and in training the kind of labels.

    Not the data, of which every run's own is read, and not what is reduced, which `plan_of` has checked.
    """
    settings = settings_of(run)
    rest = {name: value for name, value in settings.items() if name not in (*DATA, *REDUCED, *NOTED)}
    if trains(settings):
        videos = load_videos(settings["dataset"], data / settings["dataset"], "train", folds_of(settings)[0])
        rest["multi_label"] = videos.multi_label
    return json.dumps(rest, sort_keys=True)


def _in_own_process(suite: Suite, group: list[Run], root: Path, whole: bool) -> dict[str, Any]:
    """What the rehearsal of the first run measured, the others' data read too; or status "failed" and the reason."""
    folder = root / group[0].name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    command = [sys.executable, "-m", "text4vis_lab.rehearsal.measure", "whole" if whole else "brief"]
    begin = time.perf_counter()
    with open(folder / "log.txt", "w", encoding="utf-8") as log:
        ended = subprocess.run(
            [*command, str(suite.path), str(folder), *(run.name for run in group)],
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

"""A run's notebook, executed once more in a copy of its folder: finished trainings are read, all else is computed."""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..answering import answer_in
from ..figures.showing import FIGURES
from ..notebooks import notebook_file
from ..plain import readable, unfilled
from ..read_only import nothing_trained
from ..records import RECORD, read_record
from ..surroundings import of_a_run, own_kernel

LEFT_OUT = ("checkpoints", "logs", "tensorboard", ".lock", "log.txt", "progress.jsonl")
COMPARED = ("rows", "histories", "metrics")


def executed_again(record: Mapping[str, Any]) -> list[str]:
    """What differs when a run's notebook is executed with the parameters that it had; nothing is trained.

    Frozen encoders' last layers, seconds each, are computed anew: no folder keeps them.

    Args:
        record: as `records.read_record` gives it; papermill has left the executed notebook beside it.

    Returns:
        Which rows, histories, metrics, figures and answers are not what is stored, by name; or why it cannot be done.
    """
    folder = Path(record["path"]).parent
    executed = folder / f"{record['notebook']}.ipynb"
    try:
        given = json.loads(executed.read_text(encoding="utf-8"))["metadata"]["papermill"]["parameters"]
    except (OSError, ValueError, KeyError, TypeError):
        return [f"{executed} is not there, or papermill did not execute it: its parameters are not known"]
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place, record["suite"], record["run"])
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(*LEFT_OUT))
        for path in (copy / RECORD, copy / executed.name, *copy.glob("figures/*")):
            path.unlink(missing_ok=True)
        threads = record["provenance"]["hardware"].get("threads") or os.cpu_count() or 1
        error = _execute(record["notebook"], copy / executed.name, given | {"run_dir": str(copy)}, threads)
        if error:
            return [f"{folder}: its notebook, executed again, fails: {readable(error, 400)}"]
        return [*_differing(record, copy), *_figures(folder, copy), *_answer(executed, copy / executed.name)]


def _execute(notebook: str, out: Path, parameters: Mapping[str, Any], threads: int) -> str:
    """Execute a notebook as a suite does; why it failed, or nothing."""
    import papermill

    with of_a_run(threads), nothing_trained():
        try:
            papermill.execute_notebook(
                unfilled(notebook_file(notebook)),
                unfilled(out),
                parameters=dict(parameters),
                kernel_name="python3",
                kernel_manager_class=own_kernel(),
                cwd=os.getcwd(),
                progress_bar=False,
            )
        except papermill.PapermillExecutionError as failure:
            return f"{failure.ename}: {failure.evalue}"
        except (OSError, RuntimeError) as failure:
            return f"{type(failure).__name__}: {failure}"
    return ""


def _differing(record: Mapping[str, Any], copy: Path) -> list[str]:
    """Of the record the parts that came out otherwise."""
    again, faults = read_record(copy / RECORD), list[str]()
    for name in COMPARED:
        stored, found = record[name], again[name]
        if isinstance(stored, dict):
            keys = [key for key in dict.fromkeys([*stored, *found]) if stored.get(key) != found.get(key)]
        else:
            pairs = zip(stored, found, strict=False)
            keys = [f"{one.get('cell')}, number {place}" for place, (one, other) in enumerate(pairs) if one != other]
            keys += [f"{len(stored)} stored, {len(found)} now"] if len(stored) != len(found) else []
        faults += [f"{record['path']}: {name}: {readable(key)} comes out otherwise" for key in keys]
    return faults


def _figures(folder: Path, copy: Path) -> list[str]:
    """Figures that came out otherwise, by the file that did."""
    faults = list[str]()
    names = sorted({path.name for place in (folder, copy) for path in place.glob("figures/*.json")})
    for name in names:
        one, other = (place / "figures" / name for place in (folder, copy))
        if not one.is_file() or not other.is_file():
            faults.append(f"{one} {'is not drawn any more' if one.is_file() else 'is not stored'}")
            continue
        stored, found = FIGURES.read(one), FIGURES.read(other)
        files = {**stored["files"], **found["files"]}
        differ = [file for file in files if stored["files"].get(file) != found["files"].get(file)]
        faults += [f"{one.with_name(file)} comes out otherwise" for file in differ]
        if not differ and stored != found:
            faults.append(f"{one} comes out otherwise")
    return faults


def _answer(stored: Path, found: Path) -> list[str]:
    same = answer_in(stored) == answer_in(found)
    return [] if same else [f"{stored}: its answer comes out otherwise: {' '.join(answer_in(found))}"]

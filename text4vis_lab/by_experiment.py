"""One table for each experiment: what was measured here and what is published, in columns of their own.

A published number is of other data and another model: each line says on what it was tested, with which views, frames
and epoch, on which data and by which model. What was measured leads to its run, with the commands that give it again.
"""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from .plain import readable
from .results import HALF
from .shell import command, papermill
from .staleness import stale
from .suites.attempts import run_of
from .tables import Commands, Linked, Table, show
from .wording import in_ends

MEASURED, PUBLISHED = "measured, %", "published, %"
PROTOCOL = ("metric", "tested on", "views", "frames", "epoch", "data", "model")
SAID = {"top1": "top-1", "top5": "top-5", "map": "mean average precision"}
# Notebook -> what its table is called, and what the task of a published number of it has in it.
EXPERIMENTS = {
    "02_zero_shot": ("Zero-shot", "zero-shot"),
    "03_few_shot": ("Few shots", ""),
    "04_full_training": ("All videos, and classes without any", ""),
    "09_base_to_novel": ("Base and novel classes", ""),
    "10_frozen_encoder": ("A frozen encoder", "frozen encoder"),
    "18_time_order": ("The order of time", ""),
    "08_supervised": ("Supervised", "supervised"),
    "": ("What else was measured", ""),
}
OWN = {"puppets": "Puppets (generated)", "mini_clip": "Mini CLIP", "mini_clip_withheld": "Mini CLIP, names withheld"}
ACROSS = {"03_few_shot", "04_full_training", "09_base_to_novel", "10_frozen_encoder"}  # a column for each test
STALE = "†"


@dataclass(frozen=True)
class Experiment:
    """A table and what is to be said with it.

    Attributes:
        title: of the experiment.
        table: a line for each method or published number.
        caption: what stands above it.
        commands: that measure, and compute, its numbers again.
    """

    title: str
    table: pd.DataFrame
    caption: str
    commands: Commands | None

    @property
    def shown(self) -> Table:
        """As it stands on a page: the method and the numbers come first."""
        front = [name for name in self.table if name not in (*PROTOCOL, "source")]
        return show(self.table, self.caption, front)

    def __repr__(self) -> str:
        return "\n\n".join([self.title, repr(self.shown), *([repr(self.commands)] if self.commands else [])])

    def _repr_html_(self) -> str:
        commands = self.commands._repr_html_() if self.commands else ""
        return f"<h3>{html.escape(self.title)}</h3>{self.shown._repr_html_()}{commands}"


def experiments(
    lines: pd.DataFrame, records: Sequence[Mapping[str, Any]], published: Sequence[Mapping[str, Any]]
) -> list[Experiment]:
    """The tables, in the order of `EXPERIMENTS`; of an experiment of which nothing is known there is none.

    Args:
        lines: of `results.headline` of the records.
        records: as `records.read_record` gives them.
        published: rows of `published.published_results`.
    """
    found = []
    for notebook, (title, task) in EXPERIMENTS.items():
        own = [record for record in records if _notebook(record) == notebook]
        theirs = [row for row in published if task and task in row["task"] and _belongs(notebook, row["task"])]
        since = {record["path"]: stale(record) for record in own}
        measured = [line for record in own for line in _measured(record, lines, bool(since[record["path"]]))]
        if measured or theirs:
            table = pd.DataFrame([*measured, *map(_published, theirs)])
            front = ["method", *(name for name in table if name.startswith(MEASURED.split(",")[0]))]
            front += [PUBLISHED] if theirs else []
            table = table.reindex(columns=[*front, *PROTOCOL, *(["source"] if theirs else [])])
            found.append(Experiment(title, table.fillna(""), _caption(measured, theirs, own, since), _commands(own)))
    return found


def _notebook(record: Mapping[str, Any]) -> str:
    return record["notebook"] if record["notebook"] in EXPERIMENTS else ""


def _belongs(notebook: str, task: str) -> bool:
    """A task may have words of two experiments: "few-shot, frozen encoder"."""
    return notebook == "10_frozen_encoder" or "frozen encoder" not in task


def _measured(record: Mapping[str, Any], lines: pd.DataFrame, is_stale: bool) -> list[dict[str, Any]]:
    """A record's means: a line for each method, and a column for each number of shots, or else for each test."""
    if lines.empty:
        return []
    own = lines[(lines["suite"] == readable(record["suite"])) & (lines["run"] == readable(record["run"]))]
    across = next((name for name in ("shots", "test") if _known(own, name).nunique() > 1), "")
    across = across if record["notebook"] in ACROSS else ""
    found: dict[tuple, dict[str, Any]] = {}
    tested: dict[str, list[str]] = {}  # of a column for each test: what it is, and which have it
    for line in own.to_dict("records"):
        told = {name: line.get(name) for name in ("method", "setting", "temporal", "mix", "strength", "view", "metric")}
        told |= {name: line.get(name) for name in ("test", "template", "shots") if name != across}
        if across == "shots" and not _is(line.get("shots")):
            columns = [*dict.fromkeys(_known(own, "shots"))]  # it is the same beside each
        else:
            columns = [line.get(across)] if across else [None]
        entry = found.setdefault(tuple(str(value) for value in told.values()), _about(record, line, own))
        if across == "test":
            tested.setdefault(_tested_on(record, line | {"test": "test"}), []).append(readable(line["test"]))
        for value in columns:
            text = in_ends(line["%"], line["low"], line["high"]) + (f" {STALE}" if is_stale else "")
            entry[_column(across, value)] = Linked(text, f"{record['suite']}/{record['run']}", float(line["%"]))
    each_test = "; ".join(f"{', '.join(dict.fromkeys(tests))}: {what}" for what, tests in tested.items())
    return [entry | ({"tested on": each_test} if tested else {}) for entry in found.values()]


def _column(across: str, value: Any) -> str:
    if not across:
        return MEASURED
    shots = f"{value:g} {'shot' if value == 1 else 'shots'}" if across == "shots" else readable(value)
    return f"measured, {shots}, %"


def _about(record: Mapping[str, Any], line: Mapping[str, Any], own: pd.DataFrame) -> dict[str, Any]:
    """What is said of a measured line besides its numbers."""
    given = record["parameters"]
    several = [name for name in ("setting", "temporal", "template") if _known(own, name).nunique() > 1]
    words = [str(line[name]) for name in several if _is(line.get(name))]
    words += [f"{name} {line[name]:g}" for name in ("mix", "strength") if _is(line.get(name))]
    cached = given.get("dataset") == "features"  # embeddings, of which settings of clips say nothing
    about = str(record["metrics"].get("about", "")).split(":")[0]
    tuned = line.get("setting") == "tuned"
    epoch = "last, tuned recipe" if tuned else f"last of {given.get('epochs', '?')}"
    if line["method"].split(",")[0] == "zero-shot":
        epoch = "nothing trained"
    elif record["notebook"] == "10_frozen_encoder":
        epoch = "the encoder frozen"
    return {
        "method": ", ".join([line["method"], *words]),
        "metric": SAID[line["metric"]],
        "tested on": _tested_on(record, line),
        "views": line.get("view") or "1 view",
        "frames": "" if cached else given.get("num_frames", ""),
        "epoch": epoch,
        "data": about or OWN.get(str(line["data"]), line["data"]),
        "model": "that of the cache" if cached else OWN.get(str(given.get("model")), str(given.get("model", ""))),
    }


def _tested_on(record: Mapping[str, Any], line: Mapping[str, Any]) -> str:
    whole = max((facts["classes"] for facts in record["data"].values()), default=line["classes"])
    classes = f"all {line['classes']}" if line["classes"] == whole else f"{line['classes']} of {whole}"
    if line["test"] == HALF:
        classes = f"half of the {line['classes']}"
    parts = [f"{classes} classes" + (", mean of ten draws" if line["test"] == HALF else "")]
    parts += [f"fold {line['folds']}"] if _is(line.get("folds")) else []
    parts += [f"{line['videos']:,} videos"] if line["test"] != HALF else []
    parts += [f"{line['videos left out']} left out"] if line["videos left out"] else []
    named = line["test"] not in ("test", HALF)
    return ", ".join([*parts, *([str(line["test"])] if named else [])])


def _published(row: Mapping[str, Any]) -> dict[str, Any]:
    said = [row["protocol"], f"spread {row['spread']}" if row["spread"] not in ("", "not found") else ""]
    said += [row["note"]]
    return {
        "method": row["model"],
        PUBLISHED: f"{row['value']:g}",
        "metric": row["metric"],
        "tested on": "; ".join(filter(None, said)),
        "views": row["views"] or "not found",
        "frames": row["frames"] or "not found",
        "epoch": row["rule"],
        "data": row["data"],
        "model": row["model"],
        "source": row["source"],
    }


def _caption(
    measured: Sequence[Any], theirs: Sequence[Any], own: Sequence[Mapping[str, Any]], since: Mapping[str, Sequence[str]]
) -> str:
    intervals = "Means with 95 % intervals; a number leads to its run."
    parts = [intervals if measured else "Nothing of it was measured here."]
    if measured and theirs:
        parts.append("What is published is of other data and models: it is not to be set against what was measured.")
    elif measured:
        parts.append("data/published_results.csv has no number of it.")
    parts += [
        f"{STALE} Stale, {readable(record['run'])}: {'; '.join(since[record['path']])}."
        for record in own
        if since[record["path"]]
    ]
    return " ".join(parts)


def _commands(own: Sequence[Mapping[str, Any]]) -> Commands | None:
    """What measures the numbers of some records again, and what computes them again from their scores."""
    lines = []
    for record in own:
        run, folder = run_of(record), Path(record["path"]).parent
        if run is None:
            source, executed = Path("notebooks", f"{record['notebook']}.ipynb"), folder / f"{record['notebook']}.ipynb"
            given = record["parameters"] | {"run_dir": folder.as_posix()}
        else:
            source, executed, given = run.source, run.executed, run.papermill_parameters
        lines.append(f".venv/bin/{papermill(source, executed, given)}")
        lines.append(command([".venv/bin/text4vis", "recompute", folder.as_posix()]))
    return Commands("Measure it again, or compute it from its scores:", tuple(lines)) if lines else None


def _known(lines: pd.DataFrame, name: str) -> pd.Series:
    """The values of a column, where there are any."""
    found = lines[name] if name in lines else pd.Series(dtype=object)
    return found[[_is(value) for value in found]]


def _is(value: Any) -> bool:
    return value not in ("", None) and value == value

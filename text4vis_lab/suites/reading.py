"""Reading a suite: what a file in `experiments/` expands to, and everything that is wrong with it.

All paths are relative to the root of the repository.
"""

from __future__ import annotations

import difflib
import itertools
import json
import math
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from ..handwritten import from_yaml
from ..notebooks import NotebookError, notebook_defaults, notebook_settings, notebook_uses
from ..settings import check_choices, checked

SUITE_KEYS = ("description", "reference", "runs")
RUN_KEYS = ("name", "notebook", "title", "part", "parameters", "grid", "after", "resources", "needs")
# What a run occupies: cores, gpu and mem_mb on each of its nodes (machines).
DEFAULT_RESOURCES = {"cores": 1, "gpu": 0, "nodes": 1, "mem_mb": 2000, "minutes": 60}
# What a run at the paper's scale needs: videos of the data set, and estimates of the rest, with a table's headings.
NEEDS = {
    "train_videos": "training videos",
    "test_videos": "test videos",
    "disk_gb": "disk (GB)",
    "gpu_memory_gb": "GPU memory (GB)",
    "gpu_hours": "GPU hours",
}
MOST_RUNS = 2000  # of an entry
Taken = tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]
RUN_DIR = "run_dir"  # the one parameter that every notebook has and that no suite sets


class SuiteError(ValueError):
    """A suite file that cannot be run as written; the message names the file, the field and the remedy."""


@dataclass(frozen=True)
class Run:
    """One notebook with its parameters: an entry of a suite after its grid is expanded.

    `needs` has the keys of `NEEDS`, or is empty where the suite does not say. `title` and `part` are what its chapter
    is called in the book, and where it stands; empty: as its notebook says, and among the experiments.
    """

    suite: str
    name: str
    notebook: str
    parameters: dict[str, Any]
    after: tuple[str, ...]
    resources: dict[str, int]
    needs: dict[str, float]
    title: str = ""
    part: str = ""

    @property
    def directory(self) -> Path:
        return Path("runs", self.suite, self.name)

    @property
    def source(self) -> Path:
        return Path("notebooks", f"{self.notebook}.ipynb")

    @property
    def executed(self) -> Path:
        return self.directory / f"{self.notebook}.ipynb"

    @property
    def attempt(self) -> Path:
        return self.directory / "attempt.json"

    @property
    def log(self) -> Path:
        return self.directory / "log.txt"

    @property
    def lock(self) -> Path:
        return self.directory / ".lock"

    @property
    def papermill_parameters(self) -> dict[str, Any]:
        """The suite's parameters and the directory that the notebook writes to."""
        return {**self.parameters, RUN_DIR: self.directory.as_posix()}


@dataclass(frozen=True)
class Suite:
    """A suite file, read and expanded; `runs` keep the order of the file.

    `reference` says whether its book is about the paper and the packages as well; else its chapters' answers lead it,
    and it is built in a quarter of the time.
    """

    path: Path
    description: str
    runs: tuple[Run, ...]
    reference: bool = True

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def lock(self) -> Path:
        return Path("runs", self.name, ".lock")

    def run(self, name: str) -> Run:
        """The run called `name`. Raises SuiteError, with the choices, when there is none."""
        for run in self.runs:
            if run.name == name:
                return run
        raise SuiteError(f"{self.path}: no run {name!r}{_choices(name, [run.name for run in self.runs])}")


def read_suite(path: str | Path, choices: bool = False) -> Suite:
    """Read, expand and check a suite file, including that every notebook has the parameters it is given.

    Args:
        path: of the file.
        choices: check them too, some of which are listed by modules that take seconds to import.

    Raises SuiteError for anything that could not run as written.
    """
    path = Path(path)
    suite = _mapping(_load(path), SUITE_KEYS, f"{path}")
    description = suite.get("description", "")
    if not isinstance(description, str):
        raise SuiteError(f"{path}: description must be text")
    described = suite.get("reference", True)
    if not isinstance(described, bool):
        raise SuiteError(f"{path}: reference must be true or false")
    entries = suite.get("runs")
    if not isinstance(entries, list) or not entries:
        raise SuiteError(f"{path}: runs must be a list of at least one run")

    runs: list[Run] = []
    expansions: dict[str, tuple[str, ...]] = {}
    names: set[str] = set()
    for number, entry in enumerate(entries, start=1):
        expanded = _expand(entry, path, number)
        for run in expanded:
            if run.name in names:
                raise SuiteError(f"{path}: two runs are called {run.name!r}; give one of them another name")
            names.add(run.name)
        runs += expanded
        if entry["name"] in expansions:
            raise SuiteError(f"{path}: two runs are called {entry['name']!r}; give one of them another name")
        expansions[entry["name"]] = tuple(run.name for run in expanded)
    runs = [_resolve_after(run, runs, expansions, path) for run in runs]
    try:
        TopologicalSorter({run.name: run.after for run in runs}).prepare()
    except CycleError as error:
        raise SuiteError(f"{path}: runs wait for each other: {' -> '.join(reversed(error.args[1]))}") from None
    taken = {source: _taken(source) for source in dict.fromkeys(run.source for run in runs)}
    typed = tuple(_with_types(run, taken[run.source], path, choices) for run in runs)
    return Suite(path, description, typed, described)


def read_again(path: str | Path) -> Suite:
    """The same, of a file that is read often: it is only when it has another time."""
    return _read(str(path), Path(path).stat().st_mtime_ns)


@lru_cache
def _read(path: str, changed: int) -> Suite:
    return read_suite(path)


def needs_table(suite: Suite) -> str:
    """A table of what the runs need; empty when the suite does not say."""
    runs = [run for run in suite.runs if run.needs]
    if not runs:
        return ""
    rows = [[run.name, *(f"{run.needs[key]:,.15g}" for key in NEEDS)] for run in runs]
    title = "What the runs need (all but the number of videos are estimates)"
    return f"{title}\n{table(['run', *NEEDS.values()], rows)}"


def table(headings: list[str], rows: list[list[str]]) -> str:
    """Columns for a terminal: the first to the left, the others to the right, two spaces between and before."""
    lines = [headings, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(headings))]
    aligned = [[line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])] for line in lines]
    return "\n".join("  " + "  ".join(cells) for cells in aligned)


def _load(path: Path) -> Any:
    try:
        return from_yaml(path.read_text(encoding="utf-8"), path)
    except FileNotFoundError:
        known = sorted(str(other) for other in Path("experiments").glob("*.yaml"))
        raise SuiteError(f"{path}: no such suite file{_choices(str(path), known)}") from None
    except (UnicodeDecodeError, OSError) as error:
        raise SuiteError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    except ValueError as error:
        raise SuiteError(str(error)) from None


def _mapping(value: Any, keys: tuple[str, ...], where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SuiteError(f"{where}: must be a mapping with the keys {', '.join(keys)}")
    for key in value:
        if key not in keys:
            raise SuiteError(f"{where}: unknown key {key!r}{_choices(str(key), list(keys))}")
    return value


def _expand(entry: Any, path: Path, number: int) -> list[Run]:
    """The runs of one entry: one for each combination of the values in its grid."""
    where = f"{path}: run {number}"
    entry = _mapping(entry, RUN_KEYS, where)
    name, notebook = entry.get("name"), entry.get("notebook")
    if not isinstance(name, str) or not re.fullmatch(r"\w[\w.+-]*", name):
        raise SuiteError(f"{where}: name must be letters, digits and `_.+-`, not {name!r}")
    where = f"{path}: run {name!r}"
    known = sorted(other.stem for other in Path("notebooks").glob("*.ipynb"))
    if notebook not in known:
        raise SuiteError(f"{where}: unknown notebook {notebook!r}{_choices(str(notebook), known)}")

    parameters, grid = entry.get("parameters") or {}, entry.get("grid") or {}
    for field, value in (("parameters", parameters), ("grid", grid)):
        if not isinstance(value, dict):
            raise SuiteError(f"{where}: {field} must be a mapping from parameter names to values")
        try:
            json.dumps(value)
        except TypeError as error:
            raise SuiteError(f"{where}: {field}: {error}; quote the value") from None
    for key, values in grid.items():
        if not isinstance(values, list) or not values:
            raise SuiteError(f"{where}: grid: {key} must be a list of values")
        if key in parameters:
            raise SuiteError(f"{where}: {key} is in parameters and in grid; leave it in one of them")

    for field in ("title", "part"):
        text = entry.get(field, "")
        if not isinstance(text, str) or len(text.splitlines()) > 1:
            raise SuiteError(f"{where}: {field} must be one line of text, not {text!r}")
    after = entry.get("after") or []
    if not isinstance(after, list) or not all(isinstance(other, str) for other in after):
        raise SuiteError(f"{where}: after must be a list of run names")
    resources = _mapping(entry.get("resources") or {}, tuple(DEFAULT_RESOURCES), f"{where}: resources")
    for key, value in resources.items():
        least = 0 if key == "gpu" else 1
        if type(value) is not int or value < least:
            raise SuiteError(f"{where}: resources: {key} must be a whole number from {least} up, not {value!r}")

    needs = _mapping(entry.get("needs") or {}, tuple(NEEDS), f"{where}: needs")
    for key, value in needs.items():
        if type(value) not in (int, float) or not 0 <= value < math.inf:
            raise SuiteError(f"{where}: needs: {key} must be a number from 0 up, not {value!r}")
    if needs and len(needs) < len(NEEDS):
        missing = ", ".join(key for key in NEEDS if key not in needs)
        raise SuiteError(f"{where}: needs: also say {missing} (estimates will do), or leave needs out")

    if (number_of := math.prod(map(len, grid.values()))) > MOST_RUNS:
        raise SuiteError(f"{where}: grid: {number_of:,} runs, more than {MOST_RUNS:,}; leave out some values")
    combinations = [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    return [
        Run(
            suite=path.stem,
            name="-".join([name, *(f"{key}={_slug(value)}" for key, value in combination.items())]),
            notebook=notebook,
            parameters={**parameters, **combination},
            after=tuple(after),
            resources={**DEFAULT_RESOURCES, **resources},
            needs=needs,
            title=entry.get("title", ""),
            part=entry.get("part", ""),
        )
        for combination in combinations
    ]


def _slug(value: Any) -> str:
    """A parameter's value as a short part of a file name."""
    text = value if isinstance(value, str) else json.dumps(value)
    return re.sub(r"[^\w.+-]+", "_", text).strip("_")[:40]


def _resolve_after(run: Run, runs: list[Run], expansions: dict[str, tuple[str, ...]], path: Path) -> Run:
    """The same run with every name in `after` replaced by the runs it stands for."""
    names = {**expansions, **{other.name: (other.name,) for other in runs}}
    for name in run.after:
        if name not in names:
            raise SuiteError(f"{path}: run {run.name!r}: after: no run {name!r}{_choices(name, sorted(names))}")
    after = tuple(dict.fromkeys(itertools.chain.from_iterable(names[name] for name in run.after)))
    return replace(run, after=after)


def _taken(source: Path) -> Taken:
    """What a notebook takes: all settings, its own, and the groups of the shared ones."""
    try:
        known, own, uses = notebook_settings(source), notebook_defaults(source), notebook_uses(source)
    except NotebookError as error:
        raise SuiteError(str(error)) from None
    if RUN_DIR not in known:
        raise SuiteError(f"{source}: the parameters cell must have {RUN_DIR}, where the run writes")
    return known, own, uses


def _with_types(run: Run, taken: Taken, path: Path, choices: bool) -> Run:
    """The run with its parameters of their declared types."""
    known, own, uses = taken
    for parameter in run.parameters:
        where = f"{path}: run {run.name!r}: parameter {parameter!r}"
        if parameter == RUN_DIR:
            raise SuiteError(f"{where} is set by the runner; remove it")
        if parameter not in known:
            others = [name for name in known if name != RUN_DIR]
            raise SuiteError(f"{where} is not one of {run.source}{_choices(str(parameter), others)}")
    try:
        given = checked(run.parameters, own, uses, choices=choices)
        if given.get("loggers"):
            from ..loggers import LOGGERS, check_loggers  # slow to import

            check_choices("loggers", given["loggers"], LOGGERS)
            check_loggers(given["loggers"])
    except ValueError as error:
        raise SuiteError(f"{path}: run {run.name!r}: {error}") from None
    if run.parameters.get("published"):
        from ..published import published_result  # slow to import, and a reader of notebooks' parameters itself

        try:
            published_result(run.parameters["published"])
        except ValueError as error:
            raise SuiteError(f"{path}: run {run.name!r}: {error}") from None
    return replace(run, parameters={name: given[name] for name in run.parameters})


def _choices(name: str, known: list[str]) -> str:
    """The end of an error about a name that is not known."""
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"{hint} (choices: {', '.join(known) or 'none'})"

"""All of it, for runs below some folders."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from text4vis_core.processes import progress_bar

from ..plain import readable
from ..records import RECORD, read_record
from ..suites import counted
from .notebook import executed_again
from .numbers import answers_again, claims_again, contrasts_again, means_again, metrics_again, table_again
from .pictures import figures_again

RESULTS = "06_results"


@dataclass
class Found:
    """What was computed again.

    Attributes:
        counts: run -> what, "metric" say -> how many.
        faults: everything that is not what is stored, a sentence each that names the file.
    """

    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def sums(self) -> dict[str, int]:
        """How many of each, of all runs."""
        kinds = dict.fromkeys(kind for counts in self.counts.values() for kind in counts)
        return {kind: sum(counts.get(kind, 0) for counts in self.counts.values()) for kind in kinds}


def recompute(folders: Sequence[Path], again: Sequence[Path] = (), progress: str | None = None) -> Found:
    """Compute every number and figure of the runs below some folders again, and compare it with what is stored.

    Args:
        folders: searched for records.
        again: folders of runs whose notebook is executed once more, see `notebook.executed_again`.
        progress: label of a progress bar; None for none.

    Raises:
        FileNotFoundError: a folder holds no record.
    """
    found, steps, records = Found(), list[tuple[str, str, Callable[[], tuple[int, list[str]]]]](), []
    for path in _records(folders):
        try:
            records.append(read_record(path))
        except ValueError as error:
            found.faults.append(readable(error, 400))
    counted(records, found.faults)
    for record in records:
        steps += _steps(record)
    for folder in again:
        for path in _records([folder]):
            steps.append((folder.as_posix(), "notebook", partial(_once_more, path)))
    for run, kind, step in progress_bar(steps, progress, unit="step"):
        count, faults = step()
        if count:
            counts = found.counts.setdefault(run, {})
            counts[kind] = counts.get(kind, 0) + count
        found.faults += [fault for fault in faults if fault not in found.faults]
    return found


def _records(folders: Iterable[Path]) -> list[Path]:
    paths = list[Path]()
    for folder in folders:
        below = sorted(folder.glob(f"**/{RECORD}"))
        if not below:
            raise FileNotFoundError(f"{folder} holds no run, which leaves {RECORD}; give its folder, or one above it")
        paths += below
    return [*dict.fromkeys(paths)]


def _once_more(path: Path) -> tuple[int, list[str]]:
    try:
        return 1, executed_again(read_record(path))
    except ValueError as error:
        return 0, [readable(error, 400)]


def _steps(record: dict[str, Any]) -> list[tuple[str, str, Callable[[], tuple[int, list[str]]]]]:
    run = Path(record["path"]).parent
    steps: list[tuple[str, Callable[[], tuple[int, list[str]]]]] = [
        ("metric", lambda: metrics_again(record)),
        ("mean", lambda: means_again(record)),
        ("contrast", lambda: contrasts_again(record)),
        ("answer", lambda: answers_again(record)),
        ("figure", lambda: figures_again(record)),
    ]
    if record["notebook"] == RESULTS:
        steps += [("claim", lambda: claims_again(record)), ("mean", lambda: table_again(record))]
    return [(run.as_posix(), kind, step) for kind, step in steps]

"""How a run's last attempt ended, whether its folder is still as that left it, and which records count for claims."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from text4vis_core.files import file_digest

from ..plain import plain, readable
from ..records import RECORD, read_record, read_records
from ..sealing import Kind, Schema
from .reading import Run, SuiteError, read_again

STARTED = "started.json"  # in a suite's folder of runs


class _Attempt(Schema):
    """What `attempt.json` holds. One from before there were seals lacks what may be None."""

    status: Literal["ok", "failed"]
    error: str
    seconds: float = Field(ge=0)
    notebook: str = ""
    parameters: dict[str, Any] | None = None
    made_of: dict[str, str] | str | None = None  # text of an earlier version
    files: dict[str, str] | None = None


ATTEMPTS = Kind("the end of a run", _Attempt, "delete it, and the suite executes the run again", SuiteError)


def write_attempt(run: Run, **facts: Any) -> dict[str, Any]:
    """Write how a run ended, with its parameters and digests of notebook and record; returns all that."""
    left = (path for path in (run.executed, run.directory / RECORD) if path.exists())
    facts |= {"run": run.name, "notebook": run.executed.as_posix(), "parameters": run.parameters}
    attempt = plain(facts | {"files": {path.name: file_digest(path) for path in left}})
    ATTEMPTS.write(run.attempt, attempt)
    return attempt


def read_attempt(run: Run) -> dict[str, Any]:
    """How the run ended: its `attempt.json`, or status `missing` when no attempt came to an end.

    Raises:
        SuiteError: it is damaged, or was changed; names the file, the field and the remedy.
    """
    try:
        found = ATTEMPTS.load(run.attempt)
    except FileNotFoundError:
        return {"run": run.name, "status": "missing", "error": "", "notebook": "", "seconds": 0.0}
    return ATTEMPTS.checked(run.attempt, found, sealed="files" in found)


def disagreement(run: Run) -> str:
    """Why what lies in a run's folder is not what the suite ran and ended well; empty where it is, or nothing is there.

    What papermill has executed again as the suite does, with the record of that, is as good.

    Raises:
        SuiteError: `attempt.json` is damaged.
    """
    attempt, record = read_attempt(run), None
    if attempt["status"] != "ok":
        return ""
    if why := other_parameters(run, attempt):
        return why
    try:
        record = read_record(run.directory / RECORD)
    except FileNotFoundError:
        pass
    except ValueError as error:
        return str(error)
    written = attempt.get("files") or {}
    changed = [name for name, digest in written.items() if _digest(run.directory / name) != digest]
    if changed and not (len(changed) == len(written) and record and _executed_again(run, record)):
        return f"{' and '.join(changed)} in {run.directory} changed after the run had ended: they may disagree"
    return changed_while_running(record) if record else ""


def other_parameters(run: Run, attempt: Mapping[str, Any]) -> str:
    """That a run's suite gives it other parameters now than an attempt had; empty where it does not."""
    same = attempt.get("parameters") in (None, plain(run.parameters))
    return "" if same else f"the suite gives {run.name} other parameters now than it ran with"


def changed_while_running(record: Mapping[str, Any]) -> str:
    """Which code and packages became something else while a run went on, in words; empty where none did."""
    names = record.get("provenance", {}).get("changed_while_running")
    return f"{', '.join(map(readable, names))} changed while {readable(record['run'])} ran" if names else ""


def counted(records: Iterable[Mapping[str, Any]], refused: list[str] | None = None) -> list[Mapping[str, Any]]:
    """The records that count: of a run that its suite has, has ended well and left as it is, by code that stayed.

    Those of no suite, such as of a notebook that somebody ran alone, count where the code stayed as it was.

    Args:
        records: as `read_record` gives them.
        refused: collects why others are left out; None: the first of them is an error.

    Raises:
        ValueError: a record does not count (which, and why).
    """
    kept = []
    for record in records:
        if why := _uncounted(record):
            if refused is None:
                raise ValueError(why)
            refused.append(readable(why, 400))
        else:
            kept.append(record)
    return kept


def newest_record(
    runs: str | Path,
    notebook: str,
    folder: str | Path = "",
    fits: Callable[[Mapping[str, Any]], bool] = lambda record: True,
) -> Mapping[str, Any] | None:
    """The record in `folder`, or when that is empty the last finished one of a notebook below `runs`, if any `fits`.

    Of the latter those that do not count are left out, which is printed.

    Raises:
        FileNotFoundError: `folder` holds no record.
        ValueError: it is another notebook's, damaged, or does not count.
    """
    if folder:
        records = read_records(folder)
        if not records:
            raise FileNotFoundError(f"{folder} holds no result.json; give the folder of a finished run of {notebook}")
        if records[0]["notebook"] != notebook:
            raise ValueError(f"{folder} is a run of {records[0]['notebook']}, expected one of {notebook}")
        if not fits(records[0]):
            raise ValueError(f"{folder} is a run of {notebook} that left out what is needed here; give another")
        return counted(records[:1])[0]
    refused: list[str] = []
    found = [record for record in read_records(runs, []) if record["notebook"] == notebook and fits(record)]
    kept = counted(found, refused)
    for why in refused:
        print(f"left out: {why}")
    return max(kept, key=lambda record: record["provenance"]["finished"], default=None)


def _uncounted(record: Mapping[str, Any]) -> str:
    path = Path(record.get("path", ""))
    folder, again = path.parent, "run it again"
    if why := changed_while_running(record):
        return f"{path} does not count: {why}; {again}"
    if not (suite := suite_of(record)):
        return ""
    try:
        run = run_of(record)
        if run is None:
            return f"{path} does not count: {suite} has no run {folder.name!r}; delete {folder}, or put it back"
        if read_attempt(run)["status"] == "failed":
            return f"{path} does not count: the run failed after it was written; {again}"
        why = disagreement(run)
    except (SuiteError, OSError) as error:
        return f"{path} does not count: {error}"
    return f"{path} does not count: {why}; {again}" if why else ""


def run_of(record: Mapping[str, Any]) -> Run | None:
    """The run of a suite that a record lies in the folder of; None where there is none.

    Raises:
        SuiteError, OSError: the suite cannot be read.
    """
    suite, name = suite_of(record), Path(record["path"]).parent.name
    return next((run for run in read_again(suite).runs if run.name == name), None) if suite else None


def suite_of(record: Mapping[str, Any]) -> str:
    """The file of the suite in whose folder of runs a record lies; empty where there is none."""
    folder = Path(record.get("path", "")).parent.parent
    if folder.parent.resolve() != Path("runs").resolve():
        return ""
    try:
        named = json.loads((folder / STARTED).read_text(encoding="utf-8"))["path"]
    except (OSError, ValueError, KeyError, TypeError):
        named = ""
    places = (str(named), f"experiments/{folder.resolve().name}.yaml")
    return next((place for place in places if place and Path(place).is_file()), "")


def _digest(path: Path) -> str:
    return file_digest(path) if path.is_file() else ""


def _executed_again(run: Run, record: Mapping[str, Any]) -> bool:
    """Whether papermill has executed the notebook with the suite's parameters, and the record was written by that."""
    try:
        about = json.loads(run.executed.read_text(encoding="utf-8"))["metadata"]["papermill"]
        times = [about["start_time"], *(record["provenance"][name] for name in ("started", "finished"))]
        seconds = [str(time)[:19] for time in (*times, about["end_time"])]  # all in UTC
        given = about["parameters"] == plain(run.papermill_parameters)
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return given and not about.get("exception") and seconds == sorted(seconds)

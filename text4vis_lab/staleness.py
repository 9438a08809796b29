"""What has become something else since a run measured its numbers: code, notebook, parameters, data, other files.

Of a run of a suite it is what the suite executes it again for (`suites.changes`). Of another it is the code that may
have an effect, the lock, the notebook, the annotations and the videos, as far as its record and its folder tell them.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .notebooks import notebook_file
from .plain import readable
from .provenance import by_name, lock_digest, sources
from .records import WITHOUT_EFFECT, run_code
from .suites import SuiteError, changes, read_attempt
from .suites.attempts import run_of
from .suites.changes import differences, other_data

GIVEN, LOCK = "injected-parameters", "requirements.lock"


def stale(record: Mapping[str, Any]) -> list[str]:
    """What changed since a run, in sentences without a full stop; empty where nothing did, as far as it is known.

    Args:
        record: as `records.read_record` gives it.
    """
    try:
        run = run_of(record)
        if run is not None and read_attempt(run)["status"] == "ok":
            return [*changes(run), *other_data(record)]
    except (SuiteError, OSError) as error:
        return [readable(error, 400)]
    return [*_code(record["provenance"]), *_notebook(record), *other_data(record)]


def _code(provenance: Mapping[str, Any]) -> list[str]:
    """Of a run's provenance; a record of an earlier version has one digest for all files."""
    if not provenance.get("modules"):
        return [] if provenance["code"] == run_code() else ["files of the code changed since"]
    before, after = dict(provenance["modules"]), by_name(sources(), WITHOUT_EFFECT)
    after = {name: digest[: len(next(iter(before.values())))] for name, digest in after.items()}
    if provenance.get("lock"):
        before[LOCK], after[LOCK] = provenance["lock"], lock_digest() or ""
    return differences(before, after)


def _notebook(record: Mapping[str, Any]) -> list[str]:
    """Whether the notebook that was executed in the run's folder has other cells now."""
    executed = Path(record["path"]).with_name(f"{record['notebook']}.ipynb")
    if not executed.is_file():
        return []
    try:
        source = notebook_file(record["notebook"])
        same = _cells(source) == _cells(executed)
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [] if same else [f"notebooks/{source.name} changed since"]


def _cells(path: Path) -> list[str]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if GIVEN not in cell["metadata"].get("tags", [])]

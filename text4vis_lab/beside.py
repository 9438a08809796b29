"""What else went on while a run was measured: the machine's load, and other runs of this project."""

import os
from pathlib import Path
from typing import Any

from .surroundings import WRITER

LOCKS = Path("/proc/locks")


class Beside:
    """Looks at what goes on, when it is made and when it is asked.

    Args:
        run_dir: of the run itself, which is not among the others.
        runs: folder of suites, in which the runs' folders lie.
    """

    def __init__(self, run_dir: Path, runs: Path = Path("runs")):
        self._own, self._runs = run_dir.resolve(), runs.resolve()
        self._load, self._before = load(), self._others()

    def told(self) -> dict[str, Any]:
        """ "load", the mean number of processes that ran or waited in the minute before the begin and before now, None
        where the system does not tell; and "others", names of runs that went on at the begin, or do so now, None where
        locks cannot be seen."""
        now = self._others()
        others = None if self._before is None or now is None else sorted({*self._before, *now})
        return {"load": [self._load, load()], "others": others}

    def _others(self) -> set[str] | None:
        """Names of other runs to whose folders a process writes, "miniature/few_shot"; None where nobody can tell."""
        locked = _locked()
        if locked is None:
            return None
        found = set()
        for path in self._runs.glob(f"*/*/{WRITER}"):
            try:
                number = path.stat().st_ino
            except OSError:  # it went away
                continue
            if number in locked and path.parent != self._own:
                found.add(path.parent.relative_to(self._runs).as_posix())
        return found


def load() -> float | None:
    """The system's load average of the last minute; None where it has none."""
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):  # Windows
        return None


def _locked() -> set[int] | None:
    """Numbers of the files that are locked by anybody, of Linux; looking gets in nobody's way, as trying would."""
    try:
        lines = LOCKS.read_text().splitlines()
    except OSError:
        return None
    return {int(line.split()[-3].rsplit(":", 1)[-1]) for line in lines if "->" not in line}

"""The command recompute."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..recompute import Found
from ..recompute import recompute as compute
from ..wording import counted
from .running import Unanswered, absolute, at_home, home, note


def recompute(folders: Sequence[Path], again: Sequence[Path]) -> int:
    """Print how much of each run was computed again, and each thing that is not as stored."""
    runs, once_more = ([_found(folder) for folder in some] for some in (folders, again))
    with at_home():
        try:
            found = compute(runs, once_more, "computing again")
        except FileNotFoundError as error:
            raise Unanswered(str(error)) from None
    _tell(found)
    return 1 if found.faults else 0


def _found(folder: Path) -> Path:
    """A folder that was named, from here or from the project's folder; as short as it can be said there."""
    place = absolute(folder) if folder.exists() else home() / folder
    return place.relative_to(home()) if place.is_relative_to(home()) else place


def _tell(found: Found) -> None:
    for run, counts in found.counts.items():
        print(f"{run}: {_told(counts)}")
    for fault in found.faults:
        print(f"differs: {fault}")
    ends = f"{counted(len(found.faults), 'difference')} from what is stored" if found.faults else "all as stored"
    note(f"computed again: {_told(found.sums())}; {ends}")


def _told(counts: Mapping[str, int]) -> str:
    return ", ".join(counted(count, kind) for kind, count in counts.items())

"""GPUs of a run's own, on a machine where several runs go on at once.

A run that asks for GPUs holds a lock on each that it gets until its process is gone, however it ends, and no other run
of this user sees them meanwhile. Runs that ask for none share one that nobody has for itself, and compute on the CPU
when there is none.
"""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ..surroundings import own_folder, take, wait_for
from .reading import SuiteError

VISIBLE = "CUDA_VISIBLE_DEVICES"
# Not the temporary folder that the environment names: two shells must agree on it, and it must lie on this machine.
LOCKS = Path("/tmp", f"text4vis-gpus-{os.getuid()}")


def devices() -> list[str]:
    """The GPUs that this process may use: those of CUDA_VISIBLE_DEVICES, or where it is not set all of nvidia-smi's.

    Numbers, which are nvidia-smi's, become unique names where it knows them; so they mean the same to every process.
    """
    listed = _listed()
    visible = os.environ.get(VISIBLE)
    if visible is None:
        return list(listed.values())
    names = []
    for entry in filter(None, (entry.strip() for entry in visible.split(","))):
        if entry.startswith("-") or entry == "NoDevFiles":  # CUDA reads no further; the word is Slurm's for none
            break
        names.append(listed.get(entry, entry))
    return names


@contextlib.contextmanager
def own(
    asked: int,
    limit: int | None = None,
    folder: Path = LOCKS,
    *,
    waiting: Callable[[str], None] = print,
    seconds: float = 1.0,
) -> Iterator[list[str]]:
    """Let this process and its children see GPUs that no other run sees, until the block ends.

    Waits, after a word to `waiting`, until enough are free. What Slurm has assigned is left as it is, unless it is more
    than this run asks for (several runs in one allocation); so is a machine whose GPUs cannot be listed.

    Args:
        asked: how many. With 0, one that no run has for itself, shared with the others that ask for none.
        limit: at most so many of them.
        folder: where the locks are, on this machine.
        seconds: between two looks for a free one.

    Yields:
        The names of the GPUs that are seen now.

    Raises:
        SuiteError: the folder is not this user's own.
    """
    names = devices()
    if not names or ("SLURM_JOB_ID" in os.environ and len(names) <= asked):
        yield names
        return
    try:
        own_folder(folder)  # another user's links in it would be followed
    except PermissionError as error:
        raise SuiteError(f"locks of GPUs: {error}") from error
    count = min(asked, len(names), asked if limit is None else limit)
    taken = _take(names, count, folder) if count or not asked else {}
    if len(taken) < count:
        waiting(f"waiting for {count} of {len(names)} GPUs: other runs hold them")
        while len(taken) < count:
            time.sleep(seconds)
            taken = _take(names, count, folder)
    before = os.environ.get(VISIBLE)
    os.environ[VISIBLE] = ",".join(taken)
    try:
        yield list(taken)
    finally:
        if before is None:
            del os.environ[VISIBLE]
        else:
            os.environ[VISIBLE] = before
        for lock in taken.values():
            os.close(lock)


def _take(names: list[str], count: int, folder: Path) -> dict[str, int]:
    """Locks on `count` of the GPUs, or on none of them; with 0, a shared one on the first that allows it."""
    taken: dict[str, int] = {}
    choosing = wait_for(folder / "choosing")  # one at a time, or two could each hold half of what both need
    try:
        for name in names:
            lock = take(folder / name.replace("/", "_"), shared=count == 0)
            if lock is not None:
                taken[name] = lock
            if len(taken) == max(1, count):
                return taken
    finally:
        os.close(choosing)
    for lock in taken.values():
        os.close(lock)
    return {}


def _listed() -> dict[str, str]:
    """Number and unique name of each GPU, as nvidia-smi has them; empty without it."""
    command = ["nvidia-smi", "--query-gpu=index,uuid", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return {}
    rows = [line.split(",") for line in done.stdout.splitlines()]
    return {row[0].strip(): row[1].strip() for row in rows if len(row) == 2}

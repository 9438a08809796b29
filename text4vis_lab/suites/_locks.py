"""Locks on files, which end with the process that holds them, however it ends."""

import contextlib
import errno
import os
import re
import socket
import sys
import time
from pathlib import Path

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # as Lustre answers where it is mounted without `flock`
SILENCE = 60.0  # seconds after which a process has given no sign of life: another machine may see a file's time late


def take(path: Path, *, shared: bool = False) -> int | None:
    """Lock a file, which is made when it is missing; the open file, or None when another process has locked it.

    Closing the file gives the lock back. No child process inherits it. On a network file system the lock counts on all
    machines where the system supports that; where it supports no locks at all, a warning says so and nothing is locked.
    """
    try:
        return _lock(path, shared, wait=False)
    except BlockingIOError:
        return None


def wait_for(path: Path) -> int:
    """The same, when no other process has it any more."""
    return _lock(path, shared=False, wait=True)


def _lock(path: Path, shared: bool, wait: bool) -> int:
    import fcntl  # not on Windows, where suites can still be read

    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except OSError as error:
        if error.errno not in NO_LOCKS:
            os.close(descriptor)
            raise
        print(f"warning: {path} cannot be locked ({error.strerror}); start nothing twice here", file=sys.stderr)
    if not shared:
        with contextlib.suppress(OSError):  # on a full disk nobody is told who has it
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, _who().encode(), 0)
    return descriptor


def holder(path: Path) -> str:
    """Who took the lock last: the process, its machine, and its Slurm job if it was one; empty when nobody did."""
    try:
        return path.read_text(encoding="utf-8", errors="backslashreplace")
    except FileNotFoundError:
        return ""


def is_alive(path: Path, now: float | None = None) -> bool:
    """Whether the process that took the lock last is there: its file has a time of this minute, see `signs_of_life`.

    Unlike `take` this gets in nobody's way. Of this machine's processes it is known at once when they are gone.
    """
    try:
        heard = path.stat().st_mtime
    except OSError:
        return False
    found = re.match(r"process (\d+) on (.+?)(?:, Slurm job|$)", holder(path))
    if found and found[2] == socket.gethostname() and not Path("/proc", found[1]).exists() and Path("/proc/1").exists():
        return False
    return (time.time() if now is None else now) - heard < SILENCE


def _who() -> str:
    job = f", Slurm job {os.environ['SLURM_JOB_ID']}" if "SLURM_JOB_ID" in os.environ else ""
    return f"process {os.getpid()} on {socket.gethostname()}{job}"

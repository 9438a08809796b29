"""Do things in processes that are killed, and on disks that are full.

    calls = Calls()                                      # a server that has imported torch once, and forks
    outcome = calls.run(function, argument, kill=Kill(line=17))

A call's process leads a group of its own. When `run` returns, nothing of that group lives any more.
"""

import contextlib
import linecache
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

LIMIT = 60.0  # seconds that a call may take, its children included
PRELOADED = ["torch", "torch._dynamo", "lightning_fabric", "open_clip", "av", "pytest", "faults.work"]
# The functions in which files are written and taken up again; None: all of a file's.
WATCHED = {
    "text4vis_core/files.py": {"replacing", "remove_unfinished", "first_line", "save_tensors", "read_tensors"},
    "text4vis_core/training/resume.py": None,
    "text4vis_core/training/loop.py": {"save", "resume"},
    "text4vis_lab/prepare/data_set.py": None,
    "text4vis_lab/prepare/index.py": {"write_index"},
    "text4vis_lab/prepare/copying.py": {"attempt", "make_copy", "encode"},
    "text4vis_lab/cache/cache.py": {"write_entry"},
}
ROOT = Path(__file__).parents[2]
assert all((ROOT / name).is_file() for name in WATCHED)  # else no kill would fall there, without a word


@dataclass(frozen=True)
class Kill:
    """When a process is killed: by a signal after which none of its code runs.

    Attributes:
        after: seconds after its start, wherever it is then.
        line: before this line of `WATCHED` code, counted from 0 as they are run.
        text: only lines with this in them count.
        byte: at that line or later, as soon as a file has this many bytes.
        group: with all its children.
    """

    after: float | None = None
    line: int | None = None
    text: str = ""
    byte: int | None = None
    group: bool = True


@dataclass
class Outcome:
    """How a call ended.

    Attributes:
        value: what it returned.
        error: type and text of what it raised.
        warnings: texts of what it warned of.
        signal: that it was killed by, else 0.
        place: the `WATCHED` line that the kill fell on, as "function: text".
        lines: `WATCHED` lines that were run.
    """

    value: Any = None
    error: str = ""
    warnings: list[str] = field(default_factory=list)
    signal: int = 0
    place: str = ""
    lines: int = 0


class Calls:
    """Runs functions of modules in processes of their own: one thread each, and no GPU.

    They are forked from a process that has only imported modules, so that there are no threads for a fork to lose.
    """

    def __init__(self):
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOADED)
        here = Path(__file__).resolve()
        self._environment = {
            "PYTHONPATH": f"{here.parents[1]}{os.pathsep}{here.parents[2]}",
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
        }
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self._environment.items():
                patch.setenv(name, value)
            self.run(os.getpid)

    def run(
        self, function: Callable, *args: Any, kill: Kill | None = None, limit: float = LIMIT, **kwargs: Any
    ) -> Outcome:
        """Call a function, and wait until its process and all its children are gone.

        Raises:
            AssertionError: after `limit` seconds they are not; then they are killed.
        """
        kill = kill or Kill()
        here, there = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_call, args=(there, self._environment, kill, function, args, kwargs))
        process.start()
        there.close()  # the ends that are left are the process's and its children's
        try:
            if kill.after is not None and not wait([process.sentinel], kill.after):
                _kill(process.pid, kill.group)
            outcome = Outcome(**_said_by_all(here, limit))
        finally:
            _kill(process.pid, group=True)
            process.join()
        outcome.signal = max(0, -process.exitcode)
        if process.exitcode > 0:
            outcome.error = f"exit code {process.exitcode}"
        return outcome


def _said_by_all(pipe: Connection, limit: float) -> dict:
    """What processes say of an `Outcome`, when none of them is left to say more."""
    said = {}
    while pipe.poll(limit):
        try:
            said |= pipe.recv()
        except (EOFError, OSError):  # OSError: in the middle of a word
            return said
    raise AssertionError(f"after {limit:g} s the process, or one of its children, still lives")


def _kill(pid: int, group: bool) -> None:
    for send in (os.kill, os.killpg) if group else (os.kill,):
        with contextlib.suppress(ProcessLookupError):
            send(pid, signal.SIGKILL)


def _call(pipe: Connection, environment: dict, kill: Kill, function: Callable, args: tuple, kwargs: dict) -> None:
    os.setsid()
    os.environ |= environment  # the process that it is forked from may have been started by another test
    multiprocessing.set_start_method("fork", force=True)  # of loader workers: this one's would import everything anew
    watch = _Watch(kill, pipe)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with watch:
                message = {"value": function(*args, **kwargs)}
        except Exception as error:
            message = {"error": f"{type(error).__name__}: {error}"}
    pipe.send(message | {"warnings": [str(warning.message) for warning in caught], "lines": watch.lines})


class _Watch:
    """Counts the lines of `WATCHED` code, and kills its process at one of them."""

    def __init__(self, kill: Kill, pipe: Connection):
        self.kill, self.pipe, self.lines, self.pid = kill, pipe, 0, os.getpid()

    def __enter__(self) -> None:
        sys.settrace(self._called)

    def __exit__(self, *_) -> None:
        sys.settrace(None)

    def _called(self, frame: FrameType, event: str, arg: Any) -> Callable | None:
        return self._reached if _is_watched(frame.f_code) and os.getpid() == self.pid else None

    def _reached(self, frame: FrameType, event: str, arg: Any) -> Callable:
        if event == "line":
            text = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
            if self.kill.text not in text:
                return self._reached
            if self.lines == self.kill.line:
                self.pipe.send({"place": f"{frame.f_code.co_name}: {text}"})
                self._end()
            self.lines += 1
        return self._reached

    def _end(self) -> None:
        if self.kill.byte is None:
            _kill(os.getpid(), self.kill.group)
        limit_file_size(self.kill.byte)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@cache
def _is_watched(code: CodeType) -> bool:
    path = Path(code.co_filename)
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""
    functions = WATCHED.get(name, set())
    return functions is None or code.co_name in functions


def limit_file_size(size: int) -> None:
    """From now on no file of this process can be written beyond so many bytes: what a full disk is, without a disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@contextlib.contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """A disk of this size, in memory. Skips the test where none can be mounted."""
    folder.mkdir()
    try:
        _mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no disk can be mounted here, for which Linux and root are needed: {error}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True, timeout=LIMIT)


def grow(folder: Path, kilobytes: int) -> None:
    """Give a small disk another size."""
    _mount("-o", f"remount,size={kilobytes}k", folder)


@contextlib.contextmanager
def lockable(folder: Path) -> Iterator[Path]:
    """A folder for `lock`: a disk of its own for root, who may write to a folder whatever its permissions say."""
    if os.geteuid() == 0:
        with small_disk(folder, 1 << 14):
            yield folder
    else:
        folder.mkdir()
        yield folder
        lock(folder, False)


def lock(folder: Path, locked: bool = True) -> None:
    """Make a folder read-only, or writable again."""
    if os.geteuid() == 0:
        _mount("-o", f"remount,{'ro' if locked else 'rw'}", folder)
    else:
        folder.chmod(0o500 if locked else 0o700)


def _mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True, timeout=LIMIT)

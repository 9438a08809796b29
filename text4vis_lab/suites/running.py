"""Running a suite: one notebook at a time, on GPUs of its own, and how each attempt ended."""

from __future__ import annotations

import json
import logging
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from ..plain import encodable, readable, unfilled
from ..progress import begin, read, signs_of_life, tell
from ..records import RECORD
from ..surroundings import holder, of_a_run, own_kernel, take, wait_for
from .attempts import disagreement, read_attempt, write_attempt
from .changes import stale
from .inputs import made_of
from .reading import Run, Suite, SuiteError

# A kernel chooses ports that are free and binds them a moment later: of several that start, two may choose the same.
STARTS, NO_KERNEL = 3, "Kernel died before replying"
SLURM_LOGS = "runs/slurm_logs/rule_run"  # as profiles/slurm has it
ROOM = 1 << 16  # bytes that are kept free for how the run ended, however full the disk has become by then


def execute(run: Run, gpus: int | None = None) -> dict[str, Any]:
    """Run one notebook with papermill and write how it ended to its `attempt.json`, which is returned.

    A notebook that fails is a result, not an exception: the runs after it still have their turn. Only an attempt that
    came to an end leaves `attempt.json`; one that was interrupted or killed leaves none. When another process executes
    the run already, as a job does whose Snakemake was killed, this one waits for it and returns what it ended with.

    Args:
        gpus: how many of those that it asks for it may have; all of them when None.
    """
    from ._gpus import own  # Unix only; suites can be read elsewhere

    run.directory.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        lock = take(run.lock)
        if lock is None:
            _log(run, f"waiting for {holder(run.lock)}, which executes this run already")
            lock = wait_for(run.lock)
            held.callback(os.close, lock)
            if run.attempt.exists():
                return read_attempt(run)
        else:
            held.callback(os.close, lock)
        # What the last attempt concluded no longer holds. Checkpoints stay: the notebook decides whether to go on.
        for path in (run.attempt, run.executed, run.directory / RECORD):
            path.unlink(missing_ok=True)
        shutil.rmtree(run.directory / "figures", ignore_errors=True)
        room = held.enter_context(_room(run))
        _begin(run)
        held.enter_context(signs_of_life(run.lock))
        inputs = made_of(run)
        if run.resources["nodes"] == 1:
            seen = held.enter_context(own(run.resources["gpu"], gpus, waiting=lambda text: _wait(run, text)))
        else:  # all that each of its machines has
            seen = []
            held.enter_context(_other_nodes(run))
        started = time.monotonic()
        error = _papermill(run)
        room.unlink()
        status, seconds = "failed" if error else "ok", round(time.monotonic() - started, 1)
        ended = {"status": status, "error": textwrap.shorten(error, 400), "seconds": seconds}
        attempt = write_attempt(run, **ended, host=socket.gethostname(), gpus=seen, made_of=inputs)
        tell(run.directory, "ended", **ended)
        return attempt


def forget_failures(suite: Suite, only_tell: bool = False) -> None:
    """Remove the `attempt.json` of every run that failed, so that it is tried again.

    So it is of one that is made of something else now, by content and not by time, its videos among that, or is not
    what it left any more: which is said, and with `only_tell` that is all. Raises SuiteError when an `attempt.json` is
    damaged.
    """
    for run in suite.runs:
        attempt, why = read_attempt(run), disagreement(run) or "; ".join(stale(run))
        if why:
            print(f"{run.name} is executed again: {why}", flush=True)
        if not only_tell and (why or attempt["status"] == "failed"):
            run.attempt.unlink()


def hold_lock(suite: Suite) -> int:
    """Be the only one who runs this suite until this process ends, however it ends; returns the open lock file.

    Raises SuiteError when another process runs it. (Snakemake's own lock outlives a process that was killed.)
    """
    lock = take(suite.lock)
    if lock is None:
        raise SuiteError(
            f"{suite.path}: another process is running this suite ({holder(suite.lock)}); wait for it or stop it"
        )
    return lock


def summary(suite: Suite) -> str:
    """A table of the runs and how each ended, then what failed, why, and where its notebook is."""
    width = max(len(run.name) for run in suite.runs)
    lines, details = [], []
    for run in suite.runs:
        attempt = read_attempt(run)
        took = f"{attempt['seconds']:8.1f} s" if attempt["status"] != "missing" else ""
        lines.append(f"  {run.name:<{width}}  {attempt['status']:<7} {took}".rstrip())
        if attempt["status"] == "failed":
            details.append(
                f"  {run.name} failed: {readable(attempt['error'], 400)}\n      see {readable(run.executed, 400)}"
            )
        elif why := disagreement(run):
            details.append(f"  {run.name} does not count: {readable(why, 400)}\n      run the suite again")
        elif attempt["status"] == "missing":
            details.append(f"  {run.name} has not run to an end" + _last_start(run))
    title = f"Suite {suite.name}: {len(suite.runs) - len(details)} of {len(suite.runs)} runs ok"
    return "\n".join([title, *lines, *details])


def _last_start(run: Run) -> str:
    """Who executed a run that did not come to an end, and what Slurm says of it."""
    if not run.log.exists():
        return ""
    who, logs = holder(run.lock), [run.log]
    if job := re.search(r"Slurm job (\d+)", who):
        state = _slurm_state(job[1])
        who += f" ({state})" if state else ""
        # Slurm's own words are there, such as that a time or memory limit was reached.
        logs += Path(SLURM_LOGS, run.name).glob(f"{job[1]}.log")
    return f"\n      last started by {who}, see {' and '.join(map(str, logs))}"


def _slurm_state(job: str) -> str:
    """TIMEOUT, OUT_OF_MEMORY, CANCELLED and the like; empty when Slurm knows nothing of the job any more."""
    accounting = ["sacct", "--allocations", "--noheader", "--parsable2", "--format=State", f"--jobs={job}"]
    queue = ["squeue", "--states=all", "--noheader", "--format=%T", f"--jobs={job}"]  # for some minutes
    for command in (accounting, queue):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        except (OSError, subprocess.SubprocessError):
            continue
        if done.stdout.strip():
            return done.stdout.split()[0]
    return ""


def _papermill(run: Run) -> str:
    """Execute the run's notebook; why it failed, or nothing."""
    import papermill

    logger = logging.getLogger("papermill")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    handler = _Log(run.log, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    handlers = [handler, _Cells(run)]
    for each in handlers:
        logger.addHandler(each)
    try:
        with _stderr_to(run), of_a_run(run.resources["cores"]):
            for start in range(1, STARTS + 1):
                try:
                    papermill.execute_notebook(
                        unfilled(run.source),
                        unfilled(run.executed),
                        parameters=run.papermill_parameters,
                        kernel_name="python3",
                        kernel_manager_class=own_kernel(),
                        cwd=os.getcwd(),
                        progress_bar=False,
                        log_output=True,
                    )
                    break
                except RuntimeError as failure:
                    if start == STARTS or NO_KERNEL not in str(failure):
                        raise
    except papermill.PapermillExecutionError as failure:
        return encodable(f"{failure.ename}: {failure.evalue}")
    except Exception as failure:  # a disk that is full, a kernel that died: the attempt failed all the same
        hint = ""
        if type(failure).__name__ == "DeadKernelError":
            hint = f", mostly for want of memory; the run asks for mem_mb: {run.resources['mem_mb']}"
        return encodable(f"{type(failure).__name__}: {failure}{hint}")
    finally:
        for each in handlers:
            logger.removeHandler(each)
            with suppress(OSError):  # of a log that has no room, which is told below
                each.close()
        if handler.lost:
            print(f"{run.name}: {run.log} is not whole: {handler.lost}", flush=True)
    return ""


@contextmanager
def _other_nodes(run: Run) -> Iterator[None]:
    """Let the other machines of a Slurm job take part in the run; elsewhere the user starts that on each of them."""
    others, job = run.resources["nodes"] - 1, os.environ.get("SLURM_JOB_ID")
    join = [sys.executable, "-m", "text4vis_lab.processes", "join", run.directory.as_posix()]
    if job is None:
        _log(run, f"this run has {others + 1} machines; on each of the others say: {shlex.join(join)}")
        yield
        return
    # A step of the job inherits nothing from the step that this process is in, but the job itself.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "SRUN_"))}
    environment |= {key: os.environ[key] for key in ("SLURM_CONF",) if key in os.environ}
    environment["OMP_NUM_THREADS"] = str(run.resources["cores"])
    step = ["srun", f"--jobid={job}", "--overlap", "--relative=1", f"--nodes={others}", f"--ntasks={others}"]
    step += [f"--cpus-per-task={run.resources['cores']}"]
    with run.log.open("a", encoding="utf-8") as log:
        process = subprocess.Popen([*step, *join], env=environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _room(run: Run) -> Iterator[Path]:
    """A file that keeps the place for how the run ended until that is written; the run's log is begun too."""
    path = run.directory / ".room"
    try:
        path.write_bytes(os.urandom(ROOM))  # some file systems keep no zeros
        run.log.write_text("", encoding="utf-8")
    except OSError as error:
        path.unlink(missing_ok=True)
        free = f"{ROOM} bytes are needed to say how a run ended, {shutil.disk_usage(run.directory).free} are free"
        reason = f"{error.filename or run.directory} cannot be written to ({error.strerror}): {free}"
        raise SuiteError(f"{reason}; nothing was run: see to it, and start again") from error
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


class _Log(logging.FileHandler):
    """A run's log, and what became of a line that could not be written: no run ends because of that."""

    lost: BaseException | None = None

    def handleError(self, record: logging.LogRecord) -> None:
        self.lost = self.lost or sys.exc_info()[1]


class _Cells(logging.Handler):
    """Tells at which of the notebook's cells papermill is, which says so in its log."""

    def __init__(self, run: Run):
        super().__init__()
        self.run = run
        self.of = len(json.loads(run.source.read_text(encoding="utf-8"))["cells"]) + 1  # the injected parameters

    def emit(self, record: logging.LogRecord) -> None:
        if found := re.match(r"Executing Cell (\d+)", record.getMessage()):
            tell(self.run.directory, "notebook", number=int(found[1]), of=max(self.of, int(found[1])))


def _begin(run: Run) -> None:
    """Begin what the run tells of itself, with how often it was started before without coming to its end."""
    earlier = read(run.directory)
    ended = not earlier or earlier[-1]["event"] == "ended"
    interrupted = 0 if ended else 1 + int(earlier[0].get("interrupted") or 0)
    with suppress(OSError):  # nothing depends on it
        begin(run.directory, run=run.name, host=socket.gethostname(), process=os.getpid(), interrupted=interrupted)


def _wait(run: Run, text: str) -> None:
    _log(run, text)
    tell(run.directory, "waiting", text=text)


def _log(run: Run, text: str) -> None:
    """A line for who watches the suite, and for who reads the run's log later."""
    print(f"{run.name}: {text}", flush=True)
    with suppress(OSError), run.log.open("a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(f"{time.strftime('%H:%M:%S')} {text}\n")


@contextmanager
def _stderr_to(run: Run) -> Iterator[None]:
    """Append what this process and the kernel it starts write to stderr to the run's log instead."""
    saved = os.dup(2)
    with run.log.open("a", encoding="utf-8") as file:
        os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)

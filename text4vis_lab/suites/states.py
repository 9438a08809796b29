"""What is known of a suite that goes on: of every run whether it waits, runs, or how it ended, and how long it took."""

import contextlib
import json
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ..plain import readable, write_json
from ..progress import read
from ..surroundings import holder, is_alive
from ._activity import activity, duration
from .attempts import STARTED, read_attempt
from .changes import changes
from .reading import Run, Suite, SuiteError, read_again

# What a run can be, in the order in which a board counts them.
QUEUED, WAITING, RUNNING, STOPPED, FAILED, DONE = STATES = ("queued", "waiting", "running", "stopped", "failed", "done")
LONGEST = 300  # characters of a reason


@dataclass(frozen=True)
class State:
    """What is known of a run.

    Attributes:
        run: which.
        state: one of `STATES`.
        doing: what it is at, or why it is as it is, in words.
        share: of what it is at, from 0 to 1; None where nobody knows.
        left: seconds until that is done, by the pace of the last half; None where nobody knows.
        seconds: that it took, or has taken so far.
        earlier: whether it was done before the suite was started this time.
        stale: whether it was done, and something that it was made of has other content since.
    """

    run: Run
    state: str
    doing: str = ""
    share: float | None = None
    left: float | None = None
    seconds: float = 0.0
    earlier: bool = False
    stale: bool = False


@dataclass(frozen=True)
class Board:
    """What is known of a suite.

    Attributes:
        suite: which.
        states: of its runs, in their order.
        goes_on: whether somebody runs the suite, or any of its runs.
        written: when this was known, seconds since 1970.
    """

    suite: Suite
    states: tuple[State, ...]
    goes_on: bool
    written: float

    @property
    def counts(self) -> dict[str, int]:
        """How many runs there are of each state that there is, in the order of `STATES`."""
        found = Counter(state.state for state in self.states)
        return {state: found[state] for state in STATES if found[state]}

    @property
    def headline(self) -> str:
        """Both in a line: "goes on: 3 queued, 2 running, 9 done", and of those how many are stale."""
        counts = ", ".join(f"{number} {state}" for state, number in self.counts.items())
        stale = sum(state.stale for state in self.states)
        counts += f" ({stale} stale)" if stale else ""
        return f"{'goes on' if self.goes_on else 'ended' if self.ended else 'is not running'}: {counts}"

    @property
    def ended(self) -> bool:
        """Whether every run has come to its end."""
        return all(state.state in (DONE, FAILED) for state in self.states)


def board(suite: Suite, now: float | None = None) -> Board:
    """What is known of a suite now, from what lies in the folders of its runs; nobody is disturbed.

    Args:
        suite: read or stored; its runs may be old, or have none of these files.
        now: seconds since 1970; the clock's when None.
    """
    now = time.time() if now is None else now
    started = _started(suite)
    states = tuple(_state(run, started, now) for run in suite.runs)
    return Board(suite, states, is_alive(suite.lock, now) or any(s.state in (RUNNING, WAITING) for s in states), now)


def note_start(suite: Suite) -> None:
    """Keep when a suite was started, and from which file, for `board` and `going_on`."""
    write_json(suite.lock.with_name(STARTED), {"time": time.time(), "path": suite.path.as_posix()})


def going_on(suite: Suite) -> list[Suite]:
    """This suite, and the others that somebody runs beside it on the same files."""
    found = {suite.name: suite}
    for file in sorted(Path("runs").glob(f"*/{STARTED}")):
        if file.parent.name not in found and is_alive(file.with_name(suite.lock.name)):
            with contextlib.suppress(SuiteError, OSError, ValueError, KeyError, TypeError):
                found[file.parent.name] = read_again(json.loads(file.read_text(encoding="utf-8"))["path"])
    return list(found.values())


def _started(suite: Suite) -> float:
    try:
        return float(json.loads(suite.lock.with_name(STARTED).read_text(encoding="utf-8"))["time"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0


def _state(run: Run, started: float, now: float) -> State:
    events = read(run.directory)
    try:
        attempt = read_attempt(run)
    except SuiteError as error:
        return State(run, FAILED, readable(error, LONGEST))
    begun = next((event["time"] for event in events if event["event"] == "started"), now)
    if is_alive(run.lock, now) and attempt["status"] == "missing":
        if events and events[-1]["event"] == "waiting":
            return State(run, WAITING, str(events[-1].get("text", "")), seconds=now - begun)
        found = activity(events, now)
        return State(run, RUNNING, found.doing, found.share, found.left, now - begun)
    if attempt["status"] != "missing":
        status, earlier = (DONE if attempt["status"] == "ok" else FAILED), run.attempt.stat().st_mtime < started
        since, seconds = changes(run), float(attempt["seconds"])
        reason = f"stale: {'; '.join(since)}" if since else attempt["error"]
        return State(run, status, readable(reason, LONGEST), seconds=seconds, earlier=earlier, stale=bool(since))
    if not run.log.exists() or (events and events[-1]["event"] == "ended"):
        return State(run, QUEUED)
    last = max((event["time"] for event in events), default=run.log.stat().st_mtime)
    heard = max(last, run.lock.stat().st_mtime if run.lock.exists() else 0)
    ago, taken = duration(max(0.0, now - heard)), max(0.0, heard - begun) if events else 0.0
    reason = f"killed or stopped {ago} ago ({holder(run.lock)}); started again it goes on, see {run.log}"
    return State(run, STOPPED, reason, seconds=taken)

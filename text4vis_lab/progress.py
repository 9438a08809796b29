"""What a run tells of itself while it goes on: `progress.jsonl` in its folder, a line for each event.

A suite's runner begins the file (`begin`); what the notebook shows as progress bars is told as well (`watch_bars`), by
the first of several processes, a line every two seconds at most. A notebook that nobody runs for a suite has no such
file and tells nothing. Nothing depends on it: a line that cannot be written is left out.

    started    host, process, and how many starts before it came to no end
    waiting    for GPUs, or another process
    notebook   number and count of the notebook's cell
    training   cell, epochs
    bar        what, done, of, unit; closed, when it has come to its end
    epoch      what, and what the epoch gave: epoch, loss, train_top1, val_top1, ...
    ended      status, seconds, error
"""

import contextlib
import json
import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from text4vis_core import processes
from text4vis_core.files import replacing

from .plain import encodable, plain

FILE = "progress.jsonl"
SECONDS = 2.0  # between two lines of a bar, at least; and between two signs of life


def begin(run_dir: str | Path, **facts: Any) -> None:
    """Begin a run's file anew, with the event "started" and what is told of it."""
    with replacing(Path(run_dir, FILE)) as temporary:
        temporary.write_bytes(_line("started", facts))


def tell(run_dir: str | Path, event: str, **facts: Any) -> None:
    """Add an event to a run's file; nothing where nobody began one, or it cannot be written to."""
    with contextlib.suppress(OSError):
        descriptor = os.open(Path(run_dir, FILE), os.O_WRONLY | os.O_APPEND)
        try:
            os.write(descriptor, _line(event, facts))  # at once, so that no two processes' lines are mixed
        finally:
            os.close(descriptor)


def read(run_dir: str | Path) -> list[dict[str, Any]]:
    """The events of a run, each with its "time" (seconds since 1970) and "event"; of a damaged file what is whole."""
    events = []
    try:
        lines = Path(run_dir, FILE).read_bytes().splitlines()
    except OSError:
        return []
    for line in lines:
        with contextlib.suppress(ValueError):
            event = json.loads(line)
            if isinstance(event, dict) and isinstance(event.get("event"), str) and _is_number(event.get("time")):
                events.append(event)
    return events


@contextlib.contextmanager
def signs_of_life(path: str | Path, also: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Touch a file every two seconds until the block ends, and call `also`: its time says that this process lives."""
    path, ended = Path(path).resolve(), threading.Event()

    def beat() -> None:
        while not ended.wait(SECONDS):
            with contextlib.suppress(OSError):
                os.utime(path)
            with contextlib.suppress(Exception):  # whatever it is, the process lives
                also()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def watch_bars(run_dir: str | Path, on_epoch: Sequence[Callable[[dict], None]] = ()) -> None:
    """From now on tell of this process's progress bars, the hidden ones of trainings too, where a run is begun.

    Args:
        run_dir: the run's folder.
        on_epoch: functions that are called with what each epoch of a training gave.
    """
    begun = Path(run_dir, FILE).exists()
    processes.bar_class = _telling(Path(run_dir).resolve(), on_epoch) if begun or on_epoch else None


@contextlib.contextmanager
def watched_bars(run_dir: str | Path, on_epoch: Sequence[Callable[[dict], None]] = ()) -> Iterator[None]:
    """The same until the block ends."""
    before = processes.bar_class
    watch_bars(run_dir, on_epoch)
    try:
        yield
    finally:
        processes.bar_class = before


def _telling(run_dir: Path, on_epoch: Sequence[Callable[[dict], None]]) -> type:
    """tqdm's class of bars, whose bars tell of themselves."""
    from tqdm.auto import tqdm

    class TellingBar(tqdm):
        def __init__(self, iterable: Any = None, **options: Any):
            super().__init__(iterable, **options)
            total = options.get("total")
            self.facts = {"what": options.get("desc", ""), "unit": options.get("unit", "")}
            self.of = len(iterable) if total is None and hasattr(iterable, "__len__") else total
            self.done: float = 0
            self.told = -math.inf
            self._tell()

        def update(self, n: float | None = 1) -> Any:
            self.done += n or 0
            self._tell()
            return super().update(n)

        def set_postfix(self, row: dict | None = None, **options: Any) -> None:  # as the loop does after an epoch
            tell(run_dir, "epoch", what=self.facts["what"], **(row or {}))
            for function in on_epoch:
                function(dict(row or {}))
            super().set_postfix(row, **options)

        def close(self) -> None:
            if self.told < math.inf and hasattr(self, "facts"):
                self._tell(closed=True)
            super().close()

        def _tell(self, **more: Any) -> None:
            now = time.monotonic()
            if more or now - self.told >= SECONDS:
                self.told = math.inf if more else now
                tell(run_dir, "bar", **self.facts, done=self.done, of=self.of, **more)

    return TellingBar


def _line(event: str, facts: dict[str, Any]) -> bytes:
    shown = {name: encodable(value) for name, value in plain(facts).items()}
    text = json.dumps({"time": round(time.time(), 2), "event": event} | shown, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

"""Processes that read damaged films, within limits of time and memory, and are made anew when they die.

python -m cases.workers        reads jobs from its input, a line of JSON each, and answers with one
"""

import json
import os
import re
import resource
import selectors
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path

SECONDS = 20.0  # that a job may take
MEMORY, TAKEN = 6 << 30, 2 << 30  # bytes of address space that reading may ask for, and of memory that it may take
SHOWN = 8  # frames of a film
OWN_SECONDS = 8.0  # after which the reader has to give up by itself
TENTH = 0.1
LIBRARIES = ("av", "decord", "text4vis_core.data.sampling", "text4vis_core.data.video")


class Crew:
    """So many worker processes; `do` gives them jobs."""

    def __init__(self, size: int):
        self.size = size

    def do(self, jobs: Iterable[dict]) -> Iterator[tuple[dict, str, str]]:
        """Each job with its outcome and what is to be said of it, in the order in which they are done."""
        waiting, busy = iter(jobs), {}
        with selectors.DefaultSelector() as ready:
            idle = [_Worker() for _ in range(self.size)]
            try:
                while True:
                    while idle and (job := next(waiting, None)) is not None:
                        worker = idle.pop()
                        worker.begin(job)
                        busy[worker.output] = worker, job
                        ready.register(worker.output, selectors.EVENT_READ)
                    if not busy:
                        return
                    events = ready.select(timeout=SECONDS)
                    done = [key.fileobj for key, _ in events] or list(busy)  # nobody answers: all of them took too long
                    for output in done:
                        worker, job = busy.pop(output)
                        ready.unregister(output)
                        outcome, words = worker.answer() if events else ("timeout", f"longer than {SECONDS:g} s")
                        if outcome in ("crash", "timeout", "memory"):
                            worker.end()
                            worker = _Worker()
                        idle.append(worker)
                        yield job, outcome, words
            finally:
                for worker in [*idle, *(worker for worker, _ in busy.values())]:
                    worker.end()


class _Worker:
    def __init__(self):
        folder = Path(__file__).resolve().parents[1]
        paths = [*sys.path, str(folder), str(folder.parent)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cases.workers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "OMP_NUM_THREADS": "1"},
        )
        self.output = self.process.stdout

    def begin(self, job: dict) -> None:
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()

    def answer(self) -> tuple[str, str]:
        line = self.output.readline()
        if not line:
            return "crash", f"exit status {self.process.wait()}"
        answer = json.loads(line)
        return answer["outcome"], answer["words"]

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.output.close()


def read(job: dict) -> tuple[str, str]:
    """The outcome of reading a damaged film, one of `mutations.OUTCOMES`, and what is to be said of it."""
    from text4vis_core.data.sampling import evaluation_indices
    from text4vis_core.data.video import Reading, VideoError, read_frames

    from .pattern import numbers_of

    path, chosen = Path(job["path"]), {}

    def choose(count: int):
        chosen["count"], chosen["indices"] = count, evaluation_indices(count, SHOWN)
        return chosen["indices"]

    try:
        frames = read_frames(path, choose, reading=Reading(decoder=job["decoder"], max_seconds=OWN_SECONDS))
    except VideoError as error:
        named = str(path) in str(error) and bool(error.reason)
        return ("error", error.reason) if named else ("no name", str(error))
    except MemoryError:
        return "memory", "MemoryError"
    except Exception as error:  # a reader has one kind of error
        return "no name", f"{type(error).__name__}: {error}"
    indices, numbers = chosen["indices"].tolist(), numbers_of(frames)
    return _outcome(path, chosen["count"], indices, numbers, job["frames"])


def _outcome(path: Path, count: int, indices: list[int], numbers: list, frames: int) -> tuple[str, str]:
    """Of pictures with these numbers, given for these indices of a film of `count` frames that had `frames`."""
    from .direct import decode

    if numbers == indices:
        return "right", ""
    lost = frames - count
    pairs = list(zip(indices, numbers, strict=True))
    in_order = all(number is not None and index <= number <= index + lost for index, number in pairs)
    said = f"of {count} frames, for {indices} came {numbers}"
    if in_order and numbers == sorted(numbers) and lost > 0:
        behind = numbers == [index + lost for index in indices]
        return ("fewer", "") if behind or lost <= TENTH * frames else ("hole", said)
    itself = decode(path)
    sound = [None if flag else (number,) for number, flag in zip(itself.numbers, itself.flagged, strict=True)]
    # A refused packet may be no picture.
    slack = min(2, abs(len(sound) - count)) + sum(itself.flagged) * bool(itself.error)
    if all((number,) in sound[max(0, index - slack) : index + slack + 1] for index, number in pairs):
        return "concealed, strict refuses" if decode(path, strict=True).complains else "concealed", said
    shows = re.sub(r"\s", "", str(list(itself.numbers)))
    flagged = [place for place, flag in enumerate(itself.flagged) if flag]
    return "wrong", f"{said}; FFmpeg: {shows}, flagged {flagged}, error {itself.error!r}"


def main() -> None:
    """Do jobs until there are no more."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a decoder prints is no answer
    for name in LIBRARIES:  # they are not what is limited
        with suppress(ImportError):
            import_module(name)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        outcome, words = read(json.loads(line))
        # Not ru_maxrss, in which a process begins with what the one that started it had.
        status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
        peak = 1024 * int(status["VmHWM"].split()[0])
        if peak > TAKEN:
            outcome, words = "memory", f"{peak / 1e9:.1f} GB ({outcome}: {words})"
        print(json.dumps({"outcome": outcome, "words": words}), file=answers, flush=True)


if __name__ == "__main__":
    main()

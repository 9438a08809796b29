"""Batches of a `VideoDataset` from worker processes that may hang, crash or be killed.

torch's DataLoader moves the batches; what is added here is that a worker's end costs nothing but time. The batches that
were not delivered yet are decoded again by fresh workers, and a video that ends its worker every time is named.
"""

import multiprocessing.util
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from multiprocessing import connection
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, get_worker_info

from .datasets import VideoDataset, collate
from .memory import CLIPS, keep_freed_memory
from .reading import VideoError

POLL = 0.5  # seconds between two looks at whether the workers live
TRIES = 2  # times that a video may end its worker by something else than the timeout
HINTS: dict[int, str] = {signal.SIGKILL: ": out of memory?", signal.SIGBUS: ": is /dev/shm full?"}


def load_batches(
    dataset: VideoDataset,
    batches: list[list[int]],
    num_workers: int = 0,
    *,
    pin_memory: bool = False,
    timeout: float = 0.0,
    context: str | None = None,
) -> Iterator[dict]:
    """Decode and collate batches of videos, in order. Items do not depend on the number of workers.

    A worker that is killed from outside is replaced, and its batches are decoded again. A video that hangs for longer
    than `timeout` has its worker ended and is named; so is one whose worker crashes or is killed twice while it is
    decoded. What being named means is `dataset.on_error`'s to say: "raise" stops with a `VideoError`, "skip" makes it
    one of its batch's `errors`. All other items stay as they are.

    Args:
        dataset: what to decode; workers get a copy of it, as it is when the first batch is asked for.
        batches: indices into the data set, batch by batch.
        num_workers: processes that decode; 0 decodes in this one.
        pin_memory: batches in page-locked memory, from which copies to a GPU need not be waited for.
        timeout: seconds that one video may take; 0 for no limit. Without workers there is no limit.
        context: how workers start, "fork", "spawn" or "forkserver"; None for Python's default.

    Yields:
        What `collate` makes of a batch.

    A `VideoError` when a video cannot be decoded and the data set does not skip; a RuntimeError when workers end before
    they decode anything.
    """
    options: dict[str, Any] = {"collate_fn": _collate, "pin_memory": pin_memory, "generator": torch.Generator()}
    if num_workers == 0:
        yield from DataLoader(dataset, batch_sampler=batches, **options)
        return
    errors: dict[int, str] = {}  # of the videos that were named
    ends: Counter[int] = Counter()
    done = fruitless = 0
    while done < len(batches):
        workers = _Workers(_Watched(dataset, errors, timeout), batches[done:], num_workers, context, options)
        try:
            for batch in workers:
                done, fruitless = done + 1, 0
                yield batch
        except _WorkersEnded as ended:
            fruitless += not ended.videos
            for index, code in ended.videos:
                ends[index] += 1
                if (reason := _reason(code, ends[index], timeout)) is None:
                    continue
                error = VideoError(dataset.videos.videos[index].path, reason)
                if dataset.on_error == "raise":
                    raise error from None
                errors[index] = str(error)
            if fruitless > TRIES:
                remedy = "a script that starts workers needs `if __name__ == '__main__':`"
                reason = f"the loader's workers ended {fruitless} times without a batch ({ended})"
                raise RuntimeError(f"{reason}; set num_workers to 0 to see why; {remedy}") from ended
        finally:
            if done < len(batches):  # else they end by themselves, and tidy up
                workers.kill()


def _reason(code: int, times: int, timeout: float) -> str | None:
    """Why a video is named whose worker ended with an exit code; None for another try."""
    if code == -signal.SIGALRM:
        return f"decoding took longer than {timeout:g} s, and was ended"
    if times < TRIES:
        return None
    return f"its worker ended {times} times while it was decoded ({_how(code)})"


def _how(code: int) -> str:
    return f"{signal.strsignal(-code)}{HINTS.get(-code, '')}" if code < 0 else f"exit code {code}"


class _WorkersEnded(RuntimeError):
    """Workers ended on their own, while they decoded `videos`: (index, exit code)."""

    def __init__(self, codes: Iterable[int], videos: list[tuple[int, int]]):
        super().__init__(", ".join(sorted({_how(code) for code in codes})))
        self.videos = videos


class _Watched(Dataset):
    """The data set inside a worker: tells which video is being decoded, and lets a hanging one end the process."""

    def __init__(self, dataset: VideoDataset, errors: dict[int, str], timeout: float):
        self.dataset, self.errors, self.timeout = dataset, errors, timeout
        self.decoding: Any  # shared: process and index + 1 of each worker, index + 1 of 0 between videos

    def __getitem__(self, index: int) -> dict:
        if index in self.errors:
            return {"index": index, "error": self.errors[index]}
        place = 2 * get_worker_info().id  # type: ignore[union-attr]  # it runs in a worker
        self.decoding[place : place + 2] = [os.getpid(), index + 1]
        # The kernel ends the process, whatever native code it hangs in and whether its parent lives or not.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, self.timeout)
        try:
            return self.dataset[index]
        except VideoError as error:  # as a value: torch would put the worker's traceback in place of its text
            return {"index": index, "raised": error}
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self.decoding[place + 1] = 0


def _begin(_: int) -> None:
    """What a worker does first. Forked, it would keep as much memory as the process that computes."""
    keep_freed_memory(CLIPS, or_less=True)


def _collate(items: list[dict]) -> dict | VideoError:
    return next((item["raised"] for item in items if "raised" in item), None) or collate(items)


class _Workers:
    """One DataLoader's worker processes, from their start to their end."""

    def __init__(self, dataset: _Watched, batches: list[list[int]], count: int, context: str | None, options: dict):
        count = min(count, len(batches))
        started = multiprocessing.get_context(context)
        multiprocessing.util.get_temp_dir()  # this process's, which it removes: workers that are killed leave their own
        dataset.decoding = self._decoding = started.RawArray("q", 2 * count)
        options = options | {"num_workers": count, "multiprocessing_context": started, "timeout": POLL}
        loader = DataLoader(dataset, batch_sampler=batches, worker_init_fn=_begin, **options)
        self._batches = _without_child_signals(loader)
        self._processes = self._batches._workers  # multiprocessing.active_children() leaves out what has ended already

    def __iter__(self) -> Iterator[dict]:
        """The batches, until a worker ends before its last is delivered: `_WorkersEnded`."""
        while True:
            try:
                batch = next(self._batches)
            except StopIteration:
                return
            except Exception as error:  # an ended worker shows in several ways: its queue and its files break, too
                late = str(error).startswith("DataLoader timed out")
                if not late:  # its files close before it can be seen to have ended
                    connection.wait([process.sentinel for process in self._processes], POLL)
                # An exit code of None, while a process is alive.
                ended = {each.pid: each.exitcode for each in self._processes if each.exitcode is not None}
                if ended:
                    places = zip(self._decoding[::2], self._decoding[1::2], strict=True)
                    videos = [(index - 1, ended[pid]) for pid, index in places if index and pid in ended]
                    raise _WorkersEnded(ended.values(), videos) from error
                if not late:
                    raise
            else:
                if isinstance(batch, VideoError):
                    raise batch
                yield batch

    def kill(self) -> None:
        """End the workers that are left: at once, for they keep nothing."""
        for process in self._processes:
            process.kill()
        del self._batches


def _without_child_signals(loader: DataLoader) -> Any:
    """Start a loader's workers, without torch's signal handler for their end.

    It would raise in the main thread wherever that is, be it in the middle of a training step; `_Workers` looks itself.
    """
    before = signal.getsignal(signal.SIGCHLD)
    batches = iter(loader)
    if threading.current_thread() is threading.main_thread():
        torchs = getattr(before, "__module__", "").startswith("torch.")  # since another DataLoader was used
        signal.signal(signal.SIGCHLD, signal.SIG_DFL if torchs or before is None else before)
    return batches

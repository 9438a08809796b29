"""Jobs in worker processes that may hang, be killed or die of what they read: each job has an outcome all the same.

Workers are programs of their own (`python -m text4vis_lab.prepare.copying`), neither forked nor spawned: what the
process that starts them has imported, and how many threads it runs, does not matter to them.
"""

import contextlib
import json
import os
import selectors
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Generator, Iterable
from pathlib import Path

Outcomes = Generator[tuple[dict, dict], None, None]  # a job, and its result
ATTEMPTS = 2  # a worker may be killed for what another process did


class Worker:
    """A process that does one job at a time."""

    def __init__(self, module: str):
        places = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(places)}
        command, pipe = [sys.executable, "-m", module], subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment)
        assert self.process.stdin and self.process.stdout  # pipes both
        self.orders, self.results = self.process.stdin, self.process.stdout
        self.job: dict | None = None
        self.since = 0.0

    def begin(self, job: dict) -> None:
        """Give it a job."""
        self.job, self.since = job, time.monotonic()
        with contextlib.suppress(BrokenPipeError):  # where it is gone, reading from it tells
            self.orders.write(json.dumps(job).encode() + b"\n")
            self.orders.flush()

    def result(self) -> dict | None:
        """What came of its job; None where it ended instead."""
        line = self.results.readline()
        return json.loads(line) if line.endswith(b"\n") else None

    def stop(self) -> int:
        """End it, whatever it does; returns its exit code, negative for a signal."""
        self.process.kill()
        self.results.close()
        with contextlib.suppress(BrokenPipeError):
            self.orders.close()
        return self.process.wait()


def do_jobs(module: str, jobs: Iterable[dict], num_workers: int, timeout: float = 0.0) -> Outcomes:
    """Every job with its result, in the order in which they are done.

    A worker that ends without a result is replaced, and its job begun again; of a job whose second worker ends, too,
    the result is {"error": why}. So is that of a job that takes too long, whose worker is ended.

    Args:
        module: of which a worker is a run: it reads a job a line and writes a result a line, as JSON.
        jobs: plain values.
        num_workers: processes, at least 1.
        timeout: seconds that a job may take; 0 for no limit.
    """
    source, waiting, failures = iter(jobs), deque[dict](), Counter[str]()
    free, workers = list[Worker](), set[Worker]()

    def next_job() -> dict | None:
        return waiting.popleft() if waiting else next(source, None)

    with selectors.DefaultSelector() as selector:
        try:
            while True:
                while len(workers) < num_workers or free:
                    job = next_job()
                    if job is None:
                        break
                    worker = free.pop() if free else Worker(module)
                    if worker not in workers:
                        workers.add(worker)
                        selector.register(worker.results, selectors.EVENT_READ, worker)
                    worker.begin(job)
                busy = [worker for worker in workers if worker.job is not None]
                if not busy:
                    return
                left = min(worker.since for worker in busy) + timeout - time.monotonic()
                ready = [key.data for key, _ in selector.select(max(0.0, left) if timeout else None)]
                late = [w for w in busy if timeout and w not in ready and time.monotonic() - w.since >= timeout]
                for worker in ready + late:
                    job, worker.job = worker.job, None
                    outcome = None if worker in late else worker.result()
                    if outcome is None:
                        selector.unregister(worker.results)
                        workers.discard(worker)
                        code = worker.stop()
                        if job is None:  # it ended while it had nothing to do
                            free.remove(worker)
                            continue
                        if worker in late:
                            outcome = {"error": f"it took longer than {timeout:g} s, and was ended"}
                        else:
                            key = json.dumps(job, sort_keys=True)
                            failures[key] += 1
                            if failures[key] < ATTEMPTS:
                                waiting.append(job)
                                continue
                            how = f"signal {-code}" if code < 0 else f"exit code {code}"
                            outcome = {"error": f"the process that read it ended with {how}, {ATTEMPTS} times"}
                    else:
                        free.append(worker)
                    yield job, outcome
        finally:
            for worker in workers:
                worker.stop()

"""One call on many processes and machines, from a notebook: torchrun is started, watched, and gives back the result.

    Processes(devices=4).run(embed_videos, model, dataset)

With one process `run` is the call itself. With more, every process makes the same call; what it does there together
(`embed_videos`, `fit`) divides the work by `rank()` and `world()`. torchrun starts all of them again when one dies, and
`fit` goes on from its last checkpoint.

Several machines share the folder of the run. The notebook runs on one of them; on each of the others
`python -m text4vis_lab.processes join runs/ours/full` takes part in every call that it makes, until the run has its
record.
"""

import argparse
import codecs
import contextlib
import json
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from text4vis_core.files import first_line, replacing
from text4vis_core.processes import rank, world

CALLS = "processes-"  # folders of calls begin so
MISSED = 5  # seconds without its folder after which a call is given up
RECORD = "result.json"  # of the run, which calls no more when it is written


class ProcessesError(RuntimeError):
    """The processes ended without a result, and not by an error that one of them could name."""


@dataclass(frozen=True)
class Processes:
    """How many processes compute, and where.

    Attributes:
        devices: processes on each machine: one per GPU; without GPUs they share the cores.
        num_nodes: machines.
        folder: which all machines see; needed when there are several.
        endpoint: host:port of this machine for the others; its host name and a free port when empty.
        restarts: how often all processes are started again when one dies.
    """

    devices: int = 1
    num_nodes: int = 1
    folder: str = ""
    endpoint: str = ""
    restarts: int = 3

    def __post_init__(self):
        for name, least in (("devices", 1), ("num_nodes", 1), ("restarts", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or value < least:
                raise ValueError(f"parameter {name}: {value!r}; it must be a whole number, at least {least}")
        if self.num_nodes > 1 and not self.folder:
            raise ValueError(f"parameter num_nodes: {self.num_nodes} machines need a folder that all of them see")

    def run(self, function: Callable, *args: Any, **kwargs: Any) -> Any:
        """What `function(*args, **kwargs)` returns in the first process; progress goes to this one's stderr.

        Args:
            function: of a module, not of a notebook; it and its arguments must be picklable.

        Raises:
            ValueError: there are GPUs, and fewer than `devices`.
            ProcessesError: a process died too often; with the end of what it printed.
            Exception: what the call itself raised in any of the processes.
        """
        if self.devices * self.num_nodes == 1 or world() > 1:
            return function(*args, **kwargs)
        import torch

        available = torch.cuda.device_count()
        if available and self.devices > available:
            raise ValueError(f"parameter devices: {self.devices}; this machine has {available} GPUs")
        if self.folder:
            Path(self.folder).mkdir(parents=True, exist_ok=True)
        if self.num_nodes > 1:  # what a run that was killed has left, in which other machines may still wait
            for old in Path(self.folder).glob(f"{CALLS}*"):
                shutil.rmtree(old, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=CALLS, dir=self.folder or None) as name:
            folder = Path(name)
            (folder / "call.pickle").write_bytes(pickle.dumps((function, args, kwargs)))
            with socket.socket() as server:
                server.bind(("", 0))  # a free port
                endpoint = self.endpoint or f"{socket.gethostname()}:{server.getsockname()[1]}"
            with replacing(folder / "call.json") as file:  # the last: who joins waits for it
                file.write_text(json.dumps([self.devices, self.num_nodes, endpoint, self.restarts]))
            status, printed = _launch(folder)
            if (folder / "result").exists():
                return pickle.loads((folder / "result").read_bytes())[0]
            if (folder / "error").exists():
                raise pickle.loads((folder / "error").read_bytes())[0]
        tries = f"after being started again {self.restarts} times at most"
        ended = f"{self.devices * self.num_nodes} processes ended without a result, with status {status}"
        raise ProcessesError(f"{ended}, {tries}. They printed last:\n{printed}")


def stop_with_parent(folder: Path | None = None) -> None:
    """End this process when the one that started it is gone, as after `kill -9`.

    Also when the `folder` of a call is, by which another machine's processes learn that the call was given up.
    """
    parent, missed = os.getppid(), 0

    def watch() -> None:
        nonlocal missed
        while os.getppid() == parent and missed < MISSED:
            time.sleep(1)
            missed = missed + 1 if folder and _is_gone(folder) else 0
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _is_gone(folder: Path) -> bool:
    try:
        folder.stat()
    except OSError as error:  # also of a network file system that does not answer
        return isinstance(error, FileNotFoundError)
    return False


def _launch(folder: Path) -> tuple[int, str]:
    """torchrun on this machine: its exit status, and the end of what it and its processes printed."""
    command = [sys.executable, "-m", "text4vis_lab.processes", "start", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    decoder, printed = codecs.getincrementaldecoder("utf-8")("replace"), ""
    try:
        while process.stdout and (part := os.read(process.stdout.fileno(), 1 << 16)):
            text = decoder.decode(part)
            sys.stderr.write(text)
            sys.stderr.flush()
            printed = (printed + text)[-2000:]
        return process.wait(), printed
    finally:
        if process.poll() is None:  # interrupted: torchrun passes SIGTERM on, and has time to
            os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _start(folder: Path) -> None:
    """This machine's part of a call: torchrun with as many workers as it has devices."""
    import logging

    import torch
    from torch.distributed.run import main

    devices, num_nodes, endpoint, restarts = json.loads((folder / "call.json").read_text())
    stop_with_parent(folder if num_nodes > 1 else None)
    os.environ["OMP_NUM_THREADS"] = str(max(1, torch.get_num_threads() // devices))
    # How torchrun starts and stops is of no interest, nor DDP's hint about parameters; what went wrong the caller says.
    os.environ["TORCH_CPP_LOG_LEVEL"] = "ERROR"
    os.environ["PYTHONWARNINGS"] = "ignore:torch.distributed.nn.functional.all_gather is deprecated"
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    meeting = ["--standalone"] if num_nodes == 1 else ["--rdzv-backend=c10d", f"--rdzv-endpoint={endpoint}"]
    meeting += [f"--rdzv-id={folder.name}", f"--nnodes={num_nodes}", f"--nproc-per-node={devices}"]
    main([*meeting, f"--max-restarts={restarts}", "--module", "text4vis_lab.processes", "work", str(folder)])


def _work(folder: Path) -> None:
    """One process's part of a call."""
    import torch
    from torch import distributed, nn

    stop_with_parent()
    if (folder / "error").exists():  # what one has named ends the call: there is nothing to start again
        return
    device, backend = torch.device("cpu"), "gloo"
    if torch.cuda.is_available():
        device, backend = torch.device("cuda", int(os.environ["LOCAL_RANK"])), "cpu:gloo,cuda:nccl"
        torch.cuda.set_device(device)
    # A store of each start's own: of the last one it holds addresses of processes that are gone.
    address, first = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])), rank() == 0
    server = distributed.TCPStore(*address, is_master=first and os.environ["TORCHELASTIC_USE_AGENT_STORE"] != "True")
    store = distributed.PrefixStore(f"start-{os.environ['TORCHELASTIC_RESTART_COUNT']}", server)
    distributed.init_process_group(backend, store=store, rank=rank(), world_size=world())
    # The file is this run's own, from the process that started this one.
    function, args, kwargs = pickle.loads((folder / "call.pickle").read_bytes())
    args = [arg.to(device) if isinstance(arg, nn.Module) else arg for arg in args]
    try:
        result = function(*args, **kwargs)
        if rank() == 0:
            _write(folder / "result", result)
    except Exception as error:
        # Those that follow when another process is gone are no cause: plain RuntimeErrors of the connection to it.
        if type(error) is not RuntimeError and not isinstance(error, distributed.DistError | ConnectionError):
            _write(folder / "error", error)
        else:
            print(f"\nprocess {rank()} of {world()} stops: {first_line(error)}", file=sys.stderr, flush=True)
        os._exit(1)  # at once: an orderly end would wait for the others
    distributed.barrier()
    distributed.destroy_process_group()


def _write(path: Path, value: Any) -> None:
    try:
        data = pickle.dumps([value])
    except Exception as error:
        reason = f"{type(value).__name__} cannot be handed back: {first_line(error)}"
        path, data = path.with_name("error"), pickle.dumps([ProcessesError(reason)])
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def _join(folder: Path) -> None:
    """Take part in the calls of a run on another machine, one after the other, until it has its record."""
    done, earlier = set(), _written(folder / RECORD)
    which = "a newer record than the one that is there" if earlier else "its record"
    print(f"waiting for the calls of {folder} until it has {which}, or for Ctrl-C", file=sys.stderr, flush=True)
    while _written(folder / RECORD) in (0, earlier):
        for call in sorted(folder.glob(f"{CALLS}*/call.json")):
            if call not in done:
                done.add(call)
                _launch(call.parent)
        time.sleep(1)
    print(f"{folder / RECORD} is written", file=sys.stderr, flush=True)


def _written(path: Path) -> int:
    """Changes when a file is written; 0 where there is none."""
    with contextlib.suppress(OSError):
        return path.stat().st_mtime_ns
    return 0


def _main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m text4vis_lab.processes", description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=["join", "start", "work"], help="join: be another machine of a run")
    parser.add_argument("folder", type=Path, help="the run's folder; for start and work, of the call")
    chosen = parser.parse_args(arguments)
    try:
        {"join": _join, "start": _start, "work": _work}[chosen.part](chosen.folder)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    from text4vis_lab import processes  # by its name, under which its errors are found where they are handed back

    processes._main()

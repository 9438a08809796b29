"""One call on many processes and machines, from a notebook: they are started, watched, and give back the result.

    Processes(devices=4).run(embed_videos, model, dataset)

With one process `run` is the call itself. With more, every process makes the same call; what it does there together
(`embed_videos`, `fit`) divides the work by `rank()` and `world()`. When one dies, all of them are started again, and
`fit` goes on from its last checkpoint.

Several machines share the folder of the run. The notebook runs on one of them; on each of the others
`python -m text4vis_lab.processes join runs/ours/full` takes part in every call that it makes, until the run has its
record.

Who is where they tell each other in a file, in a folder that only this user can enter. What is unpickled is signed by a
secret of the call, which one machine's processes inherit, and others read from a file of the run's folder that only
this user can read. On one machine their sockets are of the loopback interface; several talk over the network, and
whoever shares it can read what they send, and disturb it.
"""

import argparse
import codecs
import importlib
import json
import multiprocessing
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from text4vis_core.files import first_line
from text4vis_core.processes import rank, world

from ._signed import NotSigned, new_secret, read_signed, secret_of, shared, write_signed
from .surroundings import cache_folder, compiled_folder, take, temporary_folder

CALLS = "processes-"  # folders of calls begin so
KEY = "TEXT4VIS_KEY"  # the secret, in the environment of a call's processes
POLL = 0.1  # seconds between two looks at whether the processes live
MISSED = 5  # seconds without its folder after which a call is given up
RECORD = "result.json"  # of the run, which calls no more when it is written
EXPOSED = "they talk over the network as it is; whoever shares it can read what they send, and disturb it"
LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"


class ProcessesError(RuntimeError):
    """The processes ended without a result, and not by an error that one of them could name."""


@dataclass(frozen=True)
class Processes:
    """How many processes compute, and where.

    Attributes:
        devices: processes on each machine: one per GPU; without GPUs they share the cores.
        num_nodes: machines.
        folder: which all machines see; needed when there are several.
        restarts: how often all processes are started again when one dies.
    """

    devices: int = 1
    num_nodes: int = 1
    folder: str = ""
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
        with ExitStack() as held:
            key = new_secret()
            if self.num_nodes > 1:
                for old in Path(self.folder).glob(f"{CALLS}*"):  # of a run that was killed, where others may still wait
                    shutil.rmtree(old, ignore_errors=True)
                held.enter_context(shared(Path(self.folder), key))
                print(f"{self.num_nodes} machines: {EXPOSED}", file=sys.stderr, flush=True)
            folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix=CALLS, dir=self.folder or None)))
            write_signed(folder / "call", pickle.dumps((function, args, kwargs)), key)
            plan = [self.devices, self.num_nodes, self.restarts, function.__module__]
            write_signed(folder / "plan", json.dumps(plan).encode(), key)  # the last: who joins waits for it
            status, printed = _launch(folder, key, "lead")
            if (folder / "result").exists():
                return pickle.loads(read_signed(folder / "result", key))[0]
            if (folder / "error").exists():
                raise pickle.loads(read_signed(folder / "error", key))[0]
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


def _launch(folder: Path, key: bytes, part: str) -> tuple[int, str]:
    """This machine's processes: their exit status, and the end of what they printed."""
    command = [sys.executable, "-m", "text4vis_lab.processes", part, str(folder)]
    compiled = compiled_folder(cache_folder())
    with temporary_folder() as temporary:  # for what those that are killed leave
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ | {KEY: key.hex(), "TMPDIR": temporary, "TORCHINDUCTOR_CACHE_DIR": compiled},
        )
        decoder, printed = codecs.getincrementaldecoder("utf-8")("replace"), ""
        try:
            while process.stdout and (output := os.read(process.stdout.fileno(), 1 << 16)):
                text = decoder.decode(output)
                sys.stderr.write(text)
                sys.stderr.flush()
                printed = (printed + text)[-2000:]
            return process.wait(), printed
        finally:
            if process.poll() is None:  # interrupted
                os.killpg(process.pid, signal.SIGTERM)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(10)
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _start(folder: Path, leads: bool) -> None:
    """This machine's part of a call: its processes, all of them again when one of any machine has died."""
    devices, num_nodes, restarts, module = json.loads(read_signed(folder / "plan", bytes.fromhex(os.environ[KEY])))
    stop_with_parent(folder if num_nodes > 1 else None)
    place = 0 if leads else _place(folder, num_nodes)
    ranks = range(devices * place, devices * (place + 1))
    environment = {
        "WORLD_SIZE": str(devices * num_nodes),
        "LOCAL_WORLD_SIZE": str(devices),
        "GROUP_RANK": str(place),
        "TORCHELASTIC_RUN_ID": folder.name,  # by which `world()` and Lightning Fabric know what torchrun has started
        # DDP's hint about parameters is of no interest.
        "TORCH_CPP_LOG_LEVEL": "ERROR",
        "PYTHONWARNINGS": "ignore:torch.distributed.nn.functional.all_gather is deprecated",
    }
    if num_nodes == 1:  # nothing listens where others can reach it
        environment |= {"GLOO_SOCKET_IFNAME": LOOPBACK, "NCCL_SOCKET_IFNAME": LOOPBACK}
    os.environ |= environment
    for name in ("torch", module):  # once, for all that are forked
        importlib.import_module(name)
    for start in range(restarts + 1):
        ended = folder / f"ended-{start}"
        os.environ["TORCHELASTIC_RESTART_COUNT"] = str(start)
        if not ended.exists() and _all_end_well(folder, ranks, ended):
            return
        if (folder / "error").exists():  # what one has named ends the call: there is nothing to start again
            break
    sys.exit(1)


def _place(folder: Path, num_nodes: int) -> int:
    """This machine's place among those of a call, from 1, as soon as one is free; the lead has 0."""
    while True:
        for place in range(1, num_nodes):
            if take(folder / f"machine-{place}") is not None:  # until this process is gone
                return place
        time.sleep(1)


def _all_end_well(folder: Path, ranks: range, ended: Path) -> bool:
    """Start this machine's processes; when one ends badly, here or on another machine, end them all."""
    # A fork has what was imported, where nothing has used threads or a GPU: what is imported may have asked for one.
    context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" and not _has_gpu() else "spawn")
    processes = [context.Process(target=_work, args=(folder, rank, local)) for local, rank in enumerate(ranks)]
    try:
        for process in processes:
            process.start()
        while not ended.exists():
            statuses = [process.exitcode for process in processes]
            if all(status == 0 for status in statuses):
                return True
            if any(statuses):
                ended.touch()
            time.sleep(POLL)
        return False
    finally:
        for process in filter(lambda process: process.pid, processes):
            process.kill()
            process.join()


def _has_gpu() -> bool:
    import torch

    return torch.cuda.device_count() > 0


def _work(folder: Path, place: int, local: int) -> None:
    """One process's part of a call: its place among all, and on its machine."""
    import torch
    from torch import distributed, nn

    stop_with_parent()
    threads = max(1, torch.get_num_threads() // int(os.environ["LOCAL_WORLD_SIZE"]))
    torch.set_num_threads(threads)
    os.environ |= {"RANK": str(place), "LOCAL_RANK": str(local), "OMP_NUM_THREADS": str(threads)}
    key = bytes.fromhex(os.environ.pop(KEY))
    device, backend = torch.device("cpu"), "gloo"
    if torch.cuda.is_available():
        device, backend = torch.device("cuda", local), "cpu:gloo,cuda:nccl"
        torch.cuda.set_device(device)
    distributed.distributed_c10d._unpickler = _refuse  # type: ignore[attr-defined, assignment]
    # A store of each start's own: that of the last one holds addresses of processes that are gone.
    store = distributed.FileStore(str(folder / f"store-{os.environ['TORCHELASTIC_RESTART_COUNT']}"), world())
    distributed.init_process_group(backend, store=store, rank=rank(), world_size=world())
    function, args, kwargs = pickle.loads(read_signed(folder / "call", key))
    args = [arg.to(device) if isinstance(arg, nn.Module) else arg for arg in args]
    try:
        result = function(*args, **kwargs)
        if rank() == 0:
            _hand_back(folder / "result", result, key)
    except Exception as error:
        # Those that follow when another process is gone are no cause: plain RuntimeErrors of the connection to it.
        if type(error) is not RuntimeError and not isinstance(error, distributed.DistError | ConnectionError):
            _hand_back(folder / "error", error, key)
        else:
            print(f"\nprocess {rank()} of {world()} stops: {first_line(error)}", file=sys.stderr, flush=True)
        os._exit(1)  # at once: an orderly end would wait for the others
    distributed.barrier()
    distributed.destroy_process_group()


def _refuse(*_: Any) -> None:
    """In the place of torch's unpickler, for what comes from other processes: nobody has signed that."""
    raise ProcessesError("no process unpickles objects of another; gather tensors, or plain values by `gather_objects`")


def _hand_back(path: Path, value: Any, key: bytes) -> None:
    try:
        data = pickle.dumps([value])
    except Exception as error:
        reason = f"{type(value).__name__} cannot be handed back: {first_line(error)}"
        path, data = path.with_name("error"), pickle.dumps([ProcessesError(reason)])
    write_signed(path, data, key)


def _join(folder: Path) -> None:
    """Take part in the calls of a run on another machine, one after the other, until it has its record."""
    done, refused, earlier = set[Path](), set[str](), _written(folder / RECORD)
    which = "a newer record than the one that is there" if earlier else "its record"
    print(f"waiting for the calls of {folder} until it has {which}, or for Ctrl-C", file=sys.stderr, flush=True)
    while _written(folder / RECORD) in (0, earlier):
        for plan in sorted(folder.glob(f"{CALLS}*/plan")):
            if plan in done:
                continue
            try:
                key = secret_of(folder)
                read_signed(plan, key)
            except (NotSigned, OSError) as error:  # somebody else's, or of a run that was killed
                if (reason := str(error)) not in refused:
                    print(reason, file=sys.stderr, flush=True)
                    refused.add(reason)
                continue
            done.add(plan)
            _launch(plan.parent, key, "follow")
        time.sleep(1)
    print(f"{folder / RECORD} is written", file=sys.stderr, flush=True)


def _written(path: Path) -> int:
    """Changes when a file is written; 0 where there is none."""
    with suppress(OSError):
        return path.stat().st_mtime_ns
    return 0


PARTS: dict[str, Callable[[Path], None]] = {
    "join": _join,
    "lead": partial(_start, leads=True),
    "follow": partial(_start, leads=False),
}


def _main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m text4vis_lab.processes", description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=list(PARTS), help="join: be another machine of a run")
    parser.add_argument("folder", type=Path, help="the run's folder; of the others, of the call")
    chosen = parser.parse_args(arguments)
    try:
        PARTS[chosen.part](chosen.folder)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    from text4vis_lab import processes  # by its name, under which its errors are found where they are handed back

    processes._main()

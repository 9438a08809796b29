"""What several processes do together in tests: of a module of its own, which takes no time to import."""

import contextlib
import os
import signal
from pathlib import Path

import torch

from text4vis_core import VideoError
from text4vis_core.processes import gather_objects, gather_rows, rank, world


def gathered(counts: list[int]):
    """What each process sees of the rows and the objects of all."""
    mine = torch.full((counts[rank()], 2), float(rank()))
    return [len(rows) for rows in gather_rows(mine)], torch.cat(gather_rows(mine))[:, 0].tolist(), gather_objects("x")


def listening() -> list[str]:
    """Addresses, as the kernel writes them, at which the processes of this call listen while they all compute."""
    sockets = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[3]) == os.getsid(0):  # who started it, and the others
                for link in path.with_name("fd").iterdir():
                    with contextlib.suppress(OSError):  # as that by which they are listed
                        sockets.add(os.readlink(link))
    lines = [line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()[1:]]
    found = [line[1].split(":")[0] for line in lines if line[3] == "0A" and f"socket:[{line[9]}]" in sockets]
    gather_objects(0)
    return found


class Planted:
    """What makes a file when it is unpickled."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def receives(path: Path) -> None:
    """An object of another process, by torch's own way."""
    torch.distributed.all_gather_object([None] * world(), Planted(path))


def dies_once(marker: Path, value: int) -> tuple[int, int]:
    if rank() == 1 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return sum(gather_objects(value)), torch.get_num_threads()


def dies_always() -> None:
    if rank() == world() - 1:
        os.kill(os.getpid(), signal.SIGKILL)
    gather_objects(0)


def raises_in_one() -> None:
    if rank() == 1:
        raise VideoError("x.mp4", "no such file")
    gather_objects(0)


def no_plain_value() -> list:
    return [lambda: gather_objects(0)]


def raises_no_plain_error() -> None:
    error = ValueError("odd")
    error.reason = lambda: ""
    raise error

"""What each of several processes computes: its place among them, and what all of them have.

torchrun starts them; each makes the same call, and what it does there together (`embed_videos`, `fit`) divides the work
by `rank()` and `world()`. From a notebook `text4vis_lab.processes` does all that.
"""

import os
from typing import Any

bar_class: Any = None  # of `progress_bar`, in the place of tqdm's


def rank() -> int:
    """This process's place among those that compute together; 0 for the first, and where there is only one."""
    return int(os.environ.get("RANK", 0)) if world() > 1 else 0


def world() -> int:
    """How many processes compute together."""
    return int(os.environ.get("WORLD_SIZE", 1)) if "TORCHELASTIC_RUN_ID" in os.environ else 1


def gather_rows(rows) -> list:
    """The tensors of all processes, in the order of ranks: (n, ...) on the CPU, each process its own n.
    A RuntimeError when a process is gone.
    """
    import torch
    from torch import distributed

    if world() == 1:
        return [rows]
    rows = rows.contiguous()
    parts = [torch.empty((count, *rows.shape[1:]), dtype=rows.dtype) for count in gather_objects(len(rows))]
    parts[rank()] = rows
    for source, part in enumerate(parts):
        distributed.broadcast(part, source)
    return parts


def gather_objects(value: Any) -> list:
    """A small plain value of each process, in the order of ranks."""
    from torch import distributed

    if world() == 1:
        return [value]
    values = [None] * world()
    distributed.all_gather_object(values, value)
    return values


def progress_bar(iterable, description: str | None, **options):
    """A progress bar, which the first of several processes shows; the iterable itself without a description."""
    if description is None or rank():
        return iterable
    from tqdm.auto import tqdm

    return (bar_class or tqdm)(iterable, desc=description, **options)


if __name__ == "__main__":
    raise SystemExit("another machine joins a run by `python -m text4vis_lab.processes join RUN_DIR`")

"""What each of several processes computes: its place among them, and what all of them have.

Each makes the same call; `embed_videos` and `fit` divide its work by `rank()` and `world()`. torchrun starts them.
"""

import json
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
    """The tensors (n, ...) of all processes by rank, on the CPU, each with its own n; RuntimeError when one is gone."""
    import torch

    if world() == 1:
        return [rows]
    counts = [torch.empty(1, dtype=torch.int64) for _ in range(world())]
    torch.distributed.all_gather(counts, torch.tensor([len(rows)]))
    parts = [torch.empty((int(count), *rows.shape[1:]), dtype=rows.dtype) for count in counts]
    parts[rank()] = rows.contiguous()
    for source, part in enumerate(parts):
        torch.distributed.broadcast(part, source)
    return parts


def gather_objects(value: Any) -> list:
    """A small plain value of each process, in the order of ranks; tuples become lists. As JSON, never unpickled."""
    import torch

    if world() == 1:
        return [value]
    parts = gather_rows(torch.tensor(list(json.dumps(value).encode()), dtype=torch.uint8))
    return [json.loads(bytes(part.tolist())) for part in parts]


def progress_bar(iterable, description: str | None, **options):
    """A progress bar, which the first of several processes shows; the iterable itself without a description."""
    if description is None or rank():
        return iterable
    from tqdm.auto import tqdm

    return (bar_class or tqdm)(iterable, desc=description, **options)

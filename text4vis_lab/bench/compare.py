"""Two records of the bench side by side: the ratio of each quantity, with an interval over the repetitions of both."""

from pathlib import Path
from typing import Any

import numpy as np

from ..records import read_record
from .machine import SAME_MACHINE
from .measurement import Quantity, bootstrap

NOTEBOOK, GPU = "13_bench", "gpu"  # the second's records are the GPU check's
RUNS = f"{NOTEBOOK}, or of text4vis_lab.gpu"
# Parameters that change what a part measures, and not only how often.
SETTINGS = {
    "small": ("model", "opening"),
    "model": ("starts",),
    "videos": ("samples", "copies", "workers", "processes"),
    "memory_samples": ("memory",),
    "indexed_videos": ("copies",),
}
OF_GPU = ("device", "tiny")
BOUND = 0.05  # a change that is smaller than this is not pointed out


def read_bench(path: str | Path) -> dict[str, Any]:
    """A record of the bench: the file, or the folder of its run.

    Raises:
        FileNotFoundError: there is none.
        ValueError: the file is damaged, or not a record of the bench.
    """
    path = Path(path)
    path = path / "result.json" if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(f"there is no record {path}; give the folder of a finished run of {RUNS}")
    try:
        record = read_record(path)
    except ValueError as error:
        raise ValueError(f"{error}, or give the folder of a run of {RUNS}") from None
    if record["notebook"] not in (NOTEBOOK, GPU):
        raise ValueError(f"{path} is a record of {record['notebook']}; give the folder of a run of {RUNS}")
    try:
        quantities_of(record), record["timings"]["machine"], record["parameters"], record["metrics"]["parts"]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} lacks what the bench records ({error}); run it again") from None
    return record


def quantities_of(record: dict[str, Any]) -> list[Quantity]:
    """The quantities of a record, in their order."""
    return [Quantity.from_record(name, row) for name, row in record["timings"]["quantities"].items()]


def differences(first: dict[str, Any], second: dict[str, Any]) -> list[str]:
    """In what the machines of two records, or what was measured, differ, in words; empty when they can be compared."""
    both = set(first["metrics"]["parts"]) & set(second["metrics"]["parts"])
    settings = [key for key, parts in SETTINGS.items() if both.intersection(parts)]
    pairs = [(key, *(record["timings"]["machine"].get(key) for record in (first, second))) for key in SAME_MACHINE]
    pairs += [(key, *(record["parameters"].get(key) for record in (first, second))) for key in (*settings, *OF_GPU)]
    pairs.append(("notebook", first["notebook"], second["notebook"]))
    return [f"{key}: {one}, {other}" for key, one, other in pairs if one != other]


def compare(first: dict[str, Any], second: dict[str, Any], bound: float = BOUND) -> list[dict[str, str]]:
    """A line for each quantity that both records have: the second's median over the first's.

    A line says "better" or "worse" where the 95 % interval of the ratio lies beyond 1 by more than `bound`, and
    nothing where it does not or where there are no repetitions.
    """
    others = {quantity.name: quantity for quantity in quantities_of(second)}
    pairs = [(one, others[one.name]) for one in quantities_of(first) if one.name in others]
    return [
        {"quantity": one.name, "first": one.measured, "second": other.measured} | _change(one, other, bound)
        for one, other in pairs
    ]


def verdict(first: dict[str, Any], second: dict[str, Any], bound: float = BOUND) -> str:
    """What the comparison says, in sentences; first of all whether it may be made."""
    differing = differences(first, second)
    if differing:
        reason = f"the records are of different machines or settings ({'; '.join(differing)})"
        return f"Not comparable: {reason}. The ratios are shown all the same; they say nothing about the code."
    rows = compare(first, second, bound)
    counts = {word: sum(row["verdict"] == word for row in rows) for word in ("better", "worse")}
    return (
        f"Of {len(rows)} quantities, {counts['better']} became better and {counts['worse']} worse by more than "
        f"{100 * bound:g} %, with the whole interval; of the others the repetitions do not say so."
    )


def _change(one: Quantity, other: Quantity, bound: float) -> dict[str, str]:
    """The ratio's part of a line; empty where there is no ratio, as of a difference that is 0."""
    if min(*one.values, *other.values) <= 0:
        return dict.fromkeys(("second / first", "95 % interval", "verdict"), "")
    low, high = bootstrap(lambda a, b, axis: np.median(b, axis) / np.median(a, axis), one.values, other.values)
    word = ""
    if low > 1 + bound or high < 1 / (1 + bound):
        word = "worse" if (low > 1) == (one.better == "less") else "better"
    interval = "" if np.isnan(low) else f"{low:.3f} to {high:.3f}"
    return {"second / first": f"{other.value / one.value:.3f}", "95 % interval": interval, "verdict": word}

"""The page of what was tried and measured on GPUs: the records of `text4vis_lab.gpu`, those of runs and those kept."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..bench.compare import GPU, quantities_of, read_bench
from ..bench.measurement import Quantity
from ..suites import SuiteError
from .markdown import escaped

KEPT = "data/records/gpu"
FOLDERS = {"runs/gpu": "*/result.json", KEPT: "*.json"}
UNKNOWN = (
    ":::{note}\nThere is no record of a GPU beside this book. Not known are the speed and the memory of training and "
    "evaluation there, and whether all comes out as on a CPU; `make gpu-check` finds out, in minutes.\n:::"
)
RATES = {
    "step of": "step, s",
    "step /": "over the first way's",
    "videos": "videos/s",
    "model operations": "TFLOP/s",
    "utilisation": "utilisation",
}
COLUMNS = (*RATES.values(), "memory, GB")
PRECISIONS = ("float32 against the CPU", "bf16 against float32", "fp16 against float32")


def on_gpu(root: Path = Path()) -> str:
    """What stands in the page: a section for each record of a GPU and one about those kept, or what is not known.

    Raises:
        SuiteError: a record is damaged; says which.
    """
    shown = [_section(record) for record in gpu_records(root)]
    about = root / KEPT / "README.md"
    if shown and about.exists():
        shown.append(about.read_text(encoding="utf-8").replace("# ", "## ", 1))
    return "\n\n".join(shown) or UNKNOWN


def gpu_records(root: Path = Path()) -> list[dict[str, Any]]:
    """The records of GPUs, those of runs and those kept, not those of rehearsals.

    Raises:
        SuiteError: one is damaged; says which.
    """
    files = sorted(path for folder, pattern in FOLDERS.items() for path in (root / folder).glob(pattern))
    records = [record for record in map(_read, files) if record["notebook"] == GPU]
    return [record for record in records if record["timings"]["machine"]["gpu"]]


def _read(path: Path) -> dict[str, Any]:
    try:
        return read_bench(path)
    except ValueError as error:
        raise SuiteError(f"{error}; for the book it may be deleted as well") from error


def _section(record: dict[str, Any]) -> str:
    machine, metrics, path = record["timings"]["machine"], record["metrics"], Path(record["path"])
    quantities = quantities_of(record)
    named = path.stem if path.parent.as_posix().endswith(KEPT) else record["run"]
    about = f"{machine['gpu']}, PyTorch {machine['packages']['torch']}, Python {machine['python']}"
    ended = [part for part in metrics["parts"] if part not in metrics["failed"]]
    when = record["provenance"]["finished"][:10]
    lines = [
        f"## {escaped(machine['gpu'])}: {escaped(named)}",
        escaped(f"Measured on {when}: {about}, {machine['cores']} cores. Parts that ended well: {', '.join(ended)}."),
        _list(
            "Parts that failed, of which there is what they found before:", map(": ".join, metrics["failed"].items())
        ),
    ]
    limited = [q for q in quantities if q.met is not None]
    missed = [f"{q.name}: {q.measured}, limit {q.limit:g}" for q in limited if not q.met]
    lines += [_distances(quantities), _speeds(quantities), _others(quantities)]
    kept = f"Of {len(limited)} limits {len(limited) - len(missed)} were kept"
    lines.append(_list(f"{kept}. Missed:", missed) or f"{kept}.")
    return "\n\n".join(filter(None, lines))


def _list(head: str, texts: Iterable[str]) -> str:
    """A sentence and what it is about; empty where there is nothing."""
    items = [f"- {escaped(text)}" for text in texts]
    return "\n".join([head, "", *items]) if items else ""


def _distances(quantities: Iterable[Quantity]) -> str:
    """The largest distance over all encoders, for each precision."""
    rows = []
    for precision in PRECISIONS:
        found = {
            what: [q for q in quantities if f": {what}, {precision}" in q.name]
            for what in ("embeddings", "loss", "gradients")
        }
        if all(found.values()):
            cells = [f"{max(q.value for q in of):.2g} (at most {of[0].limit:g})" for of in found.values()]
            rows.append((f"{precision}, {len(found['loss'])} models", *cells))
    return _table(("largest relative distance", "embeddings", "loss", "gradients"), rows)


def _speeds(quantities: Iterable[Quantity]) -> str:
    """A line for each model and way whose videos a second are known."""
    ways: dict[str, dict[str, str]] = {}
    for quantity in quantities:
        way, _, what = quantity.name.partition(": ")
        column = next((name for begin, name in RATES.items() if what.startswith(begin)), None)
        if what == "memory":
            column = "memory, GB"
        if column:
            low, high = quantity.interval
            spread = "" if math.isnan(low) or column != "videos/s" else f" ({_number(low)} to {_number(high)})"
            ways.setdefault(way, {})[column] = _number(quantity.value) + spread
    rows = [(way, *(cells.get(column, "") for column in COLUMNS)) for way, cells in ways.items() if "videos/s" in cells]
    return _table(("model, way", *COLUMNS), rows)


def _others(quantities: Iterable[Quantity]) -> str:
    """What is in neither table: results that have a limit, and rates of loading and of the device."""
    rows = []
    for quantity in quantities:
        _, _, what = quantity.name.rpartition(": ")
        shown = quantity.limit is not None or quantity.unit in ("samples/s", "TFLOP/s", "GB/s", "%")
        shown = shown or "loading included" in what or "gaps" in what
        if shown and not what.startswith((*RATES, "not compiled")) and not what.endswith(PRECISIONS):
            value = f"{_number(quantity.value)} {quantity.unit}".rstrip()
            rows.append((quantity.name, value, quantity.row()["limit"]))
    return _table(("what else was found", "median", "limit"), rows)


def _number(value: float) -> str:
    """In three digits, or more of them before the point."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [header, ["---"] * len(header), *([*map(escaped, row)] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)

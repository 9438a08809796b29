"""Kept files of wrong shapes: records, attempts, checkpoints, scores and what else a run leaves, each spoiled in a way.

`SHAPES` has them all. A shape is made of a right file, which `test_wrong_shapes.py` writes as the project does.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from pyarrow import parquet
from safetensors import safe_open
from safetensors.torch import save_file

from text4vis_core.training.resume import save_checkpoint
from text4vis_lab.cache.cache import write_entry
from text4vis_lab.prepare.index import digest_of
from text4vis_lab.sealing import SEAL, seal_of

GONE = object()  # in the place of a field's value: there is no such field


@dataclass(frozen=True)
class Shape:
    """A wrong shape.

    Attributes:
        kind: of file.
        name: of the shape.
        spoil: makes a right file wrong.
        says: what the error names besides the file, such as the field: part of it.
    """

    kind: str
    name: str
    spoil: Callable[[Path], Any]
    says: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"


def written(content: bytes) -> Callable[[Path], Any]:
    """To hold something else altogether."""
    return lambda path: path.write_bytes(content)


def cut(path: Path) -> None:
    """Half of it is left."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def given(value: dict, place: str, new: Any) -> dict:
    """Plain values of which one, by its place "rows.0.top1", is another, or gone."""
    copy = json.loads(json.dumps(value))
    *above, last = [int(part) if part.isdigit() else part for part in place.split(".")]
    inside = copy
    for part in above:
        inside = inside[part]
    if new is GONE:
        del inside[last]
    else:
        inside[last] = new
    return copy


def field(place: str, new: Any = GONE, sealed: bool = True) -> Callable[[Path], Any]:
    """To have another value in a field of JSON, or none; sealed as by who knows how, or as by who edits it."""

    def spoil(path: Path) -> None:
        found = given(json.loads(path.read_text()), place, new)
        path.write_text(json.dumps(found | {SEAL: seal_of(found)} if sealed else found))

    return spoil


DEEP = b"[" * 100_000
BYTES = {"is empty": b"", "is text": b"no file of ours", "is no UTF-8": b"\xff\xfe\x00", "is too deep": DEEP}
NO_OBJECT = {"is a list": b"[]", "is a number": b"7", "is null": b"null"}


def of_json(kind: str, fields: dict[str, tuple[Any, str]], edited: tuple[str, Any]) -> Iterator[Shape]:
    """Of a kind in JSON: no JSON, no object, wrong fields by their places, no seal, and edited values."""
    for name, content in (BYTES | NO_OBJECT).items():
        yield Shape(kind, name, written(content), "it holds no fields" if name in NO_OBJECT else "")
    yield Shape(kind, "was cut", cut)
    for place, (new, says) in fields.items():
        how = "is gone" if new is GONE else f"is {json.dumps(new)[:20]}"
        yield Shape(kind, f"{place} {how}", field(place, new), says)
    yield Shape(kind, "has no seal", field(SEAL, GONE, sealed=False), "field 'seal' is missing")
    yield Shape(kind, "was edited", field(*edited, sealed=False), "field 'seal' is not that of its content")


def state(**changed: Any) -> Callable[[Path], Any]:
    """To be a checkpoint with other values, written as checkpoints are."""

    def spoil(path: Path) -> None:
        found = torch.load(path, weights_only=True) | changed
        save_checkpoint(path, {name: value for name, value in found.items() if value is not GONE})

    return spoil


def saved_again(**changed: Any) -> Callable[[Path], Any]:
    """To be loaded, changed, and saved by torch alone."""
    return lambda path: torch.save(torch.load(path, weights_only=True) | changed, path)


def column(name: str, new: Any) -> Callable[[Path], Any]:
    """To have another column in the place of one of a Parquet file, or none; `new` makes it of the rows' number."""

    def spoil(path: Path) -> None:
        table = parquet.read_table(path)
        place = table.column_names.index(name)
        table = table.remove_column(place)
        parquet.write_table(table if new is GONE else table.add_column(place, name, [new(len(table))]), path)

    return spoil


def no_rows(path: Path) -> None:
    parquet.write_table(parquet.read_table(path).slice(0, 0), path)


def entry(change: Callable[[dict, dict], Any]) -> Callable[[Path], Any]:
    """To be an entry of the cache with other tensors and texts, whose checksum is right."""

    def spoil(path: Path) -> None:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.offset_keys() if name != "sha256"}
            texts = {name: text for name, text in file.metadata().items() if name != "name"}
        change(tensors, texts)
        layout = {name: (tensor.dtype, tensor.shape) for name, tensor in tensors.items()}
        write_entry(path, layout, tensors.values(), texts)

    return spoil


def index(change: Callable[[dict, dict], Any]) -> Callable[[Path], Any]:
    """To be an index with other columns and facts, whose digest is right."""

    def spoil(path: Path) -> None:
        with safe_open(path, framework="pt") as file:
            columns = {name: file.get_tensor(name).numpy().copy() for name in file.keys()}  # noqa: SIM118
            about = json.loads(json.loads(file.metadata()["index"])[1])
        change(columns, about)
        text = json.dumps(about)
        tensors = {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in columns.items()}
        save_file(tensors, path, {"index": json.dumps([digest_of(columns, text), text])})

    return spoil


def line(**changed: Any) -> Callable[[Path], Any]:
    """To have other values in the first line of a journal."""

    def spoil(path: Path) -> None:
        first, *others = path.read_text().splitlines(keepends=True)
        row = json.loads(first) | changed
        path.write_text(json.dumps({k: v for k, v in row.items() if v is not GONE}) + "\n" + "".join(others))

    return spoil


RECORDS = {
    "rows": (GONE, "field 'rows'"),
    "notebook": (7, "field 'notebook'"),
    "metrics": ([], "field 'metrics'"),
    "skipped": ([{"video": "a.mp4"}], "field 'skipped[0].reason'"),
    "provenance.finished": (GONE, "field 'provenance.finished'"),
    "provenance.hardware": (None, "field 'provenance.hardware'"),
    "timings.total_seconds": ("1", "field 'timings.total_seconds'"),
    "rows.0.top1": ("61.5", "column 'top1' holds '61.5', not float"),
    "rows.0.cell": (GONE, "a row lacks 'cell'"),
    "schema": (99, "schema 99"),
}
ATTEMPTS = {
    "status": ("fine", "field 'status'"),
    "seconds": (-1.0, "field 'seconds'"),
    "error": (GONE, "field 'error'"),
    "files": ([], "field 'files'"),
    "parameters": ("x", "field 'parameters'"),
}
CELLS = {"files": (["a"], "field 'files'"), "outcome.history": ("x", "field 'outcome.history'")}
MODELS = {
    "classes": ([], "field 'classes'"),
    "architecture": ([], "field 'architecture'"),
    "architecture.temporal": (GONE, "field 'architecture.temporal'"),
    "weights": (None, "field 'weights'"),
    "format": (99, "format"),
}
KEPT = {"parameters.dataset": (GONE, "field 'parameters.dataset'"), "files": (GONE, "field 'files'")}
NO_CHECKPOINT = {"is empty": b"", "is text": b"no file of ours", "is a zip of nothing": b"PK\x05\x06" + bytes(18)}
FLOATS = pa.list_(pa.float32())

SHAPES = (
    *of_json("record", RECORDS, ("parameters.lr", 7)),
    *of_json("attempt", ATTEMPTS, ("status", "failed")),
    *of_json("cell", CELLS, ("outcome.trained_parameters", 7)),
    *of_json("model", MODELS, ("names", "other")),
    *of_json("kept record", KEPT, ("metrics.about", "better")),
    *(Shape("checkpoint", name, written(content)) for name, content in NO_CHECKPOINT.items()),
    Shape("checkpoint", "was cut", cut),
    *(
        Shape("checkpoint", f"{name} was changed", saved_again(**{name: new}), "its seal is not that of what it holds")
        for name, new in (("step", 1), ("epoch", 0), ("sums", torch.zeros(3)), ("history", []), ("seconds", 9.0))
    ),
    *(
        Shape("checkpoint", f"{name} is {'gone' if new is GONE else new!r}", state(**{name: new}), f"field {name!r}")
        for name, new in (("model", GONE), ("step", "1"), ("history", 7), ("sums", [1.0]), ("skipped", GONE))
    ),
    *(Shape("scores", name, written(content)) for name, content in BYTES.items()),
    Shape("scores", "was cut", cut),
    Shape("scores", "has no test", column("test", GONE), "field 'test'"),
    Shape("scores", "has no scores", column("scores", GONE), "field 'scores'"),
    Shape("scores", "scores are text", column("scores", lambda n: pa.array(["x"] * n)), "field 'scores'"),
    Shape("scores", "a score is missing", column("scores", lambda n: pa.array([None] * n, FLOATS)), "field 'scores'"),
    Shape("scores", "labels are text", column("label", lambda n: pa.array(["x"] * n)), "field 'label'"),
    Shape("scores", "a label is none", column("label", lambda n: pa.array([-1] * n)), "'label'"),
    Shape("scores", "a label is too large", column("label", lambda n: pa.array([99] * n)), "'label'"),
    Shape(
        "scores",
        "rows are of several lengths",
        column("scores", lambda n: pa.array([[0.0] * (5 + i % 2) for i in range(n)], FLOATS)),
        "'scores'",
    ),
    Shape("scores", "has no rows", no_rows, "it has no rows"),
    Shape("ranks", "has no view", column("view", GONE), "field 'view'"),
    Shape("ranks", "ranks are text", column("cell a", lambda n: pa.array(["x"] * n)), "field 'cell a'"),
    Shape("ranks", "has no rows", no_rows, "it has no rows"),
    Shape("cache entry", "is empty", written(b""), "checksum"),
    Shape("cache entry", "was cut", cut, "checksum"),
    Shape("cache entry", "has no embeddings", entry(lambda tensors, _: tensors.clear()), "field 'embeddings'"),
    Shape(
        "cache entry",
        "embeddings are flat",
        entry(lambda tensors, _: tensors.update(embeddings=torch.zeros(3))),
        "field 'embeddings'",
    ),
    Shape(
        "cache entry", "is another's", lambda path: path.write_bytes(path.with_suffix(".other").read_bytes()), "name"
    ),
    Shape("index", "is empty", written(b"")),
    Shape("index", "has no labels", index(lambda columns, _: columns.pop("label")), "field 'label'"),
    Shape("index", "has no sizes", index(lambda columns, _: columns.pop("bytes")), "field 'bytes'"),
    Shape("index", "has no classes", index(lambda _, about: about.pop("classes")), "field 'classes'"),
    Shape("index", "counts too many", index(lambda _, about: about.update(videos=10**6)), "field 'videos'"),
    Shape("index", "a class is none", index(lambda columns, _: columns["label"].fill(99)), "field 'label'"),
    Shape("index", "names end wrong", index(lambda columns, _: columns["name_ends"].__imul__(2)), "'name_ends'"),
    Shape("index", "names go back", index(lambda columns, _: columns["name_ends"].__imul__(-1)), "'name_ends'"),
    Shape("journal", "a line is no JSON", lambda path: path.write_text("{\n"), "line 1"),
    Shape("journal", "a line is a list", lambda path: path.write_text("[]\n"), "line 1"),
    Shape("journal", "a copy is nowhere", line(copy=GONE), "field 'copy'"),
    Shape("journal", "a copy is elsewhere", line(copy="../../precious.mp4"), "field 'copy'"),
    Shape("journal", "a size is text", line(bytes="7"), "field 'bytes'"),
    Shape("recipe", "is a list", written(b"[]")),
    Shape("recipe", "is too deep", written(DEEP)),
)

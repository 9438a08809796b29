"""Scores per video: kept beside a run's record, so that every metric in it can be computed again.

    runs/<suite>/<run>/scores/<cell>.parquet      a row per video and tested list
    runs/<suite>/<run>/scores/ranks*.parquet      of a grid of thousands of cells the rank of the true class alone:
                                                  a row per video of one tested list, a column per cell

N videos, C classes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from text4vis_core.data.video_list import Video, VideoList
from text4vis_core.evaluation.metrics import ROWS, mean_average_precision, topk_accuracy, topk_correct
from text4vis_core.evaluation.protocols import LEAST, half_class_splits
from text4vis_core.files import file_digest

from .plain import encodable
from .stored_tables import check_kinds, read_table, unreadable
from .storing import replacing

if TYPE_CHECKING:
    import pyarrow as pa

    from text4vis_core.evaluation.embedding import EmbeddedVideos

FOLDER = "scores"
RANKS = "ranks"  # what the names of files of ranks begin with
HALVES = 10  # published half-class splits
CLASSES, NAMES = b"classes", TypeAdapter(dict[str, list[str]])  # kept in the metadata of a file of scores
TEXTS = dict.fromkeys(("test", "view", "video"), r"(large_)?string|dictionary<values=(large_)?string,.*>")


@dataclass(frozen=True)
class Scores:
    """Scores of one tested list.

    Attributes:
        videos: N paths, with the part of the file where only a part counts.
        labels: int64 (N,), the class or the first of several.
        scores: float32 (N, C), logits.
        targets: 0/1 float32 (N, C) where videos may have several labels, else None.
        classes: C names of the columns, as the data set spells them; () where a file does not say.
    """

    videos: Sequence[str]
    labels: Tensor
    scores: Tensor
    targets: Tensor | None = None
    classes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, videos: VideoList, known: "EmbeddedVideos", logits: Tensor, classes: Sequence[int] | None = None
    ) -> "Scores":
        """Of a list's embedded videos; those of `classes` alone, if given."""
        kept = np.arange(len(known.labels))
        if classes is not None:
            wanted = torch.tensor(list(classes), dtype=torch.int64)
            truth = known.labels if known.targets is None else known.targets
            inside = torch.isin(truth, wanted) if truth.ndim == 1 else (truth[:, wanted] > 0).any(-1)
            kept = inside.nonzero()[:, 0].numpy()
        paths = [video_name(videos.videos[int(index)]) for index in known.indices[kept]]
        targets = None if known.targets is None else known.targets[kept]
        return cls(paths, known.labels[kept], logits[kept].contiguous(), targets, videos.classes)

    @property
    def truth(self) -> Tensor:
        """What counts as right: labels (N,), or targets (N, C) where a video may have several."""
        return self.labels if self.targets is None else self.targets

    def metrics(self, half: int | None = None) -> dict[str, float]:
        """In percent: top1, top5, and map where videos may have several labels; of several any is right.

        Args:
            half: number of a published half-class split, in which the videos' first label counts; None for all classes.
        """
        if half is not None:
            classes, inside = self._half(half)
            part = self.scores[inside[:, None], classes]
            labels = torch.searchsorted(classes, self.labels[inside])
            return {"top1": topk_accuracy(part, labels), "top5": topk_accuracy(part, labels, 5)}
        found = {"top1": topk_accuracy(self.scores, self.truth), "top5": topk_accuracy(self.scores, self.truth, 5)}
        if self.targets is not None:
            # Ranks over videos need probabilities: logits of different videos do not compare.
            found["map"] = mean_average_precision(self.scores.softmax(-1), self.targets)
        return found

    def right(self, k: int) -> np.ndarray:
        """bool (N,): whether a video's class, or any of several, is among its k highest scores."""
        some = zip(self.scores.split(ROWS), self.truth.split(ROWS), strict=True)  # a check of all would copy them
        return torch.cat([topk_correct(scores, truth, k) for scores, truth in some]).numpy()

    @property
    def halves(self) -> list[int]:
        """Numbers of the half-class splits that have a video; none where a half has fewer than `LEAST` classes."""
        enough = self.scores.shape[1] // 2 >= LEAST
        return [half for half in range(HALVES) if self.half_videos(half)] if enough else []

    def half_videos(self, half: int) -> int:
        """How many of the videos belong to a half of the classes."""
        return len(self._half(half)[1])

    def _half(self, half: int) -> tuple[Tensor, Tensor]:
        classes = torch.from_numpy(half_class_splits(self.scores.shape[1], HALVES)[half])
        return classes, torch.isin(self.labels, classes).nonzero()[:, 0]


@dataclass(frozen=True)
class Ranks:
    """How many classes score higher than the true one, for each video of one tested list.

    Attributes:
        videos: N paths; of a cache of features, which has none, "test/0", "test/1", ...
        labels: int64 (N,).
        ranks: uint16 (N,), 0 where the true class is the highest.
    """

    videos: Sequence[str]
    labels: np.ndarray
    ranks: np.ndarray

    def metrics(self, half: int | None = None) -> dict[str, float]:
        """In percent: top1, top5; a ValueError for a half of the classes, of which ranks among all do not tell."""
        if half is not None:
            raise ValueError("ranks among all classes tell no metric of half of them; keep the scores of this cell")
        return {f"top{k}": 100 * float(self.right(k).mean()) for k in (1, 5)}

    def right(self, k: int) -> np.ndarray:
        """bool (N,): whether a video's class is among its k highest scores."""
        return self.ranks < k


def ranks_of(scores: Tensor, truth: Tensor) -> np.ndarray:
    """uint16 (N,): the rank of each video's class, or of the highest of several, among its scores (N, C).

    Such that top-1 and top-5 are those of `Scores`, whose `truth` is given.

    Ties are broken as `torch.topk` does, which does it in another way for each k: the ranks below 1 and 5 are its own.
    """
    order = scores.topk(scores.shape[1], dim=-1).indices
    hits = order == truth[:, None] if truth.ndim == 1 else truth.gather(1, order) > 0
    ranks = hits.int().argmax(-1).numpy()
    first, fifth = (topk_correct(scores, truth, k).numpy() for k in (1, 5))
    ranks = np.where(first, 0, np.where(fifth, ranks.clip(1, 4), ranks.clip(5)))
    return ranks.astype(np.uint16)


def write_ranks(
    path: Path,
    ranks: Mapping[str, np.ndarray],
    videos: Sequence[str],
    labels: np.ndarray | Tensor,
    test: str = "test",
    view: str = "1 view",
) -> None:
    """Write the ranks of many cells on one tested list as Parquet, whole or not at all.

    Args:
        path: of the file: scores/ranks.parquet, or of a further list scores/ranks-<list>.parquet.
        ranks: name of the cell -> uint16 (N,), see `ranks_of`.
        videos: N paths.
        labels: int64 (N,).
        test, view: of the cells' rows.
    """
    import pyarrow as pa
    from pyarrow import parquet

    named = {"test": test, "view": view}
    columns: dict[str, Any] = {k: pa.array([encodable(v)] * len(videos)).dictionary_encode() for k, v in named.items()}
    columns |= {"video": [*map(encodable, videos)], "label": np.asarray(labels)}
    columns |= {f"cell {name}": np.asarray(values, dtype=np.uint16) for name, values in ranks.items()}
    with replacing(path) as temporary:
        parquet.write_table(pa.table(columns), temporary, compression="zstd")


def read_ranks(path: Path) -> dict[tuple[str, str, str], Ranks]:
    """What `write_ranks` wrote: (cell, test, view) -> ranks.

    Raises:
        ValueError: the file is missing or damaged.
    """
    table = read_table(path, TEXTS | {"label": "int64"}, "ranks")
    cells = [name for name in table.column_names if name.startswith("cell ")]
    check_kinds(path, table, dict.fromkeys(cells, "uint16"), "ranks")
    test, view = (str(table[name][0].as_py()) for name in ("test", "view"))
    videos, labels = table["video"].to_pylist(), table["label"].to_numpy()
    return {(name[len("cell ") :], test, view): Ranks(videos, labels, table[name].to_numpy()) for name in cells}


def read_part(run_dir: str | Path, row: Mapping[str, Any], files: Mapping[str, str] | None = None) -> Scores | Ranks:
    """What a row's metrics were computed from: the scores of its cell, or ranks where the cell has no file of its own.

    Args:
        run_dir: the run's folder.
        row: of its record.
        files: of its record: digests of what lay beside it when it was written; None: they are not compared.

    Raises:
        ValueError: there are none, they are damaged, or others than the record was written with.
    """
    path, asked = Path(run_dir, FOLDER, f"{row['cell']}.parquet"), (encodable(row["test"]), encodable(row["view"]))
    ranks = [] if path.exists() else sorted(path.parent.glob(f"{RANKS}*.parquet"))
    for file in ranks:
        found = _kept_ranks(file, file.stat().st_mtime_ns, _written(file, files)).get((row["cell"], *asked))
        if found is not None:
            return found
    changed = path.stat().st_mtime_ns if path.exists() else 0
    part = _kept_scores(path, changed, _written(path, files)).get(asked)
    if part is None:
        raise ValueError(
            f"{path}: no scores of cell {row['cell']!r}, test {row['test']!r}, {row['view']}; run the notebook again"
        )
    return part


@lru_cache(maxsize=4)
def _kept_ranks(path: Path, changed: int, written: str | None) -> dict[tuple[str, str, str], Ranks]:
    _check_written(path, written)
    return read_ranks(path)


@lru_cache(maxsize=2)  # two runs that are compared
def _kept_scores(path: Path, changed: int, written: str | None) -> dict[tuple[str, str], Scores]:
    _check_written(path, written)
    return read_scores(path)


def _written(path: Path, files: Mapping[str, str] | None) -> str | None:
    """The digest that a file has by its run's record; None where there was none to compare."""
    return None if files is None else files.get(f"{FOLDER}/{path.name}", "")


def written(path: Path, files: Mapping[str, str] | None) -> Path:
    """A file of scores, if it is what the record beside it was written with; a ValueError where it is another."""
    _check_written(path, _written(path, files))
    return path


def _check_written(path: Path, digest: str | None) -> None:
    if digest is not None and path.is_file() and file_digest(path) != digest:
        raise ValueError(f"{path} is not what the record beside it was written with; run the notebook again")


def write_scores(path: Path, parts: Mapping[tuple[str, str], Scores], labels: Mapping[str, Any]) -> None:
    """Write the scores of a cell's tests as Parquet, whole or not at all.

    Args:
        path: of the file.
        parts: (test, view) -> scores. Names and paths are kept as `encodable` gives them.
        labels: further columns with one value each, such as method and seed.
    """
    import pyarrow as pa
    from pyarrow import parquet

    tables, classes = [], {}
    for (test, view), part in parts.items():
        classes[encodable(test)] = [*map(encodable, part.classes)]
        rows = part.scores.numpy().astype(np.float32, copy=False)
        named = {"test": test, "view": view, **labels}
        columns: dict[str, Any] = {
            name: pa.array([value] * len(rows)).dictionary_encode() if isinstance(value, str) else [value] * len(rows)
            for name, value in ((name, encodable(value)) for name, value in named.items())
        }
        columns |= {"video": [*map(encodable, part.videos)], "label": part.labels.numpy()}
        if part.targets is not None:
            columns["labels"] = [row.nonzero()[:, 0].tolist() for row in part.targets]
        offsets = np.arange(len(rows) + 1, dtype=np.int32) * rows.shape[1]
        columns["scores"] = pa.ListArray.from_arrays(pa.array(offsets), pa.array(rows.reshape(-1)))
        tables.append(pa.table(columns))
    with replacing(path) as temporary:
        whole = pa.concat_tables(tables, promote_options="default").unify_dictionaries()
        whole = whole.replace_schema_metadata({CLASSES: json.dumps(classes)})
        parquet.write_table(whole, temporary, compression="zstd")


def read_scores(path: Path) -> dict[tuple[str, str], Scores]:
    """What `write_scores` wrote: (test, view) -> scores.

    Raises:
        ValueError: the file is missing or damaged.
    """
    import pyarrow.compute as pc

    table = read_table(path, TEXTS | {"label": "int64", "scores": "list<.*: float>"})
    classes, parts = _classes(path, table), {}
    named = [*dict.fromkeys(zip(*(table[name].to_pylist() for name in ("test", "view")), strict=True))]
    for test, view in named:
        rows = table if len(named) == 1 else table.filter((pc.field("test") == test) & (pc.field("view") == view))
        lengths, labels = pc.list_value_length(rows["scores"]).to_numpy(), rows["label"].to_numpy()
        if len({*lengths.tolist()}) > 1 or not ((labels >= 0) & (labels < lengths)).all():
            raise unreadable(path, "scores", "fields 'label' and 'scores' are of different classes")
        values = pc.list_flatten(rows["scores"]).to_numpy().reshape(len(rows), -1)
        scores, targets = torch.from_numpy(values.copy()), None
        if "labels" in rows.column_names and not rows["labels"].null_count:
            targets = torch.zeros_like(scores)
            for row, several in zip(targets, rows["labels"].to_pylist(), strict=True):
                row[several] = 1
        names = classes.get(test, ())
        if names and len(names) != scores.shape[1]:
            raise unreadable(path, "scores", f"field 'classes' has {len(names)} names for {scores.shape[1]} scores")
        parts[test, view] = Scores(rows["video"].to_pylist(), torch.from_numpy(labels.copy()), scores, targets, names)
    return parts


def _classes(path: Path, table: "pa.Table") -> dict[str, tuple[str, ...]]:
    """Test -> names of its classes; {} of a file from before they were kept."""
    try:
        found = NAMES.validate_json((table.schema.metadata or {}).get(CLASSES, b"{}"))
    except ValidationError:
        raise unreadable(path, "scores", "field 'classes' holds no names by test") from None
    return {test: tuple(names) for test, names in found.items()}


def recompute(
    run_dir: str | Path, rows: Sequence[Mapping[str, Any]], files: Mapping[str, str] | None = None
) -> list[dict[str, float]]:
    """The metrics of a record's rows, computed anew from the scores per video beside it.

    Args:
        run_dir: the run's folder.
        rows: of its record.
        files: see `read_part`.

    Raises:
        ValueError: scores are missing (of which cell and test).
    """
    found = []
    for row in rows:
        half = row.get("half")
        found.append(read_part(run_dir, row, files).metrics(None if half is None else int(half)))
    return found


def video_name(video: Video) -> str:
    """What a video is called in scores: its path, with the part of the file where only a part counts."""
    part = "" if video.start is None and video.end is None else f"#t={video.start or 0},{video.end or ''}"
    return f"{video.path}{part}"

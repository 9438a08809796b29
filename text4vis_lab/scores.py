"""Scores per video: kept beside a run's record, so that every metric in it can be computed again.

    runs/<suite>/<run>/scores/<cell>.parquet      a row per video and tested list

N videos, C classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from text4vis_core.data.video_list import VideoList
from text4vis_core.evaluation.embedding import EmbeddedVideos
from text4vis_core.evaluation.metrics import mean_average_precision, topk_accuracy
from text4vis_core.evaluation.protocols import half_class_splits
from text4vis_core.files import replacing

from .plain import encodable

FOLDER = "scores"
HALVES = 10  # published half-class splits


@dataclass(frozen=True)
class Scores:
    """Scores of one tested list.

    Attributes:
        videos: N paths, with the part of the file where only a part counts.
        labels: int64 (N,), the class or the first of several.
        scores: float32 (N, C), logits.
        targets: 0/1 float32 (N, C) where videos may have several labels, else None.
    """

    videos: Sequence[str]
    labels: Tensor
    scores: Tensor
    targets: Tensor | None = None

    @classmethod
    def of(
        cls, videos: VideoList, known: EmbeddedVideos, logits: Tensor, classes: Sequence[int] | None = None
    ) -> "Scores":
        """Of a list's embedded videos; those of `classes` alone, if given."""
        kept = np.arange(len(known.labels))
        if classes is not None:
            wanted = torch.tensor(list(classes), dtype=torch.int64)
            truth = known.labels if known.targets is None else known.targets
            inside = torch.isin(truth, wanted) if truth.ndim == 1 else (truth[:, wanted] > 0).any(-1)
            kept = inside.nonzero()[:, 0].numpy()
        paths = [_named(videos.videos[int(index)]) for index in known.indices[kept]]
        targets = None if known.targets is None else known.targets[kept]
        return cls(paths, known.labels[kept], logits[kept].contiguous(), targets)

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

    def half_videos(self, half: int) -> int:
        """How many of the videos belong to a half of the classes."""
        return len(self._half(half)[1])

    def _half(self, half: int) -> tuple[Tensor, Tensor]:
        classes = torch.from_numpy(half_class_splits(self.scores.shape[1], HALVES)[half])
        return classes, torch.isin(self.labels, classes).nonzero()[:, 0]


def write_scores(path: Path, parts: Mapping[tuple[str, str], Scores], labels: Mapping[str, Any]) -> None:
    """Write the scores of a cell's tests as Parquet, whole or not at all.

    Args:
        path: of the file.
        parts: (test, view) -> scores. Names and paths are kept as `encodable` gives them.
        labels: further columns with one value each, such as method and seed.
    """
    import pyarrow as pa
    from pyarrow import parquet

    tables = []
    for (test, view), part in parts.items():
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
        parquet.write_table(whole, temporary, compression="zstd")


def read_scores(path: Path) -> dict[tuple[str, str], Scores]:
    """What `write_scores` wrote: (test, view) -> scores.

    Raises:
        ValueError: the file is missing or damaged.
    """
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(path).to_pandas()
    except (OSError, pa.ArrowException) as error:
        raise ValueError(f"{path}: the scores cannot be read ({error}); run the notebook again") from error
    parts = {}
    for (test, view), rows in table.groupby(["test", "view"], sort=False, observed=True):
        scores = torch.from_numpy(np.stack(rows["scores"].to_list()))
        targets = None
        if "labels" in rows and rows["labels"].notna().all():
            targets = torch.zeros_like(scores)
            for row, labels in zip(targets, rows["labels"], strict=True):
                row[torch.from_numpy(np.array(labels, dtype=np.int64))] = 1
        labels = torch.from_numpy(rows["label"].to_numpy(copy=True))
        parts[str(test), str(view)] = Scores(rows["video"].to_list(), labels, scores, targets)
    return parts


def recompute(run_dir: str | Path, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
    """The metrics of a record's rows, computed anew from the scores per video beside it.

    Args:
        run_dir: the run's folder.
        rows: of its record.

    Raises:
        ValueError: scores are missing (of which cell and test).
    """
    known: dict[str, dict[tuple[str, str], Scores]] = {}
    found = []
    for row in rows:
        cell = row["cell"]
        if cell not in known:
            known[cell] = read_scores(Path(run_dir, FOLDER, f"{cell}.parquet"))
        part = known[cell].get((encodable(row["test"]), encodable(row["view"])))
        if part is None:
            raise ValueError(f"{run_dir}/result.json: no scores of cell {cell!r}, test {row['test']!r}, {row['view']}")
        half = row.get("half")
        found.append(part.metrics(None if half is None else int(half)))
    return found


def _named(video) -> str:
    part = "" if video.start is None and video.end is None else f"#t={video.start or 0},{video.end or ''}"
    return f"{video.path}{part}"

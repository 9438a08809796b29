"""What a model answers: probabilities of its classes for videos, as a table; embeddings; other class names.

N videos, T frames of H x W pixels, C classes, D width of an embedding.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from text4vis_core.data.datasets import VideoDataset
from text4vis_core.data.sampling import evaluation_indices
from text4vis_core.data.transforms import evaluation_views, to_clip
from text4vis_core.data.video import read_frames
from text4vis_core.data.video_list import Video, VideoList
from text4vis_core.evaluation.metrics import check_scores
from text4vis_core.model.classifier import CosineClassifier
from text4vis_core.model.clip import Clip
from text4vis_core.model.video_classifier import VideoClassifier

from ..fitting import embed_texts
from ..model_files.facts import Facts, ModelError
from ..naming import checked_names
from ..plain import encodable
from ..sources import Clips
from ..video_files import find_videos
from .doubts import Doubts

COLUMNS = ["video", "rank", "class", "probability", "note", "error"]


@dataclass(frozen=True)
class Embedded:
    """Videos as a model sees them.

    Attributes:
        videos: those that could be read, N.
        embeddings: float32 (N, D), the mean of each video's views, not of unit length.
        errors: (path, reason) of the others.
    """

    videos: list[str]
    embeddings: Tensor
    errors: list[tuple[str, str]]


@dataclass(frozen=True)
class Model:
    """A video classifier with its classes, ready to be asked.

    Attributes:
        name: of its folder, or of the CLIP.
        network: as it was trained, with a classifier of `facts.classes`.
        facts: all that is known of it.
        clips: how it looks at a video.
        folder: where it lies; None for one that is not kept.
        labels: class names that were given in the place of its own; empty for its own.
        template: prompt of such names.
        head: what compares an embedding with the labels; None for their embeddings by the text tower.
        find_clip: gives the CLIP of its text tower.
    """

    name: str
    network: VideoClassifier
    facts: Facts
    clips: Clips
    folder: Path | None = None
    labels: tuple[str, ...] = ()
    template: str = ""
    head: nn.Module | None = None
    find_clip: Callable[[], Clip] | None = field(default=None, repr=False)

    @property
    def classes(self) -> list[str]:
        """Class names as text, in the order of the probabilities."""
        return list(self.labels or self.facts.classes)

    @property
    def num_frames(self) -> int:
        """Frames of a video that are looked at."""
        return self.clips.num_frames

    @cached_property
    def clip(self) -> Clip:
        """The CLIP that the model came from, for its text tower.

        Raises:
            ModelError: it is not here, or another than it was.
        """
        if self.find_clip is None:
            raise ModelError(f"{self.name} came from no CLIP that is known here, so that it has no other class names")
        return self.find_clip()

    @property
    def by_text(self) -> bool:
        """Whether videos are compared with embeddings of class names, and not with rows that were learned."""
        return bool(self.labels) or not self.facts.training

    @cached_property
    def classifier(self) -> nn.Module:
        """What compares an embedding with the classes: the network's own, or the text embeddings of other names."""
        if self.head is not None:
            return self.head
        if not self.labels:
            assert self.network.classifier is not None
            return self.network.classifier
        rows = embed_texts(self.clip, self.labels, self.template or self.facts.template)
        return CosineClassifier(rows.to(self.network.logit_scale.device))

    def with_labels(self, labels: Sequence[str], template: str = "") -> "Model":
        """The same encoder with other class names, compared with what the text tower says of them.

        Args:
            labels: names.
            template: their prompt; empty for the model's own.

        Raises:
            ValueError: no names, a text in the place of a list, or a name that is blank or comes twice.
        """
        return replace(self, labels=tuple(checked_labels(labels)), template=template or self.template, head=None)

    def frames(self, path: str | Path) -> np.ndarray:
        """The frames of a video that the model looks at: uint8 (T, H, W, 3).

        Raises:
            VideoError: it cannot be read.
        """
        count, dense = self.clips.num_frames, self.clips.dense
        return read_frames(path, lambda n: evaluation_indices(n, count, 1, dense), reading=self.clips.store.reading)

    @torch.no_grad()
    def embedding(self, frames: np.ndarray) -> Tensor:
        """The embedding float32 (D,) of a clip: uint8 (T, H, W, 3), any T that the temporal module takes."""
        views = evaluation_views(to_clip(frames), self.network.size, self.clips.resize or None)
        device = self.network.logit_scale.device
        with torch.autocast(device.type, enabled=device.type == "cuda"):
            return self.network.encode_video(views.to(device)).float()[0].cpu()

    @torch.no_grad()
    def logits_of(self, embeddings: Tensor) -> Tensor:
        """Finite logits (N, C) of embeddings (N, D), on the CPU; a ValueError where the model gives others."""
        scale = self.network.logit_scale
        return check_scores(self.classifier(embeddings.to(scale.device), scale).float().cpu())

    def logits(self, frames: np.ndarray) -> Tensor:
        """Logits (C,) of a clip, as of `embedding`."""
        return self.logits_of(self.embedding(frames)[None])[0]

    def probabilities(self, frames: np.ndarray) -> np.ndarray:
        """Probabilities of the classes, float32 (C,), of a clip, as of `embedding`."""
        return self.logits(frames).softmax(-1).numpy()

    def embed(self, paths: Iterable[str | Path], progress: bool = True) -> Embedded:
        """Every video below some paths, encoded once; what cannot be read is listed and nothing is lost.

        Args:
            paths: see `find_videos`.
            progress: show a bar, on stderr.
        """
        found = find_videos(paths)
        videos = VideoList(tuple(self.classes), tuple(Video(path, 0) for path in found))
        if not found:
            return Embedded([], torch.zeros(0, self.network.dim), [])
        bar = f"{len(found)} video{'s' * (len(found) != 1)}" if progress else None
        clips = replace(self.clips, on_error="skip")
        try:
            known = clips.embed(self.network, videos, clips.views, bar, cache=False)
        except ModelError:
            raise
        except ValueError:
            return self._none_read(clips.evaluation(videos, self.network.size, clips.views))
        names = [str(found[index]) for index in known.indices.tolist()]
        return Embedded(names, known.mean, known.skipped)

    def _none_read(self, dataset: VideoDataset) -> Embedded:
        """The reasons, where none could be decoded."""
        items = [dataset[index] for index in range(len(dataset))]
        if not all("error" in item for item in items):
            raise RuntimeError("videos could not be encoded that can be decoded")
        errors = [(str(v.path), item["error"]) for v, item in zip(dataset.videos.videos, items, strict=True)]
        return Embedded([], torch.zeros(0, self.network.dim), errors)

    def predict(self, paths: Iterable[str | Path], top: int = 5, progress: bool = True) -> pd.DataFrame:
        """The most probable classes of every video below some paths; labels are not needed.

        Args:
            paths: see `find_videos`.
            top: classes of each video; 0 for all.
            progress: show a bar, on stderr.

        Returns:
            Rows of video, rank (from 1), class, probability, note, error; in the order of the videos' paths. The note
            is a sentence where there is reason to doubt, see `familiarity`, else empty. A video that cannot be read has
            one row, of rank 0 and without class, whose error says why.
        """
        _ = self.classifier  # names that cannot be told apart are said before a video is read
        doubts = Doubts(self)
        with doubts.watching() as seen:
            embedded = self.embed(paths, progress)
        notes = doubts.notes(seen, self.logits_of(embedded.embeddings).softmax(-1))
        return self.answers(embedded, top, notes)

    def answers(self, embedded: Embedded, top: int = 5, notes: Sequence[str] = ()) -> pd.DataFrame:
        """What `predict` says of videos that are encoded; `notes` are N, or none."""
        count = min(top or len(self.classes), len(self.classes))
        rows, names = [], self.classes
        best = self.logits_of(embedded.embeddings).softmax(-1).topk(count) if embedded.videos else None
        for number, video in enumerate(embedded.videos):
            assert best is not None
            pairs = zip(best.values[number].tolist(), best.indices[number].tolist(), strict=True)
            note = notes[number] if notes else ""
            rows += [(video, rank, names[label], p, note, "") for rank, (p, label) in enumerate(pairs, 1)]
        rows += [(path, 0, "", float("nan"), "", _reason(path, why)) for path, why in embedded.errors]
        order = {path: place for place, path in enumerate(sorted({row[0] for row in rows}))}
        rows.sort(key=lambda row: (order[row[0]], row[1]))
        table = pd.DataFrame(rows, columns=COLUMNS)
        return table.assign(**{name: table[name].map(encodable) for name in ("video", "error")})

    def classify(self, path: str | Path, labels: Sequence[str]) -> pd.DataFrame:
        """The table of `predict` for one video, of class names that are given: all of them."""
        return self.with_labels(labels).predict([path], top=0, progress=False)


def checked_labels(labels: Sequence[str]) -> list[str]:
    """Class names to choose between: `naming.checked_names`.

    Raises:
        ValueError: as there, or there are none.
    """
    names = checked_names("class_names", labels)
    if not names:
        raise ValueError("parameter class_names is empty: give the names to choose between")
    return names


def _reason(path: str, text: str) -> str:
    """An error without the path that stands beside it."""
    return text.removeprefix(f"cannot read video {path}: ")

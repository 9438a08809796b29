"""What an annotation reader returns: videos with their labels, and the names of the classes. No file formats here."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import torch

from ..model.labels import class_names


class AnnotationError(ValueError):
    """Something is wrong with a data set's files. Names the file, the line and the remedy."""


class NoValidation(AnnotationError):
    """A data set that has no validation videos of its own was asked for them."""


@dataclass(frozen=True)
class Video:
    """One labelled video: where it lies and its class, 0-based.

    Attributes:
        path: a video file or a folder of frames.
        label: the class; the first one of a video with several.
        labels: all classes of a video in a data set with several labels per video; () where there is just `label`.
        start, end: seconds; only that part of the video is used. None for its beginning and its end.
        duration: seconds that the whole video lasts, as annotated; places `start` and `end` in a folder of frames.
    """

    path: Path
    label: int
    labels: tuple[int, ...] = ()
    start: float | None = None
    end: float | None = None
    duration: float | None = None

    @property
    def all_labels(self) -> tuple[int, ...]:
        """Every class of the video, whether one or several."""
        return self.labels or (self.label,)


@dataclass(frozen=True)
class VideoList:
    """Videos with their labels, and the names of the classes.

    Attributes:
        classes: names, as the data set spells them.
        videos: the videos, in the data set's order: a tuple, or rows of an index (`text4vis_lab.prepare`), whose
            labels are columns and which become objects one at a time.
        missing: listed videos that are not there, where that is tolerated (see `load_videos`); `path` is where one
            would lie, or its name alone where that may be anywhere below the root.
        directional: ids of classes that tell left from right, whose videos are never mirrored.
        notes: what the reader did that its user should know, a sentence each.
        ignored: visible files among the videos that are none.
        sources: files of annotations that it was read from.
    """

    classes: tuple[str, ...]
    videos: Sequence[Video]
    missing: Sequence[Video] = ()
    directional: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()
    ignored: tuple[Path, ...] = ()
    sources: tuple[Path, ...] = field(default=(), compare=False)

    def __len__(self) -> int:
        return len(self.videos)

    @property
    def labels(self) -> np.ndarray:
        """int64 (N,): the first class of each video."""
        if _indexed(self.videos):
            return self.videos.labels
        return np.array([video.label for video in self.videos], dtype=np.int64)

    @property
    def multi_label(self) -> bool:
        """Whether a video may have several classes."""
        if _indexed(self.videos):
            return self.videos.multi_label
        return any(video.labels for video in self.videos)

    @property
    def targets(self) -> torch.Tensor:
        """float32 (N, C): 1 for each class of a video, else 0."""
        targets = torch.zeros(len(self.videos), len(self.classes))
        if _indexed(self.videos):
            targets[self.videos.all_labels()] = 1
            return targets
        for row, video in zip(targets, self.videos, strict=True):
            row[list(video.all_labels)] = 1
        return targets

    @property
    def names(self) -> list[str]:
        """The class names as words."""
        return self.class_names("words")

    def class_names(self, style: str) -> list[str]:
        """The class names as text, in a style of `labels.NAME_STYLES`: "published" or "words"."""
        return class_names(self.classes, style)

    def select_classes(self, ids: Sequence[int]) -> "VideoList":
        """Only the videos of these classes, labels renumbered in the order given; so of those that are missing."""
        new = {old: i for i, old in enumerate(ids)}

        def renumbered(videos: Sequence[Video]) -> Sequence[Video]:
            if _indexed(videos):
                return videos.renumbered(new)
            kept = ((video, tuple(new[label] for label in video.all_labels if label in new)) for video in videos)
            return tuple(replace(v, label=ids[0], labels=ids if v.labels else ()) for v, ids in kept if ids)

        return replace(
            self,
            classes=tuple(self.classes[i] for i in ids),
            videos=renumbered(self.videos),
            missing=renumbered(self.missing),
            directional=frozenset(new[i] for i in self.directional if i in new),
        )

    def few_shot(self, shots: int, seed: int) -> "VideoList":
        """`shots` videos of each (first) class, drawn without replacement by `seed`; more shots hold the fewer.

        A ValueError when a class has fewer videos than that, or for less than one shot.
        """
        if shots < 1:
            raise ValueError(f"{shots} shots were asked for: ask for 1 or more")
        rng = np.random.default_rng(seed)
        labels = self.labels
        by_class = labels.argsort(kind="stable")
        ends = np.searchsorted(labels[by_class], np.arange(len(self.classes)), side="right")
        chosen = []
        for name, mine in zip(self.classes, np.split(by_class, ends[:-1]), strict=True):
            if shots > len(mine):
                found = f"class {name!r} has {len(mine)} videos"
                raise ValueError(f"{shots} shots were asked for, {found}: lower shots, or add videos")
            chosen.append(mine[np.sort(rng.permutation(len(mine))[:shots])])
        return self.take(np.concatenate(chosen))

    def take(self, places: np.ndarray) -> "VideoList":
        """The videos at these places, int64 (N,), in that order, repeats allowed."""
        mine = self.videos
        return replace(self, videos=mine.take(places) if _indexed(mine) else tuple(mine[i] for i in places.tolist()))

    def fingerprint(self) -> str:
        """SHA-256 over class names, file names, file sizes and labels: changes when the data does."""
        if _indexed(self.videos) and (known := self.videos.fingerprint(self.classes)):
            return known
        sizes: Iterable[int] = self.videos.sizes if _indexed(self.videos) else _sizes(self.videos)
        digest = hashlib.sha256("\n".join(self.classes).encode("utf-8", "surrogatepass"))
        for video, size in zip(self.videos, sizes, strict=True):
            text = f"\n{video.path.parent.name}/{video.path.name} {size} {video.label}"
            digest.update(text.encode("utf-8", "surrogateescape"))  # a file's name need not be UTF-8
            if video.labels or video.start is not None or video.end is not None:
                digest.update(f" {video.labels} {video.start} {video.end}".encode())
        return digest.hexdigest()


def _indexed(videos: Sequence[Video]) -> TypeGuard[Any]:
    """Whether these are rows of an index, that are computed with as columns."""
    return hasattr(videos, "all_labels")


def _sizes(videos: Sequence[Video]) -> Iterator[int]:
    """Bytes of each video's file, files in its folder of frames."""
    sizes = {}
    for path in (video.path for video in videos):
        if path not in sizes:
            sizes[path] = path.stat().st_size if path.is_file() else sum(1 for _ in path.iterdir())
        yield sizes[path]

"""Annotation readers, one per public format, and the `Dataset` that decodes the videos they list.

A reader returns a `VideoList`: class names and (path, label) pairs, every path checked. A new data set is one reader
and one line in `READERS`.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from . import sampling, transforms
from .labels import as_words
from .video import VIDEO_SUFFIXES, VideoError, read_frames

ON_ERROR = ("raise", "skip")  # what happens when a video cannot be decoded


class AnnotationError(ValueError):
    """Something is wrong with a data set's files. Names the file, the line and the remedy."""


@dataclass(frozen=True)
class Video:
    """One labelled video: where it lies and its class, 0-based."""

    path: Path
    label: int


@dataclass(frozen=True)
class VideoList:
    """Videos with their labels, and the names of the classes (raw, as the data set spells them)."""

    classes: tuple[str, ...]
    videos: tuple[Video, ...]

    def __len__(self) -> int:
        return len(self.videos)

    @property
    def labels(self) -> np.ndarray:
        """int64 (N,)"""
        return np.array([video.label for video in self.videos], dtype=np.int64)

    @property
    def names(self) -> list[str]:
        """The class names as words."""
        return [as_words(name) for name in self.classes]

    def class_ids(self, names: Sequence[str]) -> list[int]:
        """Ids of classes given by name, raw or as words.

        Raises:
            ValueError: a name that no class has, with the choices.
        """
        known = {as_words(name): i for i, name in enumerate(self.classes)}
        unknown = [name for name in names if as_words(name) not in known]
        if unknown:
            raise ValueError(f"unknown class {unknown[0]!r}; choose from: {', '.join(self.names)}")
        return [known[as_words(name)] for name in names]

    def select_classes(self, ids: Sequence[int]) -> "VideoList":
        """Only the videos of these classes, labels renumbered in the order given."""
        new = {old: i for i, old in enumerate(ids)}
        return VideoList(
            tuple(self.classes[i] for i in ids),
            tuple(replace(video, label=new[video.label]) for video in self.videos if video.label in new),
        )

    def only(self, ids: Sequence[int]) -> "VideoList":
        """Only the videos of these classes; classes and labels stay."""
        return replace(self, videos=tuple(video for video in self.videos if video.label in set(ids)))

    def few_shot(self, shots: int, seed: int) -> "VideoList":
        """`shots` videos of each class, drawn without replacement by `seed`; more shots hold the fewer.

        Raises:
            ValueError: a class has fewer videos than that.
        """
        rng = np.random.default_rng(seed)
        chosen = []
        for label, name in enumerate(self.classes):
            mine = [video for video in self.videos if video.label == label]
            order = rng.permutation(len(mine))
            if shots > len(mine):
                raise ValueError(
                    f"{shots} shots were asked for, class {name!r} has {len(mine)} videos: lower shots, or add videos"
                )
            chosen += [mine[i] for i in sorted(order[:shots])]
        return VideoList(self.classes, tuple(chosen))

    def fingerprint(self) -> str:
        """SHA-256 over class names, file names, file sizes and labels: changes when the data does."""
        digest = hashlib.sha256("\n".join(self.classes).encode())
        for video in self.videos:
            size = video.path.stat().st_size if video.path.is_file() else sum(1 for _ in video.path.iterdir())
            digest.update(f"\n{video.path.parent.name}/{video.path.name} {size} {video.label}".encode())
        return digest.hexdigest()


def read_ucf101(root: str | Path, split: str, fold: int = 1) -> VideoList:
    """UCF101's layout: class folders of videos, and `classInd.txt`, `trainlist01.txt`, `testlist01.txt`.

    The annotation files lie in `root` or in a folder of it (`ucfTrainTestlist`, `annotations`), the class folders in
    `root` or in a folder of it (`UCF-101`, `videos`).

    Args:
        root: the data set's folder.
        split: "train" or "test".
        fold: 1, 2 or 3.

    Raises:
        AnnotationError: a missing folder or file, or a faulty line (file and line number).
    """
    root = _existing_root(root)
    index = _find(root, "classInd.txt")
    classes: dict[int, str] = {}
    for number, line in _lines(index):
        fields = line.split()
        if len(fields) != 2 or not fields[0].isdecimal():
            raise _fault(index, number, line, "expected 'ID NAME', such as '1 ApplyEyeMakeup'")
        if int(fields[0]) in classes:
            raise _fault(index, number, line, f"class id {fields[0]} occurs twice")
        classes[int(fields[0])] = fields[1]
    if sorted(classes) != list(range(1, len(classes) + 1)):
        raise AnnotationError(f"{index}: class ids must be 1 to {len(classes)}, each once")
    names = tuple(classes[i] for i in sorted(classes))
    ids = {name: i for i, name in enumerate(names)}

    listing = _find(root, f"{split}list{fold:02d}.txt")
    folders = [root, *(path for path in sorted(root.iterdir()) if path.is_dir())]
    base = next((folder for folder in folders if any((folder / name).is_dir() for name in names)), root)
    videos = []
    for number, line in _lines(listing):
        fields = line.split()
        if len(fields) not in (1, 2):
            raise _fault(listing, number, line, "expected 'CLASS/FILE' or 'CLASS/FILE LABEL', two fields at most")
        name = fields[0].split("/")[0]
        if len(fields) == 2:
            if not fields[1].isdecimal() or not 1 <= int(fields[1]) <= len(names):
                raise _fault(listing, number, line, f"label {fields[1]} is not between 1 and {len(names)}")
            label = int(fields[1]) - 1
        elif name not in ids:
            raise _fault(listing, number, line, f"class {name!r} is not in {index.name}")
        else:
            label = ids[name]
        path = base / fields[0]
        if not path.exists():
            raise _fault(listing, number, line, f"no such video {path}; fetch it or remove the line")
        videos.append(Video(path, label))
    return _complete(VideoList(names, tuple(videos)), listing)


def read_class_folders(root: str | Path, split: str, fold: int = 1) -> VideoList:
    """`root/<split>/<class>/<video>`; a video is a file or a folder of frames. Classes in alphabetical order.

    The classes are those of all splits together, so that a label means the same in each.

    Raises:
        AnnotationError: a missing folder, or a class without videos in this split.
    """
    folder = _existing_root(Path(root) / split)
    splits = [Path(root) / name for name in ("train", "test")]
    names = tuple(sorted({path.name for each in splits if each.is_dir() for path in _visible(each) if path.is_dir()}))
    if not names:
        raise AnnotationError(f"{folder}: no class folders in it; expected {folder}/<class>/<video>")
    videos = [
        Video(path, label)
        for label, name in enumerate(names)
        for path in _visible(folder / name)
        if path.is_dir() or path.suffix.lower() in VIDEO_SUFFIXES
    ]
    return _complete(VideoList(names, tuple(videos)), folder)


READERS: dict[str, Callable[..., VideoList]] = {
    "puppets": read_ucf101,  # the miniature is laid out like UCF101
    "ucf101": read_ucf101,
    "folders": read_class_folders,
}


def load_videos(dataset: str, root: str | Path, split: str, fold: int = 1) -> VideoList:
    """The videos of one split of a data set.

    Args:
        dataset: a name in `READERS`.
        root: the data set's folder.
        split: "train" or "test".
        fold: which of the data set's splits, from 1.

    Raises:
        ValueError: an unknown data set or split, with the choices.
        AnnotationError: what is wrong with the files.
    """
    if dataset not in READERS:
        raise ValueError(f"unknown data set {dataset!r}; choose from: {', '.join(READERS)}")
    if split not in ("train", "test"):
        raise ValueError(f"unknown split {split!r}; choose from: train, test")
    return READERS[dataset](root, split, fold)


class VideoDataset(Dataset):
    """Decodes the videos of a `VideoList` into uint8 clips.

    An item is `{"frames", "label", "index"}`: for training `frames` is one random clip (T, 3, S, S), otherwise the
    evaluation views (V, T, 3, S, S) with V = clips x crops. Where a video cannot be decoded, `on_error="raise"` stops
    with a `VideoError`; `on_error="skip"` gives `{"error", "index"}` instead, which `collate` counts. A video is never
    replaced by another one.

    Args:
        videos: what to decode.
        num_frames: T, frames in a clip.
        size: S, side of a view in pixels.
        training: random clip and augmentation (see `transforms.training_view`) instead of evaluation views.
        resize: short side before cropping; None for `size` (evaluation) or no scaling (training).
        clips, crops: views of a video along time and space (evaluation only).
        dense: dense instead of segment sampling.
        augmentation: keyword arguments of `transforms.training_view`.
        on_error: "raise" or "skip".
        seed: the training clips of an epoch are a function of (seed, epoch, index).
    """

    def __init__(
        self,
        videos: VideoList,
        num_frames: int,
        size: int,
        *,
        training: bool = False,
        resize: int | None = None,
        clips: int = 1,
        crops: int = 1,
        dense: bool = False,
        augmentation: dict | None = None,
        on_error: str = "raise",
        seed: int = 0,
    ):
        if on_error not in ON_ERROR:
            raise ValueError(f"on_error is {on_error!r}; choose from: {', '.join(ON_ERROR)}")
        if crops not in transforms.CROPS:
            raise ValueError(f"crops is {crops}; choose one of {', '.join(map(str, transforms.CROPS))}")
        self.videos, self.num_frames, self.size, self.training = videos, num_frames, size, training
        self.resize, self.clips, self.crops, self.dense = resize, clips, crops, dense
        self.augmentation, self.on_error, self.seed = augmentation or {}, on_error, seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.videos)

    def __getitem__(self, index: int) -> dict:
        video = self.videos.videos[index]
        try:
            frames = self._training_clip(video, index) if self.training else self._views(video)
        except VideoError as error:
            if self.on_error == "raise":
                raise
            return {"index": index, "error": str(error)}
        return {"frames": frames, "label": video.label, "index": index}

    def _training_clip(self, video: Video, index: int) -> torch.Tensor:
        rng = np.random.default_rng([self.seed, self.epoch, index])
        frames = read_frames(video.path, lambda n: sampling.training_indices(n, self.num_frames, rng, self.dense))
        clip = transforms.to_clip(frames)
        return transforms.training_view(clip, self.size, rng, resize=self.resize, **self.augmentation)

    def _views(self, video: Video) -> torch.Tensor:
        frames = read_frames(
            video.path, lambda n: sampling.evaluation_indices(n, self.num_frames, self.clips, self.dense)
        )
        views = transforms.evaluation_views(transforms.to_clip(frames), self.size, self.resize, self.crops)
        return views.unflatten(1, (self.clips, self.num_frames)).transpose(0, 1).flatten(0, 1)


def collate(items: list[dict]) -> dict:
    """A batch: `frames` stacked, `labels` and `indices` int64, and `errors` as (index, message) for those skipped."""
    good = [item for item in items if "error" not in item]
    return {
        "frames": torch.stack([item["frames"] for item in good]) if good else None,
        "labels": torch.tensor([item["label"] for item in good], dtype=torch.int64),
        "indices": torch.tensor([item["index"] for item in good], dtype=torch.int64),
        "errors": [(item["index"], item["error"]) for item in items if "error" in item],
    }


def _existing_root(root: str | Path) -> Path:
    root = Path(root)
    if not root.is_dir():
        raise AnnotationError(f"no data at {root}: the folder does not exist; set data_root to where the data set lies")
    return root


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name[0] != ".") if folder.is_dir() else []


def _find(root: Path, name: str) -> Path:
    found = [path for path in (root / name, *sorted(root.glob(f"*/{name}"))) if path.is_file()]
    if not found:
        raise AnnotationError(f"{root}: no {name} in it or in a folder of it; it is part of the data set's annotations")
    return found[0]


def _lines(path: Path) -> list[tuple[int, str]]:
    text = path.read_text(encoding="utf-8").splitlines()
    return [(number, line.strip()) for number, line in enumerate(text, start=1) if line.strip()]


def _fault(path: Path, number: int, line: str, reason: str) -> AnnotationError:
    return AnnotationError(f"{path}, line {number}: {reason} (the line reads {line!r})")


def _complete(videos: VideoList, source: Path) -> VideoList:
    counts = np.bincount(videos.labels, minlength=len(videos.classes))
    if (counts == 0).any():
        missing = [videos.classes[i] for i in np.flatnonzero(counts == 0)]
        raise AnnotationError(f"{source}: no videos of class {', '.join(missing)}; add some or remove the class")
    return videos

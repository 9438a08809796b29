"""The `Dataset` that decodes the videos which an annotation reader lists, and what a batch of it is.

B videos of a batch, V views (clips x crops), T frames of a clip, S pixels on a view's side, C classes.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from . import sampling, transforms
from .reading import DEFAULT, Reading, VideoError
from .video import OPENERS, read_distinct_frames, read_frames
from .video_list import Video, VideoList

ON_ERROR = ("raise", "skip")  # what happens when a video cannot be decoded
NO_SETTINGS = ("videos", "epoch", "store", "on_error", "_multi_label")  # of a data set's attributes


@dataclass(frozen=True)
class Views:
    """What is seen of a video: one random clip in training, else evaluation views along time and space.

    Attributes:
        training: a random clip and its augmentation instead of evaluation views.
        dense: dense instead of segment sampling.
        resize: short side in pixels before cropping; None for the view's own (evaluation) or no scaling (training).
        clips: views of a video along time (evaluation only).
        crops: views of a clip along space, one of `transforms.CROPS` (evaluation only).
        augmentation: of the training clip; videos of `VideoList.directional` classes are never mirrored.
    """

    training: bool = False
    dense: bool = False
    resize: int | None = None
    clips: int = 1
    crops: int = 1
    augmentation: transforms.Augmentation = transforms.LIGHT_AUGMENTATION

    def __post_init__(self):
        for name, choices in (("crops", transforms.CROPS), ("dense", (False, True)), ("training", (False, True))):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is {getattr(self, name)!r}; choose one of {', '.join(map(str, choices))}")


EVALUATION = Views()  # one clip, its centre


class FromFiles:
    """Reads videos from their files, each time anew. What keeps frames in between is a class below it.

    Args:
        reading: how files are read.
    """

    def __init__(self, reading: Reading = DEFAULT):
        self.reading = reading

    def read(self, video: Video, choose: Callable[[int], np.ndarray]) -> np.ndarray:
        """Frames of a video, or of a part of it, that `choose` picks from their number, as `read_frames` does."""
        return read_frames(video.path, choose, video.start, video.end, video.duration, self.reading)

    def read_distinct(self, video: Video, choose: Callable[[int], np.ndarray]) -> tuple[np.ndarray, ...]:
        """As `read`, without repeats: (M, H, W, 3) in increasing order, and the place of each index's frame (N,)."""
        return read_distinct_frames(video.path, choose, (video.start, video.end, video.duration), self.reading)

    def __getstate__(self) -> dict:
        return vars(self) | {"openers": OPENERS}

    def __setstate__(self, state: dict) -> None:
        OPENERS.update(state.pop("openers"))  # which a fresh process would know by what it imports alone
        vars(self).update(state)


class VideoDataset(Dataset):
    """Decodes the videos of a `VideoList` into uint8 clips.

    An item is `{"frames", "label", "index"}`: for training `frames` is one random clip (T, 3, S, S), and `finish`,
    float32 (4,), says what `transforms.finish` has yet to do with it; otherwise `frames` is the evaluation views
    (V, T, 3, S, S) with V = clips x crops. Where videos may have several labels, an item also has `targets`, float32
    (C,) of 0 and 1. Where a video cannot be decoded, `on_error="raise"` stops with a `VideoError`; `on_error="skip"`
    gives `{"error", "index"}` instead, which `collate` counts. A video is never replaced by another.

    Args:
        videos: what to decode.
        num_frames: T, frames in a clip.
        size: S, side of a view in pixels.
        views: what is seen of each video.
        on_error: "raise" or "skip"; a ValueError with the choices for another.
        seed: the training clips of an epoch are a function of (seed, epoch, index).
        store: reads them, and may keep frames in memory.
    """

    def __init__(
        self,
        videos: VideoList,
        num_frames: int,
        size: int,
        views: Views = EVALUATION,
        *,
        on_error: str = "raise",
        seed: int = 0,
        store: FromFiles | None = None,
    ):
        if on_error not in ON_ERROR:
            raise ValueError(f"on_error is {on_error!r}; choose from: {', '.join(ON_ERROR)}")
        self._multi_label = videos.multi_label  # asked for every item, and found by a search of the whole list
        self.videos, self.num_frames, self.size, self.views = videos, num_frames, size, views
        self.on_error, self.seed, self.epoch, self.store = on_error, seed, 0, store or FromFiles()

    @property
    def settings(self) -> dict[str, Any]:
        """Plain values that, beside the videos and the epoch, determine every item; a subclass's own too."""
        own = {name: value for name, value in vars(self).items() if name not in NO_SETTINGS}
        reading = {name: value for name, value in asdict(self.store.reading).items() if name != "max_seconds"}
        return own | {"views": asdict(self.views), "reading": reading}

    @property
    def made_by(self) -> set[type]:
        """The classes, maybe of other packages, whose code makes items: its own, the store's, those of `OPENERS`."""
        videos = self.videos.videos
        openers = {own for end, own in OPENERS.items() if any(video.path.name.endswith(end) for video in videos)}
        return {type(self), type(self.store), *openers}

    def __len__(self) -> int:
        return len(self.videos)

    def __getitem__(self, index: int) -> dict:
        video = self.videos.videos[index]
        try:
            frames = self._training_clip(video, index) if self.views.training else {"frames": self._views(video)}
        except VideoError as error:
            if self.on_error == "raise":
                raise
            return {"index": index, "error": str(error)}
        item = frames | {"label": video.label, "index": index}
        if self._multi_label:
            item["targets"] = torch.zeros(len(self.videos.classes)).index_fill_(0, torch.tensor(video.all_labels), 1)
        return item

    def _training_clip(self, video: Video, index: int) -> dict:
        rng = np.random.default_rng([self.seed, self.epoch, index])
        seen = self.views
        frames = self.store.read(video, lambda n: sampling.training_indices(n, self.num_frames, rng, seen.dense))
        augmentation = seen.augmentation
        if self.videos.directional.intersection(video.all_labels):
            augmentation = replace(augmentation, flip=0.0)
        clip, finish = transforms.training_crop(transforms.to_clip(frames), self.size, rng, augmentation, seen.resize)
        return {"frames": clip, "finish": finish}

    def _views(self, video: Video) -> torch.Tensor:
        seen = self.views
        frames, places = self.store.read_distinct(
            video, lambda n: sampling.evaluation_indices(n, self.num_frames, seen.clips, seen.dense)
        )
        crops = transforms.evaluation_views(transforms.to_clip(frames), self.size, seen.resize, seen.crops)
        clips = crops.index_select(1, torch.from_numpy(places))  # (crops, clips * T, 3, S, S)
        return clips.unflatten(1, (seen.clips, self.num_frames)).transpose(0, 1).flatten(0, 1)


def collate(items: list[dict]) -> dict:
    """A batch: `frames` stacked, `labels` and `indices` int64, and `errors` as (index, message) for those left out.

    Of training clips also `finish`, float32 (B, 4); with several labels per video also `targets`, float32 (B, C) of 0
    and 1.
    """
    good = [item for item in items if "error" not in item]
    batch = {
        "frames": torch.stack([item["frames"] for item in good]) if good else None,
        "labels": torch.tensor([item["label"] for item in good], dtype=torch.int64),
        "indices": torch.tensor([item["index"] for item in good], dtype=torch.int64),
        "errors": [(item["index"], item["error"]) for item in items if "error" in item],
    }
    for name in ("finish", "targets"):
        if good and name in good[0]:
            batch[name] = torch.stack([item[name] for item in good])
    return batch

"""The `Dataset` that decodes the videos which an annotation reader lists, and what a batch of it is."""

from dataclasses import replace

import numpy as np
import torch
from torch.utils.data import Dataset

from . import sampling, transforms
from .formats.readers import READERS, load_videos
from .frame_store import FrameStore
from .video import VideoError, open_video, part_of
from .video_list import AnnotationError, Video, VideoList

__all__ = ["ON_ERROR", "READERS", "AnnotationError", "Video", "VideoDataset", "VideoList", "collate", "load_videos"]

ON_ERROR = ("raise", "skip")  # what happens when a video cannot be decoded


def leave_out_short(videos: VideoList, min_frames: int) -> tuple[VideoList, list[tuple[str, str]]]:
    """The videos but for folders of fewer frames (or segments of them), and (path, reason) of those left out.

    The release leaves out folders of fewer than 8 frames, in training and single-view validation. Files stay, and so
    does what cannot be read, for `VideoDataset` to name or to skip.
    """
    kept, left_out, lengths = [], [], {}
    for video in videos.videos:
        if min_frames and video.path.is_dir():
            try:
                if video.path not in lengths:  # a folder may hold many segments
                    lengths[video.path] = len(open_video(video.path))
                first, stop = part_of(lengths[video.path], 0, video.start, video.end, video.duration)
            except (ValueError, VideoError):
                first, stop = 0, min_frames
            if stop - first < min_frames:
                left_out.append((str(video.path), f"left out: {stop - first} frames, fewer than {min_frames}"))
                continue
        kept.append(video)
    return replace(videos, videos=tuple(kept)), left_out


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
        training: random clip and augmentation (see `transforms.training_crop`) instead of evaluation views.
        resize: short side before cropping; None for `size` (evaluation) or no scaling (training).
        clips, crops: views of a video along time and space (evaluation only).
        dense: dense instead of segment sampling.
        augmentation: keyword arguments of `transforms.training_crop`; `videos.directional` classes are never flipped.
        on_error: "raise" or "skip".
        seed: the training clips of an epoch are a function of (seed, epoch, index).
        store: keeps small videos in memory; None: every reading decodes.
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
        store: FrameStore | None = None,
    ):
        if on_error not in ON_ERROR:
            raise ValueError(f"on_error is {on_error!r}; choose from: {', '.join(ON_ERROR)}")
        if crops not in transforms.CROPS:
            raise ValueError(f"crops is {crops}; choose one of {', '.join(map(str, transforms.CROPS))}")
        # Asked for every item, and found by a search of the whole list.
        self._multi_label = videos.multi_label
        self.videos, self.num_frames, self.size, self.training = videos, num_frames, size, training
        self.resize, self.clips, self.crops, self.dense = resize, clips, crops, dense
        self.augmentation, self.on_error = augmentation or {}, on_error
        self.seed, self.epoch, self.store = seed, 0, store or FrameStore()

    def __len__(self) -> int:
        return len(self.videos)

    def __getitem__(self, index: int) -> dict:
        video = self.videos.videos[index]
        try:
            frames = self._training_clip(video, index) if self.training else {"frames": self._views(video)}
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
        frames = self.store.read(video, lambda n: sampling.training_indices(n, self.num_frames, rng, self.dense))
        clip = transforms.to_clip(frames)
        options = self.augmentation | ({"flip": 0.0} if self.videos.directional.intersection(video.all_labels) else {})
        frames, finish = transforms.training_crop(clip, self.size, rng, resize=self.resize, **options)
        return {"frames": frames, "finish": finish}

    def _views(self, video: Video) -> torch.Tensor:
        frames, places = self.store.read_distinct(
            video, lambda n: sampling.evaluation_indices(n, self.num_frames, self.clips, self.dense)
        )
        views = transforms.evaluation_views(transforms.to_clip(frames), self.size, self.resize, self.crops)
        views = views.index_select(1, torch.from_numpy(places))
        return views.unflatten(1, (self.clips, self.num_frames)).transpose(0, 1).flatten(0, 1)


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

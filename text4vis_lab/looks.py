"""A look at what was decoded: some videos' frames, their neighbours, and what the model is given, as 8 x 8 pixels.

Two runs that see the same frames have the same looks. Where one sees the next frame, another order of the channels,
another crop or another scale, they tell which. T frames of a clip, V views.
"""

import copy
import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from text4vis_core.data.datasets import FromFiles, VideoDataset
from text4vis_core.data.reading import VideoError
from text4vis_core.data.video_list import Video, VideoList

from .evidence import SIDE
from .scores import video_name

LOOKED_AT = 16  # videos of a list


class _Watched(FromFiles):
    """Reads as a store does, and keeps what it read last."""

    def __init__(self, store: FromFiles):
        super().__init__(store.reading)
        self.store, self.length = store, 0
        self.indices: np.ndarray = np.zeros(0, dtype=np.int64)
        self.frames: np.ndarray = np.zeros(0, dtype=np.uint8)

    def read_distinct(self, video: Video, choose: Callable[[int], np.ndarray]) -> tuple[np.ndarray, ...]:
        def noted(length: int) -> np.ndarray:
            self.length, self.indices = length, choose(length)
            return self.indices

        frames, places = self.store.read_distinct(video, noted)
        self.frames = frames[places]
        return frames, places


def looks_of(dataset: VideoDataset, count: int = LOOKED_AT) -> list[dict[str, Any]]:
    """Rows of `Evidence.looks` of some of a data set's videos, of each video's first clip.

    They are read as the data set reads them, once more; what cannot be decoded is left out.

    Args:
        dataset: of evaluation views.
        count: videos.
    """
    watched, crops, rows = _Watched(dataset.store), dataset.views.crops, []
    dataset = copy.copy(dataset)
    dataset.store = watched
    for index in some(dataset.videos, count):
        video = dataset.videos.videos[index]
        try:
            item = dataset[index]
            if "error" in item:
                continue
            decoded, found = _small(watched.frames[: dataset.num_frames]), watched.indices[: dataset.num_frames]
            frames = {int(frame): look for frame, look in zip(found, decoded, strict=True)}
            near = np.unique([f + offset for f in frames for offset in (-1, 1) if 0 <= f + offset < watched.length])
            others: dict[int, bytes] = {}
            if len(near):
                watched.read_distinct(video, lambda length: near)  # noqa: B023  # called at once
                others = dict(zip(near.tolist(), _small(watched.frames), strict=True))
        except VideoError:
            continue
        given = [_small(view.permute(0, 2, 3, 1).numpy()) for view in item["frames"][:crops]]
        for place, frame in enumerate(found.tolist()):
            about = {"video": video_name(video), "place": place}
            for offset in (-1, 0, 1):
                look = frames[frame] if offset == 0 else others.get(frame + offset)
                if look is not None:
                    row = {"kind": "frame", "crop": -1, "offset": offset, "frame": frame + offset, "look": look}
                    rows.append(about | row)
            for crop in range(crops):
                row = {"kind": "input", "crop": crop, "offset": 0, "frame": frame, "look": given[crop][place]}
                rows.append(about | row)
    return rows


def some(videos: VideoList, count: int) -> list[int]:
    """Places of at most `count` videos, in order: those whose names have the smallest digests.

    So lists of which one lacks some videos, or has them in another order, agree on nearly all.
    """
    digests = [_digest(video) for video in videos.videos]
    return sorted(sorted(range(len(digests)), key=digests.__getitem__)[:count])


def _digest(video: Video) -> bytes:
    path = video.path
    text = f"{path.parent.name}/{path.name} {video.start} {video.end}"
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


def _small(frames: np.ndarray) -> Sequence[bytes]:
    """Frames, uint8 (T, H, W, 3), as bytes of 8 x 8 x 3."""
    given: Tensor = torch.from_numpy(np.ascontiguousarray(frames)).permute(0, 3, 1, 2).float()
    small = F.adaptive_avg_pool2d(given, SIDE).round().to(torch.uint8).permute(0, 2, 3, 1)
    return [each.contiguous().numpy().tobytes() for each in small]

"""The yardstick's videos: ten seconds of a camera that moves over a texture, as large as Kinetics is usually kept.

They are encoded here, so that every machine decodes the same files.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from text4vis_core.data.video_list import Video, VideoList
from text4vis_core.files import replacing

from ..encoding import write_h264

SECONDS, FPS, GOP = 10, 25, 12
SIZE = (256, 340)  # height and width
TINY = (48, 64)  # of videos that only have to be many
NOISE = 3.0  # of the sensor: standard deviation in grey levels
# One thread, and no macro-block tree, whose rounding depends on the processor: the same bytes everywhere.
ENCODING = {"crf": "20", "preset": "medium", "threads": "1", "mbtree": "0", "sc_threshold": "0"}


def write_videos(
    folder: str | Path, number: int, size: tuple[int, int] = SIZE, frames: int = SECONDS * FPS, gop: int = GOP
) -> VideoList:
    """Write H.264 videos, `0.mp4` and so on, unless they are there; the list of them, in one class.

    Args:
        folder: where they go.
        number: how many; each is drawn by its number.
        size: height and width in pixels, even.
        frames: frames in each, at 25 a second.
        gop: frames from one key frame to the next.
    """
    videos = []
    for seed in range(number):
        path = Path(folder, f"{seed}.mp4")
        if not path.exists():
            with replacing(path) as temporary:
                write_h264(temporary, draw_frames(seed, size, frames), FPS, ENCODING | {"g": str(gop)})
        videos.append(Video(path, 0))
    return VideoList(("yardstick",), tuple(videos))


def film_and_copy(folder: Path, frames: int, seed: int) -> tuple[Path, Path]:
    """A video of so many frames, and its copy as `prepare` makes it."""
    from ..prepare.copying import Recipe, make_copy

    path = folder / f"{seed}.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_h264(path, draw_frames(seed, SIZE, frames), FPS, ENCODING | {"g": str(GOP)})
    return path, folder / make_copy(path, folder, Recipe())["copy"]


def in_classes(videos: VideoList, number: int) -> VideoList:
    """The same videos, dealt out to so many classes."""
    dealt = tuple(replace(video, label=i % number) for i, video in enumerate(videos.videos))
    return VideoList(tuple(f"class {i}" for i in range(number)), dealt)


def draw_frames(seed: int, size: tuple[int, int], frames: int) -> Iterator[np.ndarray]:
    """uint8 frames (H, W, 3) of a camera that drifts over a texture of coarse and fine detail, with noise."""
    height, width = size
    rng = np.random.default_rng(seed)
    texture = torch.zeros(1, 3, 2 * height, 2 * width)
    for octave in range(1, 7):  # large spots are strong, small ones weak, as in photographs
        spots = torch.from_numpy(rng.standard_normal((1, 3, 2**octave + 1, 2**octave + 1), dtype=np.float32))
        texture += F.interpolate(spots, texture.shape[-2:], mode="bicubic", align_corners=True) / octave
    grey = (128 + 45 * texture[0]).permute(1, 2, 0).numpy()
    phase, speed = rng.uniform(0, 2 * np.pi, 2), rng.uniform(0.6, 1.4, 2)
    for i in range(frames):
        top, left = (0.5 + 0.5 * np.sin(phase + speed * i / FPS)) * size
        top, left = int(top), int(left)
        picture = grey[top : top + height, left : left + width]
        yield np.clip(picture + rng.normal(0, NOISE, picture.shape), 0, 255).astype(np.uint8)

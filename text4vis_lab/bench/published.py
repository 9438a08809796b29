"""What the published code does to a video, for comparison: frame by frame with PIL, in float32, in one process.

Written anew from what its data pipeline does (github whwu95/Text4Vis, `datasets/` and `utils/Augmentation.py`): each
frame is read by itself and becomes a PIL image; its short side is scaled to 256; a random-resized or the centre crop is
cut; the clip is mirrored, or its frames are made grey; then it is stacked, divided by 255 and normalised.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import functional as F
from torchvision.transforms.functional import InterpolationMode

from text4vis_core.data.sampling import evaluation_indices, training_indices

MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073])
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711])


def training_sample(path: Path, rng: np.random.Generator, num_frames: int, size: int, resize: int) -> torch.Tensor:
    """A random clip, float32 (T * 3, S, S), normalised."""
    pictures = _pictures(path, lambda length: training_indices(length, num_frames, rng), resize)
    box = _crop_box(pictures[0].size, rng)
    pictures = [picture.crop(box).resize((size, size), Image.Resampling.BILINEAR) for picture in pictures]
    if rng.random() < 0.5:
        pictures = [picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for picture in pictures]
    if rng.random() < 0.2:
        pictures = [picture.convert("L").convert("RGB") for picture in pictures]
    return _normalised(pictures)


def evaluation_sample(path: Path, num_frames: int, size: int, resize: int) -> torch.Tensor:
    """The centre view, float32 (T * 3, S, S), normalised."""
    pictures = _pictures(path, lambda length: evaluation_indices(length, num_frames), resize)
    return _normalised([F.center_crop(picture, [size, size]) for picture in pictures])


def _pictures(path: Path, choose, resize: int) -> list[Image.Image]:
    import decord

    reader = decord.VideoReader(str(path), num_threads=1)
    frames = [reader[int(index)].asnumpy() for index in choose(len(reader))]
    return [F.resize(Image.fromarray(frame), [resize], InterpolationMode.BICUBIC) for frame in frames]


def _crop_box(size: tuple[int, int], rng: np.random.Generator) -> tuple[int, int, int, int]:
    """A random-resized crop: 8 to 100 % of the area, an aspect of 3/4 to 4/3, at most ten attempts; else everything."""
    width, height = size
    for _ in range(10):
        area, aspect = width * height * rng.uniform(0.08, 1.0), rng.uniform(3 / 4, 4 / 3)
        w, h = round((area * aspect) ** 0.5), round((area / aspect) ** 0.5)
        if w <= width and h <= height:
            left, top = int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1))
            return left, top, left + w, top + h
    return 0, 0, width, height


def _normalised(pictures: list[Image.Image]) -> torch.Tensor:
    stacked = np.concatenate([np.asarray(picture) for picture in pictures], axis=2)
    clip = torch.from_numpy(stacked).permute(2, 0, 1).contiguous().float().div(255)
    repeats = len(pictures)
    return clip.sub_(MEAN.repeat(repeats)[:, None, None]).div_(STD.repeat(repeats)[:, None, None])

"""What it costs to turn a video into a clip: against its decoding alone, and against the published code's way.

That is written anew from its data pipeline (github whwu95/Text4Vis, `datasets/`, `utils/Augmentation.py`), for one
process: each frame is read by itself and becomes a PIL image; its short side is scaled to 256; a random-resized or the
centre crop is cut; the clip is mirrored, or its frames made grey; then it is stacked, divided by 255 and normalised.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from PIL import Image
from torchvision.transforms import functional as F
from torchvision.transforms.functional import InterpolationMode

from text4vis_core.data import transforms
from text4vis_core.data.datasets import VideoDataset, Views
from text4vis_core.data.sampling import evaluation_indices, training_indices
from text4vis_core.data.video_list import VideoList

from ..timing import in_turn, sample, torch_threads
from .measurement import Quantity, ratio
from .opening import OURS, reader

NUM_FRAMES, SIZE, RESIZE = 8, 224, 256
CLIPS, CROPS = 4, 3
MEAN, STD = torch.tensor(OPENAI_DATASET_MEAN), torch.tensor(OPENAI_DATASET_STD)
TRAINING: Mapping[str, Views] = {
    "light": Views(training=True),
    "published": Views(training=True, resize=RESIZE, augmentation=transforms.PUBLISHED_AUGMENTATION),
}


def decode_alone(path: Path, indices_of: Callable[[int], np.ndarray]) -> np.ndarray:
    """Some frames of a file with decord and nothing else: uint8 (N, H, W, 3). `indices_of` is given the length."""
    import decord

    reader = decord.VideoReader(str(path), num_threads=1)
    return reader.get_batch(np.unique(indices_of(len(reader))).tolist()).asnumpy()


def sample_times(videos: VideoList, repeats: int) -> dict[str, list[float]]:
    """Seconds per video, each a mean over the videos: decoding alone, this project's samples, the published code's.

    One process, one thread, everything in turn. A training sample and the decoding that it is compared with read the
    same frames.
    """
    training = {name: VideoDataset(videos, NUM_FRAMES, SIZE, seen) for name, seen in TRAINING.items()}
    single = VideoDataset(videos, NUM_FRAMES, SIZE, Views(resize=RESIZE))
    views = VideoDataset(videos, NUM_FRAMES, SIZE, Views(resize=RESIZE, clips=CLIPS, crops=CROPS))
    paths = [video.path for video in videos.videos]

    def rng(epoch: int, index: int) -> np.random.Generator:
        return np.random.default_rng([0, epoch, index])  # as the data set draws, whose seed is 0

    def decoding(choose: Callable) -> Callable[[int, int], np.ndarray]:
        return lambda epoch, index: decode_alone(paths[index], lambda length: choose(length, epoch, index))

    jobs = {
        "decoding, training": decoding(lambda length, e, i: training_indices(length, NUM_FRAMES, rng(e, i))),
        "training, light": lambda e, i: sample(training["light"], e, i),
        "training, published": lambda e, i: sample(training["published"], e, i),
        "published code, training": lambda e, i: published_training_sample(
            paths[i], rng(e, i), NUM_FRAMES, SIZE, RESIZE
        ),
        "decoding, evaluation": decoding(lambda length, e, i: evaluation_indices(length, NUM_FRAMES)),
        "evaluation": lambda e, i: single[i],
        "published code, evaluation": lambda e, i: published_evaluation_sample(paths[i], NUM_FRAMES, SIZE, RESIZE),
        "decoding, views": decoding(lambda length, e, i: evaluation_indices(length, NUM_FRAMES, CLIPS)),
        "views": lambda e, i: views[i],
    }
    jobs[f"this project, {NUM_FRAMES} frames"] = partial(_frames, paths, *reader(OURS))
    if find_spec("torchcodec"):
        jobs[f"torchcodec, {NUM_FRAMES} frames"] = partial(_frames, paths, *reader("torchcodec"))
    with torch_threads(1):
        return in_turn(jobs, len(paths), repeats)


def sample_quantities(seconds: Mapping[str, Sequence[float]]) -> list[Quantity]:
    """What `sample_times` measured, in milliseconds, and the ratios that are asked for."""
    times = [Quantity(name, [1000 * value for value in values], "ms") for name, values in seconds.items()]
    limits = [
        ("training, light", "decoding, training", 1.12),
        ("training, published", "decoding, training", 1.12),
        ("evaluation", "decoding, evaluation", 1.12),
        ("views", "decoding, views", 1.3),
    ]
    ratios = [ratio(f"{a} / {b}", seconds[a], seconds[b], limit=limit) for a, b, limit in limits]
    ratios += [
        ratio(f"published code, {which} / {own}", seconds[f"published code, {which}"], seconds[own], better="more")
        for which, own in (("training", "training, published"), ("evaluation", "evaluation"))
    ]
    first, *peers = (name for name in seconds if name.endswith(" frames"))
    return times + ratios + [ratio(f"{first} / {peer}", seconds[first], seconds[peer]) for peer in peers]


def _frames(paths: Sequence[Path], opening: Callable, decode: Callable, _: int, index: int) -> np.ndarray:
    """Those of an evaluation clip, of a file that is opened for them."""
    video = opening(str(paths[index]))
    return decode(video, evaluation_indices(len(video), NUM_FRAMES))


def published_training_sample(
    path: Path, rng: np.random.Generator, num_frames: int, size: int, resize: int
) -> torch.Tensor:
    """A random clip, float32 (T * 3, S, S), normalised."""
    pictures = _pictures(path, lambda length: training_indices(length, num_frames, rng), resize)
    box = _crop_box(pictures[0].size, rng)
    pictures = [picture.crop(box).resize((size, size), Image.Resampling.BILINEAR) for picture in pictures]
    if rng.random() < 0.5:
        pictures = [picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for picture in pictures]
    if rng.random() < 0.2:
        pictures = [picture.convert("L").convert("RGB") for picture in pictures]
    return _normalised(pictures)


def published_evaluation_sample(path: Path, num_frames: int, size: int, resize: int) -> torch.Tensor:
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

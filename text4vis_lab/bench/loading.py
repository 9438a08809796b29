"""What it costs to turn a video into a clip: against its decoding alone, and against the published code's way."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from text4vis_core.data import transforms
from text4vis_core.data.datasets import VideoDataset, Views
from text4vis_core.data.sampling import evaluation_indices, training_indices
from text4vis_core.data.video_list import VideoList

from ..timing import in_turn, torch_threads
from . import published
from .measurement import Quantity, ratio

NUM_FRAMES, SIZE, RESIZE = 8, 224, 256
CLIPS, CROPS = 4, 3
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

    def sample(name: str, epoch: int, index: int) -> dict:
        training[name].epoch = epoch
        return training[name][index]

    def decoding(choose: Callable) -> Callable[[int, int], np.ndarray]:
        return lambda epoch, index: decode_alone(paths[index], lambda length: choose(length, epoch, index))

    jobs = {
        "decoding, training": decoding(lambda length, e, i: training_indices(length, NUM_FRAMES, rng(e, i))),
        "training, light": lambda e, i: sample("light", e, i),
        "training, published": lambda e, i: sample("published", e, i),
        "published code, training": lambda e, i: published.training_sample(
            paths[i], rng(e, i), NUM_FRAMES, SIZE, RESIZE
        ),
        "decoding, evaluation": decoding(lambda length, e, i: evaluation_indices(length, NUM_FRAMES)),
        "evaluation": lambda e, i: single[i],
        "published code, evaluation": lambda e, i: published.evaluation_sample(paths[i], NUM_FRAMES, SIZE, RESIZE),
        "decoding, views": decoding(lambda length, e, i: evaluation_indices(length, NUM_FRAMES, CLIPS)),
        "views": lambda e, i: views[i],
    }
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
    return times + ratios

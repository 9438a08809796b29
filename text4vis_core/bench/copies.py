"""What `prepare` brings: samples from copies against samples from originals; and an index of very many videos."""

import time
from pathlib import Path

from ..datasets import VideoDataset, load_videos
from ..video_list import VideoList
from .clips import TINY, write_videos
from .loading import AUGMENTATIONS, NUM_FRAMES, RESIZE, SIZE
from .measurement import Quantity, in_turn, ratio, torch_threads

FASTER, LARGER = 4, 2  # limits: samples per second and bytes, of the copies over the originals
OPENING = 10.0  # seconds at most for an index of a million videos


def copy_quantities(videos: VideoList, folder: str | Path, repeats: int, num_workers: int) -> list[Quantity]:
    """Copy the videos; then samples from originals and copies in turn, by one thread.

    Args:
        videos: the originals.
        folder: for the copies.
        repeats: repetitions that count.
        num_workers: processes that copy.
    """
    from ..prepare import prepare

    begin = time.perf_counter()
    done = prepare(videos, folder, num_workers=num_workers, progress=False)
    seconds = time.perf_counter() - begin
    copies = load_videos("prepared", folder, "train")
    published = AUGMENTATIONS["published"]
    datasets = {}
    for name, these in (("original", videos), ("copy", copies)):
        datasets[f"training, {name}"] = VideoDataset(these, NUM_FRAMES, SIZE, training=True, **published)
        datasets[f"evaluation, {name}"] = VideoDataset(these, NUM_FRAMES, SIZE, resize=RESIZE)

    def job(dataset: VideoDataset):
        def sample(epoch: int, index: int) -> None:
            dataset.epoch = epoch
            dataset[index]

        return sample

    with torch_threads(1):
        taken = in_turn({name: job(dataset) for name, dataset in datasets.items()}, len(videos), repeats)
    rates = {
        name: Quantity(f"{name}, one thread", [1 / value for value in values], "samples/s", "more")
        for name, values in taken.items()
    }
    gains = [
        ratio(
            f"{task}, copy / original", rates[f"{task}, copy"].values, rates[f"{task}, original"].values, "more", FASTER
        )
        for task in ("training", "evaluation")
    ]
    return [
        *rates.values(),
        *gains,
        Quantity("size, copy / original", [done.bytes_after / done.bytes_before], limit=LARGER),
        Quantity(f"copying a video, {num_workers} workers", [seconds / len(videos)], "s"),
    ]


def index_opening(folder: str | Path, videos: int, repeats: int) -> Quantity:
    """Seconds that a list of so many prepared videos takes to open, in a fresh interpreter, without its imports."""
    from ..index import index_path, write_index
    from .starts import call_fresh

    one = write_videos(folder, 1, TINY, 2)
    [video] = one.videos
    facts = {"bytes": video.path.stat().st_size, "sha256": "00" * 16, "digest": "00" * 16}
    write_index(index_path(folder, "train"), one.repeat(videos), {video.path: facts}, {})
    seconds = [call_fresh("copies", "open_index", str(folder), videos) for _ in range(repeats)]
    return Quantity(f"opening an index of {videos} videos", seconds, "s", limit=OPENING)


def open_index(folder: str, videos: int) -> float:
    """The part of `index_opening` that opens."""
    begin = time.perf_counter()
    found = load_videos("prepared", folder, "train")
    last = found.videos[videos - 1]
    seconds = time.perf_counter() - begin
    if len(found) != videos or not last.path.exists():
        raise RuntimeError(f"{folder}: {len(found)} videos were found in an index of {videos}")
    return seconds

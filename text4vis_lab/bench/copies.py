"""What `prepare` brings: samples from copies against samples from originals; and an index of very many videos."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
from PIL import Image

from text4vis_core.data.datasets import VideoDataset, Views
from text4vis_core.data.formats.readers import load_videos
from text4vis_core.data.video import open_video
from text4vis_core.data.video_list import VideoList

from ..lists import repeated
from ..prepare.copying import Recipe, all_frames
from ..timing import time_samples
from .clips import TINY, write_videos
from .fresh import call_fresh
from .loading import NUM_FRAMES, RESIZE, SIZE, TRAINING
from .measurement import Quantity, ratio

FASTER, LARGER = 4, 2  # limits: samples per second and bytes, of the copies over the originals
# The first, by which evaluation is measured as well, is `prepare`'s own, and the one that limits hold for.
CHOICES = (Recipe(), Recipe(gop=2), Recipe(gop=4, crf=23), Recipe(gop=12, crf=23))
JPEG_QUALITY = 75  # PIL's default
OPENING = 10.0  # seconds at most for an index of a million videos


def copy_quantities(videos: VideoList, folder: str | Path, repeats: int, num_workers: int) -> list[Quantity]:
    """Copy the videos by every recipe of `CHOICES`; then samples from originals and copies in turn, by one thread.

    Beside the copies, as another form that they could have: a folder of JPEG pictures for each video.
    """
    from ..prepare.data_set import Work, prepare

    sources, sizes, quantities = {"original": videos}, {}, []
    for recipe in CHOICES:
        name = "copy" if recipe == CHOICES[0] else f"copy, gop {recipe.gop}, crf {recipe.crf}"
        begin = time.perf_counter()
        done = prepare(videos, Path(folder, name), recipe=recipe, work=Work(num_workers, progress=False))
        if recipe == CHOICES[0]:
            seconds = (time.perf_counter() - begin) / len(videos)
            quantities.append(Quantity(f"copying a video, {num_workers} workers", [seconds], "s"))
        sources[name] = load_videos("prepared", Path(folder, name), "train")
        sizes[name] = done.bytes_after / done.bytes_before
    sources["pictures"], written = as_pictures(videos, Path(folder, "pictures"))
    sizes["pictures"] = written / done.bytes_before

    published = TRAINING["published"]
    datasets = {
        f"training, {name}": VideoDataset(these, NUM_FRAMES, SIZE, published) for name, these in sources.items()
    }
    for name in ("original", "copy"):
        datasets[f"evaluation, {name}"] = VideoDataset(sources[name], NUM_FRAMES, SIZE, Views(resize=RESIZE))

    taken = time_samples(datasets, len(videos), repeats)
    rates = {name: [1 / value for value in values] for name, values in taken.items()}
    for name, values in rates.items():
        quantities.append(Quantity(f"{name}, one thread", values, "samples/s", "more"))
    for name, values in rates.items():
        task, form = name.split(", ", 1)
        if form != "original":
            limit = FASTER if form == "copy" else None
            quantities.append(ratio(f"{name} / original", values, rates[f"{task}, original"], "more", limit))
    for name, size in sizes.items():
        quantities.append(Quantity(f"size, {name} / original", [size], limit=LARGER if name == "copy" else None))
    return quantities


def by_form(quantities: Sequence[Quantity]) -> pd.DataFrame:
    """Of what `copy_quantities` returns: a line for each form of the videos, a column for what was measured of it."""
    table: dict[str, dict[str, float]] = {}
    columns = {"training": "training samples/s", "evaluation": "evaluation samples/s", "size": "times the bytes"}
    for quantity in quantities:
        kind, _, form = quantity.name.partition(", ")
        if kind not in columns:
            continue
        column, form = columns[kind], form.removesuffix(", one thread")
        if form.endswith(" / original") and kind != "size":
            column = f"times the {column}"
        table.setdefault(form.removesuffix(" / original"), {})[column] = quantity.value
    return pd.DataFrame(table).T.rename(index={"copy": f"copy, gop {CHOICES[0].gop}, crf {CHOICES[0].crf}"})


def as_pictures(videos: VideoList, folder: Path) -> tuple[VideoList, int]:
    """Each video as a folder of JPEG pictures, one a frame; and their bytes."""
    listed, written = [], 0
    for number, video in enumerate(videos.videos):
        target = folder / str(number)
        target.mkdir(parents=True)
        for place, picture in enumerate(all_frames(open_video(video.path), video.path)):
            file = target / f"{place:05d}.jpg"
            Image.fromarray(picture).save(file, quality=JPEG_QUALITY)
            written += file.stat().st_size
        listed.append(replace(video, path=target))
    return replace(videos, videos=tuple(listed)), written


def index_opening(folder: str | Path, videos: int, repeats: int) -> Quantity:
    """Seconds that a list of so many prepared videos takes to open, in a fresh interpreter, without its imports."""
    from ..prepare import index_path, write_index

    one = write_videos(folder, 1, TINY, 2)
    [video] = one.videos
    facts = {"bytes": video.path.stat().st_size, "sha256": "00" * 16, "digest": "00" * 16}
    write_index(index_path(folder, "train"), repeated(one, videos), {video.path: facts}, {})
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

"""The same videos as others store them: turned by a phone, in an old archive's container, with frames at uneven times.

Each file holds all frames of its original, encoded anew; so does "encoded anew", which tells what that alone changes.
T frames of H x W pixels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from text4vis_core.data.video import decode_frames, open_video
from text4vis_core.data.video_list import Video, VideoList
from text4vis_core.processes import progress_bar

from .groups import groups_of
from .inference.bootstrap import bootstrap
from .inference.cube import Cube
from .scores import Scores

QUICK = {"preset": "veryfast", "crf": "20"}
TITLE, LATIN_1 = b"Caf_ M_ller", "Café Müller".encode("latin-1")
TICKS = 1000  # a second, of a file of variable rate


@dataclass(frozen=True)
class Form:
    """How a file is stored.

    Attributes:
        suffix, codec, options, b: of the file, its encoder, and B-frames in a row.
        turned: whether pictures are stored turned by 90 degrees, and shown upright by their display matrix.
        latin: whether the title is not UTF-8.
        uneven: whether frames are shown for half as long, and half as long again, as by their rate.
    """

    suffix: str
    codec: str = "libx264"
    options: dict[str, str] = field(default_factory=lambda: dict(QUICK))
    b: int = 0
    turned: bool = False
    latin: bool = False
    uneven: bool = False


FINE = {"qmax": "4", "b": "4M"}
FORMS = {
    "encoded anew": Form(".mp4"),
    "turned, as by a phone": Form(".mov", turned=True),
    "MPEG-4 AVI, latin-1, B-frames": Form(".avi", "mpeg4", FINE, b=2, latin=True),
    ".wmv": Form(".wmv", "wmv2", FINE),
    ".MTS": Form(".MTS", options=QUICK | {"mbtree": "0"}, b=2),  # with B-frames its own choice differs between runs
    "variable rate": Form(".mp4", uneven=True),
}


def store(videos: VideoList, forms: Sequence[str], folder: Path) -> dict[str, VideoList]:
    """Encode all videos of a list in each form, into folders in a folder; form -> the list of its files, whole videos.

    Raises:
        VideoError: one of them cannot be read.
    """
    stored: dict[str, list[Video]] = {name: [] for name in forms}
    for number, video in enumerate(progress_bar(videos.videos, "storing", total=len(videos))):
        opened = open_video(video.path)
        frames = decode_frames(opened, video.path, np.arange(len(opened)))
        for name, files in stored.items():
            path = folder / name / f"{number:04d} {video.path.stem}{FORMS[name].suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, frames, opened.fps or 25.0, FORMS[name], number)
            files.append(replace(video, path=path, start=None, end=None, duration=None))
    return {name: replace(videos, videos=tuple(files), missing=()) for name, files in stored.items()}


def write(path: Path, frames: np.ndarray, fps: float, form: Form, seed: int = 0) -> None:
    """Write frames, uint8 (T, H, W, 3), RGB, H and W even, as a file of a form; `seed` draws its uneven times."""
    import av

    rate = Fraction(fps).limit_denominator(1001)
    stamps = np.arange(len(frames))
    if form.uneven:
        durations = np.random.default_rng(seed).choice([0.5, 1.5], len(frames)) * TICKS / fps
        stamps = durations.cumsum().round().astype(int) - round(float(durations[0]))
    unit = Fraction(1, TICKS) if form.uneven else 1 / rate
    muxer = "mpegts" if form.suffix == ".MTS" else None
    with av.open(str(path), "w", format=muxer) as container:
        if form.latin:
            container.metadata["title"] = TITLE.decode()
        stream: Any = container.add_stream(form.codec, rate=rate, options=form.options)
        stored = np.rot90(frames, -1, axes=(1, 2)) if form.turned else frames
        stream.height, stream.width = stored.shape[1:3]
        stream.pix_fmt, stream.codec_context.max_b_frames = "yuv420p", form.b
        stream.time_base = stream.codec_context.time_base = unit
        if form.turned:
            stream.set_display_rotation(90)
        for stamp, picture in zip(stamps.tolist(), stored, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
            frame.pts, frame.time_base = stamp, unit
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    if form.latin:
        path.write_bytes(path.read_bytes().replace(TITLE, LATIN_1))


def gains(scores: Mapping[str, Scores], reference: str | None = None) -> pd.DataFrame:
    """A row for each video of each form: class, the form, and gain, points that it is above the reference.

    The first form is the reference where none is named. The same videos stand in the same order in all.
    """
    right = {name: 100.0 * (each.scores.argmax(-1) == each.labels).numpy() for name, each in scores.items()}
    base = right[reference or next(iter(right))]
    rows = [(name, gain) for name, each in right.items() for gain in each - base]
    return pd.DataFrame(rows, columns=["class", "gain"])


def compared(scores: Mapping[str, Scores], dataset: str) -> pd.DataFrame:
    """A line for each form, of the same videos: accuracy, and how it differs from those of the first two forms.

    Columns: videos, top-1 (%), and two differences in points, each with the ends of its 95 % interval over the groups
    of the data set's videos.
    """
    groups, unit = groups_of(dataset, next(iter(scores.values())).videos)
    lines = {name: [len(each.labels), each.metrics()["top1"]] for name, each in scores.items()}
    columns = ["videos", "top-1 (%)"]
    for reference in list(scores)[:2]:
        columns += [f"from {reference!r}", f"low, {reference!r}", f"high, {reference!r}"]
        for name, gain in gains(scores, reference).groupby("class", sort=False)["gain"]:
            points = Cube(((),), (), gain.to_numpy()[None] / 100, groups, unit, groups)
            estimate = bootstrap([points], lambda mean: mean)
            lines[name] += [estimate.mean, *estimate.interval()]
    return pd.DataFrame.from_dict(lines, orient="index", columns=columns).rename_axis("stored")

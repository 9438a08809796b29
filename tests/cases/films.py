"""Writes the video files of the cases: most by PyAV, some by the program `ffmpeg`, and then what spoils them.

A step is a function of a path; `Made` holds the steps that make a file, `Film` is the first of nearly all.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from .pattern import picture

Step = Callable[[Path], None]
FFMPEG = shutil.which("ffmpeg")
QUICK = {
    "libx264": {"preset": "ultrafast", "crf": "18", "sc_threshold": "0"},
    "libx264rgb": {"preset": "ultrafast", "crf": "18"},
    "libx265": {"preset": "ultrafast", "crf": "20", "x265-params": "log-level=none:pools=none:frame-threads=1"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "crf": "6", "b": "2M"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "20", "b": "0"},
    "libsvtav1": {"preset": "12", "crf": "12"},
}
SCENES = ("mpeg4", "msmpeg4", "wmv2", "mpeg1video", "mpeg2video", "h263", "flv")


os.environ.setdefault("SVT_LOG", "1")  # its encoder would talk


class CannotMake(RuntimeError):
    """A case that cannot be made on this machine; says why."""


@dataclass(frozen=True)
class Film:
    """A video file of numbered pictures, by PyAV; call it with a path.

    Attributes:
        numbers: of the pictures, in order; a number of them for those from 0 on.
        size: height and width in pixels.
        codec, pixels, options: of the encoder; `Film.quality` is used where an encoder knows no better.
        gop, b: frames from key frame to key frame, and B-frames in a row.
        rate: frames a second.
        times: seconds at which each picture is shown; None: by the rate.
        muxer, mux: the container where the suffix does not tell, and its options.
        turn: degrees, horizontal and vertical flip of the display matrix.
        sound: seconds of silence beside the pictures.
        about: metadata.
        aspect: of a pixel.
        interlaced: whether pictures are coded as two fields.
    """

    numbers: int | Sequence[int] = 48
    size: tuple[int, int] = (120, 160)
    codec: str = "libx264"
    pixels: str = "yuv420p"
    options: Mapping[str, str] = field(default_factory=dict)
    gop: int = 12
    b: int = 0
    rate: Fraction | int = 24
    times: Sequence[float] | None = None
    muxer: str | None = None
    mux: Mapping[str, str] = field(default_factory=dict)
    turn: tuple[float, bool, bool] | None = None
    sound: float = 0.0
    about: Mapping[str, str] = field(default_factory=dict)
    aspect: Fraction | None = None
    interlaced: bool = False

    def __call__(self, path: Path) -> None:
        numbers = range(self.numbers) if isinstance(self.numbers, int) else self.numbers
        with av.open(f"file:{os.fspath(path)}", "w", format=self.muxer, options=dict(self.mux)) as container:
            container.metadata.update(self.about)
            stream = self._stream(container)
            unit = Fraction(1, 1000) if self.times is not None else 1 / Fraction(self.rate)
            stream.time_base = stream.codec_context.time_base = unit
            if self.sound:
                sound = container.add_stream("libopus" if path.suffix == ".webm" else "aac", rate=48000)
                container.mux(silence(sound, self.sound))
            converter = VideoReformatter()  # one for all: to make it takes long
            for place, number in enumerate(numbers):
                frame = av.VideoFrame.from_ndarray(picture(number, *self.size), "rgb24")
                frame = converter.reformat(frame, format=self.pixels, threads=1)
                frame.pts = place if self.times is None else round(1000 * self.times[place])
                frame.time_base = unit
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))

    def _stream(self, container) -> Any:
        options = QUICK.get(self.codec, {}) | dict(self.options)
        stream = container.add_stream(self.codec, rate=self.rate, options=options)
        stream.height, stream.width = self.size
        stream.pix_fmt = self.pixels
        context = stream.codec_context
        context.thread_count = 1
        context.gop_size = self.gop
        if self.codec not in ("gif", "prores_ks"):
            context.max_b_frames = self.b
        if self.codec not in QUICK:
            context.bit_rate, context.qmax = 4_000_000, 4
            options["sc_threshold"] = "1000000000"  # key frames where `gop` says, and no others
            context.options = {
                name: value for name, value in options.items() if self.codec in SCENES or name in self.options
            }
        if self.interlaced:
            context.flags |= 1 << 18 | 1 << 29  # interlaced transform and motion
        if self.aspect:
            stream.sample_aspect_ratio = self.aspect
        if self.turn is not None:
            stream.set_display_rotation(*self.turn)
        return stream


def silence(stream, seconds: float) -> list:
    """The packets of so many seconds of silence."""
    packets, size = [], 960
    layout, packed = stream.codec_context.layout.name or "stereo", not stream.codec_context.format.is_planar
    kind = {"flt": np.float32, "fltp": np.float32, "s16": np.int16, "s16p": np.int16, "s32": np.int32}
    for place in range(int(seconds * 48000 / size)):
        name = stream.codec_context.format.name
        shape = (1, 2 * size) if packed else (2, size)
        frame = av.AudioFrame.from_ndarray(np.zeros(shape, kind[name]), name, layout)
        frame.sample_rate, frame.pts, frame.time_base = 48000, place * size, Fraction(1, 48000)
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def made(*steps: Step) -> Step:
    """The steps, one after the other."""

    def make(path: Path) -> None:
        for step in steps:
            step(path)

    return make


def by_ffmpeg(film: Step, *words: str, suffix: str = ".mkv", before: Sequence[str] = ()) -> Step:
    """A file that `ffmpeg` makes of a film, written as `suffix`; the words stand behind and `before` the input.

    Raises `CannotMake` where there is no such program, or it cannot do it.
    """

    def make(path: Path) -> None:
        if not FFMPEG:
            raise CannotMake("it takes the program ffmpeg")
        with TemporaryDirectory() as folder:
            source = Path(folder, f"source{suffix}")
            film(source)
            command = [FFMPEG, "-nostdin", "-loglevel", "error", "-y", *before, "-i", f"file:{source}", *words]
            command.append(f"file:{path}")
            done = subprocess.run(command, capture_output=True, text=True, errors="replace")
            if done.returncode:
                raise CannotMake(f"ffmpeg: {done.stderr.strip().splitlines()[-1][:120] if done.stderr else 'failed'}")

    return make

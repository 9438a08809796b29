"""Make and verify the training-ready copy of one video. `data_set.py` says of which videos, and keeps account.

As a program (`python -m text4vis_lab.prepare.copying`) it is a worker: a job a line on its standard input, a result a
line on its standard output, both JSON. It does without torch, whose start would take longer than a copy.
"""

import hashlib
import itertools
import json
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from text4vis_core.data.reading import Reading, VideoError
from text4vis_core.data.video import Reader, decode_frames, open_video
from text4vis_core.files import file_digest, first_line, replacing

from .reader import SUFFIX, VERSION, PreparedReader

DECODED_AT_ONCE = 64 << 20  # bytes
PLAYED_AT = 25  # frames per second, where the original has no times of its own
# A second: of the first, milliseconds and frames at 24, 25, 30 or 24000/1001 a second are whole numbers. A container
# has room for 2**31 from frame to frame, which are fifty minutes; what lies farther apart is told less finely.
TICKS = (720_000, 90_000, 1_000)
NEAR = 1e-3  # seconds that a copy's frame may lie beside its original's
LONGEST_STEM = 120  # bytes; file systems allow 255, and there is a number and a suffix
STRICT = Reading(strict=True)  # what a decoder would conceal in an original would be in every copy


@dataclass(frozen=True)
class Recipe:
    """How copies are made. Copies of one folder share it.

    Attributes:
        short_side: in pixels; a smaller video stays as it is. Sides are rounded to even numbers.
        gop: every so many frames one is a key frame; that is the most that is decoded for one frame.
        crf: x264's constant rate factor: less is better and larger.
        preset: x264's preset: how long it tries to save bytes.
        min_psnr: decibels that every compared frame must reach; a copy that does not is made anew with a lower crf.
    """

    short_side: int = 256
    gop: int = 1
    crf: int = 26
    preset: str = "veryfast"
    min_psnr: float = 25.0

    def __post_init__(self):
        if self.short_side < 16 or self.short_side % 2:
            raise ValueError(f"short_side is {self.short_side}; it must be an even number of pixels, at least 16")
        if self.gop < 1:
            raise ValueError(f"gop is {self.gop}; it must be at least 1")
        if not 1 <= self.crf <= 51:
            raise ValueError(f"crf is {self.crf}; it must lie between 1 (best) and 51 (smallest)")


def make_copy(
    original: Path, folder: Path, recipe: Recipe, known: dict | None = None, reading: Reading = STRICT
) -> dict:
    """Copy a video into `folder/videos`, verify the copy, and move it to its name: it is whole, or not there.

    Args:
        original: a video file or a folder of frames; only read.
        folder: of the prepared data set.
        recipe: how.
        known: what was returned for this original before; when its content is the same, so is the copy.
        reading: how the original is read.

    Returns:
        "original", its "stamp", "digest" and "original_bytes", and the "decoder" that read it; "copy", its path below
        the folder; the copy's "bytes", "sha256", "frames", "fps", "width", "height", and its lowest "psnr".

    Raises:
        VideoError: the original cannot be decoded to its end, or no copy is good enough.
        OSError: the copy cannot be written.
    """
    try:
        if not original.is_dir() and not original.is_file():
            open_video(original, reading)  # says what it is instead; of a pipe the end never comes
        row: dict[str, Any] = {"original": str(original), "stamp": stamp(original), "digest": content_digest(original)}
        row["original_bytes"] = sum(
            each.stat().st_size for each in (original.iterdir() if original.is_dir() else [original])
        )
    except OSError as error:
        raise VideoError(original, error.strerror or first_line(error)) from error
    if known and known["digest"] == row["digest"] and is_there(folder, known):
        return known | row
    stem = original.stem.encode("utf-8", "replace")[:LONGEST_STEM].decode("utf-8", "ignore")
    name = Path("videos", original.parent.name or "root", f"{stem}-{row['digest'][:12]}{SUFFIX}")
    with replacing(folder / name) as temporary:
        for crf in itertools.count(recipe.crf, -4):
            encode(original, temporary, recipe, max(1, crf), reading)
            facts = verify(original, temporary, recipe, reading)
            if facts["psnr"] >= recipe.min_psnr:
                break
            if crf <= 1:
                found = f"the best copy has a PSNR of {facts['psnr']:.1f} dB, {recipe.min_psnr:g} are asked for"
                raise VideoError(original, f"{found}; lower min_psnr")
        # What was changed while it was copied is neither the one nor the other.
        if stamp(original) != row["stamp"]:
            raise VideoError(original, "it changed while it was copied; call prepare again")
        row |= facts | {"bytes": temporary.stat().st_size, "sha256": file_digest(temporary)[:32]}
    return row | {"copy": name.as_posix()}


def encode(original: Path, target: Path, recipe: Recipe, crf: int, reading: Reading = STRICT) -> None:
    """Write all frames of a video, at their times, as H.264 in an mp4 file that `PreparedReader` reads.

    No arithmetic coding, no deblocking (x264's "fastdecode") and no B-frames: together they halve the time of decoding.
    """
    import av

    video = open_video(original, reading)
    times, rate = video.seconds, Fraction(video.fps).limit_denominator(10_000) or Fraction(PLAYED_AT)
    begins, ends, second = ticks(times, len(video), video.fps or PLAYED_AT)
    fixed = "scenecut=0:ref=1:mbtree=0"  # mbtree: with it, x264 wrote other bytes now and then
    # An empty edit, in the movie's ticks, is what makes the first frame begin where it does.
    options = {"movflags": "faststart", "movie_timescale": str(second)}
    with av.open(str(target), "w", format="mp4", options=options) as container:
        made = {"version": VERSION, "fps": video.fps, "gop": recipe.gop}
        container.metadata["comment"] = json.dumps(made)
        stream = container.add_stream("libx264", rate=rate)
        stream.time_base = Fraction(1, second)
        stream.pix_fmt, stream.codec_context.thread_count = "yuv420p", 1
        stream.options = {
            "crf": str(crf),
            "g": str(recipe.gop),
            "keyint_min": str(recipe.gop),
            "bf": "0",
            "preset": recipe.preset,
            "tune": "fastdecode",
            "x264-params": fixed,
        }

        def write(packets: Iterable) -> None:
            for packet in packets:  # the encoder counts frames; the container has their times
                number = round(packet.pts * packet.time_base * rate)
                packet.time_base = Fraction(1, second)
                packet.pts = packet.dts = begins[number]
                packet.duration = ends[number] - begins[number]
                container.mux(packet)

        for number, picture in enumerate(all_frames(video, original)):
            picture = scaled(picture, recipe.short_side)
            if number == 0:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, 1 / rate
            write(stream.encode(frame))
        write(stream.encode())


def ticks(times: np.ndarray | None, length: int, rate: float) -> tuple[list[int], list[int], int]:
    """When each frame begins and ends, N numbers each, in ticks; and how many of these a second has, one of `TICKS`.

    Args:
        times: float64 (N,), seconds; None for frames at equal distances. Of frames at the same time each begins a tick
            after the one before, which is the least that a container allows.
        length: N.
        rate: frames per second, by which distances go where times do not tell them. The last frame lasts as long as the
            one before.
    """
    seconds = np.arange(length) / rate if times is None else np.asarray(times)
    steps = np.append(np.diff(seconds), 0)
    steps[-1] = steps[-2] if length > 1 else 1 / rate
    second = next((each for each in TICKS if steps.max() * each < 2**31), TICKS[-1])
    numbers = np.arange(length)
    begins = np.maximum.accumulate(np.round(seconds * second).astype(np.int64) - numbers) + numbers
    last = max(begins[-1] + 1, round((seconds[-1] + steps[-1]) * second))
    return begins.tolist(), [*begins[1:].tolist(), int(last)], second


def verify(original: Path, copy: Path, recipe: Recipe, reading: Reading = STRICT) -> dict:
    """Compare a copy with its original, in length, rate and times, and in five frames: the copy's facts.

    Raises:
        VideoError: they do not have the same frames at the same times.
    """
    video = open_video(original, reading)
    try:
        made = PreparedReader(copy)
        if (len(made), made.fps) != (len(video), video.fps):
            raise ValueError(f"it has {len(made)} frames at {made.fps:g} per second")
        ours, theirs = made.seconds, video.seconds
        if theirs is not None and np.abs(ours - theirs).max() > NEAR:
            worst = int(np.abs(ours - theirs).argmax())
            raise ValueError(f"frame {worst} is at {ours[worst]:.4f} s instead of {theirs[worst]:.4f} s")
        chosen = np.unique(np.linspace(0, len(video) - 1, 5).round().astype(np.int64))
        copied = made.decode(chosen)
    except Exception as error:  # PyAV has exceptions of its own
        raise VideoError(original, f"its copy is faulty ({first_line(error)[:200]})") from error
    frames = np.stack([scaled(frame, recipe.short_side) for frame in decode_frames(video, original, chosen)])
    if frames.shape != copied.shape:
        raise VideoError(original, f"its copy has frames of {copied.shape[1:]} instead of {frames.shape[1:]}")
    mse = np.square(frames.astype(np.float32) - copied).mean((1, 2, 3)).max()
    psnr = float(10 * np.log10(255**2 / max(mse, 1e-5)))
    height, width = copied.shape[1:3]
    about = {"frames": len(made), "fps": made.fps, "width": width, "height": height, "psnr": psnr}
    return about | {"decoder": video.decoder}


def all_frames(video: Reader, path: Path) -> Iterator[np.ndarray]:
    """Every frame of an open video in order, uint8 (H, W, 3), a few decoded at a time.

    Raises:
        VideoError: one of them cannot be decoded.
    """
    done, count = 0, 1
    while done < len(video):
        frames = decode_frames(video, path, np.arange(done, min(done + count, len(video))))
        yield from frames
        done += len(frames)
        count = max(1, DECODED_AT_ONCE // frames[0].nbytes)


def scaled(picture: np.ndarray, short_side: int) -> np.ndarray:
    """A picture uint8 (H, W, 3) with the short side scaled down as the published code does: bicubic, with PIL."""
    height, width = picture.shape[:2]
    factor = min(1, short_side / min(height, width))
    size = tuple(max(2, 2 * round(side * factor / 2)) for side in (width, height))
    if size == (width, height):
        return picture
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))


def stamp(path: Path) -> str:
    """Changes when a file, or a picture of a folder, is written; costs no reading."""
    if not path.is_dir():
        status = path.stat()
        return f"{status.st_size} {status.st_mtime_ns}"
    with os.scandir(path) as files:
        rows = sorted(f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files)
    return f"{len(rows)} {hashlib.sha256(os.fsencode(chr(10).join(rows))).hexdigest()[:32]}"


def content_digest(path: Path) -> str:
    """Of a file; of a folder, of its files and their names."""
    if not path.is_dir():
        return file_digest(path)[:32]
    digest = hashlib.sha256()
    for file in sorted(file for file in path.iterdir() if file.is_file()):
        digest.update(os.fsencode(f"{file.name} {file_digest(file)[:32]}\n"))
    return digest.hexdigest()[:32]


def is_there(folder: Path, row: dict, thorough: bool = False) -> bool:
    """Whether a copy is there, of the size that it was written with; `thorough`: and of the same content."""
    copy = folder / row["copy"]
    try:
        return copy.stat().st_size == row["bytes"] and (not thorough or file_digest(copy)[:32] == row["sha256"])
    except OSError:
        return False


def attempt(job: dict) -> dict:
    """Do a job: "error", why the video cannot be copied; "fatal", why none can; or what came of it.

    That is "row", what `make_copy` returned, and "made": whether the copy is new.

    Args:
        job: "original", "folder", "recipe", "known" and "reading", as of `make_copy`.
    """
    folder, known = Path(job["folder"]), job["known"]
    there = bool(known) and is_there(folder, known)
    try:
        row = make_copy(Path(job["original"]), folder, Recipe(**job["recipe"]), known, Reading(**job["reading"]))
        return {"row": row, "made": not (there and row["digest"] == known["digest"])}
    except VideoError as error:
        return {"error": error.reason}
    except Exception as error:  # PyAV has exceptions of its own
        reason = f"{type(error).__name__}: {first_line(error)[:200]}"
        return {"fatal": reason} if isinstance(error, OSError) else {"error": f"it cannot be copied ({reason})"}


def main() -> None:
    """Do jobs until there are no more, or whoever sends them is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who sends the jobs stops them
    results = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a decoder prints is not a result
    for line in sys.stdin:
        try:
            print(json.dumps(attempt(json.loads(line))), file=results, flush=True)
        except BrokenPipeError:
            os._exit(0)


if __name__ == "__main__":
    main()

"""What the data check finds out about one file or folder, whatever lies there.

A link that leads nowhere, a pipe, a folder without permission, a file that is gone a moment later: each is a reason in
the facts, and none an error.
"""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from text4vis_core.data.reading import Reading, VideoError
from text4vis_core.data.sampling import evaluation_indices
from text4vis_core.data.video import decode_frames, open_video
from text4vis_core.data.video_list import Video
from text4vis_core.files import first_line

STRICT = Reading(strict=True)
HASHED_BYTES = 1 << 16  # of a file's beginning and of its end

Part = tuple[float | None, float | None, float | None]  # start, end and duration of a `Video`, in seconds


@dataclass(frozen=True)
class PartFacts:
    """What is found out about a listed part of a file, or about the whole of it.

    Attributes:
        first, stop: its first frame in the file, and the one after its last.
        seconds: from its first frame to the end of its last, by the file's time stamps; 0 where they are unknown.
        error: why no clip of it can be decoded; empty when one can.
    """

    first: int = 0
    stop: int = 0
    seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class FileFacts:
    """What is found out about a video file or a folder of frames.

    Attributes:
        frames: in the whole file.
        fps: frames per second, by time stamps; 0 where unknown, as for a folder of frames.
        width, height: of a frame, in pixels; 0 where none could be decoded.
        decoder: that read it, with its version.
        digest: of size, beginning and end; files that share it hold the same.
        error: why it cannot be opened; empty when it can.
        parts: what was found out about each part that is listed; empty where the file cannot be opened.
    """

    frames: int = 0
    fps: float = 0.0
    width: int = 0
    height: int = 0
    decoder: str = ""
    digest: str = ""
    error: str = ""
    parts: Mapping[Part, PartFacts] = field(default_factory=dict)

    def of(self, video: Video) -> PartFacts:
        """What was found out about a video that is this file or a part of it."""
        return self.parts.get(part_of(video), PartFacts(error=self.error))


def examine(
    path: Path,
    parts: Iterable[Part],
    num_frames: int,
    changed: Callable[[], str] | None = None,
    reading: Reading = STRICT,
) -> FileFacts:
    """Open a video and decode an evaluation clip of each listed part of it; an error becomes part of the facts.

    `changed` says why the file is not what was written, empty where it is.
    """
    try:
        reason = changed() if changed else ""
        return FileFacts(error=reason) if reason else _examined(path, parts, num_frames, reading)
    except VideoError as error:
        return FileFacts(error=_linked(path) + error.reason)
    except Exception as error:  # whatever a file does to its reader is what the check is asked for
        return FileFacts(error=f"it cannot be read ({type(error).__name__}: {first_line(error)[:200]})")


def _linked(path: Path) -> str:
    with contextlib.suppress(OSError):  # of what is no link
        return f"a link to {os.readlink(path)}: "
    return ""


def _examined(path: Path, parts: Iterable[Part], num_frames: int, reading: Reading) -> FileFacts:
    video = open_video(path, reading)
    times, facts, height, width = video.seconds, {}, 0, 0
    for start, end, duration in parts:
        first, stop, reason = 0, 0, ""
        try:
            first, stop = video.part(start, end, duration)
            frames = decode_frames(video, path, first + evaluation_indices(stop - first, num_frames))
            height, width = frames.shape[1:3]
        except VideoError as failure:
            reason = ": ".join(filter(None, [part_in_words(start, end), failure.reason]))
        except ValueError as failure:  # the part lies outside of the video, or cannot be placed
            reason = str(failure)
        known = np.arange(len(video)) * duration / len(video) if times is None and duration else times
        seconds = 0.0 if known is None or reason else _seconds(known, first, stop, video.fps)
        facts[start, end, duration] = PartFacts(first, stop, seconds, reason)
    return FileFacts(len(video), video.fps, width, height, video.decoder, _digest(path), parts=facts)


def _seconds(times: np.ndarray, first: int, stop: int, fps: float) -> float:
    """How long frames from `first` to before `stop` last; the last of all as long as the one before."""
    if stop < len(times):
        return float(times[stop] - times[first])
    last = times[-1] - times[-2] if len(times) > 1 else 1 / fps if fps else 0.0
    return float(times[-1] + last - times[first])


def is_there(path: Path) -> bool:
    """Whether there is something under a name, whatever it is: a link that leads nowhere is."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last of a name that no file can have
        return False
    except OSError:  # opening it says why
        return True
    return True


def part_of(video: Video) -> Part:
    return video.start, video.end, video.duration


def part_in_words(start: float | None, end: float | None) -> str:
    """A part in words; empty for a whole video."""
    if start is None and end is None:
        return ""
    return f"its part from {start or 0:g} s to " + ("its end" if end is None else f"{end:g} s")


def _digest(path: Path) -> str:
    """Of size, beginning and end of a file; of a folder, of the number of its files and of three of them."""
    if path.is_dir():
        files = sorted(each for each in path.iterdir() if each.is_file())
        parts = [str(len(files)).encode(), *(_ends(files[i]) for i in (0, len(files) // 2, -1))]
    else:
        parts = [_ends(path)]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _ends(path: Path) -> bytes:
    size = path.stat().st_size
    with open(path, "rb") as file:
        begin = file.read(HASHED_BYTES)
        file.seek(max(0, size - HASHED_BYTES))
        return str(size).encode() + begin + file.read()

"""Open a video file, or a folder of frames, and decode the frames that were asked for.

Which frames to read is decided elsewhere (`sampling.py`), what a file is by `probe.py`, and `decoders.py` decodes.
"""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from .decoders import AvReader, DecordReader, FolderReader
from .memory import CLIPS, keep_freed_memory
from .reading import DEFAULT, Reading, VideoError, in_words, kind_of

__all__ = ["AvReader", "DecordReader", "FolderReader", "Reading", "VideoError"]
Reader = AvReader | DecordReader | FolderReader
OPENERS: dict[str, type] = {}  # how a file's name ends -> what reads it instead; open to others, which register so
Part = tuple[float | None, float | None, float | None]  # start, end and the whole video's duration in seconds


def open_video(path: str | Path, reading: Reading = DEFAULT) -> Reader:
    """The reader of a video file or a folder of frames: what it has in common is told in `decoders.py`.

    decord reads where `reading` says so, and where PyAV is not installed; never what PyAV refused. A `VideoError` when
    the file is missing, empty, not a video, has no frames, or is beyond a limit.
    """
    keep_freed_memory(CLIPS)
    path = Path(path)
    usual = DecordReader if reading.decoder == "decord" or find_spec("av") is None else AvReader
    of_file: type[Reader] = next((own for end, own in OPENERS.items() if path.name.endswith(end)), usual)
    try:
        video: Reader = (FolderReader if kind_of(path) == "folder" else of_file)(path, reading)
    except VideoError:
        raise
    except Exception as error:  # each decoder has exceptions of its own
        raise VideoError(path, f"no decoder can open it ({in_words(error)})") from None
    if len(video) == 0:
        raise VideoError(path, "it has no frames")
    return video


def read_frames(
    path: str | Path,
    choose: Callable[[int], np.ndarray],
    start: float | None = None,
    end: float | None = None,
    duration: float | None = None,
    reading: Reading = DEFAULT,
) -> np.ndarray:
    """Decode the frames of a video, or of a part of it, that `choose` picks.

    Args:
        path: a video file or a folder of frames.
        choose: from the number of frames to the 0-based indices wanted, in any order, repeats allowed.
        start, end: seconds between which the part lies, by the frames' time stamps; None for the video's beginning and
            end.
        duration: seconds that the whole video lasts; only a folder of frames, which has no frame rate, needs it.
        reading: by which decoder, how strictly and within which limits.

    Returns:
        uint8 array (N, H, W, 3), RGB, in the order of the indices; turned and mirrored as the file is to be shown.

    Raises:
        VideoError: the video cannot be opened, one of the frames cannot be decoded, or the part lies outside of it.
    """
    frames, places = read_distinct_frames(path, choose, (start, end, duration), reading)
    return frames[places]


def read_distinct_frames(
    path: str | Path, choose: Callable[[int], np.ndarray], part: Part = (None, None, None), reading: Reading = DEFAULT
) -> tuple[np.ndarray, ...]:
    """As `read_frames`, without repeats: (M, H, W, 3) in increasing order, and the place of each index's frame (N,)."""
    video = open_video(path, reading)
    try:
        first, stop = video.part(*part)
    except ValueError as error:
        raise VideoError(path, str(error)) from None
    indices = chosen(path, choose, stop - first)
    distinct, places = np.unique(first + indices, return_inverse=True)
    return decode_frames(video, path, distinct), places


def chosen(path: str | Path, choose: Callable[[int], np.ndarray], length: int) -> np.ndarray:
    """The indices that `choose` picks of so many frames, int64 (N,). A `VideoError` when one is of no frame."""
    indices = np.asarray(choose(length), dtype=np.int64)
    if indices.min() < 0 or indices.max() >= length:
        raise VideoError(path, f"frames {indices.min()} to {indices.max()} were asked for, it has {length}")
    return indices


def decode_frames(video: Reader, path: str | Path, indices: np.ndarray) -> np.ndarray:
    """The frames of an open video at 0-based indices, in any order, repeats allowed: uint8 (N, H, W, 3), RGB.

    A `VideoError` when one of them cannot be decoded.
    """
    try:
        return video.decode(indices)
    except VideoError:
        raise
    except Exception as error:  # each decoder has exceptions of its own
        raise VideoError(path, f"decoding failed ({in_words(error)})") from error

"""Open a video file, or a folder of frames, and decode the frames that were asked for.

decord reads files; PyAV does where decord has no wheel or cannot open one; a folder of pictures is a video too. Which
frames to read is decided elsewhere (`sampling.py`): a reader only tells its length and decodes indices.
"""

import importlib.util
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from .files import first_line

VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".webm", ".mov", ".m4v", ".mpg", ".mpeg")
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


class VideoError(RuntimeError):
    """A video that cannot be read. Names the file and the reason."""

    def __init__(self, path: str | Path, reason: str = ""):  # torch gives the text alone, of a worker's error
        super().__init__(f"cannot read video {path}: {reason}" if reason else str(path))
        self.path, self.reason = str(path), reason

    def __reduce__(self):  # so that it survives the way back from a DataLoader worker
        return VideoError, (self.path, self.reason)


class DecordReader:
    """A video file through decord."""

    def __init__(self, path: Path):
        import decord

        decord.logging.set_level(decord.logging.QUIET)
        # Frame-accurate seeking, one thread: the DataLoader's workers are the parallelism.
        self._reader = decord.VideoReader(str(path), num_threads=1)
        # Where a container keeps no time stamps (B-frames or H.264 in AVI), decord silently seeks to other frames.
        if (self._reader.get_frame_timestamp(np.arange(len(self._reader))) < -1e9).any():
            raise ValueError("decord cannot find frames that have no time stamps; install PyAV (pip install av)")
        self.fps = float(self._reader.get_avg_fps())

    def __len__(self) -> int:
        return len(self._reader)

    def decode(self, indices: np.ndarray) -> np.ndarray:
        """uint8 (N, H, W, 3), RGB."""
        return self._reader.get_batch(indices.tolist()).asnumpy()


class AvReader:
    """A video file through PyAV, decoded from its beginning up to the last frame asked for."""

    def __init__(self, path: Path):
        import av

        self._path = str(path)
        with av.open(self._path) as container:
            if not container.streams.video:
                raise ValueError("no video stream")
            stream = container.streams.video[0]
            self.fps = float(stream.average_rate or 0)
            # The header's frame count is absent from some containers and wrong in others; packets do not lie.
            self._length = sum(1 for packet in container.demux(stream) if packet.pts is not None)

    def __len__(self) -> int:
        return self._length

    def decode(self, indices: np.ndarray) -> np.ndarray:
        """uint8 (N, H, W, 3), RGB. Raises ValueError when the file ends before a frame that was asked for."""
        import av

        wanted, frames = set(indices.tolist()), {}
        with av.open(self._path) as container:
            for index, frame in enumerate(container.decode(video=0)):
                if index in wanted:
                    frames[index] = frame.to_ndarray(format="rgb24")
                    if len(frames) == len(wanted):
                        break
        missing = sorted(wanted - frames.keys())
        if missing:
            raise ValueError(f"frame {missing[0]} could not be decoded")
        return np.stack([frames[index] for index in indices.tolist()])


class FolderReader:
    """A folder of pictures, one per frame, in the order of the numbers in their names."""

    fps = 0.0

    def __init__(self, path: Path):
        def number(file: Path) -> tuple[int, str]:
            digits = re.findall(r"\d+", file.stem)
            return (int(digits[-1]) if digits else -1, file.name)

        self._files = sorted((f for f in path.iterdir() if f.suffix.lower() in PICTURE_SUFFIXES), key=number)

    def __len__(self) -> int:
        return len(self._files)

    def decode(self, indices: np.ndarray) -> np.ndarray:
        """uint8 (N, H, W, 3), RGB. Raises ValueError when the pictures differ in size."""
        frames = [np.asarray(Image.open(self._files[index]).convert("RGB")) for index in indices.tolist()]
        if len({frame.shape for frame in frames}) > 1:
            raise ValueError("its pictures differ in size")
        return np.stack(frames)


def open_video(path: str | Path) -> DecordReader | AvReader | FolderReader:
    """The reader for a video file or a folder of frames.

    Returns:
        An object with `len()`, `fps` (0 where unknown) and `decode(indices) -> uint8 (N, H, W, 3)`, RGB.

    Raises:
        VideoError: the file is missing, empty, not a video, or has no frames.
    """
    path = Path(path)
    if not path.exists():
        raise VideoError(path, "no such file or folder")
    if path.is_dir():
        readers = [FolderReader]
    elif path.stat().st_size == 0:
        raise VideoError(path, "the file is empty (0 bytes)")
    else:
        readers = [DecordReader, AvReader]
    reasons = []
    for reader in readers:
        try:
            video = reader(path)
        except ImportError as error:
            reasons.append(str(error))
        except Exception as error:  # each decoder has exceptions of its own
            reasons.append(first_line(error)[:200])
        else:
            if len(video) == 0:
                raise VideoError(path, "it has no frames")
            return video
    raise VideoError(path, f"no decoder can open it ({'; '.join(dict.fromkeys(reasons))})")


def read_frames(
    path: str | Path,
    choose: Callable[[int], np.ndarray],
    start: float | None = None,
    end: float | None = None,
    duration: float | None = None,
) -> np.ndarray:
    """Decode the frames of a video, or of a part of it, that `choose` picks.

    Args:
        path: a video file or a folder of frames.
        choose: from the number of frames to the 0-based indices wanted, in any order, repeats allowed.
        start, end: seconds between which the part lies; None for the video's beginning and end.
        duration: seconds that the whole video lasts; only a folder of frames, which has no frame rate, needs it.

    Returns:
        uint8 array (N, H, W, 3), RGB, in the order of the indices.

    Raises:
        VideoError: the video cannot be opened, one of the frames cannot be decoded, or the part lies outside of it.
    """
    video = open_video(path)
    try:
        first, stop = part_of(len(video), video.fps, start, end, duration)
    except ValueError as error:
        raise VideoError(path, str(error)) from None
    indices = np.asarray(choose(stop - first), dtype=np.int64)
    if indices.min() < 0 or indices.max() >= stop - first:
        raise VideoError(path, f"frames {indices.min()} to {indices.max()} were asked for, it has {stop - first}")
    return decode_frames(video, path, first + indices)


def decode_frames(video: DecordReader | AvReader | FolderReader, path: str | Path, indices: np.ndarray) -> np.ndarray:
    """The frames of an open video at 0-based indices, in any order, repeats allowed: uint8 (N, H, W, 3), RGB.

    Raises:
        VideoError: one of them cannot be decoded.
    """
    unique, where = np.unique(indices, return_inverse=True)
    try:
        return _decode(video, Path(path), unique)[where]
    except Exception as error:
        raise VideoError(path, f"decoding failed ({first_line(error)[:200]})") from error


def part_of(
    length: int, fps: float, start: float | None, end: float | None, duration: float | None = None
) -> tuple[int, int]:
    """The first frame of a part given in seconds, and the one after its last: one frame at least.

    Args:
        length: frames in the whole video.
        fps: frames per second; 0 where unknown, then `duration` places the part.
        start, end, duration: seconds, see `read_frames`.

    Raises:
        ValueError: the part begins after the video's end, or cannot be placed.
    """
    if start is None and end is None:
        return 0, length
    rate = fps or (length / duration if duration else 0)
    if not rate:
        raise ValueError("a part of it is asked for in seconds, and its frame rate is unknown; use video files")
    first = int(np.floor((start or 0) * rate + 1e-6))
    if first >= length:
        raise ValueError(f"a part from {start:g} s is asked for, it lasts {length / rate:.1f} s")
    stop = length if end is None else int(np.ceil(end * rate - 1e-6))
    return first, min(max(stop, first + 1), length)


def _decode(video: DecordReader | AvReader | FolderReader, path: Path, indices: np.ndarray) -> np.ndarray:
    try:
        return video.decode(indices)
    except Exception:
        # decord cannot convert frames of some small widths (16, 48, 96); PyAV, where it is installed, can.
        if not isinstance(video, DecordReader) or importlib.util.find_spec("av") is None:
            raise
        return AvReader(path).decode(indices)

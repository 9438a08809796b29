"""Open a video file, or a folder of frames, and decode the frames that were asked for.

PyAV reads files; decord does where PyAV is not installed; a folder of pictures is a video too. Which frames to read is
decided elsewhere (`sampling.py`): a reader only tells its length and decodes indices, frames uint8 (N, H, W, 3), RGB.
"""

import re
import stat
from bisect import bisect_right
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from weakref import finalize

import numpy as np
from PIL import Image

from ..files import first_line
from .memory import CLIPS, keep_freed_memory
from .prepared import SUFFIX, PreparedReader

VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".webm", ".mov", ".m4v", ".mpg", ".mpeg")
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


class VideoError(RuntimeError):
    """A video that cannot be read. Names the file and the reason."""

    def __init__(self, path: str | Path, reason: str = ""):  # torch gives the text alone, of a worker's error
        super().__init__(f"cannot read video {path}: {reason}" if reason else str(path))
        self.path, self.reason = str(path), reason

    def __reduce__(self):  # so that it survives the way back from a DataLoader worker
        return VideoError, (self.path, self.reason)


class AvReader:
    """A video file through PyAV: frames are decoded from the key frame before them on, each once.

    Where a file's time stamps do not tell its frames' order, or a seek does not lead to the key frame, they are counted
    from the beginning.
    """

    def __init__(self, path: Path):
        import av

        self._path = str(path)
        self._container = container = av.open(self._path)
        finalize(self, container.close)  # a container and its streams refer to each other
        stream: Any = container.streams.best("video")  # PyAV's types do not know what a video's has
        self._stream = stream
        if stream is None:
            raise ValueError("no video stream")
        stream.codec_context.thread_count = 1  # the loader's workers are the parallelism
        self.fps = float(stream.average_rate or 0)
        # The header's frame count is absent from some containers and wrong in others; packets do not lie.
        packets: list[Any] = [packet for packet in container.demux(stream) if packet.size]
        _check_whole(path, container, stream, packets)
        times = [packet.pts for packet in packets if not packet.is_discard]
        self._length = len(times)
        reordered = stream.codec_context.has_b_frames
        told = any(packet.pts != packet.dts for packet in packets) and container.format.name != "avi"
        if None in times or len(set(times)) < len(times) or (reordered and not told):
            self._times: list[int] = []
        else:
            self._times = sorted(times)
            self._place = {packet.pts: i for i, packet in enumerate(packets)}  # in the file
            self._keys = sorted(packet.pts for packet in packets if packet.is_keyframe)

    def __len__(self) -> int:
        return self._length

    def decode(self, indices: np.ndarray) -> np.ndarray:
        """Raises ValueError when the file ends before a frame that was asked for."""
        wanted = sorted(set(indices.tolist()))
        frames = self._by_time(wanted) if self._times else {}
        if len(frames) < len(wanted):
            frames = self._by_number(wanted)
        missing = sorted(set(wanted) - frames.keys())
        if missing:
            raise ValueError(f"frame {missing[0]} could not be decoded")
        return np.stack([frames[index] for index in indices.tolist()])

    def _by_time(self, wanted: list[int]) -> dict[int, np.ndarray]:
        """Frames by their index, by way of the key frames; not all of them where those cannot be found."""
        groups: dict[int, dict[int, int]] = {}
        for index in wanted:
            key = bisect_right(self._keys, self._times[index]) - 1
            if key < 0:
                return {}
            groups.setdefault(self._keys[key], {})[self._times[index]] = index
        to_rgb, frames = self._converter(), {}
        packets = self._container.demux(self._stream)  # one for all: PyAV leaks where one is left before its end
        for key, numbers in groups.items():
            for frame in self._decode_from(packets, key, max(self._place[time] for time in numbers)):
                if frame.pts in numbers and not frame.is_corrupt:  # as after a key frame that is none
                    frames[numbers[frame.pts]] = to_rgb(frame)
        return frames

    def _decode_from(self, packets: Iterator, key: int, last: int) -> Iterator:
        """The frames of the packets from a key frame's to the one at place `last`; none where a seek leads past it."""
        context = self._stream.codec_context
        self._container.seek(key, stream=self._stream)
        context.flush_buffers()
        for packet in packets:
            place = self._place.get(packet.pts, last + 1)
            if place > last:
                return
            if place < self._place[key]:  # some containers seek to an earlier one
                continue
            yield from context.decode(packet)
            if place == last:
                yield from context.decode(None)  # what the decoder still holds; then nothing more need be decoded
                return

    def _by_number(self, wanted: list[int]) -> dict[int, np.ndarray]:
        """Frames by their index, counted from the file's beginning."""
        import av

        to_rgb, frames, left = self._converter(), {}, set(wanted)
        with av.open(self._path) as container:
            stream: Any = container.streams.best("video")
            stream.codec_context.thread_count = 1
            for index, frame in enumerate(container.decode(stream)):
                if index in left:
                    frames[index] = to_rgb(frame)
                    left.remove(index)
                if not left:
                    break
        return frames

    def _converter(self) -> Callable:
        """From a decoded frame to uint8 (H, W, 3), RGB, all of the size that the header tells."""
        from av.video.reformatter import VideoReformatter

        context, reformatter = self._stream.codec_context, VideoReformatter()
        return lambda frame: reformatter.reformat(frame, context.width, context.height, "rgb24", threads=1).to_ndarray()


def _check_whole(path: Path, container, stream, packets: list) -> None:
    """A `VideoError` for a file that ends long before its header says: decoders are content with what is left.

    More than a tenth is missing, or the last frame is cut and the header tells no number of frames.
    """
    times = [packet.pts + (packet.duration or 0) for packet in packets if packet.pts is not None]
    if packets and packets[-1].is_corrupt:
        if not stream.frames:
            raise VideoError(path, f"it is cut off in the middle of frame {len(packets) - 1}")
        if stream.frames > 1.1 * len(packets):
            raise VideoError(path, f"it is cut off: {len(packets)} of its {stream.frames} frames are there")
    begin = (container.start_time or 0) / 1e6
    seconds = float(max(times, default=0) * stream.time_base) - begin
    if stream.duration:
        length = float(stream.duration * stream.time_base)
    else:
        length = (container.duration or 0) / 1e6
        if length > 1.1 * seconds + 0.5:  # the sound may be longer than the pictures
            container.seek(container.start_time or 0)
            ends = [packet.pts * packet.time_base for packet in container.demux() if packet.pts is not None]
            seconds = float(max(ends, default=0)) - begin
    if length > 1.1 * seconds + 0.5:
        raise VideoError(path, f"it is cut off: {seconds:.1f} of its {length:.1f} s are there")


class DecordReader:
    """A video file through decord, where PyAV is not installed. It does not tell files that are cut off."""

    def __init__(self, path: Path):
        import decord

        decord.logging.set_level(decord.logging.QUIET)
        # Frame-accurate seeking, one thread: the loader's workers are the parallelism.
        self._reader = decord.VideoReader(str(path), num_threads=1)
        # Where a container keeps no time stamps (B-frames or H.264 in AVI), decord silently seeks to other frames.
        if (self._reader.get_frame_timestamp(np.arange(len(self._reader))) < -1e9).any():
            raise ValueError("decord cannot find frames that have no time stamps; install PyAV (pip install av)")
        self.fps = float(self._reader.get_avg_fps())

    def __len__(self) -> int:
        return len(self._reader)

    def decode(self, indices: np.ndarray) -> np.ndarray:
        return self._reader.get_batch(indices.tolist()).asnumpy()


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
        """Raises ValueError when the pictures differ in size."""
        frames = [np.asarray(Image.open(self._files[index]).convert("RGB")) for index in indices.tolist()]
        if len({frame.shape for frame in frames}) > 1:
            raise ValueError("its pictures differ in size")
        return np.stack(frames)


Reader = AvReader | DecordReader | FolderReader | PreparedReader
Part = tuple[float | None, float | None, float | None]  # start, end and the whole video's duration in seconds


def open_video(path: str | Path) -> Reader:
    """The reader of a video file or a folder of frames: `len`, `fps` (0: unknown), `decode` -> uint8 (N, H, W, 3), RGB.

    A `VideoError` when the file is missing, empty, not a video, or has no frames.
    """
    keep_freed_memory(CLIPS)
    path = Path(path)
    try:
        status = path.stat()
    except OSError as error:  # also of a network file system that went away
        missing = isinstance(error, FileNotFoundError)
        raise VideoError(path, "no such file or folder" if missing else str(error.strerror)) from None
    if stat.S_ISDIR(status.st_mode):
        readers: list[type[Reader]] = [FolderReader]
    elif status.st_size == 0:
        raise VideoError(path, "the file is empty (0 bytes)")
    else:
        readers = [PreparedReader] if path.name.endswith(SUFFIX) else [AvReader, DecordReader]
    reasons = []
    for reader in readers:
        try:
            video = reader(path)
        except VideoError:
            raise
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
    frames, places = read_distinct_frames(path, choose, (start, end, duration))
    return frames[places]


def read_distinct_frames(
    path: str | Path, choose: Callable[[int], np.ndarray], part: Part = (None, None, None)
) -> tuple[np.ndarray, ...]:
    """As `read_frames`, without repeats: (M, H, W, 3) in increasing order, and the place of each index's frame (N,)."""
    video = open_video(path)
    try:
        first, stop = part_of(len(video), video.fps, *part)
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
    except Exception as error:  # each decoder has exceptions of its own
        raise VideoError(path, f"decoding failed ({first_line(error)[:200]})") from error


def part_of(
    length: int, fps: float, start: float | None, end: float | None, duration: float | None = None
) -> tuple[int, int]:
    """The first of `length` frames that lies in a part given in seconds, and the one after its last: one at least.

    Raises:
        ValueError: the part begins after the video's end, or cannot be placed: `fps` is 0, for unknown, without a
            `duration`.
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

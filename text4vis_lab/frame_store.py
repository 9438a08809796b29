"""Small videos decoded once and kept in memory, for runs that read the same files again and again.

A table's cells and their epochs read each file of a small data set dozens of times, and decoding it takes longer than
the training step that follows. What is kept are whole frames (T, H, W, 3) before any sampling, crop or augmentation:
the numbers are those of a run that keeps nothing.
"""

from collections.abc import Callable
from pathlib import Path
from stat import S_ISREG

import numpy as np
from torch.utils.data import get_worker_info

from text4vis_core.data.datasets import FromFiles
from text4vis_core.data.reading import DEFAULT, Reading, VideoError
from text4vis_core.data.video import chosen, decode_frames, open_video
from text4vis_core.data.video_list import Video

# A file beyond these is read as if nothing were kept: decoding all of it for a few of its frames would be a loss.
LARGEST_FILE, MOST_FRAMES = 256 * 2**10, 128
MB = 2**20


class FrameStore(FromFiles):
    """Reads videos as `read_frames` does, and keeps all frames of small files from their first reading on.

    Nothing is ever dropped: videos are kept in the order of their first reading until there is no more room. A file
    that was changed is decoded anew. In a DataLoader's worker, which ends with the epoch, nothing is kept; and a copy
    in another process begins empty.

    Args:
        megabytes: of decoded frames that may be kept; 0 for none. A ValueError when it is negative.
        reading: how files are read.
    """

    def __init__(self, megabytes: int = 0, reading: Reading = DEFAULT):
        if megabytes < 0:
            raise ValueError(f"megabytes is {megabytes}; it must be 0 (nothing is kept) or more")
        super().__init__(reading)
        self.megabytes = megabytes
        self._room = megabytes * MB
        self._kept: dict[tuple, np.ndarray | None] = {}  # None: was found to be too large

    def read(self, video: Video, choose: Callable[[int], np.ndarray]) -> np.ndarray:
        """Frames of a video, or of a part of it, that `choose` picks from their number, as `read_frames` does."""
        frames = self._whole(video)
        if frames is None:
            return super().read(video, choose)
        return frames[chosen(video.path, choose, len(frames))]

    def read_distinct(self, video: Video, choose: Callable[[int], np.ndarray]) -> tuple[np.ndarray, ...]:
        """As `read`, without repeats: (M, H, W, 3) in increasing order, and the place of each index's frame (N,)."""
        frames = self._whole(video)
        if frames is None:
            return super().read_distinct(video, choose)
        distinct, places = np.unique(chosen(video.path, choose, len(frames)), return_inverse=True)
        return frames[distinct], places

    def _whole(self, video: Video) -> np.ndarray | None:
        """All frames (T, H, W, 3) of a video that is kept; None where it is not."""
        if not self.megabytes or (video.start, video.end) != (None, None) or get_worker_info() is not None:
            return None
        identity = _identity(video.path)
        if identity is None:
            return None
        if identity not in self._kept:
            frames = _decode_small(video.path, self.reading)
            if frames is not None and frames.nbytes <= self._room:
                self._room -= frames.nbytes
            else:
                frames = None
            self._kept[identity] = frames
        return self._kept[identity]

    def __getstate__(self) -> dict:
        return super().__getstate__() | {"_room": self.megabytes * MB, "_kept": {}}


def _identity(path: Path) -> tuple | None:
    """Changes whenever the file does; None for a folder, a large file, and one that is not there."""
    try:
        status = path.stat()
    except OSError:
        return None
    if not S_ISREG(status.st_mode) or status.st_size > LARGEST_FILE:
        return None
    return path, status.st_size, status.st_mtime_ns


def _decode_small(path: Path, reading: Reading) -> np.ndarray | None:
    """All frames (T, H, W, 3); None for a video of many, or one that cannot be decoded to its end."""
    try:
        video = open_video(path, reading)
        return decode_frames(video, path, np.arange(len(video))) if len(video) <= MOST_FRAMES else None
    except VideoError:
        return None  # the frames that are asked for may be whole; if not, reading them says so

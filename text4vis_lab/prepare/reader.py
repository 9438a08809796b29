"""Read a copy that `prepare` made: H.264 with a key frame every few frames, decoded from the nearest one.

Only the packets that lead to the frames asked for are read and decoded, without a look at the rest of the file. With
this module imported, `open_video` reads copies so; without it, as any MP4 file.
"""

import json
import os
import threading
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from text4vis_core.data.decoders import Timed, part_by_length
from text4vis_core.data.reading import DEFAULT, Reading, VideoError
from text4vis_core.data.video import OPENERS

VERSION = 2  # of how copies are made: as shown, at the times of the original's frames
SUFFIX = ".prepared.mp4"  # any player plays it; this reader knows how it was made
# What the file says of itself is enough: its first frames are not decoded to find out more.
QUICK: Any = {"options": {"probesize": "32", "analyzeduration": "0"}, "stream_options": [{"skip_frame": "all"}]}
_KEPT = threading.local()


class PreparedReader(Timed):
    """A copy, through PyAV. `fps` is the original's, 0 where that has none; so are the seconds of its frames."""

    decoder = "prepared copy"

    def __init__(self, path: Path, reading: Reading = DEFAULT):
        import av

        self._path = path
        self._container = av.open(f"file:{path}", format="mp4", **QUICK)
        stream: Any = self._container.streams.video[0]
        made = json.loads(self._container.metadata["comment"])
        if made.get("version") != VERSION:
            raise VideoError(path, "this copy was made in a former way; delete its folder and call prepare again")
        self.fps, self._gop = float(made["fps"]), int(made["gop"])
        self._packets, self._settings, self._tick = (
            stream.index_entries,
            stream.codec_context.extradata,
            stream.time_base,
        )

    @cached_property
    def seconds(self) -> np.ndarray:  # type: ignore[override]  # only what asks for parts needs it
        return np.array([entry.timestamp for entry in self._packets], np.int64) * float(self._tick)

    def __len__(self) -> int:
        return len(self._packets)

    def part(self, start: float | None, end: float | None, duration: float | None = None) -> tuple[int, int]:
        """As of `Timed`, or `FolderReader` where the original was a folder."""
        if start is None and end is None:
            return 0, len(self)
        return super().part(start, end) if self.fps else part_by_length(len(self), start, end, duration)

    def decode(self, indices: np.ndarray) -> np.ndarray:
        """uint8 (N, H, W, 3), RGB. Raises ValueError for a copy that is damaged."""
        import av

        decoder, to_rgb = _decoder(self._settings)
        frames, before = np.empty(0, np.uint8), -1
        with open(self._path, "rb", buffering=0) as file:
            for place, index in enumerate(indices.tolist()):
                key = index - index % self._gop
                decoded = []
                for number in range(before + 1 if key <= before < index else key, index + 1):
                    entry = self._packets[number]
                    packet = av.Packet(os.pread(file.fileno(), entry.size, entry.pos))
                    packet.pts = packet.dts = number
                    decoded = decoder.decode(packet)
                before = index
                if [frame.pts for frame in decoded] != [index] or decoded[0].is_corrupt:
                    raise ValueError(f"frame {index} of this copy is damaged")
                picture = to_rgb.reformat(decoded[0], format="rgb24", threads=1).to_ndarray()
                # Into one array at once: as many new pictures would cost as many fresh pages of memory.
                if place == 0:
                    frames = np.empty((len(indices), *picture.shape), np.uint8)
                frames[place] = picture
        return frames


def _decoder(settings: bytes) -> tuple:
    """A decoder and a converter to RGB, which the thread keeps: copies of one size have the same settings."""
    import av
    from av.video.reformatter import VideoReformatter

    if getattr(_KEPT, "settings", None) == settings:
        _KEPT.pair[0].flush_buffers()
        return _KEPT.pair
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata, decoder.thread_count = settings, 1
    decoder.options = {"err_detect": "explode"}
    _KEPT.settings, _KEPT.pair = settings, (decoder, VideoReformatter())
    return _KEPT.pair


OPENERS[SUFFIX] = PreparedReader

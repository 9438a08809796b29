"""Facts of a stream's packets, and what they say of a file that is cut off or has holes."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .reading import Reading, VideoError, open_container

SHORT = 0.2  # seconds by which a header may be wrong
TOO_FEW = 0.9  # of the frames that are promised
MANY = 8  # gaps, of which most can be called even
NO_INDEX = ("matroska,webm", "mpegts", "mpeg", "flv", "asf", "ogg")
KEY, DISCARD, NONE = 1, 2, np.iinfo(np.int64).min


@dataclass(frozen=True)
class Packets:
    """Facts of packets in the order of the file: int64 (P,) each, `NONE` for a stamp that is not there."""

    pts: np.ndarray
    dts: np.ndarray
    durations: np.ndarray
    flags: np.ndarray
    sizes: np.ndarray
    cut: bool  # the last of them

    @property
    def shown(self) -> np.ndarray:
        """bool (P,): those that the container does not leave out, and that are whole."""
        shown = self.flags & DISCARD == 0
        shown[-1:] &= not self.cut
        return shown

    @property
    def keys(self) -> np.ndarray:
        """int64 (K,): the stamps of key frames, increasing."""
        return np.sort(self.pts[self.flags & KEY != 0])


def look(packets: Iterator, count: int | None = None) -> Packets:
    """The facts of packets: of so many that are shown, or of all."""
    rows, shown, packet = [], 0, None
    for packet in packets:
        left_out = packet.is_discard or _is_hidden(packet)
        rows.append((packet.pts, packet.dts, packet.duration, packet.is_keyframe, left_out, packet.size))
        shown += not left_out
        if shown == count:
            break
    table = np.array(rows, np.float64).reshape(-1, 6).T  # None becomes NaN
    pts, dts, durations, keys, left_out, sizes = np.where(np.isnan(table), NONE, table).astype(np.int64)
    cut = packet is not None and packet.is_corrupt
    return Packets(pts, dts, durations, KEY * keys + DISCARD * left_out, sizes, cut)


def _is_hidden(packet: Any) -> bool:
    """Whether a VP8 packet is only for others to refer to (RFC 6386, 9.1); other codecs' packets all show something."""
    return packet.stream.codec_context.name == "vp8" and not memoryview(packet)[0] & 16


def check_whole(path: Path, reading: Reading, container: Any, stream: Any, found: Packets) -> None:
    """A `VideoError` for a file that ends long before its header says: decoders are content with what is left."""
    if not len(found.pts):
        return
    frames = len(found.pts)
    if found.cut:
        if not stream.frames:
            raise VideoError(path, f"it is cut off in the middle of frame {frames - 1}")
        if stream.frames > 1.1 * frames:
            raise VideoError(path, f"it is cut off: {frames} of its {stream.frames} frames are there")
    told = found.pts != NONE
    # Matroska tells when the last picture ends, others how long all of them last.
    begin = 0 if container.format.name == "matroska,webm" else (container.start_time or 0) / 1e6
    seconds = float(max((found.pts + found.durations)[told], default=0) * stream.time_base) - begin
    if stream.duration and container.format.name != "asf":  # which tells that of the longest stream
        length = float(stream.duration * stream.time_base)
    else:
        length = (container.duration or 0) / 1e6
        if length > 1.1 * seconds + SHORT:  # the sound may be longer than the pictures
            with open_container(path, reading)[0] as whole:  # not every file can be sought in
                there = (packet for packet in whole.demux() if packet.pts is not None)
                ends = [(packet.pts + (packet.duration or 0)) * packet.time_base for packet in there]
            seconds = float(max(ends, default=0)) - begin
    if length > 1.1 * seconds + SHORT:
        raise VideoError(path, f"it is cut off: {seconds:.1f} of its {length:.1f} s are there")


def check_holes(path: Path, container: Any, stream: Any, times: np.ndarray) -> None:
    """A `VideoError` where frames are evenly spaced but for a few gaps, and a tenth of them is not there.

    Of containers without an index of all frames, whose parts may be gone without a trace.
    """
    gaps, there, kind = np.diff(times), len(times), container.format.name
    if len(gaps) < MANY or not (kind in NO_INDEX or (kind.startswith("mov") and not stream.frames)):
        return
    step = np.median(gaps)
    wide = gaps > 1.5 * step
    promised = there + int((np.round(gaps[wide] / step) - 1).sum())
    if len(container.streams) == 1 and container.duration:  # sound may last longer
        begin = times[0] * stream.time_base if kind == "matroska,webm" else 0
        promised = max(promised, int((container.duration / 1e6 - float(begin)) / float(step * stream.time_base)) - 1)
    if stream.average_rate:  # which may tell that there are pauses
        promised = min(promised, int(promised * step * stream.time_base * stream.average_rate) + 1)
    if there < TOO_FEW * promised and wide.sum() <= max(2, len(gaps) // 10):
        remedy = "if that is meant, as in a recording of variable rate, make an MP4 of it (ffmpeg -i IN OUT.mp4)"
        raise VideoError(path, f"it has holes: {there} of about {promised} frames are there; {remedy}")

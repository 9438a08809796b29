"""What a video file is, for all readers: its frames and when each is shown, its size, and what is wrong with it.

A file of up to `SCANNED` bytes is gone through packet by packet. Of a larger one the container's own index tells the
frames (MP4, MOV, AVI), or its rate does (Matroska, transport streams): looked at in several places, and gone through
where one of them contradicts. Where packets do not tell the frames they are decoded and counted.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import dropwhile, islice
from math import ceil
from pathlib import Path
from typing import Any
from weakref import finalize

import numpy as np

from ._packets import KEY, NONE, TOO_FEW, Packets, check_holes, check_whole, look
from .reading import Reading, VideoError, open_container

SCANNED = 32 << 20  # bytes
WINDOW = 24  # packets that are looked at in one place of a large file
PLACES = 6  # of a large file, beside its beginning and its end
KEPT = 64 << 20  # bytes of frames that are kept, where they had to be decoded to be counted
FEW_GAPS = 4  # between frames, which may be as they like
FEW = 10_000  # frames, for which a dictionary is faster
RAW = "mpegvideo"  # whose stamps are counted from where reading begins
NO_PICTURE = 10  # bytes of an MPEG-4 packet that may hold none


class Probe:
    """An open video file.

    Attributes:
        container, stream: PyAV's.
        width, height: of a frame as stored, by the header, whatever was decoded since.
        times: int64 (N,), increasing: the time stamps by which frames are known; 0 to N - 1 where they are counted.
        slack: ticks by which a stamp may differ.
        keys: int64 (K,), increasing: those of key frames; None where they are not known.
        counted: whether packets do not tell the frames, so that they are counted from the beginning.
        delay: frames after which a decoder gives the first one, where stamps have the order of decoding; else None.
        kept: of a counted file that is small, its frames by number, None for a damaged one.
        seconds: float64 (N,): when each frame is shown, from the container's beginning.
        fps: mean rate; 0 where it is unknown.

    Raises:
        VideoError: the file has no video or no frames, is cut off, has holes, or is beyond a limit of `reading`.
    """

    container: Any = None
    stream: Any = None

    def __init__(self, path: Path, reading: Reading):
        self.path, self.reading = path, reading
        self.times, self.slack = np.empty(0, np.int64), 0.0
        self.keys: np.ndarray | None = None
        self.counted, self.kept = False, dict[int, Any]()
        self.delay: int | None = None
        self._places: dict[int, int] = {}
        self._keyless = False
        self.allow_time()
        self.rewind()
        context = self.stream.codec_context
        self.width, self.height = context.width, context.height
        if path.stat().st_size <= SCANNED or not (self._is_told(self._by_index) or self._is_told(self._by_rate)):
            self._by_packets()
        if not len(self.times):
            raise VideoError(path, "it has no frames")
        if not self.slack and len(self.times) <= FEW:
            self._places = {stamp: index for index, stamp in enumerate(self.times.tolist())}
        self.seconds, self.fps = self._clock()
        rate, gaps = float(context.framerate or 0), np.diff(self.seconds)
        slow = len(gaps) > FEW_GAPS and np.median(gaps) * rate > 100
        slow = slow or (
            len(self.times) < TOO_FEW * self.stream.frames and 0 < (self.stream.average_rate or 0) * 100 < rate
        )
        if slow and 1 <= rate <= 240:  # others are a clock's
            raise VideoError(path, f"its time stamps do not go with pictures at {rate:.3g} a second: it is damaged")

    def rewind(self) -> None:
        """Open the file anew, at its beginning."""
        if self.container is not None:
            self.container.close()
        self.container, self.stream = open_container(self.path, self.reading)
        finalize(self, self.container.close)  # a container and its streams refer to each other
        self._source: Iterator[Any] = self.container.demux(self.stream)
        self._used = False

    def packets(self, start: int | None = None) -> Iterator:
        """Packets with content, from here on, or from a key frame before a time stamp on."""
        self._used = True
        if start is not None:
            self.container.seek(start, stream=self.stream)
            self.stream.codec_context.flush_buffers()
        more = True
        while more:
            try:
                for packet in self._source:  # one for all: PyAV leaks where one is left before its end
                    if time.monotonic() > self._deadline:
                        self.check_time()
                    if packet.size:
                        yield packet
                more = False
            except IndexError:  # of a stream that shows up late, which PyAV did not know
                pass
            self._source = self.container.demux(self.stream)

    def decoded(self) -> Iterator[tuple[Any, bool]]:
        """Every frame from the beginning, and whether it is sound: not damaged, nor built upon one that is."""
        import av

        if self._used:
            self.rewind()
        context, failed = self.stream.codec_context, False
        # What comes before the first key frame, some decoders make pictures of.
        packets = self.packets() if self._keyless else dropwhile(lambda each: not each.is_keyframe, self.packets())
        while True:
            packet = next(packets, None)
            try:
                frames = context.decode(packet)
            except av.FFmpegError:
                frames, failed = [], True
            for frame in frames:
                failed = failed and not frame.key_frame
                yield frame, not failed and not frame.is_corrupt
            if packet is None:
                return

    def allow_time(self) -> None:
        """From now on what is done may take `max_seconds`."""
        self._deadline = time.monotonic() + self.reading.max_seconds

    def check_time(self) -> None:
        """A `VideoError` when that has passed."""
        if time.monotonic() > self._deadline:
            limit = f"{self.reading.max_seconds:g} s"
            raise VideoError(self.path, f"reading it took longer than {limit}; raise max_seconds if it is whole")

    def stamp(self, unit: Any) -> int | None:
        """By which a packet or a frame is known: its time stamp; in an AVI that reorders, its time of decoding."""
        if self.delay is None:
            return unit.pts
        place = int(self.times.searchsorted(unit.dts)) - self.delay
        if place < 0:  # packets that are decoded before the first frame is given
            return int(self.times[0]) + place
        return int(self.times[place]) if place < len(self.times) else None

    def index_of(self, stamp: int | None) -> int:
        """Which frame has a time stamp; -1 for none."""
        if stamp is None:
            return -1
        if self._places:
            return self._places.get(int(stamp), -1)
        place = int(self.times.searchsorted(ceil(stamp - self.slack)))  # of a float, NumPy would convert all times
        return place if place < len(self.times) and abs(int(self.times[place]) - stamp) <= self.slack else -1

    def _is_told(self, way: Callable[[], bool]) -> bool:
        """Whether a way to know a large file's frames leads to them; where it cannot even be sought in, it does not."""
        import av

        try:
            return way()
        except av.FFmpegError:
            return False

    def _by_packets(self) -> None:
        """Go through the whole file."""
        self.slack, self.delay = 0.0, None  # of a way that did not lead to the frames
        if self._used:
            self.rewind()
        found = look(self.packets())
        self._keyless = not len(found.keys)
        check_whole(self.path, self.reading, self.container, self.stream, found)
        context, pts, reordered = self.stream.codec_context, found.pts[found.shown], found.pts != found.dts
        kind = self.container.format.name
        told = not context.has_b_frames or (reordered.any() and kind != "avi")
        told = told and kind != RAW
        told = told and len(pts) > 0 and NONE not in found.pts and len(np.unique(pts)) == len(pts) and len(found.keys)
        if not told or (context.name == "mpeg4" and (found.sizes <= NO_PICTURE).any()):
            self._by_decoding(found)
            return
        self.times, self.keys = np.sort(pts), found.keys
        check_holes(self.path, self.container, self.stream, self.times)
        self._leave_out_undecodable(found)

    def _by_index(self) -> bool:
        """Take an MP4's or AVI's own index of all frames; False where it is not whole, or not in time."""
        entries, avi = self.stream.index_entries, self.container.format.name == "avi"
        promised = self.stream.frames if self.container.format.name.startswith("mov") else 0
        size = os.path.getsize(self.path)
        if not (len(entries) >= TOO_FEW * promised > 1 or (avi and len(entries) and entries[-1].pos > TOO_FEW * size)):
            return False
        rows = np.array([(each.timestamp, each.is_discard, each.pos) for each in entries], np.int64)
        there = rows[:, 2] < size
        if there.mean() < TOO_FEW:
            raise VideoError(self.path, f"it is cut off: {there.sum()} of its {len(rows)} frames are there")
        stamps, shown = np.unique(rows[there, 0]), int((rows[there, 1] == 0).sum())
        if avi:
            return len(stamps) == shown and self._by_delay(stamps, entries)
        # The index has the order of decoding. Encoders that look ahead use the same stamps for both, some frames later.
        first = look(self.packets(), WINDOW)
        last = look(self.packets(int(stamps[-1])))
        if not (first.shown.any() and last.shown.any()):
            return False
        windows = [first, last, *(look(self.packets(stamp), WINDOW) for stamp in self._between(stamps))]
        begin, end = min(first.pts[first.shown]), np.sort(last.pts[last.shown])
        self.times = np.concatenate([stamps[(stamps >= begin) & (stamps < end[0])], end])
        agree = np.isin(np.concatenate([each.pts[each.shown] for each in windows]), self.times).all()
        if len(self.times) != shown or not agree:
            return False
        self._leave_out_undecodable(first)
        return True

    def _by_delay(self, stamps: np.ndarray, entries: Sequence) -> bool:
        """Take an AVI's frames, which it stamps in the order of decoding, by when the decoder gives them."""
        keys, sizes = np.array([(each.is_keyframe, each.size) for each in entries], np.int64).T
        if not keys.all() and (keys[1:] & keys[:-1]).any():  # frames that refer to others are called key frames
            return False
        context, beginning = self.stream.codec_context, list(islice(self.packets(), WINDOW))
        frames = [frame for packet in [*beginning, None] for frame in context.decode(packet)]
        if not frames or len(frames) != len(beginning) or frames[0].dts is None:  # some need frames that were cut away
            return False
        self.times, self.delay = stamps, int(stamps.searchsorted(frames[0].dts))
        return context.name != "mpeg4" or sizes.min() > NO_PICTURE

    def _by_rate(self) -> bool:
        """Take frames to be evenly spaced; False where they are not, in one of the places that are looked at."""
        if self._used:
            self.rewind()
        rate, tick, kind = self.stream.average_rate, self.stream.time_base, self.container.format.name
        indexed = kind == "avi" or (kind.startswith("mov") and self.stream.frames)
        if kind == RAW or not rate or rate > 1000 or not self.container.duration or indexed:
            return False
        if kind in ("mpegts", "mpeg") and not self._in_time():
            return False
        step = 1 / (rate * tick)
        begins, length = Fraction(self.container.start_time or 0, 10**6), Fraction(self.container.duration, 10**6)
        first = look(self.packets(), WINDOW)
        last = look(self.packets(int((begins + max(Fraction(0), length - 1)) / tick)))
        if (
            not (len(first.keys) and first.shown.any() and last.shown.any())
            or min(first.pts.min(), last.pts.min()) == NONE
        ):
            return False
        begin, end = int(first.pts[first.shown].min()), int(last.pts[last.shown].max())
        count = round((end - begin) / step) + 1
        if not 0.9 * length * rate - 2 < count < 1.1 * length * rate + 2:
            return False
        self.times = begin + np.round(np.arange(count) * float(step)).astype(np.int64)
        self.slack = 0.4 * float(step)
        windows = [first, last, *(look(self.packets(stamp), WINDOW) for stamp in self._between(self.times))]
        for each in windows:
            pts = np.sort(each.pts[each.shown])
            places = np.round((pts - begin) / float(step)).astype(np.int64)
            off = np.abs(self.times[places.clip(0, count - 1)] - pts)
            # A window begins and ends amid frames that are shown in another order.
            gaps = np.diff(places)[WINDOW // 3 : -WINDOW // 3] != 1
            if not len(pts) or off.max() > max(1, 0.1 * step) or gaps.any():
                return False
        self._leave_out_undecodable(first)
        return True

    def _in_time(self) -> bool:
        """Whether stamps grow from place to place; where recordings were joined, they begin anew."""
        found = []
        for place in np.linspace(0, 0.99, 4 * PLACES):
            self.container.seek(int(place * os.path.getsize(self.path)), unsupported_byte_offset=True)
            found.append(look(self.packets(), 1).pts)
        self.rewind()
        stamps = np.concatenate(found)
        return bool((np.diff(stamps[stamps != NONE]) > -2 / float(self.stream.time_base)).all())

    def _between(self, stamps: np.ndarray) -> list[int]:
        return stamps[np.linspace(0, len(stamps) - 1, PLACES + 2).astype(int)][1:-1].tolist()

    def _by_decoding(self, found: Packets) -> None:
        """Decode and count; keep the frames if they are few."""
        stamps, sound, size = [], [], 0
        for number, (frame, whole) in enumerate(self.decoded()):
            stamps.append(frame.pts)
            sound.append(whole)
            size += sum(plane.buffer_size for plane in frame.planes)
            if size <= KEPT:
                self.kept[number] = frame if whole else None
        while found.cut and sound and not sound[-1]:
            sound.pop()
        if size > KEPT:
            self.kept.clear()
        known = np.unique([stamp for stamp in stamps if stamp is not None]).astype(np.int64)
        check_holes(self.path, self.container, self.stream, known)
        told = None not in stamps and self.container.format.name != "avi"
        told = told and (np.diff(stamps) >= 0).all() and stamps[:1] != stamps[-1:]
        self._stamps = np.array(stamps[: len(sound)], np.int64) if told else None
        if self.container.format.name == "avi" and len(found.dts) == len(sound) > 1 and np.diff(found.dts).max() > 2:
            self._stamps = found.dts  # pauses are empty packets
        self.counted, self.times = True, np.arange(len(sound))

    def _leave_out_undecodable(self, found: Packets) -> None:
        """Leave out what is shown before the first key frame and needs frames that were cut away."""
        key = int(np.flatnonzero(found.flags & KEY)[0])
        first = int(found.pts[key])
        if key == 0 and not (found.pts[found.shown] < first).any():
            return
        there = []
        for frame, sound in self.decoded():
            if frame.pts is not None and frame.pts > first:
                break
            if sound:
                there.append(self.index_of(frame.pts))
        early = self.times < first - self.slack
        early[[index for index in there if index >= 0]] = False
        self.times = self.times[~early]
        self.rewind()

    def _clock(self) -> tuple[np.ndarray, float]:
        """When each frame is shown, in seconds, and the mean rate."""
        rate, tick = float(self.stream.average_rate or 0), float(self.stream.time_base)
        begin = max(0, self.container.start_time or 0) / 1e6
        stamps = self._stamps if self.counted else self.times
        if stamps is None:
            return np.arange(len(self.times)) / (rate or 1), rate
        seconds = stamps * tick - min(begin, stamps[0] * tick)
        if len(stamps) > 1 and (mean := (len(stamps) - 1) / (seconds[-1] - seconds[0])):
            # Stamps are rounded, in Matroska to milliseconds.
            same = rate and abs((len(stamps) - 1) / rate - seconds[-1] + seconds[0]) <= max(1.5 * tick, 0.002 / rate)
            rate = rate if same or abs(mean - rate) <= 0.001 * rate else mean
        return seconds, rate

"""Readers of video files and of folders of frames: thin on what the probe found out.

A reader tells its length, its frames' seconds, which decoder it is, and decodes indices: uint8 (N, H, W, 3), RGB, as
shown: turned and mirrored as the file says. Pixels that are not square stay as they are stored, in every reader.
"""

import contextlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from .probe import Probe
from .reading import DEFAULT, PICTURE_SUFFIXES, Reading, VideoError, in_words, kind_of

SAME = 3.0  # grey levels, in the mean of a frame, by which conversions to RGB differ
NEAR = 64  # frames that are rather decoded than sought again, where key frames are not known
EARLIER = (0, 2, 8, 30, 1e9)  # seconds before it at which a key frame is looked for; at last, from the beginning on
UNSURE = 1.0  # seconds in a program stream after which stamps are right, whose packets begin amid a frame


class Timed:
    """What readers share that know when their frames are shown."""

    seconds: np.ndarray

    def __len__(self) -> int:
        return len(self.seconds)

    def part(self, start: float | None, end: float | None, duration: float | None = None) -> tuple[int, int]:
        """The first frame of a part given in seconds, shown at its start, and the one after its last: one at least.

        A ValueError when nothing is shown in that part.
        """
        seconds, first, stop = self.seconds, 0, len(self)
        last = seconds[-1] - seconds[-2] if len(self) > 1 else 0.0
        slack = min(1e-3, last / 4) + 1e-6  # Matroska rounds to milliseconds
        if start is not None:
            if start >= seconds[-1] + last - 1e-6 and start > slack:
                raise ValueError(f"a part from {start:g} s is asked for, it lasts {seconds[-1] + last:.1f} s")
            first = max(0, int(seconds.searchsorted(start + slack, "right")) - 1)
        if end is not None:
            if end <= seconds[0] - slack:
                raise ValueError(f"a part until {end:g} s is asked for, its pictures begin at {seconds[0]:.1f} s")
            stop = int(seconds.searchsorted(end - slack))
        return first, max(stop, first + 1)


def part_by_length(length: int, start: float | None, end: float | None, duration: float | None) -> tuple[int, int]:
    """As `Timed.part`, of frames that are evenly spaced. A ValueError without `duration`, or for a part beyond it."""
    if start is None and end is None:
        return 0, length
    if not duration:
        raise ValueError("a part of it is asked for in seconds, and its frame rate is unknown; use video files")
    rate = length / duration
    first = int(np.floor((start or 0) * rate + 1e-6))
    if first >= length:
        raise ValueError(f"a part from {start:g} s is asked for, it lasts {duration:.1f} s")
    stop = length if end is None else int(np.ceil(end * rate - 1e-6))
    return first, min(max(stop, first + 1), length)


class AvReader(Timed):
    """A video file through PyAV: frames are decoded from the key frame before them on, each once.

    Frames that FFmpeg calls damaged, and those that are built upon a packet which cannot be decoded, are never given.
    """

    def __init__(self, path: Path, reading: Reading = DEFAULT):
        from av import __version__
        from av.video.reformatter import VideoReformatter

        self._probe, self._reformatter = Probe(path, reading), VideoReformatter()
        self._counted = sys.maxsize  # frames of those `_decoded` that were passed; none was begun
        self._decoded: Iterator[tuple[Any, bool]] = iter(())
        self._turned: bool | None = None  # whether frames say how they are to be shown, as far as is known
        self.seconds, self.fps = self._probe.seconds, self._probe.fps
        self.decoder = f"PyAV {__version__}"

    def decode(self, indices: np.ndarray) -> np.ndarray:
        """Raises VideoError for a frame that is damaged or not there."""
        self._probe.allow_time()
        wanted, places = np.unique(indices, return_inverse=True)
        self._slots = {index: slot for slot, index in enumerate(wanted.tolist())}  # emptied one by one
        self._pictures = np.empty(0, np.uint8)
        if self._probe.counted:
            self._by_number()
        else:
            self._by_time(wanted)
        if self._slots:
            missing = min(self._slots)
            where, why = f"frame {missing}, at {self.seconds[missing]:.1f} s,", "is damaged, or built upon one that is"
            if self._probe.slack:  # a large file's frames were counted by its rate
                why += "; or its rate varies: if so, make an MP4 of it (ffmpeg -i IN OUT.mp4)"
            raise VideoError(self._probe.path, f"{where} {why}")
        pictures, self._pictures = self._pictures, np.empty(0, np.uint8)
        return pictures if np.array_equal(wanted, indices) else pictures[places]

    def _keep(self, index: int, frame: Any) -> None:
        """Convert a frame that is wanted, into its place among the pictures."""
        probe = self._probe
        probe.check_time()
        picture = self._reformatter.reformat(frame, probe.width, probe.height, "rgb24", threads=1).to_ndarray()
        if self._turned is None or self._turned or frame.rotation:
            matrix = frame.side_data.get("DISPLAYMATRIX")  # to be looked at rarely: with it, PyAV frees frames late
            self._turned = matrix is not None
            picture = as_shown(picture, matrix, probe.path)
        if self._pictures.ndim < 4:  # one array at once: as many new pictures would cost as many fresh pages of memory
            self._pictures = np.empty((len(self._slots), *picture.shape), np.uint8)
        self._pictures[self._slots.pop(index)] = picture

    def _by_number(self) -> None:
        """Frames by their index, counted from the file's beginning, or from where the last call has come to."""
        kept = self._probe.kept
        for index in [index for index in self._slots if kept.get(index) is not None]:
            self._keep(index, kept[index])
        if kept:
            return
        if min(self._slots) < self._counted:
            self._counted, self._decoded = 0, self._probe.decoded()
        while self._slots and (found := next(self._decoded, None)):
            frame, sound = found
            if sound and self._counted in self._slots:
                self._keep(self._counted, frame)
            self._counted += 1

    def _by_time(self, wanted: np.ndarray) -> None:
        """Frames by their index, each from the key frame before it on."""
        probe = self._probe
        tick = float(probe.stream.time_base)
        for group in self._groups(wanted):
            limit = probe.times[group[0]] + probe.slack
            key = None
            for back in EARLIER:
                if back == EARLIER[-1] and key is not None and probe.keys is None:
                    break  # it is damaged, and a large file's beginning is far
                start = limit
                if probe.keys is not None:
                    start = probe.keys[max(0, probe.keys.searchsorted(limit, "right") - 1)]
                start = int(start - back / tick)
                begins = back and start <= probe.times[0]  # not every container finds its first key frame
                key = self._decode_from(None if begins else start, limit, set(group))
                if self._slots.keys().isdisjoint(group):  # what only lacks frames before it is sound from there
                    break
                limit = limit if key is None else key - 1

    def _groups(self, wanted: np.ndarray) -> list[list[int]]:
        """Frames that are decoded together: those of one key frame; where these are not known, those close together."""
        probe = self._probe
        if probe.keys is not None:
            places = probe.keys.searchsorted(probe.times[wanted], "right")
        else:
            places = np.cumsum(np.diff(wanted, prepend=wanted[0]) > NEAR)
        return [wanted[places == place].tolist() for place in np.unique(places)]

    def _decode_from(self, start: int | None, limit: float, wanted: set[int]) -> int | None:
        """Decode those of `wanted` that are sound, from the last key frame on that is stamped up to `limit`.

        Looks for it from a time stamp on, or from the file's beginning. Returns its stamp, None where there is none.
        """
        import av

        probe = self._probe
        if start is None:
            probe.rewind()
        decode, last = probe.stream.codec_context.decode, probe.times[max(wanted)] + probe.slack
        unfed, key, beyond, ahead, failed = set(wanted), None, None, -1, False

        def keep(decoded: list) -> None:
            nonlocal ahead, failed
            for frame in decoded:
                # The last frames of all, a decoder gives without the time at which they were decoded.
                late = probe.delay is not None and frame.dts is None
                index = ahead + 1 if late else probe.index_of(probe.stamp(frame))
                failed = failed or 0 <= index < ahead  # the order of decoders is right, the stamps are not
                ahead = max(ahead, index)
                # Corrupt is also what follows a key frame that is none.
                if index in wanted and index in self._slots and not frame.is_corrupt and not failed:
                    self._keep(index, frame)

        for packet in self._from_key(probe.packets(start), limit, start is not None):
            stamp = probe.stamp(packet)
            stamp = last if stamp is None else stamp
            key = stamp if key is None else key
            if beyond is not None and stamp > beyond:
                break
            if packet.is_keyframe and stamp > last:
                beyond = stamp  # what follows may still be shown before it
            unfed.discard(probe.index_of(stamp))
            try:
                keep(decode(packet))
            except av.FFmpegError:
                if stamp >= key:  # others need frames before the key frame
                    return key
            if not unfed:
                break
        with contextlib.suppress(av.FFmpegError):  # what it does not give is missed
            keep(decode(None))
        return key

    def _from_key(self, packets: Iterator, limit: float, sought: bool) -> Iterator:
        """The packets from the last key frame on that is stamped up to `limit`; none where there is none."""
        held: list[Any] = []
        sure = None if sought and self._probe.container.format.name == "mpeg" else -np.inf
        for packet in packets:
            stamp = self._probe.stamp(packet)
            early = stamp is None or stamp <= limit
            if sure is None and stamp is not None:
                sure = stamp + UNSURE / float(packet.time_base)
            if packet.is_keyframe and early and sure is not None and (stamp is None or stamp >= sure):
                held = [packet]
            elif held:
                held.append(packet)
            if not early:
                break
        yield from held
        if held:
            yield from packets


def as_shown(picture: np.ndarray, matrix: Any, path: Path) -> np.ndarray:
    """A picture (H, W, 3) as a display matrix turns and mirrors it; a `VideoError` for angles but right ones.

    The matrix (ISO/IEC 14496-12, 6.2.2) has nine numbers a, b, u, c, d, v, x, y, w: of a stored pixel (p, q) the place
    is (a p + c q, b p + d q).
    """
    if matrix is None:
        return picture
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].astype(float)
    size = max(abs(a), abs(b), abs(c), abs(d))
    if abs(a) < 0.01 * size and abs(d) < 0.01 * size:
        picture, (a, d) = picture.swapaxes(0, 1), (c, b)
    elif abs(b) > 0.01 * size or abs(c) > 0.01 * size:
        raise VideoError(
            path, "it is shown turned by an angle that is not right; turn its pictures, or remove the angle"
        )
    return np.ascontiguousarray(picture[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])


class DecordReader(Timed):
    """A video file through decord, where it is asked for, or PyAV is not installed.

    decord gives other frames than those asked for, or damaged ones, without a word. With PyAV at hand, it is given only
    what PyAV reads, and each of its frames is compared.
    """

    def __init__(self, path: Path, reading: Reading = DEFAULT):
        import decord

        self._path = path
        self._other: AvReader | None = None
        with contextlib.suppress(ImportError):
            self._other = AvReader(path, reading)
        decord.logging.set_level(decord.logging.QUIET)
        # One thread, for the loader's workers are the parallelism; no other frame in a damaged one's place.
        self._reader = decord.VideoReader(str(path.absolute()), num_threads=1, fault_tol=1e-9)
        stamps = self._reader.get_frame_timestamp(np.arange(len(self._reader)))[:, 0].astype(float)
        if (stamps < -1e9).any():
            raise VideoError(path, "decord cannot find frames that have no time stamps; install PyAV (pip install av)")
        self.seconds, self.fps = stamps, float(self._reader.get_avg_fps())
        if self._other:
            self.seconds, self.fps = self._other.seconds, self._other.fps
        self.decoder = f"decord {decord.__version__}"
        if len(self.seconds) != len(stamps):
            found = f"decord finds {len(stamps)} frames, PyAV {len(self.seconds)}"
            raise VideoError(path, f"{found}; set decoder to pyav")

    def decode(self, indices: np.ndarray) -> np.ndarray:
        """Raises VideoError for a frame that is damaged, or not what PyAV gives."""
        try:
            frames = self._reader.get_batch(indices.tolist()).asnumpy()
        except Exception as error:  # its own are of no other kind
            raise VideoError(self._path, f"decord cannot decode it ({in_words(error)})") from None
        others = self._other.decode(indices) if self._other else frames
        for index, frame, other in zip(indices.tolist(), frames, others, strict=True):
            if frame.shape != other.shape or np.abs(frame.astype(np.int16) - other).mean() > SAME:
                raise VideoError(self._path, f"decord gives another frame {index} than PyAV; set decoder to pyav")
        return frames


class FolderReader:
    """A folder of pictures, one per frame, in the order of the numbers in their names."""

    fps, seconds, decoder = 0.0, None, "pictures"

    def __init__(self, path: Path, reading: Reading = DEFAULT):
        def number(file: Path) -> tuple[int, str]:
            digits = re.findall(r"\d+", file.stem)
            return (int(digits[-1]) if digits else -1, file.name)

        self._path, self._reading = path, reading
        self._files = sorted((f for f in path.iterdir() if f.suffix.lower() in PICTURE_SUFFIXES), key=number)

    def __len__(self) -> int:
        return len(self._files)

    def part(self, start: float | None, end: float | None, duration: float | None = None) -> tuple[int, int]:
        """As of `Timed`, by the seconds that the whole lasts."""
        return part_by_length(len(self), start, end, duration)

    def decode(self, indices: np.ndarray) -> np.ndarray:
        """Raises VideoError where a picture is none, or they differ in size."""
        frames = [self._picture(self._files[index]) for index in indices.tolist()]
        if len({frame.shape for frame in frames}) > 1:
            raise VideoError(self._path, "its pictures differ in size")
        return np.stack(frames)

    def _picture(self, file: Path) -> np.ndarray:
        try:
            kind_of(file)
            with Image.open(file) as picture:
                self._reading.check_size(file, *picture.size)
                # Photographs say how they are to be turned.
                shown = ImageOps.exif_transpose(picture) if "exif" in picture.info else picture
                return np.asarray(shown.convert("RGB"))
        except (VideoError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            reason = error.reason if isinstance(error, VideoError) else error
            raise VideoError(self._path, f"its picture {file.name} cannot be read ({reason})") from None

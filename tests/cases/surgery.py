"""What happens to video files after they were written: cut, damaged, packed anew, given other headers.

Places in a file are told by the number of a packet, so that they do not hang on how many bytes an encoder wrote.
"""

import os
from collections.abc import Callable
from contextlib import ExitStack
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np
from PIL import Image

from .films import Step, silence
from .pattern import picture


def packet_places(path: Path) -> list[int]:
    """Where in the file each packet of its pictures begins, in bytes, in the order of the file."""
    with av.open(f"file:{os.fspath(path)}", metadata_errors="replace") as container:
        places = [packet.pos for packet in container.demux(video=0) if packet.size]
    return [place for place in places if place is not None and place >= 0]


def changed(change: Callable[[bytearray], bytes | bytearray]) -> Step:
    """What `change` makes of the file's bytes."""
    return lambda path: path.write_bytes(change(bytearray(path.read_bytes())))  # type: ignore[func-returns-value]


def replaced(old: bytes, new: bytes, times: int = -1) -> Step:
    """One run of bytes by another of the same length; a ValueError where it is not there."""

    def change(content: bytearray) -> bytearray:
        if old not in content or len(old) != len(new):
            raise ValueError(f"{old!r} is not in the file, or {new!r} is not as long")
        return content.replace(old, new, times)

    return changed(change)


def in_box(name: bytes, offset: int, value: bytes, last: bool = False) -> Step:
    """Other bytes at an offset behind the name of an MP4's box, of the first or the last that is called so."""

    def change(content: bytearray) -> bytearray:
        place = (content.rindex if last else content.index)(name) + len(name) + offset
        content[place : place + len(value)] = value
        return content

    return changed(change)


def cut_after(packet: int, more: int = 40) -> Step:
    """Everything that follows the first bytes of a packet is lost."""
    return lambda path: os.truncate(path, packet_places(path)[packet] + more)


def cut_before(packet: int) -> Step:
    """Everything that comes before a packet is lost."""

    def cut(path: Path) -> None:
        place = packet_places(path)[packet]
        path.write_bytes(path.read_bytes()[place:])

    return cut


def damaged(first: int, last: int, how: str = "zeros", seed: int = 0) -> Step:
    """The bytes from one packet to another are zeros, noise, gone, or those of packets before."""

    def damage(path: Path) -> None:
        places, content = packet_places(path), bytearray(path.read_bytes())
        begin, end = places[first] + 8, places[last]
        if how == "zeros":
            content[begin:end] = bytes(end - begin)
        elif how == "noise":
            content[begin:end] = np.random.default_rng(seed).bytes(end - begin)
        elif how == "gone":
            del content[begin:end]
        else:
            content[begin:end] = content[begin - (end - begin) : begin]
        path.write_bytes(content)

    return damage


def zeros_behind(size: int) -> Step:
    """So many bytes of zeros follow, which take no room on the disk."""
    return lambda path: os.truncate(path, path.stat().st_size + size)


def behind(content: bytes) -> Step:
    """More bytes at the file's end."""
    return changed(lambda before: before + content)


def in_front(content: bytes) -> Step:
    """More bytes at the file's beginning."""
    return changed(lambda before: content + before)


def repacked(
    *films: Step,
    suffix: str = ".mkv",
    keep: Callable[[list], list] = lambda packets: packets,
    muxer: str | None = None,
) -> Step:
    """The packets of films, one film after the other, in a file of another kind, as they are.

    Args:
        films: written one by one as files of `suffix`.
        keep: which of all the packets are written, or others in their place.
        muxer: the container where the path's suffix does not tell.
    """

    def make(path: Path) -> None:
        with ExitStack() as stack:
            folder = stack.enter_context(TemporaryDirectory())
            packets: list[Any] = []
            streams: list[Any] = []
            for number, film in enumerate(films):
                source = Path(folder, f"{number}{suffix}")
                film(source)
                stream = stack.enter_context(av.open(str(source))).streams.video[0]
                begin = max((packet.pts + (packet.duration or 1) for packet in packets), default=0)
                for packet in stream.container.demux(stream):
                    if packet.size:
                        packet.pts, packet.dts = packet.pts + begin, (packet.dts or 0) + begin
                        packets.append(packet)
                streams.append(stream)
            target = stack.enter_context(av.open(f"file:{os.fspath(path)}", "w", format=muxer))
            written = target.add_stream_from_template(streams[0])
            for packet in keep(packets):
                packet.stream = written
                target.mux(packet)

    return make


def from_key(number: int, more: int = 0) -> Callable[[list], list]:
    """To keep the packets from the key frame of this number on, or so many later."""
    return lambda packets: packets[[place for place, each in enumerate(packets) if each.is_keyframe][number] + more :]


def other_bytes(packet: Any, content: bytes) -> Any:
    """A packet of the same times with other bytes in it."""
    other = av.Packet(content)
    other.pts, other.dts, other.time_base, other.duration = packet.pts, packet.dts, packet.time_base, packet.duration
    other.is_keyframe = packet.is_keyframe
    return other


def hidden(*places: int) -> Callable[[list], list]:
    """To keep all packets of VP8, and say of some that they are not to be shown, as alternative references are not."""

    def keep(packets: list) -> list:
        for place in places:
            content = bytearray(bytes(packets[place]))
            content[0] &= ~0x10
            packets[place] = other_bytes(packets[place], bytes(content))
        return packets

    return keep


def joined(*films: Step, suffix: str) -> Step:
    """The bytes of films, one after the other, as `cat` joins them."""

    def make(path: Path) -> None:
        with TemporaryDirectory() as folder:
            parts = [Path(folder, f"{number}{suffix}") for number in range(len(films))]
            for part, film in zip(parts, films, strict=True):
                film(part)
            path.write_bytes(b"".join(part.read_bytes() for part in parts))

    return make


def text(content: str | bytes) -> Step:
    """A file of text; {folder} in it is the file's own folder."""

    def write(path: Path) -> None:
        given = content if isinstance(content, bytes) else content.replace("{folder}", str(path.parent)).encode()
        path.write_bytes(given)

    return write


def beside(name: str, step: Step) -> Step:
    """Another file in the same folder."""

    def write(path: Path) -> None:
        other = path.parent / name
        if not other.exists():
            step(other)

    return write


def pictures(film_size: tuple[int, int] = (120, 160), numbers: int = 12, name: str = "img_{:05d}.jpg") -> Step:
    """A folder of pictures."""

    def write(path: Path) -> None:
        path.mkdir()
        for number in range(numbers):
            Image.fromarray(picture(number, *film_size)).save(path / name.format(number + 1), quality=92)

    return write


def png_film(*sizes: tuple[int, int]) -> Step:
    """A black picture of each height and width, in QuickTime: many pixels in few bytes."""

    def make(path: Path) -> None:
        with av.open(f"file:{os.fspath(path)}", "w", format="mov") as container:
            stream = container.add_stream("png", rate=1)
            (stream.height, stream.width), stream.pix_fmt = sizes[0], "monob"
            for second, (height, width) in enumerate(sizes):
                content = BytesIO()
                Image.new("1", (width, height)).save(content, "png", compress_level=1)
                packet = av.Packet(content.getvalue())
                packet.pts = packet.dts = second
                packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, 1), True
                container.mux(packet)

    return make


def with_cover(path: Path) -> None:
    """Sound with a picture as its cover: no video."""
    with av.open(f"file:{os.fspath(path)}", "w") as container:
        sound = container.add_stream("flac" if path.suffix != ".mp4" else "aac", rate=48000)
        cover: Any = container.add_stream("png", rate=1)
        (cover.height, cover.width), cover.pix_fmt = (120, 160), "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic
        frame = av.VideoFrame.from_ndarray(picture(7), "rgb24")
        frame.pts = 0
        container.mux(cover.encode(frame) + cover.encode(None))
        container.mux(silence(sound, 2))

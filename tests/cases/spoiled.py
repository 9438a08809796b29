"""Files that were cut off, damaged, or say what is not so: read as they are, or refused by name."""

import struct

from .case import Case, refused, seen, spoiled
from .films import Film, made
from .surgery import (
    behind,
    cut_after,
    damaged,
    in_box,
    in_front,
    repacked,
    text,
    with_cover,
    zeros_behind,
)

GB, SOON = 2**30, {"max_seconds": 0.5}
LONG = Film(96, b=2)
FILMS = {
    "mp4": LONG,
    "mkv": LONG,
    "ts": LONG,
    "avi": Film(96, codec="mpeg4", b=2),
    "webm": Film(96, codec="libvpx"),
    "mpg": Film(96, codec="mpeg2video", b=2),
    "wmv": Film(96, codec="wmv2"),
    "flv": Film(96, codec="flv"),
    "mov": Film(96, codec="mjpeg", pixels="yuvj420p"),
}
PLACES = {"mpg": (6, 8)}  # of packets, whose places are told less often
ZERO, ALL = struct.pack(">I", 0), b"\xff" * 4


def holed(first: int, last: int):
    """To keep all packets but those from one to another."""
    return lambda packets: packets[:first] + packets[last:]


CASES: dict[str, list[Case]] = {
    "Cut off": [
        refused("half a file.mp4", made(LONG, cut_after(40)), "cut off|can open it|moov"),
        refused(
            "half a file, index in front.mp4",
            made(Film(96, b=2, mux={"movflags": "faststart"}), cut_after(40)),
            "cut off",
        ),
        refused("half a file.mkv", made(LONG, cut_after(40)), "cut off"),
        refused("half a file.webm", made(FILMS["webm"], cut_after(40)), "cut off"),
        refused("half a file.avi", made(FILMS["avi"], cut_after(40)), "cut off"),
        # No header says how long these were.
        spoiled("half a file.wmv", made(FILMS["wmv"], cut_after(40)), range(37)),
        spoiled("half a file.ts", made(LONG, cut_after(41)), [*range(40), 42]),
        refused("the beginning.mp4", made(LONG, cut_after(0)), "."),
        refused("empty.mp4", text(""), "empty"),
    ],
    "Damage in the middle": [
        spoiled(f"{how}.{suffix}", made(film, damaged(*PLACES.get(suffix, (40, 46)), how, seed)), 96, concealed=True)
        for seed, (suffix, film) in enumerate(FILMS.items())
        for how in ("zeros", "noise", "gone")
    ]
    + [
        spoiled("blocks swapped.mp4", made(LONG, damaged(40, 46, "again")), 96, concealed=True),
        spoiled("blocks swapped.mkv", made(LONG, damaged(40, 46, "again")), 96, concealed=True),
        spoiled("a key frame is zeros.mp4", made(Film(96, gop=24), damaged(48, 50)), 96, concealed=True),
        spoiled("a key frame is noise.ts", made(Film(96, gop=24), damaged(48, 50, "noise")), 96, concealed=True),
    ],
    "Holes": [
        refused("hole.mkv", repacked(Film(96), keep=holed(30, 60)), "frames"),
        refused("hole.webm", repacked(Film(96, codec="libvpx"), suffix=".webm", keep=holed(24, 48)), "frames"),
        refused("hole, B-frames.mkv", repacked(Film(96, b=2), keep=holed(36, 72)), "frames"),
        spoiled("small hole.mkv", repacked(Film(96), keep=holed(36, 40)), 96),
    ],
    "Headers that are not so": [
        spoiled("time scale 0.mp4", made(Film(), in_box(b"mdhd", 12, ZERO))),
        spoiled("film's time scale 0.mp4", made(Film(), in_box(b"mvhd", 12, ZERO))),
        spoiled("time scale 0, B-frames.mov", made(Film(b=2), in_box(b"mdhd", 12, ZERO))),
        spoiled("length ffffffff.avi", made(Film(codec="mpeg4"), in_box(b"strh", 36, ALL))),
        spoiled("frames ffffffff.avi", made(Film(codec="mpeg4"), in_box(b"avih", 20, ALL))),
        spoiled("both ffffffff.avi", made(Film(codec="mpeg4"), in_box(b"strh", 36, ALL), in_box(b"avih", 20, ALL))),
        spoiled("samples ffffffff.mp4", made(Film(), in_box(b"stsz", 8, ALL))),
        spoiled("duration ffffffff.mp4", made(Film(), in_box(b"mdhd", 16, ALL))),
        spoiled("rate 0.avi", made(Film(codec="mpeg4"), in_box(b"strh", 28, ZERO))),
        spoiled("garbage in front.mp4", made(Film(), in_front(b"\x00\x01garbage!" * 20))),
        seen("garbage in front.ts", made(Film(), in_front(bytes(500)))),
        seen("garbage behind.mp4", made(Film(), behind(b"garbage!" * 200))),
        seen("garbage behind.avi", made(Film(codec="mpeg4"), behind(b"garbage!" * 200))),
    ],
    "A tail of zeros": [
        spoiled("1 GB of zeros behind.mp4", made(Film(), zeros_behind(GB)), reading=SOON, slow=True),
        spoiled("5 GB of zeros behind.ts", made(Film(), zeros_behind(5 * GB)), reading=SOON, slow=True),
        spoiled(
            "5 GB of zeros behind.mpg", made(Film(codec="mpeg2video"), zeros_behind(5 * GB)), reading=SOON, slow=True
        ),
        spoiled("1 GB of zeros behind.mkv", made(Film(), zeros_behind(GB)), reading=SOON, slow=True),
        spoiled("1 GB of zeros behind.avi", made(Film(codec="mpeg4"), zeros_behind(GB)), reading=SOON, slow=True),
        refused("1 GB of zeros.mp4", made(text(""), zeros_behind(GB)), ".", reading=SOON),
    ],
    "No video in it": [
        refused("sound and cover.mp4", with_cover, "cover|no video"),
        refused("sound and cover.flac", with_cover, "cover|no video"),
        refused("sound alone.m4a", Film(0, sound=1, muxer="mp4"), "no video|no frames"),
        refused("sound alone.mp4", Film(0, sound=1), "no video|no frames"),
        refused("notes.mp4", text("These are notes on the films.\n" * 50), "."),
        refused("page.mp4", text("<!DOCTYPE html><html><body>429 Too Many Requests</body></html>\n" * 9), "."),
        refused("zeros.mp4", text(bytes(100_000)), "."),
        refused("archive.mp4", text(b"PK\x03\x04" + bytes(range(256)) * 30), "."),
    ],
}

"""Files that want more than to be read: scripts, names that are addresses, what is no file at all."""

import os
import socket
from pathlib import Path

from PIL import Image

from .case import Case, refused, seen
from .films import Film, Step, made
from .pattern import picture
from .surgery import beside, pictures, text

FILM = Film(24)
TS = Film(24, muxer="mpegts")
NOT_VIDEO = "."  # any words, but no frames


def script(content: str) -> Step:
    """A file of text that names others beside it, which are there."""
    others = beside("neighbour.mp4", FILM), beside("neighbour.ts", TS), beside("secret.txt", text("secret\n" * 99))
    return made(*others, text(content))


def fifo(path: Path) -> None:
    os.mkfifo(path)


def listens(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:  # a long path does not fit into a socket's address
        here = os.getcwd()
        os.chdir(path.parent)
        try:
            server.bind(path.name)
        finally:
            os.chdir(here)


def leads_to(target: str):
    return lambda path: path.symlink_to(target)


def inside(name: str, step):
    """A folder of pictures, and among them what is none."""
    return made(pictures(numbers=3), lambda path: step(path / name))


def _one_picture(path: Path, size: tuple[int, int]) -> None:
    Image.fromarray(picture(9, *size)).save(path)


def _half_a_picture(path: Path) -> None:
    _one_picture(path, (120, 160))
    os.truncate(path, path.stat().st_size // 2)


PLAYLIST = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:1.0,\n{}\n#EXT-X-ENDLIST\n"
DASH = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="PT1S"
 profiles="urn:mpeg:dash:profile:full:2011" type="static">
<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1"><BaseURL>neighbour.mp4</BaseURL>
</Representation></AdaptationSet></Period></MPD>
"""
SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
CONCAT = "ffconcat version 1.0\n"
NESTED = made(*(beside(f"nested{n}.mp4", text(CONCAT + f"file nested{n + 1}.mp4\n" * 9)) for n in range(9)))

CASES: dict[str, list[Case]] = {
    "Scripts that are called videos": [
        refused("concat.mp4", script(CONCAT + "file neighbour.mp4\n"), NOT_VIDEO),
        refused("concat of a text.mp4", script(CONCAT + "file secret.txt\n"), NOT_VIDEO),
        refused("concat of a path.mp4", script(CONCAT + "file {folder}/neighbour.mp4\n"), NOT_VIDEO),
        refused("concat of its own.mp4", script(CONCAT + "file 'concat of its own.mp4'\n"), NOT_VIDEO),
        refused(
            "nested.mp4", made(NESTED, text(CONCAT + "file nested0.mp4\n" * 9)), NOT_VIDEO, reading={"max_seconds": 5.0}
        ),
        refused("concat of an address.avi", script(CONCAT + "file http://127.0.0.1:9/x.mp4\n"), NOT_VIDEO),
        refused("playlist.mp4", script(PLAYLIST.format("neighbour.ts")), NOT_VIDEO),
        refused("playlist.m3u8", script(PLAYLIST.format("neighbour.ts")), NOT_VIDEO),
        refused("playlist of an address.mkv", script(PLAYLIST.format("http://127.0.0.1:9/x.ts")), NOT_VIDEO),
        refused("playlist of a playlist.ts", script(PLAYLIST.format("playlist.m3u8")), NOT_VIDEO),
        refused("DASH.mp4", script(DASH), NOT_VIDEO),
        refused("DASH.mpd", script(DASH), NOT_VIDEO),
        refused("session.mp4", script(SDP), NOT_VIDEO),
        refused("session.sdp", script(SDP), NOT_VIDEO),
    ],
    "Names": [
        seen(name, Film(24, muxer="mp4", b=2), 24, relative=relative)
        for name, relative in {
            "12:30 cage.mp4": True,
            "http:/127.0.0.1:9/x.mp4": True,
            "file:x.mp4": True,
            "concat:a.mp4|b.mp4": True,
            "pipe:0": True,
            "data:video,x.mp4": True,
            "-dash.mp4": True,
            "-": True,
            "~.mp4": True,
            "clip_%03d.mp4": False,
            "50 % off # 1.mp4": False,
            "two\nlines.mp4": False,
            "'single' \"double\".mp4": False,
            "it costs $5 and $6_x.mp4": False,
            "what? [1] *.mp4": False,
            "back\\slash.mp4": False,
            "späße 电影 🎬.mp4": False,
            os.fsdecode(b"caf\xe9.mp4"): False,
            "n" * 250 + ".mp4": False,
        }.items()
    ],
    "What is no file": [
        refused("pipe.mp4", fifo, "."),
        refused("socket.mp4", listens, "."),
        refused("device.mp4", leads_to("/dev/zero"), "."),
        refused("dangling.mp4", leads_to("nowhere.mp4"), "no such file"),
        refused("loop.mp4", leads_to("loop.mp4"), "."),
        refused("gone.mp4", lambda path: None, "no such file"),
        seen("link.mp4", made(beside("linked.mp4", FILM), leads_to("linked.mp4")), 24),
        refused("folder with a pipe", inside("img_00009.jpg", fifo), "."),
        refused("folder with a dangling link", inside("img_00009.jpg", leads_to("nowhere.jpg")), "."),
        refused("folder with another size", inside("img_00009.png", lambda path: _one_picture(path, (60, 80))), "size"),
        refused("folder with half a picture", inside("img_00009.png", _half_a_picture), "."),
    ],
}

"""What a film of an hour costs to open: seconds, memory and bytes read; and eight frames evenly through it.

The film is one short clip again and again: its packets are copied, with time stamps that go on, and nothing is encoded
but the clip. Beside this project's reader stand decord and, where it is installed, torchcodec. Each opens the film in a
process of its own, which has opened the clip before, so that imports do not count. What was just written, the system
reads from its memory.
"""

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import av
import numpy as np

from .measurement import Quantity, peak_gb, ratio

FPS, CLIP, GOP, WANTED = 30, 300, 60, 8  # frames: a second, of the clip, between key frames, and that are decoded
BIT_RATE = 1_000_000  # 450 MB an hour
SPARE = 1.1  # of the space on the disk
PATIENCE = 10.0  # seconds for a process of a peer: decord comes to no end with some films
# Suffix of a clip -> encoder and its options; libx264 makes B-frames by default.
CLIPS: dict[str, tuple[str, dict[str, str]]] = {
    "mp4": ("libx264", {"preset": "veryfast", "threads": "1"}),
    "webm": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}),
    "avi": ("mpeg4", {}),
}
# Name -> suffix of the film, and of the clip that it is made of.
CONTAINERS = {
    "MP4": ("mp4", "mp4"),
    "MKV": ("mkv", "mp4"),
    "WebM": ("webm", "webm"),
    "AVI": ("avi", "avi"),
    "TS": ("ts", "mp4"),
}
OURS, PEERS = "pyav", ("decord", "torchcodec")
# What `measure` finds -> its name, unit, and limit.
FOUND: dict[str, tuple[str, str, float | None]] = {
    "open": ("opening", "s", None),
    "decode": (f"{WANTED} frames", "s", 1),
    "memory": ("memory of opening", "MB", 50),
    "read": ("read by opening", "MB", 12),
}


def opening_quantities(
    folder: Path, frames: int, repeats: int, size: tuple[int, int], clip: int = CLIP
) -> list[Quantity]:
    """Write a film in each container, have it opened, and delete it again.

    A note is printed where a film is left out, because the folder has too little space for it; and where a peer is,
    because it cannot read the film or gives other frames of it.

    Args:
        folder: for the films, one at a time.
        frames: of each film, at 30 a second; an hour has 108,000.
        repeats: processes that open it, with this project's reader and with each peer in turn.
        size: height and width in pixels, even.
        clip: frames of the clip, of which the film has a multiple.
    """
    from .clips import draw_frames

    folder.mkdir(parents=True, exist_ok=True)
    pictures = list(draw_frames(0, size, clip))
    for suffix in CLIPS:
        write_clip(folder / f"clip.{suffix}", pictures)
    times, quantities = -(-frames // clip), []
    for name, (suffix, source) in CONTAINERS.items():
        short, film = folder / f"clip.{source}", folder / f"film.{suffix}"
        needed, free = SPARE * short.stat().st_size * times, shutil.disk_usage(folder).free
        if free < needed:
            print(f"Not measured: a film as {name} takes {needed / 1e9:.2g} GB, {folder} has {free / 1e9:.2g} GB left.")
            continue
        with ExitStack() as stack:
            stack.callback(film.unlink, missing_ok=True)
            repeat_clip(short, film, times)
            quantities += _quantities(name, _in_turn(name, short, film, times, repeats))
    return quantities


def write_clip(path: Path, pictures: Sequence[np.ndarray]) -> None:
    """Encode frames, uint8 (H, W, 3), in the container that the suffix names."""
    codec, options = CLIPS[path.suffix[1:]]
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=FPS, options=options)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt, stream.bit_rate, stream.gop_size = "yuv420p", BIT_RATE, GOP
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def repeat_clip(clip: Path, film: Path, times: int) -> None:
    """Write a film of a clip's packets, so many times one after the other."""
    with av.open(str(clip)) as source, av.open(str(film), "w") as target:
        stream: Any = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        packets = [packet for packet in source.demux(stream) if packet.size]
        lasts = len(packets) / (stream.average_rate * stream.time_base)
        contents = [(bytes(each), each.pts, each.dts, each.is_keyframe) for each in packets]
        for number in range(times):
            past = round(number * lasts)
            for content, pts, dts, key in contents:
                packet = av.Packet(content)
                packet.pts, packet.dts, packet.is_keyframe = pts + past, dts + past, key
                packet.time_base, packet.stream = stream.time_base, copy
                target.mux(packet)


def measure(clip: str, film: str, times: int, decoder: str) -> dict[str, float]:
    """What one process measures: seconds to `open` and to `decode`; MB by which the peak of `memory` rose, and `read`.

    `read` is left out where the system does not count it, `decode` where a peer gives other frames than those that were
    asked for.

    Raises:
        RuntimeError: the film has not as many frames as the clip so many times; or this project gives others.
    """
    opening, decode = reader(decoder)
    shown = opening(clip)
    wanted = np.linspace(0, times * len(shown) - 1, WANTED).astype(int)
    right = decode(shown, wanted % len(shown))
    peak, read, begin = peak_gb(), _bytes_read(), time.perf_counter()
    video = opening(film)
    found = {"open": time.perf_counter() - begin, "memory": 1000 * (peak_gb() - peak)}
    if read is not None and (after := _bytes_read()) is not None:
        found["read"] = (after - read) / 1e6
    if len(video) != times * len(shown):
        raise RuntimeError(f"{decoder} finds {len(video)} frames in {film}, which has {times * len(shown)}")
    begin = time.perf_counter()
    frames = decode(video, wanted)
    seconds = time.perf_counter() - begin
    if np.array_equal(frames, right):
        found["decode"] = seconds
    elif decoder == OURS:
        raise RuntimeError(f"{film}: other frames are decoded than were asked for")
    return found


def reader(decoder: str) -> tuple[Callable, Callable]:
    """How a decoder opens a file, and decodes frames of what it opened."""
    if decoder == "decord":
        import decord

        return lambda path: decord.VideoReader(path, num_threads=1), lambda video, i: video.get_batch(i).asnumpy()
    if decoder == "torchcodec":
        from torchcodec.decoders import VideoDecoder

        return (
            lambda path: VideoDecoder(path, dimension_order="NHWC", num_ffmpeg_threads=1),
            lambda video, indices: video.get_frames_at(indices.tolist()).data.numpy(),
        )
    from text4vis_core.data.video import open_video

    return open_video, lambda video, indices: video.decode(indices)


def _bytes_read() -> int | None:
    """By this process, from files and from what the system keeps of them; None where that is not counted."""
    try:
        return int(Path("/proc/self/io").read_text().split()[1])
    except FileNotFoundError:
        return None


def _in_turn(name: str, clip: Path, film: Path, times: int, repeats: int) -> dict[str, list[dict[str, float]]]:
    """Decoder -> what `measure` finds, by repetition; without a peer that is not here, or fails."""
    from .fresh import call_fresh

    here = [decoder for decoder in PEERS if find_spec(decoder)]
    found: dict[str, list[dict[str, float]]] = {decoder: [] for decoder in (OURS, *here)}
    for _ in range(repeats):
        for decoder in list(found):
            arguments, patience = (str(clip), str(film), times, decoder), None if decoder == OURS else PATIENCE
            try:
                found[decoder].append(call_fresh("opening", "measure", *arguments, timeout=patience))
            except RuntimeError as error:
                if decoder == OURS:
                    raise
                print(f"Not measured: {name} by {decoder} ({error}).")
                del found[decoder]
    for decoder, rows in found.items():
        if any("decode" not in row for row in rows):
            print(f"Not measured: {WANTED} frames of {name} by {decoder}, which gives other frames.")
    return found


def _quantities(name: str, found: dict[str, list[dict[str, float]]]) -> list[Quantity]:
    """Of one container: what was found by this project's reader, by each peer, and the ratios of their seconds."""
    quantities, ratios = [], []
    for decoder, rows in found.items():
        for key, (what, unit, limit) in FOUND.items():
            if any(key not in row for row in rows):
                continue
            called, values = f"{what}, {name}", [row[key] for row in rows]
            if decoder == OURS:
                quantities.append(Quantity(called, values, unit, limit=limit))
                continue
            quantities.append(Quantity(f"{decoder}, {called}", values, unit))
            if unit == "s":
                ratios.append(ratio(f"{called} / {decoder}", [row[key] for row in found[OURS]], values))
    return quantities + ratios

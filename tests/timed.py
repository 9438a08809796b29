"""Videos whose frames lie where a test wants them, and videos that are damaged where a decoder would conceal it."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from conftest import grey

SECOND = 90_000  # ticks
SOUND = 8_000  # samples a second


def write_timed(path: Path, times: Sequence[float], codec: str = "libx264", sound: float = 0.0) -> Path:
    """A video whose frame i, of the colour that `conftest.frame_numbers` reads, is shown from second `times[i]` on.

    With so many seconds of sound, which begins at 0, wherever the pictures begin.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"g": "5", "crf": "8"})
        stream.width, stream.height, stream.pix_fmt = 40, 32, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, SECOND)
        heard = container.add_stream("aac", rate=SOUND, layout="mono") if sound else None
        packets = []
        for i, seconds in enumerate(times):
            picture = np.empty((32, 40, 3), np.uint8)
            picture[:] = (grey(i), 110, 200)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = round(seconds * SECOND), Fraction(1, SECOND)
            packets += stream.encode(frame)
        packets += stream.encode()
        for begin in range(0, round(sound * SOUND), 1024) if heard else ():
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            silence.pts, silence.rate, silence.time_base = begin, SOUND, Fraction(1, SOUND)
            packets += heard.encode(silence)
        packets += heard.encode() if heard else []
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    return path


def write_damaged(path: Path, codec: str, where: float = 0.5, frames: int = 24) -> Path:
    """A video of noise with zeros at a share `where` of its bytes: FFmpeg shows something there, and says nothing."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options={"g": "24", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(frames):
            picture = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    content = bytearray(path.read_bytes())
    place = int(where * len(content))
    content[place : place + 64] = bytes(64)
    path.write_bytes(content)
    return path

"""What FFmpeg itself gives of a file: every frame decoded in order by PyAV, without any of the project's reading."""

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from .pattern import numbers_of


@dataclass(frozen=True)
class Decoded:
    """All that a decoder gave.

    Attributes:
        numbers: of the pictures, None for one that cannot be read, or in the place of a packet that was refused.
        flagged: whether FFmpeg marked each as damaged, or refused it.
        error: the last one.
    """

    numbers: tuple[int | None, ...]
    flagged: tuple[bool, ...]
    error: str

    @property
    def complains(self) -> bool:
        """Whether anything shows that the file is not sound."""
        return bool(self.error) or any(self.flagged)


def decode(path: Path, strict: bool = False, most: int = 1000) -> Decoded:
    """Decode a file from its beginning; `strict`: with `err_detect=explode`; not more than so many frames."""
    numbers: list[int | None] = []
    flagged: list[bool] = []
    error = ""
    try:
        with av.open(f"file:{path}", metadata_errors="replace", options={"protocol_whitelist": "file"}) as container:
            stream = container.streams.best("video")
            if stream is None:
                return Decoded((), (), "no video stream")
            context = stream.codec_context
            context.thread_count = 1
            if strict:
                context.options = {"err_detect": "explode"}
            size, converter = (context.width, context.height), VideoReformatter()
            for packet in container.demux(stream):
                try:
                    frames = packet.decode()
                except av.FFmpegError as failure:
                    error, frames = _words(failure), []
                    numbers.append(None)
                    flagged.append(True)
                for frame in frames:
                    picture = converter.reformat(frame, *size, "rgb24", threads=1).to_ndarray()
                    numbers += numbers_of(np.asarray(picture)[None])
                    flagged.append(bool(frame.is_corrupt))
                if len(numbers) >= most:
                    break
    except Exception as failure:  # of damaged files anything can come
        error = _words(failure)
    return Decoded(tuple(numbers), tuple(flagged), error)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]

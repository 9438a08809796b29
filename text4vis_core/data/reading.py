"""How video files are opened: which containers, within which limits. What is asked here is the decoder, not a name."""

import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import first_line

DECODERS = ("pyav", "decord")
_KNOWN = (
    "mp4 avi mkv webm mov m4v mpg mpeg wmv asf mts m2ts m2t ts 3gp 3g2 flv f4v ogv ogm gif dv divx vob mpe m1v m2v mpv "
    "mxf rm rmvb qt amv mjpeg mjpg h264 264 h265 hevc 265 y4m ivf nut mod tod mp4v xvid wtv insv lrv evo"
)
# Of files called so it is taken for granted that they are videos, where hundreds of thousands are listed.
VIDEO_SUFFIXES = tuple(f".{name}" for name in _KNOWN.split())
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm")
# FFmpeg looks at a file's content, and would follow a playlist or a script to whatever it names.
CONTAINERS = (
    "mov,matroska,webm,avi,mpegts,mpeg,mpegvideo,asf,flv,ogg,gif,dv,h264,hevc,vvc,m4v,ivf,obu,av1,mxf,nut,rm,"
    "yuv4mpegpipe,mjpeg,mjpeg_2000,wtv,vc1,vc1test,gxf,nsv,amv,dirac,swf,ipmovie,roq,smk,bink,ea,nuv,live_flv,kux"
)
PATIENT = {"probesize": "100000000", "analyzeduration": "600000000"}  # bytes and microseconds


class VideoError(RuntimeError):
    """A video that cannot be read. Names the file and the reason."""

    def __init__(self, path: str | Path, reason: str = ""):  # torch gives the text alone, of a worker's error
        super().__init__(f"cannot read video {path}: {reason}" if reason else str(path))
        self.path, self.reason = str(path), reason

    def __reduce__(self):  # so that it survives the way back from a DataLoader worker
        return VideoError, (self.path, self.reason)


@dataclass(frozen=True)
class Reading:
    """How video files are read. A ValueError for an unknown decoder, or a limit that is not above 0.

    Attributes:
        decoder: "pyav"; or "decord", which also answers where PyAV is not installed.
        strict: refuse what FFmpeg would conceal without a word, as far as its decoders notice it.
        max_pixels: of a frame.
        max_seconds: that opening a file may take, and again decoding frames of it.
    """

    decoder: str = "pyav"
    strict: bool = False
    max_pixels: int = 36_000_000  # 8K
    max_seconds: float = 20.0

    def __post_init__(self):
        if self.decoder not in DECODERS:
            raise ValueError(f"decoder is {self.decoder!r}; choose from: {', '.join(DECODERS)}")
        for name in ("max_pixels", "max_seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be above 0")

    def check_size(self, path: Path, width: int, height: int) -> None:
        """A `VideoError` for a frame, or a picture, beyond the limit."""
        if width * height > self.max_pixels:
            limit = f"the limit is {self.max_pixels:,} pixels"
            raise VideoError(path, f"its frames have {width} x {height}, {limit}; raise max_pixels if that is meant")


DEFAULT = Reading()


def kind_of(path: Path) -> str:
    """ "file" or "folder". A `VideoError` for what is not there, empty, or neither, such as a pipe."""
    try:
        status = path.stat()
    except OSError as error:  # also of a network file system that went away
        missing = isinstance(error, FileNotFoundError)
        raise VideoError(path, "no such file or folder" if missing else str(error.strerror)) from None
    except ValueError:
        raise VideoError(path, "no file can have this name, with a zero byte in it") from None
    if stat.S_ISDIR(status.st_mode):
        return "folder"
    if not stat.S_ISREG(status.st_mode):
        raise VideoError(path, "it is neither a file nor a folder, but a pipe, a socket or a device")
    if status.st_size == 0:
        raise VideoError(path, "the file is empty (0 bytes)")
    return "file"


def open_container(path: Path, reading: Reading = DEFAULT, patient: bool = False) -> tuple[Any, Any]:
    """A video file and its video stream, by PyAV; nothing is decoded yet.

    Pictures that begin long after the sound are found at a second, `patient` look. A `VideoError` where no video is in
    it, or its frames are too large.
    """
    import av

    limits = {"max_pixels": str(reading.max_pixels)}
    options = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}
    try:
        container = av.open(
            f"file:{path}",  # of a relative name with a colon FFmpeg would take the beginning for a protocol
            metadata_errors="replace",  # titles in other encodings are of no interest
            options=options | limits | (PATIENT if patient else {}),
            timeout=(reading.max_seconds, reading.max_seconds),
        )
    except av.FFmpegError as error:
        raise VideoError(path, f"no decoder can open it ({in_words(error)})") from None
    moving: list[Any] = [s for s in container.streams.video if not s.disposition & s.disposition.attached_pic]
    best = container.streams.best("video")
    stream = best if best in moving else next(iter(moving), None)
    if stream is None:
        container.close()
        inside = "a cover picture and no video" if best else "no video stream"
        raise VideoError(path, f"no decoder can open it (it holds {inside})")
    context: Any = stream.codec_context
    reading.check_size(path, context.width, context.height)
    if not context.width or context.pix_fmt is None:
        reason = f"a frame of more than {reading.max_pixels:,} pixels, or a damaged header"
        container.close()
        if not patient:
            return open_container(path, reading, patient=True)
        raise VideoError(path, f"no decoder can open it ({reason})")
    context.thread_count = 1  # the loader's workers are the parallelism
    context.options = limits | ({"err_detect": "explode"} if reading.strict else {})
    return container, stream


def is_video(path: str | Path) -> bool:
    """Whether a file holds video pictures, or a folder frames, whatever their names; never an error."""
    path = Path(path)
    try:
        if kind_of(path) == "folder":
            return any(each.suffix.lower() in PICTURE_SUFFIXES for each in path.iterdir())
        container, _ = open_container(path, Reading(max_seconds=5))
    except (VideoError, OSError):
        return False
    container.close()
    return True


def in_words(error: BaseException) -> str:
    """What a decoder says, without its numbers, places and times."""
    try:
        import av
    except ImportError:
        return first_line(error)[:200]
    if isinstance(error, av.ExitError):
        return "it took longer than max_seconds; raise that if it is whole"
    if isinstance(error, av.ArgumentError):
        return "its content is of no video container, but a script, a list or a picture"
    if isinstance(error, av.InvalidDataError):
        return "its content is no video, or it is damaged"
    said = getattr(error, "strerror", None) or first_line(error)
    return re.sub(r"\[[\d:]+\] /\S+ |\[/[^]]*\] ?", "", said)[:200]

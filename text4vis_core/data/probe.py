"""Which files are videos."""

import os
from pathlib import Path

VIDEO_SUFFIXES = (
    ".mp4", ".avi", ".mkv", ".webm", ".mov", ".m4v", ".mpg", ".mpeg", ".wmv", ".mts", ".m2ts", ".ts", ".3gp", ".3g2",
    ".flv", ".f4v", ".ogv", ".ogm", ".gif", ".dv", ".divx", ".xvid", ".asf", ".vob", ".mxf", ".m2v", ".m1v", ".mpv",
    ".mod", ".tod", ".rm", ".rmvb", ".qt", ".nut", ".y4m", ".h264", ".264", ".hevc", ".265", ".ivf", ".wtv",
)  # fmt: skip
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def is_video(path: str | Path) -> bool:
    """Whether a file holds video pictures, or a folder frames; asks the decoder, not the name."""
    import av

    if os.path.isdir(path):
        return any(Path(name).suffix.lower() in PICTURE_SUFFIXES for name in os.listdir(path))
    if not os.path.isfile(path):
        return False
    try:
        with av.open(f"file:{os.path.abspath(path)}", metadata_errors="replace") as container:
            name = container.format.name
            if name.endswith("_pipe") or name in ("image2", "tty", "concat", "hls"):
                return False
            return any(not int(stream.disposition) & 0x400 for stream in container.streams.video)
    except Exception:
        return False

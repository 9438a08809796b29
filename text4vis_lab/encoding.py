"""Videos of generated frames, as files. T frames of H x W pixels."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np


def write_h264(path: Path, frames: Iterable[np.ndarray], rate: int, options: Mapping[str, str]) -> None:
    """Encode uint8 RGB frames, T of (H, W, 3), H and W even, as H.264 in an mp4 file.

    Args:
        path: of the file, which is overwritten.
        frames: at least one; all of one size.
        rate: frames per second.
        options: x264's.

    Raises:
        RuntimeError: this build of PyAV cannot encode H.264.
    """
    import av

    with av.open(str(path), "w", format="mp4") as container:
        try:
            stream = container.add_stream("libx264", rate=rate, options=dict(options))
        except ValueError as error:  # PyAV's UnknownCodecError is one
            raise RuntimeError("this build of PyAV has no H.264 encoder (libx264); install PyAV's own wheel") from error
        stream.pix_fmt = "yuv420p"
        for number, picture in enumerate(frames):
            if number == 0:
                stream.height, stream.width = picture.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())

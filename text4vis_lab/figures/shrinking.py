"""Frames as large as a figure can show them: a phone's are 4,000 pixels wide, a strip of eight not a fourth of that."""

from collections.abc import Iterable

import numpy as np
from PIL import Image

SHOWN = 320  # pixels of the longer side: more than any figure here has for a frame


def shrunk(frame: np.ndarray, longest: int = SHOWN) -> np.ndarray:
    """A frame, uint8 (H, W, 3), scaled down where its longer side has more than `longest` pixels; else as it is."""
    height, width = frame.shape[:2]
    ratio = longest / max(height, width)
    if ratio >= 1:
        return frame
    size = max(1, round(ratio * width)), max(1, round(ratio * height))
    return np.asarray(Image.fromarray(np.ascontiguousarray(frame)).resize(size, Image.Resampling.BOX, reducing_gap=2))


def all_shrunk(frames: Iterable[np.ndarray], longest: int = SHOWN) -> list[np.ndarray]:
    """The same of several."""
    return [shrunk(frame, longest) for frame in frames]

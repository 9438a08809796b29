"""A video, its frames with their maps of similarity, and the videos that are nearest, as a page shows them.

T frames of H x W pixels, G places on a side of a map.
"""

import base64
import html
import io
from dataclasses import dataclass

import numpy as np
import pandas as pd
from PIL import Image

from text4vis_core.data.video import read_frames

from .. import moving
from .heat import heat_map
from .looking import Look

SIDE = 128  # pixels of a shown frame
POSTER = 120  # pixels of a poster's width
GLOW = np.array([255, 190, 60], np.float32)  # of the map, over a darkened frame
STYLE = """<style>
.text4vis-frames{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(84px,22%),1fr));gap:6px;
 max-width:1120px;margin:0}
.text4vis-frames img{width:100%;height:auto;border-radius:4px;display:block}
.text4vis-frames span{font-size:.8rem;color:inherit}
.text4vis-frames+p{font-size:.9rem;color:inherit;max-width:70ch}
</style>"""


@dataclass(frozen=True)
class Frames:
    """Frames on a page.

    Attributes:
        body: its HTML.
        text: what is seen, in words.
    """

    body: str
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return STYLE + self.body


def playing(seen: Look, width: int = 320) -> moving.Moving:
    """The video as a loop, four seconds of it at most."""
    return moving.clip(seen.path, f"the video {seen.name}", width, 4.0)


def pictured(seen: Look) -> Frames:
    """The frames that the model looked at, each with a map of what in it is like the most probable class."""
    model, count = seen.model, len(seen.frames)
    maps, how = heat_map(model, seen.frames, seen.best)
    share = model.network.size / (model.clips.resize or model.network.size)
    caption = (
        f"Above: the {count} frames, cut as the model sees them. Below: the brighter a place, the more it speaks for "
        f"{seen.best!r}, {how}. It is a map of similarity, not an explanation."
    )
    alt = f"{count} frames of {seen.name}, each with its map of likeness to {seen.best!r}."
    return with_maps(seen.frames, maps, share, alt, caption)


def neighbours(seen: Look, near: pd.DataFrame) -> moving.Moving | Frames:
    """The videos of `looking.nearest`, playing, each with its class and cosine."""
    if near.empty:
        text = "There is nothing to compare with: the miniature has not been made here."
        return Frames(f"<p>{text}</p>", text)
    items = [
        (row["video"], f"{row['class']} (cosine {row['cosine']:.2f})", f"a video of {row['class']}")
        for row in near.to_dict("records")
    ]
    return moving.gallery(items, f"The videos of the miniature that lie nearest to {seen.name}")


def poster(path: str) -> bytes:
    """The middle frame of a video as a small WebP picture.

    Raises:
        VideoError: it cannot be read.
    """
    frame = moving.smaller(read_frames(path, lambda length: np.array([length // 2])), POSTER)[0]
    file = io.BytesIO()
    Image.fromarray(frame).save(file, "WEBP", quality=50, method=6)
    return file.getvalue()


def with_maps(frames: np.ndarray, maps: np.ndarray, share: float, alt: str, caption: str) -> Frames:
    """Each frame as the model sees it, and below it the same with its map.

    Args:
        frames: uint8 (T, H, W, 3).
        maps: float32 (T, G, G), 0 to 1.
        share: of the frame's shorter side that the model's square view has, 0 to 1.
        alt: what is seen, for who does not see it.
        caption: what the maps show.
    """
    tiles = []
    for number, (frame, one) in enumerate(zip(frames, maps, strict=True), 1):
        view = _view(frame, share)
        both = Image.fromarray(np.concatenate([view, _glowing(view, one)]))
        file = io.BytesIO()
        both.save(file, "WEBP", quality=45, method=6)
        source = base64.b64encode(file.getvalue()).decode()
        picture = f'<img src="data:image/webp;base64,{source}" width="{SIDE}" height="{2 * SIDE}" alt="">'
        tiles.append(f"<div>{picture}<span>{number}</span></div>")
    body = f'<div class="text4vis-frames" role="img" aria-label="{html.escape(alt)}">{"".join(tiles)}</div>'
    return Frames(f"{body}<p>{html.escape(caption)}</p>", f"{caption} {alt}")


def _view(frame: np.ndarray, share: float) -> np.ndarray:
    """The square in the middle of a frame that the model sees: uint8 (SIDE, SIDE, 3)."""
    height, width = frame.shape[:2]
    side = max(1, round(min(height, width) * share))
    top, left = (height - side) // 2, (width - side) // 2
    cut = Image.fromarray(np.ascontiguousarray(frame[top : top + side, left : left + side]))
    return np.asarray(cut.resize((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0))


def _glowing(view: np.ndarray, one: np.ndarray) -> np.ndarray:
    large = Image.fromarray(one.astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    strength = np.asarray(large).clip(0, 1)[..., None]
    dark = 0.35 * view.mean(-1, keepdims=True)
    return ((1 - strength) * dark + strength * (0.6 * view + 0.4 * GLOW)).clip(0, 255).astype(np.uint8)

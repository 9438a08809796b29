"""Videos that play on a page: a short loop of a few KB inside the page itself, alone or in a grid with captions.

A loop is H.264 in MP4, which Chromium, Firefox and Safari all play, and lies in the page as a data URI: nothing is
fetched. It plays while it is in sight, unless the reader's system asks for less motion, and stops and goes on by a
click, or by Enter on the keyboard. Where scripts do not run, its still picture is seen.

T frames of H x W pixels.
"""

import base64
import html
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from text4vis_core.data.video import Reader, open_video

if TYPE_CHECKING:
    from av.packet import Packet

Frames = np.ndarray | str | Path  # uint8 (T, H, W, 3), RGB; or a video file, or a folder of frames
RATE = 8  # frames per second of a loop, at most
FOLDER_RATE = 25.0  # of a folder of frames, whose rate nobody knows
CHUNK = 2**26  # bytes of decoded frames that are held before they are shrunk
# mbtree=0 and one thread: the same bytes for the same frames, on any machine; one key frame, as a loop is not sought in
ENCODING = {"crf": "36", "preset": "slower", "profile": "baseline", "threads": "1", "mbtree": "0", "g": "250"}
STILL_QUALITY = 20  # of WebP: a KB for 160 x 120
NO_SETTINGS = "filter_units=remove_types=6"  # the encoder's settings as text, a sixth of the file
STYLE = """<style>
.text4vis-clip{position:relative;padding:0;border:0;background:none;line-height:0;max-width:100%;cursor:pointer}
.text4vis-clip:focus-visible{outline:3px solid #0072B2;outline-offset:2px}
.text4vis-clip video{max-width:100%;height:auto;border-radius:4px}
.text4vis-clip[aria-pressed=false]::after{content:"";position:absolute;left:8px;bottom:8px;
 border:7px solid transparent;border-left:12px solid #fff;border-right:0;filter:drop-shadow(0 0 2px #000)}
.text4vis-clips{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(9rem,44%),1fr));gap:.9rem .7rem}
.text4vis-clips figure{margin:0;min-width:0}
.text4vis-clips figcaption{font-size:.85rem;line-height:1.3;margin-top:.2rem;color:inherit;overflow-wrap:anywhere}
.text4vis-clips .text4vis-clip,.text4vis-clips video{width:100%}
.text4vis-clips video{aspect-ratio:4/3;object-fit:contain}
</style>"""
# However often a page holds it, it runs once, and finds the loops that come to the page later.
SCRIPT = """<script>(() => {
  if (window.text4visClips) return;
  window.text4visClips = true;
  const still = matchMedia("(prefers-reduced-motion: reduce)"), clip = "button.text4vis-clip", seen = new Set();
  const play = (button, on) => {
    button.setAttribute("aria-pressed", on);
    const video = button.firstElementChild;
    if (on) video.play().catch(() => button.setAttribute("aria-pressed", !video.paused));
    else video.pause();
  };
  const auto = (button) => play(button, seen.has(button) && !still.matches && !button.dataset.stopped);
  const sight = new IntersectionObserver((entries) => entries.forEach(({target, isIntersecting}) => {
    seen[isIntersecting ? "add" : "delete"](target);
    auto(target);
  }));
  const watch = () => document.querySelectorAll(clip + ":not([data-watched])").forEach((button) => {
    button.dataset.watched = "yes";
    sight.observe(button);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest(clip);
    if (!button) return;
    const on = button.firstElementChild.paused;
    button.dataset.stopped = on ? "" : "yes";
    play(button, on);
  });
  still.addEventListener("change", () => seen.forEach(auto));
  new MutationObserver(watch).observe(document, {childList: true, subtree: true});
  watch();
})();</script>"""


@dataclass(frozen=True)
class Moving:
    """What plays on a page.

    Attributes:
        body: its HTML, without the style and script that every such object brings.
        text: what is seen, in words.
    """

    body: str
    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return f"{STYLE}{self.body}{SCRIPT}"


def clip(frames: Frames, alt: str, width: int = 160, seconds: float = 2.0) -> Moving:
    """A video as a short loop without sound.

    Args:
        frames: uint8 (T, H, W, 3), RGB, or the path of a video file or of a folder of frames.
        alt: what is seen, for who does not see it.
        width: of a 4:3 picture, in pixels; others get its area.
        seconds: that the loop lasts. Frames at hand are spread over them; of a file they are the middle, at its speed.

    Raises:
        VideoError: the file cannot be read.
        RuntimeError: this build of PyAV cannot encode H.264.
    """
    return Moving(_button(frames, alt, width, seconds), alt)


def gallery(
    items: Sequence[tuple[Frames, str] | tuple[Frames, str, str]], alt: str, width: int = 160, seconds: float = 2.0
) -> Moving:
    """Videos as loops in a grid with a caption under each, as many beside each other as the page has room for.

    Args:
        items: (frames or path, caption), or (frames or path, caption, what is seen); see `clip`.
        alt: what they are together.
        width, seconds: of each, see `clip`.

    Raises:
        VideoError, RuntimeError: as `clip` does.
    """
    figures = []
    for frames, caption, *words in items:
        button = _button(frames, words[0] if words else caption, width, seconds)
        figures.append(f"<figure>{button}<figcaption>{html.escape(caption)}</figcaption></figure>")
    body = f'<div class="text4vis-clips" role="group" aria-label="{html.escape(alt)}">{"".join(figures)}</div>'
    return Moving(body, f"{alt}: {', '.join(item[1] for item in items)}")


def encoded(frames: Frames, width: int = 160, seconds: float = 2.0) -> tuple[bytes, bytes, tuple[int, int]]:
    """A loop as an MP4 file, its still picture as a WebP file, and their width and height in pixels.

    The still is the middle frame, which tells more of an action than the first. Arguments and errors are those of
    `clip`.
    """
    if isinstance(frames, np.ndarray):
        count = min(len(frames), max(1, round(RATE * seconds)))
        pictures = smaller(frames[np.linspace(0, len(frames) - 1, count).round().astype(int)], width)
        rate = Fraction(count / seconds).limit_denominator(1000)
    else:
        pictures, rate = _middle(Path(frames), width, seconds)
    still = io.BytesIO()
    Image.fromarray(pictures[len(pictures) // 2]).save(still, "WEBP", quality=STILL_QUALITY, method=6)
    return _mp4(pictures, rate), still.getvalue(), (pictures.shape[2], pictures.shape[1])


def smaller(frames: np.ndarray, width: int) -> np.ndarray:
    """Frames scaled down to the area of a 4:3 picture of this width; their sides are even, as video needs it.

    Args:
        frames: uint8 (T, H, W, 3). Smaller ones keep their size.
        width: in pixels.
    """
    height, wide = frames.shape[1:3]
    scale = min(1.0, (0.75 * width * width / (height * wide)) ** 0.5)
    size = max(2, 2 * round(wide * scale / 2)), max(2, 2 * round(height * scale / 2))
    if size == (wide, height):
        return frames
    scaled = (Image.fromarray(each).resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0) for each in frames)
    return np.stack([np.asarray(picture) for picture in scaled])


def _middle(path: Path, width: int, seconds: float) -> tuple[np.ndarray, Fraction]:
    """Frames of the middle of a file, scaled down, and how many of them there are for a second."""
    video = open_video(path)
    times = np.arange(len(video)) / FOLDER_RATE if video.seconds is None else video.seconds
    lasts = min(seconds, times[-1] - times[0] + 1 / RATE)
    count = max(1, round(RATE * lasts))
    begin = times[0] + max(0.0, (times[-1] - times[0] - lasts) / 2)
    # Frames that are shown longer than the loop's own are repeated, so that the speed is right.
    shown = times.searchsorted(begin + np.arange(count) / RATE + 1e-6, "right") - 1
    indices, places = np.unique(shown.clip(0), return_inverse=True)
    return np.concatenate(list(_decoded(video, indices, width)))[places], Fraction(RATE)


def _decoded(video: Reader, indices: np.ndarray, width: int) -> Iterator[np.ndarray]:
    """Scaled down a few at a time: those of a telephone are 25 MB each."""
    first = video.decode(indices[:1])
    yield smaller(first, width)
    step = max(1, CHUNK // first.nbytes)
    for start in range(1, len(indices), step):
        yield smaller(video.decode(indices[start : start + step]), width)


def _mp4(frames: np.ndarray, rate: Fraction) -> bytes:
    import av
    from av.bitstream import BitStreamFilterContext

    file = io.BytesIO()
    with av.open(file, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        try:
            stream = container.add_stream("libx264", rate=rate, options=ENCODING)
        except ValueError as error:  # PyAV's UnknownCodecError is one
            raise RuntimeError("this build of PyAV has no H.264 encoder (libx264); install PyAV's own wheel") from error
        stream.pix_fmt = "yuv420p"
        stream.height, stream.width = frames.shape[1:3]
        without_settings = BitStreamFilterContext(NO_SETTINGS, stream)

        def write(packets: "Sequence[Packet | None]") -> None:
            for packet in packets:
                container.mux(without_settings.filter(packet))

        for picture in frames:
            write(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        write([*stream.encode(), None])
    return file.getvalue()


def _button(frames: Frames, alt: str, width: int, seconds: float) -> str:
    video, still, (wide, height) = encoded(frames, width, seconds)
    source, poster = _inside(video, "video/mp4"), _inside(still, "image/webp")
    return (
        f'<button type="button" class="text4vis-clip" aria-label="{html.escape(alt)}" title="stop, or play">'
        f'<video src="{source}" poster="{poster}" width="{wide}" height="{height}" playsinline loop muted '
        f'preload="none" aria-hidden="true" tabindex="-1"></video></button>'
    )


def _inside(file: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(file).decode()}"

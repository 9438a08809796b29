"""The method in one figure, drawn for a page and for a phone."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .shrinking import shrunk
from .style import BLUE, GREY, ORANGE, RED, labels

INK, SOFT = "#444444", "#555555"
TEXT = "the paper: the class names as text, frozen"
RANDOM = "usual: random numbers, to be learned"


def the_idea(
    frames: np.ndarray,
    names: Sequence[str],
    videos: np.ndarray,
    embeddings: np.ndarray,
    random: np.ndarray,
    stacked: bool = False,
) -> Figure:
    """The method in one figure: frames of a video, their encoder, and where its videos lie for two last layers.

    Args:
        frames: uint8 (T, H, W, 3), a few of them.
        names: C class names.
        videos: (C, D), the mean embedding of each class's videos before training.
        embeddings: (C, D) text embeddings of the names, the proposed last layer.
        random: (C, D), the usual one.
        stacked: one below the other, for a phone.
    """
    fig = plt.figure(figsize=(3.6, 7.9) if stacked else (9.2, 4.2), layout="none")
    size = 10.5 if stacked else 8.8
    _frames(fig, frames, (0.08, 0.84, 0.42, 0.13, 0.12, 0.008) if stacked else (0.005, 0.36, 0.165, 0.27, 0.024, 0.035))
    canvas = fig.add_axes((0, 0, 1, 1))
    canvas.set(xlim=(0, 1), ylim=(0, 1))
    canvas.axis("off")
    canvas.patch.set_alpha(0)
    if stacked:
        canvas.text(0.5, 0.815, "frames of a video", ha="center", va="center", fontsize=size)
        _arrow(canvas, (0.5, 0.8), (0.5, 0.772))
        _box(canvas, (0.14, 0.688, 0.72, 0.082), "image encoder, mean over time\n(fine-tuned)", ORANGE, size)
        _arrow(canvas, (0.5, 0.686), (0.5, 0.636))
        canvas.text(0.53, 0.661, "video embedding", ha="left", va="center", fontsize=size)
        _box(canvas, (0.14, 0.584, 0.72, 0.05), "cosine with each class", GREY, size)
        _arrow(canvas, (0.5, 0.582), (0.5, 0.552))
        places, side, right = (0.333, 0.045), 0.182, 0.97
    else:
        middle = 0.54
        canvas.text(0.125, 0.28, "frames of a video", ha="center", fontsize=size)
        _arrow(canvas, (0.26, middle), (0.292, middle))
        _box(canvas, (0.295, middle - 0.1, 0.15, 0.2), "image encoder,\nmean over time\n(fine-tuned)", ORANGE, size)
        _arrow(canvas, (0.448, middle), (0.535, middle))
        canvas.text(0.49, middle + 0.03, "video\nembedding", ha="center", va="bottom", fontsize=8)
        _box(canvas, (0.538, middle - 0.06, 0.082, 0.12), "cosine with\neach class", GREY, size)
        _arrow(canvas, (0.623, middle + 0.04), (0.7, 0.74))
        _arrow(canvas, (0.623, middle - 0.04), (0.7, 0.28))
        places, side, right = (0.585, 0.085), 0.33, 0.992
    width = side * fig.get_figheight() / fig.get_figwidth()
    for y, rows, colour, title in ((places[0], embeddings, BLUE, TEXT), (places[1], random, RED, RANDOM)):
        cosines = _unit(rows) @ _unit(videos).T
        nearest = int((cosines.argmax(0) == np.arange(len(names))).sum())
        ax = fig.add_axes((right - width, y, width, side))
        ax.imshow(cosines, cmap="RdBu_r", vmin=-1, vmax=1)
        ax.set(xticks=[], yticks=range(len(names)))
        ax.set_yticklabels(labels(names), fontsize=9.5 if stacked else 7.5)
        ax.tick_params(length=0)
        ax.grid(False)
        note = f"before training, {nearest} of {len(names)} classes lie nearest to their row"
        if stacked:
            title, note = title.replace(": ", ":\n"), note.replace("classes lie", "classes\nlie")
        above, below = (0.006, 0.006) if stacked else (0.02, 0.02)
        canvas.text(right, y + side + above, title, ha="right", va="bottom", fontsize=size, fontweight="bold",
                    color=colour)  # fmt: skip
        canvas.text(right, y - below, note, ha="right", va="top", fontsize=9.5 if stacked else 7.8, color=SOFT)
    return fig


def _frames(fig: Figure, frames: np.ndarray, place: tuple[float, float, float, float, float, float]) -> None:
    """Frames over each other, from x, y, width and height on, each a step further to the right and up."""
    x, y, width, height, right, up = place
    for i, frame in enumerate(frames):
        ax = fig.add_axes((x + right * i, y + up * i, width, height))
        ax.imshow(shrunk(frame), interpolation="lanczos")
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        for spine in ax.spines.values():
            spine.set(visible=True, color="white", linewidth=1.5)


def _box(canvas: Axes, place: tuple[float, float, float, float], text: str, colour: str, size: float) -> None:
    x, y, w, h = place
    canvas.add_patch(plt.Rectangle((x, y), w, h, facecolor=colour, edgecolor="none", alpha=0.14, zorder=2))
    canvas.add_patch(plt.Rectangle((x, y), w, h, facecolor="none", edgecolor=colour, linewidth=1.3, zorder=3))
    canvas.text(x + w / 2, y + h / 2, text, ha="center", va="center", fontsize=size, zorder=4)


def _arrow(canvas: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    canvas.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": INK, "linewidth": 1.3})


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)

"""Videos as pictures: frames, captions, the probabilities of their classes, and the method in one figure."""

from collections.abc import Mapping, Sequence
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from ..plain import readable
from .shrinking import all_shrunk, shrunk
from .style import BLUE, GREY, ORANGE, RED, SKY, labels


def frame_strips(videos: Mapping[str, np.ndarray], frames: int = 8, columns: int = 1) -> Figure:
    """Videos as strips of evenly spaced frames, each under its title.

    Args:
        videos: title -> uint8 (T, H, W, 3).
        frames: frames in a strip.
        columns: strips side by side.
    """
    rows = -(-len(videos) // columns)
    first = next(iter(videos.values()))
    aspect = frames * first.shape[2] / first.shape[1]
    width = 8.6 / columns
    fig, axes = plt.subplots(rows, columns, figsize=(8.6, rows * (width / aspect + 0.32)), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for ax, (title, video) in zip(axes.flat, videos.items(), strict=False):
        chosen = np.linspace(0, len(video) - 1, frames).round().astype(int)
        ax.imshow(np.concatenate(all_shrunk(video[chosen]), axis=1), interpolation="lanczos")
        ax.set_title(readable(title, 100 // columns), fontsize=9)
    return fig


def picture_grid(pictures: Sequence[np.ndarray], captions: Sequence[str], columns: int = 6) -> Figure:
    """Pictures (uint8, H x W x 3) with a caption under each."""
    rows = -(-len(pictures) // columns)
    fig, axes = plt.subplots(rows, columns, figsize=(8.6, rows * 1.95), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for ax, picture, caption in zip(axes.flat, pictures, captions, strict=False):
        ax.imshow(shrunk(picture), interpolation="lanczos")
        ax.text(
            0.5, -0.05, fill(readable(caption, 160), 24), fontsize=6.8, ha="center", va="top", transform=ax.transAxes
        )
    return fig


def top_classes(probabilities: Mapping[str, np.ndarray], names: Sequence[str], k: int = 5, truth: str = "") -> Figure:
    """The k most probable classes as bars, one panel per set of probabilities; the true class, if given, stands out.

    Args:
        probabilities: panel title -> (C,) in [0, 1].
        names: C class names.
        k: bars.
        truth: name of the true class.
    """
    fig, axes = plt.subplots(
        1, len(probabilities), figsize=(4.3 * len(probabilities), 0.36 * k + 0.9), squeeze=False, sharex=True
    )
    for ax, (title, values) in zip(axes[0], probabilities.items(), strict=True):
        values = 100 * np.asarray(values)
        order = np.argsort(-values, kind="stable")[:k]
        bars = ax.barh(range(len(order)), values[order], color=[BLUE if names[i] == truth else SKY for i in order])
        ax.set_yticks(range(len(order)), labels(names[i] for i in order))
        ax.bar_label(bars, fmt="%.0f %%", padding=3, fontsize=8.5)
        ax.invert_yaxis()
        ax.set(xlim=(0, 115), title=readable(title, 60), xlabel="probability (%)")
        ax.grid(axis="y", visible=False)
    return fig


def the_idea(
    frames: np.ndarray, names: Sequence[str], videos: np.ndarray, embeddings: np.ndarray, random: np.ndarray
) -> Figure:
    """The method in one figure: frames of a video, their encoder, and where its videos lie for two last layers.

    Args:
        frames: uint8 (T, H, W, 3), a few of them.
        names: C class names.
        videos: (C, D), the mean embedding of each class's videos before training.
        embeddings: (C, D) text embeddings of the names, the proposed last layer.
        random: (C, D), the usual one.
    """
    with plt.rc_context({"figure.constrained_layout.use": False}):
        fig = plt.figure(figsize=(9.2, 4.2))
    for i, frame in enumerate(frames):
        ax = fig.add_axes((0.005 + 0.024 * i, 0.36 + 0.035 * i, 0.165, 0.27))
        ax.imshow(shrunk(frame), interpolation="lanczos")
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        for spine in ax.spines.values():
            spine.set(visible=True, color="white", linewidth=1.5)
    canvas = fig.add_axes((0, 0, 1, 1))
    canvas.set(xlim=(0, 1), ylim=(0, 1))
    canvas.axis("off")
    canvas.patch.set_alpha(0)

    def box(x: float, y: float, w: float, h: float, text: str, colour: str) -> None:
        canvas.add_patch(plt.Rectangle((x, y), w, h, facecolor=colour, edgecolor="none", alpha=0.14, zorder=2))
        canvas.add_patch(plt.Rectangle((x, y), w, h, facecolor="none", edgecolor=colour, linewidth=1.3, zorder=3))
        canvas.text(x + w / 2, y + h / 2, text, ha="center", va="center", fontsize=8.8, zorder=4)

    def arrow(start: tuple[float, float], end: tuple[float, float]) -> None:
        canvas.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "#444444", "linewidth": 1.3})

    middle = 0.54
    canvas.text(0.125, 0.28, "frames of a video", ha="center", fontsize=8.8)
    arrow((0.26, middle), (0.292, middle))
    box(0.295, middle - 0.1, 0.15, 0.2, "image encoder,\nmean over time\n(fine-tuned)", ORANGE)
    arrow((0.448, middle), (0.535, middle))
    canvas.text(0.49, middle + 0.03, "video\nembedding", ha="center", va="bottom", fontsize=8)
    box(0.538, middle - 0.06, 0.082, 0.12, "cosine with\neach class", GREY)
    arrow((0.623, middle + 0.04), (0.7, 0.74))
    arrow((0.623, middle - 0.04), (0.7, 0.28))

    side, count = 0.33, len(names)
    for y, rows, colour, title in (
        (0.585, embeddings, BLUE, "the paper: the class names as text, frozen"),
        (0.085, random, RED, "usual: random numbers, to be learned"),
    ):
        cosines = _unit(rows) @ _unit(videos).T
        nearest = int((cosines.argmax(0) == np.arange(count)).sum())
        note = f"before training, {nearest} of {count} classes lie nearest to their row"
        ax = fig.add_axes((0.992 - side * 4.2 / 9.2, y, side * 4.2 / 9.2, side))
        ax.imshow(cosines, cmap="RdBu_r", vmin=-1, vmax=1)
        ax.set(xticks=[], yticks=range(len(names)))
        ax.set_yticklabels(labels(names), fontsize=7.5)
        ax.tick_params(length=0)
        ax.grid(False)
        canvas.text(
            0.992, y + side + 0.02, title, ha="right", va="bottom", fontsize=8.8, fontweight="bold", color=colour
        )
        canvas.text(0.992, y - 0.02, note, ha="right", va="top", fontsize=7.8, color="#555555")
    return fig


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)

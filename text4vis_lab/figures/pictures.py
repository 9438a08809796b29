"""Videos as pictures: frames, captions, and the probabilities of their classes."""

from collections.abc import Mapping, Sequence
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..plain import encodable, readable
from .charts import needs
from .shrinking import all_shrunk, shrunk
from .style import BLUE, SKY, labels


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


def probabilities(panels: Mapping[str, np.ndarray], names: Sequence[str], truth: str = "") -> pd.DataFrame:
    """What `top_classes` draws of: a table with columns panel, class, probability, and truth where it is known.

    Args:
        panels: panel title -> (C,) in [0, 1].
        names: C class names.
        truth: name of the true class.
    """
    rows = [
        {"panel": encodable(panel), "class": encodable(name), "probability": float(value)}
        for panel, values in panels.items()
        for name, value in zip(names, values, strict=True)
    ]
    return pd.DataFrame(rows).assign(**({"truth": encodable(truth)} if truth else {}))


def top_classes(table: pd.DataFrame, *, k: int = 5) -> Figure:
    """The k most probable classes as bars, one panel per set of probabilities; the true class, if given, stands out.

    Args:
        table: columns panel (its title), class, probability (in [0, 1]), and truth (name of the true class) if known.
        k: bars.

    Raises:
        ValueError: a column is missing, or there are no rows.
    """
    table = needs(table, "panel", "class", "probability").fillna({"panel": ""})
    panels = list(table.groupby("panel", sort=False))
    fig, axes = plt.subplots(1, len(panels), figsize=(4.3 * len(panels), 0.36 * k + 0.9), squeeze=False, sharex=True)
    for ax, (title, some) in zip(axes[0], panels, strict=True):
        some = some.sort_values("probability", ascending=False, kind="stable").head(k)
        is_true = some["class"] == some["truth"] if "truth" in some else pd.Series(False, some.index)
        bars = ax.barh(range(len(some)), 100 * some["probability"], color=[BLUE if true else SKY for true in is_true])
        ax.set_yticks(range(len(some)), labels(some["class"]))
        ax.bar_label(bars, fmt="%.0f %%", padding=3, fontsize=8.5)
        ax.invert_yaxis()
        ax.set(xlim=(0, 115), title=readable(title, 60), xlabel="probability (%)")
        ax.grid(axis="y", visible=False)
    return fig

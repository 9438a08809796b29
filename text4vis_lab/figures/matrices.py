"""Matrices over classes: who is taken for whom, and how near class embeddings are."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.figure import Figure

from ..plain import readable
from .style import labels


def confusion(matrix: np.ndarray, names: Sequence[str], title: str) -> Figure:
    """A confusion matrix (C, C) of counts, rows (true classes) in percent; from 10 % up a cell has its number."""
    matrix = np.asarray(matrix, dtype=float)
    percent = 100 * matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    side = 0.23 * len(names) + 2.2
    fig, ax = plt.subplots(figsize=(side + 0.6, side))
    sns.heatmap(
        percent,
        vmin=0,
        vmax=100,
        cmap="Blues",
        annot=np.where(percent >= 10, np.char.mod("%.0f", percent), ""),
        fmt="",
        annot_kws={"size": 6},
        square=True,
        xticklabels=labels(names),
        yticklabels=labels(names),
        cbar_kws={"shrink": 0.6, "label": "videos of the class (%)"},
        ax=ax,
    )
    ax.set(title=readable(title), xlabel="predicted class", ylabel="true class")
    ax.tick_params(labelsize=7.5, length=0)
    return fig


def correlation_maps(maps: Mapping[str, np.ndarray], names: Sequence[str]) -> Figure:
    """Inter-class correlation maps side by side: title -> (C, C) of cosines (figure 1 of the Text4Vis paper).

    Names for which a map has no room are left out.
    """
    side = 8.6 / len(maps)
    size = min(7.5, 56 * (side - 0.6) / len(names))  # points; so names stay apart
    shown = labels(names) if size >= 4 else False
    fig, axes = plt.subplots(1, len(maps), figsize=(8.6, side + 0.9), squeeze=False)
    for i, (ax, (title, cosines)) in enumerate(zip(axes[0], maps.items(), strict=True)):
        sns.heatmap(
            np.asarray(cosines),
            vmin=-1,
            vmax=1,
            cmap="RdBu_r",
            square=True,
            cbar=False,
            xticklabels=shown,
            yticklabels=i == 0 and shown,
            ax=ax,
        )
        ax.set_title("\n".join(map(readable, title.split("\n"))), fontsize=9)
        ax.tick_params(labelsize=size, length=0)
    fig.colorbar(axes[0, 0].collections[0], ax=axes, shrink=0.7, label="cosine between classes")
    return fig

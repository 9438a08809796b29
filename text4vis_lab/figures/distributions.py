"""What a data set holds, and how two readings of it differ: counts and histograms."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..plain import readable
from .style import BLUE, labels, legend_outside, palette

MOST_NAMED = 60  # classes, of which more are too many to name


def videos_per_class(counts: Mapping[str, np.ndarray], names: Sequence[str], *, title: str) -> Figure:
    """How many videos each class has, split -> (C,): bars with names, or sorted curves of more than 60 classes."""
    table = pd.DataFrame(
        {"split": split, "class": number, "videos": count}
        for split, values in zip(labels(counts), counts.values(), strict=True)
        for number, count in enumerate(values if len(names) <= MOST_NAMED else np.sort(values)[::-1])
    )
    colours = palette(labels(counts))
    if len(names) <= MOST_NAMED:
        fig, ax = plt.subplots(figsize=(7.6, 0.2 * len(names) + 1.1))
        sns.barplot(table, x="videos", y="class", hue="split", orient="y", palette=colours, saturation=1, ax=ax)
        ax.set_yticks(range(len(names)), labels(names), fontsize=7.5)
        ax.set(title=readable(title), xlabel="videos", ylabel="")
        ax.grid(axis="x", visible=True)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    else:
        fig, ax = plt.subplots(figsize=(6.2, 3.2))
        sns.lineplot(table, x="class", y="videos", hue="split", palette=colours, errorbar=None, ax=ax)
        ax.set(title=readable(title), xlabel="classes, from the largest", ylabel="videos")
        ax.set_ylim(bottom=0)
    legend_outside(ax)
    return fig


def distributions(panels: Mapping[str, Sequence[float] | Sequence[str]], *, title: str, most: int = 8) -> Figure:
    """What values occur how often: axis label -> values, one panel each.

    Texts, and numbers of which there are few different ones, become a bar for each of the `most` frequent; other
    numbers a histogram.
    """
    fig, axes = plt.subplots(1, len(panels), figsize=(min(9.4, 3.2 * len(panels)), 2.9), squeeze=False)
    for ax, (label, values) in zip(axes[0], panels.items(), strict=True):
        different, counts = np.unique(values, return_counts=True)
        if different.dtype.kind in "fiu" and len(different) > most:
            sns.histplot(x=values, bins=30, color=BLUE, alpha=1, linewidth=0, ax=ax)
            ax.set(xlabel=readable(label), ylabel="videos")
            continue
        order = np.argsort(-counts, kind="stable")[:most]
        texts = [text if isinstance(text, str) else f"{text:g}" for text in different[order].tolist()]
        ax.barh(range(len(texts)), counts[order], 0.7, color=BLUE)
        ax.set_yticks(range(len(texts)), labels(texts))
        ax.set_ylim(max(4, len(texts)) - 0.5, -0.5)
        ax.grid(axis="y", visible=False)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.set(xlabel="videos", ylabel=readable(label))
    fig.suptitle(readable(title), x=0.01, ha="left", fontsize=10.5, fontweight="bold")
    return fig


def difference_counts(counts: Mapping[str, np.ndarray], *, title: str) -> Figure:
    """How many values differ by 0, 1, 2, 3 and more grey levels: bars in percent on a logarithmic axis, by path.

    Args:
        counts: short side and crop, as text -> (levels,), the last for its level and all above.
    """
    table = pd.DataFrame(
        {"path": path, "level": level, "percent": 100 * count / np.sum(values)}
        for path, values in zip(labels(counts), counts.values(), strict=True)
        for level, count in enumerate(values)
    )
    last = int(table["level"].max())
    fig, ax = plt.subplots(figsize=(6.8, 3.2))
    sns.barplot(table, x="level", y="percent", hue="path", palette=palette(labels(counts)), saturation=1, ax=ax)
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter("{x:g}")
    ax.set_ylim(1e-4, 200)
    ax.set_xticks(range(last + 1), [*map(str, range(last)), f"{last} or more"])
    ax.set(title=readable(title), xlabel="difference (grey levels of 255)", ylabel="values (%)")
    ax.grid(axis="x", visible=False)
    legend_outside(ax, "short side -> crop")
    return fig

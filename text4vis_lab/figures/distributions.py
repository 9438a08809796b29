"""What a data set holds, and how two readings of it differ: counts and histograms."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..plain import encodable, readable
from .charts import named, needs
from .style import BLUE, labels, legend_outside, palette

MOST_NAMED = 60  # classes, of which more are too many to name


def videos_per_class(table: pd.DataFrame, *, title: str) -> Figure:
    """How many videos each class has: bars with names, or sorted curves of more than 60 classes.

    Args:
        table: columns split, class, videos: a row for each class of each split.
        title: of the figure.

    Raises:
        ValueError: a column is missing, or there are no rows.
    """
    table = needs(table, "split", "class", "videos")
    names = named(table["class"])
    table = table.assign(split=table["split"].map(named(table["split"])), **{"class": table["class"].map(names)})
    colours = palette(dict.fromkeys(table["split"]))
    if len(names) <= MOST_NAMED:
        fig, ax = plt.subplots(figsize=(7.6, 0.2 * len(names) + 1.1))
        sns.barplot(table, x="videos", y="class", hue="split", orient="y", palette=colours, saturation=1, ax=ax)
        ax.tick_params(axis="y", labelsize=7.5)
        ax.set(title=readable(title), xlabel="videos", ylabel="")
        ax.grid(axis="x", visible=True)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    else:
        table = table.sort_values("videos", ascending=False, kind="stable")
        table = table.assign(place=table.groupby("split", sort=False).cumcount())
        fig, ax = plt.subplots(figsize=(6.2, 3.2))
        sns.lineplot(table, x="place", y="videos", hue="split", palette=colours, errorbar=None, ax=ax)
        ax.set(title=readable(title), xlabel="classes, from the largest", ylabel="videos")
        ax.set_ylim(bottom=0)
    legend_outside(ax)
    return fig


def long(panels: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """What `distributions` draws of: label of an axis -> values, as a table with columns panel and value."""
    rows = [(encodable(panel), encodable(value)) for panel, values in panels.items() for value in values]
    return pd.DataFrame(rows, columns=["panel", "value"])


def distributions(table: pd.DataFrame, *, title: str, most: int = 8) -> Figure:
    """What values occur how often, in a panel for each quantity.

    Texts, and numbers of which there are few different ones, become a bar for each of the `most` frequent; other
    numbers a histogram.

    Args:
        table: columns panel, the label of an axis with its unit, and value, a number or a text.
        title: of the figure.
        most: bars of a panel.

    Raises:
        ValueError: a column is missing, or there are no rows.
    """
    table = needs(table, "panel", "value")
    panels = list(dict.fromkeys(table["panel"]))
    fig, axes = plt.subplots(1, len(panels), figsize=(min(9.4, 3.2 * len(panels)), 2.9), squeeze=False)
    for ax, label in zip(axes[0], panels, strict=True):
        values = table.loc[table["panel"] == label, "value"]
        numbers = pd.to_numeric(values, errors="coerce")
        values = numbers if numbers.notna().all() else values.astype(str)
        different, counts = np.unique(values.to_numpy(), return_counts=True)
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


def difference_counts(table: pd.DataFrame, *, title: str) -> Figure:
    """How many values differ by 0, 1, 2, 3 and more grey levels: bars in percent on a logarithmic axis, by path.

    Args:
        table: columns path (short side and crop, as text), level (the last for its level and all above) and values
            (how many).
        title: of the figure.

    Raises:
        ValueError: a column is missing, or there are no rows.
    """
    table = needs(table, "path", "level", "values")
    percent = 100 * table["values"] / table.groupby("path")["values"].transform("sum")
    table = table.assign(path=table["path"].map(named(table["path"])), percent=percent)
    last = int(table["level"].max())
    fig, ax = plt.subplots(figsize=(6.8, 3.2))
    colours = palette(dict.fromkeys(table["path"]))
    sns.barplot(table, x="level", y="percent", hue="path", palette=colours, saturation=1, ax=ax)
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter("{x:g}")
    ax.set_ylim(1e-4, 200)
    ax.set_xticks(range(last + 1), [*map(str, range(last)), f"{last} or more"])
    ax.set(title=readable(title), xlabel="difference (grey levels of 255)", ylabel="values (%)")
    ax.grid(axis="x", visible=False)
    legend_outside(ax, "short side -> crop")
    return fig

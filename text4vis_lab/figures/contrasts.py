"""Differences between methods, each with its interval, beside the line of no difference."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ..plain import readable
from .style import COLOURS, DARK_GREY, axis_label, labels, legend_outside

MARKERS = ("o", "s", "^", "D", "X", "p", "v")


def contrasts(table: pd.DataFrame, x: str = "shots", *, hue: str = "estimand", title: str) -> Figure:
    """Differences in points as dots with their intervals, side by side at each value of x.

    Args:
        table: columns x, `hue`, mean, low, high (points), a row for each dot.
        x: column with the names of the groups.
        hue: column with what differs; colour and marker.

    Raises:
        ValueError: a column that the table does not have, or no rows.
    """
    missing = [name for name in (x, hue, "mean", "low", "high") if name not in table.columns]
    if missing or table.empty:
        raise ValueError(f"there is nothing to draw: no rows, or no column {', '.join(missing)}")
    groups, names = list(dict.fromkeys(table[x])), list(dict.fromkeys(table[hue]))
    width = min(9.2, 3.4 + 0.24 * len(groups) * len(names))
    fig, ax = plt.subplots(figsize=(width + 2.2, 3.5))
    offsets = (np.arange(len(names)) - (len(names) - 1) / 2) * min(0.15, 0.7 / len(names))
    for number, (name, label) in enumerate(zip(names, labels(names, 60), strict=True)):
        some = table[table[hue] == name]
        places = np.array([groups.index(group) for group in some[x]]) + offsets[number]
        ends = np.abs(some[["low", "high"]].to_numpy(float).T - some["mean"].to_numpy(float))
        ax.errorbar(places, some["mean"], yerr=ends, label=label, color=COLOURS[number % len(COLOURS)],
                    marker=MARKERS[number % len(MARKERS)], linestyle="", capsize=3, elinewidth=1.2)  # fmt: skip
    ax.axhline(0, color=DARK_GREY, linewidth=0.9)
    ax.set_xticks(range(len(groups)), labels(groups))
    ax.set(title=readable(title), xlabel=axis_label(x), ylabel="difference in top-1 accuracy (points)")
    ax.grid(axis="x", visible=False)
    legend_outside(ax)
    return fig

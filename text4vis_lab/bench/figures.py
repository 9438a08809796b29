"""The bench's tables and figures: medians with their 95 % intervals, and the limits beside them."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..figures.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, RED, labels, legend_outside
from ..plain import readable
from .measurement import Quantity

OURS = "this project"
# Beginnings of the yardsticks' names.
COLOURS = {
    OURS: BLUE,
    "decoding": GREY,
    "decord": GREY,
    "torchcodec": GREEN,
    "product": GREY,
    "published code": ORANGE,
    "plain open_clip": PURPLE,
}


def table(quantities: Sequence[Quantity]) -> pd.DataFrame:
    """A line for each quantity: median, interval, limit, and whether it is kept."""
    return pd.DataFrame([quantity.row() for quantity in quantities]).set_index("quantity")


def bars(quantities: Sequence[Quantity], *, title: str, xlabel: str) -> Figure:
    """Quantities of one unit as bars with their intervals, the first on top; yardsticks in colours of their own."""
    fig, ax = plt.subplots(figsize=(7.2, 0.3 * len(quantities) + 1.1))
    values, names = ([getattr(quantity, field) for quantity in quantities] for field in ("value", "name"))
    kinds = [next((kind for kind in COLOURS if name.startswith(kind)), OURS) for name in names]
    names = labels(names)
    sns.barplot(
        x=values, y=names, hue=kinds, palette=COLOURS, saturation=1, width=0.72, legend=len(set(kinds)) > 1, ax=ax
    )
    ax.errorbar(values, names, xerr=_halves(quantities), fmt="none", color=BLACK, capsize=2.5, linewidth=1)
    for quantity, name in zip(quantities, names, strict=True):
        end = np.nanmax([quantity.value, quantity.interval[1]]), name
        ax.annotate(f"{quantity.value:.3g}", end, (4, 0), textcoords="offset points", va="center", fontsize=8)
    ax.margins(x=0.12)
    ax.set_xlim(left=0)
    ax.set(title=readable(title), xlabel=xlabel)
    if len(set(kinds)) > 1:
        legend_outside(ax)
    return fig


def against_limits(quantities: Sequence[Quantity], *, title: str) -> Figure:
    """Quantities over their limits (limits over quantities where more is better), on one axis: up to 1 keeps it.

    Quantities without a limit, those whose limit is 0, and checks that measured 0, are left out.
    """
    shown = [quantity for quantity in quantities if quantity.limit and min(quantity.values) > 0]
    fig, ax = plt.subplots(figsize=(7.4, 0.33 * len(shown) + 1.3))
    for quantity, name in zip(shown, labels(quantity.name for quantity in shown), strict=True):
        ends = [np.array([quantity.value, *quantity.interval]) / quantity.limit]
        value, *interval = ends[0] if quantity.better == "less" else 1 / ends[0]
        colour, marker = (GREEN, "o") if quantity.met else (RED, "X")
        ax.plot(value, name, marker, color=colour, markersize=7)
        ax.plot(sorted(interval), [name] * 2, color=colour, linewidth=1.4)
    ax.axvline(1, color=BLACK, linewidth=1)
    ax.set_xlim(left=0)
    ax.invert_yaxis()
    ax.set(title=readable(title), xlabel="share of the limit (up to 1 keeps it)")
    ax.grid(axis="y", visible=False)
    return fig


def scaling(curves: Mapping[str, Mapping[int, Quantity]], *, title: str, xlabel: str, ylabel: str) -> Figure:
    """Rates over a number of workers or processes, name -> number -> rate, each beside a straight line through 1."""
    fig, ax = plt.subplots(figsize=(5.6, 3.3))
    kinds = zip(labels(curves), curves.values(), (BLUE, ORANGE, GREEN, RED), "osD^", strict=False)
    for label, curve, colour, marker in kinds:
        x, measured = list(curve), list(curve.values())
        ax.errorbar(x, [quantity.value for quantity in measured], yerr=_halves(measured), color=colour, marker=marker,
                    capsize=3, label=label)  # fmt: skip
        if 1 in curve:
            ends = [1, max(x)]
            ax.plot(ends, [curve[1].value * end for end in ends], ":", color=colour, linewidth=1.2)
    ax.plot([], [], ":", color=GREY, label="proportional")
    ax.set(title=readable(title), xlabel=xlabel, ylabel=ylabel)
    ax.set_ylim(bottom=0)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    legend_outside(ax)
    return fig


def memory(curve: Mapping[str, Any], growth: Quantity, *, title: str) -> Figure:
    """Resident memory over samples, as `memory.memory_curve` returns it, with the band that its limit allows."""
    samples, megabytes = curve["samples"], curve["megabytes"]
    tenth = max(1, len(samples) // 10)
    before = float(np.median(megabytes[tenth : 2 * tenth]))
    fig, ax = plt.subplots(figsize=(6.2, 3))
    ax.plot(samples, megabytes, color=BLUE)
    limit = growth.limit or 1.0
    ax.axhspan(before, before * limit, color=GREEN, alpha=0.15, label=f"{limit:g} times after a tenth")
    ax.set(title=readable(title), xlabel="samples loaded", ylabel="resident memory (MiB)")
    ax.set_ylim(0, 1.25 * max(megabytes))
    ax.legend(loc="lower right")
    return fig


def _halves(quantities: Sequence[Quantity]) -> np.ndarray:
    """How far the intervals go below and above the medians: (2, N)."""
    ends = np.array([quantity.interval for quantity in quantities]).T
    values = np.array([quantity.value for quantity in quantities])
    return np.abs(ends - values)

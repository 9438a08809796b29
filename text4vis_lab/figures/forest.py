"""Claims as a forest plot: what was measured of each, with its interval and the margin that it has to pass."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..plain import readable
from .style import BLACK, BLUE, GREY, RED

VERDICTS = {"holds": (BLUE, "o"), "fails": (RED, "X"), "undecided": (GREY, "s")}  # colour and marker
SIDES = {"superiority": (1,), "non-inferiority": (-1,), "equivalence": (-1, 1)}  # of zero, on which the margin lies


def forest(verdicts: Sequence[Mapping[str, Any]], *, title: str) -> Figure:
    """A line for each claim, in the order given: the difference in points, its 95 % interval, and the margin.

    The interval is of the claim alone; a verdict is corrected for all claims, so an interval that just passes the
    margin may be of one that is undecided.

    Args:
        verdicts: of `claims.claims`: claim, kind, margin, verdict, mean, low, high.

    Raises:
        ValueError: there are none.
    """
    if not verdicts:
        raise ValueError("there is no claim to draw: no run speaks of one")
    names = [fill(readable(verdict["claim"], 180), 62) for verdict in verdicts]
    heights = [0.24 + 0.14 * name.count("\n") for name in names]
    places = [sum(heights[:index]) + height / 2 for index, height in enumerate(heights)]
    fig, ax = plt.subplots(figsize=(8.6, max(2.0, sum(heights) + 1.2)))
    ax.axvline(0, color="#444444", linewidth=0.9)
    for place, height, verdict in zip(places, heights, verdicts, strict=True):
        colour, marker = VERDICTS[verdict["verdict"]]
        ax.plot([verdict["low"], verdict["high"]], [place, place], color=colour, linewidth=1.6, solid_capstyle="butt")
        ax.plot(verdict["mean"], place, marker=marker, color=colour, markersize=5.5)
        for side in SIDES[verdict["kind"]]:
            ends = [place - 0.4 * height, place + 0.4 * height]
            ax.plot([side * verdict["margin"]] * 2, ends, color=BLACK, linewidth=1.4)
    ax.set_yticks(places, names, fontsize=7.5)
    ax.set_ylim(sum(heights), 0)
    ax.set(title=readable(title), xlabel="difference in top-1 (points), 95 % interval")
    ax.grid(axis="y", visible=False)
    shown = [name for name in VERDICTS if any(verdict["verdict"] == name for verdict in verdicts)]
    entries = [Line2D([], [], color=VERDICTS[name][0], marker=VERDICTS[name][1], label=name) for name in shown]
    entries.append(Line2D([], [], color=BLACK, marker="|", markersize=9, linestyle="none", label="margin"))
    fig.legend(handles=entries, loc="outside lower center", ncols=4)
    return fig

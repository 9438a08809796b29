"""Every method of a tournament beside every other: a dot with its interval for each panel and setting."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..plain import readable
from .contrasts import MARKERS
from .style import BLUE, COLOURS, DARK_GREY, GREEN, GREY, RED, axis_label, labels, legend_outside

ROLE = {"text": (BLUE, "o", "knows the names"), "text-free": (RED, "s", "no text"), "control": (GREEN, "^", "control")}
NEEDED = ("method", "role", "setting", "mean", "low", "high")
FIRST = "tuned"  # setting, drawn full


def league(table: pd.DataFrame, by: str = "shots", *, title: str, chance: float | None = None) -> Figure:
    """Methods from the best to the worst, with a panel for each number of shots, or each value of another column.

    Colour and marker tell what a method knows; full ones are tuned on validation data, hollow ones are not.

    Args:
        table: columns method, role, setting, `by`, mean, low, high (percent), a row for each dot. A method without
            a value of `by` (zero-shot has no shots) is drawn in every panel.
        by: column of the panels.
        title: of the figure.
        chance: a dotted line at this level.

    Raises:
        ValueError: a column that the table does not have, or no rows.
    """
    missing = [name for name in (*NEEDED, by) if name not in table.columns]
    if missing or table.empty:
        raise ValueError(f"there is nothing to draw: no rows, or no column {', '.join(missing)}")
    panels = list(table[by].dropna().unique()) or [0]
    full = table[table["setting"] == FIRST] if (table["setting"] == FIRST).any() else table
    order = list(full.groupby("method", sort=False)["mean"].mean().sort_values().index)
    order = [*(name for name in dict.fromkeys(table["method"]) if name not in order), *order]
    size = (2.6 + max(1.5, 4.5 / len(panels)) * len(panels), 1.1 + 0.2 * len(order))
    fig, axes = plt.subplots(1, len(panels), figsize=size, sharey=True, sharex=True, squeeze=False)
    for ax, panel in zip(axes[0], sorted(panels) if by == "shots" else panels, strict=True):
        some = table[(table[by] == panel) | table[by].isna()]
        for row in some.to_dict("records"):
            _dot(ax, row, order.index(row["method"]))
        shots = "all videos" if panel == 0 else "1 shot" if panel == 1 else f"{panel} shots".replace(".0 ", " ")
        ax.set_title(shots if by == "shots" else readable(panel), fontsize=9)
        if chance is not None:
            ax.axvline(chance, color=GREY, linestyle=":", linewidth=1.2)
        ax.set_ylim(-0.7, len(order) - 0.3)
        ax.grid(axis="x", visible=True)
    axes[0, 0].set_yticks(range(len(order)), labels(order))
    fig.suptitle(readable(title), x=0.01, ha="left", fontsize=10.5, fontweight="bold")
    fig.supxlabel(axis_label("top1"), fontsize=9.5)
    known = [ROLE[role] for role in ROLE if (table["role"] == role).any()]
    handles = [Line2D([], [], color=c, marker=m, linestyle="", label=text) for c, m, text in known]
    if table["setting"].nunique() > 1:
        handles += [
            Line2D([], [], color=DARK_GREY, marker="o", linestyle="", label="tuned"),
            Line2D([], [], color=DARK_GREY, marker="o", linestyle="", markerfacecolor="w", label="validation-free"),
        ]
    if chance is not None:
        handles.append(Line2D([], [], color=GREY, linestyle=":", label=f"chance ({chance:.1f} %)"))
    fig.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5))
    return fig


def climb(table: pd.DataFrame, *, title: str) -> Figure:
    """Curves over the number of shots, a dot with its interval at each.

    Args:
        table: columns method, shots, mean, low, high (percent). A method without shots (zero-shot) is a level.

    Raises:
        ValueError: a column that the table does not have, or no rows.
    """
    missing = [name for name in ("method", "shots", "mean", "low", "high") if name not in table.columns]
    if missing or table["shots"].isna().all():
        raise ValueError(f"there is nothing to draw: no rows with shots, or no column {', '.join(missing)}")
    names = list(dict.fromkeys(table["method"]))
    points = sorted(table["shots"].dropna().astype(float).unique())
    fig, ax = plt.subplots(figsize=(6.2, 3.9))
    for number, (name, label) in enumerate(zip(names, labels(names, 60), strict=True)):
        curve = table[table["method"] == name].sort_values("shots")
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        if curve["shots"].isna().all():
            ax.axhline(curve["mean"].iloc[0], color=DARK_GREY, linestyle="--", linewidth=1.2, label=label)
            continue
        ends = np.abs(curve[["low", "high"]].to_numpy(float).T - curve["mean"].to_numpy(float))
        ax.errorbar(curve["shots"].astype(float), curve["mean"], yerr=ends, label=label, color=colour, marker=marker,
                    linestyle="-" if number < len(COLOURS) else ":", capsize=2.5, elinewidth=1.1)  # fmt: skip
    ax.set_xscale("log", base=2)
    ax.set_xticks(points, [f"{point:g}" for point in points])
    ax.minorticks_off()
    ax.set(title=readable(title), xlabel=axis_label("shots"), ylabel=axis_label("top1"))
    legend_outside(ax)
    return fig


def _dot(ax, row: dict, place: int) -> None:
    colour, marker, _ = ROLE.get(row["role"], (DARK_GREY, "v", ""))
    is_full = row["setting"] == FIRST
    ends = np.abs(np.array([[row["low"]], [row["high"]]]) - row["mean"])
    ax.errorbar([row["mean"]], [place + (0.12 if is_full else -0.12)], xerr=ends, color=colour, marker=marker,
                markersize=4, markerfacecolor=colour if is_full else "w", capsize=0, elinewidth=1)  # fmt: skip

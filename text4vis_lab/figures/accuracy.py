"""Results over shots, epochs, seconds and data: curves and bars from tidy tables, one row per measurement."""

from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..plain import readable
from .style import (
    BLACK,
    BLUE,
    RED,
    axis_label,
    draw_chance,
    interval,
    is_trainable,
    labels,
    legend_outside,
    look,
    palette,
)


def over(
    rows: pd.DataFrame,
    x: str,
    y: str = "top1",
    *,
    hue: str | None = "method",
    title: str,
    chance: float | None = None,
    log_x: bool = False,
) -> Figure:
    """Curves of means over the rows of a point, with their 95 % intervals.

    Where columns "low" and "high" have a value, as in `Lab.means`, they are the interval of a point of one row; else it
    is Student's over the rows, and one row has none. Intervals are a band where there are many points, else error bars.
    Over seconds, a point is an epoch (column "epoch"), at the mean of its seconds.

    Args:
        rows: one per measurement; those without a value of x or y are left out.
        x: column of numbers.
        y: column of numbers, as a rule percent.
        hue: column with the names of the curves; one curve when None.
        chance: a dotted line at this level.
        log_x: logarithmic x axis with ticks at the points.

    Raises:
        ValueError: a column that the table does not have, no rows, or "low" and "high" for a point of several rows.
    """
    rows = rows.reset_index(drop=True)  # tables that were put together may repeat theirs
    table = _table(rows, x, y, hue).astype({"x": float})
    if x == "seconds":
        epochs = _column(rows, "epoch").loc[table.index]
        table["x"] = table.groupby(["hue", epochs], observed=True)["x"].transform("mean")
    names = list(table["hue"].cat.categories)
    colours = palette(names)
    means = _means(table)
    fig, ax = plt.subplots(figsize=(6.2, 3.5))
    for name, label in zip(names, labels(names), strict=True):
        curve = means[means["hue"] == name]
        many = curve["x"].nunique() > 6
        sns.lineplot(
            curve,
            x="x",
            y="y",
            label=label,
            color=colours[name],
            linestyle="--" if is_trainable(name) else "-",
            marker=look(name)[1] if hue else "o",
            markerfacecolor="w" if is_trainable(name) else colours[name],
            markeredgecolor=colours[name],
            markeredgewidth=1,
            errorbar=None,
            legend=False,
            ax=ax,
        )
        if many:
            ax.fill_between(curve["x"], curve["low"], curve["high"], color=colours[name], alpha=0.15, linewidth=0)
        else:
            ends = curve.dropna(subset="low")
            widths = [ends["y"] - ends["low"], ends["high"] - ends["y"]]
            ax.errorbar(ends["x"], ends["y"], widths, fmt="none", color=colours[name], capsize=3, elinewidth=1.2)
    draw_chance(ax, chance)
    if log_x:
        points = sorted(table["x"].unique())
        ax.set_xscale("log", base=2)
        ax.set_xticks(points, [f"{point:g}" for point in points])
        ax.minorticks_off()
    elif x == "epoch":
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(title=readable(title), xlabel=axis_label(x), ylabel=axis_label(y))
    if _is_percent(y):
        low, high = ax.get_ylim()
        ax.set_ylim(max(low, -2), min(high, 102))
    if hue or chance is not None:
        legend_outside(ax)
    return fig


def bars(
    rows: pd.DataFrame,
    x: str = "test",
    y: str = "top1",
    *,
    hue: str | None = "method",
    title: str,
    chance: float | None = None,
) -> Figure:
    """Groups of bars: means over the rows of a bar with their 95 % intervals, the mean written above.

    Args:
        rows: one per measurement; those without a value of y are left out. Where columns "low" and "high" have a value,
            as in `Lab.means`, they are the interval of a bar of one row; else it is Student's over the rows.
        x: column with the names of the groups.
        y: column of numbers, as a rule percent.
        hue: column with the names of the bars in a group; one bar for each group when None.
        chance: a dotted line at this level.

    Raises:
        ValueError: a column that the table does not have, no rows, or "low" and "high" for a bar of several rows.
    """
    table = _table(rows, x, y, hue)
    table["x"] = _categories(table["x"])
    means = _means(table)
    groups, names = list(table["x"].cat.categories), list(table["hue"].cat.categories)
    grouped = hue not in (None, x)
    bars_in_group = len(names) if grouped else 1
    width = min(9.2, max(5.2, len(groups) * max(1.2, 0.5 * bars_in_group) + 2.2))
    fig, ax = plt.subplots(figsize=(width, 3.3))
    sns.barplot(
        means,
        x="x",
        y="y",
        hue="hue",
        palette=palette(names),
        saturation=1,
        dodge=grouped,
        gap=0.08 if grouped else 0,
        errorbar=None,
        edgecolor="w",
        legend=False,
        ax=ax,
    )
    for name, label, drawn in zip(names, labels(names), list(ax.containers), strict=True):
        drawn.set_label(label if grouped else "_nolegend_")
        for bar, (_, row) in zip(drawn, means[means["hue"] == name].iterrows(), strict=True):
            bar.set_hatch("//" if is_trainable(name) else None)
            _mark(ax, bar.get_x() + bar.get_width() / 2, row, y)
    draw_chance(ax, chance)
    ax.set_xticks(range(len(groups)), [fill(label, 16) for label in labels(groups)])
    ax.set(title=readable(title), xlabel=axis_label(x), ylabel=axis_label(y))
    if _is_percent(y):
        ax.set(ylim=(0, 112), yticks=range(0, 101, 20))
    else:
        ax.margins(y=0.12)
    ax.grid(axis="x", visible=False)
    if (grouped and len(names) > 1) or chance is not None:
        legend_outside(ax)
    return fig


def class_gain(gains: pd.DataFrame, *, title: str, xlabel: str = "gain in accuracy (points)") -> Figure:
    """Points gained per class, the largest mean on top, with 95 % intervals.

    Args:
        gains: columns class and gain (points), one row per class and seed, whose interval is Student's; or one row per
            class, with columns low and high.

    Raises:
        ValueError: one of the columns is missing, or there are no rows.
    """
    table = _table(gains, "class", "gain", None)
    table["x"] = _categories(table["x"])
    means = _means(table).sort_values("y", ascending=False, kind="stable").reset_index(drop=True)
    fig, ax = plt.subplots(figsize=(6.6, 0.23 * len(means) + 0.9))
    colours = [BLUE if mean >= 0 else RED for mean in means["y"]]
    ax.barh(means.index, means["y"], 0.72, color=colours)
    ends = means.dropna(subset="low")
    widths = [ends["y"] - ends["low"], ends["high"] - ends["y"]]
    ax.errorbar(ends["y"], ends.index, xerr=widths, fmt="none", color=BLACK, elinewidth=0.9, capsize=2)
    ax.set_ylim(len(means) - 0.5, -0.5)
    ax.axvline(0, color="#444444", linewidth=0.9)
    ax.set_yticks(means.index, labels(means["x"]))
    ax.set(title=readable(title), xlabel=xlabel, ylabel="")
    ax.tick_params(axis="y", labelsize=8)
    ax.grid(axis="x", visible=True)
    return fig


def loss_curve(table: pd.DataFrame, y: str = "loss", *, title: str) -> Figure:
    """A loss, or another number of training, over epochs; of several runs the mean and Student's 95 % interval.

    Args:
        table: columns epoch and y.

    Raises:
        ValueError: one of the columns is missing, or there are no rows.
    """
    fig = over(table, "epoch", y, hue=None, title=title)
    fig.set_size_inches(4.8, 2.8)
    fig.axes[0].set_ylim(0, 1.1 * table[y].max())
    return fig


def _column(rows: pd.DataFrame, name: str) -> pd.Series:
    if name not in rows.columns:
        raise ValueError(f"no column {name!r} in the table; it has: {', '.join(map(str, rows.columns))}")
    return rows[name]


def _table(rows: pd.DataFrame, x: str, y: str, hue: str | None) -> pd.DataFrame:
    """What is drawn, in columns x, y, hue, low and high; rows without an x, y or hue are left out."""
    table = pd.DataFrame({"x": _column(rows, x), "y": _column(rows, y).astype(float)})
    table["hue"] = "" if hue is None else _column(rows, hue)
    for end in ("low", "high"):
        table[end] = rows[end].astype(float) if end in rows.columns else np.nan
    table = table.dropna(subset=["x", "y", "hue"])
    if table.empty:
        raise ValueError(f"there is nothing to draw: no row of the table has a value in columns {x!r} and {y!r}")
    table["hue"] = _categories(table["hue"])
    return table


def _categories(column: pd.Series) -> pd.Series:
    """A column as texts, whose order is that of the numbers or, of texts, that in which they come."""
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        order = [f"{value:g}" for value in sorted(column.unique())]
        column = column.map("{:g}".format)
    else:
        column = column.astype(str)
        order = list(column.unique())
    return column.astype(pd.CategoricalDtype(order))


def _means(table: pd.DataFrame) -> pd.DataFrame:
    """One row per point or bar, sorted by hue and x: its mean y, and the ends of its interval, low and high."""
    means = []
    for (hue, x), bar in table.groupby(["hue", "x"], observed=True):
        low, high = interval(bar["y"])
        if bar[["low", "high"]].notna().any(axis=None):
            if len(bar) > 1:
                raise ValueError(
                    f'columns "low" and "high" are the interval of one row, but {x!r}, {hue!r} has {len(bar)}'
                )
            low, high = bar["low"].item(), bar["high"].item()
        means.append({"x": x, "y": bar["y"].mean(), "hue": hue, "low": low, "high": high})
    return pd.DataFrame(means).astype({"x": table["x"].dtype, "hue": table["hue"].dtype})


def _mark(ax: Axes, x: float, bar: pd.Series, y: str) -> None:
    """The interval of a bar, and its mean in figures above both."""
    top = bar["y"]
    if not np.isnan(bar["low"]):
        ax.errorbar([x], [top], yerr=[[top - bar["low"]], [bar["high"] - top]], fmt="none", color=BLACK, capsize=2.5,
                    linewidth=1)  # fmt: skip
        top = max(top, bar["high"])
    text = f"{bar['y']:.0f}" if _is_percent(y) else f"{bar['y']:.3g}"
    place = (x, min(top, 105)) if _is_percent(y) else (x, top)
    ax.annotate(text, place, (0, 3), textcoords="offset points", ha="center", fontsize=8)


def _is_percent(column: str) -> bool:
    return axis_label(column).endswith("(%)")

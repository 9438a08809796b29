"""Base against novel classes: what each method gains on the ones, and what it keeps of the others."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..plain import readable
from .style import DARK_GREY, GREY, is_trainable, labels, legend_outside, look

LEVELS = range(10, 100, 10)  # harmonic means whose curves are drawn, in percent


def frontier(
    means: pd.DataFrame,
    *,
    title: str,
    path: pd.DataFrame | None = None,
    chosen: float | None = None,
    margin: float | None = None,
) -> Figure:
    """Accuracy on novel over accuracy on base classes, each method a point with its intervals in both directions.

    Grey curves join points of the same harmonic mean. Above the dashed line a method knows more of novel classes than
    the model did before training.

    Args:
        means: columns method, test ("base" and "novel"; others are left out), mean, low, high, in percent. A method
            "zero-shot" gives the dashed line.
        path: of weights between those before and after training: columns mix, test, mean; drawn as a line.
        chosen: the mix on it that is marked.
        margin: points below zero-shot where a dotted line is drawn.

    Raises:
        ValueError: no method has both tests, or the path has no such mix.
    """
    points = _both(means, "method")
    if points.empty:
        raise ValueError("there is nothing to draw: no method has a mean on both tests, 'base' and 'novel'")
    fig, ax = plt.subplots(figsize=(6.4, 4.2))
    if path is not None:
        _draw_path(ax, _both(path, "mix").sort_index(), chosen)
    for name, label in zip(points.index, labels(points.index), strict=True):
        point, (colour, marker) = points.loc[name], look(name)
        x, y = (
            [[point[test, "mean"] - point[test, "low"]], [point[test, "high"] - point[test, "mean"]]]
            for test in ("base", "novel")
        )
        ax.errorbar([point["base", "mean"]], [point["novel", "mean"]], yerr=y, xerr=x, label=label, color=colour,
                    marker=marker, linestyle="", markerfacecolor="w" if is_trainable(name) else colour, capsize=3,
                    elinewidth=1.2, zorder=3)  # fmt: skip
    if "zero-shot" in points.index:
        level, colour = points.loc["zero-shot"]["novel", "mean"], look("zero-shot")[0]
        ax.axhline(level, color=colour, linestyle="--", linewidth=1)
        if margin is not None:
            lower = f"{margin:g} points below zero-shot"
            ax.axhline(level - margin, color=colour, linestyle=":", linewidth=1.2, label=lower)
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    ax.set(xlim=(max(left, -2), min(right, 102)), ylim=(max(bottom, -2), min(top, 102)))
    _harmonic_means(ax)
    ax.set(title=readable(title), xlabel="base classes: top-1 accuracy (%)", ylabel="novel classes: top-1 accuracy (%)")
    legend_outside(ax)
    return fig


def _draw_path(ax: Axes, line: pd.DataFrame, chosen: float | None) -> None:
    ax.plot(line["base", "mean"], line["novel", "mean"], color=DARK_GREY, marker=".", linewidth=1.2, zorder=2,
            label=f"weights on the way, {line.index[0]:g} to {line.index[-1]:g}")  # fmt: skip
    if chosen is None:
        return
    if chosen not in line.index:
        raise ValueError(f"the path has no point at mix {chosen}; it has {', '.join(map(str, line.index))}")
    at = line.loc[chosen]
    ax.plot([at["base", "mean"]], [at["novel", "mean"]], "o", markersize=13, markerfacecolor="none",
            markeredgecolor=DARK_GREY, linestyle="", label=f"chosen on validation videos ({chosen:g})")  # fmt: skip


def _both(means: pd.DataFrame, by: str) -> pd.DataFrame:
    """A row for each value of `by` with both tests, columns (test, mean) and where known (test, low), (test, high)."""
    some = means[means["test"].isin(["base", "novel"])].drop_duplicates([by, "test"])
    values = [name for name in ("mean", "low", "high") if name in some]
    wide = some.pivot(index=by, columns="test", values=values).swaplevel(axis=1)
    complete = [("base", "mean"), ("novel", "mean")]
    if not set(complete) <= set(wide.columns):
        return pd.DataFrame()
    return (
        wide.dropna(subset=complete)
        .reindex([name for name in some[by].unique() if name in wide.index])
        .dropna(how="all")
    )


def _harmonic_means(ax: Axes) -> None:
    """Curves of equal harmonic mean, H = 2xy / (x + y), within the axes, each with its value at the right."""
    (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    for level in LEVELS:
        x = np.linspace(max(left, level / 2 + 0.1), max(right, level / 2 + 0.2), 200)
        y = level * x / (2 * x - level)
        inside = (y >= bottom) & (y <= top) & (x >= left) & (x <= right)
        if inside.any():
            ax.plot(x[inside], y[inside], color=GREY, linewidth=0.7, alpha=0.6, zorder=1)
            ax.annotate(f"H {level}", (x[inside][-1], y[inside][-1]), (-2, 2), textcoords="offset points", fontsize=6.5,
                        color=GREY, ha="right")  # fmt: skip
    ax.set(xlim=(left, right), ylim=(bottom, top))
    ax.grid(visible=False)

"""The methods of a tournament in order, each with its interval: one panel for each number of shots."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from ..plain import readable
from .style import BLUE, DARK_GREY, GREY, RED, axis_label, is_trainable, labels

ROLE_LOOK = {"text": (BLUE, "o"), "text-free": (RED, "s"), "control": (DARK_GREY, "^")}  # colour and marker


def ranking(means: pd.DataFrame, by: str = "shots", *, title: str, chance: float | None = None) -> Figure:
    """A point for each method, the best of the last panel on top; what is trained with the encoder is drawn hollow.

    Args:
        means: columns method, role (a key of `rows.ROLES`), `by`, mean, low and high in percent: see `Lab.means`.
        by: column whose values are the panels.
        title: of the whole.
        chance: a dotted line at this level.

    Raises:
        ValueError: a column is missing, or there are no rows.
    """
    lacking = [name for name in ("method", "role", by, "mean", "low", "high") if name not in means]
    if lacking or means.empty:
        raise ValueError(f"there is nothing to draw: the table has no column {lacking[0]!r}" if lacking else "no rows")
    panels = list(means[by].unique())
    last = means[means[by] == panels[-1]].sort_values("mean", kind="stable")["method"]
    order = list(dict.fromkeys([*(name for name in means["method"] if name not in set(last)), *last]))
    size = (3.0 + 2.6 * len(panels), 0.24 * len(order) + 1.2)
    fig, axes = plt.subplots(1, len(panels), figsize=size, sharey=True, sharex=True, squeeze=False)
    for ax, panel in zip(axes[0], panels, strict=True):
        for role, (colour, marker) in ROLE_LOOK.items():
            some = means[(means[by] == panel) & (means["role"] == role)]
            for trained in (False, True):
                part = some[some["method"].map(_is_trained) == trained]
                ax.errorbar(
                    part["mean"],
                    part["method"].map(order.index),
                    xerr=[part["mean"] - part["low"], part["high"] - part["mean"]],
                    fmt=marker,
                    color=colour,
                    markerfacecolor="w" if trained else colour,
                    capsize=2.5,
                    elinewidth=1.2,
                    label=f"{role}, rows trained" if trained else role,
                )
        if chance is not None:
            ax.axvline(chance, color=GREY, linestyle=":", linewidth=1.2, label=f"chance ({chance:.1f} %)")
        ax.set(xlabel=axis_label("top1"), title=f"{by}: {panel}")
    axes[0][0].set_yticks(range(len(order)), labels(order))
    handles, names = axes[0][-1].get_legend_handles_labels()
    shown = {name: handle for handle, name in zip(handles, names, strict=True) if _has_points(handle)}
    axes[0][-1].legend(shown.values(), shown.keys(), loc="center left", bbox_to_anchor=(1, 0.5))
    fig.suptitle(readable(title), x=0.01, ha="left", weight="bold")
    return fig


def _is_trained(method: str) -> bool:
    return is_trainable(method) or not method.endswith("frozen")


def _has_points(handle) -> bool:
    line = getattr(handle, "lines", [handle])[0]
    return len(line.get_xdata()) > 0

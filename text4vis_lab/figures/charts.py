"""What charts that answer to the pointer have in common: their tables, titles, scales, and what hovering tells."""

from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from ..intervals import mean_interval
from ..plain import readable
from .style import axis_label, is_trainable, labels, look, palette
from .themes import MIDDLE, PAPER

WIDTH = 38  # characters of a title's line, which a phone has room for
ALL = "all"
TOLD = ("over", "n", "seed", "setting", "role", "comparator", "p", "notebook", "suite", "run")  # when hovering
SHAPES = {  # matplotlib's marker -> Vega's shape
    "o": "circle",
    "s": "square",
    "^": "triangle-up",
    "v": "triangle-down",
    "<": "triangle-left",
    ">": "triangle-right",
    "D": "diamond",
    "P": "cross",
    "X": "M-1,-.5L-.5,-1L0,-.5L.5,-1L1,-.5L.5,0L1,.5L.5,1L0,.5L-.5,1L-1,.5L-.5,0Z",
    "p": "M0,-1L.95,-.31L.59,.81L-.59,.81L-.95,-.31Z",
}
NARROW = 420  # pixels of a plot below which a legend has one column


def needs(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The table with rows numbered anew.

    Raises:
        ValueError: there are no rows, or it lacks a column (which, and which it has).
    """
    missing = [name for name in columns if name not in table.columns]
    if missing:
        there = ", ".join(map(str, table.columns)) or "none"
        lacking = ", ".join(map(repr, missing))
        raise ValueError(f"there is nothing to draw: no column {lacking} in the table; it has: {there}")
    if table.empty:
        raise ValueError("there is nothing to draw: the table has no rows")
    return table.reset_index(drop=True)


def heading(title: str, *notes: str) -> alt.TitleParams:
    """A title in lines that a phone has room for, and below it how to read the figure."""
    small = [line for note in notes if note for line in wrap(note, WIDTH + 10)]
    return alt.TitleParams(wrap(readable(title), WIDTH) or "", subtitle=small or alt.Undefined)


def named(values: Iterable[object]) -> dict[Any, str]:
    """Value -> its name in a figure, in order of appearance; whole numbers without a point."""
    different = list(dict.fromkeys(values))
    texts = [f"{value:g}" if isinstance(value, float | np.floating) else str(value) for value in different]
    return dict(zip(different, labels(texts, 60), strict=True))


def chance_note(chance: float | None) -> str:
    return "" if chance is None else f"Dotted: chance ({chance:.1f} %)."


def number(value: float, percent: bool = True) -> str:
    """A mean as hovering tells it."""
    return f"{value:.1f}" if percent else f"{value:.3g}"


def with_interval(table: pd.DataFrame, percent: bool = True) -> pd.DataFrame:
    """With a column `interval`: mean and ends as text, "46.2 [38.2, 54.1]"."""
    texts = []
    for mean, low, high in table[["mean", "low", "high"]].astype(float).itertuples(index=False):
        ends = "" if np.isnan(low) else f" [{number(low, percent)}, {number(high, percent)}]"
        texts.append(number(mean, percent) + ends)
    return table.assign(interval=texts)


def means(table: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """One row per group of `by`, in order of appearance: mean, low, high of column y, and what hovering tells.

    Where columns low and high have a value they are the interval of a group of one row; else it is Student's 95 %
    interval over the rows, and one row has none.

    Raises:
        ValueError: low and high for a group of several rows.
    """
    rows = []
    for key, some in table.groupby(list(by), sort=False, observed=True):
        mean, half = mean_interval(some["y"])
        low, high = mean - half, mean + half
        if some[["low", "high"]].notna().any(axis=None):
            if len(some) > 1:
                told = ", ".join(map(repr, key))
                raise ValueError(f'columns "low" and "high" are the interval of one row, but {told} has {len(some)}')
            low, high = some["low"].item(), some["high"].item()
        same = {name: some[name].iloc[0] for name in TOLD if name in some and some[name].nunique(dropna=False) == 1}
        found = {"mean": some["y"].mean(), "low": low, "high": high, "n": len(some)}
        rows.append(dict(zip(by, key, strict=True)) | found | same)
    return pd.DataFrame(rows)


def hover(table: pd.DataFrame, first: Mapping[str, str]) -> list[alt.Tooltip]:
    """What hovering tells: the columns of `first` by their titles, and those of `TOLD` that hold anything."""
    rest = {name: name for name in TOLD if name in table and name not in first and table[name].notna().any()}
    return [alt.Tooltip(f"{column}:N", title=title) for column, title in (dict(first) | rest).items()]


def choice(name: str, values: Sequence[str], label: str) -> alt.Parameter:
    """A row of buttons below a figure: all, or one of the values."""
    options = [ALL, *values]
    bind = alt.binding_radio(options=options, name=f"{label}: ") if len(options) <= 7 else None
    return alt.param(name=name, value=ALL, bind=bind or alt.binding_select(options=options, name=f"{label}: "))


def columns(most: int = 3) -> alt.ExprRef:
    """Columns of a legend, by the width of the plot."""
    return alt.ExprRef(f"width < {NARROW} ? 1 : {most}")


def method_scales(names: Sequence[str]) -> dict[str, alt.Scale]:
    """Names as they are shown -> the same colour and marker in every figure: scales of stroke, fill, shape and dash.

    What is trained is drawn open: hollow, and dashed.
    """
    shown, colours = labels(names, 60), palette(names)
    ranges = {
        "stroke": [colours[name] for name in names],
        "fill": [PAPER if is_trainable(name) else colours[name] for name in names],
        "shape": [SHAPES[look(name)[1]] for name in names],
        "dash": [[5, 3] if is_trainable(name) else [1, 0] for name in names],
    }
    return {channel: alt.Scale(domain=shown, range=values) for channel, values in ranges.items()}


def level(x: float | None = None, y: float | None = None, dash: Sequence[int] = (2, 3)) -> alt.Chart:
    """A line across the plot."""
    place = {"x": alt.X(datum=x)} if x is not None else {"y": alt.Y(datum=y)}
    return alt.Chart(pd.DataFrame([{}])).mark_rule(color=MIDDLE, strokeDash=list(dash), aria=False).encode(**place)


def axis_of(y: str) -> str:
    return axis_label(y)


def is_percent(column: str) -> bool:
    return axis_label(column).endswith("(%)")

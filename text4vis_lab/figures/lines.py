"""Charts of lines with a dot and its interval on each, in sections: readable on a phone, as names stand beside them."""

from collections.abc import Iterable, Sequence

import altair as alt
import pandas as pd

from .charts import ALL, choice, level
from .themes import INK, PAPER

STEP = 19  # pixels of a line
SIZE = 60  # square pixels of a dot
APART = 3  # pixels of full and hollow dots from the middle of their line
LIMIT = 165  # pixels of a line's name
LETTER = 5.5  # pixels of a letter of a line's name, at least


def in_lines(table: pd.DataFrame, section: str, line: str) -> pd.DataFrame:
    """With a column `key` whose order is that of the lines: sections, and lines in them, as they come in the table.

    The columns `section` and `line` hold names as they are shown. One section has no heading.
    """
    pairs = list(dict.fromkeys(table[[section, line]].itertuples(index=False, name=None)))
    sections = list(dict.fromkeys(table[section]))
    ordered = [pair for name in sections for pair in [(name, None), *(p for p in pairs if p[0] == name)]]
    place = {pair: f"{index:04d}|{pair[1] or ''}" for index, pair in enumerate(ordered)}
    return table.assign(key=[place[pair] for pair in table[[section, line]].itertuples(index=False, name=None)])


def headings(table: pd.DataFrame, section: str) -> pd.DataFrame:
    """A row for the heading of each section, in the place before its first line."""
    first = table.groupby(section, sort=False)["key"].min()
    return pd.DataFrame({section: first.index, "key": [f"{int(key[:4]) - 1:04d}|" for key in first]})


def beside(names: Iterable[str], limit: float) -> float:
    """Where the names of an axis begin, at the left of the plot: pixels, below 0."""
    return -min(LETTER * max(map(len, names), default=0), limit)


def line_axis() -> alt.Y:
    axis = alt.Axis(labelExpr="slice(datum.value, 5)", ticks=False, domain=False, grid=False, labelLimit=LIMIT)
    return alt.Y("key:N", title=None, axis=axis, scale=alt.Scale(padding=0.5))


def dots(
    table: pd.DataFrame, x: alt.X, colour: alt.Stroke, shape: alt.Shape, told: Sequence[alt.Tooltip]
) -> list[alt.Chart]:
    """Intervals and dots of a table with columns key, mean, low, high and full.

    Where some are full and some not, the others are hollow, and a little lower.
    """
    hollow = (
        alt.when("datum.full").then(alt.Fill(colour["shorthand"], scale=colour["scale"])).otherwise(alt.value(PAPER))
    )
    drawn = []
    for full in dict.fromkeys(table["full"]):
        shift = 0 if table["full"].nunique() == 1 else -APART if full else APART
        base = alt.Chart(table[table["full"] == full]).encode(y=line_axis(), stroke=colour, tooltip=list(told))
        ends = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=2, yOffset=shift, y2Offset=shift)
        points = base.mark_point(size=SIZE, strokeWidth=1.6, yOffset=shift)
        drawn += [ends.encode(x=alt.X("low:Q"), x2="high:Q"), points.encode(x=x, fill=hollow, shape=shape)]
    return drawn


def sectioned(
    layers: Sequence[alt.Chart], table: pd.DataFrame, section: str, label: str, levels: Sequence[float] = ()
) -> alt.LayerChart:
    """Layers over their lines, with a heading for each section where there are several, and buttons to choose one."""
    names = list(dict.fromkeys(table[section]))
    lower = [level(x=value, dash=(1, 0) if value == 0 else (2, 3)) for value in levels]
    if len(names) == 1:
        return alt.layer(*lower, *layers).properties(height=alt.Step(STEP))
    # A heading has the room of the names as well: on a phone it is wider than the plot.
    left = beside((key[5:] for key in table["key"]), LIMIT)
    above = alt.Chart(headings(table, section)).encode(x=alt.value(left), y=line_axis(), text=f"{section}:N")
    words = {"align": "left", "fontWeight": "bold", "fontSize": 12, "baseline": "middle"}
    halo = above.mark_text(**words, color=PAPER, stroke=PAPER, strokeWidth=5)
    chosen = f"section == '{ALL}' || datum['{section}'] == section"
    charts = [chart.transform_filter(chosen) for chart in (*layers, halo, above.mark_text(**words, color=INK))]
    return alt.layer(*lower, *charts).add_params(choice("section", names, label)).properties(height=alt.Step(STEP))

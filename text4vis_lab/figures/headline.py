"""The headline comparison: text, the best method without text, and zero-shot, under each condition."""

import altair as alt
import pandas as pd

from .charts import SHAPES, columns, hover, needs, with_interval
from .style import BLUE, DARK_GREY, SKY, axis_label

ROLES = {  # of a method -> its name, colour and marker
    "text": ("text", BLUE, "o"),
    "text-free": ("the best without text", SKY, "s"),
    "zero-shot": ("zero-shot", DARK_GREY, "v"),
}
HEIGHT = 40  # pixels of a condition


def headline(table: pd.DataFrame) -> alt.LayerChart:
    """A point with its interval for each method, a line for each condition; pointed at, it says its numbers.

    Args:
        table: where (the condition), method, role (a key of `ROLES`), mean, low, high (percent), n, run.

    Raises:
        ValueError: the table has no rows, or lacks a column (which).
    """
    table = with_interval(needs(table, "where", "method", "role", "mean", "low", "high", "run"))
    known = [ROLES[role] for role in ROLES if role in set(table["role"])]
    names, colours, markers = (list(values) for values in zip(*known, strict=True))
    table = table.assign(kind=[ROLES[role][0] for role in table["role"]])
    legend = alt.Legend(title=None, orient="top", columns=columns())
    base = alt.Chart(table).encode(
        y=alt.Y("where:N", sort=None, title=None, axis=alt.Axis(grid=False)),
        yOffset=alt.YOffset("kind:N", sort=names, scale=alt.Scale(paddingOuter=0.5)),
        color=alt.Color("kind:N", sort=names, scale=alt.Scale(domain=names, range=colours), legend=legend),
        tooltip=hover(table, {"where": "with", "method": "method", "interval": axis_label("top1")}),
    )
    accuracy = alt.X("low:Q", title=axis_label("top1"), scale=alt.Scale(domain=[0, 100]), axis=alt.Axis(tickCount=5))
    markers = alt.Scale(domain=names, range=[SHAPES[marker] for marker in markers])
    points = base.mark_point(filled=True, size=70, opacity=1).encode(
        x="mean:Q", shape=alt.Shape("kind:N", sort=names, scale=markers, legend=legend)
    )
    rules = base.mark_rule(strokeWidth=2).encode(x=accuracy, x2="high:Q")
    return (rules + points).properties(height=HEIGHT * table["where"].nunique())

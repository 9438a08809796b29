"""From one number to another, step by step: what each cause takes or gives."""

import altair as alt
import pandas as pd

from .charts import columns, heading, hover, named, needs
from .lines import in_lines, line_axis, sectioned
from .style import BLUE, RED
from .themes import INK, MIDDLE

KINDS = {"number": INK, "explains": BLUE, "works against it": RED, "not explained": MIDDLE}  # kind -> colour


def steps(table: pd.DataFrame, *, title: str, xlabel: str = "top-1 accuracy (%)") -> alt.LayerChart:
    """Two numbers with their intervals, and between them a bar for each cause, from where the one before it ends.

    Args:
        table: columns step (its name), kind (of `KINDS`), start and stop of its bar, of a number its value alone as
            stop, and low and high, ends of the interval of where it stops; all in percent. In this order.
        title: of the figure.
        xlabel: what the numbers are.

    Raises:
        ValueError: a column that the table does not have, or no rows.
    """
    table = needs(table, "step", "kind", "start", "stop", "low", "high")
    shown = table.assign(section="", line=table["step"].map(named(table["step"])), interval=_told(table))
    shown = in_lines(shown, "section", "line")
    kept = ["section", "key", "line", "kind", "start", "stop", "low", "high", "interval"]
    kept += [name for name in ("what", "run") if name in shown]
    shown = shown[kept]
    words = [kind for kind in KINDS if (shown["kind"] == kind).any()]
    scale = alt.Scale(domain=words, range=[KINDS[kind] for kind in words])
    fill = alt.Fill("kind:N", scale=scale, legend=alt.Legend(title=None, columns=columns()))
    first = {"line": "step", "interval": "%, or points of a cause; 95 % interval"}
    told = hover(shown, first | ({"what": "what"} if "what" in shown else {}))
    x = alt.X("start:Q", title=xlabel, scale=alt.Scale(zero=False, nice=True), axis=alt.Axis(grid=True))
    base = alt.Chart(shown).encode(y=line_axis(), tooltip=told)
    bars = base.transform_filter("datum.kind != 'number'").mark_bar(height=12, opacity=0.85)
    marks = base.transform_filter("datum.kind == 'number'").mark_point(filled=True, size=80, opacity=1)
    rules = base.transform_filter("isValid(datum.low)").mark_rule(color=INK, strokeWidth=1.4)
    layers = [
        bars.encode(x=x, x2="stop:Q", fill=fill),
        rules.encode(x=alt.X("low:Q"), x2="high:Q"),
        marks.encode(x="stop:Q", fill=fill),
    ]
    return sectioned(layers, shown, "section", "").properties(title=heading(title))


def _told(table: pd.DataFrame) -> list[str]:
    """A number, or how far a bar goes, with the ends of its interval: "-4.5 [-8.0, -1.0]"."""
    texts = []
    for row in table.itertuples(index=False):
        origin = 0.0 if row.kind == "number" else row.start
        ends = "" if pd.isna(row.low) else f" [{row.low - origin:.1f}, {row.high - origin:.1f}]"
        texts.append(f"{row.stop - origin:.1f}{ends}")
    return texts

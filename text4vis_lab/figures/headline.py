"""What the runs at hand found, in one chart: text against the best method without it and against zero-shot."""

import altair as alt
import pandas as pd

from .charts import TOLD, axis_of, chance_note, heading, hover, named, needs, with_interval
from .league import NEEDED, in_roles
from .lines import dots, in_lines, sectioned

KEPT = ("section", "line", "key", "known", "full", "mean", "low", "high", "interval")


def headline(table: pd.DataFrame, *, title: str, chance: float | None = None) -> alt.LayerChart:
    """A section for each place where it was asked, and in it a dot with its interval for each method.

    Args:
        table: columns where, method, role ("text", "text-free" or "zero-shot"), mean, low, high (percent), and n or
            over, and run, where known: a row a dot, in this order.
        title: of the figure.
        chance: a dotted line at this level, in percent.

    Raises:
        ValueError: a column that the table does not have, or no rows.
    """
    table = needs(table, "where", *NEEDED)
    shown = with_interval(table).assign(section=table["where"].map(named(table["where"])), full=True)
    shown["line"] = table["method"].map(named(table["method"]))
    shown, colour, shape = in_roles(in_lines(shown, "section", "line"))
    kept = shown[[*KEPT, *(name for name in TOLD if name in shown)]]
    told = hover(kept, {"line": "method", "section": "where", "interval": f"{axis_of('top1')}, 95 % interval"})
    x = alt.X("mean:Q", title=axis_of("top1"), scale=alt.Scale(zero=False), axis=alt.Axis(grid=True))
    layers = dots(kept, x, colour, shape, told)
    written = alt.Chart(kept).mark_text(align="left", dx=5, fontSize=11).encode(x="high:Q", y="key:N")
    named_so = alt.Color("known:N", scale=colour["scale"], legend=colour["legend"])
    layers.append(written.encode(text=alt.Text("mean:Q", format=".0f"), color=named_so))
    chart = sectioned(layers, kept, "section", "where", [] if chance is None else [chance])
    return chart.properties(title=heading(title, chance_note(chance)))

"""What causes do to a number: a line for each, with its effect in points, and what it should have been."""

import altair as alt
import pandas as pd

from .charts import SHAPES, TOLD, columns, heading, hover, named, needs, with_interval
from .contrasts import VERDICTS
from .lines import dots, in_lines, sectioned
from .themes import INK

FOUND = {"found": VERDICTS["holds"], "not found": VERDICTS["fails"]}  # colour and marker
POINTS = "effect (points)"


def effects(table: pd.DataFrame, *, title: str) -> alt.LayerChart:
    """A dot with its interval for the effect of each cause, and a tick where the numbers really differ by that.

    Args:
        table: columns cause (as it is shown), found ("found" or "not found"), mean, low, high, and pair: the
            difference between the two numbers; all in points. A row for each, in this order; without an effect there
            is a tick alone.
        title: of the figure.

    Raises:
        ValueError: a column that the table does not have, or no rows.
    """
    table = needs(table, "cause", "found", "mean", "low", "high", "pair")
    lines = table["cause"].map(named(table["cause"]))
    shown = in_lines(with_interval(table).assign(section="", line=lines, full=True), "section", "line")
    kept = ["section", "key", "line", "found", "mean", "low", "high", "interval", "pair", "full"]
    shown = shown[[*kept, *(name for name in TOLD if name in shown)]]
    words = [word for word in FOUND if (table["found"] == word).any()]
    legend = alt.Legend(title=None, columns=columns())
    colour = alt.Stroke(
        "found:N", scale=alt.Scale(domain=words, range=[FOUND[word][0] for word in words]), legend=legend
    )
    shape = alt.Shape(
        "found:N", scale=alt.Scale(domain=words, range=[SHAPES[FOUND[word][1]] for word in words]), legend=legend
    )
    told = hover(shown, {"line": "cause", "interval": f"{POINTS}, 95 % interval", "found": "compare"})
    x = alt.X("mean:Q", title=POINTS, axis=alt.Axis(grid=True))
    ticks = alt.Chart(shown).mark_tick(thickness=2, height=13, color=INK).encode(x="pair:Q", y=alt.Y("key:N"))
    known = ticks.encode(tooltip=[alt.Tooltip("pair:Q", title="difference of the two numbers", format=".1f")])
    chart = sectioned([*dots(shown, x, colour, shape, told), known], shown, "section", "", [0])
    return chart.properties(title=heading(title, "Ticks: the difference of the two numbers."))

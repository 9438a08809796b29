"""Differences with their intervals: between methods, and of claims, each with the margin that it has to pass."""

from textwrap import wrap

import altair as alt
import pandas as pd

from ..plain import readable
from .charts import SHAPES, TOLD, choice, columns, heading, hover, level, named, needs, with_interval
from .lines import dots, in_lines, sectioned
from .style import BLUE, COLOURS, MARKERS, RED, axis_label
from .themes import INK, MIDDLE, PAPER, SOFT_INK

VERDICTS = {"holds": (BLUE, "o"), "undecided": (MIDDLE, "s"), "fails": (RED, "X")}  # colour and marker
SIDES = {"superiority": (1,), "non-inferiority": (-1,), "equivalence": (-1, 1)}  # of zero, on which the margin lies
POINTS = "difference in top-1 accuracy (points)"
CLAIM = 58  # characters of a line of a claim


def contrasts(table: pd.DataFrame, x: str = "shots", *, hue: str = "estimand", title: str) -> alt.LayerChart:
    """Differences in points as dots with their intervals, one below the other at each value of x.

    Args:
        table: columns x, `hue`, mean, low, high (points), a row for each dot.
        x: column with the names of the groups.
        hue: column with what differs; colour and marker.
        title: of the figure.

    Raises:
        ValueError: a column that the table does not have, or no rows.
    """
    table = needs(table, x, hue, "mean", "low", "high")
    groups, lines = named(table[x]), named(table[hue])
    if x == "shots":
        groups = {k: "all videos" if k == 0 else f"{name} shot{'s' * (k != 1)}" for k, name in groups.items()}
    shown = with_interval(table).assign(section=table[x].map(groups), line=table[hue].map(lines), full=True)
    shown = in_lines(shown, "section", "line")
    kept = ["section", "line", "key", "mean", "low", "high", "interval", "full", *(n for n in TOLD if n in shown)]
    names = list(lines.values())
    scales = [
        alt.Scale(domain=names, range=[values[i % len(values)] for i in range(len(names))])
        for values in (COLOURS, [SHAPES[marker] for marker in MARKERS])
    ]
    told = hover(shown[kept], {"line": hue, "section": axis_label(x) or x, "interval": f"{POINTS}, 95 % interval"})
    layers = dots(
        shown[kept],
        alt.X("mean:Q", title=POINTS, axis=alt.Axis(grid=True)),
        alt.Stroke("line:N", scale=scales[0], legend=None),
        alt.Shape("line:N", scale=scales[1], legend=None),
        told,
    )
    return sectioned(layers, shown, "section", x, [0]).properties(title=heading(title))


def forest(table: pd.DataFrame, *, title: str) -> alt.LayerChart:
    """A line for each claim, in the order given: the difference in points, its 95 % interval, and the margin.

    The interval is of the claim alone; a verdict is corrected for all claims, so an interval that just passes the
    margin may be of one that is undecided. Claims can be chosen by their verdict.

    Args:
        table: a row for each of `claims.claims`: claim, kind, margin, verdict, mean, low, high.
        title: of the figure.

    Raises:
        ValueError: there are none, or a column is missing.
    """
    table = pd.DataFrame(table)
    if table.empty:
        raise ValueError("there is no claim to draw: no run speaks of one")
    table = with_interval(needs(table, "claim", "kind", "margin", "verdict", "mean", "low", "high"))
    texts = ["\n".join(wrap(readable(claim, 180), CLAIM)) for claim in table["claim"]]
    step = 26 + 13 * (1 + max(text.count("\n") for text in texts))
    table = table.assign(text=texts, key=[f"{i:04d}|" for i in range(len(table))])
    margins = [
        {"key": row.key, "verdict": row.verdict, "margin": side * row.margin, "known": f"{row.margin:g}, {row.kind}"}
        for row in table.itertuples()
        for side in SIDES[row.kind]
    ]
    words = [name for name in VERDICTS if (table["verdict"] == name).any()]
    colour = alt.Scale(domain=words, range=[VERDICTS[name][0] for name in words])
    shape = alt.Scale(domain=words, range=[SHAPES[VERDICTS[name][1]] for name in words])
    legend = alt.Legend(title=None, columns=columns())
    kept = ["key", "text", "verdict", "mean", "low", "high", "interval", *(n for n in TOLD if n in table)]
    told = hover(table[kept], {"text": "claim", "verdict": "verdict", "interval": f"{POINTS}, 95 % interval"})
    y = alt.Y("key:N", title=None, axis=None, scale=alt.Scale(padding=0.5))
    x = alt.X("low:Q", title=POINTS, axis=alt.Axis(grid=False))
    low = step / 2 - 12  # pixels from the middle of a claim's lines to its interval, which is below its text
    texts = []
    for lines, some in table[kept].groupby(table["text"].str.count("\n")):
        text = alt.Chart(some).encode(x=alt.value(0), y=y, text="text:N", tooltip=told)
        place = {"align": "left", "baseline": "bottom", "yOffset": low - 8 - 13 * lines}
        place |= {"lineBreak": "\n", "lineHeight": 13, "fontSize": 11}
        texts += [text.mark_text(**place, color=PAPER, stroke=PAPER, strokeWidth=4)]
        texts += [text.mark_text(**place, color=SOFT_INK)]
    stroke = alt.Stroke("verdict:N", scale=colour, legend=legend)
    base = alt.Chart(table[kept]).encode(y=y, tooltip=told, stroke=stroke)
    fill = alt.Fill("verdict:N", scale=colour, legend=legend)
    marks = base.mark_point(size=70, yOffset=low).encode(x="mean:Q", fill=fill)
    ticks = alt.Chart(pd.DataFrame(margins)).mark_tick(thickness=2, height=15, color=INK, yOffset=low)
    layers = [
        *texts,
        base.mark_rule(strokeWidth=2, yOffset=low, y2Offset=low).encode(x=x, x2="high:Q"),
        marks.encode(shape=alt.Shape("verdict:N", scale=shape, legend=legend)),
        ticks.encode(x="margin:Q", y=alt.Y("key:N", axis=None), tooltip=alt.Tooltip("known:N", title="margin")),
    ]
    chosen = "verdict == 'all' || datum.verdict == verdict"
    layers = [layer.transform_filter(chosen) for layer in layers]
    chart = alt.layer(level(x=0, dash=(1, 0)), *layers).add_params(choice("verdict", words, "verdict"))
    return chart.properties(height=alt.Step(step), title=heading(title, "Black: the margin to pass."))

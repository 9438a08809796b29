"""The headline comparison: text, the best method without text, and zero-shot, under each condition."""

from typing import Any

import altair as alt
import pandas as pd

from .style import BLUE, DARK_GREY, SKY

ROLES = {"text": "text", "text-free": "the best without text", "zero-shot": "zero-shot"}
COLOURS, SHAPES = (BLUE, SKY, DARK_GREY), ("circle", "square", "triangle-down")


def headline(table: pd.DataFrame, height: int = 40) -> Any:
    """A point with its interval for each method, a line for each condition; pointed at, it says its numbers.

    Args:
        table: where, method, role (a key of `ROLES`), mean, low, high (percent), n, run.
        height: of a condition, in pixels.

    Returns:
        An Altair chart as wide as its place.
    """
    known = [role for role in ROLES if role in set(table["role"])]
    data = table.assign(
        kind=table["role"].map(ROLES),
        interval=[f"[{low:.1f}, {high:.1f}]" for low, high in table[["low", "high"]].values],
    )
    names = [ROLES[role] for role in known]
    places = [*ROLES].index
    colours, shapes = zip(*((COLOURS[places(role)], SHAPES[places(role)]) for role in known), strict=True)
    legend = alt.Legend(title=None, orient="top", columns=alt.ExprRef("width < 300 ? 1 : 3"))
    base = alt.Chart(data).encode(
        y=alt.Y("where:N", sort=None, title=None, axis=alt.Axis(labelLimit=150, grid=False)),
        yOffset=alt.YOffset("kind:N", sort=names, scale=alt.Scale(paddingOuter=0.5)),
        color=alt.Color("kind:N", sort=names, scale=alt.Scale(domain=names, range=[*colours]), legend=legend),
        tooltip=[
            alt.Tooltip("method:N"),
            alt.Tooltip("where:N", title="with"),
            alt.Tooltip("mean:Q", title="top-1 (%)", format=".1f"),
            alt.Tooltip("interval:N", title="95 % interval"),
            alt.Tooltip("n:Q", title="seeds"),
            alt.Tooltip("run:N"),
        ],
    )
    accuracy = alt.X("low:Q", title="top-1 accuracy (%)", scale=alt.Scale(domain=[0, 100]), axis=alt.Axis(tickCount=5))
    rules = base.mark_rule(strokeWidth=2).encode(x=accuracy, x2="high:Q")
    shape = alt.Shape("kind:N", sort=names, scale=alt.Scale(domain=names, range=[*shapes]), legend=legend)
    points = base.mark_point(filled=True, size=70, opacity=1).encode(x="mean:Q", shape=shape)
    fit = alt.AutoSizeParams(type="fit-x", contains="padding")
    return (rules + points).properties(width="container", height=height * data["where"].nunique(), autosize=fit)

"""Results over shots, epochs, seconds and data: curves and bars from tidy tables, one row per measurement."""

import altair as alt
import numpy as np
import pandas as pd

from .charts import (
    ALL,
    TOLD,
    axis_of,
    chance_note,
    choice,
    columns,
    heading,
    hover,
    is_percent,
    level,
    means,
    method_scales,
    named,
    needs,
    with_interval,
)
from .lines import in_lines, line_axis, sectioned
from .style import BLUE, RED, axis_label, labels, palette
from .themes import INK, SOFT_INK

MANY = 6  # points of a curve above which intervals are a band


def over(
    rows: pd.DataFrame,
    x: str = "epoch",
    y: str = "top1",
    *,
    hue: str | None = "method",
    title: str,
    chance: float | None = None,
    log_x: bool = False,
) -> alt.LayerChart:
    """Curves of means over the rows of a point, with their 95 % intervals; a click on the legend chooses curves.

    Where columns "low" and "high" have a value, as in `Lab.means`, they are the interval of a point of one row; else it
    is Student's over the rows, and one row has none. Intervals are a band where there are many points, else error bars.
    Over seconds, a point is an epoch (column "epoch"), at the mean of its seconds. Of several seeds one can be chosen.

    Args:
        rows: one per measurement; those without a value of x or y are left out.
        x: column of numbers.
        y: column of numbers, as a rule percent.
        hue: column with the names of the curves; one curve when None.
        title: of the figure.
        chance: a dotted line at this level.
        log_x: logarithmic x axis with ticks at the points.

    Raises:
        ValueError: a column that the table does not have, no rows, or "low" and "high" for a point of several rows.
    """
    table = _table(rows, x, y, hue)
    table["x"] = table["x"].astype(float)
    if x == "seconds":
        epochs = needs(rows, "epoch")["epoch"].loc[table.index]
        table["x"] = table.groupby(["hue", epochs])["x"].transform("mean")
    points, seeds = _points(table, ["hue", "x"], is_percent(y)), []
    if "seed" in table and table["seed"].nunique() > 1 and table.groupby(["hue", "x"])["y"].count().max() > 1:
        seeds = [f"{seed:g}" for seed in sorted(table["seed"].dropna().unique())]
        each = table.assign(seed=table["seed"].map("{:g}".format), mean=table["y"], low=np.nan, high=np.nan)
        points = pd.concat([points.assign(seed=ALL), with_interval(each, is_percent(y))], ignore_index=True)
    names = list(table["hue"].unique())
    points["line"] = points["hue"].map(named(names))
    points = points.sort_values(["line", "x"], kind="stable")
    keep = ["line", "x", "mean", "low", "high", "interval", *(name for name in TOLD if name in points)]
    y_axis = alt.Y("mean:Q", title=axis_of(y), scale=_y_scale(points, y, chance))
    chart = _curves(points[keep], names, _x_axis(points, x, log_x), y_axis, several=hue is not None)
    if seeds:
        chart = chart.transform_filter("datum.seed == seed").add_params(choice("seed", seeds, "seed"))
    lower = [] if chance is None else [level(y=chance)]
    return alt.layer(*lower, chart).properties(height=280, title=heading(title, chance_note(chance)))


def loss_curve(table: pd.DataFrame, y: str = "loss", *, title: str) -> alt.LayerChart:
    """A loss, or another number of training, over epochs; of several runs the mean and Student's 95 % interval.

    Args:
        table: columns epoch and y.
        y: column of numbers.
        title: of the figure.

    Raises:
        ValueError: one of the columns is missing, or there are no rows.
    """
    return over(table, "epoch", y, hue=None, title=title).properties(height=220)


def bars(
    rows: pd.DataFrame,
    x: str = "test",
    y: str = "top1",
    *,
    hue: str | None = "method",
    title: str,
    chance: float | None = None,
) -> alt.LayerChart:
    """Bars in groups: means over the rows of a bar with their 95 % intervals, the mean written behind.

    Args:
        rows: one per measurement; those without a value of y are left out. Where columns "low" and "high" have a value,
            as in `Lab.means`, they are the interval of a bar of one row; else it is Student's over the rows.
        x: column with the names of the groups.
        y: column of numbers, as a rule percent.
        hue: column with the names of the bars in a group; one bar for each group when None.
        title: of the figure.
        chance: a dotted line at this level.

    Raises:
        ValueError: a column that the table does not have, no rows, or "low" and "high" for a bar of several rows.
    """
    grouped = hue not in (None, x)
    table = _table(rows, x, y, hue if grouped else x)
    if pd.api.types.is_numeric_dtype(table["x"]):
        table = table.sort_values("x", kind="stable")
    points = _points(table, ["x", "hue"], is_percent(y))
    names = list(table["hue"].unique())
    points["section"] = points["x"].map(named(points["x"])) if grouped else ""
    points["line"] = points["hue"].map(named(names))
    points = in_lines(points.drop(columns=["x", "hue"]), "section", "line")
    points["value"] = [text.split(" [")[0] for text in points["interval"]]
    points["end"] = points[["mean", "high"]].max(axis=1)
    first = ({"section": axis_label(x) or x} if grouped else {}) | {"line": hue or x}
    told = hover(points, first | {"interval": f"{axis_of(y)}, 95 % interval"})
    scale = alt.Scale(domain=[0, 100]) if is_percent(y) else alt.Scale(zero=True)
    whole = {"tickMinStep": 1} if pd.api.types.is_integer_dtype(rows[y]) else {}  # there is no half of a video
    axis = alt.X("mean:Q", title=axis_of(y), scale=scale, axis=alt.Axis(grid=True, **whole))
    colours = palette(map(str, names)) if grouped or hue else dict.fromkeys(map(str, names), BLUE)
    fill = alt.Fill("line:N", scale=alt.Scale(domain=labels(names, 60), range=list(colours.values())), legend=None)
    base = alt.Chart(points).encode(y=line_axis(), tooltip=told)
    layers = [
        base.mark_bar(height=13).encode(x=axis, fill=fill),
        base.transform_filter("isValid(datum.low)")
        .mark_rule(color=INK, strokeWidth=1.4)
        .encode(x="low:Q", x2="high:Q"),
        base.mark_text(align="left", dx=5, fontSize=12, color=SOFT_INK).encode(x="end:Q", text="value:N"),
    ]
    chart = sectioned(layers, points, "section", x, [] if chance is None else [chance])
    return chart.properties(title=heading(title, chance_note(chance)))


def class_gain(gains: pd.DataFrame, *, title: str, xlabel: str = "gain in accuracy (points)") -> alt.LayerChart:
    """Points gained per class, the largest mean on top, with 95 % intervals.

    Args:
        gains: columns class and gain (points), one row per class and seed, whose interval is Student's; or one row per
            class, with columns low and high.
        title: of the figure.
        xlabel: what a gain is, with its unit.

    Raises:
        ValueError: one of the columns is missing, or there are no rows.
    """
    table = _table(gains, "class", "gain", None)
    points = _points(table, ["x", "hue"], True).sort_values("mean", ascending=False, kind="stable")
    points = in_lines(points.assign(section="", line=points["x"].map(named(points["x"]))), "section", "line")
    told = hover(points, {"line": "class", "interval": f"{xlabel}, 95 % interval"})
    sign = alt.when("datum.mean >= 0").then(alt.value(BLUE)).otherwise(alt.value(RED))
    base = alt.Chart(points.drop(columns=["x", "hue", "section"])).encode(y=line_axis(), tooltip=told)
    layers = [
        base.mark_bar(height=12).encode(x=alt.X("mean:Q", title=xlabel, axis=alt.Axis(grid=True)), fill=sign),
        base.transform_filter("isValid(datum.low)")
        .mark_rule(color=INK, strokeWidth=1.4)
        .encode(x="low:Q", x2="high:Q"),
    ]
    return sectioned(layers, points, "section", "", [0]).properties(title=heading(title))


def _table(rows: pd.DataFrame, x: str, y: str, hue: str | None) -> pd.DataFrame:
    """What is drawn: columns x, y, hue, low, high, and what hovering tells; rows without an x, y or hue are left out.

    Texts, and truth values as texts, keep the order in which they come.
    """
    rows = needs(rows, x, y, *([hue] if hue else []))
    table = pd.DataFrame({"x": rows[x], "y": rows[y].astype(float), "hue": rows[hue].astype(object) if hue else ""})
    for end in ("low", "high"):
        table[end] = rows[end].astype(float) if end in rows.columns else np.nan
    told = [name for name in TOLD if name in rows and name not in (x, y, hue)]
    table = table.join(rows[told]).dropna(subset=["x", "y", "hue"])
    if table.empty:
        raise ValueError(f"there is nothing to draw: no row of the table has a value in columns {x!r} and {y!r}")
    table["hue"] = [f"{name:g}" if isinstance(name, float | np.number) else str(name) for name in table["hue"]]
    return table


def _points(table: pd.DataFrame, by: list[str], percent: bool) -> pd.DataFrame:
    found = means(table, by)
    return with_interval(found if found["n"].max() > 1 else found.drop(columns="n"), percent)


def _x_axis(points: pd.DataFrame, x: str, log_x: bool) -> alt.X:
    values = sorted(points["x"].unique())
    if log_x:
        scale = alt.Scale(type="log", base=2, nice=False, padding=12)
        return alt.X("x:Q", title=axis_label(x), scale=scale, axis=alt.Axis(values=values, format="~g", grid=False))
    whole = all(value == int(value) for value in values)
    axis = alt.Axis(grid=False, format="d", tickMinStep=1) if whole else alt.Axis(grid=False)
    return alt.X("x:Q", title=axis_label(x), scale=alt.Scale(nice=False, zero=x == "seconds", padding=10), axis=axis)


def _y_scale(points: pd.DataFrame, y: str, chance: float | None) -> alt.Scale:
    """From 0 for what is no percent; else what is drawn, within 0 and 100."""
    if not is_percent(y):
        return alt.Scale(zero=True)
    drawn = [*points[["mean", "low", "high"]].to_numpy(float).ravel(), np.nan if chance is None else chance]
    ends = [max(np.nanmin(drawn) - 2, 0), min(np.nanmax(drawn) + 2, 100)]
    return alt.Scale(domain=[round(float(end), 1) for end in ends], nice=False, clamp=True)


def _curves(points: pd.DataFrame, names: list[str], x: alt.X, y: alt.Y, several: bool) -> alt.LayerChart:
    scales = method_scales(names)
    legend = alt.Legend(title=None, columns=columns(), symbolLimit=0, symbolOpacity=1) if several else None
    stroke = alt.Stroke("line:N", scale=scales["stroke"], legend=legend)
    first = ({"line": "curve"} if several else {}) | {"x": x["title"]}
    told = hover(points, first | {"interval": f"{y['title']}, 95 % interval"})
    pick = alt.selection_point(fields=["line"], bind="legend", toggle="true", name="curves") if several else None
    faint = alt.when(pick).then(alt.value(1)).otherwise(alt.value(0.08)) if pick else alt.value(1)
    base = alt.Chart(points).encode(x=x, stroke=stroke, opacity=faint)
    many = points.groupby("line")["x"].nunique().max() > MANY
    if many:
        pale = alt.when(pick).then(alt.value(0.16)).otherwise(alt.value(0.02)) if pick else alt.value(0.16)
        bands = alt.Chart(points).encode(x=x, y=alt.Y("low:Q"), y2="high:Q", opacity=pale)
        colours = dict(zip(scales["stroke"]["domain"], scales["stroke"]["range"], strict=True))
        intervals = [
            bands.transform_filter(alt.FieldEqualPredicate(line, field="line")).mark_area(color=colour)
            for line, colour in colours.items()
        ]
    else:
        ends = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=1.6)
        intervals = [ends.encode(y=alt.Y("low:Q"), y2="high:Q")]
    dash = alt.StrokeDash("line:N", scale=scales["dash"], legend=None)
    marks = base.mark_point(size=30 if many else 60, strokeWidth=1.4).encode(
        y=y,
        fill=alt.Fill("line:N", scale=scales["fill"], legend=legend),
        shape=alt.Shape("line:N", scale=scales["shape"], legend=legend),
        tooltip=told,
    )
    marks = marks.add_params(pick) if pick else marks
    return alt.layer(*intervals, base.mark_line(strokeWidth=2).encode(y=y, strokeDash=dash), marks)

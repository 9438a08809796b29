"""Base against novel classes: what each method gains on the ones, and what it keeps of the others."""

import altair as alt
import numpy as np
import pandas as pd

from .charts import TOLD, columns, heading, hover, level, method_scales, named, needs, number
from .themes import MIDDLE, MIDDLE_DARK

LEVELS = range(10, 100, 10)  # harmonic means whose curves are drawn, in percent
ROOM = 2.0  # percent around what is drawn


def frontier(
    table: pd.DataFrame, *, title: str, chosen: float | None = None, margin: float | None = None
) -> alt.LayerChart:
    """Accuracy on novel over accuracy on base classes, each method a point with its intervals in both directions.

    Grey curves join points of the same harmonic mean. Above the dashed line a method knows more of novel classes than
    the model did before training. A click on the legend chooses methods.

    Args:
        table: columns method, test ("base" and "novel"; others are left out), mean, low, high, in percent. A method
            "zero-shot" gives the dashed line. Rows with a value in a column mix are of weights on the way between
            those before (0) and after (1) training, drawn as a path.
        title: of the figure.
        chosen: the mix on the path that is marked.
        margin: points below zero-shot where a dotted line is drawn.

    Raises:
        ValueError: no method has both tests, or the path has no such mix.
    """
    table = needs(table, "method", "test", "mean")
    table = table if "mix" in table else table.assign(mix=np.nan)
    on_path = table["mix"].notna()
    points, path = _both(table[~on_path], "method"), _both(table[on_path], "mix")
    if points.empty:
        raise ValueError("there is nothing to draw: no method has a mean on both tests, 'base' and 'novel'")
    layers, notes = [], ["Grey: equal harmonic means (H)."]
    around = pd.concat([points, path])
    limits = {axis: _limits(around, axis) for axis in ("x", "y")}
    scales = {axis: alt.Scale(domain=ends, nice=False) for axis, ends in limits.items()}
    x = alt.X("x:Q", title="base classes: top-1 accuracy (%)", scale=scales["x"], axis=alt.Axis(grid=False))
    y = alt.Y("y:Q", title="novel classes: top-1 accuracy (%)", scale=scales["y"], axis=alt.Axis(grid=False))
    layers += _harmonic_means(limits, x, y)
    if (points["method"] == "zero-shot").any():
        before = float(points.loc[points["method"] == "zero-shot", "y"].iloc[0])
        layers.append(level(y=before, dash=(6, 4)))
        notes.append("Dashed: zero-shot on novel classes.")
        if margin is not None:
            layers.append(level(y=before - margin))
            notes.append(f"Dotted: {margin:g} points below.")
    if len(path):
        layers += _path(path.sort_values("mix"), chosen, x, y)
        ring = "" if chosen is None else ", the ring chosen on validation videos"
        notes.append(f"Line: weights on the way from before to after training{ring}.")
    layers += _points(points, x, y)
    return alt.layer(*layers).properties(height=360, title=heading(title, " ".join(notes)))


def _points(points: pd.DataFrame, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    names = list(points["method"])
    scales = method_scales(names)
    points = points.assign(line=points["method"].map(named(names)))
    told = hover(points, {"line": "method", "base": "base (%), 95 % interval", "novel": "novel (%), 95 % interval"})
    legend = alt.Legend(title=None, columns=columns(2), symbolLimit=0)
    pick = alt.selection_point(fields=["line"], bind="legend", toggle="true", name="methods")
    opacity = alt.when(pick).then(alt.value(1)).otherwise(alt.value(0.08))
    stroke = alt.Stroke("line:N", scale=scales["stroke"], legend=legend)
    base = alt.Chart(points).encode(stroke=stroke, opacity=opacity, tooltip=told)
    ends = base.mark_rule(strokeWidth=1.4)
    return [
        ends.encode(x=alt.X("x_low:Q", scale=x["scale"]), x2="x_high:Q", y=y),
        ends.encode(y=alt.Y("y_low:Q", scale=y["scale"]), y2="y_high:Q", x=x),
        base.mark_point(size=90, strokeWidth=1.8)
        .encode(
            x=x,
            y=y,
            fill=alt.Fill("line:N", scale=scales["fill"], legend=legend),
            shape=alt.Shape("line:N", scale=scales["shape"], legend=legend),
        )
        .add_params(pick),
    ]


def _path(path: pd.DataFrame, chosen: float | None, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    told = hover(path, {"mix": "mix of weights, 1 after training", "base": "base (%)", "novel": "novel (%)"})
    base = alt.Chart(path).encode(x=x, y=y, order="mix:Q", tooltip=told)
    layers = [base.mark_line(color=MIDDLE_DARK, strokeWidth=1.4, point={"color": MIDDLE_DARK, "size": 26})]
    if chosen is not None:
        if not (path["mix"] == chosen).any():
            there = ", ".join(f"{mix:g}" for mix in path["mix"])
            raise ValueError(f"the path has no point at mix {chosen:g}; it has {there}")
        ring = alt.Chart(path[path["mix"] == chosen]).encode(x=x, y=y, tooltip=told)
        layers.append(ring.mark_point(size=260, color=MIDDLE_DARK, strokeWidth=1.6))
    return layers


def _both(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """A row for each value of `by` that has both tests: x and y, their ends where known, and both as text."""
    rows = []
    for value, some in table.groupby(by, sort=False) if len(table) else ():
        tests = {row["test"]: row for row in some.drop_duplicates("test").to_dict("records")}
        if not {"base", "novel"} <= set(tests) or any(pd.isna(tests[test]["mean"]) for test in ("base", "novel")):
            continue
        row = {by: value} | {name: tests["base"][name] for name in TOLD if name in some}
        for axis, test in (("x", "base"), ("y", "novel")):
            mean, low, high = (float(tests[test].get(name) or np.nan) for name in ("mean", "low", "high"))
            mean = float(tests[test]["mean"])
            ends = "" if np.isnan(low) else f" [{number(low)}, {number(high)}]"
            row |= {axis: mean, f"{axis}_low": low, f"{axis}_high": high, test: number(mean) + ends}
        rows.append(row)
    return pd.DataFrame(rows)


def _limits(points: pd.DataFrame, axis: str) -> list[float]:
    values = points[[axis, f"{axis}_low", f"{axis}_high"]].to_numpy(float)
    return [max(float(np.nanmin(values)) - ROOM, 0), min(float(np.nanmax(values)) + ROOM, 100)]


def _harmonic_means(limits: dict[str, list[float]], x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Curves of equal harmonic mean, H = 2xy / (x + y), within the axes, each with its value at the right."""
    (left, right), (bottom, top) = limits["x"], limits["y"]
    curves, names = [], []
    for mean in LEVELS:
        along = np.linspace(max(left, mean / 2 + 0.1), max(right, mean / 2 + 0.2), 60)
        across = mean * along / (2 * along - mean)
        inside = (across >= bottom) & (across <= top) & (along >= left) & (along <= right)
        if inside.sum() > 1:
            pairs = zip(along[inside].round(2), across[inside].round(2), strict=True)
            curves += [{"H": mean, "x": a, "y": b} for a, b in pairs]
            names.append(curves[-1] | {"text": f"H {mean}"})
    if not curves:
        return []
    lines = alt.Chart(pd.DataFrame(curves)).mark_line(color=MIDDLE, strokeWidth=0.8, opacity=0.6)
    texts = alt.Chart(pd.DataFrame(names)).mark_text(align="right", dy=-5, dx=-2, fontSize=10, color=MIDDLE)
    return [lines.encode(x=x, y=y, detail="H:Q"), texts.encode(x=x, y=y, text="text:N")]

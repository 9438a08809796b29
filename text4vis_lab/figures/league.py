"""Every method of a tournament beside every other: a dot with its interval for each section and setting."""

import altair as alt
import pandas as pd

from ..plain import readable
from .charts import SHAPES, TOLD, axis_of, chance_note, columns, heading, hover, named, needs, with_interval
from .lines import dots, in_lines, sectioned
from .style import BLUE, COLOURS, DARK_GREY, GREEN, MARKERS, RED

ROLES = {  # role -> what it is called, colour, marker
    "text": ("knows the names", BLUE, "o"),
    "zero-shot": ("zero-shot", DARK_GREY, "v"),
    "text-free": ("no text", RED, "s"),
    "control": ("control", GREEN, "^"),
}
OTHER = ("other", DARK_GREY, "D")
NEEDED = ("method", "role", "mean", "low", "high")
FIRST = "tuned"  # setting, drawn full
NO_INTERVAL = "small: one training each"


def league(table: pd.DataFrame, by: str = "shots", *, title: str, chance: float | None = None) -> alt.LayerChart:
    """Methods from the best to the worst, in a section for each number of shots, or each value of another column.

    Colour and marker tell what a method knows; a click on the legend chooses. Full ones are tuned on validation data,
    hollow ones are not.

    Args:
        table: columns method, role, `by`, mean, low, high (percent), and setting where there are several: a row for
            each dot. A method without a value of `by` (zero-shot has no shots) stands in every section. A row with a
            `seed` is one training: a small dot without an interval.
        by: column of the sections.
        title: of the figure.
        chance: a dotted line at this level, in percent.

    Raises:
        ValueError: a column that the table does not have, or no rows.
    """
    table = needs(table, *NEEDED, by)
    table = table.assign(setting=table.get("setting", FIRST))
    one = table["seed"].notna() if "seed" in table else pd.Series(False, table.index)
    means = _in_sections(table[~one], by)
    several = means["setting"].nunique() > 1
    means["full"] = (means["setting"] == FIRST) | means["setting"].isna() | (not several)
    note = "Full: tuned on validation videos; hollow: not tuned." if several else ""
    told = hover(means, {"line": "method", "section": by, "interval": f"{axis_of('top1')}, 95 % interval"})
    means, colour, shape = in_roles(means)
    pick = alt.selection_point(fields=["known"], bind="legend", toggle="true", name="roles")
    x = alt.X("mean:Q", title=axis_of("top1"), scale=alt.Scale(zero=False, nice=True), axis=alt.Axis(grid=True))
    layers = dots(means, x, colour, shape, told)
    if one.any():
        place = means.drop_duplicates(["section", "line"])[["section", "line", "key"]]
        seeds = _in_sections(table[one], by).drop(columns="key").merge(place, on=["section", "line"])
        seeds, _, _ = in_roles(seeds)
        told = hover(seeds, {"line": "method", "section": by, "mean": axis_of("top1")})
        small = alt.Chart(seeds).mark_point(size=18, opacity=0.7, strokeWidth=1)
        small = small.encode(x=x, y=alt.Y("key:N"), stroke=colour, tooltip=told)
        layers.insert(0, small)
        note = f"{note} {NO_INTERVAL}.".strip().capitalize()
    faint = alt.when(pick).then(alt.value(1)).otherwise(alt.value(0.1))
    layers = [layer.encode(opacity=faint) for layer in layers]
    layers[-1] = layers[-1].add_params(pick)
    chart = sectioned(layers, means, "section", by, [] if chance is None else [chance])
    return chart.properties(title=heading(title, note, chance_note(chance)))


def climb(table: pd.DataFrame, *, title: str) -> alt.LayerChart:
    """Curves over the number of shots, a dot with its interval at each; a click on the legend chooses methods.

    Args:
        table: columns method, shots, mean, low, high (percent). A method without shots (zero-shot) is a level.
        title: of the figure.

    Raises:
        ValueError: a column that the table does not have, or no rows with shots.
    """
    table = needs(table, "method", "shots", "mean", "low", "high")
    if table["shots"].isna().all():
        raise ValueError("there is nothing to draw: no row of the table has a value in column 'shots'")
    names = list(dict.fromkeys(table["method"]))
    scales = _by_number(names)
    table = with_interval(table).assign(
        line=table["method"].map(named(names)), shots=pd.to_numeric(table["shots"]).astype("Float64").astype(float)
    )
    kept = dict.fromkeys(["line", "shots", "mean", "low", "high", "interval", *TOLD])
    table = table[[name for name in kept if name in table]]
    curves, levels = table[table["shots"].notna()], table[table["shots"].isna()]
    pick = alt.selection_point(fields=["line"], bind="legend", toggle="true", name="methods")
    told = hover(table, {"line": "method", "shots": "shots", "interval": f"{axis_of('top1')}, 95 % interval"})
    x = alt.X(
        "shots:Q",
        title=axis_of("shots"),
        scale=alt.Scale(type="log", base=2, nice=False, padding=12),
        axis=alt.Axis(values=sorted(curves["shots"].unique()), format="d", grid=False),
    )
    y = alt.Y("mean:Q", title=axis_of("top1"), scale=alt.Scale(zero=False))
    legend = alt.Legend(title=None, columns=columns(2), symbolLimit=0)
    stroke = alt.Stroke("line:N", scale=scales["stroke"], legend=legend)
    fill = alt.Fill("line:N", scale=scales["stroke"], legend=legend)
    shape = alt.Shape("line:N", scale=scales["shape"], legend=legend)
    opacity = alt.when(pick).then(alt.value(1)).otherwise(alt.value(0.1))
    base = alt.Chart(curves).encode(x=x, tooltip=told, opacity=opacity, stroke=stroke)
    layers = [
        base.mark_line(strokeWidth=2).encode(y=y),
        base.mark_rule(strokeWidth=1.5).encode(y=alt.Y("low:Q"), y2="high:Q"),
        base.mark_point(size=60).encode(y=y, fill=fill, shape=shape).add_params(pick),
    ]
    if len(levels):
        flat = alt.Chart(levels).encode(stroke=stroke, tooltip=told, opacity=opacity)
        layers.insert(0, flat.mark_rule(strokeDash=[6, 4], strokeWidth=1.6).encode(y=y))
    return alt.layer(*layers).properties(height=300, title=heading(title))


def _by_number(names: list[str]) -> dict[str, alt.Scale]:
    """Names as they are shown -> a colour and marker of their own: of many methods several would look the same."""
    shown = list(named(names).values())
    colours = [COLOURS[index % len(COLOURS)] for index in range(len(names))]
    markers = [SHAPES[MARKERS[(index + index // len(COLOURS)) % len(MARKERS)]] for index in range(len(names))]
    return {"stroke": alt.Scale(domain=shown, range=colours), "shape": alt.Scale(domain=shown, range=markers)}


def _in_sections(table: pd.DataFrame, by: str) -> pd.DataFrame:
    """Rows in the order of their sections, and in each of their accuracy; with section, line, key, known, interval."""
    values = list(table[by].dropna().unique())
    values = sorted(values) if by == "shots" else values
    names = {value: _shots(value) if by == "shots" else readable(value) for value in values} or {None: ""}
    parts = []
    for value, name in names.items():
        some = table[(table[by] == value) | table[by].isna()].assign(section=name)
        best = some.groupby("method")["mean"].max()
        parts.append(some.assign(best=some["method"].map(best)).sort_values("best", ascending=False, kind="stable"))
    rows = with_interval(pd.concat(parts, ignore_index=True))
    rows["line"] = rows["method"].map(named(table["method"]))
    kept = dict.fromkeys(["section", "line", "role", "setting", "mean", "low", "high", "interval", *TOLD])
    return in_lines(rows[[name for name in kept if name in rows]], "section", "line")


def _shots(value: float) -> str:
    return "all videos" if value == 0 else "1 shot" if value == 1 else f"{value:g} shots"


def in_roles(table: pd.DataFrame) -> tuple[pd.DataFrame, alt.Stroke, alt.Shape]:
    """With a column `known`: what a method knows, by its role; and the colour and marker of that."""
    table = table.assign(known=[ROLES.get(role, OTHER)[0] for role in table["role"]])
    known = [role for role in (*ROLES.values(), OTHER) if (table["known"] == role[0]).any()]
    names = [name for name, _, _ in known]
    legend = alt.Legend(title=None, columns=columns(4), symbolOpacity=1)
    colour = alt.Scale(domain=names, range=[colour for _, colour, _ in known])
    marks = alt.Scale(domain=names, range=[SHAPES[marker] for _, _, marker in known])
    return table, alt.Stroke("known:N", scale=colour, legend=legend), alt.Shape("known:N", scale=marks, legend=legend)

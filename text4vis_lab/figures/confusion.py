"""Who is taken for whom: a confusion matrix whose cells show the videos behind them."""

import altair as alt
import pandas as pd

from ..plain import readable
from .answers import COLUMNS, is_poster
from .charts import ALL, choice, heading, named, needs
from .lines import beside
from .themes import DEEP, INK, PALE, PAPER, SOFT_INK

SHOWN = 10  # percent from which a cell has its number
STEP = 17  # pixels of a row
NAME = 24  # characters of a video's name
HOW = "In percent of the videos of the true class, columns ordered as rows. A click on a cell lists its videos."
PHONE = 380  # pixels that a chart is wide there, at most
LABEL = 110  # pixels of a class's name
TILE = 84, 74  # pixels of a video's picture with its name
NOTHING = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="  # a picture that is clear
LINE = 15  # pixels of a video's name alone


def confusion(table: pd.DataFrame, *, title: str, most: int = 6) -> alt.LayerChart:
    """Rows are true classes, in percent of their videos. A click on a cell lists the videos behind it.

    Args:
        table: a row for each tested video, see `predicted`: video, true, predicted; probability and poster where
            known; of several methods, or seeds, one can be chosen.
        title: of the figure.
        most: videos that a cell lists.

    Raises:
        ValueError: a column that the table does not have, or no rows.
    """
    table = needs(table, *COLUMNS)
    by = next((name for name in ("method", "seed") if name in table and table[name].nunique() > 1), "")
    classes = named([*table["true"], *table["predicted"]])
    groups = table[by].map(named(table[by])) if by else ALL
    table = table.assign(true=table["true"].map(classes), predicted=table["predicted"].map(classes), group=groups)
    whole = pd.concat([table.assign(group=ALL), table]) if by else table
    cells, examples = _cells(whole, most), _examples(whole, most)
    order, height = list(classes.values()), STEP * len(classes)
    pick = alt.selection_point(fields=["true", "predicted"], name="cell", empty=False, value=_most_confused(whole))
    layers = [*_matrix(cells, order, pick), *_behind(cells, examples, pick, (beside(order, LABEL), height), most)]
    if by:
        layers = [layer.transform_filter("datum.group == chosen") for layer in layers]
    chart = alt.layer(*layers).properties(height=height, title=heading(title, HOW))
    chart = chart.resolve_scale(color="independent")
    return chart.add_params(choice("chosen", list(dict.fromkeys(table["group"])), by)) if by else chart


def _matrix(cells: pd.DataFrame, order: list[str], pick: alt.Parameter) -> list[alt.Chart]:
    quiet = {"labelLimit": LABEL, "ticks": False, "domain": False}
    scale = alt.Scale(domain=order, paddingInner=0.06, paddingOuter=0)
    room = f"width < {max(13 * len(order), PHONE)} ? '' : datum.label"  # on a phone columns have no names
    top = alt.Axis(orient="top", labelAngle=-60, labelExpr=room, **quiet)
    x = alt.X("predicted:N", title="predicted class", scale=scale, axis=top)
    y = alt.Y("true:N", title="true class", scale=scale, axis=alt.Axis(**quiet))
    told = {"true": "true class", "predicted": "predicted class", "told": "videos", "some": "among them"}
    told |= {"image": "image"} if "image" in cells else {}
    base = alt.Chart(cells).encode(x=x, y=y, tooltip=[alt.Tooltip(f"{name}:N", title=t) for name, t in told.items()])
    fill = alt.Fill("percent:Q", scale=alt.Scale(domain=[0, 100], range=[PALE, DEEP]), legend=None)
    framed = alt.when(pick).then(alt.value(2.5)).otherwise(alt.value(0))
    on_deep = alt.when("datum.percent > 55").then(alt.value(PAPER)).otherwise(alt.value(INK))
    size = alt.ExprRef(f"width < {15 * len(order)} ? 0 : 9")  # no room for a number
    return [
        base.mark_rect(cursor="pointer", stroke=INK).encode(fill=fill, strokeWidth=framed).add_params(pick),
        base.transform_filter(f"datum.percent >= {SHOWN}")
        .mark_text(fontSize=size)
        .encode(text=alt.Text("percent:Q", format=".0f"), color=on_deep),
    ]


def _behind(
    cells: pd.DataFrame, examples: pd.DataFrame, pick: alt.Parameter, corner: tuple[float, int], most: int
) -> list[alt.Chart]:
    """Below the matrix and its names, in room that is kept: the videos of the cell that was clicked."""
    left, height = corner
    top, pictured = height + 36, "poster" in examples
    across = f"max(1, floor((width - {left}) / {TILE[0]}))"
    rows = f"{TILE[1]} * min(2, ceil({most} / {across}))"
    end = alt.ExprRef(f"{top} + {rows if pictured else LINE * most}")
    keep = alt.Chart(pd.DataFrame([{}])).mark_rect(opacity=0, aria=False)
    keep = keep.encode(y=alt.value(height), y2=alt.value(end))
    words = {"align": "left", "baseline": "top", "limit": 420, "lineBreak": "\n"}
    said = alt.Chart(cells).transform_filter(pick).mark_text(**words, fontWeight="bold", fontSize=12, color=INK)
    said = said.encode(x=alt.value(left), y=alt.value(height + 8), text="sentence:N")
    chosen = alt.Chart(examples).transform_filter(pick)
    if not pictured:
        lines = chosen.transform_calculate(y=f"{top + 6} + {LINE} * datum.place")
        lines = lines.mark_text(**words, fontSize=12, color=SOFT_INK)
        return [keep, said, lines.encode(x=alt.value(left), y=alt.Y("y:Q", scale=None), text="label:N")]
    chosen = chosen.transform_calculate(
        x=f"{left} + datum.place % {across} * {TILE[0]}", y=f"{top + 6} + {TILE[1]} * floor(datum.place / {across})"
    ).transform_filter(f"datum.place < 2 * {across}")
    chosen = chosen.encode(x=alt.X("x:Q", scale=None), y=alt.Y("y:Q", scale=None))
    size = {"width": TILE[0] - 8, "height": TILE[1] - 16}
    pictured = chosen.transform_filter("datum.poster !== ''").mark_image(**size, align="left", baseline="top")
    images = pictured.encode(url="poster:N")
    below = {"dy": TILE[1] - 15, "fontSize": 9, "limit": TILE[0] - 6}
    names = chosen.mark_text(align="left", baseline="top", color=SOFT_INK, **below)
    return [keep, said, images, names.encode(text="label:N")]


def _most_confused(table: pd.DataFrame) -> list[dict[str, str]]:
    """The cell that is listed before any click: of the most frequent mistake."""
    wrong = table[table["true"] != table["predicted"]]
    pairs = (wrong if len(wrong) else table).groupby(["true", "predicted"], sort=False).size()
    return [dict(zip(("true", "predicted"), pairs.idxmax(), strict=True))]


def _cells(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """A row for each group and cell that has videos: how many, in percent of the class, and some of them."""
    sizes = table.groupby(["group", "true"]).size()
    rows = []
    for (group, true, predicted), some in table.groupby(["group", "true", "predicted"], sort=False):
        whole, count = sizes[group, true], len(some)
        names = ", ".join(dict.fromkeys(readable(video, NAME) for video in some["video"].head(most)))
        row = {"group": group, "true": true, "predicted": predicted, "percent": round(100 * count / whole, 1)}
        row |= {"told": f"{count} of {whole} ({100 * count / whole:.0f} %)", "some": names}
        row["sentence"] = f"{count} of {whole} videos of “{true}”\n" + (
            "are right" if true == predicted else f"are called “{predicted}”"
        )
        if "poster" in table:
            row["image"] = next(filter(is_poster, some["poster"]), NOTHING)
        rows.append(row)
    return pd.DataFrame(rows)


def _examples(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """The first videos of each cell, those with a picture before others, with their place in it."""
    table = table.drop_duplicates(["group", "true", "predicted", "video"])
    if "poster" in table:
        table = table.iloc[(~table["poster"].map(is_poster)).to_numpy().argsort(kind="stable")]
    some = table.groupby(["group", "true", "predicted"], sort=False).head(most).copy()
    some["place"] = some.groupby(["group", "true", "predicted"]).cumcount()
    some["label"] = [readable(video, NAME) for video in some["video"]]
    if "probability" in some:
        some["label"] = [
            f"{label}, {100 * p:.0f} %" for label, p in zip(some["label"], some["probability"], strict=True)
        ]
    kept = ["group", "true", "predicted", "place", "label"]
    if "poster" in some and any(map(is_poster, some["poster"])):
        some["poster"] = [poster if is_poster(poster) else "" for poster in some["poster"]]
        kept.append("poster")
    return some[kept]

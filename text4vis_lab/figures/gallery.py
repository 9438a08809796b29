"""Predictions as a gallery: right or wrong, by class, and where two methods disagree."""

import html
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from ..plain import readable
from .answers import COLUMNS, is_poster, picture_of
from .charts import needs
from .style import BLUE, RED

NAME = 40  # characters of a video's or class's name
PRINTED = 12  # videos of the picture
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Gallery:
    """A gallery of videos with what each method called them.

    Attributes:
        videos: a row a video: video, true, poster or "", and `answers`: method -> (class, probability or None).
        title: of the gallery.
        whole: how many videos there are, of which these are shown.
    """

    videos: pd.DataFrame
    title: str
    whole: int

    @property
    def html(self) -> str:
        """For a page: tiles, and choices of what is shown; with a style and a script, which fetch nothing."""
        methods = list(self.videos["answers"].iloc[0])
        results = [("", "right or wrong"), ("right", "right"), ("wrong", "wrong")]
        results += [("apart", "where methods disagree")] if len(methods) > 1 else []
        classes = [("", "all classes"), *((name, name) for name in dict.fromkeys(self.videos["true"]))]
        chosen = _select("result", "Show", results) + _select("class", "of", classes)
        if len(methods) > 1:
            chosen += _select("method", "by", [(str(index), name) for index, name in enumerate(methods)])
        count = (
            f"{len(self.videos)} of {self.whole} videos" if self.whole > len(self.videos) else f"{self.whole} videos"
        )
        tiles = "".join(_tile(row, methods) for row in self.videos.to_dict("records"))
        style, script = ((HERE / f"gallery.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
        return (
            f'<div class="t4v-gallery mathjax_ignore tex2jax_ignore"><style>{style}</style>'
            f'<p class="t4v-title"><strong>{_safe(self.title, 200)}</strong>, {count}</p>'
            f'<p class="t4v-choices">{chosen}<output aria-live="polite"></output></p>'
            f'<ul tabindex="0">{tiles}</ul>'
            f"<script>{script}</script></div>"
        )

    def figure(self) -> Figure:
        """For print: the first tiles."""
        some = self.videos.head(PRINTED).to_dict("records")
        columns = min(4, len(some))
        rows = -(-len(some) // columns)
        fig, axes = plt.subplots(rows, columns, figsize=(8.6, 1.9 * rows + 0.5), squeeze=False)
        for ax in axes.flat:
            ax.axis("off")
        for ax, row in zip(axes.flat, some, strict=False):
            picture = picture_of(row["poster"])
            if picture is not None:
                ax.imshow(picture, interpolation="lanczos")
            called, probability = next(iter(row["answers"].values()))
            right = called == row["true"]
            said = f"{readable(called, 26)}{_percent(probability)}" + (
                "" if right else f"\nis {readable(row['true'], 26)}"
            )
            ax.text(0.5, -0.04, said, fontsize=7.5, ha="center", va="top", transform=ax.transAxes,
                    color=BLUE if right else RED)  # fmt: skip
        fig.suptitle(readable(self.title), x=0.01, ha="left", fontsize=10.5, fontweight="bold")
        return fig


def predictions(table: pd.DataFrame, *, title: str, most: int = 60) -> Gallery:
    """Tested videos as tiles, which can be chosen by result and class, and with several methods by disagreement.

    Args:
        table: a row for each video (and method, where there are several), see `predicted`: video, true, predicted;
            probability, method and poster where known.
        title: of the gallery.
        most: videos that are shown; where there are more, what is wrong comes before what is right, in turn.

    Raises:
        ValueError: a column that the table does not have, or no rows.
    """
    table = needs(table, *COLUMNS)
    methods = table["method"].astype(str) if "method" in table else pd.Series("", table.index)
    rows: dict[tuple[str, str], dict] = {}
    for method, row in zip(methods, table.to_dict("records"), strict=True):
        video = rows.setdefault(
            (row["video"], row["true"]), {"video": row["video"], "true": row["true"], "answers": {}}
        )
        video["answers"].setdefault(method, (row["predicted"], row.get("probability")))
        video["poster"] = row["poster"] if is_poster(row.get("poster")) else video.get("poster", "")
    wanted = list(dict.fromkeys(methods))
    videos = [
        row | {"answers": {name: row["answers"].get(name, ("", None)) for name in wanted}} for row in rows.values()
    ]
    shown = videos if len(videos) <= most else _some(videos, most)
    return Gallery(pd.DataFrame(shown), title, len(videos))


def _some(videos: list[dict], most: int) -> list[dict]:
    """As many of those that a method got wrong as of those that all got right, as far as there are, in their order."""
    is_wrong = [any(called != row["true"] for called, _ in row["answers"].values()) for row in videos]
    wrong = [index for index, value in enumerate(is_wrong) if value]
    right = [index for index, value in enumerate(is_wrong) if not value]
    half = max(most // 2, most - len(right))
    kept = {*_spread(wrong, half), *_spread(right, most - min(half, len(wrong)))}
    return [row for index, row in enumerate(videos) if index in kept]


def _spread(items: list[int], most: int) -> list[int]:
    return items if len(items) <= most else [items[index * len(items) // most] for index in range(most)]


def _tile(row: dict, methods: list[str]) -> str:
    right = [row["answers"][name][0] == row["true"] for name in methods]
    apart = len({row["answers"][name][0] for name in methods}) > 1
    picture = '<span class="t4v-none" aria-hidden="true">▷</span>'
    if row["poster"]:
        picture = f'<img src="{html.escape(row["poster"])}" alt="{_safe(row["true"])}" loading="lazy">'
    lines = "".join(
        f'<span class="t4v-{"right" if is_right else "wrong"}">{"✓" if is_right else "✗"} '
        f"{_safe(row['answers'][name][0])}{_percent(row['answers'][name][1])}"
        + (f" <small>{_safe(name)}</small>" if name else "")
        + "</span>"
        for name, is_right in zip(methods, right, strict=True)
    )
    marks = "".join("1" if is_right else "0" for is_right in right)
    return (
        f'<li data-right="{marks}" data-apart="{int(apart)}" data-class="{_safe(row["true"])}">{picture}'
        f"<span><b>{_safe(row['true'])}</b></span>{lines}<small>{_safe(row['video'])}</small></li>"
    )


def _select(name: str, label: str, options: list[tuple[str, str]]) -> str:
    listed = "".join(f'<option value="{_safe(value)}">{_safe(text)}</option>' for value, text in options)
    return f'<label>{label} <select data-name="{name}">{listed}</select></label> '


def _percent(probability: float | None) -> str:
    return "" if probability is None or pd.isna(probability) else f", {100 * probability:.0f} %"


def _safe(text: object, longest: int = NAME) -> str:
    return html.escape(readable(text, longest))

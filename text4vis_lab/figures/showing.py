"""A figure on a page: drawn from a tidy table, in light and dark, with caption, alternative text, data, and a way back.

    RUN/figures/NAME.csv        the table
    RUN/figures/NAME.png        and NAME.dark.png; for a phone NAME-phone.png and NAME-phone.dark.png
    RUN/figures/NAME.json       what was asked: the function, its options, caption and alternative text; sealed, with
                                digests of the files above and of the chart

`python -m text4vis_lab.figures RUN/figures/NAME.json` draws it again. A figure is always drawn from its table as the
file holds it, so it is the same figure.
"""

import base64
import hashlib
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import altair as alt
import matplotlib.pyplot as plt
import pandas as pd
import vl_convert
from matplotlib.figure import Figure
from PIL import Image

from text4vis_core.files import file_digest

from ..plain import readable
from ..sealing import Kind, Schema
from ..storing import replacing
from . import themes
from .gallery import Gallery

VEGA_LITE = "6.4"  # of the pictures, and of the book
MIME = "application/vnd.vegalite.v5+json"  # what JupyterLab 4.6 shows; its own Vega-Lite is 5.6
EMBEDDED = {"embed_options": {"actions": False, "renderer": "svg"}}
WIDTH = 700  # pixels of a chart as a picture, of which each is drawn as two
COLOURS = 256  # of a picture's palette
PHONE = ("phone", "phone_dark")  # what the pictures for a narrow page are called
FEW = 20_000  # different colours, of which a chart has fewer
GIVEN_NAME = re.compile(r"\b(view|param)_[0-9a-f]{16}(?:_\d+)?\b")
NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,80}", re.ASCII)

Drawn: TypeAlias = alt.TopLevelMixin | Figure | Gallery


class _Asked(Schema):
    """What NAME.json holds: `draw` is None of a picture, `drawn` the digest of a chart's specification or a page."""

    draw: str | None
    options: dict[str, Any]
    caption: str
    alt: str
    drawn: str | None
    files: dict[str, str]


FIGURES = Kind("a figure", _Asked, "run its notebook again")


@dataclass(frozen=True)
class Shown:
    """A figure as a notebook displays it, and as a page of the book takes it.

    Attributes:
        data: media type -> content.
        metadata: caption, alternative text, and names of the files beside the record.
    """

    data: Mapping[str, Any]
    metadata: Mapping[str, Any]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        return dict(self.data), dict(self.metadata)


def show(
    draw: Callable[..., Drawn],
    data: pd.DataFrame,
    name: str,
    texts: tuple[str, str],
    options: Mapping[str, Any],
    folder: Path,
) -> Shown:
    """Draw a figure of a table, and leave beside it the table, what was asked for, and its pictures.

    Args:
        draw: a function of this package: a table, and plain options, to a figure.
        data: the table, tidy.
        name: of its files, unique in the run: letters, digits, "-", "_" and ".".
        texts: caption, and alternative text.
        options: of `draw`, plain values.
        folder: where the files go.

    Raises:
        ValueError: the name or a text cannot be used, or what `draw` raises.
    """
    asked = _asked(draw.__name__, name, texts, options)
    text = data.to_csv(index=False)
    drawn = draw(table_in(text), **options)
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / f"{name}.csv") as path:
        path.write_text(text, encoding="utf-8", newline="")
    again = (folder / f"{name}.json").as_posix()
    return _shown(drawn, name, asked, {"csv": f"figures/{name}.csv", "again": again}, folder)


def picture(figure: Figure, name: str, texts: tuple[str, str], folder: Path, phone: Figure | None = None) -> Shown:
    """Show a figure that is not made of a table, such as frames of videos.

    Args:
        figure: as drawn.
        name, texts, folder: as of `show`.
        phone: the same, drawn for a narrow page.

    Raises:
        ValueError: the name or a text cannot be used.
    """
    asked = _asked(None, name, texts, {})
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, Any] = {"csv": None}
    if phone is not None:
        pictures(phone, folder / f"{name}-phone")
        files |= dict(zip(PHONE, (f"figures/{name}-phone.png", f"figures/{name}-phone.dark.png"), strict=True))
    return _shown(figure, name, asked, files, folder)


def table_in(text: str) -> pd.DataFrame:
    """A figure's table from its CSV: every number as it was, and what is empty is missing."""
    return pd.read_csv(io.StringIO(text), float_precision="round_trip", keep_default_na=False, na_values=[""])


def digest_of(drawn: Drawn, alt_text: str) -> str | None:
    """SHA-256 of a chart's specification, or of a gallery's page; None of a picture, which is its pixels."""
    if isinstance(drawn, Gallery):
        return hashlib.sha256(drawn.html.encode()).hexdigest()
    if isinstance(drawn, Figure):
        return None
    return hashlib.sha256(json.dumps(spec_of(drawn, alt_text), sort_keys=True).encode()).hexdigest()


def pictures(drawn: Drawn, path: Path, alt_text: str = "") -> bytes:
    """Write a figure as path.png, and as path.dark.png in the colours of dark pages; the PNG of the first."""
    if isinstance(drawn, alt.TopLevelMixin):
        spec = spec_of(drawn, alt_text)
        light, dark = png_of(spec), png_of(themes.dark(spec))
    else:
        figure = drawn.figure() if isinstance(drawn, Gallery) else drawn
        light = _saved(figure)
        themes.darken(figure)
        dark = _saved(figure)
        plt.close(figure)
    for suffix, png in ((".png", light), (".dark.png", dark)):
        with replacing(path.with_name(path.name + suffix)) as temporary:
            temporary.write_bytes(png)
    return light


def spec_of(chart: alt.TopLevelMixin, alt_text: str = "") -> dict[str, Any]:
    """A chart as Vega-Lite's JSON, in the project's theme, with its alternative text."""
    with alt.theme.enable(themes.NAME), alt.data_transformers.enable("default", max_rows=None):
        spec = chart.to_dict(validate=False)  # which takes longer than all else, and is for who writes a chart
    del spec["$schema"]  # of version 6, of which nothing is used: viewers of either version say nothing
    named: dict[str, str] = {}  # Altair draws names of views, others in every process
    text = GIVEN_NAME.sub(lambda found: named.setdefault(found[0], f"{found[1]}_{len(named)}"), json.dumps(spec))
    spec = json.loads(text)
    return spec | ({"description": alt_text} if alt_text else {})


def png_of(spec: Mapping[str, Any], width: int = WIDTH) -> bytes:
    """A chart as a picture, two pixels for each of its width."""
    png = vl_convert.vegalite_to_png({**spec, "width": width}, vl_version=VEGA_LITE, scale=2)
    return _small(png)


def _asked(draw: str | None, name: str, texts: tuple[str, str], options: Mapping[str, Any]) -> dict[str, Any]:
    if not NAME.fullmatch(name):
        raise ValueError(f"a figure's name is made of letters, digits, '-', '_' and '.', not {readable(name)!r}")
    for kind, text in zip(("caption", "alternative text"), texts, strict=True):
        if not text.strip():
            raise ValueError(f"figure {name} has no {kind}: say in a sentence what is seen")
    asked = {"draw": draw, "options": dict(options), "caption": texts[0], "alt": texts[1]}
    if json.loads(json.dumps(asked)) != asked:
        raise ValueError(f"figure {name}: its options are plain values, numbers, texts and lists, not {options!r}")
    return asked


def _shown(drawn: Drawn, name: str, asked: dict[str, Any], files: dict[str, Any], folder: Path) -> Shown:
    digest = digest_of(drawn, asked["alt"])
    png = pictures(drawn, folder / name, asked["alt"])
    endings = (".csv" if asked["draw"] else "", ".png", ".dark.png")
    left = [f"{name}{ending}" for ending in endings if ending] + [Path(files[k]).name for k in PHONE if k in files]
    FIGURES.write(
        folder / f"{name}.json", asked | {"drawn": digest, "files": {n: file_digest(folder / n) for n in left}}
    )
    data: dict[str, Any] = {
        "image/png": base64.b64encode(png).decode(),
        "text/plain": f"{asked['caption']} {asked['alt']}",
    }
    places = {"json": f"figures/{name}.json", "light": f"figures/{name}.png", "dark": f"figures/{name}.dark.png"}
    metadata: dict[str, Any] = {"text4vis": asked | {"name": name} | files | places}
    if isinstance(drawn, alt.TopLevelMixin):
        data[MIME] = spec_of(drawn, asked["alt"]) | {"width": WIDTH}  # an output of JupyterLab has no width of its own
        metadata[MIME] = EMBEDDED
    if isinstance(drawn, Gallery):
        data["text/html"] = drawn.html
    return Shown(data, metadata)


def _saved(figure: Figure) -> bytes:
    png = io.BytesIO()
    with plt.rc_context({"figure.constrained_layout.use": False}):  # saving sets the layout of the rc where it had none
        figure.savefig(png, format="png", facecolor=figure.get_facecolor())
    return _small(png.getvalue())


def _small(png: bytes) -> bytes:
    """A picture with a palette, a third as large; of charts rare colours, of a word or a dot, are kept."""
    picture, small = Image.open(io.BytesIO(png)).convert("RGB"), io.BytesIO()
    is_chart = picture.getcolors(FEW) is not None
    method = Image.Quantize.MAXCOVERAGE if is_chart else Image.Quantize.MEDIANCUT  # the first is slow on photographs
    picture.quantize(COLOURS, method, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()

"""Draws a figure again from its data: python -m text4vis_lab.figures RUN/figures/NAME.json [--out FILE]

FILE ends in .png, .dark.png, .svg or .html (.svg of charts and pictures, .html of charts and galleries); without it the
figure is written beside its data, as NAME.png and NAME.dark.png.
"""

import argparse
import sys
from pathlib import Path

import altair as alt
import vl_convert

from text4vis_core.files import file_digest, replacing

from . import OF_TABLES, showing, use_style
from .gallery import Gallery
from .showing import Drawn


def main(arguments: list[str] | None = None) -> int:
    """Draw a figure again; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m text4vis_lab.figures", description=__doc__.splitlines()[0])
    parser.add_argument("asked", type=Path, help="RUN/figures/NAME.json")
    parser.add_argument("--out", type=Path, help="file to write: .png, .dark.png, .svg or .html")
    options = parser.parse_args(arguments)
    try:
        drawn, alt_text = again(options.asked)
        written = write(drawn, alt_text, options.out or options.asked.with_suffix(".png"))
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(written)
    return 0


def again(path: Path) -> tuple[Drawn, str]:
    """A figure drawn from NAME.json and NAME.csv, and its alternative text.

    Raises:
        OSError: a file cannot be read.
        ValueError: they do not hold a figure of a table, are not what was written, or it cannot be drawn.
    """
    asked = showing.FIGURES.read(path)
    draw, options, table = asked["draw"], asked["options"], path.with_name(f"{path.stem}.csv")
    if draw is None:
        raise ValueError(f"{path} is of a picture, not of a table: run its notebook to make it again")
    if draw not in OF_TABLES:
        raise ValueError(f"{path}: field draw is {draw!r}, not one of {', '.join(OF_TABLES)}")
    if file_digest(table) != asked["files"].get(table.name):
        raise ValueError(f"{table} is not the table that its figure was drawn from: run its notebook again")
    use_style()
    try:
        return OF_TABLES[draw](showing.table_in(table.read_text(encoding="utf-8")), **options), asked["alt"]
    except TypeError as error:
        raise ValueError(f"{path}: field options does not fit {draw}: {error}") from error


def write(drawn: Drawn, alt_text: str, out: Path) -> Path:
    """Write a figure to a file, in the form that its name ends in; the file.

    Raises:
        ValueError: the figure has no such form.
    """
    if out.suffix == ".png":
        stem = out.with_name(out.name.removesuffix(".png").removesuffix(".dark"))
        showing.pictures(drawn, stem, alt_text)
        return out
    if isinstance(drawn, alt.TopLevelMixin) and out.suffix in (".svg", ".html"):
        spec = showing.spec_of(drawn, alt_text)
        if out.suffix == ".html":
            text = vl_convert.vegalite_to_html(spec, bundle=True)
        else:
            text = vl_convert.vegalite_to_svg(spec | {"width": showing.WIDTH})
    elif isinstance(drawn, Gallery) and out.suffix == ".html":
        text = drawn.html
    else:
        raise ValueError(f"{out}: this figure is written as .png" + (" or .html" if isinstance(drawn, Gallery) else ""))
    with replacing(out) as path:
        path.write_text(text, encoding="utf-8")
    return out


if __name__ == "__main__":
    sys.exit(main())

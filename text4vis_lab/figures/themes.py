"""How figures look in light and in dark: a theme for Vega-Altair, and colours to swap in either kind of figure."""

import json
import re
from typing import Any

import altair as alt
from matplotlib.collections import Collection
from matplotlib.colors import to_hex, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

from .style import BLUE, COLOURS, SKY

PALE, DEEP = "#E8F0FA", "#08519C"  # ends of a scale of blue
PAPER, INK, SOFT_INK, LINE = "#FFFFFF", "#222222", "#444444", "#E6E6E6"
MIDDLE, MIDDLE_DARK = "#8A8A8A", "#666666"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
# Colour in light -> colour in dark; others are told from either background.
SWAPS = {
    PAPER: "#14181E",
    INK: "#E6E8EC",
    SOFT_INK: "#C6CAD1",
    "#555555": "#B4BAC4",
    MIDDLE_DARK: "#A8AEB8",
    MIDDLE: "#959CA8",
    LINE: "#333A44",
    PALE: "#1C2733",
    DEEP: "#7CC0F5",
    BLUE.upper(): "#3C9CD9",
    SKY.upper(): "#8CCBF2",
}
NAME = "text4vis"


@alt.theme.register(NAME, enable=False)
def theme() -> alt.theme.ThemeConfig:
    """The project's theme: as wide as the page, one font, quiet axes, legends below."""
    text = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal"}
    return {
        "width": "container",
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": {
            "background": PAPER,
            "font": FONT,
            "padding": 4,
            "view": {"stroke": None},
            "point": {"opacity": 1},
            "title": {
                "anchor": "start",
                "frame": "bounds",
                "fontSize": 14,
                "fontWeight": 600,
                "color": INK,
                "subtitleFontSize": 12,
                "subtitleColor": SOFT_INK,
                "subtitlePadding": 4,
                "offset": 8,
            },
            "axis": text
            | {
                "labelColor": SOFT_INK,
                "titleColor": INK,
                "gridColor": LINE,
                "domainColor": MIDDLE,
                "tickColor": MIDDLE,
                "labelLimit": 170,
                "titlePadding": 8,
                "labelSeparation": 6,
            },
            "axisX": {"titleAnchor": "end"},  # on a phone a title is wider than the plot
            "legend": text | {"orient": "bottom", "labelColor": SOFT_INK, "titleColor": INK, "labelLimit": 300},
            "range": {"category": list(COLOURS)},
        },
    }


def dark(spec: Any) -> Any:
    """A Vega-Lite specification with the colours of dark pages."""
    return json.loads(re.sub("#[0-9A-F]{6}\\b", lambda found: SWAPS.get(found[0], found[0]), json.dumps(spec)))


def darken(figure: Figure) -> None:
    """Give a drawn figure the colours of dark pages; pictures and colour maps stay as they are."""
    for artist in figure.findobj():
        if isinstance(artist, Collection):
            if artist.get_array() is None:
                artist.set_facecolor([_swapped(colour) for colour in artist.get_facecolor()])
                artist.set_edgecolor([_swapped(colour) for colour in artist.get_edgecolor()])
        elif isinstance(artist, Patch):
            artist.set_facecolor(_swapped(artist.get_facecolor()))
            artist.set_edgecolor(_swapped(artist.get_edgecolor()))
        elif isinstance(artist, Line2D):
            artist.set_color(_swapped(artist.get_color()))
            artist.set_markerfacecolor(_swapped(artist.get_markerfacecolor()))
            artist.set_markeredgecolor(_swapped(artist.get_markeredgecolor()))
        elif isinstance(artist, Text):
            artist.set_color(_swapped(artist.get_color()))
            if (arrow := getattr(artist, "arrow_patch", None)) is not None:
                arrow.set_color(_swapped(arrow.get_edgecolor()))
    for axes in figure.axes:
        axes.tick_params(color=SWAPS[MIDDLE], labelcolor=SWAPS[SOFT_INK])


def _swapped(colour: Any) -> Any:
    """RGBA of the colour in dark, as transparent as it was."""
    *_, alpha = to_rgba(colour)
    return to_rgba(SWAPS.get(to_hex(colour).upper(), colour), alpha)

"""Vega-Lite charts on pages: pictures of them for print and for browsers without scripts, JavaScript for the rest."""

import json
import re
from collections.abc import Mapping
from typing import Any

import vl_convert

SCALE = 2  # pixels of a picture for each of the chart's
WIDTH = 700  # pixels of the picture of a chart that is as wide as its place
INK, LINE, AXIS = "#222222", "#E6E6E6", "#8A8A8A"
SWAPS = {
    INK: "#E6E8EC",
    LINE: "#333A44",
    AXIS: "#959CA8",
    "#0072B2": "#3C9CD9",
    "#56B4E9": "#8CCBF2",
    "#666666": "#A8AEB8",
}
TEXT = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "labelColor": INK, "titleColor": INK}
CONFIG = {
    "background": "transparent",
    "font": "system-ui, 'DejaVu Sans', sans-serif",
    "view": {"stroke": None},
    "axis": TEXT | {"gridColor": LINE, "domainColor": AXIS, "tickColor": AXIS},
    "legend": TEXT,
}


def spec_of(chart: Any) -> dict[str, Any]:
    """An Altair chart as Vega-Lite, in the book's style."""
    return {**chart.to_dict(), "config": CONFIG}


def dark(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The same chart in the colours of dark pages."""
    return json.loads(re.sub("#[0-9A-F]{6}\\b", lambda found: SWAPS.get(found[0], found[0]), json.dumps(spec)))


def picture(spec: Mapping[str, Any]) -> bytes:
    """A chart as a PNG."""
    width = WIDTH if spec.get("width") == "container" else spec.get("width")
    return vl_convert.vegalite_to_png({**spec, "width": width}, scale=SCALE)


def javascript() -> str:
    """Vega, Vega-Lite and Vega-Embed in one script with a scope of its own, and the colours to swap in the dark."""
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    swaps = json.dumps(SWAPS, separators=(",", ":"))
    return f"(function(){{{bundle}\n;window.text4visSwaps={swaps};}})();\n"

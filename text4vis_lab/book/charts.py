"""The JavaScript of the book's charts: Vega's libraries, once, and the colours that a chart has in the dark."""

import json

import vl_convert

from ..figures.themes import SWAPS


def javascript() -> str:
    """Vega, Vega-Lite and Vega-Embed in one script with a scope of its own, and the colours to swap in the dark."""
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    swaps = json.dumps(SWAPS, separators=(",", ":"))
    return f"(function(){{{bundle}\n;window.text4visSwaps={swaps};}})();\n"

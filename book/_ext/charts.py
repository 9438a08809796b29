"""Sphinx extension: the directive `chart`, a figure with its data, the command that makes it again, and in the browser
the live chart in the place of its picture.

Its options name files beside the page: `light`, `dark` and `phone` pictures, `csv`, and `spec`, of Vega-Lite. The
JavaScript is loaded by pages that have such a chart, and by no others.
"""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

OPTIONS = ("alt", "light", "dark", "phone", "phone_dark", "html", "csv", "spec", "again")
STATIC = Path(__file__).with_name("charts_static")


class Chart(SphinxDirective):
    """A figure: pictures for light and dark, caption, links, and the chart itself for the script."""

    has_content = True
    option_spec: ClassVar = dict.fromkeys(OPTIONS, directives.unchanged)

    def run(self) -> list[nodes.Node]:
        figure = nodes.figure(classes=["chart"], align="default")
        self.set_source_info(figure)
        figure += nodes.container("", *self._pictures(), classes=["chart-pictures"])
        for option, block in (("spec", self._chart), ("html", self._page)):
            if option in self.options:
                figure += nodes.raw("", block(self._read(option)), format="html")
        caption = " ".join(" ".join(self.content).split())
        if caption:
            figure += nodes.caption(caption, caption)
        links = self._links()
        if links:
            figure += nodes.legend("", nodes.container("", *links, classes=["chart-links"]))
        return [figure]

    def _pictures(self) -> list[nodes.Node]:
        found = []
        for name in ("light", "dark", "phone", "phone_dark"):
            if name in self.options:
                phone, dark = name.startswith("phone"), name.endswith("dark")
                other = {"light": "dark", "dark": "light", "phone": "phone_dark", "phone_dark": "phone"}[name]
                classes = ["dark-light"]  # which the theme does not dim
                if other in self.options:
                    classes.append("only-dark" if dark else "only-light")
                if "phone" in self.options:
                    classes.append("only-narrow" if phone else "only-wide")
                alt = self.options.get("alt", "")
                found.append(nodes.image(uri=self.options[name], alt=alt, classes=classes, loading="lazy"))
        return found

    def _read(self, option: str) -> str:
        path = Path(self.env.srcdir, Path(self.env.docname).parent, self.options[option])
        self.env.note_dependency(str(path))
        return path.read_text(encoding="utf-8")

    def _chart(self, text: str) -> str:
        """The chart for the script; nothing in it can end its element."""
        spec = json.loads(text)
        spec.setdefault("description", self.options.get("alt", ""))
        inside = json.dumps(spec, separators=(",", ":")).replace("<", "\\u003c")
        self.env.metadata[self.env.docname]["charts"] = "yes"
        return f'<div class="chart-live"></div><script type="application/json" class="chart-spec">{inside}</script>'

    def _page(self, text: str) -> str:
        return f'<div class="chart-page">{text}</div>'

    def _links(self) -> list[nodes.Node]:
        links: list[nodes.Node] = []
        if "csv" in self.options:
            target = self.options["csv"]
            link = addnodes.download_reference("", "", reftarget=target, refdoc=self.env.docname, refdomain="")
            link += nodes.inline("", "Data (CSV)")
            links.append(nodes.paragraph("", "", link))
        if "again" in self.options:
            command = html.escape(self.options["again"])
            # The classes are those of a block of code, which gets a button that copies it.
            code = f'<div class="highlight"><pre tabindex="0">{command}</pre></div>'
            text = f'<div class="again"><span>Makes it again:</span>{code}</div>'
            links.append(nodes.raw("", text, format="html"))
        return links


def _add_scripts(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    if app.env.metadata.get(page, {}).get("charts"):
        app.add_js_file("charts.js", loading_method="defer")


def _add_static(app: Sphinx) -> None:
    app.config.html_static_path.append(str(STATIC))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("chart", Chart)
    app.connect("builder-inited", _add_static)
    app.connect("html-page-context", _add_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

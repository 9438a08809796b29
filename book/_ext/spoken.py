"""Sphinx extension: names and roles that readers who hear a page need, and that the theme and docutils leave out.

And the title of the printed page, which the theme takes for HTML.
"""

from __future__ import annotations

import html
from typing import Any

from sphinx.application import Sphinx

UNNAMED, NAMED = "<summary>", '<summary aria-label="its pages">'  # the switch beside a page of the contents
LIST, PLAIN = '<div role="list" class="citation-list">', '<div class="citation-list">'  # whose entries are no items


def _speak(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    context["body"] = context.get("body", "").replace(LIST, PLAIN)
    context["pagetitle"] = html.escape(context.get("pagetitle", ""))
    contents = context.get("generate_toctree_html")
    if contents:
        context["generate_toctree_html"] = lambda kind, **how: named(contents(kind, **how))


def named(contents: Any) -> Any:
    """The contents of the book, of which a template shows the text, with its switches named."""
    return str(contents).replace(UNNAMED, NAMED) if "<summary>" in str(contents) else contents


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", _speak, priority=900)  # after the theme's own
    return {"parallel_read_safe": True, "parallel_write_safe": True}

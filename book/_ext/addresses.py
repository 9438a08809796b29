"""Sphinx extension: what a page says of itself to others, and links to where it can be edited and run.

All of it comes from `repository.url`, `repository.branch` and `html.baseurl` of _config.yml; what these would be needed
for is absent while they are empty.
"""

from __future__ import annotations

import html
import json
from datetime import datetime, timezone
from importlib.metadata import version
from os import environ
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import escape

import yaml
from sphinx.application import Sphinx
from sphinx.config import Config

CARD = "_static/idea.png"
GITHUB = "github.com"
EDIT = {GITHUB: "{url}/edit/{branch}/{path}", "gitlab.com": "{url}/-/edit/{branch}/{path}"}


def links(url: str, branch: str, path: str) -> list[dict[str, str]]:
    """Where a file of the repository can be edited, and a notebook run: name, address and icon of each.

    Args:
        url: of the repository; empty: nowhere.
        branch: that the book was built of.
        path: of the file in the repository.
    """
    host, where = urlsplit(url).netloc, quote(path)
    found = []
    if host in EDIT:
        address = EDIT[host].format(url=url.rstrip("/"), branch=quote(branch), path=where)
        found.append({"name": "Edit this page", "url": address, "icon": "fas fa-pencil-alt"})
    if host == GITHUB and path.endswith(".ipynb"):
        project = urlsplit(url).path.strip("/")
        binder = f"https://mybinder.org/v2/gh/{project}/{quote(branch, safe='')}?labpath={quote(path, safe='')}"
        colab = f"https://colab.research.google.com/github/{project}/blob/{quote(branch)}/{where}"
        found.append({"name": "Run on Binder", "url": binder, "icon": "fas fa-rocket"})
        found.append({"name": "Run on Colab", "url": colab, "icon": "fas fa-play"})
    return found


def card(title: str, text: str, base: str, page: str, picture: str) -> str:
    """The page's description for those who link to it.

    Args:
        base: address of the book; empty while it has none.
        picture: its address as seen from the page.
    """
    image = f"{base.rstrip('/')}/{CARD}" if base else picture
    values = {"og:type": "article", "og:title": title, "og:description": text, "og:image": image}
    if base:
        values["og:url"] = f"{base.rstrip('/')}/{page}.html"
    tags = [f'<meta property="{name}" content="{html.escape(value)}" />' for name, value in values.items()]
    tags.append(f'<meta name="description" content="{html.escape(text)}" />')
    return "\n".join([*tags, '<meta name="twitter:card" content="summary_large_image" />'])


def _describe(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    if doctree is None:
        return
    told = Path(app.srcdir, "_told.txt")
    text = told.read_text(encoding="utf-8") if told.exists() else ""
    base, picture = app.config.html_baseurl, context["pathto"](CARD, 1)
    title = app.env.titles[page].astext() if page in app.env.titles else app.config.html_title
    context["metatags"] = context.get("metatags", "") + card(title, text, base, page, picture)


def _add_buttons(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    repository = yaml.safe_load(Path(app.srcdir, "_config.yml").read_text(encoding="utf-8")).get("repository") or {}
    url, branch = repository.get("url") or "", repository.get("branch") or "main"
    path = Path(app.srcdir, "_sources.json")
    sources = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if url and page in sources:
        for link in links(url, branch, sources[page]):
            button = {"type": "link", "url": link["url"], "icon": link["icon"], "tooltip": link["name"]}
            context["header_buttons"].append(button | {"text": "", "label": link["name"].lower().replace(" ", "-")})


def _sign(app: Sphinx, config: Config) -> None:
    """Version and date, at the foot of every page."""
    seconds = environ.get("SOURCE_DATE_EPOCH")
    built = datetime.fromtimestamp(int(seconds), timezone.utc) if seconds else datetime.now(timezone.utc)
    foot = f"<p>Version {html.escape(version('text4vis-lab'))}, built on {built:%d %B %Y}.</p>"
    config.html_theme_options["extra_footer"] = foot


def _map(app: Sphinx, error: Exception | None) -> None:
    """The list of pages for search engines, of a book that has an address."""
    base = app.config.html_baseurl.rstrip("/")
    if base and error is None:
        places = "".join(
            f"<url><loc>{escape(f'{base}/{page}.html')}</loc></url>" for page in sorted(app.env.found_docs)
        )
        name = "http://www.sitemaps.org/schemas/sitemap/0.9"
        text = f'<?xml version="1.0" encoding="utf-8"?>\n<urlset xmlns="{name}">{places}</urlset>\n'
        Path(app.outdir, "sitemap.xml").write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("config-inited", _sign)
    app.connect("html-page-context", _describe)
    app.connect("html-page-context", _add_buttons, priority=502)  # after the theme's own
    app.connect("build-finished", _map)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""A browser as a reader has one: Debian's chromium, by Playwright. Where there is none, these tests are left out.

Never on a machine that says CI: there it is installed, and its absence is a failure.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import ROOT

HTML = ROOT / "book" / "_build" / "html"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WIDTHS = {"desk": (1440, 900), "phone": (390, 844)}
SCHEMES = ("light", "dark")


def absent(reason: str) -> None:
    """Leave the test out, or fail where nothing may be missing."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@contextmanager
def browsing() -> Iterator:
    """A browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # As root, as in a container, chromium has no sandbox.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator:
    if CHROMIUM is None:
        absent("no chromium on this machine: apt install chromium")
    with browsing() as browser:
        yield browser


@pytest.fixture(scope="session")
def book() -> Path:
    """The book that `make book` built."""
    if not (HTML / "index.html").exists():
        absent("there is no book: make book")
    return HTML


@pytest.fixture
def open_page(chromium) -> Iterator[Callable]:
    """Opens a page at a width, in a scheme of colours; at the end nothing may have gone wrong in any of them."""
    contexts, faults = [], []

    def opened(path: Path | str, width: str = "desk", scheme: str = "light"):
        x, y = WIDTHS[width]
        context = chromium.new_context(viewport={"width": x, "height": y}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        # Of a book that is opened as files Sphinx's search has the hits, and cannot fetch their excerpts.
        found = [] if "search.html" in str(path) else faults
        page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: found.append(str(error)))
        page.on("request", lambda request: faults.append(f"asks for {request.url}") if outside(request.url) else None)
        page.goto(path.as_uri() if isinstance(path, Path) else path)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not faults


def outside(url: str) -> bool:
    """Whether an address lies on another machine."""
    return not re.match(r"(file|data|blob|about):|(http|ws)s?://(localhost|127\.0\.0\.1)[:/]", url)


def pages(folder: Path = HTML) -> list[str]:
    """The pages of the book that people read; those that Sphinx makes to be searched are none."""
    made = ("genindex.html", "py-modindex.html", "search.html")
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*.html"))
    return sorted(name for name in found if name not in made and not name.startswith(("_static/", "_sources/")))


def chapters(folder: Path = HTML) -> list[str]:
    """The pages of the runs that ended well."""
    return [
        name for name in pages(folder) if name.startswith("runs/") and 'class="answer' in (folder / name).read_text()
    ]


def at_once(page) -> None:
    """Where the theme would glide, it stands: positions are measured."""
    page.add_style_tag(
        content="*, *::before, *::after { transition: none !important; scroll-behavior: auto !important }"
    )


def first_chart(page):
    """The first chart of a page, in sight and drawn."""
    page.locator("figure:has(script.chart-spec)").first.scroll_into_view_if_needed()
    chart = page.locator("figure.live .chart-live").first
    chart.locator("svg").wait_for()
    return chart

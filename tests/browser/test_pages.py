"""Every page of the book as it is read: at a desk and on a phone, in the light and in the dark."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from browser.conftest import SCHEMES, WIDTHS, at_once, chapters, pages

pytestmark = pytest.mark.slow
# What axe asks: everything in the light, and in the dark what depends on colours. Rows of a table are alike.
RULES = {"light": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "dark": ["color-contrast"]}
SOME_ROWS = {"exclude": [[".t4v-table tbody tr:nth-child(n + 9)"]]}
FIRST_WITHIN = 1800  # pixels from the top of a chapter to its first figure or answer, at a desk
SCHEME = "scheme => document.documentElement.dataset.theme = document.documentElement.dataset.mode = scheme"
TOO_WIDE = """() => {
  const wide = [...document.querySelectorAll("main *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1)
  const all = document.documentElement.scrollWidth
  return all > innerWidth + 1 ? wide.slice(0, 3).map(e => e.outerHTML.slice(0, 200)) : []
}"""
WIDE_TEXT = """() => [...document.querySelectorAll(".answer *, .reading")]
  .filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display != "inline").map(e => e.outerHTML)"""

# What is light in the dark, but for pictures: larger than a button, and nearer to white than to black.
GLARING = """() => [...document.querySelectorAll("main *")].filter(e => {
  const [r, g, b, a = 1] = (getComputedStyle(e).backgroundColor.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number)
  const {width, height} = e.getBoundingClientRect()
  return width * height > 10000 && a > 0.5 && r + g + b > 450 && !e.closest("img, video, picture, svg")
}).map(e => e.outerHTML.slice(0, 200))"""


@pytest.mark.parametrize("name", pages())
def test_a_page_is_read_everywhere(name, book, open_page):
    page = open_page(book / name)
    at_once(page)
    assert page.title()
    for width, (x, y) in WIDTHS.items():
        page.set_viewport_size({"width": x, "height": y})
        for scheme in SCHEMES:
            page.evaluate(SCHEME, scheme)
            assert not page.evaluate(TOO_WIDE), f"{name} scrolls sideways at {x} pixels"
            assert not page.evaluate(WIDE_TEXT), f"{name}: an answer is cut off at {x} pixels ({width}, {scheme})"
            assert scheme != "dark" or not page.evaluate(GLARING), f"{name} has a light sheet in the dark"
    assert not page.evaluate(
        "[...document.images].filter(i => !i.alt && !i.closest('[role=img]')).map(i => i.outerHTML.slice(0, 200))"
    )


@pytest.mark.parametrize("name", [name for name in pages() if not name.startswith("api/")])
def test_nothing_serious_stands_in_anybody_s_way(name, book, open_page):
    page = open_page(book / name)
    at_once(page)
    for scheme, rules in RULES.items():
        page.evaluate(SCHEME, scheme)
        options = {"runOnly": rules, "resultTypes": ["violations"], "preload": False}
        found = Axe().run(page, context=SOME_ROWS, options=options).response["violations"]
        serious = [each for each in found if each["impact"] in ("serious", "critical")]
        assert not [(each["id"], [node["html"][:200] for node in each["nodes"]][:3]) for each in serious], scheme


def test_there_are_chapters(book):
    assert len(chapters(book)) >= 8


@pytest.mark.parametrize("name", chapters())
def test_a_chapter_begins_with_what_was_found(name, book, open_page):
    page = open_page(book / name)
    top = "e => e.getBoundingClientRect().top + scrollY"
    assert page.locator("main .answer").first.evaluate(top) < 900
    first = page.locator("main").locator("figure, img, svg, table, video, .answer").first
    assert first.evaluate(top) < FIRST_WITHIN
    # The answer can be read where it stands, on a phone too.
    page.set_viewport_size({"width": 390, "height": 844})
    box = page.locator("main .answer").first.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390

"""What answers to the pointer: figures, tables, galleries, the switch of colours, the search."""

import re

import pytest
from playwright.sync_api import expect

from browser.conftest import HTML, at_once, chapters, first_chart, pages

pytestmark = pytest.mark.slow
SHOWN = "#vg-tooltip-element.visible"
TELLING = """table => {
  const rows = [...table.querySelectorAll("tbody tr")].map(row => [...row.cells].map(cell => cell.textContent))
  return Math.max(0, rows[0].findIndex((_, column) => new Set(rows.map(row => row[column])).size > 1))
}"""


def holding(text: str) -> list[str]:
    """The landing page and the chapters in whose source a text stands."""
    return [
        name for name in ["index.html", *chapters()] if (HTML / name).exists() and text in (HTML / name).read_text()
    ]


def test_the_landing_page_begins_with_the_comparison(book, open_page):
    page = open_page(book / "index.html")
    assert first_chart(page).bounding_box()["y"] < 900
    assert re.search(r"\d", page.locator("main .found").inner_text()), "no number in the sentence that leads"


@pytest.mark.parametrize("name", holding("chart-spec"))
def test_a_chart_tells_what_is_under_the_pointer(name, book, open_page):
    page = open_page(book / name)
    at_once(page)
    chart = first_chart(page)
    assert chart.locator("svg").get_attribute("aria-label") or chart.locator("[aria-label]").count()
    marks = chart.locator(".mark-symbol path, .mark-rect path")
    for number in range(0, marks.count(), max(1, marks.count() // 10)):  # some lie below others
        marks.nth(number).hover(force=True)
        if page.locator(SHOWN).count():
            break
    expect(page.locator(SHOWN)).to_contain_text(re.compile(r"\d"))


def test_a_chart_follows_the_switch_of_colours(book, open_page):
    page = open_page(book / "index.html", scheme="light")
    label = first_chart(page).locator(".role-axis-label text").first
    light = label.get_attribute("fill")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    expect(page.locator("figure.live .role-axis-label text").first).not_to_have_attribute("fill", light)


@pytest.mark.parametrize("name", holding("t4v-table"))
def test_a_table_sorts_and_filters(name, book, open_page):
    page = open_page(book / name)
    at_once(page)
    page.evaluate("document.querySelectorAll('main details').forEach(each => each.open = true)")
    table = page.locator(".t4v-table:visible").first
    rows = table.locator("tbody tr:visible")
    texts = rows.all_inner_texts()
    header = table.locator("thead th").nth(table.evaluate(TELLING))
    header.scroll_into_view_if_needed()
    header.click()
    once = rows.all_inner_texts()
    header.click()
    assert sorted(once) == sorted(rows.all_inner_texts()) == sorted(texts)
    assert len(texts) == 1 or once != rows.all_inner_texts()
    if table.locator("input").count():
        table.locator("input").first.fill(texts[0].split("\t")[0].strip()[:12])
        assert 1 <= rows.count() <= len(texts)


def test_films_play_while_they_are_seen(book, open_page):
    with_films = holding("<video")
    assert with_films
    page = open_page(book / with_films[0])
    film = page.locator("main video").first
    film.scroll_into_view_if_needed()
    page.wait_for_function("film => film.currentTime > 0", arg=film.element_handle())
    assert film.get_attribute("poster") and film.evaluate("film => film.closest('[aria-label]').ariaLabel")


def test_films_stand_where_movement_is_not_wanted(book, chromium):
    context = chromium.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto((book / holding("<video")[0]).as_uri())
    film = page.locator("main video").first
    film.scroll_into_view_if_needed()
    assert film.evaluate("film => film.paused")
    context.close()


@pytest.mark.parametrize("name", chapters())
def test_the_search_finds_a_chapter_by_its_title(name, book, open_page):
    page = open_page(book / name)
    title = page.locator("main h1").first.inner_text().strip("# \n")
    page = open_page(f"{(book / 'search.html').as_uri()}?q={title.replace(' ', '+')}")
    expect(page.locator(f"#search-results a[href*='{name}']").first).to_be_visible()


def test_every_chapter_is_reached_from_the_landing_page(book, open_page):
    page = open_page(book / "index.html")
    links = page.locator("main a").evaluate_all("all => all.map(a => a.href)")
    assert {name for name in chapters() if not any(link.split("#")[0].endswith(name) for link in links)} == set()


def test_no_page_leads_nowhere(book):
    for name in pages():
        for link in re.findall(r'href="([^"#:?]+\.(?:html|csv|json|png|ipynb))["#]', (book / name).read_text()):
            assert (book / name).parent.joinpath(link).resolve().exists(), f"{name} links to {link}"

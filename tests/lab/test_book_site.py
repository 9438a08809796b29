"""What is around the pages: addresses, the social card, the printed book, the folder to publish."""

import sys

import pytest
from bs4 import BeautifulSoup
from conftest import ROOT
from test_book import load

from text4vis_lab.book import charts, printing, publishing

ADDRESSES = load(ROOT / "book" / "_ext" / "addresses.py")
HUB = "https://github.com/ours/book"


@pytest.mark.parametrize(
    ("url", "path", "names"),
    [
        ("", "notebooks/03_few_shot.ipynb", []),
        ("https://example.org/ours", "notebooks/03_few_shot.ipynb", []),
        (HUB, "book/index.md", ["Edit this page"]),
        (HUB, "notebooks/03_few_shot.ipynb", ["Edit this page", "Run on Binder", "Run on Colab"]),
        ("https://gitlab.com/ours/book", "notebooks/03_few_shot.ipynb", ["Edit this page"]),
    ],
)
def test_links_to_edit_and_to_run_are_those_of_the_repository(url, path, names):
    links = ADDRESSES.links(url, "main", path)
    assert [link["name"] for link in links] == names
    assert all("ours/book" in link["url"] and path.split("/")[-1] in link["url"] for link in links)


def test_the_social_card_has_the_address_of_the_book_where_there_is_one():
    card = ADDRESSES.card('A "title"', "Text <wins>.", "https://ours.org/book/", "runs/a", "../_static/idea.png")
    tags = {tag.get("property") or tag["name"]: tag["content"] for tag in BeautifulSoup(card, "html.parser")("meta")}
    assert tags["og:title"] == 'A "title"' and tags["og:description"] == tags["description"] == "Text <wins>."
    assert (tags["og:url"], tags["og:image"]) == (
        "https://ours.org/book/runs/a.html",
        "https://ours.org/book/_static/idea.png",
    )
    without = ADDRESSES.card("A", "B", "", "runs/a", "../_static/idea.png")
    assert 'content="../_static/idea.png"' in without and "og:url" not in without


@pytest.fixture
def html(tmp_path, monkeypatch):
    """A built book of two pages."""
    folder = tmp_path / "html"
    for name, text in {
        "index": '<h1 id="top">Book</h1><a href="runs/a.html#top">a</a><a href="#top">here</a>'
        '<img src="_images/x.png">',
        "runs/a": '<h1 id="top">A</h1><a href="../index.html">up</a><a href="https://example.org">out</a>'
        '<img src="../_images/x.png"><img src="data:image/png;base64,AA"><script>run()</script>',
    }.items():
        path = folder / f"{name}.html"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"<html><head><title>{name}</title></head><body><article>{text}</article></body></html>")
    (folder.parent / "source").mkdir()
    (folder.parent / "source" / "_toc.yml").write_text(
        "root: index\nparts: [{caption: P, chapters: [{file: runs/a, sections: []}]}]"
    )
    for module, name, value in (
        (printing, "HTML", folder),
        (publishing, "HTML", folder),
        (printing, "SOURCE", folder.parent / "source"),
    ):
        monkeypatch.setattr(module, name, value)
    return folder


def test_the_whole_book_is_one_page_whose_links_lead_within_it(html):
    page = BeautifulSoup(printing.joined(html, ["index", "runs/a"]), "html.parser")
    assert [link["href"] for link in page("a")] == ["#runs/a#top", "#index#top", "#index", "https://example.org"]
    assert [image["src"] for image in page("img")] == ["_images/x.png", "_images/x.png", "data:image/png;base64,AA"]
    names = [tag["id"] for tag in page(id=True)]
    assert len(names) == len(set(names)) and {"runs/a#top", "index#top", "runs/a"} <= {*names}
    assert not page("script")


def test_pages_are_printed_in_the_order_of_the_contents():
    toc = {"root": "index", "parts": [{"chapters": [{"file": "b", "sections": [{"file": "c"}]}, {"file": "a"}]}]}
    assert printing.pages_of(toc) == ["index", "b", "c", "a"]


def test_without_chromium_it_is_said_what_to_install(html, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    assert printing.main() == 1
    assert "no chromium here, which prints the book: install it" in capsys.readouterr().err


def test_a_folder_to_publish_is_written_anew_and_nothing_else_is(html, tmp_path, capsys):
    target = tmp_path / "public"
    assert publishing.main(str(target)) == 0
    assert (target / ".nojekyll").exists() and (target / "runs" / "a.html").exists()
    (html / "runs" / "a.html").unlink()
    assert publishing.main(str(target)) == 0
    assert not (target / "runs" / "a.html").exists()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    assert publishing.main(str(tmp_path / "mine")) == 1
    assert "holds something that is no published book: name another folder" in capsys.readouterr().err
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_the_charts_javascript_fetches_nothing_and_leaves_one_name():
    script = charts.javascript()
    assert script.startswith("(function(){") and "window.vegaEmbed" in script and "window.text4visSwaps={" in script
    assert "import " not in script[:200] and sys.getsizeof(script) < 2_000_000

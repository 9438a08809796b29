"""Texts of other people on the book's pages: they end no block, and the commands are those that ran."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from myst_parser.parsers.options import options_to_items
from papermill.cli import _resolve_type
from papermill.iorw import NoDatesSafeLoader
from test_book import build, finish, load, parts  # noqa: F401 - a fixture
from test_book_chapters import cell, display, output, page  # noqa: F401 - a fixture

from text4vis_lab.book import building
from text4vis_lab.book.markdown import box, fenced, literal
from text4vis_lab.book.outputs import RICH, TEXT, directive
from text4vis_lab.shell import command, papermill
from text4vis_lab.suites import read_suite

WORDS = [
    *("", "a b", "a  b ", "-r", "it's", '"', "`touch x`", "$(touch x)", "${HOME}", "!!", "~", "*", "#", "a\\n", "a\\"),
    *("two\nlines\n", "tab\t", "\x1b[31m", "\x7f\x01" + "f", "\u202e", "\xa0", "é", "电影🎬", "\udce9.mp4", "%s", "{}"),
]
FLOATS = [1e-09, 1e22, -2.5e-300, 5.0, 0.1, math.inf, -math.inf, 3e-5]
TEXTS = [
    *(
        "1e-09",
        "true",
        "null",
        "~",
        "0x10",
        "12:30:00",
        "2020-01-01",
        "=",
        "<<",
        "- a",
        "a: b",
        "[GX] clip.mp4",
        "",
        " ",
    ),
    *("a\0b", "a\nb\n", " \n ", "\x85", "\u2028", "🎬\x1b", "\ud800", "'\x07\"", "{x}: [y]", "%YAML", "--- |", "\\x41"),
]


def said(line: str) -> list[str]:
    """The words that a program is given by a line that is pasted into bash; bytes that are no UTF-8 too."""
    show = f"{sys.executable} -c 'import json, sys; print(json.dumps(sys.argv[1:]))' {line}"
    done = subprocess.run(["bash", "-c", show.encode("utf-8", "surrogateescape")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_bash_reads_each_word_as_it_was():
    line = command(WORDS)
    assert said(line) == WORDS
    assert "\n" not in line and "\x1b" not in line and "\u202e" not in line


def parameters(options: list[str]) -> dict:
    """What papermill makes of its options."""
    found: dict = {}
    while options:
        kind, name, *options = options
        if kind == "-y":
            found |= yaml.load(name, Loader=NoDatesSafeLoader)
        else:
            value, *options = options
            found[name] = _resolve_type(value) if kind == "-p" else value
    return found


def test_papermill_is_given_each_value_with_its_type():
    values = {f"text{number}": text for number, text in enumerate([*WORDS[:-4], *TEXTS])}
    values |= {f"float{number}": value for number, value in enumerate(FLOATS)}
    values |= {
        "list": FLOATS,
        "texts": TEXTS,
        "table": {"1e-09": {1: [1e-09, True, None]}},
        "flag": False,
        "none": None,
    }
    values |= {"whole": 10**20, "true": True}
    given = said(papermill(Path("a{b}.ipynb"), Path("runs/{x}.ipynb"), values))[1:]
    assert [path.format() for path in given[:2]] == ["a{b}.ipynb", "runs/{x}.ipynb"]
    found = parameters(given[2:])
    assert found == values
    assert json.dumps(found, sort_keys=True) == json.dumps({k: found[k] for k in values}, sort_keys=True)
    assert [type(found[name]) for name in values] == [type(value) for value in values.values()]
    assert [type(value) for value in found["list"]] == [float] * len(FLOATS)


@pytest.mark.parametrize("marks", ["`" * number for number in range(1, 8)])
def test_no_text_ends_its_block(marks):
    text = f"a {marks}\n{marks}\n{marks}{{raw}} html\n:::\n::::::\n~~~"
    first, *inside, last = fenced(text).split("\n")
    assert first == f"{last}text" and len(last) > max(2, len(marks)) and set(last) == {"`"}
    assert inside == text.split("\n")
    head, *inside, last = box("{note} a", fenced(text)).split("\n")
    assert last == ":" * 7 and head == f"{last}{{note}} a"
    mark = literal(text).split(" ")[0]
    assert set(mark) == {"`"} and len(mark) == len(marks) + 1
    assert "\n" not in literal(text)


@pytest.mark.parametrize(
    "text", ["a: b #c", "'a", '"a" \\n', "- a", "{a}", "|", ">", "a  b", "", ":::", "%s", "a #", "é, b."]
)
def test_the_options_of_a_chart_are_text(text):
    lines = directive({"alt": text, "again": text}, f"{text} :::: x\n:::").split("\n")
    options, _ = options_to_items("\n".join(line[1:] for line in lines[1:3]))
    assert dict(options) == {"alt": " ".join(text.split()), "again": text}
    assert lines[-1] == ":::::" and lines[0] == ":::::{chart}"


def test_what_a_notebook_put_out_is_cut_and_the_page_says_where_the_whole_is(page):  # noqa: F811
    most = "x" * 3_000_000
    many = [output("y" * 1000, "stderr" if number % 2 else "stdout") for number in range(2000)]
    table = display({"text/html": f"<b>{most}</b>", "text/plain": "a table"})
    picture = {"image/png": "", "text/html": most, "application/vnd.vegalite.v5+json": {"data": most}}
    small = [display({"text/html": "z" * (RICH // 2)}) for _ in range(5)]
    cells, pages = page(
        cell("a", output(most)), cell("b", *many), cell("c", table, display(picture)), cell("d", *small)
    )
    made = pages["runs/a.ipynb"]
    assert len(made) < 4 * TEXT + 1.6 * RICH
    told = "The whole is in runs/mine/a/train.ipynb."
    assert made.count(told.encode()) == 6  # of each cell, of the table, the picture, and the warnings
    assert not [name for name, content in pages.items() if len(content) > 2 * RICH]
    [shown] = [out for each in cells for out in each.get("outputs", []) if "a table" in str(out)]
    assert shown["data"].keys() == {"text/plain"}


def test_what_does_not_print_is_shown_as_its_escape(page):  # noqa: F811
    table = display({"text/html": "<b>\x1b]0;\u202e\udce9</b>\n", "text/plain": "\x1b"})
    cells, _ = page(cell("a", output("\x1b[31mred\x1b[0m\t\x1b]0;\r\n")), cell("b", table))
    outputs = [out for each in cells for out in each.get("outputs", [])]
    assert outputs[0]["text"] == "red     \\x1b]0;\n"
    assert outputs[1]["data"] == {"text/html": "<b>\\x1b]0;\\u202e\\udce9</b>\n", "text/plain": "\\x1b"}


def test_a_link_out_of_the_runs_folder_is_not_followed(page, tmp_path):  # noqa: F811
    (tmp_path / "secret").write_text("nobody may read this")
    page(cell("a"))
    (tmp_path / "runs" / "mine" / "a" / "figures" / "out.csv").symlink_to(tmp_path / "secret")
    _, pages = page(
        cell("draw", display({"image/png": "AAAA"}, {"csv": "figures/out.csv", "light": "figures/out.csv"}))
    )
    assert b"nobody may read this" not in b"".join(pages.values())


def test_the_title_of_a_suite_is_text_and_that_of_a_notebook_its_own(build, tmp_path):  # noqa: F811
    suite = tmp_path / "experiments" / "two.yaml"
    suite.write_text('runs: [{name: a, notebook: train, title: "{download}`x` <b>\\e"}, {name: b, notebook: train}]')
    for run in read_suite("experiments/two.yaml").runs:
        finish(run, when=1)
    pages = build.collect(read_suite("experiments/two.yaml"))
    headings = [json.loads(pages[f"runs/{name}.ipynb"])["cells"][0]["source"].splitlines()[0] for name in "ab"]
    assert headings == ["# \\{download\\}\\`x\\` \\<b\\>\\\\x1b", "# The *bench*"]


def test_a_book_with_warnings_leaves_the_one_before_and_no_page_of_its_own(tmp_path, monkeypatch):
    status = 0

    def jupyter_book(words, **_):
        html = Path(words[words.index("--path-output") + 1], "_build", "html")
        (html / "_static").mkdir(parents=True)
        (html / "index.html").write_text(f"built with {status}")
        return subprocess.CompletedProcess(words, status)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(building.subprocess, "run", jupyter_book)
    monkeypatch.setattr(building, "javascript", str)
    assert building.build({"index.md": b"first"}) == 0
    status = 1
    assert building.build({"index.md": b"second"}) == 1
    assert [path.read_text() for path in tmp_path.rglob("*.html")] == ["built with 0"]
    assert (building.SOURCE / "index.md").read_text() == "first"
    status = 0
    assert building.build({"other.md": b"third"}) == 0
    assert [path.name for path in building.SOURCE.iterdir()] == ["other.md"]
    assert sorted(path.name for path in building.BUILD.iterdir()) == ["html", "source"]

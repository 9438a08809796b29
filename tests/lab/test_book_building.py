"""The book is built in a folder of its own, by one process at a time, and replaces the last one when it is whole."""

import os
import subprocess
from pathlib import Path

import pytest

from text4vis_lab.book import building
from text4vis_lab.suites import SuiteError
from text4vis_lab.surroundings import take

PAGES = {"index.md": b"# One", "runs/a.md": b"# A"}


@pytest.fixture
def jupyter_book(tmp_path, monkeypatch):
    """Jupyter Book, in whose place pages are copied; its exit statuses, one after the other."""
    statuses: list[int] = []

    def run(command, **options):
        source, out = Path(command[2]), Path(command[command.index("--path-output") + 1])
        for page in source.rglob("*.md"):
            html = out / "_build" / "html" / page.relative_to(source).with_suffix(".html")
            html.parent.mkdir(parents=True, exist_ok=True)
            html.write_bytes(page.read_bytes())
        (out / "_build" / "html" / "_static").mkdir()
        return subprocess.CompletedProcess(command, statuses.pop(0))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(subprocess, "run", run)
    return statuses


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_book_takes_the_place_of_the_last_and_one_with_warnings_does_not(jupyter_book):
    jupyter_book += [0, 1, 0]
    assert building.build(PAGES) == 0
    assert files(building.HTML) == {"index.html", "runs/a.html", "_static/vega.js"}
    assert files(building.BUILD / "source") == set(PAGES)
    assert building.build({"index.md": b"# Two", "refused.md": b"# <script>"}) == 1
    assert (building.HTML / "index.html").read_bytes() == b"# One"
    assert not list(Path().rglob("refused.html"))
    assert files(building.NEXT / "source") == {"index.md", "refused.md"}
    assert building.build({"index.md": b"# Three"}) == 0
    assert files(building.HTML) == {"index.html", "_static/vega.js"}
    assert (building.HTML / "index.html").read_bytes() == b"# Three"
    assert not building.NEXT.exists()


def test_a_second_build_waits_for_the_first(jupyter_book, monkeypatch, capsys):
    first, waited = take(building.LOCK), []
    wait = building.wait_for

    def wait_for(path):
        waited.append(capsys.readouterr().out)
        os.close(first)
        return wait(path)

    monkeypatch.setattr(building, "wait_for", wait_for)
    monkeypatch.setattr(building, "_build", lambda suite: 0 if take(building.LOCK) is None else 1)
    assert building.main("experiments/mine.yaml") == 0, "nobody holds the lock while it builds"
    assert waited[0].startswith(f"waiting for process {os.getpid()} on ")
    assert waited[0].endswith(", which builds a book here already\n")
    os.close(take(building.LOCK))


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (SuiteError("mine.yaml: wrong"), "error: mine.yaml: wrong\n"),
        (
            OSError(28, "No space left on device", "book/_build/x"),
            "error: [Errno 28] No space left on device: 'book/_build/x'; the last book is kept: see to it, and build "
            "again\n",
        ),
    ],
)
def test_what_goes_wrong_is_said_in_a_line(jupyter_book, monkeypatch, capsys, failure, said):
    def fail(suite):
        raise failure

    monkeypatch.setattr(building, "_build", fail)
    assert building.main("experiments/mine.yaml") == 1
    assert capsys.readouterr().err == said

"""What book/build.py puts together; that a book is built of it is in test_suite.py."""

import importlib.util
import json
import os
import re

import pytest
import yaml
from conftest import ROOT

from text4vis_lab.suites import read_suite

CODE = {"cell_type": "code", "execution_count": None, "outputs": [], "metadata": {}}
NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": "# The *bench*"},
        CODE | {"metadata": {"tags": ["parameters"]}, "source": 'run_dir = "runs/x"  # where to\nlr = 1e-3'},
        CODE | {"metadata": {"tags": ["hide-input"]}, "source": "1 + 1"},
    ],
    "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 4,
}


@pytest.fixture
def build(tmp_path, monkeypatch):
    """book/build.py in a repository of two suites: `mine`, and `bench` with two runs."""
    (tmp_path / "book").symlink_to(ROOT / "book")
    for folder in ("notebooks", "experiments"):
        (tmp_path / folder).mkdir()
    (tmp_path / "notebooks" / "train.ipynb").write_text(json.dumps(NOTEBOOK))
    for name, runs in (
        ("mine", "{name: a, notebook: train}"),
        ("bench", "{name: b, notebook: train, grid: {lr: [1, 2]}}"),
    ):
        (tmp_path / "experiments" / f"{name}.yaml").write_text(f"runs: [{runs}]")
    monkeypatch.chdir(tmp_path)
    return load(ROOT / "book" / "build.py")


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def finish(run, when: int) -> None:
    run.directory.mkdir(parents=True)
    run.executed.write_text(run.source.read_text())
    (run.directory / "result.json").write_text(json.dumps({"when": when}))
    run.attempt.write_text(json.dumps({"status": "ok", "error": "", "seconds": when}))
    os.utime(run.attempt, (when, when))


def parts(pages) -> dict[str, list]:
    return {part["caption"]: part["chapters"] for part in yaml.safe_load(pages["_toc.yml"])["parts"]}


def test_the_newest_bench_is_a_page_of_every_book(build):
    mine, bench = read_suite("experiments/mine.yaml"), read_suite("experiments/bench.yaml")
    before = build.collect(mine)
    assert "The machine" not in parts(before)
    finish(bench.runs[1], when=200)
    finish(bench.runs[0], when=100)
    pages = build.collect(mine)
    assert list(parts(pages))[-2:] == ["The machine", "Reference"]
    assert parts(pages)["The machine"] == [{"file": "machine/b-lr=2", "title": "The *bench*"}]
    assert json.loads(pages["machine/b-lr=2.result.json"]) == {"when": 200}
    assert "runs/bench/b-lr=2" in pages["machine/b-lr=2.ipynb"].decode()
    assert set(pages) - set(before) == {"machine/b-lr=2.ipynb", "machine/b-lr=2.result.json"}


def test_the_book_of_the_bench_has_it_among_its_experiments_alone(build):
    bench = read_suite("experiments/bench.yaml")
    finish(bench.runs[0], when=100)
    pages = build.collect(bench)
    assert "The machine" not in parts(pages)
    assert [chapter["file"] for chapter in parts(pages)["Experiments"]] == ["runs/b-lr=1", "runs/b-lr=2"]


def test_there_need_be_no_bench(build, tmp_path):
    (tmp_path / "experiments" / "bench.yaml").unlink()
    assert "The machine" not in parts(build.collect(read_suite("experiments/mine.yaml")))


def test_setup_and_what_papermill_put_in_are_folded(build):
    mine = read_suite("experiments/mine.yaml")
    finish(mine.runs[0], when=100)
    injected = CODE | {"metadata": {"tags": ["injected-parameters"]}, "source": "lr = 1"}
    cells = [*NOTEBOOK["cells"][:2], injected, *NOTEBOOK["cells"][2:]]
    mine.runs[0].executed.write_text(json.dumps(NOTEBOOK | {"cells": cells}))
    page = json.loads(build.collect(mine)["runs/a.ipynb"])
    folded = ["hide-input" in cell["metadata"].get("tags", []) for cell in page["cells"]]
    assert folded == [False, False, True, True]


def test_the_reference_holds_every_module_and_the_names_that_packages_offer():
    page = load(ROOT / "book" / "_ext" / "reference.py").with_reference((ROOT / "book" / "api.md").read_text())
    for package in ("text4vis_core", "text4vis_lab"):
        for path in (ROOT / package).rglob("*.py"):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            private = any(part.startswith("_") for part in module.split("."))
            assert (f".. automodule:: {module}\n" in page) != private, module
    assert re.search(r"`INITIALISERS`.*`initialise`.* \| `text4vis_core\.model\.classifier` \|", page)


def test_the_picture_of_the_packages_is_drawn_anew(build):
    assert build.collect(read_suite("experiments/mine.yaml"))["contributing/structure.svg"].startswith(b"<?xml")

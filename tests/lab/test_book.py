"""What the book is put together of; its chapters are in test_book_chapters.py, that it is built in test_suite.py."""

import ast
import importlib.util
import json
import os
import re
import shlex
from pathlib import Path

import pytest
import yaml
from conftest import ROOT

from text4vis_lab.book import collecting
from text4vis_lab.book.rooms import rooms
from text4vis_lab.class_embeddings import load_class_embeddings
from text4vis_lab.notebooks import notebook_defaults, notebook_settings, notebook_uses
from text4vis_lab.records import RunRecord
from text4vis_lab.rows import COLUMNS
from text4vis_lab.settings import Range, checked, declared
from text4vis_lab.suites import read_suite
from text4vis_lab.suites.inputs import made_of

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in [ROOT / "README.md", ROOT / "data" / "README.md", *(ROOT / "book").rglob("*.md")]
    if "_build" not in path.parts
}

CODE = {"cell_type": "code", "execution_count": None, "outputs": [], "metadata": {}}
NOTEBOOK = {
    "cells": [
        {"cell_type": "markdown", "metadata": {}, "source": "# The *bench*"},
        CODE | {"metadata": {"tags": ["parameters"]}, "source": 'run_dir = "runs/x"  # where to\nlr = 1e-3'},
        CODE | {"metadata": {"tags": ["hide-input"]}, "source": 'lab = Lab.open("train", globals(), uses=())'},
    ],
    "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 4,
}


@pytest.fixture
def build(tmp_path, monkeypatch):
    """The builder's `collect` in a repository of two suites: `mine`, and `bench` with two runs."""
    for folder in ("book", "data"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    for folder in ("notebooks", "experiments"):
        (tmp_path / folder).mkdir()
    (tmp_path / "notebooks" / "train.ipynb").write_text(json.dumps(NOTEBOOK))
    for name, runs in (
        ("mine", "{name: a, notebook: train}"),
        ("bench", "{name: b, notebook: train, grid: {lr: [1, 2]}}"),
    ):
        (tmp_path / "experiments" / f"{name}.yaml").write_text(f"runs: [{runs}]")
    monkeypatch.chdir(tmp_path)
    return collecting


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def finish(run, when: int) -> None:
    run.directory.mkdir(parents=True)
    run.executed.write_text(run.source.read_text())
    RunRecord(run.notebook, run.directory, {"when": when}).save()
    run.attempt.write_text(json.dumps({"status": "ok", "error": "", "seconds": when, "made_of": made_of(run)}))
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
    assert json.loads(pages["machine/b-lr=2.result.json"])["parameters"] == {"when": 200}
    assert pages["machine/b-lr=2.ipynb"].count(b"# The *bench*") == 1
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


def test_a_book_can_do_without_the_pages_about_the_packages(build, tmp_path):
    suite = tmp_path / "experiments" / "mine.yaml"
    whole = build.collect(read_suite(suite))
    suite.write_text(f"reference: false\n{suite.read_text()}")
    pages = build.collect(read_suite(suite))
    gone = [name for name in whole if name.split("/")[0] in ("api", "api.md", "contributing")]
    assert gone and sorted(pages) == sorted(set(whole) - set(gone))
    assert "Contributing" not in parts(pages)
    index = pages["index.md"].decode()
    assert index.startswith("# What was found in your videos") and "claim" not in index and "own.md" not in pages
    assert all(f"](runs/{run.name}." in index for run in read_suite(suite).runs)
    assert [entry["file"] for entry in parts(pages)["Reference"]] == ["settings", "references"]


def test_the_reference_holds_every_module_and_the_names_that_packages_offer():
    pages = {name: text.decode() for name, text in rooms((ROOT / "book" / "api.md").read_text()).items()}
    with_reference = load(ROOT / "book" / "_ext" / "reference.py").with_reference
    page = "\n".join(map(with_reference, pages.values()))
    for package in ("text4vis_core", "text4vis_lab"):
        for path in (ROOT / package).rglob("*.py"):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            private = any(part.startswith("_") for part in module.split("."))
            assert (f".. automodule:: {module}\n" in page) != private, module
    assert re.search(r"`INITIALISERS`.*`initialise`.* \| `text4vis_core\.model\.classifier` \|", page)
    assert all(f"({name})" in pages["api.md"] for name in pages if name != "api.md")


def test_the_picture_of_the_packages_is_drawn_anew(build):
    assert build.collect(read_suite("experiments/mine.yaml"))["contributing/structure.svg"].startswith(b"<?xml")


def fenced(page: str, language: str) -> list[str]:
    """The blocks of code of a page that are in this language, however far they are set in."""
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def given(page: str) -> list[tuple[str, dict]]:
    """(notebook, what it is given) of each papermill command on a page, and of each run of a suite."""
    found = []
    for command in "\n".join(fenced(page, "sh")).replace("\\\n", " ").splitlines():
        if command.startswith("papermill "):
            words = shlex.split(command, comments=True)
            places = [place for place, word in enumerate(words) if word in ("-p", "-r")]
            values = {words[place + 1]: words[place + 2] for place in places}
            for place in (place for place, word in enumerate(words) if word == "-y"):
                values |= yaml.safe_load(words[place + 1])
            found.append((Path(words[1]).stem, values))
    suites = [yaml.safe_load(block) for block in fenced(page, "yaml")]
    return found + [
        (run["notebook"], run.get("parameters", {}) | {name: values[0] for name, values in run.get("grid", {}).items()})
        for suite in suites
        for run in (suite.get("runs", []) if isinstance(suite, dict) else [])
    ]


@pytest.mark.parametrize(
    ("page", "notebook", "values"),
    [pytest.param(page, *command, id=f"{page}-{command[0]}") for page in PAGES for command in given(PAGES[page])],
)
def test_what_a_page_gives_to_a_notebook_it_takes(page, notebook, values):
    path = ROOT / "notebooks" / f"{notebook}.ipynb"
    # A page that adds something to choose from uses it, too.
    checked(values, notebook_defaults(path), notebook_uses(path), choices="contributing" not in page)


def test_there_are_commands_on_the_pages():
    assert sum(len(given(page)) for page in PAGES.values()) > 15


@pytest.mark.parametrize("page", PAGES)
def test_settings_that_a_page_names_are_there(page):
    known = {name for path in NOTEBOOKS for name in notebook_settings(path)}
    named = re.findall(r"(?:parameter|setting)s?[\s(]+`(\w+)`", PAGES[page])
    named += re.findall(r"`-[pry] (\w+)", PAGES[page])
    assert set(named) <= known | {"parameters"}


@pytest.mark.parametrize("page", PAGES)
def test_what_the_code_of_a_page_imports_is_there(page):
    for code in fenced(PAGES[page], "python"):
        imports = [node for node in ast.parse(code).body if isinstance(node, ast.Import | ast.ImportFrom)]
        exec(compile(ast.Module(imports, []), page, "exec"), {})


def test_every_shared_setting_is_on_the_page_of_settings_with_what_it_is(monkeypatch):
    monkeypatch.chdir(ROOT)
    page = load(ROOT / "book" / "_ext" / "settings.py").with_settings(PAGES["book/settings.md"])
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]
    shared = {row[0].removeprefix("| "): row for row in rows if len(row) == 5}
    assert list(shared) == [f"`{name}`" for name in declared()]
    for name, setting in declared().items():
        _, kind, default, choices, about = shared[f"`{name}`"]
        assert kind == setting.kind.__name__
        assert default.strip("`").strip("'") == str(setting.default)
        if isinstance(setting.choices, Range):
            assert choices == str(setting.choices)
        else:
            assert choices.replace("`", "").split() == [str(choice) for choice in setting.choices or ()]
        assert about.replace("\\", "").removesuffix(" |") == setting.about


@pytest.mark.slow
def test_the_page_of_settings_says_what_each_notebook_takes(monkeypatch):
    monkeypatch.chdir(ROOT)
    page = load(ROOT / "book" / "_ext" / "settings.py").with_settings(PAGES["book/settings.md"])
    rows = {path.stem: re.search(rf"^\| `{path.stem}` \|.*$", page, re.MULTILINE).group() for path in NOTEBOOKS}
    for path in NOTEBOOKS:
        assert {f"`{name}`" for name in notebook_defaults(path)} < set(re.findall(r"`[^`]+`", rows[path.stem]))
        groups = rows[path.stem].split(" | ")[1]
        used = {setting.group for setting in declared().values() if setting.name in notebook_settings(path)}
        assert groups == "all" or set(filter(None, groups.strip().split(", "))) <= used


def test_the_page_on_records_has_every_column():
    table = PAGES["book/howto/run_record.md"].split("## The columns of a row")[1].split("No intervals")[0]
    columns = [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `")]
    assert re.findall(r"`(\w+)`", " ".join(columns)) == list(COLUMNS)


def test_the_page_on_reading_has_every_notebook():
    assert re.findall(r"^\| `(\d\d_\w+)` \|", PAGES["book/reading.md"], re.MULTILINE) == [p.stem for p in NOTEBOOKS]


def test_class_embeddings_are_saved_as_the_page_says(tmp_path, monkeypatch, clip_folder, ucf101):
    [code] = [code for code in fenced(PAGES["book/howto/real_weights.md"], "python") if "save_class_embeddings" in code]
    here = code.replace('"ViT-L-14-quickgelu", "openai"', repr(str(clip_folder)))
    here = here.replace('"data/ucf101"', repr(str(ucf101)))
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    variables: dict = {}
    exec(here, variables)
    rows = load_class_embeddings("data/ucf101-vit-l-14.safetensors", variables["names"])
    assert rows.tolist() == variables["rows"].tolist()

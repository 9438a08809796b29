"""The pages of the book's part *Contributing*: their code is put where they say it goes, and works there."""

import ast
import io
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import tokenize
from pathlib import Path

import pytest
from conftest import ROOT

from text4vis_lab.records import read_record
from text4vis_lab.results import recomputed
from text4vis_lab.suites import read_suite

BLOCK = re.compile(r"^```\{code-block\} (\w+)\n:caption: (\S+?)(?:, ([^\n]+))?\n\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = ("initialisation", "temporal", "data_format", "notebook")


def blocks(page: str) -> list[tuple[str, str, str]]:
    """(file, where in it, code) of the blocks of a page that say where they go."""
    text = (ROOT / "book" / "contributing" / f"{page}.md").read_text()
    return [(file, where, code) for _, file, where, code in BLOCK.findall(text)]


def put(root: Path, file: str, where: str, code: str) -> None:
    """Write the code into a file: a new one, or one that there is, `above NAME` or first `in NAME`."""
    path = root / file
    if not where:
        assert not path.exists(), f"{file} is there already; where in it?"
        path.write_text(code)
        return
    how, name = where.split(" ", 1)
    lines = path.read_text().splitlines()
    [number] = [n for n, line in enumerate(lines) if re.match(rf"{re.escape(name)}\b", line)]
    if how == "above":
        lines[number:number] = [*code.splitlines(), "", ""]
    else:
        lines[number + 1 : number + 1] = textwrap.indent(code, "    " if file.endswith(".py") else "  ").splitlines()
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def changed(tmp_path_factory) -> Path:
    """A copy of the project with what the first three pages say."""
    root = tmp_path_factory.mktemp("project")
    for name in ("text4vis_core", "text4vis_lab", "tests"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", root)
    for page in PAGES[:3]:
        for block in blocks(page):
            put(root, *block)
    return root


def run(root: Path, *command: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-m", *command], cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_code_of_the_pages_passes_its_own_tests(changed):
    tests = [file for page in PAGES[:3] for file, _, _ in blocks(page) if file.startswith("tests/")]
    assert len(tests) == 3
    printed = run(changed, "pytest", "-q", "-p", "no:nbval", "-p", "no:cacheprovider", "-o", "addopts=", *tests)
    assert re.search(r"[3-9] passed", printed)


def test_it_is_in_the_style_of_the_house(changed):
    files = sorted({file for page in PAGES[:3] for file, _, _ in blocks(page)})
    run(changed, "ruff", "check", *files)
    run(changed, "ruff", "format", "--check", *files)


@pytest.mark.parametrize("page", PAGES)
def test_it_is_one_function_or_file_and_at_most_one_line_elsewhere(page):
    code = [(where, text) for file, where, text in blocks(page) if not file.startswith("tests/")]
    assert [len(text.splitlines()) for where, text in code if where.startswith("in ")] in ([], [1])
    assert all(len(text.splitlines()) <= 25 for _, text in code)


@pytest.fixture
def notebook(tmp_path, monkeypatch) -> dict[str, str]:
    """The cells of the page's notebook, which lies in the current directory, a project with what the page says."""
    cells = {where: text.strip() for file, where, text in blocks("notebook") if file.endswith(".ipynb")}
    kinds = {where: "markdown" if where == "markdown" else "code" for where in cells}
    stored = [{"cell_type": kinds[where], "metadata": {"tags": [where]}, "source": cells[where]} for where in cells]
    for cell in stored:
        cell |= {"outputs": [], "execution_count": None} if cell["cell_type"] == "code" else {}
    for folder in ("notebooks", "experiments"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "text4vis_core").symlink_to(ROOT / "text4vis_core")
    content = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": stored}
    (tmp_path / "notebooks" / "20_wording.ipynb").write_text(json.dumps(content))
    [line] = [block for block in blocks("notebook") if block[0].startswith("experiments/")]
    put(tmp_path, *line)
    monkeypatch.chdir(tmp_path)
    return cells


def test_the_notebook_is_one_that_a_suite_takes(notebook):
    """It has the cells that every notebook has, and the line in the suite names it."""
    assert list(notebook) == ["markdown", "parameters", "hide-input", "code", "lead", "reading", "settings", "answer"]
    assert notebook["markdown"].startswith("# ")
    tokens = tokenize.generate_tokens(io.StringIO(notebook["parameters"]).readline)
    comments = [token for token in tokens if token.type == tokenize.COMMENT]
    parameters = ast.parse(notebook["parameters"]).body
    assert len(comments) == len(parameters) <= 12
    assert ast.unparse(parameters[0]) == "run_dir = 'runs/interactive/20_wording'"
    assert "20_wording" in [run.notebook for run in read_suite("experiments/miniature.yaml").runs]


def test_the_notebook_runs_and_leaves_its_rows(notebook, clip_folder, ucf101):
    variables = {}
    exec(notebook["parameters"], variables)
    variables |= {"model": str(clip_folder), "dataset": "ucf101", "data_root": str(ucf101), "epochs": 1}
    *shown, answer = [cell for where, cell in notebook.items() if where not in ("markdown", "parameters")]
    for cell in shown:
        exec(cell, variables)
    *before, last = ast.parse(answer).body
    exec(compile(ast.Module(before, []), "answer", "exec"), variables)
    told = eval(ast.unparse(last), variables)
    assert str(told).startswith("Answer: The best wording ")
    assert Path("runs/interactive/20_wording/figures/wording.csv").is_file()
    record = read_record("runs/interactive/20_wording/result.json")
    rows = [(row["template"], row["seed"], row["shots"], row["method"], row["videos"]) for row in record["rows"]]
    assert rows == [(t, s, 1, "text, frozen", 6) for t in variables["templates"] for s in variables["seeds"]]
    assert len(record["histories"]) == len(rows)
    assert recomputed(record) == (2 * len(rows), 0.0)  # top-1 and top-5 of each


def test_the_notebook_is_in_the_style_of_the_house(notebook):
    config = ("--config", str(ROOT / "pyproject.toml"), "notebooks/20_wording.ipynb")
    run(Path.cwd(), "ruff", "check", *config)
    run(Path.cwd(), "ruff", "format", "--check", *config)

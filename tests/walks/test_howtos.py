"""The how-to pages: their commands are run where a machine without GPU, network and data can, else read and checked.

`test_what_is_left_out_is_left_out_for_these_reasons` counts what is not run. Of every command, run or not, the program,
its files and what it is given are checked: a notebook's settings, a make target, a module, a suite.
"""

import ast
import importlib.util
import itertools
import re
import shlex
import shutil
from collections import Counter

import open_clip
import pytest
import yaml
from conftest import ROOT

from text4vis_lab.cli import EXAMPLES
from text4vis_lab.notebooks import notebook_defaults, notebook_settings, notebook_uses
from text4vis_lab.settings import checked
from text4vis_lab.suites import read_suite
from walks.walking import Walk, all_blocks, blocks

HOWTO = ROOT / "book" / "howto"
NAMES = ("real_weights", "gpu_machine", "cluster", "paper_scale", "faults", "run_record", "bench", "cache", "prepare")
COMMANDS = ("sh", "bash")
MADE = {"experiments/ours.yaml"}  # by a page, or its reader
REASONS = {
    "downloads weights": 2,
    "needs GPUs, data and weights": 2,
    "needs a GPU": 1,
    "needs a GPU, the videos and the weights": 2,
    "needs a Slurm cluster": 3,
    "needs several GPUs": 2,
    "needs the data set": 3,
    "needs the run's file": 1,
    "needs the weights and the data set": 2,
    "needs two records of the bench": 1,
    "installs a Slurm on this machine": 1,
    "removes what others may need": 1,
    "takes an hour": 1,
    "takes minutes": 4,
    "takes ten minutes and the whole machine": 1,
}
PAGES = {name: all_blocks(HOWTO / f"{name}.md") for name in NAMES}
OTHERS = [all_blocks(HOWTO / f"{name}.md") for name in ("your_videos", "predict")]  # walked by tests of their own
SAID = [block for found in (*PAGES.values(), *OTHERS) for block in found if block.language in COMMANDS]


@pytest.fixture(scope="module")
def walk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("walk")
    walk = Walk(folder / "walk", home=folder / "home")
    walk._make()
    return walk


def test_what_is_left_out_is_left_out_for_these_reasons():
    assert Counter(block.left_out for found in PAGES.values() for block in found if block.left_out) == REASONS


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name != "run_record" and blocks(HOWTO / f"{name}.md")])
def test_a_pages_commands_run_as_they_stand(walk, name):
    for block in blocks(HOWTO / f"{name}.md"):
        walk.run(block)


@pytest.mark.slow
def test_a_record_is_read_as_the_page_says(walk):
    for name in ("few_shot", "zero_shot"):
        run = ROOT / "runs" / "miniature" / name
        if not (run / "result.json").exists():
            pytest.skip(f"make book has left no record of {name} yet")
        shutil.copytree(run, walk.clone / "runs" / "miniature" / name, ignore=shutil.ignore_patterns("checkpoints"))
    told = "\n".join(walk.run(block) for block in blocks(HOWTO / "run_record.md"))
    assert re.search(r"largest difference: \d+ 0\.0", told)
    assert "text, frozen" in told


def commands(text: str) -> list[list[str]]:
    """The commands of a shell block, split into words; what stands in documents for `cat` is left out."""
    text = re.sub(r"<<'(\w+)'\n.*?\n\1\n", "\n", text, flags=re.DOTALL)
    text = re.sub(r" \\\n", " ", text)
    lines, inside = [], ""
    for line in text.splitlines():  # a quoted program may have several lines
        inside += ("\n" if inside else "") + line
        try:
            lines.append(shlex.split(inside, comments=True))
            inside = ""
        except ValueError:
            continue
    assert not inside, f"an open quotation mark: {inside}"
    return [line for line in lines if line]


def given(words: list[str]) -> dict[str, object]:
    """What papermill is given, by its name."""
    values: dict[str, object] = {}
    for option, value, *more in zip(words, words[1:], [*words[2:], ""], strict=False):
        if option == "-p":
            values[value] = yaml.safe_load(more[0]) if more[0] else ""
        elif option == "-y":
            values |= yaml.safe_load(value)
    return values


def check_suite(path: str) -> None:
    assert path in MADE or (ROOT / path).is_file(), path


def check_papermill(words: list[str]) -> None:
    notebook = ROOT / words[0]
    values = given(words)
    assert set(values) <= set(notebook_settings(notebook)), notebook
    checked(values, notebook_defaults(notebook), notebook_uses(notebook), choices=True)


def check_make(words: list[str]) -> None:
    targets = [word for word in words if "=" not in word and not word.startswith("|")]
    text = (ROOT / "Makefile").read_text()
    assert re.search(rf"^{targets[0]}:", text, re.MULTILINE), targets[0]
    for name, value in (word.split("=", 1) for word in words if re.match(r"\w+=", word)):
        assert re.search(rf"^{name} [?]?=|\({name}\)|foreach name,[^,]*\b{name}\b", text, re.MULTILINE), name
        if name.lower() == "suite":
            check_suite(value)
        if name == "PROFILE":
            assert (ROOT / "profiles" / value / "config.yaml").is_file()


def check_python(words: list[str]) -> None:
    if words[0] == "-c":
        ast.parse(words[1])
    elif words[0] == "-m":
        assert importlib.util.find_spec(words[1]), words[1]
    else:
        assert (ROOT / words[0]).is_file(), words[0]
    for word in words:
        if word.startswith("experiments/"):
            check_suite(word)
        if word.startswith("tests/"):
            assert (ROOT / word).exists(), word


def check_snakemake(words: list[str]) -> None:
    for option, value in itertools.pairwise(words):
        if option == "--profile":
            assert (ROOT / value / "config.yaml").is_file(), value
    [suite] = [word.removeprefix("suite=") for word in words if word.startswith("suite=")]
    check_suite(suite)
    for asked in (word for word in words if word.startswith("runs/")):
        _, name, run, _ = asked.split("/")
        assert read_suite(f"experiments/{name}.yaml").run(run).attempt.as_posix() == asked


def check_text4vis(words: list[str]) -> None:
    assert words[0].startswith("--") or words[0] in EXAMPLES, words[0]


CHECKS = {
    "text4vis": check_text4vis,
    "papermill": check_papermill,
    "make": check_make,
    "python": check_python,
    "snakemake": check_snakemake,
    **dict.fromkeys(("source", "cat", "head", "nvidia-smi", "ln", "mkdir"), lambda words: None),
}


@pytest.mark.parametrize("block", SAID, ids=map(str, SAID))
def test_what_a_page_says_exists(block, monkeypatch):
    monkeypatch.chdir(ROOT)
    for words in commands(block.text):
        while re.match(r"\w+=", words[0]):  # variables
            words.pop(0)
        words[0] = words[0].removeprefix(".venv/bin/")
        assert words[0] in CHECKS, f"{block}: {words[0]}"
        CHECKS[words[0]](words[1:])


def test_the_python_of_the_pages_is_python():
    for block in (block for found in PAGES.values() for block in found if block.language == "python"):
        for node in ast.walk(ast.parse(block.text)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module)
                assert all(hasattr(module, alias.name) for alias in node.names), ast.unparse(node)


def test_the_table_of_weights_is_that_of_the_suites(monkeypatch):
    """Every pair of model and weights of every suite has its row, with the place on the Hub that open_clip names."""
    monkeypatch.chdir(ROOT)
    lines = (HOWTO / "real_weights.md").read_text().split("## Fetching them")[0].splitlines()
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in lines if line.startswith("|")][2:]
    told = {
        (suite, model.strip("`"), *others)
        for suites, models, *others in rows
        for suite in suites.split(", ")
        for model in models.split(", ")
    }
    needed = set()
    for path in sorted(ROOT.glob("experiments/*.yaml")):
        if path.stem == "recipes":
            continue
        for run in read_suite(path).runs:
            p = notebook_settings(run.source) | run.parameters
            model, tag, checkpoint = (p.get(name) or "" for name in ("model", "pretrained", "checkpoint"))
            if not model or p.get("dataset") == "features":
                continue
            hub = open_clip.get_pretrained_cfg(model, tag)["hf_hub"].rstrip("/") if tag else ""
            needed.add((path.stem, model, tag, hub, checkpoint))
    assert {row for row in told if row[2]} == {row for row in needed if row[2]}
    assert {row[:2] for row in told if row[1] and not row[2]} == {row[:2] for row in needed if not row[2]}

"""What book/build.py puts together; that a book is built of it is in test_suite.py."""

import importlib.util
import json
import os

import pytest
import yaml
from conftest import ROOT
from test_suites import notebook

from text4vis_lab.suites import read_suite


@pytest.fixture
def build(tmp_path, monkeypatch):
    """book/build.py in a repository of two suites: `mine`, and `bench` with two runs."""
    (tmp_path / "book").symlink_to(ROOT / "book")
    for folder in ("notebooks", "experiments"):
        (tmp_path / folder).mkdir()
    source = json.loads(notebook("1 + 1"))
    source["cells"].insert(0, {"cell_type": "markdown", "metadata": {}, "source": "# The *bench*"})
    (tmp_path / "notebooks" / "train.ipynb").write_text(json.dumps(source))
    for name, runs in (
        ("mine", "{name: a, notebook: train}"),
        ("bench", "{name: b, notebook: train, grid: {lr: [1, 2]}}"),
    ):
        (tmp_path / "experiments" / f"{name}.yaml").write_text(f"runs: [{runs}]")
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location("build", ROOT / "book" / "build.py")
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

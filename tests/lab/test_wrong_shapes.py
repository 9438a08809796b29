"""Every kept file of a wrong shape ends in one sentence that names the file, the field and the remedy."""

import json
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from cases.wrong_shapes import SHAPES, Shape
from conftest import ROOT

from text4vis_core.data.video_list import AnnotationError
from text4vis_core.files import CheckpointError
from text4vis_core.training.resume import load_newest, save_checkpoint
from text4vis_lab._cells import FinishedCells
from text4vis_lab.cache import cached_class_embeddings
from text4vis_lab.cell import Outcome
from text4vis_lab.cli.running import main as text4vis
from text4vis_lab.model_files.facts import Facts, ModelError, read_facts, write_facts
from text4vis_lab.prepare.data_set import PrepareError, Work, prepare
from text4vis_lab.prepare.index import Index
from text4vis_lab.records import RunRecord, read_record
from text4vis_lab.scores import Scores, read_ranks, read_scores, write_ranks, write_scores
from text4vis_lab.suites import SuiteError, read_attempt
from text4vis_lab.suites.attempts import write_attempt
from text4vis_lab.suites.reading import Run
from text4vis_lab.tournament import kept

ROW = {"cell": "a", "test": "test", "view": "1 view", "method": "zero-shot", "classes": 3, "videos": 6, "top1": 50.0}
RUN = Run("mine", "a", "train", {"lr": 1}, (), {}, {})
SCORES = Scores([f"{n}.mp4" for n in range(4)], torch.tensor([0, 1, 2, 0]), torch.arange(20.0).reshape(4, 5))
STATE = {"model": {}, "history": [{"epoch": 1}], "skipped": [], "not_compiled": "", "epoch": 1, "step": 2}
REMEDY = re.compile(r"delete|run .*again|restore it|made anew|trained again|call prepare again|make the model again")


def a_record(_) -> Path:
    return RunRecord("02_zero_shot", Path("runs/mine/a"), {"lr": 1}, rows=[dict(ROW)]).save()


def an_attempt(_) -> Path:
    RUN.directory.mkdir(parents=True, exist_ok=True)
    write_attempt(RUN, status="ok", error="", seconds=1.0)
    return RUN.attempt


def a_cell(_) -> Path:
    outcome = Outcome(
        {("test", "1 view"): SCORES}, [{"epoch": 1}], [("a.mp4", "why")], {"learned": torch.zeros(2, 2)}, 3
    )
    FinishedCells(Path("run")).write("a", "key", outcome, {})
    return Path("run/cells/a.json")


def a_model(_) -> Path:
    write_facts(Path(), Facts(("a", "b"), {"temporal": "mean", "classifier": "cosine"}, "{}"))
    return Path("model.json")


def a_kept_record(_) -> Path:
    run = RunRecord("10_frozen_encoder", Path("run"), {"dataset": "features"}, rows=[dict(ROW)])
    run.metrics = {"about": "embeddings", "text": "rows"}
    run.save()
    return kept.keep("run", "kept") / "record.json"


def a_checkpoint(_) -> Path:
    save_checkpoint("state.pt", STATE | {"sums": torch.ones(3), "seconds": 1.5})
    return Path("state.pt")


def scores(_) -> Path:
    write_scores(Path("scores/a.parquet"), {("test", "1 view"): SCORES}, {"method": "x"})
    return Path("scores/a.parquet")


def ranks(_) -> Path:
    write_ranks(Path("scores/ranks.parquet"), {"a": np.zeros(4, np.uint16)}, SCORES.videos, SCORES.labels)
    return Path("scores/ranks.parquet")


def a_cache_entry(request) -> Path:
    clip = request.getfixturevalue("clip")
    for names in (["dog"], ["cat"]):
        cached_class_embeddings("cache", clip, names)
    [first, other] = sorted(Path("cache").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    other.rename(first.with_suffix(".other"))
    return first


def copies(request) -> Path:
    prepare(request.getfixturevalue("train_videos"), "copies", work=Work(0, progress=False))
    return Path("copies")


def read_cell(path: Path) -> None:
    with pytest.warns(UserWarning) as told:
        assert FinishedCells(Path("run")).read("a", "key") is None
    raise ValueError(str(told[0].message))


MAKE = {
    "record": a_record,
    "attempt": an_attempt,
    "cell": a_cell,
    "model": a_model,
    "kept record": a_kept_record,
    "checkpoint": a_checkpoint,
    "scores": scores,
    "ranks": ranks,
    "cache entry": a_cache_entry,
    "index": lambda request: copies(request) / "train-1.index",
    "journal": lambda request: copies(request) / "journal.jsonl",
    "recipe": lambda request: copies(request) / "recipe.json",
}


@pytest.fixture
def read(request):
    """From a kind to what reads its file, and the errors that it has."""

    def entry_of(path: Path) -> None:
        with pytest.warns(UserWarning) as told:
            cached_class_embeddings("cache", request.getfixturevalue("clip"), ["dog"])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            cached_class_embeddings("cache", request.getfixturevalue("clip"), ["dog"])  # it is whole again
        raise ValueError(str(told[0].message))

    def prepared(path: Path) -> None:
        prepare(request.getfixturevalue("train_videos"), "copies", work=Work(0, progress=False))

    return {
        "record": (read_record, ValueError),
        "attempt": (lambda path: read_attempt(RUN), SuiteError),
        "cell": (read_cell, ValueError),
        "model": (lambda path: read_facts(path.parent), ModelError),
        "kept record": (lambda path: kept.read_kept(path.parent), ValueError),
        "checkpoint": (load_newest, CheckpointError),
        "scores": (read_scores, ValueError),
        "ranks": (read_ranks, ValueError),
        "cache entry": (entry_of, ValueError),
        "index": (Index, AnnotationError),
        "journal": (prepared, PrepareError),
        "recipe": (prepared, PrepareError),
    }


def check(said: str, path: Path, shape: Shape) -> None:
    """It is one sentence with file, field and remedy."""
    assert str(path) in said and shape.says in said and REMEDY.search(said), said
    assert "\n" not in said and "Traceback" not in said and "For further information" not in said
    assert len(said) < 600


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_wrong_shape_is_named_with_its_field_and_the_remedy(shape, read, request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = MAKE[shape.kind](request)
    shape.spoil(path)
    reader, error = read[shape.kind]
    with pytest.raises(error) as caught:
        reader(path)
    check(str(caught.value), path, shape)


def test_there_are_many_and_each_has_its_name():
    assert len({str(shape) for shape in SHAPES}) == len(SHAPES) >= 100
    assert {shape.kind for shape in SHAPES} == set(MAKE)


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape.kind == "record"], ids=str)
def test_the_command_about_runs_says_it_in_two_lines(shape, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = a_record(None)
    shape.spoil(path)
    with pytest.raises(SystemExit) as ended:
        text4vis(["runs", "runs"])
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert str(path) in said.err and "Traceback" not in said.err


SUITE = "runs: [{name: a, notebook: 07_data_check}]"


@pytest.mark.slow
@pytest.mark.parametrize("command", ["summary", "watch", "snakemake", "book", "kept"])
def test_every_command_line_says_it_in_a_line(command, tmp_path, monkeypatch):
    """Of an attempt, and of a record, that were edited."""
    monkeypatch.chdir(tmp_path)
    for name in ("notebooks", "data", "Snakefile", "text4vis_core", "text4vis_lab"):
        Path(name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "book", "book", ignore=shutil.ignore_patterns("_build"))
    Path("experiments").mkdir()
    Path("experiments/mine.yaml").write_text(SUITE)
    a_record(None)
    path = Path("runs/mine/a/result.json") if command == "kept" else an_attempt(None)
    found = json.loads(path.read_text())
    path.write_text(json.dumps(found | ({"status": "fine"} if "status" in found else {"notebook": 7})))
    python = [sys.executable, "-m"]
    line = {
        "summary": [*python, "text4vis_lab.suites", "summary", "experiments/mine.yaml"],
        "watch": [*python, "text4vis_lab.suites", "watch", "experiments/mine.yaml"],
        "snakemake": [*python, "snakemake", "--cores", "1", "-n", "--config", "suite=experiments/mine.yaml"],
        "book": [sys.executable, str(ROOT / "book" / "build.py"), "experiments/mine.yaml"],
        "kept": [*python, "text4vis_lab.tournament.kept", "runs/mine/a", "kept"],
    }[command]
    done = subprocess.run(line, capture_output=True, text=True)
    said = done.stdout + done.stderr
    field = "field 'notebook'" if command == "kept" else "field 'status'"
    assert done.returncode != 0 and str(path) in said and field in said and "delete it" in said, said
    assert "Traceback" not in said, said

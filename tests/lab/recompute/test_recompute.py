"""What is computed again is what is stored; and each thing that was changed is found, by its name."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from text4vis_core.files import file_digest
from text4vis_core.model.labels import class_names
from text4vis_lab import figures, mechanism
from text4vis_lab.claims import claims
from text4vis_lab.cli.running import main as text4vis
from text4vis_lab.figures import showing
from text4vis_lab.plain import plain
from text4vis_lab.read_only import WouldTrainError, check_may_train, nothing_trained
from text4vis_lab.recompute import figures_again, recompute
from text4vis_lab.records import RECORDS, RunRecord, read_record
from text4vis_lab.results import headline, means_of, rows_of
from text4vis_lab.scores import HALVES, Scores, write_scores

VIDEOS, CLASSES = 60, 12
TEXTS = ("Two methods.", "Dots.")


def scores(seed: int, right: float) -> Scores:
    """Of videos in six groups, of which about so many are named rightly."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(CLASSES, (VIDEOS,), generator=generator)
    logits = torch.randn(VIDEOS, CLASSES, generator=generator)
    known = torch.rand(VIDEOS, generator=generator) < right
    logits[known, labels[known]] += 9
    return Scores([f"a/v_a_g{i % 6:02d}_c{i:02d}.avi" for i in range(VIDEOS)], labels, logits)


@pytest.fixture
def run(tmp_path, monkeypatch) -> Path:
    """A run of few shots with a figure, and one of 06_results that reads it; the folder of runs."""
    monkeypatch.chdir(tmp_path)
    record = RunRecord("03_few_shot", tmp_path / "runs" / "own" / "few", {"dataset": "puppets"})
    for seed in range(2):
        for method, role, right in (("text, frozen", "text", 0.7), ("linear", "text-free", 0.3)):
            part, cell = scores(seed, right), f"{method.split(',')[0]}-seed{seed}"
            row = {"cell": cell, "test": "test", "view": "1 view", "method": method, "role": role, "seed": seed}
            row |= {"setting": "tuned", "shots": 4, "classes": CLASSES, "videos": VIDEOS}
            record.rows.append(row | part.metrics())
            write_scores(record.run_dir / "scores" / f"{cell}.parquet", {("test", "1 view"): part}, {"seed": seed})
    first, part = record.rows[0], scores(0, 0.7)
    for half in range(HALVES):
        size = {"classes": CLASSES // 2, "videos": part.half_videos(half), "half": half}
        record.rows.append(first | size | part.metrics(half))
    found = read_record(record.save())
    table = means_of(found, rows_of(found), ["setting", "shots", "method", "role"])
    showing.show(figures.league, table, "league", TEXTS, {"title": "t"}, record.run_dir / "figures")
    results = RunRecord("06_results", tmp_path / "runs" / "own" / "results", {})
    results.metrics = {
        "records": [found["path"]],
        "claims": claims([found]),
        "numbers": plain(headline([found]).to_dict("records")),
    }
    results.save()
    return tmp_path / "runs"


def asked(run: Path, *arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        text4vis(["recompute", str(run), *arguments])
    return ended.value.code


def test_what_nobody_changed_is_as_stored(run, capsys):
    found = recompute([run])
    assert found.faults == []
    assert found.sums() == {"metric": 2 * (4 + HALVES), "mean": 2 + 2 + 1, "figure": 1, "claim": 1}
    assert asked(run) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        f"{run}/own/few: {2 * (4 + HALVES)} metrics, 2 means, 1 figure",
        f"{run}/own/results: 1 claim, 3 means",
    ]
    assert said.err.endswith("1 claim; all as stored\n") and "computing again" in said.err


def sealed_again(path: Path, change) -> None:
    """A record as somebody writes it who knows of seals."""
    record = {name: value for name, value in RECORDS.load(path).items() if name != "seal"}
    change(record)
    RECORDS.write(path, record)


def a_score(few: Path) -> str:
    part = scores(1, 0.3)
    part.scores[0] = -part.scores[0]
    write_scores(few / "scores" / "linear-seed1.parquet", {("test", "1 view"): part}, {"seed": 1})
    return "few/scores/linear-seed1.parquet is not what the record beside it was written with"


def a_lost_file_of_scores(few: Path) -> str:
    (few / "scores" / "text-seed0.parquet").unlink()
    return "few/scores/text-seed0.parquet: the scores cannot be read"


def a_row(few: Path) -> str:
    sealed_again(few / "result.json", lambda record: record["rows"][2].update(top1=99.0))
    return "few/result.json: top1 of text-seed1, test, 1 view is 99.0, from its scores "


def a_row_of_half_of_the_classes(few: Path) -> str:
    sealed_again(few / "result.json", lambda record: record["rows"][4].update(top5=1.0))
    return "few/result.json: top5 of text-seed0, test, 1 view, half 0 is 1.0, from its scores "


def a_row_without_its_seal(few: Path) -> str:
    path = few / "result.json"
    path.write_text(path.read_text().replace('"top1": ', '"top1": 1', 1))
    return "few/result.json is not a run record (field 'seal' is not that of its content"


def a_figures_table(few: Path) -> str:
    path = few / "figures" / "league.csv"
    path.write_text(path.read_text().replace("tuned,4", "tuned,5", 1))
    return "few/figures/league.csv changed since it was drawn"


def a_figures_mean_with_its_seal(few: Path) -> str:
    path = few / "figures" / "league.csv"
    table = showing.table_in(path.read_text())
    table.loc[0, "mean"] += 1
    showing.show(figures.league, table, "league", TEXTS, {"title": "t"}, path.parent)
    return "few/figures/league.csv: the mean of "


def a_figures_question(few: Path) -> str:
    path = few / "figures" / "league.json"
    path.write_text(path.read_text().replace('"title": "t"', '"title": "u"'))
    return "few/figures/league.json is not a figure (field 'seal' is not that of its content"


def a_picture(few: Path) -> str:
    (few / "figures" / "league.dark.png").write_bytes((few / "figures" / "league.png").read_bytes())
    return "few/figures/league.dark.png changed since it was drawn"


def a_lost_picture(few: Path) -> str:
    (few / "figures" / "league.png").unlink()
    return "few/figures/league.png is gone"


def a_picture_with_its_seal(few: Path) -> str:
    path = few / "figures" / "league.json"
    question = showing.FIGURES.read(path)
    (few / "figures" / "league.png").write_bytes(b"another")
    digest = file_digest(few / "figures" / "league.png")
    showing.FIGURES.write(path, question | {"files": question["files"] | {"league.png": digest}})
    return "few/figures/league.png: its table gives another picture"


def a_claim(few: Path) -> str:
    path = few.with_name("results") / "result.json"
    sealed_again(path, lambda record: record["metrics"]["claims"][0].update(verdict="fails"))
    return 'text by more than 5 points\': verdict is "fails", from the scores "undecided"'


def a_table_of_evidence(few: Path) -> str:
    path = few / "evidence" / "videos.parquet"
    path.parent.mkdir()
    path.write_bytes(b"a table")
    digests = {"evidence/videos.parquet": file_digest(path)}
    sealed_again(few / "result.json", lambda record: record["files"].update(digests))
    path.write_bytes(b"another")
    return "few/evidence/videos.parquet is not what the record beside it was written with"


def a_lost_table_of_evidence(few: Path) -> str:
    a_table_of_evidence(few)
    (few / "evidence" / "videos.parquet").unlink()
    return "few/evidence/videos.parquet: the evidence of videos cannot be read"


def a_mean(few: Path) -> str:
    path = few.with_name("results") / "result.json"
    sealed_again(path, lambda record: record["metrics"]["numbers"][0].update(low=1.5))
    return "result.json: mean 'own/few: top1, test, 1 view, text, frozen, tuned, 4': low is 1.5, from the scores "


@pytest.mark.parametrize(
    "change",
    [
        a_score,
        a_lost_file_of_scores,
        a_row,
        a_row_of_half_of_the_classes,
        a_row_without_its_seal,
        a_figures_table,
        a_figures_mean_with_its_seal,
        a_figures_question,
        a_picture,
        a_lost_picture,
        a_picture_with_its_seal,
        a_table_of_evidence,
        a_lost_table_of_evidence,
        a_claim,
        a_mean,
    ],
)
def test_what_was_changed_is_found_by_its_name(run, change, capsys):
    told = change(run / "own" / "few")
    assert asked(run) == 1
    said = capsys.readouterr()
    differs = [line for line in said.out.splitlines() if line.startswith("differs: ")]
    assert any(told in line for line in differs), differs
    assert "from what is stored" in said.err


def test_a_picture_without_a_table_is_what_it_was(run):
    folder = run / "own" / "few"
    showing.picture(figures.picture_grid([np.zeros((8, 8, 3), np.uint8)], ["a"]), "frames", TEXTS, folder / "figures")
    record = read_record(folder / "result.json")
    assert figures_again(record) == (2, [])
    (folder / "figures" / "frames.png").write_bytes(b"another")
    assert figures_again(record)[1] == [f"{folder}/figures/frames.png changed since it was drawn"]


def test_a_table_of_other_means_is_left_to_its_notebook(run):
    folder = run / "own" / "few"
    table = pd.DataFrame({"method": ["a"], "mean": [1.0], "low": [0.0], "high": [2.0], "n": [2], "over": ["x"]})
    showing.show(figures.bars, table, "other", TEXTS, {"title": "t", "x": "method", "y": "mean"}, folder / "figures")
    found = recompute([run])
    assert found.faults == [] and found.counts[folder.as_posix()]["mean"] == 2


@pytest.fixture
def analysis(tmp_path, monkeypatch) -> Path:
    """A run of 05_analysis that reads one of few shots, and has a confusion matrix of it; its folder."""
    monkeypatch.chdir(tmp_path)
    few = RunRecord("03_few_shot", tmp_path / "runs" / "own" / "few", {"dataset": "puppets"})
    names, answers = tuple(f"Class{i}" for i in range(CLASSES)), []
    for seed in range(2):
        for method, right in (("text, frozen", 0.7), ("rotated, frozen", 0.3)):
            part, cell = replace(scores(seed, right), classes=names), f"{method.split(',')[0]}-seed{seed}"
            row = {"cell": cell, "test": "test", "view": "1 view", "method": method, "role": "text", "seed": seed}
            few.rows.append(row | {"shots": 4, "classes": CLASSES, "videos": VIDEOS} | part.metrics())
            write_scores(few.run_dir / "scores" / f"{cell}.parquet", {("test", "1 view"): part}, {"seed": seed})
            answers.append(figures.predicted(part, class_names(names, "words")).assign(method=method, seed=seed))
    found = read_record(few.save())
    whole = RunRecord("05_analysis", tmp_path / "runs" / "own" / "analysis", {})
    estimands = mechanism.of_record(found).to_dict("records")
    whole.metrics = {"sources": [found["path"]], "estimands": plain(estimands)}
    folder = whole.run_dir / "figures"
    showing.show(figures.confusion, pd.concat(answers), "confusion", TEXTS, {"title": "t"}, folder)
    whole.save()
    return whole.run_dir


def test_contrasts_and_confusions_are_computed_again_from_the_scores_that_were_read(analysis):
    found = recompute([analysis])
    assert found.faults == [] and found.sums() == {"contrast": 1, "answer": 4 * VIDEOS, "figure": 1}
    sealed_again(analysis / "result.json", lambda record: record["metrics"]["estimands"][0].update(low=1.5))
    path = analysis / "figures" / "confusion.csv"
    table = pd.read_csv(path)
    table.loc[0, "predicted"] = "class 0" if table.loc[0, "predicted"] != "class 0" else "class 1"
    showing.show(figures.confusion, table, "confusion", TEXTS, {"title": "t"}, path.parent)
    told = [fault for fault in recompute([analysis]).faults if "figures/confusion" not in fault or "answers" in fault]
    assert [each.split(": ", 1)[1].split(" is ")[0] for each in told] == [
        "contrast of estimands 'alignment, 4': low",
        "the answers of text, frozen, 0 are not those of any scores",
    ]
    (analysis.with_name("few") / "scores" / "rotated-seed0.parquet").unlink()
    told = recompute([analysis]).faults
    assert any("rotated-seed0.parquet: the scores cannot be read" in each for each in told)


def test_a_folder_without_a_run_says_what_to_give(tmp_path, capsys):
    assert asked(tmp_path) == 1
    assert capsys.readouterr().err.endswith(
        "holds no run, which leaves result.json\ngive its folder, or one above it\n"
    )


def test_a_run_that_nobody_executed_with_papermill_is_not_executed_again(run, capsys):
    assert asked(run / "own" / "few", "--again", str(run / "own" / "few")) == 1
    assert "few/03_few_shot.ipynb is not there, or papermill did not execute it" in capsys.readouterr().out


def test_nothing_is_trained_where_finished_trainings_are_read():
    check_may_train("cell 'a'")
    with nothing_trained(), pytest.raises(WouldTrainError, match="cell 'a' would be trained: no finished one of this"):
        check_may_train("cell 'a'")
    check_may_train("cell 'a'")

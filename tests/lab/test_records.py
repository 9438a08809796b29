"""Run records: what goes in comes out, and what is damaged is named."""

import json
import math
import re

import numpy as np
import pytest
import torch
from conftest import ROOT

from text4vis_core.files import CheckpointError, code_fingerprint
from text4vis_lab.plain import write_json
from text4vis_lab.published import published_results
from text4vis_lab.records import RunRecord, newest_record, read_records, repository_root
from text4vis_lab.settings import check_choices


def record(folder, notebook="02_zero_shot", finished=None, **metrics):
    run = RunRecord(notebook, folder, {"dataset": "puppets", "shots": [1, 4]}, metrics=metrics)
    path = run.save()
    if finished:
        saved = json.loads(path.read_text())
        saved["provenance"]["finished"] = finished
        path.write_text(json.dumps(saved))
    return run


def test_round_trip(tmp_path, train_videos):
    run = RunRecord("03_few_shot", tmp_path / "suite" / "name", {"lr": 1e-3, "seeds": [0, 1], "root": None})
    run.metrics = {"top1": torch.tensor(61.5), "per class": np.array([1, 2]), "by shots": {4: (50.0, float("nan"))}}
    run.add_data("train", train_videos)
    run.add_headline("4-shot", "text, frozen", 61.54, float("nan"), "3 seeds")
    run.save()
    [saved] = read_records(tmp_path)
    assert (saved["notebook"], saved["suite"], saved["run"]) == ("03_few_shot", "suite", "name")
    assert saved["parameters"] == {"lr": 1e-3, "seeds": [0, 1], "root": None}
    assert saved["metrics"] == {"top1": 61.5, "per class": [1, 2], "by shots": {"4": [50.0, None]}}
    assert saved["headline"][0]["%"] == 61.5
    assert saved["headline"][0]["± (95 %)"] is None
    assert saved["data"]["train"] == {"videos": 9, "classes": 3, "fingerprint": train_videos.fingerprint()}
    assert saved["path"] == str(tmp_path / "suite" / "name" / "result.json")
    assert saved["provenance"]["code"] == code_fingerprint()
    assert saved["provenance"]["packages"]["torch"] == torch.__version__.split("+")[0]
    assert saved["timings"]["total_seconds"] >= 0


def test_metrics_do_not_hold_what_changes_when_a_run_is_repeated(tmp_path):
    first, second = (record(tmp_path / name, top1=12.0) for name in ("a", "b"))
    first, second = (json.loads((run.run_dir / "result.json").read_text()) for run in (first, second))
    changing = {"timings", "provenance", "run"}
    assert {key for key in first if first[key] != second[key]} <= changing
    assert "finished" in first["provenance"]


def test_skipped_videos_are_counted_once_and_shown(tmp_path):
    run = RunRecord("02_zero_shot", tmp_path / "run", {})
    assert run.skipped_note() == ""
    run.add_skipped([("data/a.avi", "broken"), ("data/b.avi", "empty")])
    run.add_skipped([("data/a.avi", "broken")])
    run.add_headline("zero-shot", "text", 50.0, 2.0, "10 videos")
    run.save()
    [saved] = read_records(tmp_path)
    assert saved["skipped"] == [
        {"video": "data/a.avi", "reason": "broken"},
        {"video": "data/b.avi", "reason": "empty"},
    ]
    assert saved["headline"][0]["videos left out"] == 2
    assert "2 videos" in run.skipped_note()
    assert "a.avi, b.avi" in run.skipped_note()


def test_parameters_are_those_of_the_parameters_cell_also_when_a_notebook_runs_twice(tmp_path):
    variables = {"run_dir": str(tmp_path / "run"), "shots": [1], "frozen": ["text"], "lr": 1e-4}
    left_over = {"_i1": "code", "In": [""], "np": np, "rows": [{"top1": 3.0}], "configs": {0: object()}, "low": 4.0}
    run = RunRecord.of_notebook("03_few_shot", variables | left_over)
    assert run.parameters == {"shots": [1], "frozen": ["text"], "lr": 1e-4}
    assert run.run_dir == tmp_path / "run"
    assert run.run_dir.is_dir()


def test_a_run_folder_that_cannot_be_written_fails_at_once(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match=r"cannot write to .*file/run"):
        RunRecord("02_zero_shot", tmp_path / "file" / "run", {})


def test_what_json_cannot_hold(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, [math.nan, math.inf, np.float32(1.5), np.nan, torch.tensor([math.nan, 2.0]), tmp_path, True])
    assert json.loads(path.read_text()) == [None, None, 1.5, None, [None, 2.0], tmp_path.as_posix(), True]
    with pytest.raises(ValueError, match="of type object cannot go into a run record"):
        write_json(path, {"a": object()})
    assert json.loads(path.read_text())[2] == 1.5
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("damage", [b"", b'{"notebook": "02_zero', b"[]", b"{}", b'"text"', b"\xff\xfe\x00"])
def test_a_damaged_record_is_named_with_the_remedy(tmp_path, damage):
    record(tmp_path / "suite" / "good")
    path = tmp_path / "suite" / "bad" / "result.json"
    path.parent.mkdir()
    path.write_bytes(damage)
    with pytest.raises(ValueError, match=r"suite/bad/result\.json is not a run record .*; delete it and run again"):
        read_records(tmp_path)


def test_no_records(tmp_path):
    assert read_records(tmp_path / "nowhere") == []
    assert newest_record(tmp_path, "02_zero_shot") is None


def test_newest_record_is_the_one_that_finished_last(tmp_path):
    record(tmp_path / "suite" / "a", finished="2024-05-02T00:00:00+00:00")
    record(tmp_path / "suite" / "b", finished="2024-05-01T00:00:00+00:00")
    record(tmp_path / "suite" / "c", notebook="03_few_shot", finished="2024-05-03T00:00:00+00:00")
    assert newest_record(tmp_path, "02_zero_shot")["run"] == "a"
    assert newest_record(tmp_path, "02_zero_shot", tmp_path / "suite" / "b")["run"] == "b"
    with pytest.raises(FileNotFoundError, match=r"nowhere holds no result\.json"):
        newest_record(tmp_path, "02_zero_shot", tmp_path / "nowhere")
    with pytest.raises(ValueError, match="is a run of 03_few_shot, expected one of 02_zero_shot"):
        newest_record(tmp_path, "02_zero_shot", tmp_path / "suite" / "c")


def test_choices():
    check_choices("temporals", ["mean"], {"mean": 1, "transformer": 2})
    check_choices("split", "test", ("train", "test"))
    for values in ("lstm", ["mean", "lstm"]):
        with pytest.raises(ValueError, match="parameter temporals: unknown 'lstm'; choose from: mean, transformer"):
            check_choices("temporals", values, {"mean": 1, "transformer": 2})


def test_published_results_have_a_value_and_a_source():
    rows = published_results(ROOT / "data" / "published_results.csv")
    assert len(rows) >= 25
    columns = {"id", "task", "data", "model", "metric", "value", "unit", "source"}
    for row in rows:
        assert set(row) == columns | {"frames", "views", "resolution", "epochs", "note"}
        assert all(str(row[name]).strip() for name in columns)
        assert not row["views"] or re.fullmatch(r"(1|3|5|10)x\d+", row["views"])
        assert all(not row[name] or int(row[name]) > 0 for name in ("frames", "resolution", "epochs"))
        assert row["unit"] != "%" or 0 < row["value"] <= 100
        assert any(word in row["source"] for word in ("arXiv", "doi", "http"))
    assert len({row["id"] for row in rows}) == len(rows)


def test_repository_root(tmp_path):
    assert repository_root(ROOT / "notebooks") == ROOT
    with pytest.raises(FileNotFoundError, match="not inside a clone"):
        repository_root(tmp_path)


def test_a_list_that_papermill_passed_as_text_is_a_list(tmp_path):
    variables = {"run_dir": str(tmp_path / "run"), "shots": "[1, 4]", "frozen": "[text, random]", "template": "{}"}
    record = RunRecord.of_notebook("03_few_shot", variables)
    assert variables["shots"] == record.parameters["shots"] == [1, 4]
    assert variables["frozen"] == ["text", "random"]
    assert variables["template"] == "{}"


def test_a_text_that_begins_like_a_list_and_is_none_is_named(tmp_path):
    with pytest.raises(ValueError, match="parameter shots: '\\[1, 4' is not a list"):
        RunRecord.of_notebook("03_few_shot", {"run_dir": str(tmp_path / "run"), "shots": "[1, 4"})

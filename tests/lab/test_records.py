"""Run records: what goes in comes out, and what is damaged or of another version is named."""

import json
import math
import os
import shutil
import subprocess
from dataclasses import replace

import av
import numpy as np
import pytest
import torch
from conftest import ROOT
from PIL import Image

from text4vis_core.data.reading import Reading
from text4vis_core.data.video_list import Video, VideoList
from text4vis_core.files import CheckpointError, file_digest
from text4vis_lab import provenance, records
from text4vis_lab.evidence import TABLES, evidence_of
from text4vis_lab.plain import write_json
from text4vis_lab.records import (
    RECORDS,
    WITHOUT_EFFECT,
    RunRecord,
    SchemaError,
    decoder_of,
    read_record,
    read_records,
    run_code,
)

NEW = ("lock", "modules", "beside")  # of provenance
ROW = {"cell": "zero-shot", "test": "test", "view": "1 view", "method": "zero-shot", "classes": 3, "videos": 6}
ROW |= {"top1": 61.54}


def record(folder, notebook="02_zero_shot", finished=None, **metrics):
    run = RunRecord(notebook, folder, {"dataset": "puppets", "shots": [1, 4]}, rows=[dict(ROW)], metrics=metrics)
    path = run.save()
    if finished:
        changed(path, provenance=RECORDS.load(path)["provenance"] | {"finished": finished})
    return run


def changed(path, **values):
    """A record on disk with other values, as if they had been written."""
    RECORDS.write(path, RECORDS.load(path) | values)
    return path


def test_round_trip(tmp_path, train_videos):
    run = RunRecord("03_few_shot", tmp_path / "suite" / "name", {"lr": 1e-3, "seeds": [0, 1], "root": None})
    run.metrics = {"top1": torch.tensor(61.5), "per class": np.array([1, 2]), "by shots": {4: (50.0, float("nan"))}}
    run.add_data("train", train_videos)
    run.rows.append(ROW | {"frozen": True, "shots": 4, "top5": np.float64(100), "map": float("nan")})
    run.histories.append({"cell": "zero-shot", "epoch": 1, "loss": 0.1 + 0.2})
    run.weights = {"clip": "abc"}
    run.timings["histories"] = [1.5]
    run.save()
    [saved] = read_records(tmp_path)
    assert saved == read_record(tmp_path / "suite" / "name" / "result.json")
    assert (saved["schema"], saved["notebook"], saved["suite"], saved["run"]) == (4, "03_few_shot", "suite", "name")
    assert saved["parameters"] == {"lr": 1e-3, "seeds": [0, 1], "root": None}
    assert saved["metrics"] == {"top1": 61.5, "per class": [1, 2], "by shots": {"4": [50.0, None]}}
    assert saved["rows"] == [ROW | {"frozen": True, "shots": 4, "top5": 100.0, "map": None}]
    assert saved["histories"] == [{"cell": "zero-shot", "epoch": 1, "loss": 0.1 + 0.2}]
    assert saved["weights"] == {"clip": "abc"}
    assert saved["data"]["train"] == {
        "videos": 9,
        "classes": 3,
        "missing": 0,
        "fingerprint": train_videos.fingerprint(),
        "decoder": f"PyAV {av.__version__}",
        "annotations": {str(path): file_digest(path) for path in train_videos.sources},
    }
    assert len(train_videos.sources) == 2
    assert saved["path"] == str(tmp_path / "suite" / "name" / "result.json")
    assert saved["provenance"]["code"] == run_code()
    assert saved["provenance"]["packages"]["torch"] == torch.__version__.split("+")[0]
    assert saved["timings"]["histories"] == [1.5]
    assert saved["timings"]["total_seconds"] >= 0


@pytest.mark.parametrize("name", sorted(WITHOUT_EFFECT))
def test_what_has_no_effect_is_one_room_or_file(name):
    """A second of its name would be left out of the code's fingerprint too."""
    found = [path for package in ("text4vis_core", "text4vis_lab") for path in (ROOT / package).rglob(name)]
    assert [path.parent for path in found] == [ROOT / "text4vis_lab"]


def test_what_was_measured_does_not_hold_what_changes_when_a_run_is_repeated(tmp_path):
    first, second = (record(tmp_path / name, top1=12.0) for name in ("a", "b"))
    first, second = (json.loads((run.run_dir / "result.json").read_text()) for run in (first, second))
    changing = {"timings", "provenance", "run", "seal"}
    assert {key for key in first if first[key] != second[key]} <= changing
    assert "finished" in first["provenance"]


def test_skipped_videos_are_counted_once_and_shown(tmp_path):
    run = RunRecord("02_zero_shot", tmp_path / "run", {})
    assert run.skipped_note() == ""
    run.add_skipped([("data/a.avi", "broken"), ("data/b.avi", "empty")])
    run.add_skipped([("data/a.avi", "broken")])
    run.save()
    [saved] = read_records(tmp_path)
    assert saved["skipped"] == [
        {"video": "data/a.avi", "reason": "broken"},
        {"video": "data/b.avi", "reason": "empty"},
    ]
    assert "2 videos" in run.skipped_note()
    assert "a.avi, b.avi" in run.skipped_note()


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


def test_a_row_that_is_not_of_the_schema_is_not_written(tmp_path):
    run = record(tmp_path / "run")
    run.rows.append(ROW | {"top_1": 3.0})
    with pytest.raises(ValueError, match=r"run/result\.json: unknown column 'top_1'; a new one is a line in"):
        run.save()
    assert read_record(tmp_path / "run" / "result.json")["rows"] == [ROW]


@pytest.mark.parametrize("damage", [b"", b'{"notebook": "02_zero', b"[]", b'{"schema": 4}', b'"text"', b"\xff\xfe\x00"])
def test_a_damaged_record_is_named_with_the_remedy(tmp_path, damage):
    record(tmp_path / "suite" / "good")
    path = tmp_path / "suite" / "bad" / "result.json"
    path.parent.mkdir()
    path.write_bytes(damage)
    with pytest.raises(ValueError, match=r"suite/bad/result\.json is not a run record .*; delete it and run again"):
        read_records(tmp_path)
    with pytest.raises(ValueError, match="is not a run record"):  # only another version's are left out
        read_records(tmp_path, [])


@pytest.mark.parametrize("lacks", ["notebook", "rows", "metrics", "parameters", "provenance"])
def test_a_record_without_one_of_its_parts_is_damaged(tmp_path, lacks):
    path = record(tmp_path / "run").run_dir / "result.json"
    saved = json.loads(path.read_text())
    del saved[lacks]
    path.write_text(json.dumps(saved))
    with pytest.raises(ValueError, match=f"run/result.json is not a run record .*{lacks}.*; delete it and run again"):
        read_record(path)


def test_a_row_on_disk_that_is_not_of_the_schema_is_named(tmp_path):
    path = changed(record(tmp_path / "run").run_dir / "result.json", rows=[ROW | {"top1": "61.5"}])
    wrong = (
        r"run/result\.json is not a run record \(rows: column 'top1' holds '61.5', not float\); delete it and run again"
    )
    with pytest.raises(ValueError, match=wrong):
        read_record(path)


@pytest.mark.parametrize("schema", [None, 1, 2, 5, "4"])
def test_a_record_of_another_version_is_refused_by_name(tmp_path, schema):
    record(tmp_path / "suite" / "good", finished="2024-05-01T00:00:00+00:00")
    path = changed(record(tmp_path / "suite" / "other").run_dir / "result.json", schema=schema)
    if schema is None:  # the first version did not say so
        saved = json.loads(path.read_text())
        path.write_text(json.dumps({name: value for name, value in saved.items() if name not in ("schema", "rows")}))
    message = f"other/result.json is a record of schema {schema or 1}, this version reads 4: run its notebook again"
    with pytest.raises(SchemaError, match=message):
        read_record(path)
    with pytest.raises(SchemaError, match=message):
        read_records(tmp_path)
    refused = []
    assert [saved["run"] for saved in read_records(tmp_path, refused)] == ["good"]
    assert len(refused) == 1
    assert message in refused[0]


def test_a_record_from_before_there_was_evidence_is_read_and_says_what_it_lacks(tmp_path, train_videos):
    run = RunRecord("02_zero_shot", tmp_path / "run", {}, rows=[dict(ROW)])
    run.add_data("train", train_videos)
    path = run.save()
    saved = {name: value for name, value in RECORDS.load(path).items() if name not in ("trials", "files")}
    provenance = {name: value for name, value in saved["provenance"].items() if name not in NEW}
    RECORDS.write(path, saved | {"schema": 3, "files": {}, "provenance": provenance})
    found = read_record(path)
    assert (found["rows"], found["trials"]) == ([ROW], [])
    evidence = evidence_of(found)
    assert evidence.note == f"{path} is of an older version; it has no contents of videos, class names, looks at " + (
        "frames and draws: run it again"
    )
    assert [len(table) for table in (evidence.videos, evidence.classes, evidence.looks, evidence.draws)] == [0] * 4
    assert [*evidence.videos] == [*TABLES["videos"]]


def test_a_record_that_is_set_back_to_the_time_before_seals_is_refused(tmp_path):
    path = record(tmp_path / "run").run_dir / "result.json"
    saved = {name: value for name, value in json.loads(path.read_text()).items() if name != "seal"}
    write_json(path, saved | {"schema": 2})
    with pytest.raises(SchemaError, match=r"run/result\.json is a record of schema 2, this version reads 4"):
        read_record(path)
    write_json(path, saved | {"schema": 3})
    with pytest.raises(ValueError, match=r"run/result\.json is not a run record \(field 'seal' is missing\)"):
        read_record(path)


@pytest.mark.parametrize("seal", [None, "", "0" * 64])
def test_a_record_that_was_edited_says_so(tmp_path, seal):
    path = record(tmp_path / "run").run_dir / "result.json"
    saved = json.loads(path.read_text())
    saved["rows"][0]["top1"] = 99.0
    if seal is None:
        del saved["seal"]
    else:
        saved["seal"] = seal
    write_json(path, saved)
    what = "missing" if seal is None else "not that of its content, which was changed after it was written"
    with pytest.raises(ValueError, match=rf"run/result.json is not a run record \(field 'seal' is {what}\); delete it"):
        read_record(path)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of two packages, of which a process has loaded what is in them now."""
    root = tmp_path / "project"
    for package in ("text4vis_core", "text4vis_lab"):
        (root / package).mkdir(parents=True)
        (root / package / "rows.py").write_text("a = 1\n")
    (root / "text4vis_lab" / "figures").mkdir()
    monkeypatch.setattr(provenance, "ROOT", root)
    monkeypatch.setattr(provenance, "FOLDERS", {name: root / name for name in ("text4vis_core", "text4vis_lab")})
    for module in (provenance, records):
        monkeypatch.setattr(module, "LOADED", provenance.sources())
    provenance.loaded.cache_clear()
    yield root
    provenance.loaded.cache_clear()


needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def git(folder, *arguments):
    who = {f"GIT_{role}_{what}": "a@b.c" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True, env=os.environ | who
    )
    return done.stdout.strip()


def committed(folder):
    """Make a folder a repository of what lies in it; its commit."""
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "all")
    return git(folder, "rev-parse", "HEAD")


def provenance_of(run):
    return read_record(run.save())["provenance"]


@needs_git
def test_what_was_loaded_is_recorded_whatever_is_edited_meanwhile(project, tmp_path):
    before = committed(project)
    code, run = run_code(), RunRecord("02_zero_shot", tmp_path / "runs" / "a", {})
    (project / "text4vis_lab" / "rows.py").write_text("a = 2\n")
    (project / "text4vis_core" / "more.py").write_text("")
    (project / "text4vis_lab" / "figures" / "plot.py").write_text("")  # nothing that a number depends on
    committed(project)
    found = provenance_of(run)
    assert (found["code"], found["commit"], found["uncommitted_changes"]) == (code, before, False)
    assert found["changed_while_running"] == ["text4vis_core/more.py", "text4vis_lab/rows.py"]
    assert found["started"] <= found["finished"]


def test_a_package_that_was_replaced_meanwhile_is_named(project, tmp_path, monkeypatch):
    run = RunRecord("02_zero_shot", tmp_path / "runs" / "a", {})
    monkeypatch.setattr(provenance, "package_version", lambda name: "9.9")
    found = provenance_of(run)
    assert found["changed_while_running"] == list(provenance.PACKAGES)
    assert found["packages"]["torch"] == torch.__version__.split("+")[0]


def test_nothing_changed_says_so(project, tmp_path):
    assert provenance_of(RunRecord("02_zero_shot", tmp_path / "runs" / "a", {}))["changed_while_running"] == []


@needs_git
@pytest.mark.parametrize("around", [False, True])
def test_only_the_projects_own_repository_tells_its_commit(project, tmp_path, monkeypatch, around):
    commit = committed(tmp_path) if around else None
    found = provenance_of(RunRecord("02_zero_shot", tmp_path / "runs" / "a", {}))
    assert (found["commit"], found["uncommitted_changes"]) == (None, None)
    provenance.loaded.cache_clear()
    own = committed(project)
    if around:
        monkeypatch.setenv("GIT_DIR", str(tmp_path / ".git"))  # as in a hook of git's
    found = provenance_of(RunRecord("02_zero_shot", tmp_path / "runs" / "a", {}))
    assert own != commit and (found["commit"], found["uncommitted_changes"]) == (own, False)


@needs_git
@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("text4vis_lab/mine.py", True),
        ("text4vis_core/model/mine.py", True),
        ("text4vis_lab/ignored.py", True),
        ("notebooks/99_mine.ipynb", True),
        ("data/videos/list.csv", False),
        ("runs/mine/train/result.json", False),
        ("notebooks/.ipynb_checkpoints/99_mine-checkpoint.ipynb", False),
        ("text4vis_lab/notes.txt", False),
    ],
)
def test_a_module_that_git_does_not_know_is_a_change(project, tmp_path, name, counts):
    (project / ".gitignore").write_text("ignored.py\n")
    committed(project)
    (project / name).parent.mkdir(parents=True, exist_ok=True)
    (project / name).write_text("")
    assert provenance_of(RunRecord("02_zero_shot", tmp_path / "runs" / "a", {}))["uncommitted_changes"] is counts


def test_what_git_cannot_tell_is_not_known(project, tmp_path):
    committed(project)
    (project / ".git" / "index").write_bytes(b"damaged")
    found = provenance_of(RunRecord("02_zero_shot", tmp_path / "runs" / "a", {}))
    assert found["commit"] and found["uncommitted_changes"] is None


def test_no_records(tmp_path):
    assert read_records(tmp_path / "nowhere") == []
    with pytest.raises(FileNotFoundError):
        read_record(tmp_path / "result.json")


@pytest.mark.parametrize(
    ("decoder", "first", "expected"),
    [
        ("pyav", None, f"PyAV {av.__version__}"),
        ("pyav", "damaged", f"PyAV {av.__version__}"),
        ("decord", None, "decord "),
        ("pyav", "frames", "pictures"),
    ],
)
def test_the_record_says_which_decoder_reads(train_videos, tmp_path, decoder, first, expected):
    odd = {"damaged": tmp_path / "x.mp4", "frames": tmp_path / "frames"}
    odd["damaged"].write_bytes(b"no video")
    odd["frames"].mkdir()
    Image.new("RGB", (8, 8)).save(odd["frames"] / "1.png")
    more = (Video(odd[first], 0),) if first else ()
    videos = replace(train_videos, videos=(*more, *train_videos.videos))
    assert decoder_of(videos, Reading(decoder=decoder)).startswith(expected)


def test_a_list_of_what_cannot_be_looked_at_has_no_fingerprint_and_no_decoder(tmp_path):
    (tmp_path / "x.mp4").symlink_to("nowhere")
    run = RunRecord("07_data_check", tmp_path, {})
    run.add_data("train", VideoList(("a",), (Video(tmp_path / "x.mp4", 0),)))
    assert (run.data["train"]["fingerprint"], run.data["train"]["decoder"]) == (None, "")


def test_what_a_reader_noted_is_kept(tmp_path, train_videos):
    run = RunRecord("03_few_shot", tmp_path, {})
    run.add_data("train", replace(train_videos, notes=("data: split by a rule",)))
    run.add_data("test", train_videos)
    data = read_record(run.save())["data"]
    assert data["train"] == data["test"] | {"notes": ["data: split by a rule"]}

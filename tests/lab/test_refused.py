"""What a run left is read as it was written, or refused by name: tampered with, cut off, or of an older version."""

import json
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest
import torch
from pyarrow import parquet

from text4vis_core.files import file_digest
from text4vis_lab.epochs import epochs_file, keep_epoch
from text4vis_lab.evidence import TABLES, evidence_of
from text4vis_lab.plain import write_json
from text4vis_lab.records import RECORDS, RunRecord, read_record
from text4vis_lab.results import recomputed, scores_of
from text4vis_lab.scores import Scores, write_scores

CELL = "text-frozen-seed0"
FILES = ["result.json", f"scores/{CELL}.parquet", f"scores/{CELL}.epochs.parquet"]
FILES += [f"evidence/{name}.parquet" for name in TABLES]


@pytest.fixture
def run(tmp_path, train_videos):
    """The folder of a run that left a file of each kind."""
    record, labels = RunRecord("04_full_training", tmp_path / "runs" / "mine" / "run", {}), train_videos.labels
    scores = torch.eye(3)[torch.from_numpy(labels)].roll(1, 0)
    found = Scores([str(v.path) for v in train_videos.videos], torch.from_numpy(labels), scores, None, ("a", "b", "c"))
    row = {"cell": CELL, "test": "train", "view": "1 view", "method": "text", "classes": 3, "videos": len(labels)}
    write_scores(record.run_dir / FILES[1], {("train", "1 view"): found}, {})
    history = []
    for epoch in (1, 2):
        keep_epoch(epochs_file(record.run_dir, CELL), epoch, "train", replace(found, scores=scores.roll(epoch, 1)))
        history.append({"epoch": epoch, "val_top1": replace(found, scores=scores.roll(epoch, 1)).metrics()["top1"]})
    told = [{"cell": CELL, "seconds": 1.0} | epoch for epoch in history]
    record.add_cell(CELL, [row | found.metrics()], told)
    record.trials = [{"problem": "p", "method": "text", "shots": 1, "tried": []}]
    record.trials[0]["tried"] = [{"settings": {}, "validation": found.metrics()["top1"], "cells": [row]}]
    record.add_data("train", train_videos)
    look = {"video": "a", "kind": "frame", "crop": -1, "place": 0, "offset": 0, "frame": 0, "look": bytes(192)}
    record.evidence.looks["train"] = [look]
    record.evidence.add_draw(CELL, train_videos)
    record.save()
    return record.run_dir


def read(run):
    """Everything that it left: metrics computed again, class names of the scores, and evidence."""
    record = read_record(run / "result.json")
    return recomputed(record), scores_of(record, record["rows"][0]).classes, evidence_of(record)


def tampered(path):
    """Other numbers in a file that is whole."""
    if path.suffix == ".json":
        saved = json.loads(path.read_text())
        saved["rows"][0]["top1"] += 1
        write_json(path, saved)
    else:
        table = parquet.read_table(path)
        parquet.write_table(table.take([*range(1, len(table)), 0]), path)


def cut_off(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def gone(path):
    path.unlink()


def older(path):
    """Of the version before seals, or without what this one keeps in the file's own metadata."""
    if path.suffix == ".json":
        write_json(path, {k: v for k, v in json.loads(path.read_text()).items() if k != "seal"} | {"schema": 2})
    else:
        parquet.write_table(parquet.read_table(path).replace_schema_metadata(None), path)


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", [tampered, cut_off, gone, older])
def test_what_is_not_what_was_written_is_refused_by_name(run, file, damage):
    assert read(run)[0] == (5, 0.0)  # top1 and top5, two epochs, a trial
    damage(run / file)
    with pytest.raises((ValueError, FileNotFoundError), match=rf"run/{file}"):
        read(run)


def test_a_record_of_the_version_before_is_migrated_with_its_scores(run):
    older(run / FILES[1])
    path = run / "result.json"
    saved = {name: value for name, value in RECORDS.load(path).items() if name != "trials"}
    RECORDS.write(path, saved | {"schema": 3, "files": {FILES[1]: file_digest(run / FILES[1])}})
    metrics, classes, evidence = read(run)
    assert (metrics, classes, len(evidence.videos)) == ((2, 0.0), (), 0)
    assert evidence.note.startswith(f"{path} is of an older version; it has no contents of videos")


WRITING = """
import sys
from pathlib import Path
from text4vis_core.data.video_list import Video, VideoList
from text4vis_lab.records import RunRecord
from text4vis_lab import digests
folder, caches, videos = map(Path, sys.argv[1:])
digests.cache_folder, digests.SETTLED = lambda: caches, -60.0
try:
    run = RunRecord("02_zero_shot", folder, {})
except RuntimeError as error:
    sys.exit(f"refused: {error}")
print("ready", flush=True)
sys.stdin.readline()
listed = VideoList(("a",), tuple(Video(path, 0) for path in sorted(videos.iterdir())))
for number in range(5):
    run.add_data(f"list {number}", listed)
    run.save()
    run.add_cell(f"cell {number}", [])
run.save()
"""


def writing(tmp_path, folder):
    (tmp_path / "caches").mkdir(exist_ok=True)
    command = [sys.executable, "-c", WRITING, folder, tmp_path / "caches", tmp_path / "videos"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_two_runs_that_write_at_once_lose_nothing(tmp_path):
    (tmp_path / "videos").mkdir()
    for number in range(40):
        (tmp_path / "videos" / f"{number}.mp4").write_bytes(bytes([number]))
    folders = [tmp_path / "runs" / "mine" / name for name in "ab"]
    started = [writing(tmp_path, folder) for folder in folders]
    assert [process.stdout.readline() for process in started] == ["ready\n"] * 2
    intruder = writing(tmp_path, folders[0])
    refused = intruder.communicate()[1]
    assert f"refused: run_dir {folders[0]}: process {started[0].pid} on " in refused
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.communicate()[1] for process in started] == ["", ""]
    found = [evidence_of(read_record(folder / "result.json")).videos for folder in folders]
    pd.testing.assert_frame_equal(*found)
    assert found[0].groupby("list").size().to_list() == [40] * 5
    assert found[0]["content"].nunique() == 40

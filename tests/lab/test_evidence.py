"""What a run's numbers were computed from is kept, and read again; what was changed is named."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from text4vis_lab.evidence import TABLES, evidence_of, write_table
from text4vis_lab.records import RunRecord, read_record
from text4vis_lab.scores import video_name
from text4vis_lab.suites import counted

ROW = {
    "cell": "text-seed0",
    "test": "test",
    "view": "1 view",
    "method": "text",
    "classes": 3,
    "videos": 6,
    "top1": 50.0,
}
LOOK = {"video": "a.mp4", "kind": "frame", "crop": -1, "place": 0, "offset": 0, "frame": 3}


@pytest.fixture
def saved(tmp_path, train_videos):
    """A record of a run with a list, of which one video is missing, a look and a draw."""
    run = RunRecord("03_few_shot", tmp_path / "runs" / "suite" / "run", {}, rows=[dict(ROW)])
    gone = replace(train_videos.videos[0], path=tmp_path / "gone.mp4")
    listed = replace(train_videos, missing=(gone,))
    run.add_data("train", listed)
    run.evidence.said["train"] = listed.names, [f"a video of {name}" for name in listed.names]
    run.evidence.looks["train"] = [{**LOOK, "look": bytes(range(192))}]
    run.evidence.add_draw("text-seed0", listed.few_shot(1, 0))
    run.evidence.add_draw("gone-seed0", listed.few_shot(1, 1))  # whose rows the record has no more
    return listed, run.save()


def test_what_goes_in_comes_out(saved):
    listed, path = saved
    found = evidence_of(read_record(path))
    assert found.note == ""
    assert [*found.videos["video"]] == [video_name(video) for video in (*listed.videos, *listed.missing)]
    assert [*found.videos["missing"]] == [False] * len(listed) + [True]
    assert {*map(len, found.videos["content"][:-1])} == {64} and found.videos["content"].iloc[-1] == ""
    assert [[*labels] for labels in found.videos["labels"]] == [[label] for label in found.videos["label"]]
    assert [*found.classes["spelled"]] == [*listed.classes]
    assert found.classes["text"].iloc[0] == f"a video of {listed.names[0]}"
    assert np.frombuffer(found.looks["look"][0], np.uint8).reshape(8, 8, 3)[0, 1, 0] == 3
    assert [*found.draws["list"].unique()] == ["train"] and [*found.draws["cell"].unique()] == ["text-seed0"]
    assert len(found.draws) == len(listed.classes)
    assert all([*getattr(found, name)] == [*columns] for name, columns in TABLES.items())


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("damage", ["other", "cut", "gone"])
def test_evidence_that_is_not_what_was_written_is_named(saved, name, damage):
    path = saved[1].parent / "evidence" / f"{name}.parquet"
    if damage == "other":
        table = pd.read_parquet(path)
        write_table(saved[1].parent, name, pd.concat([table, table]))
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:100])
    else:
        path.unlink()
    with pytest.raises(ValueError, match=rf"evidence/{name}\.parquet.*; run the notebook again"):
        evidence_of(read_record(saved[1]))


def test_the_same_run_leaves_the_same_evidence(saved, tmp_path):
    folder = saved[1].parent / "evidence"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    run = RunRecord("03_few_shot", saved[1].parent, {})
    run.add_data("train", saved[0])
    run.save()
    assert sorted(path.name for path in folder.iterdir()) == ["classes.parquet", "videos.parquet"]
    assert (folder / "videos.parquet").read_bytes() == before["videos.parquet"]


def test_videos_that_became_others_while_a_run_went_on_are_named(tmp_path, train_videos):
    paths = [tmp_path / video.path.name for video in train_videos.videos]
    for path, video in zip(paths, train_videos.videos, strict=True):
        path.write_bytes(video.path.read_bytes())
    videos = tuple(replace(video, path=path) for path, video in zip(paths, train_videos.videos, strict=True))
    run = RunRecord("02_zero_shot", tmp_path / "run", {})
    run.add_data("train", replace(train_videos, videos=videos))
    paths[1].touch()
    assert read_record(run.save())["provenance"]["changed_while_running"] == []
    paths[0].write_bytes(b"another")
    path = run.save()
    record = read_record(path)
    assert record["provenance"]["changed_while_running"] == [str(paths[0])]
    with pytest.raises(ValueError, match=f"{paths[0].name} changed while run ran; run it again"):
        counted([record])

"""Validation videos where the publisher has none: whole groups, a fixed choice, nothing in both splits."""

from collections.abc import Iterable
from pathlib import Path

import data_sets
import pytest
from data_sets import video

from text4vis_core.data.video_list import NoValidation, Video, VideoList
from text4vis_lab.held_out import hold_out
from text4vis_lab.sources import listed_splits, listed_videos


def puppets(classes: tuple[str, ...], *shown: tuple[int, str]) -> VideoList:
    """(group, class) in order; a group is the same person and place in every class."""
    paths = [Path(f"/data/{name}/v_{name}_g{group:02d}_c{i:02d}.mp4") for i, (group, name) in enumerate(shown)]
    labels = [classes.index(name) for _, name in shown]
    return VideoList(classes, tuple(map(Video, paths, labels)))


def groups_of(videos: Iterable[Video]) -> set[str]:
    return {video.path.name.split("_")[2] for video in videos}


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_groups_stay_whole_across_classes_and_each_class_keeps_one(share):
    shown = [(group, name) for group in range(8) for name in ("run", "walk") for _ in range(3)]
    videos = puppets(("run", "walk", "sit", "stand"), *shown, (0, "sit"), (9, "sit"), (10, "stand"))
    train, val = hold_out("puppets", videos, share).values()
    assert not groups_of(train.videos) & groups_of(val.videos)
    assert sorted([*train.videos, *val.videos], key=str) == sorted(videos.videos, key=str)
    assert set(train.labels) == {0, 1, 2, 3}
    assert set(val.labels) == {0, 1, 2}
    of_run = groups_of(video for video in val.videos if video.label == 0)
    assert max(1, round(8 * share)) <= len(of_run) < 8
    [note] = train.notes
    assert note == val.notes[0]
    assert f"val_share {share:g}: {len(val)} of 51 training videos" in note
    assert note.endswith("of 10 groups; none of stand, where they are all one group")


def test_a_larger_share_holds_a_smaller_ones_and_missing_videos_change_nothing():
    videos = puppets(("run",), *((group, "run") for group in range(20)))
    few, many = (groups_of(hold_out("puppets", videos, share)["val"].videos) for share in (0.1, 0.4))
    assert few < many
    assert (len(few), len(many)) == (2, 8)
    some = VideoList(videos.classes, videos.videos[::2], videos.videos[1::2])
    train, val = hold_out("puppets", some, 0.4).values()
    assert groups_of([*val.videos, *val.missing]) == many
    assert len(train.missing) + len(val.missing) == 10


def test_settings_hold_groups_out_of_the_fold_and_leave_all_as_it_is(tmp_path):
    root = data_sets.ucf101(tmp_path / "data")
    values = {"dataset": "ucf101", "fold": 1, "val_share": 0.5}
    found = {split: listed_videos(values, root, split) for split in ("train", "val", "test", "all")}
    whole = {split: listed_videos(values | {"val_share": 0.0}, root, split) for split in ("train", "test", "all")}
    assert (len(found["train"]), len(found["val"]), len(found["test"]), len(found["all"])) == (3, 3, 3, 9)
    assert {*found["train"].videos, *found["val"].videos} == {*whole["train"].videos}
    assert (found["test"].videos, found["all"].videos) == (whole["test"].videos, whole["all"].videos)
    other = listed_videos(values, root, "val", 2)
    assert {v.path for v in other.videos} <= {v.path for v in listed_videos(values, root, "all", 2).videos}
    assert not {v.path for v in other.videos} & {v.path for v in listed_videos(values, root, "test", 2).videos}


def test_a_share_beside_the_publishers_own_is_refused(tmp_path):
    for split in ("train", "val", "test"):
        video(tmp_path / split / "run/1.mp4")
    values = {"dataset": "folders", "fold": 1, "val_share": 0.2}
    for split in ("train", "val"):
        with pytest.raises(
            ValueError, match=r"val_share: 0\.2, but .* has validation videos of its own; set val_share"
        ):
            listed_videos(values, tmp_path, split)
    assert len(listed_videos(values, tmp_path, "test")) == 1


def test_of_several_splits_val_is_left_out_where_there_is_none(tmp_path):
    root = data_sets.hmdb51(tmp_path / "data")
    values = {"dataset": "hmdb51", "fold": 1}
    assert [*listed_splits(values, root, ["train", "val", "test"])] == ["train", "test"]
    assert [*listed_splits(values | {"val_share": 0.3}, root, ["train", "val", "test"])] == ["train", "val", "test"]
    with pytest.raises(NoValidation, match="set val_share"):
        listed_splits(values, root, ["val"])

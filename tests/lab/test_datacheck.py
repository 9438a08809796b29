"""The data check: every fault that is planted is found, counted and explained, and nothing else."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import write_ucf101, write_video
from PIL import Image

from text4vis_core import load_videos
from text4vis_core.data.video_list import Video, VideoList
from text4vis_lab.datacheck import PROBLEMS, check_data
from text4vis_lab.plain import write_json

CLASSES = ("archery", "boxing")


def frames(folder, count: int, shade: int = 0):
    folder.mkdir()
    for i in range(count):
        Image.new("RGB", (10, 8), (shade, i, 0)).save(folder / f"img_{i:05d}.png")
    return folder


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> dict[str, VideoList]:
    """Three files of 12 frames in training, one of 24 and a folder of 9 frames in test; all different."""
    root = tmp_path_factory.mktemp("good")
    train = [Video(write_video(root / f"{i}.mp4", 12, shift=i), i % 2) for i in range(3)]
    test = [Video(write_video(root / "long.avi", 24, size=(48, 64), codec="mpeg4"), 0), Video(frames(root / "f", 9), 1)]
    return {"train": VideoList(CLASSES, tuple(train)), "test": VideoList(CLASSES, tuple(test))}


def with_more(videos: VideoList, *more: Video, **changes) -> VideoList:
    return replace(videos, videos=(*videos.videos, *more), **changes)


def found(report) -> list[tuple[str, str, str, int, str]]:
    return [(p.kind, p.split, p.path.rsplit("/", 1)[-1], p.label, p.reason) for p in report.problems]


def test_good_videos_have_no_problem(good):
    report = check_data(good, num_frames=8, progress=False)
    assert report.problems == ()
    none = dict.fromkeys(PROBLEMS, 0)
    assert report.counts() == {"train": {"listed": 3, "found": 3} | none, "test": {"listed": 2, "found": 2} | none}
    assert report.per_class("train")["found"].tolist() == [2, 1]
    assert report.durations("train").tolist() == pytest.approx([1.0] * 3)
    assert report.durations("test").tolist() == pytest.approx([2.0]), "a folder of frames has no frame rate"
    assert report.frame_rates("test").tolist() == pytest.approx([12.0])
    assert report.resolutions("test") == ["64x48", "10x8"]
    assert report.pictures() == ([], [])
    assert report.sound("test") == list(good["test"].videos)


def test_speed_counts_what_was_read(good):
    report = replace(check_data(good, num_frames=4, workers=3, progress=False), seconds=0.5)
    assert report.speed() == {"videos_per_second": 10, "frames_per_second": 40, "workers": 3}


def test_the_number_of_workers_changes_nothing(good):
    reports = [check_data(good, 8, workers, progress=False) for workers in (1, 3)]
    assert reports[0].files == reports[1].files
    assert list(reports[0].files) == list(reports[1].files)
    assert reports[0].metrics() == reports[1].metrics()


def test_missing_is_what_the_list_says_and_what_is_gone(good, tmp_path):
    gone = (Video(Path("a.mp4"), 1), Video(Path("b.mp4"), 0, (0, 1)))
    train = with_more(good["train"], Video(tmp_path / "gone.mp4", 1), missing=gone)
    report = check_data({"train": train}, progress=False)
    assert found(report) == [
        ("missing", "train", "a.mp4", 1, "listed and not there"),
        ("missing", "train", "b.mp4", 0, "listed and not there"),
        ("missing", "train", "gone.mp4", 1, "listed and not there"),
    ]
    assert report.counts()["train"] == {"listed": 6, "found": 3, **dict.fromkeys(PROBLEMS, 0), "missing": 3}
    assert report.per_class("train")["missing"].tolist() == [1, 2]
    assert report.per_class("train")["found"].tolist() == [2, 1]


def test_a_data_set_that_lacks_a_video_is_checked(tmp_path):
    root = write_ucf101(tmp_path)
    [first, *others] = load_videos("ucf101", root, "test").videos
    first.path.unlink()
    report = check_data({"test": load_videos("ucf101", root, "test", missing="report")}, num_frames=2, progress=False)
    absent = [problem for problem in report.problems if problem.kind == "missing"]
    assert [(problem.path, problem.label) for problem in absent] == [(str(first.path), first.label)]
    counts = report.counts()["test"]
    assert (counts["listed"], counts["found"], counts["missing"]) == (len(others) + 1, len(others), 1)
    assert report.per_class("test")["missing"].tolist() == [1, 0, 0]


def test_unreadable_gives_the_reason(good, tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("this is not a video\n" * 50)
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(good["train"].videos[0].path.read_bytes()[:-500])
    (tmp_path / "none").mkdir()
    names = ("empty.mp4", "text.mp4", "cut.mp4", "none")
    report = check_data({"a": with_more(good["train"], *(Video(tmp_path / name, 0) for name in names))}, progress=False)
    kinds = {p.path.rsplit("/", 1)[-1]: (p.kind, p.reason) for p in report.problems}
    assert kinds.keys() == set(names)
    assert {kind for kind, _ in kinds.values()} == {"unreadable"}
    assert kinds["empty.mp4"][1] == "the file is empty (0 bytes)"
    assert kinds["none"][1] == "it has no frames"
    assert report.counts()["a"] == {"listed": 7, "found": 7, **dict.fromkeys(PROBLEMS, 0), "unreadable": 4}
    assert len(report.resolutions("a")) == 3


def test_too_short_is_fewer_frames_than_a_clip(good, tmp_path):
    short = Video(write_video(tmp_path / "short.mp4", 5), 1)
    report = check_data({"train": with_more(good["train"], short)}, num_frames=6, progress=False)
    assert found(report) == [("too short", "train", "short.mp4", 1, "5 frames, fewer than 6")]
    assert check_data({"train": with_more(good["train"], short)}, num_frames=5, progress=False).problems == ()
    pictures, captions = report.pictures()
    assert [picture.shape for picture in pictures] == [(32, 40, 3)]
    assert captions == ["too short: short.mp4 (train), 5 frames, fewer than 6"]


def test_a_part_of_a_video_is_checked_as_such(good, tmp_path):
    path = good["train"].videos[0].path  # a second at 12 frames per second
    folder = frames(tmp_path / "six", 6, 50)
    parts = [
        Video(path, 0, start=0.0, end=0.5),
        Video(path, 0, start=0.75, end=1.0),
        Video(path, 0, start=2.0, end=3.0),
        Video(folder, 1, start=0.0, end=2.0, duration=3.0),
    ]
    report = check_data({"parts": VideoList(CLASSES, tuple(parts))}, num_frames=4, progress=False)
    assert found(report) == [
        ("unreadable", "parts", path.name, 0, "a part from 2 s is asked for, it lasts 1.0 s"),
        ("too short", "parts", path.name, 0, "its part from 0.75 s to 1 s has 3 frames, fewer than 4"),
    ]
    assert [problem.video for problem in report.problems] == [parts[2], parts[1]]
    assert report.problems[1].row() == {
        "kind": "too short", "split": "parts", "path": str(path), "label": 0, "start": 0.75, "end": 1.0,
        "reason": report.problems[1].reason,
    }  # fmt: skip
    assert report.sound("parts") == [parts[0], parts[3]]
    assert report.speed()["frames_per_second"] * report.seconds == pytest.approx(3 * 4)
    assert report.durations("parts").tolist() == pytest.approx([0.5, 0.25, 2.0])
    assert len(report.files) == 2, "a file is opened once, however many parts of it are listed"


def test_it_is_the_part_that_is_decoded(tmp_path):
    folder = frames(tmp_path / "twelve", 12)
    (folder / "img_00007.png").write_bytes(b"broken")
    parts = [Video(folder, 0, start=start, end=start + 4, duration=12) for start in (0, 4, 8)]
    report = check_data({"a": VideoList(CLASSES, tuple(parts))}, num_frames=4, progress=False)
    [problem] = report.problems
    assert (problem.kind, problem.video) == ("unreadable", parts[1])
    assert problem.reason.startswith("its part from 4 s to 8 s: ")
    assert "cannot identify image file" in problem.reason
    assert report.sound("a") == [parts[0], parts[2]]
    [facts] = report.files.values()
    assert (facts.error, facts.frames, facts.width, facts.height) == ("", 12, 10, 8)
    assert len(report.durations("a")) == 2


def test_a_part_of_a_folder_that_cannot_be_placed_says_so(tmp_path):
    video = Video(frames(tmp_path / "six", 6), 0, start=0.0, end=2.0)
    [problem] = check_data({"a": VideoList(CLASSES, (video,))}, progress=False).problems
    assert "its frame rate is unknown; use video files" in problem.reason


def test_a_picture_shows_the_part_that_is_listed(tmp_path):
    video = Video(frames(tmp_path / "twelve", 12), 0, start=5.0, end=7.0, duration=12)
    report = check_data({"a": VideoList(CLASSES, (video,))}, num_frames=4, progress=False)
    [picture], [caption] = report.pictures()
    assert picture[0, 0].tolist() == [0, 5, 0], "the green of a picture is its number"
    assert caption == "too short: twelve (a), its part from 5 s to 7 s has 2 frames, fewer than 4"


def test_duplicates_within_a_split_and_in_two(good, tmp_path):
    first, second = good["train"].videos[:2]
    copy = tmp_path / "copy.mp4"
    shutil.copy(second.path, copy)
    twins = [frames(tmp_path / name, 9, 7) for name in ("one", "two")]
    train = with_more(good["train"], first, Video(twins[0], 1))
    test = with_more(good["test"], Video(copy, 0), Video(twins[1], 1))
    report = check_data({"train": train, "test": test}, progress=False)
    assert found(report) == [
        ("duplicated", "train", "0.mp4", 0, "listed again"),
        ("duplicated", "train", "0.mp4", 0, "listed again"),
        ("duplicated", "train", "1.mp4", 1, "same content as copy.mp4 in test, as archery"),
        ("duplicated", "test", "copy.mp4", 0, "same content as 1.mp4 in train, as boxing"),
        ("duplicated", "train", "one", 1, "same content as two in test"),
        ("duplicated", "test", "two", 1, "same content as one in train"),
    ]
    assert [counts["duplicated"] for counts in report.counts().values()] == [4, 2]
    assert report.per_class("train")["duplicated"].tolist() == [2, 2]
    assert len(report.pictures(limit=3)[0]) == 3


def test_three_of_a_kind(good):
    [video] = good["train"].videos[:1]
    report = check_data({"a": VideoList(CLASSES, (video,) * 3)}, progress=False)
    assert [problem.reason for problem in report.problems] == ["listed again; 3 times in all"] * 3


def test_each_twin_is_listed_with_its_own_class(good, tmp_path):
    source = good["train"].videos[0].path
    copies = [Path(shutil.copy(source, tmp_path / name)) for name in ("a.mp4", "b.mp4", "c.mp4")]
    splits = {
        "train": VideoList(CLASSES, (Video(copies[0], 0), Video(copies[1], 0, (0, 1)))),
        "test": VideoList(CLASSES, (Video(copies[2], 1),)),
    }
    assert [problem.reason for problem in check_data(splits, progress=False).problems] == [
        "same content as b.mp4, as archery and boxing; same content as c.mp4 in test, as boxing; 3 times in all",
        "same content as a.mp4, as archery; same content as c.mp4 in test, as boxing; 3 times in all",
        "same content as a.mp4 in train, as archery; same content as b.mp4 in train, as archery and boxing; "
        "3 times in all",
    ]


def test_of_many_twins_three_are_named(good):
    source = good["train"].videos[0]
    videos = tuple(replace(source, label=i) for i in range(6))
    report = check_data({"a": VideoList(tuple("abcdef"), videos)}, progress=False)
    assert [problem.reason for problem in report.problems][::5] == [
        "listed again, as b; listed again, as c; listed again, as d; 6 times in all",
        "listed again, as a; listed again, as b; listed again, as c; 6 times in all",
    ]


def test_files_that_differ_in_their_last_byte_are_not_duplicates(good, tmp_path):
    source = good["train"].videos[0].path.read_bytes()
    videos = []
    for name, last in (("a.mp4", b"\x00"), ("b.mp4", b"\x01")):  # after the end of the film, in a box of its own
        (tmp_path / name).write_bytes(source + b"\x00\x00\x00\x09free" + last)
        videos.append(Video(tmp_path / name, 0))
    assert check_data({"a": VideoList(CLASSES, tuple(videos))}, progress=False).problems == ()


def test_metrics_are_plain_values(good, tmp_path):
    report = check_data(
        {"train": with_more(good["train"], missing=(Video(Path("gone.mp4"), 0),)), "test": good["test"]}, progress=False
    )
    write_json(tmp_path / "metrics.json", report.metrics())
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["splits"]["train"]["fewest_per_class"] == 1
    assert metrics["splits"]["train"]["missing"] == 1
    assert metrics["splits"]["test"]["seconds"] == pytest.approx({"least": 2.0, "median": 2.0, "most": 2.0})
    assert metrics["splits"]["test"]["resolutions"] == {"64x48": 1, "10x8": 1}


def test_a_list_without_a_readable_video_has_no_quantiles(tmp_path):
    report = check_data({"a": VideoList(CLASSES, (Video(tmp_path / "gone.mp4", 0),))}, progress=False)
    assert report.metrics()["splits"]["a"]["seconds"] is None
    assert report.durations("a").dtype == np.float64


@pytest.mark.parametrize("wrong", [{"num_frames": 0}, {"workers": 0}])
def test_impossible_numbers(good, wrong):
    with pytest.raises(ValueError, match="both must be at least 1"):
        check_data(good, **wrong)

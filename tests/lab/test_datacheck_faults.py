"""The data check outlives what it checks: whatever lies under a name is a problem that is counted and named."""

import os
import socket
from pathlib import Path

import pytest
from conftest import write_video
from PIL import Image
from timed import write_damaged, write_timed

from text4vis_core.data.reading import Reading
from text4vis_core.data.video_list import Video, VideoList
from text4vis_lab import datacheck, file_facts
from text4vis_lab.datacheck import check_data
from text4vis_lab.planted import check_planted


def frames(folder: Path, count: int = 9, red: int = 0) -> Path:
    folder.mkdir()
    for i in range(count):
        Image.new("RGB", (10, 8), (red, 20 * i, 0)).save(folder / f"img_{i:05d}.jpg")
    return folder


def listen(path: Path) -> None:
    """A socket under a name, which outlives who made it."""
    here = os.getcwd()
    os.chdir(path.parent)  # a socket's whole path may have a hundred characters
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def link(path: Path, target: str) -> None:
    path.symlink_to(target)


def in_frames(make):
    """The same in a folder of frames, under the name of one of them."""

    def folder(path: Path) -> None:
        frames(path)
        (path / "img_00001.jpg").unlink()
        make(path / "img_00001.jpg")

    return folder


STRANGE = {
    "a dangling link": lambda path: link(path, "nowhere"),
    "a dangling link to another folder": lambda path: link(path, "/nowhere/at/all.mp4"),
    "a chain that dangles": lambda path: (link(path.with_name("next"), "nowhere"), link(path, "next")),
    "a link to itself": lambda path: link(path, path.name),
    "two links to each other": lambda path: (link(path.with_name("other"), path.name), link(path, "other")),
    "a link below itself": lambda path: link(path, f"{path.name}/deeper"),
    "a pipe": os.mkfifo,
    "a link to a pipe": lambda path: (os.mkfifo(path.with_name("pipe")), link(path, "pipe")),
    "a socket": listen,
    "a device": lambda path: link(path, "/dev/zero"),
    "an empty folder": os.mkdir,
    "a folder of folders": lambda path: (path / "img_00000.jpg").mkdir(parents=True),
    "a pipe among frames": in_frames(os.mkfifo),
    "a socket among frames": in_frames(listen),
    "a link that dangles among frames": in_frames(lambda path: link(path, "nowhere")),
    "a link to itself among frames": in_frames(lambda path: link(path, path.name)),
    "a device among frames": in_frames(lambda path: link(path, "/dev/zero")),
    "a text among frames": in_frames(lambda path: path.write_text("no picture")),
}  # fmt: skip


@pytest.mark.parametrize("name", ["x.mp4", "frames", "x"])
@pytest.mark.parametrize("strange", STRANGE)
def test_whatever_lies_there_is_counted_and_named(strange, name, tmp_path):
    good, path = write_video(tmp_path / "good.mp4", 9), tmp_path / "odd" / name
    path.parent.mkdir()
    STRANGE[strange](path)
    videos = VideoList(("a", "b"), (Video(path, 1), Video(good, 0)), ignored=(path,))
    report = check_data({"train": videos}, 8, progress=False)
    [problem, ignored] = report.problems
    assert (problem.kind, problem.file, problem.label) == ("unreadable", path, 1)
    assert len(problem.reason) > 10 and "\n" not in problem.reason
    assert (ignored.kind, ignored.file, ignored.label) == ("ignored", path, None)
    assert ignored.reason.startswith("lies among the videos and is none: ")
    counts = report.counts()["train"]
    assert (counts["listed"], counts["found"], counts["unreadable"], counts["ignored"]) == (2, 2, 1, 1)
    assert report.sound("train") == [videos.videos[1]]
    assert report.decoders()[report.files[good].decoder] == 1


def test_a_link_that_leads_nowhere_says_where_to(tmp_path):
    link(tmp_path / "x.mp4", "far/away.mp4")
    [problem] = check_data({"a": VideoList(("a",), (Video(tmp_path / "x.mp4", 0),))}, progress=False).problems
    assert problem.reason == "a link to far/away.mp4: no such file or folder"


@pytest.mark.parametrize("path", ["gone.mp4", "gone/x.mp4", "good.mp4/x.mp4", "nul\0.mp4"])
def test_what_is_not_there_is_missing(path, tmp_path):
    write_video(tmp_path / "good.mp4", 2)
    [problem] = check_data({"a": VideoList(("a",), (Video(tmp_path / path, 0),))}, progress=False).problems
    assert (problem.kind, problem.reason) == ("missing", "listed and not there")


@pytest.mark.parametrize("length", [256, 1_000, 5_000])
def test_a_name_that_is_longer_than_any_is_unreadable(length, tmp_path):
    [problem] = check_data({"a": VideoList(("a",), (Video(tmp_path / ("x" * length), 0),))}, progress=False).problems
    assert (problem.kind, problem.reason) == ("unreadable", "File name too long")
    assert len(str(problem)) < 250


@pytest.mark.parametrize("function", ["lstat", "stat", "readlink", "scandir", "listdir"])
def test_a_folder_without_permission_is_a_problem(function, tmp_path, monkeypatch):
    good, shut = frames(tmp_path / "good"), frames(tmp_path / "shut", red=200)
    link(tmp_path / "link", "nowhere")
    real = getattr(os, function)

    def refuses(path, *args, **options):  # root, as who tests run as in a container, may do anything
        if isinstance(path, str | os.PathLike) and Path(path).name in ("shut", "link"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *args, **options)

    monkeypatch.setattr(os, function, refuses)
    videos = tuple(Video(path, 0) for path in (good, shut, tmp_path / "link"))
    report = check_data({"a": VideoList(("a",), videos)}, progress=False)
    faulty = {problem.file.name for problem in report.problems}
    assert "link" in faulty and "good" not in faulty
    assert {problem.kind for problem in report.problems} == {"unreadable"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("mode", [0o000, 0o100, 0o400])
def test_a_real_folder_without_permission_is_a_problem(mode, tmp_path):
    folder = frames(tmp_path / "shut")
    folder.chmod(mode)
    videos = VideoList(("a",), (Video(folder, 0), Video(folder / "x.mp4", 0)))
    report = check_data({"a": videos}, progress=False)
    folder.chmod(0o700)
    assert len(report.problems) >= 1


@pytest.mark.parametrize("when", ["is_there", "open_video", "decode_frames"])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_file_that_vanishes_in_between_is_a_problem(when, kind, tmp_path, monkeypatch):
    path = write_video(tmp_path / "x.mp4", 9) if kind == "file" else frames(tmp_path / "x")
    real = getattr(file_facts, when)

    def then_it_is_gone(*args):
        result = real(*args)
        for each in [path] if kind == "file" else path.iterdir():
            each.unlink(missing_ok=True)
        if kind == "folder" and path.is_dir():
            path.rmdir()
        return result

    monkeypatch.setattr(datacheck if when == "is_there" else file_facts, when, then_it_is_gone)
    [problem] = check_data({"a": VideoList(("a",), (Video(path, 0),))}, 4, progress=False).problems
    assert problem.kind == "unreadable"
    assert "no such file" in problem.reason.lower() or "decoding failed" in problem.reason


def test_a_picture_that_can_no_longer_be_read_is_left_out(tmp_path):
    short = [Video(write_video(tmp_path / f"{i}.mp4", 3, shift=i), 0) for i in range(3)]
    report = check_data({"a": VideoList(("a",), tuple(short))}, 8, progress=False)
    short[1].path.unlink()
    pictures, captions = report.pictures()
    assert [caption[:16] for caption in captions] == ["too short: 0.mp4", "too short: 2.mp4"]
    assert len(pictures) == 2


def test_what_is_ignored_is_asked_of_the_decoder_and_counted_once(tmp_path):
    good = Video(write_video(tmp_path / "good.mp4", 9), 0)
    odd = [write_video(tmp_path / "x.mkv", 3), tmp_path / "notes.txt", tmp_path / "empty"]
    odd[0] = odd[0].rename(tmp_path / "sound.mp3")
    odd[1].write_text("read me")
    odd[2].touch()
    lists = {split: VideoList(("a",), (good,), ignored=tuple(odd)) for split in ("train", "test")}
    report = check_data(lists, 4, progress=False)
    found = [(p.split, p.file.name, p.reason) for p in report.problems if p.kind == "ignored"]
    assert [each[:2] for each in found] == [("train", "sound.mp3"), ("train", "notes.txt"), ("train", "empty")]
    assert found[0][2] == "it can be decoded, and is in no list"
    assert found[2][2] == "lies among the videos and is none: the file is empty (0 bytes)"
    assert [counts["ignored"] for counts in report.counts().values()] == [3, 0]
    assert report.per_class("train")["ignored"].tolist() == [0]
    assert report.problems[-1].row()["label"] is None
    assert report.metrics()["splits"]["train"]["ignored"] == 3


DAMAGED = [("libx264", "mp4", 0.3), ("libx264", "mkv", 0.7), ("mpeg4", "avi", 0.5), ("mpeg2video", "mkv", 0.5)]


@pytest.mark.parametrize(("codec", "suffix", "where"), DAMAGED)
def test_damage_that_a_decoder_would_conceal_is_a_problem(codec, suffix, where, tmp_path):
    path = write_damaged(tmp_path / f"x.{suffix}", codec, where)
    [problem] = check_data({"a": VideoList(("a",), (Video(path, 0),))}, 24, progress=False).problems
    assert problem.kind == "unreadable"


@pytest.mark.parametrize(
    ("times", "sound", "seconds"),
    [
        ([0, 0.1, 0.2, 1, 2, 2.5], 0, 3.0),
        ([2, 2.1, 2.5, 3], 3.5, 1.5),
        ([0, 5], 0, 10.0),
        ([0.5], 0.5, 0.04),
    ],
)
def test_durations_are_those_of_the_time_stamps(times, sound, seconds, tmp_path):
    path = write_timed(tmp_path / "x.mp4", times, sound=sound)
    report = check_data({"a": VideoList(("a",), (Video(path, 0),))}, 1, progress=False)
    assert report.problems == ()
    assert report.durations("a").tolist() == pytest.approx([seconds], abs=0.01)


def test_parts_lie_where_their_seconds_are(tmp_path):
    path = write_timed(tmp_path / "x.mp4", [0, 0.1, 0.2, 0.3, 1, 2, 3])
    parts = [Video(path, 0, start=start, end=end) for start, end in ((0, 0.4), (1, 3), (2, None), (9, 10))]
    report = check_data({"a": VideoList(("a",), tuple(parts))}, 1, progress=False)
    [problem] = report.problems
    assert (problem.kind, problem.video) == ("unreadable", parts[3])
    facts = [report.files[path].of(part) for part in parts[:3]]
    assert [(each.first, each.stop) for each in facts] == [(0, 4), (4, 6), (5, 7)]
    assert report.durations("a").tolist() == pytest.approx([1, 2, 2])


@pytest.mark.parametrize("decoder", ["pyav", "decord"])
def test_the_report_says_which_decoder_read(decoder, tmp_path):
    pytest.importorskip({"pyav": "av"}.get(decoder, decoder))
    videos = [Video(write_video(tmp_path / f"{i}.mp4", 9, shift=i), 0) for i in range(3)]
    videos.append(Video(frames(tmp_path / "frames"), 0))
    reading = Reading(decoder=decoder, strict=decoder == "pyav")
    report = check_data({"a": VideoList(("a",), tuple(videos))}, 4, progress=False, reading=reading)
    named = {name.split()[0].lower(): count for name, count in report.decoders().items()}
    assert named == {decoder: 3, "pictures": 1}
    assert report.metrics()["decoders"] == report.decoders()
    assert check_planted(report, ("a",), 4).report.decoders() == {}, "there are not four sound files"


def test_an_error_that_nobody_foresaw_is_a_reason(tmp_path, monkeypatch):
    class Strange(Exception):
        pass

    def fails(*args):
        raise Strange("two\nlines")

    path = write_video(tmp_path / "x.mp4", 9)
    monkeypatch.setattr(file_facts, "open_video", fails)
    [problem] = check_data({"a": VideoList(("a",), (Video(path, 0),))}, progress=False).problems
    assert problem.reason == "it cannot be read (Strange: two)"

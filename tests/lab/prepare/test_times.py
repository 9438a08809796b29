"""Copies have their frames where the originals have them, and are of what a decoder read without making things up."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from conftest import frame_numbers, write_video
from PIL import Image
from timed import write_damaged, write_timed

from text4vis_core import load_videos, read_frames
from text4vis_core.data.reading import Reading, VideoError
from text4vis_core.data.video import open_video
from text4vis_core.data.video_list import Video, VideoList
from text4vis_lab.prepare import copying
from text4vis_lab.prepare.copying import VERSION, Recipe, ticks
from text4vis_lab.prepare.data_set import PrepareError, Work, prepare
from text4vis_lab.prepare.reader import PreparedReader

SILENT = Work(num_workers=0, progress=False)


def copied(original: Path, folder: Path, **recipe) -> Path:
    videos = VideoList(("a",), (Video(original, 0),))
    prepare(videos, folder, recipe=Recipe(**{"crf": 8, "gop": 3} | recipe), work=SILENT)
    return load_videos("prepared", folder, "train").videos[0].path


TIMES = {
    "constant": (np.arange(9) / 25, 0),
    "one frame": ([0.0], 0),
    "two frames far apart": ([0.0, 50.0], 0),
    "half of it slower": ([0, 0.04, 0.08, 0.12, 0.5, 1, 1.5, 2], 0),
    "a pause of an hour": ([0, 0.1, 0.2, 3600, 3600.1], 0),
    "a pause of hours": ([0, 0.5, 20_000], 0),
    "30000/1001 a second": (np.arange(9) * 1001 / 30000, 0),
    "24000/1001 a second": (np.arange(9) * 1001 / 24000, 0),
    "from 2 s of the sound on": ([2, 2.04, 2.08, 2.5, 3], 3.4),
    "a frame after the sound's beginning": (1 / 30 + np.arange(9) / 30, 0.33),
    "at odd ticks": (np.array([1, 3, 7, 8, 90_001]) / 90_000, 1.0),
}


# Matroska keeps a rate as well, and pauses are then holes.
STEADY = ["constant", "one frame", "half of it slower", "30000/1001 a second", "24000/1001 a second"]


@pytest.mark.parametrize(
    ("name", "suffix"), [(name, suffix) for name in TIMES for suffix in ("mp4", "mov")] + [(n, "mkv") for n in STEADY]
)
def test_a_copy_has_the_times_of_its_original(name, suffix, tmp_path):
    times, sound = TIMES[name]
    original = open_video(write_timed(tmp_path / f"x.{suffix}", times, sound=sound))
    copy = PreparedReader(copied(tmp_path / f"x.{suffix}", tmp_path / "copies"))
    assert copy.seconds == pytest.approx(original.seconds, abs=1e-5)
    assert (len(copy), copy.fps) == (len(original), original.fps)
    if len(times) > 1:
        assert np.diff(copy.seconds) == pytest.approx(np.diff(times), abs=1.1e-3 if suffix == "mkv" else 3e-5)
    assert frame_numbers(copy.decode(np.arange(len(copy)))) == list(range(len(times)))


PARTS = [(0, 0.1), (0.05, 1), (1, 2), (1.5, None), (None, 0.5), (2, 2.05), (0.45, 0.55)]


@pytest.mark.parametrize("name", ["half of it slower", "from 2 s of the sound on", "30000/1001 a second"])
def test_seconds_mean_the_same_frames_of_the_original_and_of_the_copy(name, tmp_path):
    times, sound = TIMES[name]
    original = write_timed(tmp_path / "x.mp4", times, sound=sound)
    copy, known = copied(original, tmp_path / "copies"), 0
    for start, end in PARTS:
        try:
            wanted = frame_numbers(read_frames(original, np.arange, start, end))
        except VideoError:
            with pytest.raises(VideoError):
                read_frames(copy, np.arange, start, end)
            continue
        assert frame_numbers(read_frames(copy, np.arange, start, end)) == wanted
        known += 1
    assert known >= 3


def test_parts_of_a_folders_copy_are_placed_by_its_duration(tmp_path):
    (tmp_path / "frames").mkdir()
    for i in range(6):
        Image.new("RGB", (40, 32), (20 + 10 * i, 110, 200)).save(tmp_path / "frames" / f"{i}.png")
    copy = copied(tmp_path / "frames", tmp_path / "copies")
    assert frame_numbers(read_frames(copy, np.arange, 1, 2, 3)) == [2, 3]


@pytest.mark.parametrize(
    ("times", "length", "expected"),
    [
        (None, 3, ([0, 28_800, 57_600], 86_400, 720_000)),
        ([0.0, 0.5, 2.0], 3, ([0, 360_000, 1_440_000], 2_520_000, 720_000)),
        ([1.0, 1.0, 1.0, 2.0], 4, ([720_000, 720_001, 720_002, 1_440_000], 2_160_000, 720_000)),
        ([0.0, 2.0, 1.0], 3, ([0, 1_440_000, 1_440_001], 1_440_002, 720_000)),
        ([0.25], 1, ([180_000], 208_800, 720_000)),
        ([0.0, 3600.0], 2, ([0, 324_000_000], 648_000_000, 90_000)),
        ([0.0, 86_400.0], 2, ([0, 86_400_000], 172_800_000, 1_000)),
    ],
)
def test_ticks_are_the_times_and_never_go_back(times, length, expected):
    begins, ends, second = ticks(None if times is None else np.array(times), length, 25)
    assert (begins, ends[-1], second) == expected
    assert ends[:-1] == begins[1:]


@pytest.mark.parametrize("shift", [0.002, 0.04, -0.01])
def test_a_copy_with_other_times_is_not_kept(shift, tmp_path, monkeypatch):
    original, real = write_timed(tmp_path / "x.mp4", [0.1, 0.2, 0.3, 1], sound=1.0), copying.ticks

    def late(*args):
        begins, ends, second = real(*args)
        begins[2] += round(shift * second)
        return begins, ends, second

    monkeypatch.setattr(copying, "ticks", late)
    with pytest.raises(VideoError, match=r"its copy is faulty \(frame 2 is at 0\.\d+ s instead of 0\.3000 s\)"):
        copied(original, tmp_path / "copies")
    assert not list((tmp_path / "copies").rglob("*.mp4"))


DAMAGED = [("libx264", "mp4", 0.3), ("libx264", "mkv", 0.7), ("mpeg4", "avi", 0.5), ("mpeg2video", "mkv", 0.5)]


@pytest.mark.parametrize(("codec", "suffix", "where"), DAMAGED)
def test_what_a_decoder_would_conceal_is_not_copied(codec, suffix, where, tmp_path):
    damaged = write_damaged(tmp_path / f"x.{suffix}", codec, where)
    good = write_video(tmp_path / "good.mp4", 9)
    videos = VideoList(("a",), (Video(damaged, 0), Video(good, 0)))
    with pytest.raises(VideoError, match=damaged.name):
        prepare(videos, tmp_path / "copies", work=SILENT)
    lax = Work(0, "skip", progress=False, reading=Reading(strict=False))
    done = prepare(videos, tmp_path / "copies", work=lax)
    assert ([path for path, _ in done.skipped], done.kept + done.made) == ([str(damaged)], 1)


@pytest.mark.parametrize(
    "former",
    [
        {"short_side": 256, "gop": 1, "crf": 26, "preset": "veryfast", "min_psnr": 25.0},
        {"version": 1, "gop": 1},
        {"version": VERSION + 1},
        {},
    ],
)
def test_copies_of_another_version_are_refused_by_name(former, tmp_path):
    video, folder = write_video(tmp_path / "x.mp4", 3), tmp_path / "copies"
    folder.mkdir()
    (folder / "recipe.json").write_text(json.dumps(former))
    found = former.get("version", 1)
    with pytest.raises(
        PrepareError, match=rf"copies holds copies of version {found}, this is {VERSION}.*another folder"
    ):
        copied(video, folder)
    assert json.loads((folder / "recipe.json").read_text()) == former


@pytest.mark.parametrize("text", ["[]", "null", "2", "{", '"x"'])
def test_a_recipe_that_is_none_is_damaged(text, tmp_path):
    video, folder = write_video(tmp_path / "x.mp4", 3), tmp_path / "copies"
    folder.mkdir()
    (folder / "recipe.json").write_text(text)
    with pytest.raises(PrepareError, match=r"recipe\.json is damaged .*; delete the folder and prepare anew"):
        copied(video, folder)


def test_a_folder_holds_copies_of_one_decoder(tmp_path):
    pytest.importorskip("decord")
    videos = VideoList(("a",), (Video(write_video(tmp_path / "x.mp4", 9), 0),))
    prepare(videos, tmp_path / "copies", work=SILENT)
    decord = Work(0, progress=False, reading=Reading(decoder="decord"))
    with pytest.raises(PrepareError, match="holds copies of decoder pyav, not decord; choose another folder"):
        prepare(videos, tmp_path / "copies", work=decord)
    assert prepare(videos, tmp_path / "others", work=decord).made == 1
    rows = [json.loads((tmp_path / name / "journal.jsonl").read_text()) for name in ("copies", "others")]
    assert [row["decoder"].split()[0] for row in rows] == ["PyAV", "decord"]


@pytest.mark.parametrize("strange", ["pipe", "link", "loop"])
def test_what_is_no_file_is_left_out_at_once(strange, tmp_path):

    path = tmp_path / "x.mp4"
    {"pipe": os.mkfifo, "link": lambda p: p.symlink_to("nowhere"), "loop": lambda p: p.symlink_to(p.name)}[strange](
        path
    )
    videos = VideoList(("a",), (Video(path, 0), Video(write_video(tmp_path / "good.mp4", 3), 0)))
    [(left_out, reason)] = prepare(videos, tmp_path / "copies", work=Work(0, "skip", progress=False)).skipped
    assert left_out == str(path) and len(reason) > 10

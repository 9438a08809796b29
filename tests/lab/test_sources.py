"""Folders of few frames are left out, and named."""

import re
from dataclasses import replace

import pytest
from conftest import write_video
from PIL import Image

from text4vis_core.data import Video, VideoDataset, VideoError, VideoList
from text4vis_lab.sources import leave_out_short


@pytest.fixture
def short_and_long(tmp_path) -> VideoList:
    """A folder of 7 frames, one of 8, a segment of half of the latter, and a file of 2 frames."""
    folders = [tmp_path / name for name in ("seven", "eight")]
    for folder, count in zip(folders, (7, 8), strict=True):
        folder.mkdir()
        for i in range(count):
            Image.new("RGB", (16, 16)).save(folder / f"img_{i:05d}.jpg")
    videos = [Video(path, 0) for path in (*folders, write_video(tmp_path / "two.mp4", 2))]
    segment = Video(folders[1], 0, start=2.0, end=4.0, duration=4.0)
    return VideoList(("a",), (*videos, segment), missing=(Video("gone.mp4", 0),))


def test_folders_of_few_frames_are_left_out_and_named_and_files_are_not(short_and_long):
    seven, eight, two, segment = short_and_long.videos
    kept, left_out = leave_out_short(short_and_long, 8)
    assert kept == replace(short_and_long, videos=(eight, two))
    assert [path for path, _ in left_out] == [str(seven.path), str(segment.path)]
    assert [re.findall(r"\d+ frames", reason) for _, reason in left_out] == [["7 frames"], ["4 frames"]]
    assert leave_out_short(short_and_long, 4) == (short_and_long, [])
    assert leave_out_short(short_and_long, 0) == (short_and_long, [])


def test_what_cannot_be_read_is_not_left_out_as_short_but_named_when_it_is_decoded(tmp_path):
    (tmp_path / "empty").mkdir()
    videos = VideoList(("a",), (Video(tmp_path / "empty", 0), Video(tmp_path / "empty", 0, start=1.0, end=2.0)))
    assert leave_out_short(videos, 8) == (videos, [])
    with pytest.raises(VideoError, match="empty: it has no frames"):
        VideoDataset(videos, 2, 16)[0]

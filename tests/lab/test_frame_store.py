"""Small videos kept in memory: the same frames, decoded once, and never those of a file that has changed."""

import os
import pickle

import numpy as np
import pytest
from conftest import frame_numbers, write_video

from text4vis_core.data.video import VideoError, read_frames
from text4vis_core.data.video_list import Video
from text4vis_lab import frame_store
from text4vis_lab.frame_store import MB, FrameStore


@pytest.fixture
def video(tmp_path):
    return Video(write_video(tmp_path / "a.mp4"), 0)


@pytest.fixture
def decoded(monkeypatch):
    """The files that are opened, one entry for each time."""
    paths = []

    def counting(path, reading):
        paths.append(path)
        return original(path, reading)

    original = frame_store.open_video
    monkeypatch.setattr(frame_store, "open_video", counting)
    monkeypatch.setattr("text4vis_core.data.video.open_video", counting)
    return paths


def pick(*numbers):
    return lambda count: np.array(numbers)


def test_frames_are_those_of_the_file(video):
    store = FrameStore(1)
    for numbers in ((0, 5, 11), (11, 0, 0), (7,)):
        kept = store.read(video, pick(*numbers))
        assert frame_numbers(kept) == list(numbers)
        np.testing.assert_array_equal(kept, read_frames(video.path, pick(*numbers)))


@pytest.mark.parametrize("number", [-1, 12])
@pytest.mark.parametrize("megabytes", [0, 1])
def test_a_frame_that_is_not_there_is_told(video, number, megabytes):
    store = FrameStore(megabytes)
    for read in (store.read, store.read_distinct):
        with pytest.raises(VideoError, match="were asked for, it has 12"):
            read(video, pick(0, number))


def test_a_file_is_decoded_once(video, decoded):
    store = FrameStore(1)
    for _ in range(3):
        store.read(video, pick(1, 2))
    assert decoded == [video.path]


def test_what_is_read_is_the_readers_own(video):
    store = FrameStore(1)
    store.read(video, pick(3))[:] = 0
    assert frame_numbers(store.read(video, pick(3))) == [3]


@pytest.mark.parametrize("megabytes", [0, 1])
def test_a_changed_file_is_read_anew(video, megabytes):
    store = FrameStore(megabytes)
    store.read(video, pick(0))
    write_video(video.path, shift=4)
    os.utime(video.path, ns=(1, 1))
    assert frame_numbers(store.read(video, pick(0))) == [4]


def test_a_file_that_is_gone_is_named(video):
    store = FrameStore(1)
    store.read(video, pick(0))
    video.path.unlink()
    with pytest.raises(VideoError, match=r"a\.mp4.*no such file"):
        store.read(video, pick(0))


def test_no_more_is_kept_than_there_is_room_for(tmp_path, decoded):
    size = (128, 128)
    videos = [Video(write_video(tmp_path / f"{n}.mp4", size=size, shift=n), 0) for n in range(3)]
    room = 2 * 12 * 128 * 128 * 3
    store = FrameStore(room / MB)
    for _ in range(2):
        for n, video in enumerate(videos):
            assert frame_numbers(store.read(video, pick(2))) == [2 + n]
    assert decoded.count(videos[0].path) == decoded.count(videos[1].path) == 1
    assert decoded.count(videos[2].path) == 3  # to see whether it fits, and at each of two readings


@pytest.mark.parametrize("limit", ["LARGEST_FILE", "MOST_FRAMES"])
def test_large_files_and_long_videos_are_not_kept(video, decoded, monkeypatch, limit):
    monkeypatch.setattr(frame_store, limit, 5)
    store = FrameStore(1)
    before = len(decoded)
    for _ in range(3):
        assert frame_numbers(store.read(video, pick(9, 1))) == [9, 1]
    assert len(decoded) - before >= 3


def test_a_part_of_a_video_is_read_as_without(video):
    part = Video(video.path, 0, start=0.5, end=0.75)
    store = FrameStore(1)
    store.read(video, pick(0))
    assert frame_numbers(store.read(part, lambda count: np.arange(count))) == [6, 7, 8]


def test_a_video_whose_end_is_damaged_still_gives_its_beginning(video, monkeypatch):
    def damaged(reader, path, indices):
        if indices.max() > 5:
            raise VideoError(path, "frame 6 could not be decoded")
        return original(reader, path, indices)

    original = frame_store.decode_frames
    monkeypatch.setattr(frame_store, "decode_frames", damaged)
    monkeypatch.setattr("text4vis_core.data.video.decode_frames", damaged)
    store = FrameStore(1)
    for _ in range(2):
        assert frame_numbers(store.read(video, pick(0, 5))) == [0, 5]
        with pytest.raises(VideoError, match="frame 6"):
            store.read(video, pick(6))


def test_a_copy_for_another_process_is_empty(video):
    store = FrameStore(1)
    store.read(video, pick(0))
    copy = pickle.dumps(store)
    assert len(copy) < 500
    assert frame_numbers(pickle.loads(copy).read(video, pick(6))) == [6]


def test_a_negative_size_is_told():
    with pytest.raises(ValueError, match="megabytes is -1"):
        FrameStore(-1)

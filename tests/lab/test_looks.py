"""A look at what was decoded shows the next frame, another order of channels, another crop, and another scale."""

from dataclasses import replace

import numpy as np
import pytest

from text4vis_core.data import datasets
from text4vis_core.data.datasets import FromFiles, VideoDataset, Views
from text4vis_core.data.video_list import Video
from text4vis_lab.frame_store import FrameStore
from text4vis_lab.looks import looks_of, some
from text4vis_lab.scores import video_name

FRAMES, SIZE = 2, 16


class Patterns(FromFiles):
    """Gives frames of many colours, each another, in the place of what is in the files."""

    order = slice(None)

    def read_distinct(self, video, choose):
        distinct, places = np.unique(choose(12), return_inverse=True)
        drawn = np.random.default_rng(len(video.path.name)).integers(0, 256, (12, 6, 8, 3), np.uint8)
        return drawn.repeat(4, 1).repeat(4, 2)[distinct][..., self.order].copy(), places


class Swapped(Patterns):
    """Gives channels in the order of OpenCV."""

    order = slice(None, None, -1)


@pytest.fixture
def seen(test_videos):
    return VideoDataset(test_videos, FRAMES, SIZE, Views(crops=3), store=Patterns())


def by_place(rows, **chosen):
    """(video, place, crop) -> look, of the rows that are so; float, (8, 8, 3)."""
    return {
        (row["video"], row["place"], row["crop"]): np.frombuffer(row["look"], np.uint8).reshape(8, 8, 3).astype(float)
        for row in rows
        if all(row[name] == value for name, value in chosen.items())
    }


def apart(here, there):
    """The largest difference of looks with one key, in grey levels."""
    assert here.keys() == there.keys() and here
    return max(np.abs(here[key] - there[key]).max() for key in here)


def test_they_are_means_of_the_frames_that_the_data_set_reads(seen):
    rows = looks_of(seen)
    assert {row["video"] for row in rows} == {video_name(video) for video in seen.videos.videos}
    video = seen.videos.videos[0]
    mine = [row for row in rows if row["video"] == video_name(video)]
    frames = [row["frame"] for row in mine if row["kind"] == "frame" and row["offset"] == 0]
    read, places = seen.store.read_distinct(video, lambda n: datasets.sampling.evaluation_indices(n, FRAMES))
    whole = read[places].astype(float).mean((1, 2))
    for (_, place, _), look in by_place(mine, kind="frame", offset=0).items():
        assert np.abs(look.mean((0, 1)) - whole[place]).max() < 1
    for row in mine:
        assert row["frame"] == frames[row["place"]] + row["offset"]
    given = seen[0]["frames"].float().numpy()  # (V, T, 3, S, S)
    for (_, place, crop), look in by_place(mine, kind="input").items():
        assert np.abs(look.mean((0, 1)) - given[crop, place].mean((1, 2))).max() < 1
    assert {row["crop"] for row in mine if row["kind"] == "input"} == {0, 1, 2}


def test_a_store_that_keeps_frames_changes_nothing(test_videos):
    plain, kept = (VideoDataset(test_videos, FRAMES, SIZE, store=store) for store in (FromFiles(), FrameStore(64)))
    assert looks_of(plain) == looks_of(kept) != []
    assert isinstance(kept.store, FrameStore)


def test_the_next_frame_is_the_neighbour(seen, monkeypatch):
    before, choose = looks_of(seen), datasets.sampling.evaluation_indices
    monkeypatch.setattr(datasets.sampling, "evaluation_indices", lambda n, *how: np.minimum(choose(n, *how) + 1, n - 1))
    after = looks_of(seen)
    assert apart(by_place(before, kind="frame", offset=1), by_place(after, kind="frame", offset=0)) == 0
    assert apart(by_place(before, kind="frame", offset=0), by_place(after, kind="frame", offset=0)) > 0


@pytest.mark.parametrize("kind", ["frame", "input"])
def test_another_order_of_channels_is_seen(seen, kind):
    before = by_place(looks_of(seen), kind=kind, offset=0)
    seen.store = Swapped()
    after = by_place(looks_of(seen), kind=kind, offset=0)
    assert apart(before, after) > 1
    assert apart({key: look[..., ::-1] for key, look in before.items()}, after) == 0


@pytest.mark.parametrize("views", [Views(crops=1), Views(crops=3, resize=20)], ids=["one crop", "another scale"])
def test_another_crop_or_scale_changes_the_inputs_alone(seen, views):
    before, other = looks_of(seen), VideoDataset(seen.videos, FRAMES, SIZE, views, store=seen.store)
    after = looks_of(other)
    frames = {"kind": "frame", "offset": 0}
    assert apart(by_place(before, **frames), by_place(after, **frames)) == 0
    first, second = by_place(before, kind="input", crop=0), by_place(after, kind="input", crop=0)
    assert apart(first, second) > 0


def test_lists_that_lack_videos_or_have_another_order_agree_on_nearly_all(test_videos):
    many = tuple(Video(test_videos.videos[0].path.with_name(f"{i}.mp4"), 0) for i in range(200))
    whole = replace(test_videos, videos=many)
    part = replace(whole, videos=tuple(video for i, video in enumerate(reversed(many)) if i % 10))
    names = [{listed.videos[i].path.name for i in some(listed, 16)} for listed in (whole, part)]
    assert len(names[0]) == len(names[1]) == 16
    assert len(names[0] & names[1]) >= 12


@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_what_cannot_be_decoded_is_left_out(seen, tmp_path, on_error):
    (tmp_path / "x.mp4").write_bytes(b"no video")
    videos = replace(seen.videos, videos=(Video(tmp_path / "x.mp4", 0), seen.videos.videos[0]))
    rows = looks_of(VideoDataset(videos, FRAMES, SIZE, on_error=on_error))  # from the files
    assert {row["video"] for row in rows} == {video_name(seen.videos.videos[0])}

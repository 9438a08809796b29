"""Lists of videos, made of others."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from text4vis_core.data.video_list import Video, VideoList
from text4vis_lab.lists import base_and_novel, base_novel_split, class_ids, only, repeated, spread

SEVERAL = VideoList(
    ("a", "b", "c"),
    (Video("1.mp4", 2, (2, 0)), Video("2.mp4", 1, (1,)), Video("3.mp4", 0, (0,))),
    missing=(Video("4.mp4", 1, (1, 2)), Video("5.mp4", 2, (2,))),
    notes=("drawn by seed 0",),
)


@given(st.integers(1, 9), st.integers(0, 30))
def test_repeated_goes_round_in_order(count, length):
    videos = VideoList(("a",), tuple(Video(f"{i}.mp4", 0) for i in range(count)))
    found = repeated(videos, length)
    assert [video.path for video in found.videos] == [f"{i % count}.mp4" for i in range(length)]
    assert found.classes == videos.classes


def test_nothing_cannot_be_repeated():
    with pytest.raises(ValueError, match="without videos cannot be repeated to 3"):
        repeated(VideoList(("a",), ()), 3)


def test_only_some_classes_goes_by_every_label_of_a_video():
    assert [video.path for video in only(SEVERAL, [0]).videos] == ["1.mp4", "3.mp4"]
    assert [video.path for video in only(SEVERAL, [1]).missing] == ["4.mp4"]
    assert only(SEVERAL, [0]).targets.tolist() == [[1, 0, 1], [1, 0, 0]]
    assert only(SEVERAL, [0]).notes == SEVERAL.notes


def test_spread_takes_the_first_the_last_and_what_lies_evenly_between():
    videos = VideoList(("a",), tuple(Video(f"{i}.mp4", 0) for i in range(9)), missing=(Video("9.mp4", 0),))
    assert [video.path for video in spread(videos, 3).videos] == ["0.mp4", "4.mp4", "8.mp4"]
    assert [video.path for video in spread(videos, 2, {os.path.abspath("8.mp4")}).videos] == ["0.mp4", "7.mp4"]
    assert (len(spread(videos, 20)), spread(videos, 20).missing) == (9, ())


def test_only_some_classes_keeps_labels(train_videos):
    some = only(train_videos, [0, 2])
    assert some.classes == train_videos.classes
    assert set(some.labels) == {0, 2}
    assert len(some) == sum(label in (0, 2) for label in train_videos.labels)


def test_class_ids_takes_names_in_any_spelling(train_videos):
    assert class_ids(train_videos, ["wall pushups", "HulaHoop", "apply_lipstick"]) == [2, 1, 0]
    with pytest.raises(
        ValueError, match="unknown class 'archery'; choose from: apply lipstick, hula hoop, wall pushups"
    ):
        class_ids(train_videos, ["hula hoop", "archery"])


def test_novel_classes_are_those_that_are_named_or_the_rarer_half():
    videos = VideoList(("jump", "rideBike", "sit", "wave"), tuple(Video(f"{i}", i % 2 + 2 * (i > 5)) for i in range(8)))
    assert base_and_novel(videos, ["sit", "ride bike"]) == ([0, 3], [1, 2])
    assert base_and_novel(videos) == ([0, 1], [2, 3])
    with pytest.raises(ValueError, match="unknown class 'run'"):
        base_and_novel(videos, ["run"])
    with pytest.raises(ValueError, match="none is left to train on"):
        base_and_novel(videos, ["jump", "ride bike", "sit", "wave"])


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60))
def test_base_classes_are_the_half_with_more_videos(counts):
    base, novel = base_novel_split(counts)
    assert sorted([*base, *novel]) == list(range(len(counts)))
    assert (np.diff(base) > 0).all() and (np.diff(novel) > 0).all()
    assert len(base) - len(novel) == len(counts) % 2
    if len(novel):
        assert min(counts[i] for i in base) >= max(counts[i] for i in novel)


def test_of_equally_frequent_classes_the_first_are_novel():
    """As in ViFi-CLIP's lists: HMDB51 has 70 training videos of each class, and `brush_hair` to `pick` are novel."""
    base, novel = base_novel_split([70] * 51)
    assert novel.tolist() == list(range(25))
    assert base.tolist() == list(range(25, 51))


def test_base_and_novel_of_an_example():
    base, novel = base_novel_split([5, 9, 2, 5, 7])
    assert (base.tolist(), novel.tolist()) == ([1, 3, 4], [0, 2])

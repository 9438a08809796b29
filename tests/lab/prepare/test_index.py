"""A list in an index file behaves as the tuple of videos that it was written from, and costs no objects."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from text4vis_core.data.datasets import VideoDataset
from text4vis_core.data.formats.readers import load_videos
from text4vis_core.data.video_list import AnnotationError, Video, VideoList
from text4vis_lab.lists import only, repeated
from text4vis_lab.prepare.index import Index, IndexedVideos, index_path, write_index

CLASSES = ("a", "b", "c", "d")
NAMES = st.text("aü (", min_size=1, max_size=4) | st.sampled_from(["\udcff", "x" * 50])


@st.composite
def listed(draw) -> VideoList:
    """Any list: with several labels or one, parts or none, classes without videos; two may be the same video."""
    several, parts = draw(st.booleans()), draw(st.booleans())

    def video() -> Video:
        labels = tuple(draw(st.lists(st.integers(0, 3), max_size=3, unique=True))) if several else ()
        seconds = draw(st.lists(st.none() | st.floats(0, 9), min_size=3, max_size=3)) if parts else [None] * 3
        label = labels[0] if labels else draw(st.integers(0, 3))
        return Video(Path("videos", draw(NAMES)), label, labels, *seconds)

    count = draw(st.integers(1, 8))
    videos = [video() for _ in range(count)]
    absent = [video() for _ in range(draw(st.integers(0, 2)))]
    return VideoList(CLASSES, tuple(videos), tuple(absent), frozenset(draw(st.sets(st.integers(0, 3)))))


def write(root: Path, videos: VideoList, size: int = 3) -> VideoList:
    """Make the list's files and its index; the same list with the files' full paths."""
    (root / "videos").mkdir(exist_ok=True)
    placed = [tuple(replace(v, path=root / v.path) for v in each) for each in (videos.videos, videos.missing)]
    for video in placed[0]:
        video.path.write_bytes(bytes(size))
    copies = {v.path: {"bytes": size, "sha256": "ab" * 16, "digest": "cd" * 16} for v in placed[0]}
    full = replace(videos, videos=placed[0], missing=placed[1])
    write_index(index_path(root, "train"), full, copies, {})
    return full


@given(listed(), st.permutations(range(4)), st.integers(1, 4), st.integers(0, 12))
def test_an_indexed_list_equals_the_tuple_that_it_was_written_from(tmp_path_factory, videos, order, some, length):
    full = write(tmp_path_factory.mktemp("index"), videos)
    lazy = load_videos("prepared", full.videos[0].path.parents[1], "train")
    assert isinstance(lazy.videos, IndexedVideos)
    ids = order[:some]

    def few(each: VideoList):
        try:
            return each.few_shot(1, length)
        except ValueError as error:
            return str(error)

    def compare(lazy: VideoList, full: VideoList) -> None:
        assert lazy == full
        assert (list(lazy.videos), list(lazy.missing)) == (list(full.videos), list(full.missing))
        assert lazy.labels.tolist() == full.labels.tolist()
        assert lazy.multi_label == full.multi_label
        assert (lazy.targets == full.targets).all()
        assert lazy.fingerprint() == full.fingerprint()
        assert lazy.videos[1:] == full.videos[1:]
        assert lazy.videos + lazy.missing == full.videos + full.missing

    compare(lazy, full)
    compare(only(lazy, ids), only(full, ids))
    compare(lazy.select_classes(ids), full.select_classes(ids))
    compare(repeated(lazy, length), repeated(full, length))
    assert few(lazy) == few(full)
    again, before = lazy.select_classes(ids).select_classes([0]), full.select_classes(ids).select_classes([0])
    compare(again, before)
    compare(pickle.loads(pickle.dumps(again)), before)


@pytest.fixture
def many(tmp_path) -> Path:
    """An index of 20,000 videos of 100 classes, whose files are one."""
    file = tmp_path / "videos" / "one.prepared.mp4"
    file.parent.mkdir()
    file.write_bytes(b"copy")
    videos = VideoList(tuple(f"class {i}" for i in range(100)), tuple(Video(file, i % 100) for i in range(20_000)))
    write_index(
        index_path(tmp_path, "train"), videos, {file: {"bytes": 4, "sha256": "ab" * 16, "digest": "cd" * 16}}, {}
    )
    return tmp_path


def test_a_large_index_is_used_without_making_its_videos(many, monkeypatch):
    made = []
    monkeypatch.setattr(
        "text4vis_lab.prepare.index.Video", lambda *args, **kwargs: made.append(args) or Video(*args, **kwargs)
    )
    videos = load_videos("prepared", many, "train")
    assert len(videos) == 20_000
    assert np.bincount(videos.labels).tolist() == [200] * 100
    few = videos.select_classes(range(10, 20)).few_shot(16, 0)
    assert np.bincount(few.labels).tolist() == [16] * 10
    assert len(only(videos, [3, 4])) == 400
    assert len(videos.fingerprint()) == 64
    assert len(pickle.dumps(VideoDataset(videos, 8, 224))) < 20_000 * 10
    assert made == []
    assert videos.videos[12_345].label == 45
    assert len(made) == 1


def test_the_columns_are_mapped_from_the_file(many):
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("this system does not tell what is mapped")
    videos = load_videos("prepared", many, "train")
    assert str(index_path(many, "train")) in maps.read_text()
    assert len(videos) == 20_000


def test_an_index_that_is_written_anew_is_not_used_by_those_that_hold_the_old_one(tmp_path):
    videos = VideoList(CLASSES, (Video(Path("videos/a"), 0), Video(Path("videos/b"), 1)))
    full = write(tmp_path, videos)
    lazy = load_videos("prepared", tmp_path, "train")
    packed = pickle.dumps(lazy)
    write(tmp_path, replace(videos, videos=videos.videos[::-1]))
    assert list(lazy.videos) == list(full.videos), "what is open stays what it was"
    with pytest.raises(AnnotationError, match="written anew while it was in use"):
        pickle.loads(packed)


def test_foreign_arrays_are_no_index(tmp_path):
    from safetensors.numpy import save_file

    save_file({"label": np.zeros(3, np.int32)}, tmp_path / "train-1.index")
    with pytest.raises(AnnotationError, match=r"train-1\.index: the index is damaged.*; delete it"):
        Index(tmp_path / "train-1.index")


def test_copies_that_are_gone_are_reported_when_that_is_asked_for(tmp_path):
    full = write(tmp_path, VideoList(CLASSES, tuple(Video(Path("videos", name), 0) for name in "abc")))
    full.videos[1].path.unlink()
    with pytest.raises(AnnotationError, match=r"videos/b: it cannot be read \(No such file.*call prepare again"):
        load_videos("prepared", tmp_path, "train")
    part = load_videos("prepared", tmp_path, "train", missing="report")
    assert [video.path.name for video in part.videos] == ["a", "c"]
    assert list(part.missing) == [full.videos[1]]

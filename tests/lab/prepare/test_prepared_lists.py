"""The reader of prepared copies: what it lists, what it names where files are damaged; and all processes know it."""

import pickle
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, write_video

from text4vis_core import VideoDataset, load_videos
from text4vis_core.data.loader import load_batches
from text4vis_core.data.video import open_video
from text4vis_core.data.video_list import AnnotationError, Video, VideoList
from text4vis_core.files import file_digest
from text4vis_lab.cache._dependencies import origin, sources_of
from text4vis_lab.prepare.data_set import Work, prepare
from text4vis_lab.prepare.index import index_path, write_index
from text4vis_lab.prepare.reader import PreparedReader
from text4vis_lab.processes import Processes

NAMES = ("PlayingGuitar", "push_up")
INDEX, COPY = "train-1.index", "videos/push_up/2-0123456789ab.prepared.mp4"


def listed(root: Path) -> Path:
    """Three splits in an index each; the copies hold a few bytes."""
    parts = {"train": (1, 2), "test": (3,), "all": (1, 2, 3)}
    for split, numbers in parts.items():
        paths = {root / f"videos/{name}/{i}-0123456789ab.prepared.mp4": name for i in numbers for name in NAMES}
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"video")
        copies = {path: {"bytes": 5, "sha256": file_digest(path), "digest": "0" * 32} for path in paths}
        videos = tuple(Video(path, NAMES.index(name)) for path, name in paths.items())
        write_index(index_path(root, split), VideoList(NAMES, videos, notes=("drawn by seed 0",)), copies, {})
    return root


def flipped(content: bytes, place: int) -> bytes:
    """With one bit changed."""
    changed = bytearray(content)
    changed[place] ^= 1
    return bytes(changed)


# (the file, what it becomes: None for gone, "folder", or its content from what it was; the reason, the remedy)
BROKEN = [
    (INDEX, None, "no such index; there are all-1, test-1", "prepare that split"),
    (INDEX, lambda _: b"", "the index is damaged", "delete it and call prepare again"),
    (INDEX, lambda _: b"one\ntwo\n\xff\xfe\n", "the index is damaged", "delete it and call prepare again"),
    (INDEX, lambda _: b"\x02" + bytes(7) + b"{}", "the index is damaged", "delete it and call prepare again"),
    (INDEX, lambda content: content[:-20], "the index is damaged", "delete it and call prepare again"),
    (INDEX, lambda content: flipped(content, -20), "it does not hold what was written", "call prepare again"),
    (INDEX, lambda content: flipped(content, 60), "the index is damaged", "delete it and call prepare again"),
    (COPY, None, "it cannot be read (No such file or directory)", "call prepare again"),
    (COPY, lambda _: b"", "it has 0 bytes, 5 were written", "call prepare again"),
    (COPY, lambda _: b"videos", "it has 6 bytes, 5 were written", "call prepare again"),
    (COPY, "folder", "5 were written", "call prepare again"),
]


@pytest.mark.parametrize(("file", "change", "reason", "remedy"), BROKEN)
def test_a_broken_variant_is_named_by_file_and_remedy(file, change, reason, remedy, tmp_path):
    path = listed(tmp_path) / file
    content = path.read_bytes()
    path.unlink()
    if change == "folder":
        path.mkdir()
    elif change:
        path.write_bytes(change(content))
    with pytest.raises(AnnotationError) as caught:
        load_videos("prepared", tmp_path, "train")
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert message.rindex(remedy) > message.index(reason), "the remedy follows the reason"
    assert "\n" not in message


def test_a_folder_without_an_index_is_named(tmp_path):
    with pytest.raises(AnnotationError, match=r"train-1\.index: no such index; there is none: .*correct data_root"):
        load_videos("prepared", tmp_path, "train")


def test_all_is_what_was_indexed_as_all(tmp_path):
    listed(tmp_path)
    train, test, both = (load_videos("prepared", tmp_path, split) for split in ("train", "test", "all"))
    assert train.classes == test.classes == both.classes == NAMES
    assert set(both.videos) == set(train.videos + test.videos)
    assert all(video.path.exists() for video in both.videos)
    assert not both.multi_label
    assert both.notes == ("drawn by seed 0",)


def test_what_macos_leaves_behind_is_no_part_of_it(tmp_path):
    before = load_videos("prepared", listed(tmp_path), "train")
    (tmp_path / f"._{INDEX}").write_bytes(b"\xff")
    shutil.copytree(tmp_path / "videos", tmp_path / ".Trashes")
    assert load_videos("prepared", tmp_path, "train") == before


@pytest.fixture
def copy(train_videos, tmp_path) -> Path:
    prepare(train_videos, tmp_path / "copies", work=Work(num_workers=0, progress=False))
    return load_videos("prepared", tmp_path / "copies", "train").videos[0].path


def in_fresh_python(code: str, path: Path) -> str:
    done = subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_without_the_laboratory_a_copy_is_an_ordinary_video(copy):
    code = "import sys; from text4vis_core.data.video import open_video; video = open_video(sys.argv[1]); "
    code += "print(len(video), video.decode(video.seconds.argsort()).tobytes().hex(), video.decoder)"
    length, pixels, decoder = in_fresh_python(code, copy).split(" ", 2)
    ours = open_video(copy)
    assert decoder.startswith(("PyAV", "decord"))
    assert ours.decoder == "prepared copy"
    assert int(length) == len(ours)
    assert bytes.fromhex(pixels) == ours.decode(np.arange(len(ours))).tobytes()


@pytest.mark.parametrize("as_objects", [False, True])
def test_a_fresh_process_that_is_given_a_data_set_reads_its_copies(as_objects, copy, tmp_path):
    videos = load_videos("prepared", tmp_path / "copies", "train")
    videos = replace(videos, videos=tuple(videos.videos), missing=()) if as_objects else videos
    (tmp_path / "data").write_bytes(pickle.dumps(VideoDataset(videos, 2, 16)))
    code = "import pickle, sys; from text4vis_core.data.video import open_video; "
    code += "videos = pickle.load(open(sys.argv[1], 'rb')).videos.videos; print(open_video(videos[0].path).decoder)"
    assert in_fresh_python(code, tmp_path / "data") == "prepared copy"


@pytest.fixture
def other(tmp_path) -> VideoDataset:
    """Of a video that is called as a copy and is none, which only the reader of copies refuses."""
    path = write_video(tmp_path / "x.prepared.mp4")
    return VideoDataset(VideoList(("a",), (Video(path, 0),)), 2, 16, on_error="skip")


@pytest.mark.slow
@pytest.mark.parametrize("context", ["fork", "spawn", "forkserver"])
def test_workers_read_copies_as_such(context, other):
    [batch] = load_batches(other, [[0]], 1, timeout=60, context=context)
    [(_, error)] = batch["errors"]
    assert "x.prepared.mp4: no decoder can open it ('comment')" in error


@pytest.mark.slow
def test_processes_that_torchrun_starts_read_copies_as_such(other):
    assert "no decoder can open it ('comment')" in Processes(2).run(VideoDataset.__getitem__, other, 0)["error"]


def test_what_is_computed_from_copies_depends_on_the_code_of_their_reader(other):
    assert PreparedReader in other.made_by
    assert "text4vis_lab.prepare.reader" in sources_of(origin(PreparedReader))

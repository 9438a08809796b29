"""Batches from workers: the same whatever their number, and whole when a worker hangs, crashes or is killed."""

import multiprocessing.util
import os
import platform
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from multiprocessing import connection
from pathlib import Path

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from text4vis_core import VideoDataset, VideoError
from text4vis_core.data import Views, loader, memory
from text4vis_core.data.datasets import collate
from text4vis_core.data.loader import load_batches
from text4vis_core.data.video_list import Video, VideoList

BATCHES = [[5, 1], [0, 4, 2], [3]]


class Kills:
    """Ends the process that pickles it."""

    def __reduce__(self):
        os.kill(os.getpid(), signal.SIGKILL)


class Faulty(Dataset):
    """Six videos of one grey pixel each, some of which do something else than to be decoded.

    Args:
        faults: from an index to "hang", "crash", "crash once", "error", "bug" or "unsendable".
        folder: where what was done once is remembered.
    """

    def __init__(self, faults: dict[int, str], folder: Path, on_error: str = "skip"):
        self.videos = VideoList(("a",), tuple(Video(Path(f"video {i}.mp4"), 0) for i in range(6)))
        self.faults, self.folder, self.on_error = faults, folder, on_error

    def __getitem__(self, index: int) -> dict:
        item = {"frames": torch.full((1, 3, 1, 1), index, dtype=torch.uint8), "label": 0, "index": index}
        once = self.folder / str(index)
        match self.faults.get(index):
            case "hang":
                threading.Event().wait()
            case "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "crash once" if not once.exists():
                once.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            case "error" if self.on_error == "raise":
                raise VideoError(self.videos.videos[index].path, "it is broken")
            case "error":
                return {"index": index, "error": "it is broken"}
            case "bug":
                raise KeyError("a bug")
            case "unsendable":
                return {"index": index, "error": Kills()}
        return item


def loaded(faults: dict[int, str], folder: Path, on_error: str = "skip", **options) -> tuple[list, dict[int, str]]:
    """Indices of each batch, after a look at its frames, and the errors."""
    indices, errors = [], {}
    for batch in load_batches(Faulty(faults, folder, on_error), BATCHES, **{"num_workers": 2} | options):
        assert batch["frames"] is None or batch["frames"].flatten(1)[:, 0].tolist() == batch["indices"].tolist()
        indices.append(batch["indices"].tolist())
        errors |= dict(batch["errors"])
    return indices, errors


def same(batch: dict, other: dict) -> bool:
    """Whether two batches hold the same numbers."""
    return batch.keys() == other.keys() and all(
        torch.equal(value, other[name]) if torch.is_tensor(value) else value == other[name]
        for name, value in batch.items()
    )


@pytest.mark.parametrize(
    "options", [{"num_workers": 0}, {"num_workers": 1}, {"num_workers": 2, "timeout": 60.0}], ids=str
)
@pytest.mark.parametrize("training", [False, True])
def test_batches_are_the_same_whatever_the_workers(train_videos, training, options):
    dataset = VideoDataset(train_videos, 2, 16, Views(training=training))
    dataset.epoch = 3
    before = torch.random.get_rng_state()
    batches = list(load_batches(dataset, BATCHES, **options))
    assert torch.equal(torch.random.get_rng_state(), before)
    expected = [collate([dataset[i] for i in batch]) for batch in BATCHES]
    assert all(map(same, batches, expected)) and len(batches) == len(expected)


@pytest.mark.parametrize("workers", [0, 2])
def test_no_batches(train_videos, workers):
    assert list(load_batches(VideoDataset(train_videos, 2, 16), [], workers)) == []


def test_without_faults(tmp_path):
    assert loaded({}, tmp_path) == (BATCHES, {})


@pytest.mark.slow
def test_a_video_that_hangs_is_named_and_left_out(tmp_path):
    indices, errors = loaded({4: "hang"}, tmp_path, timeout=0.5)
    assert indices == [[5, 1], [0, 2], [3]]
    assert errors == {4: "cannot read video video 4.mp4: decoding took longer than 0.5 s, and was ended"}


@pytest.mark.slow
def test_a_video_that_hangs_stops_the_run(tmp_path):
    with pytest.raises(VideoError, match=r"video 4\.mp4: decoding took longer than 0\.5 s, and was ended"):
        loaded({4: "hang"}, tmp_path, "raise", timeout=0.5)


@pytest.mark.slow
def test_videos_that_hang_crash_or_are_broken_are_left_out_and_no_other(tmp_path):
    faults = {5: "hang", 4: "crash", 1: "crash once", 3: "error"}
    indices, errors = loaded(faults, tmp_path, timeout=0.5)
    assert indices == [[1], [0, 2], []]
    assert errors.keys() == {5, 4, 3}
    assert errors[4].startswith("cannot read video video 4.mp4: its worker ended 2 times while it was decoded (")
    assert errors[3] == "it is broken"


@pytest.mark.slow
def test_a_worker_that_ends_before_anybody_looks_is_seen(tmp_path, monkeypatch):
    def begun(workers, start=loader._without_child_signals):
        batches, living = start(workers), set(multiprocessing.active_children()) - others
        if len(living) == len(BATCHES):
            ended = connection.wait([process.sentinel for process in living])
            next(process for process in living if process.sentinel in ended).join()
        return batches

    others = set(multiprocessing.active_children())

    monkeypatch.setattr(loader, "_without_child_signals", begun)
    indices, errors = loaded({0: "crash"}, tmp_path, num_workers=len(BATCHES))
    assert indices == [[5, 1], [4, 2], [3]] and errors.keys() == {0}


@pytest.mark.slow
def test_a_video_whose_worker_crashes_twice_stops_the_run(tmp_path):
    with pytest.raises(VideoError, match=r"video 0\.mp4: its worker ended 2 times while it was decoded \(Segm"):
        loaded({0: "crash"}, tmp_path, "raise")


def test_a_worker_that_was_killed_once_is_replaced(tmp_path):
    assert loaded({2: "crash once", 3: "crash once"}, tmp_path, "raise") == (BATCHES, {})


@pytest.mark.slow
def test_workers_that_are_killed_from_outside_are_replaced_whatever_the_caller_does(tmp_path):
    others = set(multiprocessing.active_children())
    list(DataLoader(range(2), num_workers=1))  # leaves torch's signal handler behind
    batches = load_batches(Faulty({}, tmp_path), [[i % 6] for i in range(30)], 2)
    indices = []
    for number, batch in enumerate(batches):
        indices += batch["indices"].tolist()
        if number in (0, 10, 11):
            for worker in set(multiprocessing.active_children()) - others:
                worker.kill()
                worker.join()  # its end is known to this process, and raises nothing here
    assert indices == [i % 6 for i in range(30)]


@pytest.mark.slow
def test_workers_that_end_before_they_decode_anything(tmp_path):
    with pytest.raises(RuntimeError, match=r"ended 3 times without a batch \(Killed: out of memory\?\); set num_work"):
        loaded({1: "unsendable"}, tmp_path)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a C library without mallopt")
def test_a_forked_worker_keeps_no_more_memory_than_decoding_needs(train_videos, tmp_path, monkeypatch):
    plain = VideoDataset.__getitem__

    def noting(self, index):
        (tmp_path / str(index)).write_text(str(memory._kept))
        return plain(self, index)

    monkeypatch.setattr(VideoDataset, "__getitem__", noting)
    assert memory.keep_freed_memory(memory.ACTIVATIONS)
    list(load_batches(VideoDataset(train_videos, 2, 32), [[0], [1]], 2, context="fork"))
    assert {path.read_text() for path in tmp_path.iterdir()} == {str(memory.CLIPS)}
    assert memory._kept == memory.ACTIVATIONS


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_video_is_named_without_a_traceback(tmp_path, workers):
    with pytest.raises(VideoError) as caught:
        loaded({4: "error"}, tmp_path, "raise", num_workers=workers)
    assert str(caught.value) == "cannot read video video 4.mp4: it is broken"


def test_an_error_that_is_not_a_videos_comes_with_its_traceback(tmp_path):
    with pytest.raises(KeyError, match="__getitem__"):
        loaded({4: "bug"}, tmp_path)


def test_no_worker_outlives_a_consumer_that_stops(tmp_path):
    others = set(multiprocessing.active_children())
    batches = load_batches(Faulty({3: "hang"}, tmp_path), BATCHES, 2)
    assert next(batches)["indices"].tolist() == BATCHES[0]
    workers = set(multiprocessing.active_children()) - others
    batches.close()
    for worker in workers:
        worker.join()
    assert len(workers) == 2


def asked_for(count: int, folder: Path) -> None:
    """So many batches of each of two epochs, and no look at whether there are more: as a training asks for them."""
    for _ in range(2):
        batches = load_batches(Faulty({}, folder), BATCHES, 2)
        for _ in range(count):
            next(batches)
        batches.close()


@pytest.mark.parametrize("count", [1, len(BATCHES)])
def test_workers_leave_no_folders_behind(tmp_path, monkeypatch, count):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    asked_for(count, tmp_path)
    assert len(list(tmp_path.glob("pymp-*"))) <= 1  # this process's own, which it removes


def test_workers_leave_nothing_after_a_whole_epoch(tmp_path):
    own = Path(multiprocessing.util.get_temp_dir())
    before = set(own.iterdir())
    asked_for(len(BATCHES), tmp_path)
    assert set(own.iterdir()) == before


def test_a_truncated_video_among_whole_ones(train_videos, tmp_path):
    path = tmp_path / "half.avi"
    path.write_bytes(train_videos.videos[1].path.read_bytes()[:400])
    videos = VideoList(train_videos.classes, (train_videos.videos[0], Video(path, 0), train_videos.videos[2]))
    [batch] = load_batches(VideoDataset(videos, 2, 16, on_error="skip"), [[0, 1, 2]], 1)
    assert batch["indices"].tolist() == [0, 2]
    assert [index for index, _ in batch["errors"]] == [1] and "half.avi" in batch["errors"][0][1]


SCRIPT = """
    import sys
    {imports}
    from text4vis_core.data.video_list import Video, VideoList
    from text4vis_core.data.datasets import VideoDataset
    from text4vis_core.data.loader import load_batches
    from text4vis_core.data.video import DecordReader
    from pathlib import Path

    if __name__ == "__main__":
        path = Path(sys.argv[1])
        reader = DecordReader(path)  # with threads of its own, which a fork does not take along
        dataset = VideoDataset(VideoList(("a",), (Video(path, 0),) * 4), 2, 16)
        expected = [dataset[i]["frames"] for i in range(4)]
        for context in ("fork", "spawn", "forkserver"):
            batches = load_batches(dataset, [[0, 1], [2, 3]], 2, timeout=60, context=context)
            frames = torch.cat([batch["frames"] for batch in batches])
            assert torch.equal(frames, torch.stack(expected)), context
        print("whole", len(reader))
"""


@pytest.mark.slow
@pytest.mark.parametrize("imports", ["import decord, torch", "import torch, decord"])
def test_workers_start_however_and_whatever_was_imported_and_decoded_before(video, tmp_path, imports):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT.format(imports=imports)))
    done = subprocess.run([sys.executable, script, video], capture_output=True, text=True, timeout=300)
    assert (done.stdout, done.returncode) == ("whole 12\n", 0), done.stderr

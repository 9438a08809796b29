"""Disks that are full, and folders that cannot be written to."""

import contextlib
import os
import re
import shutil
from functools import partial

import pytest

from text4vis_core.files import CheckpointError
from text4vis_lab.miniature import making
from text4vis_lab.plain import write_json

from . import work
from .harness import grow, limit_file_size, lock, lockable, small_disk
from .rounds import files, unfinished

pytestmark = pytest.mark.slow

NEEDS = r"it needs \d+\.\d\d MB, \d+\.\d\d MB are free; what was saved before is kept: see to it, and start again"


@pytest.mark.parametrize("how", ["disk", "limit"])
def test_a_full_disk_stops_a_training_which_goes_on_when_there_is_room(
    calls, ucf101, killed_run, tmp_path, continues, how
):
    size = work.checkpoint(killed_run).stat().st_size
    with contextlib.ExitStack() as stack:
        folder, trouble, reason = killed_run, {1: partial(limit_file_size, size // 2)}, "File too large"
        if how == "disk":
            disk = stack.enter_context(small_disk(tmp_path / "disk", 5 * size // 2048))
            folder, trouble, reason = shutil.copytree(killed_run, disk / "run"), {}, "No space left on device"
        before = {path: path.read_bytes() for path in files(folder)}
        outcome = calls.run(work.train, ucf101, folder, trouble=trouble)
        path = work.checkpoint(folder)
        said = re.escape(f"CheckpointError: cannot write checkpoint {path}: {reason}, ")
        assert re.fullmatch(said + NEEDS, outcome.error)
        assert {path: path.read_bytes() for path in files(folder)} == before
        if how == "disk":
            grow(disk, 5 * size // 1024)
        continues(folder)


def test_a_full_disk_stops_prepare_which_goes_on_when_there_is_room(calls, ucf101, tmp_path):
    with small_disk(tmp_path / "disk", 16) as folder:
        outcome = calls.run(work.copy, ucf101, folder)
        assert outcome.error.startswith(f"PrepareError: {folder}: OSError: [Errno 28] No space left on device")
        assert outcome.error.endswith("copies that are finished are kept: see to it, and call prepare again")
        assert unfinished(folder) == []
        made = len(list(folder.rglob("*.mp4")))
        assert made
        grow(folder, 1024)
        done = calls.run(work.copy, ucf101, folder).value
        assert (done["made"], done["kept"], len(done["videos"])) == (9 - made, made, 9)


def test_on_a_full_disk_there_is_no_cache_and_the_same_numbers(calls, ucf101, tmp_path):
    expected = calls.run(work.embed, ucf101, tmp_path / "cache").value
    with small_disk(tmp_path / "disk", 16) as folder:
        with contextlib.suppress(OSError), open(folder / "much", "wb") as file:
            file.write(bytes(1 << 20))
        outcome = calls.run(work.embed, ucf101, folder)
        [warning] = outcome.warnings
        assert warning.startswith("the cache is not written, and the work goes on without it: [Errno 28] No space left")
        assert outcome.value == expected
        (folder / "much").unlink()
        for _ in range(2):
            outcome = calls.run(work.embed, ucf101, folder)
            assert (outcome.value, outcome.warnings) == (expected, [])
        assert len(files(folder)) == 1


def test_a_folder_that_cannot_be_written_to_is_named_before_the_training(calls, ucf101, tmp_path, continues):
    with lockable(tmp_path / "run") as folder:
        lock(folder)
        outcome = calls.run(work.train, ucf101, folder, trouble={1: work.die})
        assert outcome.error.startswith(f"CheckpointError: cannot write to {folder}: ")
        assert outcome.error.endswith("; choose another run_dir")
        outcome = calls.run(work.copy, ucf101, folder)
        assert outcome.error.startswith(f"PrepareError: {folder}: ")
        lock(folder, False)
        continues(folder)


def test_a_disk_that_becomes_read_only(calls, ucf101, tmp_path, continues):
    with lockable(tmp_path / "run") as folder:
        outcome = calls.run(work.train, ucf101, folder, trouble={3: partial(lock, folder)})
        assert outcome.error.startswith(f"CheckpointError: cannot write checkpoint {work.checkpoint(folder)}: ")
        assert re.search(f"{NEEDS}$", outcome.error)
        assert work.steps_kept(folder) == 2
        lock(folder, False)
        continues(folder)


def test_a_miniature_that_is_all_there_is_only_read(tmp_path, monkeypatch):
    monkeypatch.setattr(making, "_make_videos", lambda world, *_: write_json(world.videos / "made.json", stamp))
    stamp = making._made_of(making.VIDEOS, 0)
    with lockable(tmp_path / "data") as folder:
        (folder / making.VIDEOS).mkdir()
        made = making.make(folder, parts=[making.VIDEOS])
        lock(folder)
        assert making.make(folder, parts=[making.VIDEOS]) == made
        with pytest.raises(CheckpointError) as error:
            making.make(folder, parts=[making.VIDEOS, "mini_clip"])
    reason = "Read-only file system" if os.geteuid() == 0 else "Permission denied"
    remedy = "mini_clip would be made there; let it be written to, or put them there"
    assert str(error.value) == f"cannot write to {folder}: {reason}; {remedy}"

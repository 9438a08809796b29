"""Files that are not what was written: checkpoints, entries of the cache, copies."""

import os
from pathlib import Path

import pytest

from text4vis_core.training.resume import last_good

from . import work
from .harness import Kill
from .rounds import files

pytestmark = pytest.mark.slow


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def fill_with_zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


damages = pytest.mark.parametrize("damage", [flip_a_bit, truncate, empty, fill_with_zeros])


@damages
def test_a_damaged_checkpoint_costs_the_steps_since_the_one_before(calls, ucf101, killed_run, expected, damage):
    path = work.checkpoint(killed_run)
    damage(path)
    outcome = calls.run(work.train, ucf101, killed_run)
    [warning] = outcome.warnings
    assert warning.startswith(f"cannot read checkpoint {path}: ")
    assert warning.endswith(f"; going on from {last_good(path)}, the one before")
    assert outcome.value == expected | {"steps": work.STEPS - 3}
    assert files(killed_run) == [path]


@damages
def test_two_damaged_checkpoints_are_an_error(calls, ucf101, killed_run, continues, damage):
    path = work.checkpoint(killed_run)
    damage(path)
    damage(last_good(path))
    outcome = calls.run(work.train, ucf101, killed_run)
    assert outcome.error.startswith(f"CheckpointError: cannot read checkpoint {path}: ")
    assert outcome.error.endswith("; delete it to start afresh")
    path.unlink()
    last_good(path).unlink()
    continues(killed_run)


@pytest.mark.parametrize("replaced", [0, 1])
def test_a_kill_while_a_damaged_checkpoint_is_replaced_loses_nothing(calls, ucf101, killed_run, expected, replaced):
    truncate(work.checkpoint(killed_run))
    outcome = calls.run(work.train, ucf101, killed_run, kill=Kill(line=replaced, text="os.replace(temporary, path)"))
    assert outcome.place.startswith("replacing: ")
    outcome = calls.run(work.train, ucf101, killed_run)
    assert outcome.value == expected | {"steps": work.STEPS - 3 - replaced}
    assert files(killed_run) == [work.checkpoint(killed_run)]


@damages
def test_a_damaged_entry_of_the_cache_is_made_anew(calls, ucf101, tmp_path, damage):
    expected = calls.run(work.embed, ucf101, tmp_path / "cache").value
    [path] = files(tmp_path / "cache")
    whole = path.read_bytes()
    damage(path)
    outcome = calls.run(work.embed, ucf101, tmp_path / "cache")
    assert (outcome.value, outcome.warnings) == (expected, [f"{path} is made anew: its checksum is wrong"])
    assert path.read_bytes() == whole
    assert calls.run(work.embed, ucf101, tmp_path / "cache").warnings == []


def test_a_kill_while_the_cache_is_written(calls, ucf101, tmp_path):
    expected = calls.run(work.embed, ucf101, tmp_path / "other").value
    assert calls.run(work.embed, ucf101, tmp_path / "cache", kill=Kill(line=0, byte=300)).signal
    assert [path.suffix for path in files(tmp_path / "cache")] == [".tmp"]
    outcome = calls.run(work.embed, ucf101, tmp_path / "cache")
    assert (outcome.value, outcome.warnings) == (expected, [])


def test_a_copy_that_was_cut_is_named_and_made_anew(calls, ucf101, tmp_path):
    whole = calls.run(work.copy, ucf101, tmp_path).value
    path = tmp_path / whole["videos"][4][0]
    truncate(path)
    outcome = calls.run(work.load_copies, tmp_path)
    assert outcome.error.startswith(f"AnnotationError: {path}: it has ")
    assert "call prepare again" in outcome.error
    assert calls.run(work.copy, ucf101, tmp_path).value == whole | {"made": 1, "kept": 8}
    assert calls.run(work.load_copies, tmp_path).value == whole["videos"]


def test_a_damaged_index_of_copies_is_named_and_made_anew(calls, ucf101, tmp_path):
    whole = calls.run(work.copy, ucf101, tmp_path).value
    [index] = tmp_path.glob("*.index")
    flip_a_bit(index)
    outcome = calls.run(work.load_copies, tmp_path)
    assert outcome.error.startswith(f"AnnotationError: {index}: the index is damaged")
    assert calls.run(work.copy, ucf101, tmp_path).value == whole | {"made": 0, "kept": 9}

"""Checkpoints: a whole file or the old one, and nothing but tensors and plain values."""

import os

import pytest
import torch

from text4vis_core.files import CheckpointError, check_writable
from text4vis_core.training.resume import load_checkpoint, load_newest, save_checkpoint


def test_round_trip(tmp_path):
    state = {"model": {"w": torch.arange(3.0)}, "history": [{"loss": 0.5, "epoch": 1}], "skipped": [("a.mp4", "why")]}
    path = tmp_path / "new" / "state.pt"
    save_checkpoint(path, state)
    loaded = load_checkpoint(path)
    assert torch.equal(loaded["model"]["w"], state["model"]["w"])
    assert (loaded["history"], loaded["skipped"]) == (state["history"], state["skipped"])
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), RuntimeError("unexpected pos 64 vs 0")])
def test_a_write_that_fails_keeps_the_old_file(tmp_path, monkeypatch, failure):
    path = tmp_path / "state.pt"
    save_checkpoint(path, {"epoch": 1})

    def fail(state, file):
        file.write(b"half a checkpoint")
        raise failure

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(CheckpointError, match=r"cannot write checkpoint .*state\.pt"):
        save_checkpoint(path, {"epoch": 2})
    assert load_checkpoint(path) == {"epoch": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CheckpointError, match=r"cannot write checkpoint .*state\.pt"):
        save_checkpoint(tmp_path / "file" / "state.pt", {})
    with pytest.raises(CheckpointError, match=r"cannot write to .*file/run: .*; choose another run_dir"):
        check_writable(tmp_path / "file" / "run")


def test_check_writable_makes_the_folder_and_leaves_it_empty(tmp_path):
    folder = check_writable(tmp_path / "a" / "b")
    assert folder.is_dir()
    assert list(folder.iterdir()) == []


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_code_in_a_checkpoint_is_refused_and_not_executed(tmp_path):
    torch.save({"model": Bomb(tmp_path / "executed")}, tmp_path / "state.pt")
    with pytest.raises(CheckpointError, match=r"state\.pt"):
        load_checkpoint(tmp_path / "state.pt")
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("damage", [b"", b"half", None])
def test_a_damaged_checkpoint_is_named_with_the_remedy(tmp_path, damage):
    path = tmp_path / "state.pt"
    save_checkpoint(path, {"w": torch.ones(1000)})
    path.write_bytes(path.read_bytes()[:1500] if damage is None else damage)
    with pytest.raises(CheckpointError, match=r"cannot read checkpoint .*state\.pt: .*; delete it to start afresh"):
        load_checkpoint(path)


STATE = {
    "model": {"w": torch.arange(3.0)},
    "optimizer": {"w": {"step": torch.tensor(3.0), "exp_avg": torch.ones(3)}},
    "history": [{"epoch": 1, "loss": 0.5}],
    "skipped": [],
    "not_compiled": "",
    "epoch": 1,
    "step": 2,
    "sums": torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64),
    "seconds": 1.5,
}
CHANGES = {
    "step": 1,
    "epoch": 0,
    "sums": torch.zeros(3, dtype=torch.float64),
    "history": [{"epoch": 1, "loss": 0.4}],
    "model": {"w": torch.arange(3.0) + 1e-3},
    "optimizer": {"w": {"step": torch.tensor(2.0), "exp_avg": torch.ones(3)}},
    "skipped": [("a.mp4", "why")],
    "seconds": 1.25,
}


@pytest.mark.parametrize("field", CHANGES)
def test_a_checkpoint_that_was_changed_is_refused(tmp_path, field):
    """As by a script that loads it, changes a value, and saves it again."""
    path = tmp_path / "state.pt"
    save_checkpoint(path, STATE)
    changed = torch.load(path, weights_only=True) | {field: CHANGES[field]}
    torch.save(changed, path)
    wrong = r"cannot read checkpoint .*state\.pt: its seal is not that of what it holds: it was changed after it was "
    with pytest.raises(CheckpointError, match=rf"{wrong}written; delete it to start afresh"):
        load_newest(path)


def test_a_file_of_another_form_has_no_seal(tmp_path):
    torch.save(STATE, tmp_path / "state.pt", _use_new_zipfile_serialization=False)
    with pytest.raises(CheckpointError, match=r"state\.pt: its seal is not that of .*; delete it to start afresh"):
        load_newest(tmp_path / "state.pt")


def test_instead_of_a_changed_checkpoint_the_one_before_is_taken(tmp_path):
    path = tmp_path / "state.pt"
    for step in (1, 2):
        save_checkpoint(path, STATE | {"step": step}, keep_last=True)
    torch.save(torch.load(path, weights_only=True) | {"step": 3}, path)
    with pytest.warns(UserWarning, match=r"its seal is not that of what it holds.*going on from .*state\.pt\.last"):
        state, damaged = load_newest(path)
    assert (state["step"], damaged) == (1, True)


@pytest.mark.parametrize("field", sorted(STATE.keys() - {"optimizer"}))
@pytest.mark.parametrize("wrong", [None, ()])
def test_a_field_that_is_missing_or_of_another_kind_is_named(tmp_path, field, wrong):
    path, other = tmp_path / "state.pt", {name: value for name, value in STATE.items() if name != field}
    save_checkpoint(path, other | ({} if wrong is None else {field: wrong}))
    with pytest.raises(CheckpointError, match=rf"state\.pt has no right field '{field}'; delete it to start afresh"):
        load_newest(path)


def test_a_full_disk_says_how_much_is_needed_and_free(tmp_path, monkeypatch):
    path = tmp_path / "new" / "state.pt"
    monkeypatch.setattr(os, "fsync", lambda descriptor: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    needs = (
        r"No space left on device, it needs 4\.01 MB, \d+\.\d\d MB are free; what was saved before is kept: see to it"
    )
    with pytest.raises(CheckpointError, match=rf"cannot write checkpoint .*new/state\.pt: {needs}, and start again"):
        save_checkpoint(path, {"w": {"x": torch.zeros(1_000_000)}, "y": [torch.zeros(2500)]})
    assert list(path.parent.iterdir()) == []

"""Checkpoints: a whole file or the old one, and nothing but tensors and plain values."""

import pytest
import torch

from text4vis_core.files import CheckpointError, check_writable
from text4vis_core.training.resume import load_checkpoint, save_checkpoint


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

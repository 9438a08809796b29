"""A full disk, a folder that nobody may write to: which file, what it needs, and what is kept."""

import errno
import os
import re
import shutil
from types import SimpleNamespace

import pytest
import torch

from text4vis_lab.plain import write_json
from text4vis_lab.records import RunRecord, read_record
from text4vis_lab.scores import Scores, write_scores
from text4vis_lab.storing import WriteError, replacing


@pytest.fixture
def fails(monkeypatch):
    """From now on no file can take another's place, for this reason; 1.5 MB are free."""

    def fail(number: int) -> None:
        def refuse(*_):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "replace", refuse)
        monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1_500_000))

    return fail


KEPT = "what was there before is kept: "


def test_a_full_disk_names_the_record_what_it_needs_and_what_is_kept(tmp_path, fails):
    run = RunRecord("02_zero_shot", tmp_path / "run", {"lr": 1})
    path = run.save()
    fails(errno.ENOSPC)
    run.parameters["lr"] = 2
    needs = "it needs more than the 1.50 MB that were free"
    said = f"cannot write {path}: No space left on device, {needs}; {KEPT}free some, and run it again"
    with pytest.raises(WriteError, match=re.escape(said)) as caught:
        run.save()
    assert (str(caught.value), caught.value.errno, caught.value.filename) == (said, errno.ENOSPC, str(path))
    assert read_record(path)["parameters"] == {"lr": 1}
    assert {each.name for each in path.parent.iterdir()} == {"result.json", ".writer"}


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_folder_that_nobody_may_write_to_is_named(tmp_path, fails, number):
    fails(number)
    path = tmp_path / "scores" / "a.parquet"
    scores = Scores(["a"], torch.zeros(1, dtype=torch.int64), torch.zeros(1, 2))
    said = f"cannot write {path}: {os.strerror(number)}; {KEPT}let it be written to, or choose another run_dir"
    with pytest.raises(WriteError, match=f"^{re.escape(said)}$"):
        write_scores(path, {("test", "1 view"): scores}, {})


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "x"), RuntimeError("I/O error: x (os error 28)")])
def test_what_was_written_so_far_counts_as_free(tmp_path, fails, error):
    fails(errno.ENOSPC)
    full = r"it needs more than the 2\.50 MB that were free"
    with pytest.raises(WriteError, match=full), replacing(tmp_path / "a") as temporary:
        temporary.write_bytes(bytes(1_000_000))
        raise error
    assert list(tmp_path.iterdir()) == []


def test_other_errors_stay_as_they_are(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"), replacing(tmp_path / "a"):
        (tmp_path / "nowhere").read_bytes()
    with pytest.raises(ValueError, match="of type object cannot go into a run record"):
        write_json(tmp_path / "a", object())

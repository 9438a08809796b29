"""One process among several: what it is where there is only one."""

import torch

from text4vis_core.processes import gather_objects, gather_rows, progress_bar, rank, world


def test_alone_a_process_is_the_first_of_one():
    rows = torch.ones(2, 3)
    assert (rank(), world()) == (0, 1)
    assert gather_rows(rows)[0] is rows
    assert gather_objects("x") == ["x"]


def test_rank_and_world_are_torchruns(monkeypatch):
    for name, value in {"RANK": "1", "WORLD_SIZE": "3"}.items():
        monkeypatch.setenv(name, value)
    assert (rank(), world()) == (0, 1), "another program's variables mean nothing"
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    assert (rank(), world()) == (1, 3)


def test_the_first_process_alone_shows_a_progress_bar(monkeypatch, capsys):
    assert progress_bar([1, 2], None) == [1, 2]
    assert list(progress_bar([1, 2], "work")) == [1, 2]
    assert "work" in capsys.readouterr().err
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "x"}.items():
        monkeypatch.setenv(name, value)
    assert progress_bar([1, 2], "work") == [1, 2]

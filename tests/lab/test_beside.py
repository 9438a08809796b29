"""What else went on is told: other runs of the project, and how busy the machine was."""

import os

import pytest

from text4vis_lab import beside
from text4vis_lab.beside import Beside
from text4vis_lab.records import RunRecord, read_record
from text4vis_lab.surroundings import WRITER, leave, take

needs_locks = pytest.mark.skipif(not beside.LOCKS.exists(), reason="needs Linux, which tells of locks")


@pytest.fixture
def runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


@needs_locks
def test_other_runs_that_go_on_at_the_begin_or_at_the_end_are_told(runs):
    first, last, done = (take(runs / "mine" / name / WRITER) for name in ("first", "last", "done"))
    os.close(done)
    os.close(last)
    mine = RunRecord("02_zero_shot", runs / "mine" / "own", {})
    os.close(first)
    last = take(runs / "mine" / "last" / WRITER)
    found = read_record(mine.save())["provenance"]["beside"]
    os.close(last)
    assert found["others"] == ["mine/first", "mine/last"]
    assert len(found["load"]) == 2
    again = RunRecord("02_zero_shot", runs / "mine" / "own", {})
    assert read_record(again.save())["provenance"]["beside"]["others"] == []


@needs_locks
def test_looking_gets_in_nobodys_way(runs):
    lock = take(runs / "mine" / "first" / WRITER)
    os.close(lock)
    assert Beside(runs / "mine" / "own").told()["others"] == []
    RunRecord("02_zero_shot", runs / "mine" / "first", {})
    leave(runs / "mine" / "first")


def test_what_nobody_can_tell_is_none(runs, monkeypatch):
    monkeypatch.setattr(beside, "LOCKS", runs / "nowhere")
    monkeypatch.delattr(os, "getloadavg")
    path = RunRecord("02_zero_shot", runs / "mine" / "own", {}).save()
    assert read_record(path)["provenance"]["beside"] == {"load": [None, None], "others": None}

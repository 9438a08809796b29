"""Processes that are killed: loader workers, the one that trains, one of two, the one that started two."""

import os
import select
from functools import partial

import pytest

from . import work
from .harness import LIMIT, Kill
from .rounds import files

pytestmark = pytest.mark.slow

NAME = "v_HulaHoop_g02_c01.avi"


@pytest.mark.parametrize("workers", [0, 1])
def test_a_training_that_is_killed_goes_on(calls, ucf101, tmp_path, continues, workers):
    # Its worker, of which nobody thinks, ends as well: else the call would not come back.
    assert calls.run(work.train, ucf101, tmp_path, num_workers=workers, trouble={5: work.die}).signal
    assert work.steps_kept(tmp_path) == 4
    continues(tmp_path)


def test_a_killed_worker_is_replaced_without_a_word(calls, ucf101, tmp_path, expected):
    outcome = calls.run(work.train, ucf101, tmp_path, num_workers=1, trouble={1: work.end_workers, 7: work.end_workers})
    assert (outcome.value, outcome.warnings) == (expected | {"steps": work.STEPS}, [])


def test_a_video_that_kills_its_workers_is_named(calls, ucf101, tmp_path, continues):
    trouble = {3: partial(work.poison, NAME)}
    outcome = calls.run(work.train, ucf101, tmp_path, num_workers=1, trouble=trouble)
    video = ucf101 / "videos" / "HulaHoop" / NAME
    why = "its worker ended 2 times while it was decoded (Killed: out of memory?)"
    assert outcome.error == f"VideoError: cannot read video {video}: {why}"
    assert work.steps_kept(tmp_path) >= 3
    continues(tmp_path)


def test_a_training_that_is_killed_when_it_has_just_finished(calls, ucf101, tmp_path, continues):
    outcome = calls.run(work.train, ucf101, tmp_path, kill=Kill(line=0, text="last_good(self.path).unlink"))
    assert outcome.place.startswith("save: ")
    assert work.steps_kept(tmp_path) == work.STEPS
    continues(tmp_path)


def test_two_processes_of_which_one_is_killed_or_the_one_that_started_them(calls, ucf101, tmp_path):
    run_in = partial(calls.run, work.train_on_two, ucf101, limit=3 * LIMIT)
    expected, run = run_in(tmp_path / "undisturbed").value, partial(run_in, tmp_path / "run")

    os.mkfifo(tmp_path / "alive")
    alive = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    assert run(alone_at=3, alive=tmp_path / "alive").signal
    ended, _, _ = select.select([alive], [], [], LIMIT / 3)  # readable when nobody has it open for writing any more
    os.close(alive)
    assert ended and work.steps_kept(tmp_path / "run") == 2

    outcome = run(restarts=1, trouble={3: partial(work.die_once, tmp_path / "died")})
    assert (tmp_path / "died").exists()
    assert outcome.value == expected | {"steps": work.STEPS - 4}, outcome.error
    assert files(tmp_path / "run") == [work.checkpoint(tmp_path / "run")]

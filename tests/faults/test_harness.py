"""That the harness sees what it is there to see."""

import os
import signal
import threading

import pytest

from . import work
from .harness import Kill


def outlive_the_parent() -> None:
    if os.fork() == 0:
        threading.Event().wait()


@pytest.mark.slow
def test_a_child_that_stays_is_noticed(calls):
    with pytest.raises(AssertionError, match="or one of its children, still lives"):
        calls.run(outlive_the_parent, limit=1)


@pytest.mark.slow
def test_kills_fall_where_they_are_asked_for(calls, ucf101, tmp_path):
    assert calls.run(signal.pause, kill=Kill(after=0.1)).signal == signal.SIGKILL
    outcome = calls.run(work.train, ucf101, tmp_path, kill=Kill(line=1, text="os.fsync", byte=1000))
    assert (outcome.signal, outcome.place) == (signal.SIGXFSZ, "save_tensors: os.fsync(file.fileno())")
    kept = work.checkpoint(tmp_path).stat().st_size  # which already has its second name, for a moment one in .tmp, too
    assert sorted(path.stat().st_size for path in tmp_path.glob(".*.tmp")) == [1000, kept]
    assert work.steps_kept(tmp_path) == 2

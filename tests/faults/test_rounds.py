"""Runs that are killed at random, again and again, end with the numbers of one that was not: to the bit.

Of all rounds, with what was killed where:

    TEXT4VIS_FAULT_ROUNDS=60 .venv/bin/python -m pytest tests/faults/test_rounds.py
"""

import json
from functools import partial
from hashlib import sha256

import numpy as np
import pytest

from text4vis_core.training.resume import load_checkpoint

from . import work
from .rounds import ROUNDS, Undisturbed, files, play

pytestmark = pytest.mark.slow

TRAININGS = [number for number in range(ROUNDS) if number % 3]
COPIES = [number for number in range(ROUNDS) if number % 3 == 0]


@pytest.mark.parametrize("number", TRAININGS)
def test_training(calls, ucf101, trainings, tmp_path, number):
    rng = np.random.default_rng([20, number])
    encoder, workers, every = rng.choice([*trainings]), int(rng.random() < 0.25), int(rng.integers(1, 3))
    kept = [0]

    start = partial(calls.run, work.train, ucf101, tmp_path, encoder, num_workers=workers, checkpoint_steps=every)

    def look():
        if path := work.checkpoint(tmp_path):
            load_checkpoint(path)  # the newest one is whole, whenever the kill came
        kept.append(work.steps_kept(tmp_path))
        assert kept[-1] >= kept[-2]

    result = play(rng, trainings[encoder], workers, tmp_path, start, look)
    assert result.pop("steps") == work.STEPS - kept[-1]
    assert result == {name: value for name, value in trainings[encoder].value.items() if name != "steps"}
    assert files(tmp_path) == [work.checkpoint(tmp_path)]


@pytest.fixture(scope="module")
def copies(calls, ucf101, tmp_path_factory):
    """A folder of copies whose making was left alone, and how it was made: with workers and without."""
    made = {}
    for workers in (0, 2):
        folder = tmp_path_factory.mktemp("copies")
        made[workers] = Undisturbed.of(partial(calls.run, work.copy, ucf101, folder, workers), folder)
    return folder, made


def digests(folder) -> dict[str, str]:
    """Of all files of a folder, but for the journal, whose lines are in the order in which workers were done."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in files(folder)}
    return {name: sha256(data).hexdigest() for name, data in found.items() if name != "journal.jsonl"}


def journal(folder) -> dict[str, dict]:
    """What it says of each original."""
    rows = map(json.loads, (folder / "journal.jsonl").read_text().splitlines())
    return {row["original"]: row for row in rows}


@pytest.mark.parametrize("number", COPIES)
def test_prepare(calls, ucf101, copies, tmp_path, number):
    rng = np.random.default_rng([20, number])
    workers = int(rng.choice([0, 0, 2]))
    whole, undisturbed = copies[0], copies[1][workers]
    expected, made = digests(whole), [0]

    start = partial(calls.run, work.copy, ucf101, tmp_path, workers)

    def look():
        found = {name: digest for name, digest in digests(tmp_path).items() if name.endswith(".mp4")}
        assert found == {name: expected[name] for name in found}
        made.append(len(found))
        assert made[-1] >= made[-2]

    result = play(rng, undisturbed, workers, tmp_path, start, look)
    assert result["videos"] == undisturbed.value["videos"]
    # Of the copies that were there, one for each kill may not have come into the journal.
    assert result["made"] + result["kept"] == 9
    assert (digests(tmp_path), journal(tmp_path)) == (expected, journal(whole))

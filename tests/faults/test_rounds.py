"""Runs that are killed at random, again and again, end with the numbers of one that was not: to the bit.

Of all rounds, with what was killed where:

    TEXT4VIS_FAULT_ROUNDS=60 .venv/bin/python -m pytest tests/faults/test_rounds.py
"""

import json

import numpy as np
import pytest

from text4vis_core.checkpoints import load_checkpoint

from . import work
from .rounds import ROUNDS, Undisturbed, files, play

TRAININGS = [number for number in range(ROUNDS) if number % 3]
COPIES = [number for number in range(ROUNDS) if number % 3 == 0]


@pytest.fixture(scope="module")
def trainings(calls, ucf101, tmp_path_factory) -> dict[str, Undisturbed]:
    """A training of each encoder that was left alone."""
    folders = {encoder: tmp_path_factory.mktemp(encoder) for encoder in work.DROP_PATH}
    return {
        encoder: Undisturbed.of(lambda kill: calls.run(work.train, ucf101, folder, encoder, kill=kill), folder)
        for encoder, folder in folders.items()
    }


@pytest.mark.parametrize("number", TRAININGS)
def test_training(calls, ucf101, trainings, tmp_path, number):
    rng = np.random.default_rng([20, number])
    encoder, workers, every = rng.choice([*trainings]), int(rng.random() < 0.25), int(rng.integers(1, 3))
    kept = [0]

    def start(kill):
        return calls.run(work.train, ucf101, tmp_path, encoder, num_workers=workers, checkpoint_steps=every, kill=kill)

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
    """A folder of copies whose making was left alone."""
    folder = tmp_path_factory.mktemp("copies")
    return folder, Undisturbed.of(lambda kill: calls.run(work.copy, ucf101, folder, kill=kill), folder)


def content(folder) -> dict:
    """All files of a folder of copies; the journal as the set of its rows, whose order is that of the workers."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in files(folder)}
    rows = [json.loads(line) for line in found.pop("journal.jsonl").splitlines()]
    return found | {"journal": {row["original"]: row for row in rows}}


@pytest.mark.parametrize("number", COPIES)
def test_prepare(calls, ucf101, copies, tmp_path, number):
    rng = np.random.default_rng([20, number])
    whole, undisturbed = copies
    workers = int(rng.choice([0, 0, 2]))
    expected, made = content(whole), [0]

    def start(kill):
        return calls.run(work.copy, ucf101, tmp_path, workers, kill=kill)

    def look():
        found = {str(path.relative_to(tmp_path)): path for path in files(tmp_path) if path.suffix == ".mp4"}
        assert all(path.read_bytes() == expected[name] for name, path in found.items())
        made.append(len(found))
        assert made[-1] >= made[-2]

    result = play(rng, undisturbed, workers, tmp_path, start, look)
    assert result["videos"] == undisturbed.value["videos"]
    # Of the copies that were there, one for each kill may not have come into the journal.
    assert result["made"] + result["kept"] == 9
    assert content(tmp_path) == expected

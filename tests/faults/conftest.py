"""One server of processes for all tests of faults, and trainings that nothing happens to."""

import shutil
from functools import partial
from pathlib import Path

import pytest

from . import work
from .harness import Calls
from .rounds import FIGURES, Undisturbed, files


@pytest.fixture(scope="session")
def calls() -> Calls:
    return Calls()


@pytest.fixture(scope="session")
def trainings(calls, ucf101, tmp_path_factory) -> dict[str, Undisturbed]:
    """A training of each encoder that was left alone."""
    found = {}
    for encoder in work.DROP_PATH:
        folder = tmp_path_factory.mktemp(encoder)
        found[encoder] = Undisturbed.of(partial(calls.run, work.train, ucf101, folder, encoder), folder)
    return found


@pytest.fixture(scope="session")
def expected(trainings) -> dict:
    """What a training must end with."""
    return {name: value for name, value in trainings["vit"].value.items() if name != "steps"}


@pytest.fixture
def continues(calls, ucf101, expected):
    """A training goes on after what a folder has, ends with the expected numbers, and leaves nothing else behind."""

    def check(folder: Path, root: Path = ucf101) -> None:
        kept = work.steps_kept(folder)
        outcome = calls.run(work.train, root, folder)
        assert outcome.value == expected | {"steps": work.STEPS - kept}, outcome.error
        assert (files(folder), outcome.warnings) == ([work.checkpoint(folder)], [])

    return check


@pytest.fixture
def videos(ucf101, tmp_path) -> Path:
    """The data set, which a test may change."""
    return Path(shutil.copytree(ucf101, tmp_path / "videos"))


@pytest.fixture(scope="session")
def _killed_run(calls, ucf101, trainings, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    outcome = calls.run(work.train, ucf101, folder, trouble={5: work.die})
    assert outcome.signal and work.steps_kept(folder) == 4
    return folder


@pytest.fixture
def killed_run(_killed_run, tmp_path) -> Path:
    """The folder of a training that was killed at its fifth step, with its two checkpoints."""
    return Path(shutil.copytree(_killed_run, tmp_path / "run"))


def pytest_terminal_summary(terminalreporter) -> None:
    for what, number in sorted(FIGURES.items()):
        terminalreporter.write_line(f"{number:6d} {what}")

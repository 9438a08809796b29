"""One server of processes for all tests of faults."""

import pytest

from .harness import Calls
from .rounds import FIGURES


@pytest.fixture(scope="session")
def calls() -> Calls:
    return Calls()


def pytest_terminal_summary(terminalreporter) -> None:
    for what, number in sorted(FIGURES.items()):
        terminalreporter.write_line(f"{number:6d} {what}")

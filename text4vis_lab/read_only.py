"""A run that is executed only to see whether its finished trainings give the numbers stored: nothing may be trained."""

import contextlib
import os
from collections.abc import Iterator

VARIABLE = "TEXT4VIS_READ_ONLY"


class WouldTrainError(RuntimeError):
    """A training is asked for where finished ones are to be read."""


@contextlib.contextmanager
def nothing_trained() -> Iterator[None]:
    """Let this process and its children train nothing until the block ends."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]


def check_may_train(what: str) -> None:
    """See to it that a training may begin.

    Raises:
        WouldTrainError: only finished ones may be read.
    """
    if os.environ.get(VARIABLE):
        raise WouldTrainError(
            f"{what} would be trained: no finished one of this code, these settings and videos lies in the run's "
            "folder; run its notebook again"
        )

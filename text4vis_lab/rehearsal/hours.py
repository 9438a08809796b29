"""A run's hours, from the seconds of one video: measured by a rehearsal, or known of a GPU."""

from ..suites import Run
from .settings import folds_of, methods_of, settings_of, trains


def hours_of(run: Run, train_video: float | None, test_video: float) -> float:
    """Hours of all trainings and tests of a run that says what it `needs`.

    Args:
        run: of the suite; its `needs` count the videos of one training and test, or all of a run that only tests.
        train_video: seconds of a training video, at the run's frames; None for a run that only tests.
        test_video: seconds of a test video, at the run's frames and in all its views.
    """
    settings = settings_of(run)
    test = test_video * run.needs["test_videos"]
    if train_video is None or not trains(settings):
        return test / 3600
    train = train_video * run.needs["train_videos"] * settings["epochs"]
    cells = len(folds_of(settings))
    if "shots" in settings:
        cells = len(settings["shots"]) * len(settings["seeds"]) * len(methods_of(settings))
    return cells * (train + test) / 3600

"""A run's settings: its notebook's parameters as the notebook turns them into a recipe, clips and methods."""

from typing import Any

from text4vis_core.training.recipe import TrainingConfig

from ..notebooks import notebook_defaults, notebook_settings, notebook_uses
from ..published import published_result
from ..settings import by_name, check_choices, checked
from ..sources import Clips
from ..suites import Run
from ..tournament.methods import Method, methods

NOTEBOOKS = ("02_zero_shot", "03_few_shot", "08_supervised")  # those that can be rehearsed
# What each run's own data is read with, what every rehearsal reduces, and what is only written down.
DATA = ("dataset", "data_root", "split", "fold", "folds", "shots", "seed", "seeds", "repeat")
REDUCED = ("num_frames", "batch_size", "accumulate", "epochs", "warmup_epochs", "clips", "crops")
NOTED = ("run_dir", "published")


def settings_of(run: Run) -> dict[str, Any]:
    """Every setting of a run: its notebook's own and the shared ones, and the suite's instead where it gives one."""
    return notebook_settings(run.source) | run.parameters


def check_settings(run: Run) -> None:
    """What a rehearsal would not notice, because it reduces it or does not need it.

    Raises:
        ValueError: a notebook that cannot be rehearsed, or a value with which the run itself would stop.
    """
    check_choices("notebook", run.notebook, NOTEBOOKS)
    settings = settings_of(run)
    published_result(settings["published"])
    checked(run.parameters, notebook_defaults(run.source), notebook_uses(run.source))
    clips_of(settings)
    if trains(settings):
        methods_of(settings)
        config_of(settings)


def trains(settings: dict[str, Any]) -> bool:
    """Whether a run trains."""
    return settings.get("epochs", 0) > 0


def folds_of(settings: dict[str, Any]) -> list[int]:
    """The folds that a run goes through."""
    return settings.get("folds") or [settings.get("fold", 1)]


def splits_of(settings: dict[str, Any]) -> tuple[str, ...]:
    """The splits that a run reads, the one that is tested last."""
    return ("train", "test") if trains(settings) else (settings.get("split", "test"),)


def methods_of(settings: dict[str, Any]) -> list[Method]:
    """What a training begins with, and whether it keeps it: one or several."""
    if "shots" in settings:
        return methods(settings["frozen"], settings["trainable"], settings.get("slow", []))
    return [Method(settings["initialisation"], settings["initialisation"], settings["frozen"])]


def config_of(settings: dict[str, Any], **reduced) -> TrainingConfig:
    """The recipe of the first seed, some of it `reduced`."""
    seed = settings["seeds"][0] if "seeds" in settings else settings["seed"]
    return by_name(TrainingConfig, settings, **({"seed": seed, "grad_clip": settings["grad_clip"] or None} | reduced))


def clips_of(settings: dict[str, Any], **reduced: Any) -> Clips:
    """How videos become clips, some of it `reduced`."""
    return by_name(Clips, settings | reduced, cache="")

"""A run's settings: its notebook's parameters as the notebook turns them into a recipe, clips and methods."""

from dataclasses import fields
from typing import Any

from text4vis_core.data.transforms import CROPS
from text4vis_core.training.recipe import TrainingConfig

from ..experiment import Clips, methods
from ..notebooks import notebook_defaults
from ..published import published_result
from ..settings import check_choices
from ..suites import Run

NOTEBOOKS = ("02_zero_shot", "03_few_shot", "08_supervised")  # those that can be rehearsed
# What each run's own data is read with, what every rehearsal reduces, and what is only written down.
DATA = ("dataset", "data_root", "split", "fold", "folds", "shots", "seed", "seeds", "repeat")
REDUCED = ("num_frames", "batch_size", "accumulate", "epochs", "warmup_epochs", "clips", "crops")
NOTED = ("run_dir", "published")


def settings_of(run: Run) -> dict[str, Any]:
    """Every parameter of a run: its notebook's, and the suite's instead where it gives one."""
    return notebook_defaults(run.source) | run.parameters


def check_settings(run: Run) -> None:
    """What a rehearsal would not notice, because it reduces it or does not need it.

    Raises:
        ValueError: a notebook that cannot be rehearsed, or a value with which the run itself would stop.
    """
    check_choices("notebook", run.notebook, NOTEBOOKS)
    settings = settings_of(run)
    published_result(settings["published"])
    check_choices("crops", settings["crops"], CROPS)
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


def methods_of(settings: dict[str, Any]) -> list[tuple[str, bool]]:
    """What a training begins with, and whether it keeps it: (initialisation, frozen), one or several."""
    if "shots" in settings:
        return list(methods(settings["frozen"], settings["trainable"]).values())
    return [(settings["initialisation"], settings["frozen"])]


def config_of(settings: dict[str, Any], **reduced) -> TrainingConfig:
    """The recipe of the first seed, some of it `reduced`."""
    seed = settings["seeds"][0] if "seeds" in settings else settings["seed"]
    return by_name(TrainingConfig, settings, **({"seed": seed, "grad_clip": settings["grad_clip"] or None} | reduced))


def clips_of(settings: dict[str, Any], **reduced) -> Clips:
    """How videos become clips, some of it `reduced`."""
    options = {name: settings[name] for name in ("randaugment", "blur", "solarize") if name in settings}
    if "randaugment" in options:
        options["randaugment"] = tuple(options["randaugment"])
    return by_name(Clips, settings, **({"options": options} | reduced))


def by_name(kind: type, settings: dict[str, Any], **others):
    """Settings of a kind, whose fields are called as the notebooks' parameters are."""
    return kind(**{field.name: settings[field.name] for field in fields(kind) if field.name in settings} | others)

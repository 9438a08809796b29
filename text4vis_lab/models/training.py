"""A model of one's own videos: the laboratory's few-shot path, from a folder of classes to a model's folder."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..experiment import Cell
from ..lab import Lab
from ..tournament.methods import named
from .folder import find_model

NOTEBOOK = "03_few_shot"  # whose settings these are
STEPS, EPOCHS, BATCH = 48, 6, 16  # at least so many steps and epochs, where nobody says how many


@dataclass(frozen=True)
class Trained:
    """What was trained.

    Attributes:
        model: its folder.
        run: the run's folder, with the record.
        top1: of the test videos, in percent, after training; before it by the class names alone.
        videos: that were trained on, and that were tested.
        sentences: what was measured, in words.
    """

    model: Path
    run: Path
    top1: tuple[float, float]
    videos: tuple[int, int]
    sentences: tuple[str, ...]


def train_folder(
    folder: str | Path,
    shots: int = 0,
    *,
    out: str | Path,
    method: str = "text, frozen",
    settings: Mapping[str, Any] | None = None,
) -> Trained:
    """Train on class folders, flat or in folders of train and test, and test on what was held out.

    Args:
        folder: of the videos.
        shots: training videos of each class; 0 for all.
        out: the run's folder; the model is in `models` there.
        method: a name that `tournament.methods.named` knows.
        settings: shared settings by name, and `seed`. `epochs` 0 or none: so many that there are 48 steps.

    Raises:
        AnnotationError, ValueError: the folder, or a setting, cannot be: names it and the remedy.
    """
    given: dict[str, Any] = {"dataset": _reader(), "data_root": str(folder), "num_frames": 8} | dict(settings or {})
    seed, epochs = given.pop("seed", 0), given.pop("epochs", 0)
    given |= {"run_dir": str(out), "seeds": [seed], "keep_models": "first"}
    lab = Lab.open(NOTEBOOK, given)
    videos = lab.train.few_shot(shots, seed) if shots else lab.train
    steps = math.ceil(len(videos) / lab.values["batch_size"])
    lab = lab.changed({"epochs": epochs or max(EPOCHS, math.ceil(STEPS / steps))})
    before = lab.zero_shot({"test": lab.test})["top1"].iloc[0]
    cell = Cell(named(method), videos, {"test": lab.test}, lab.recipe(seed), {"shots": shots})
    after = lab.run([cell], "training")["top1"].iloc[0]
    lab.save()
    counts = len(videos), len(lab.test)
    names = len(lab.train.classes)
    said = (
        f"Trained on {counts[0]} videos of {names} classes.",
        f"Of {counts[1]} test videos {after:.1f} % are right; by the class names alone, untrained, {before:.1f} %.",
    )
    run = lab.record.run_dir
    return Trained(find_model(run / cell.name), run, (float(after), float(before)), counts, said)


def _reader() -> str:
    """The data set that a folder of one's own is."""
    return "own" if find_spec("text4vis_lab.own_videos") else "folders"

"""A model of one's own videos: the laboratory's few-shot path, from a folder of classes to a model's folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .cell import Cell
from .familiarity import keep, known_from
from .lab import Lab
from .lists import repeated
from .models.opening import load_model
from .own_videos import DATASET
from .tournament.methods import named

NOTEBOOK = "03_few_shot"  # whose settings these are
STEPS = 8  # of an epoch, at least: fewer videos are repeated, as the published few-shot training does


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
        settings: shared settings by name, and `seed`.

    Raises:
        AnnotationError, ValueError: the folder, or a setting, cannot be: names it and the remedy.
    """
    given: dict[str, Any] = {"dataset": DATASET, "data_root": str(folder), "num_frames": 8} | dict(settings or {})
    seed = given.pop("seed", 0)
    given |= {"run_dir": str(out), "seeds": [seed], "keep_models": "first"}
    lab = Lab.open(NOTEBOOK, given)
    videos = lab.train.few_shot(shots, seed) if shots else lab.train
    shown = repeated(videos, max(len(videos), STEPS * lab.values["batch_size"]))
    before = lab.zero_shot({"test": lab.test})["top1"].iloc[0]
    cell = Cell(named(method), shown, {"test": lab.test}, lab.recipe(seed), {"shots": shots})
    after = lab.run([cell], "training")["top1"].iloc[0]
    lab.save()
    counts = len(videos), len(lab.test)
    names = len(lab.train.classes)
    said = (
        f"Trained on {counts[0]} videos of {names} classes.",
        f"Of {counts[1]} test videos {after:.1f} % are right; by the class names alone, untrained, {before:.1f} %.",
    )
    run, left = lab.record.run_dir, load_model(lab.record.run_dir / cell.name)
    known = known_from(left.network, left.clips, videos, lab.test, "the videos that it was trained on")
    keep(run / "models" / cell.name, left.network, known)
    return Trained(run / "models" / cell.name, run, (float(after), float(before)), counts, said)

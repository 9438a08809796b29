"""A cell of an experiment's table, and what comes out of it: what `experiment.py` trains, and a run's record tells.

N videos, C classes, D width of an embedding.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from text4vis_core.data.video_list import VideoList
from text4vis_core.training.recipe import TrainingConfig

from .model_files.facts import FILE
from .plain import file_name
from .scores import Scores
from .tournament.methods import Method
from .transfer import NOTHING, Transfer

TRAINED = {"loss": "loss", "top1": "train_top1"}  # columns train_* of a row: the last epoch's


@dataclass(frozen=True)
class Part:
    """Videos that are tested, or those of some classes among them.

    Attributes:
        videos: a list with all classes between which the model decides.
        classes: only videos of these classes count; all, when None.
    """

    videos: VideoList
    classes: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Keep:
    """That a training leaves its model.

    Attributes:
        folder: where.
        data: name of its data set, and its folder.
        always: False where it is kept only if the published format, which was asked for, has no place for it.
    """

    folder: str
    data: tuple[str, str]
    always: bool = True

    @property
    def written(self) -> bool:
        """Whether it is there."""
        return Path(self.folder, FILE).exists()


@dataclass(frozen=True)
class Cell:
    """One training and its tests.

    Attributes:
        method: what is compared.
        train: its videos.
        tests: name -> videos. Where they have the classes of `train` the trained classifier decides, else the text
            embeddings of their class names.
        recipe: its seed is that of order and clips.
        labels: what else tells this cell from the others of the table, columns of `rows.COLUMNS`: {"shots": 4}.
            "seed" is the recipe's where it is not among them.
        initial: seed of the classifier's rows and of new parameters; the recipe's when None.
        temporal: temporal module; empty for the source's.
        every_epoch: name of the test whose accuracy joins the history after every epoch; empty for none.
        by_view: score single views too, not only all of them together.
        fine_tune: else nothing is trained, and the model is tested as it is.
        export: file for the trained model in the published format; empty for none. What the format has no place for
            goes to the model's folder instead.
        keep: the folder that the trained model leaves; None for none.
        transfer: what is kept of the model before training.
    """

    method: Method
    train: VideoList
    tests: Mapping[str, VideoList | Part]
    recipe: TrainingConfig
    labels: Mapping[str, Any] = field(default_factory=dict)
    initial: int | None = None
    temporal: str = ""
    every_epoch: str = ""
    by_view: bool = False
    fine_tune: bool = True
    export: str = ""
    keep: Keep | None = None
    transfer: Transfer = NOTHING

    @property
    def name(self) -> str:
        """Of its files: "text-frozen-shots4-seed0"."""
        labels = dict(self.labels) | {"seed": self.seed} | ({"temporal": self.temporal} if self.temporal else {})
        setting = self.method.setting if self.method.setting != "validation-free" else ""
        named = (f"{key}{value}" for key, value in (labels | self.transfer.columns).items())
        return file_name(self.transfer.of(self.method.name), setting, *named)

    @property
    def left_nothing(self) -> bool:
        """Whether what it is to leave, beside its numbers, is not there."""
        exported = not self.export or Path(self.export).exists() or (self.keep is not None and self.keep.written)
        return not exported or (self.keep is not None and self.keep.always and not self.keep.written)

    @property
    def training(self) -> str:
        """Of its training's files, which all models on the way from its begin to its end share."""
        return replace(self, transfer=replace(self.transfer, mix=None)).name

    @property
    def seed(self) -> int:
        """By which tables name the training."""
        return self.labels.get("seed", self.recipe.seed)

    @property
    def rows_seed(self) -> int:
        """Of the classifier's rows and of new parameters."""
        return self.recipe.seed if self.initial is None else self.initial

    @property
    def columns(self) -> dict[str, Any]:
        """What the rows of this cell have in common."""
        method = {
            "method": self.transfer.of(self.method.name),
            "role": self.method.role,
            "setting": self.method.setting,
            "initialisation": self.method.initialisation,
            "frozen": self.method.frozen,
        }
        named = method | ({"temporal": self.temporal} if self.temporal else {})
        return named | dict(self.labels) | {"seed": self.seed} | self.transfer.columns

    def part(self, name: str) -> Part:
        """A test by its name."""
        test = self.tests[name]
        return test if isinstance(test, Part) else Part(test)


@dataclass
class Outcome:
    """What came out of a cell.

    Attributes:
        scores: (test, view) -> scores per video.
        history: of every epoch, see `Fit`.
        skipped: (path, reason) of videos that were left out.
        tensors: "initial" and "learned", the classifier's rows (C, D) before and after; "means" (C, D), the mean
            of the unit embeddings of each class's videos in the first test, after.
        trained_parameters: how many numbers were trained.
        not_compiled: why not, although that was asked for.
        remarks: what its user should know of what it left, a sentence each.
    """

    scores: dict[tuple[str, str], Scores]
    history: list[dict] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    trained_parameters: int = 0
    not_compiled: str = ""
    remarks: list[str] = field(default_factory=list)


def rows_of_outcome(
    cell: str, outcome: Outcome, columns: Mapping[str, Any], tests: Mapping[str, VideoList | Part]
) -> list[dict[str, Any]]:
    """A row of `rows.COLUMNS` for each test and view of a cell.

    Args:
        cell: its name.
        outcome: what came out.
        columns: what the rows have in common.
        tests: what was tested.
    """
    rows = []
    for (test, view), scores in outcome.scores.items():
        part = tests[test]
        row = {"cell": cell, "test": test, "view": view} | dict(columns) | {"classes": scores.scores.shape[1]}
        row |= {"counted": len(part.classes) if isinstance(part, Part) and part.classes is not None else None}
        row |= {"videos": len(scores.labels), "trained_parameters": outcome.trained_parameters or None}
        row |= {f"train_{name}": outcome.history[-1][key] for name, key in TRAINED.items() if outcome.history}
        rows.append({k: v for k, v in (row | scores.metrics()).items() if v is not None})
    return rows

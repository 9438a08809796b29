"""One cell of an experiment's table: a classifier is initialised, trained on some videos and scored on others.

    Cell: method, training videos, tested videos, recipe   --train_and_test-->   Outcome: scores per video

A list of videos goes from the notebook into a `Cell`, from there to `Clips.training` or `Clips.embed` (sources.py), and
with them into the `VideoDataset` that decodes it. N videos, C classes, D width of an embedding.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from text4vis_core.data.video_list import VideoList
from text4vis_core.evaluation.embedding import EmbeddedVideos
from text4vis_core.evaluation.metrics import topk_accuracy
from text4vis_core.model.classifier import LinearClassifier, initialise
from text4vis_core.model.video_classifier import VideoClassifier
from text4vis_core.processes import rank, world
from text4vis_core.training.contrastive import TextTower
from text4vis_core.training.hardware import full_state, make_fabric
from text4vis_core.training.loop import AfterEpoch, Fit, fit
from text4vis_core.training.recipe import TrainingConfig

from .lists import only
from .loggers import told
from .models.keeping import Keep, left_behind
from .plain import file_name
from .scores import Scores
from .sources import Clips, Source
from .tournament import texts
from .tournament.methods import CONTRASTIVE, LINEAR, LINEAR_TEXT, SLOW, TEXT_FREE, Method, methods  # noqa: F401
from .tournament.rows import TextLinear
from .transfer import NOTHING, Kept, Transfer

TRAINED = {"loss": "loss", "top1": "train_top1"}  # columns train_* of a row: the last epoch's
FROM_VIDEOS = ("lda", "means")  # initialisations that need the untrained embeddings of the training videos


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


def train_and_test(cell: Cell, source: Source, clips: Clips, run_dir: Path, progress: bool = False) -> Outcome:
    """Initialise a classifier of the training videos' classes, fine-tune, and score the tested videos.

    On the processes of `clips.processes`.

    Args:
        cell: what.
        source: gives the model and the class embeddings.
        clips: how videos become clips, and on which processes.
        run_dir: checkpoints go to its folder `checkpoints`.
        progress: show a progress bar over steps.

    Raises:
        ValueError: something that the model does not allow.
        CheckpointError, VideoError: see `fit`.
        ProcessesError: one of several processes died too often.
    """
    return clips.processes.run(_train_and_test, cell, source, clips, run_dir, progress)


@told
def _train_and_test(cell: Cell, source: Source, clips: Clips, run_dir: Path, progress: bool) -> Outcome:
    if cell.temporal:
        source = replace(source, temporal=cell.temporal)
    model, rows = begin(cell, source, clips)
    outcome, counted = Fit(), None
    if cell.every_epoch:
        part = cell.part(cell.every_epoch)
        counted = part.videos if part.classes is None else only(part.videos, part.classes)
    recipe = trained_as(cell.method, cell.recipe)
    kept = Kept(model, cell.transfer, recipe)

    def after_epoch(model: VideoClassifier) -> dict:
        kept.after_epoch(model)
        if counted is None:
            return {}
        known = clips.embed(model, counted, cache=False)
        return {"val_top1": topk_accuracy(own_scores(model, known), known.truth)}

    if cell.fine_tune:
        outcome = fit(
            model,
            clips.training(cell.train, model.size, cell.recipe.seed),
            recipe,
            checkpoint_dir=run_dir / "checkpoints",
            name=cell.training,
            after_epoch=AfterEpoch(after_epoch, counted.fingerprint() if counted else None),
            progress=progress,
        )
        kept.finish(model)
    embedded = {}
    for name in cell.tests:
        videos = cell.part(name).videos
        if id(videos) not in embedded:
            embedded[id(videos)] = clips.embed(model, videos, clips.views, cache=not cell.fine_tune)
    if world() > 1 and cell.recipe.strategy == "fsdp":  # each process has but a share of the parameters
        weights = full_state(make_fabric(), model)
        if rank() == 0:
            model, _ = begin(cell, source, clips, rows)
            model.load_state_dict(weights["model"])
            model.eval()
    tested = {name: embedded[id(cell.part(name).videos)] for name in cell.tests}
    first = next(iter(tested.values()))
    result = Outcome(
        {
            (name, view): part_scores(model, cell, source, name, replace(known, views=known.views[:, ids]))
            for name, known in tested.items()
            for view, ids in (
                clips.views_by_name if cell.by_view else {clips.all_views: range(known.views.shape[1])}
            ).items()
        },
        outcome.history,
        [*outcome.skipped, *(pair for known in embedded.values() for pair in known.skipped)],
        {"means": class_means(first, len(cell.train.classes))} if first.targets is None else {},
        sum(p.numel() for p in model.parameters() if p.requires_grad) if cell.fine_tune else 0,
        outcome.not_compiled,
    )
    if rows is not None:
        learned = model.classifier.weight.detach().cpu().contiguous()  # type: ignore[union-attr, operator]
        result.tensors |= {"initial": rows, "learned": learned}
    if rank() == 0:
        result.remarks = left_behind(cell, source, clips, model, result)
    return result


def begin(
    cell: Cell, source: Source, clips: Clips, rows: Tensor | None = None
) -> tuple[VideoClassifier, Tensor | None]:
    """A cell's model before its training, and its classifier's rows (C, D); None for the vision-only baseline.

    Args:
        rows: those, where they are known already.
    """
    seed, method = cell.rows_seed, cell.method
    model = source.build(seed)
    clips.check(model.size)
    if source.trained and not cell.fine_tune and source.decides(cell.train):
        return model, None  # tested as it is, with its own last layer
    if method.objective == CONTRASTIVE:
        if source.clip is None:
            raise ValueError("parameter model is empty: contrastive training needs its text tower")
        model.text_tower = TextTower(source.clip, cell.train.class_names(source.names), source.template)
    if method.initialisation == LINEAR:
        model.classifier = LinearClassifier(len(cell.train.classes), model.dim, seed).to(model.logit_scale.device)
        return model, None
    if rows is None:
        rows = first_rows(cell, model, source, clips)
    if method.initialisation == LINEAR_TEXT:
        model.classifier = TextLinear(rows).to(model.logit_scale.device)
        return model, rows
    return model.set_classifier(rows, method.frozen), rows


def first_rows(cell: Cell, model: VideoClassifier, source: Source, clips: Clips) -> Tensor:
    """The rows (C, D) that a cell's classifier begins with, of the model before training."""
    name, names = cell.method.initialisation, cell.train.class_names(source.names)
    name = "text" if name == LINEAR_TEXT else name
    given: dict[str, Any] = {}
    if name in FROM_VIDEOS:
        known = clips.embed(model, cell.train)  # a video that is left out here is left out, and listed, in training
        given = {"features": F.normalize(known.mean, dim=-1), "labels": known.labels}
    elif name not in TEXT_FREE:
        given = {"class_embeddings": texts.embedded(name, names, source, cell.rows_seed)}
    return initialise(name, len(names), model.dim, seed=cell.rows_seed, **given)


def trained_as(method: Method, recipe: TrainingConfig) -> TrainingConfig:
    """The recipe as a method uses it: its objective, and the rate of slow rows."""
    ratio = recipe.rows_lr_ratio * (SLOW if method.slow else 1)
    return replace(recipe, objective=method.objective, rows_lr_ratio=ratio)


@torch.no_grad()
def own_scores(model: VideoClassifier, videos: EmbeddedVideos) -> Tensor:
    """Logits (N, C) of the model's own classifier for the mean of each video's views, on the CPU."""
    assert model.classifier is not None
    return model.classifier(videos.mean.to(model.logit_scale.device), model.logit_scale).cpu()


@torch.no_grad()
def text_scores(model: VideoClassifier, videos: EmbeddedVideos, class_embeddings: Tensor) -> Tensor:
    """Logits (N, C) by class embeddings (C, D) for the mean of each video's views, on the CPU."""
    device = model.logit_scale.device
    return model.logits(videos.mean.to(device), class_embeddings.to(device)).cpu()


def part_scores(model: VideoClassifier, cell: Cell, source: Source, name: str, known: EmbeddedVideos) -> Scores:
    """Scores of a test's videos: by the trained classifier, or of other classes by the embeddings of their names."""
    part = cell.part(name)
    same = part.videos.classes == cell.train.classes
    logits = own_scores(model, known) if same else text_scores(model, known, source.embed_classes(part.videos))
    return Scores.of(part.videos, known, logits, part.classes)


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


def class_means(videos: EmbeddedVideos, num_classes: int) -> Tensor:
    """The mean (C, D) of the unit embeddings of each class's videos; nan for a class without any."""
    unit = F.normalize(videos.mean, dim=-1)
    return torch.stack([unit[videos.labels == label].mean(0) for label in range(num_classes)])

"""One cell of an experiment's table: a classifier is initialised, trained on some videos and scored on others.

    Cell: method, training videos, tested videos, recipe   --train_and_test-->   Outcome: scores per video

A list of videos goes from the notebook into a `Cell`, from there to `Clips.training` or `Clips.embed` (sources.py), and
with them into the `VideoDataset` that decodes it. N videos, C classes, D width of an embedding.
"""

import copy
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from text4vis_core.data.video_list import VideoList
from text4vis_core.evaluation.embedding import EmbeddedVideos
from text4vis_core.model.classifier import initialise
from text4vis_core.model.video_classifier import VideoClassifier
from text4vis_core.processes import rank, world
from text4vis_core.training.contrastive import TextTower
from text4vis_core.training.hardware import full_state, make_fabric
from text4vis_core.training.loop import AfterEpoch, Fit, fit
from text4vis_core.training.recipe import TrainingConfig

from .cell import Cell, Outcome
from .epochs import ACCURACY, doubt, epochs_file, keep_epoch
from .fitting import check_recipe
from .keeping import left_behind
from .lists import only
from .loggers import told
from .read_only import check_may_train
from .scores import Scores
from .sources import Clips, Source
from .text_linear import LinearClassifier, TextLinear
from .tournament import texts
from .tournament.methods import CONTRASTIVE, LINEAR, LINEAR_TEXT, SLOW, TEXT_FREE, Method
from .transfer import Kept

FROM_VIDEOS = ("lda", "means")  # initialisations that need the untrained embeddings of the training videos


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
        WouldTrainError: nothing may be trained, see `read_only`.
    """
    check_may_train(f"cell {cell.name!r}")
    return clips.processes.run(_train_and_test, cell, source, clips, run_dir, progress)


@told
def _train_and_test(cell: Cell, source: Source, clips: Clips, run_dir: Path, progress: bool) -> Outcome:
    if cell.temporal:
        source = replace(source, temporal=cell.temporal)
    check_cells([cell], source, clips)
    model, rows = begin(cell, source, clips)
    outcome, counted = Fit(), None
    if cell.every_epoch:
        part = cell.part(cell.every_epoch)
        counted = part.videos if part.classes is None else only(part.videos, part.classes)
    recipe = trained_as(cell.method, cell.recipe)
    kept, answers = Kept(model, cell.transfer, recipe), epochs_file(run_dir, cell.name)
    training = clips.training(cell.train, model.size, cell.recipe.seed)

    def after_epoch(model: VideoClassifier) -> dict:
        kept.after_epoch(model)
        if counted is None:
            return {}
        known = clips.embed(model, counted, cache=False)
        scores = Scores.of(counted, known, own_scores(model, known))
        if rank() == 0:
            keep_epoch(answers, training.epoch + 1, cell.every_epoch, scores)
        return {ACCURACY: scores.metrics()["top1"]}

    if cell.fine_tune:
        outcome = fit(
            model,
            training,
            recipe,
            checkpoint_dir=run_dir / "checkpoints",
            name=cell.training,
            after_epoch=AfterEpoch(after_epoch, counted.fingerprint() if counted else None),
            progress=progress,
        )
        kept.finish(model)
        if model.logit_scale.dtype != torch.float32:
            model.float()  # what is measured, and kept, is in 32 bit, whatever the training was in
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
        result.remarks += filter(None, [doubt(answers, result.history)])
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
    """Logits (N, C) of the model's own classifier for the mean of each video's views, on the CPU, in 32 bit."""
    head = copy.deepcopy(model.classifier).float()  # type: ignore[union-attr]  # trained, perhaps, in 16 bit or 64
    return head(videos.mean.to(model.logit_scale.device), model.logit_scale.float()).cpu()


@torch.no_grad()
def text_scores(model: VideoClassifier, videos: EmbeddedVideos, class_embeddings: Tensor) -> Tensor:
    """Logits (N, C) by class embeddings (C, D) for the mean of each video's views, on the CPU."""
    device = model.logit_scale.device
    return model.logits(videos.mean.to(device), class_embeddings.to(device)).cpu()


def part_scores(model: VideoClassifier, cell: Cell, source: Source, name: str, known: EmbeddedVideos) -> Scores:
    """Scores of a test's videos: by the trained classifier, or of other classes by the embeddings of their names."""
    part = cell.part(name)
    if part.videos.classes == cell.train.classes:
        logits = own_scores(model, known)
    elif model.text_tower is not None:  # which was trained too
        logits = text_scores(model, known, model.text_tower.class_embeddings(part.videos.class_names(source.names)))
    else:
        logits = text_scores(model, known, source.embed_classes(part.videos))
    return Scores.of(part.videos, known, logits, part.classes)


def check_cells(cells: Iterable[Cell], source: Source, clips: Clips) -> list[str]:
    """See to it, before any video is read, that cells can be trained, and the source tells their classes apart.

    Returns:
        What is to be known of the classes' texts, a sentence each.

    Raises:
        ValueError: a file of class embeddings lacks one, two have one name or one text (which), or a recipe does not
            go with the videos or the processes.
    """
    lists: dict[int, VideoList] = {}
    for cell in cells:
        if cell.fine_tune:
            check_recipe(trained_as(cell.method, cell.recipe), cell.train.multi_label, clips.processes)
        tests = [cell.part(name).videos for name in cell.tests]
        textual = cell.method.initialisation not in TEXT_FREE
        lists |= {id(cell.train): cell.train} if textual and not source.decides(cell.train) else {}
        lists |= {id(videos): videos for videos in tests if videos.classes != cell.train.classes}
    return [*dict.fromkeys(filter(None, map(source.check_classes, lists.values())))]


def class_means(videos: EmbeddedVideos, num_classes: int) -> Tensor:
    """The mean (C, D) of the unit embeddings of each class's videos; nan for a class without any."""
    unit = F.normalize(videos.mean, dim=-1)
    return torch.stack([unit[videos.labels == label].mean(0) for label in range(num_classes)])

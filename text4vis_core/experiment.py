"""One cell of an experiment's table: a classifier is initialised, trained on some videos and scored on others.

The notebooks loop over initialisations, shots and seeds; what happens inside the loop is here, once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from .classifier import INITIALISERS, initialise
from .clip import Clip
from .datasets import ON_ERROR, VideoDataset, VideoList
from .evaluation import EmbeddedVideos, embed_videos, topk_accuracy
from .model import VideoClassifier
from .results import check_choices
from .training import Fit, TrainingConfig, fit


@dataclass(frozen=True)
class Clips:
    """How videos become clips, the same for every cell of a table.

    Attributes:
        num_frames: frames in a clip.
        dense: dense instead of segment sampling.
        on_error: "raise" or "skip", for videos that cannot be decoded.
        num_workers: processes that decode.
    """

    num_frames: int = 8
    dense: bool = False
    on_error: str = "raise"
    num_workers: int = 0

    def __post_init__(self):
        if self.num_frames < 1:
            raise ValueError(f"num_frames is {self.num_frames}; it must be at least 1")
        check_choices("on_error", self.on_error, ON_ERROR)

    def training(self, videos: VideoList, size: int, seed: int) -> VideoDataset:
        """Random training clips."""
        return VideoDataset(
            videos, self.num_frames, size, training=True, dense=self.dense, on_error=self.on_error, seed=seed
        )

    def evaluation(self, videos: VideoList, size: int, clips: int = 1, crops: int = 1) -> VideoDataset:
        """Evaluation views."""
        return VideoDataset(
            videos, self.num_frames, size, dense=self.dense, clips=clips, crops=crops, on_error=self.on_error
        )

    def embed(self, model: VideoClassifier, videos: VideoList, progress: str | None = None) -> EmbeddedVideos:
        """One view of each video, encoded."""
        return embed_videos(model, self.evaluation(videos, model.size), num_workers=self.num_workers, progress=progress)


@dataclass
class Trained:
    """A cell's outcome: the model, its history, the classifier's rows before, and the test videos' embeddings after."""

    model: VideoClassifier
    fit: Fit
    initial_rows: Tensor
    test: EmbeddedVideos


def method_name(initialisation: str, frozen: bool) -> str:
    """As figures and records call it: "text, frozen"."""
    return f"{initialisation}, {'frozen' if frozen else 'trainable'}"


def methods(frozen: list[str], trainable: list[str]) -> dict[str, tuple[str, bool]]:
    """Names of the methods -> (initialisation, frozen).

    Raises:
        ValueError: an unknown initialisation, with the choices.
    """
    pairs = [(name, True) for name in frozen] + [(name, False) for name in trainable]
    for name, _ in pairs:
        if name not in INITIALISERS:
            raise ValueError(f"unknown initialisation {name!r}; choose from: {', '.join(INITIALISERS)}")
    return {method_name(name, is_frozen): (name, is_frozen) for name, is_frozen in pairs}


def train_and_test(
    clip: Clip,
    train: VideoList,
    test: VideoList,
    config: TrainingConfig,
    clips: Clips,
    *,
    initialisation: str,
    frozen: bool,
    template: str,
    run_dir: Path,
    name: str,
    temporal: str = "mean",
    temporal_options: dict | None = None,
    test_every_epoch: bool = False,
    counted_classes: Sequence[int] | None = None,
    progress: bool = True,
) -> Trained:
    """Initialise a classifier of `train`'s classes, fine-tune, and embed `test`, whose classes must be the same.

    Args:
        clip: gives the image encoder and the class embeddings.
        train, test: videos.
        test_every_epoch, counted_classes: whether test accuracy joins the history, and of which classes (all if None).
        config: the recipe; its seed also draws the classifier's rows and new parameters.
        clips: how videos become clips.
        initialisation: a key of `classifier.INITIALISERS`.
        frozen: keep the classifier's rows.
        template: prompt template of the class embeddings.
        run_dir: checkpoints go to its folder `checkpoints`.
        name: of this cell, for checkpoint and progress bar.
        temporal: a key of `temporal.TEMPORAL`, with its `temporal_options`.
        progress: show a progress bar over epochs.

    Raises:
        ValueError: an unknown name, with the choices.
        CheckpointError, VideoError: see `fit`.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = VideoClassifier.from_clip(clip, temporal, seed=config.seed, **(temporal_options or {})).to(device)
    names, needs = train.names, {}
    if initialisation == "text":
        needs["class_embeddings"] = clip.class_embeddings(names, template)
    if initialisation == "lda":
        known = clips.embed(model, train)  # a video that is left out here is left out, and listed, in training too
        needs |= {"features": torch.nn.functional.normalize(known.mean, dim=-1), "labels": known.labels}
    rows = initialise(initialisation, len(names), model.dim, seed=config.seed, **needs)
    model.set_classifier(rows, frozen)

    counted = test if counted_classes is None else test.only(counted_classes)

    def test_accuracy(model: VideoClassifier) -> dict:
        return {"test_top1": accuracy(model, clips.embed(model, counted))[0]}

    outcome = fit(
        model,
        clips.training(train, model.size, config.seed),
        config,
        checkpoint_dir=run_dir / "checkpoints",
        name=name,
        after_epoch=test_accuracy if test_every_epoch else None,
        depends_on=counted.fingerprint() if test_every_epoch else None,
        progress=progress,
    )
    return Trained(model, outcome, rows, clips.embed(model, test))


@torch.no_grad()
def accuracy(
    model: VideoClassifier, videos: EmbeddedVideos, classes: Sequence[int] | None = None
) -> tuple[float, float]:
    """Top-1 and top-5 of the model's own classifier, in percent; only videos of `classes` count, if given."""
    scores = own_scores(model, videos)
    return tuple(topk_accuracy(scores, videos.labels, k, classes) for k in (1, 5))


@torch.no_grad()
def own_scores(model: VideoClassifier, videos: EmbeddedVideos) -> Tensor:
    """Logits (N, C) of the model's own classifier for the mean of each video's views, on the CPU."""
    return model.classifier(videos.mean.to(model.logit_scale.device), model.logit_scale).cpu()

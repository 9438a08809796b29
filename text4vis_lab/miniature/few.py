"""Few videos of every class, and Mini CLIP trained on them in seconds: for checks of training itself."""

import os
from pathlib import Path

import torch
from filelock import FileLock
from torch import Tensor, nn

from text4vis_core.data.datasets import VideoDataset, Views
from text4vis_core.data.formats.readers import load_videos
from text4vis_core.model.clip import load_clip
from text4vis_core.model.video_classifier import VideoClassifier
from text4vis_core.training.loop import fit
from text4vis_core.training.recipe import TrainingConfig

from ..frame_store import FrameStore
from .films import make_puppets
from .making import make

STORE = FrameStore(2000)  # of this process
RECIPE = {"batch_size": 16, "lr": 1e-3, "warmup_epochs": 1.0, "grad_clip": 1.0}


def few_videos(folder: Path, per_class: tuple[int, int], split: str, views: Views, seed: int = 0) -> VideoDataset:
    """So many videos of each of the 24 classes to train on and to test: 8 frames of 64 pixels, made where missing."""
    train, test = per_class
    with FileLock(folder / ".puppets.lock"):
        root = make_puppets(folder / f"puppets-{train}-{test}", 0, train, 0, test, workers=os.cpu_count() or 1)
    return VideoDataset(load_videos("puppets", root, split), 8, 64, views, seed=seed, store=STORE)


def mini_classifier(names: list[str]) -> VideoClassifier:
    """Mini CLIP, which is trained first where it is missing, with class embeddings as frozen rows."""
    clip = load_clip(str(make(parts=["mini_clip"], workers=os.cpu_count() or 1).clip))
    return VideoClassifier.from_clip(clip).set_classifier(clip.class_embeddings(names))


def train_few(folder: Path, per_class: tuple[int, int], name: str, **settings) -> VideoClassifier:
    """The same after a training; `settings` are those of `TrainingConfig`, checkpoints go to `folder/training`."""
    config = TrainingConfig(**(RECIPE | settings))
    dataset = few_videos(folder, per_class, "train", Views(training=True), config.seed)
    model = mini_classifier(dataset.videos.names)
    fit(model, dataset, config, checkpoint_dir=folder / "training", name=name, progress=False)
    return model


def weights(model: nn.Module) -> Tensor:
    """All of a model's parameters in a row, float64 on the CPU."""
    return torch.cat([parameter.detach().flatten().double().cpu() for parameter in model.parameters()])

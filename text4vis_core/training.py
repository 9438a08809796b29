"""Fine-tune a `VideoClassifier` towards its class embeddings, or together with its text tower.

    fit(model, dataset, TrainingConfig(epochs=30), checkpoint_dir="runs/x", name="text")

One epoch is a permutation of the videos drawn by (seed, epoch); a step is `batch_size` videos in `accumulate`
micro-batches; the loss is label cross-entropy, or for the objective "contrastive" that of `contrastive.py`. CLIP's
parameters move at `clip_lr_ratio` times the rate of everything new. The loop runs on CUDA in mixed precision where
there is a GPU, else on the CPU, from the same code.

All randomness is a function of (seed, epoch, index), so a run that was interrupted resumes after its last whole epoch
and ends with the same numbers. The checkpoint's name holds a fingerprint of everything that determines the run:
changed settings never meet an old checkpoint, and a run that was finished before returns at once.
"""

import hashlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

from .checkpoints import check_writable, load_checkpoint, save_checkpoint
from .datasets import VideoDataset, collate
from .evaluation import progress_bar
from .model import VideoClassifier, fingerprint
from .objectives import OBJECTIVES, ClassifierObjective, ContrastiveObjective, gather_rows
from .residual import recompute, stochastic_depth


@dataclass(frozen=True)
class TrainingConfig:
    """How to train. The defaults are the published recipe (Text4Vis, section 4.1), but for the options that are off.

    The release sets the rate at every tenth step; here it is set at every step, on the same curve.

    Attributes:
        epochs: passes over the videos.
        batch_size: videos per optimiser step, all micro-batches together.
        accumulate: micro-batches per step. In contrastive training a video meets the texts of its micro-batch only.
        lr: peak learning rate of new parameters (temporal module, trainable classifier).
        clip_lr_ratio: CLIP's parameters (image encoder, text tower, logit scale) move at this times `lr`.
        warmup_epochs: linear from zero to the peak; cosine to zero afterwards.
        weight_decay, betas, eps: of AdamW.
        grad_clip: largest gradient norm; None for no limit.
        label_smoothing: share of the target that all classes have evenly, in [0, 1).
        drop_path: rate of stochastic depth in the image encoder's last block, in [0, 1); it grows linearly from 0.
        gradient_checkpointing: compute the image encoder's blocks twice instead of keeping what is inside them. (The
            release always does.)
        objective: "classifier", or "contrastive", which trains `model.text_tower` too and needs no classifier.
        precision: "auto" (bf16 or fp16 mixed on CUDA, 32 bit on the CPU) or one of Fabric's.
        num_workers: processes that decode.
        seed: of the order of videos, their random clips and dropout.
    """

    epochs: int = 30
    batch_size: int = 256
    accumulate: int = 1
    lr: float = 5e-5
    clip_lr_ratio: float = 0.1
    warmup_epochs: float = 5
    weight_decay: float = 0.2
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    grad_clip: float | None = None
    label_smoothing: float = 0.0
    drop_path: float = 0.0
    gradient_checkpointing: bool = False
    objective: str = "classifier"
    precision: str = "auto"
    num_workers: int = 0
    seed: int = 0

    def __post_init__(self):
        for name in ("epochs", "batch_size", "accumulate"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.batch_size % self.accumulate:
            raise ValueError(f"accumulate {self.accumulate} does not divide batch_size {self.batch_size}")
        if not 0 <= self.warmup_epochs <= self.epochs:
            raise ValueError(f"warmup_epochs is {self.warmup_epochs}; it must lie between 0 and epochs, {self.epochs}")
        for name in ("label_smoothing", "drop_path"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 0 and less than 1")
        if self.objective not in OBJECTIVES:
            raise ValueError(f"unknown objective {self.objective!r}; choose from: {', '.join(OBJECTIVES)}")
        if self.objective == "contrastive" and self.label_smoothing:
            raise ValueError("label_smoothing is of the objective 'classifier'; set it to 0 for 'contrastive'")


@dataclass
class Fit:
    """What a training run left behind.

    Attributes:
        history: a row per epoch: epoch, loss, train_top1 (percent), lr, seconds (of training alone, cumulative), and
            what `after_epoch` returned.
        skipped: (path, reason) of videos that could not be decoded.
    """

    history: list[dict] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)


def warmup_cosine(epoch: float, total_epochs: float, warmup_epochs: float) -> float:
    """The learning rate's factor in [0, 1] at a fractional epoch: linear from zero, then cosine to zero."""
    if epoch < warmup_epochs:
        return epoch / warmup_epochs
    if total_epochs <= warmup_epochs:
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * (epoch - warmup_epochs) / (total_epochs - warmup_epochs)))


def parameter_groups(model: VideoClassifier, config: TrainingConfig) -> list[dict]:
    """AdamW's two groups: CLIP's parameters, and everything new; each remembers its peak rate.

    As in the release, whose groups go by name, the temporal convolutions inside the encoder ("control_point") are new,
    and its time embedding moves with the encoder. Weight decay is on all of them.
    """
    groups = {True: [], False: []}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            clips = name.split(".")[0] in ("visual", "text_tower", "logit_scale") and "control_point" not in name
            groups[clips].append(parameter)
    peaks = {True: config.lr * config.clip_lr_ratio, False: config.lr}
    return [{"params": groups[i], "lr": peaks[i], "peak_lr": peaks[i]} for i in (True, False) if groups[i]]


def fit(
    model: VideoClassifier,
    dataset: VideoDataset,
    config: TrainingConfig,
    *,
    checkpoint_dir: str | Path,
    name: str,
    after_epoch: Callable[[VideoClassifier], dict] | None = None,
    depends_on: Any = None,
    progress: bool = True,
) -> Fit:
    """Train a model in place.

    Args:
        model: with its classifier set, or for the objective "contrastive" its text tower; its classifier is then made
            of the tower's class embeddings, after every epoch anew.
        dataset: training clips (`training=True`).
        config: how.
        checkpoint_dir: where the checkpoint `<name>-<fingerprint>.pt` is written after every epoch.
        name: label of the run, for the checkpoint and the progress bar.
        after_epoch: called with the model in evaluation mode after every epoch; its numbers join the history.
        depends_on: plain values that `after_epoch` depends on, such as the test videos' fingerprint: part of the run's.
        progress: show a progress bar over epochs.

    Raises:
        RuntimeError: the model lacks the classifier, or the text tower, that the objective needs.
        ValueError: the image encoder does not allow `drop_path` or `gradient_checkpointing`.
        CheckpointError: the folder cannot be written to (before training), or a checkpoint is damaged.
        VideoError: a video cannot be decoded and the data set does not skip.
        FloatingPointError: the loss is no longer finite.
    """
    from lightning_fabric import Fabric

    cuda = torch.cuda.is_available()
    fabric = Fabric(accelerator="cuda" if cuda else "cpu", devices=1, precision=_precision(config.precision))
    contrastive = config.objective == "contrastive"
    if contrastive:
        objective = ContrastiveObjective(model, partial(gather_rows, fabric))
        model.set_classifier(model.text_tower.class_embeddings())
    else:
        objective = ClassifierObjective(model, config.label_smoothing)
    path = check_writable(checkpoint_dir) / f"{name}-{_run_fingerprint(model, dataset, config, depends_on)[:12]}.pt"

    fabric.launch()
    optimizer = torch.optim.AdamW(
        parameter_groups(model, config), betas=config.betas, eps=config.eps, weight_decay=config.weight_decay
    )
    objective, optimizer = fabric.setup(objective, optimizer)

    result, start = Fit(), 0
    if path.exists():
        state = load_checkpoint(path)
        model.load_state_dict(state["model"])
        result = Fit(state["history"], [tuple(pair) for pair in state["skipped"]])
        start = len(result.history)
        if start < config.epochs:
            optimizer.load_state_dict(state["optimizer"])

    epochs = range(start, config.epochs)
    for epoch in progress_bar(epochs, f"training {name}" if progress and epochs else None, unit="epoch", leave=False):
        begin = time.perf_counter()
        with stochastic_depth(model.visual, config.drop_path), recompute(model.visual, config.gradient_checkpointing):
            row = _train_epoch(fabric, objective, optimizer, dataset, config, epoch, result.skipped)
        elapsed = time.perf_counter() - begin
        model.eval()
        if contrastive:
            model.set_classifier(model.text_tower.class_embeddings())
        row["seconds"] = elapsed + (result.history[-1]["seconds"] if result.history else 0.0)
        result.history.append(row | (after_epoch(model) if after_epoch else {}))
        state = {"model": model.state_dict(), "history": result.history, "skipped": result.skipped}
        if epoch + 1 < config.epochs:  # a finished run needs no optimiser, which is two thirds of the file
            state["optimizer"] = optimizer.state_dict()
        save_checkpoint(path, state)
    model.eval()
    return result


def _train_epoch(fabric, objective, optimizer, dataset, config: TrainingConfig, epoch: int, skipped: list) -> dict:
    """One pass over the videos: a permutation, cut into steps, cut into micro-batches."""
    dataset.epoch = epoch
    torch.manual_seed(int(np.random.SeedSequence([config.seed, epoch]).generate_state(1)[0]))
    order = np.random.default_rng([config.seed, epoch]).permutation(len(dataset)).tolist()
    steps = [order[i : i + config.batch_size] for i in range(0, len(order), config.batch_size)]
    micro = config.batch_size // config.accumulate
    batches = [step[i : i + micro] for step in steps for i in range(0, len(step), micro)]
    loader = fabric.setup_dataloaders(
        DataLoader(
            dataset,
            batch_sampler=batches,
            collate_fn=collate,
            num_workers=config.num_workers,
            pin_memory=fabric.device.type == "cuda",
        ),
        use_distributed_sampler=False,
    )
    loader = iter(loader)
    known = {path for path, _ in skipped}
    objective.train()
    loss_sum, correct, seen = 0.0, 0, 0
    for number, step in enumerate(steps):
        factor = warmup_cosine(epoch + number / len(steps), config.epochs, config.warmup_epochs)
        for group in optimizer.param_groups:
            group["lr"] = group["peak_lr"] * factor
        videos = 0
        for _ in range(math.ceil(len(step) / micro)):
            batch = next(loader)
            for index, reason in batch["errors"]:
                path = str(dataset.videos.videos[index].path)
                if path not in known:
                    known.add(path)
                    skipped.append((path, reason))
            if batch["frames"] is None:
                continue
            loss, right = objective(batch["frames"], batch["labels"], batch.get("targets"))
            count = len(batch["labels"])
            # The mean over the step's videos, however they fall into micro-batches; one left out counts as zero.
            fabric.backward(loss * count / len(step))
            loss_sum += loss.detach() * count
            correct += right.sum()
            videos += count
        seen += videos
        if videos == 0:
            continue
        if config.grad_clip is not None:
            # In fp16 the scaler skips a step whose gradients overflow; a loss that stays non-finite is told below.
            fabric.clip_gradients(objective, optimizer, max_norm=config.grad_clip, error_if_nonfinite=False)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    if seen == 0:
        raise ValueError(f"none of the {len(order)} training videos could be decoded; the first: {skipped[0][1]}")
    loss = float(loss_sum) / seen
    if not math.isfinite(loss):
        raise FloatingPointError(f"the loss is {loss} in epoch {epoch}; lower lr ({config.lr}) or set grad_clip")
    return {"epoch": epoch + 1, "loss": loss, "train_top1": 100 * float(correct) / seen, "lr": group["lr"]}


def _precision(precision: str) -> str:
    if precision != "auto":
        return precision
    if not torch.cuda.is_available():
        return "32-true"
    return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"


def _run_fingerprint(model: VideoClassifier, dataset: VideoDataset, config: TrainingConfig, depends_on: Any) -> str:
    """Everything that determines a run: architecture, weights, videos, clips, recipe, code, precision, threads."""
    from .results import code_fingerprint

    clips = {name: value for name, value in vars(dataset).items() if name not in ("videos", "epoch")}
    parts = [fingerprint(model), dataset.videos.fingerprint(), clips, asdict(config), code_fingerprint()]
    parts += [str(model), model.mean.tolist(), model.std.tolist(), depends_on]
    parts += [getattr(model.classifier, "frozen", None)]
    parts += [module.num_heads for module in model.modules() if isinstance(module, nn.MultiheadAttention)]
    parts += [_precision(config.precision), torch.__version__, torch.get_num_threads()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

"""Fine-tune a `VideoClassifier` towards its class embeddings, or together with its text tower.

    fit(model, dataset, TrainingConfig(epochs=30), checkpoint_dir="runs/x", name="text")

All randomness is a function of (seed, epoch, step) or of (seed, epoch, index). So the state of a run is its weights,
the optimiser and how far it is: one that was interrupted goes on after its last checkpoint, inside an epoch too, and
ends with the same numbers; W processes (`processes.py`) take the steps that one would. The checkpoint's name holds a
fingerprint of everything that determines the run: changed settings never meet an old checkpoint, and a run that was
finished before returns at once.

B videos of a micro-batch, T frames, S pixels, C classes.
"""

import hashlib
import json
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..data import transforms
from ..data.datasets import VideoDataset
from ..data.loader import load_batches
from ..files import CheckpointError, check_writable, code_fingerprint, file_digest, remove_unfinished
from ..model.residual import StochasticDepth, recompute, stochastic_depth
from ..model.video_classifier import VideoClassifier, fingerprint
from ..processes import gather_objects, progress_bar, rank, world
from . import hardware
from .objectives import ClassifierObjective, ContrastiveObjective, gather_rows
from .recipe import TrainingConfig, parameter_groups, warmup_cosine
from .resume import last_good, load_newest, save_checkpoint

# Of a `TrainingConfig`: how a run is done, which changes none of its numbers.
WITHOUT_EFFECT = ("num_workers", "timeout", "checkpoint_steps")
CODE = code_fingerprint(Path(__file__).parents[1])  # as it is loaded, whatever is edited meanwhile


@dataclass
class Fit:
    """What a training run left behind.

    Attributes:
        history: a row per epoch: epoch, loss, train_top1 (percent), lr, seconds (of training alone, cumulative), and
            what `after_epoch` measured.
        skipped: (path, reason) of videos that could not be decoded.
        not_compiled: why the model was trained as it is although `compile` was asked for; else empty.
    """

    history: list[dict] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    not_compiled: str = ""


@dataclass(frozen=True)
class AfterEpoch:
    """What is measured after every epoch.

    Attributes:
        measure: from the model, in evaluation mode, to numbers that join the history.
        depends_on: plain values that they depend on, such as the test videos' fingerprint: part of the run's.
    """

    measure: Callable[[VideoClassifier], dict]
    depends_on: Any = None


def fit(
    model: VideoClassifier,
    dataset: VideoDataset,
    config: TrainingConfig,
    *,
    checkpoint_dir: str | Path,
    name: str,
    after_epoch: AfterEpoch | None = None,
    progress: bool = True,
) -> Fit:
    """Train a model in place; on several processes, in all of them.

    Args:
        model: with its classifier set, or for the objective "contrastive" its text tower; its classifier is then made
            of the tower's class embeddings, after every epoch anew.
        dataset: training clips (`Views(training=True)`).
        config: how.
        checkpoint_dir: of `<name>-<fingerprint>.pt`, beside which the one before is kept until the run is finished.
        name: label of the run, for the checkpoint and the progress bar.
        after_epoch: what is measured after every epoch; None for nothing.
        progress: show a progress bar over steps, with what each epoch gave.

    Raises:
        RuntimeError: the model lacks the classifier, or the text tower, that the objective needs.
        ValueError: the image encoder does not allow `drop_path` or `gradient_checkpointing`.
        CheckpointError: one cannot be written (named before training), is not whole, or is not the same for all.
        VideoError: a video cannot be decoded and the data set does not skip.
        FloatingPointError: the loss is no longer finite.
    """
    fabric = hardware.make_fabric(precision=config.precision, strategy=config.strategy)
    contrastive = config.objective == "contrastive"
    if contrastive:
        objective: Any = ContrastiveObjective(model, partial(gather_rows, fabric))
        model.set_classifier(model.text_tower.class_embeddings())
    else:
        objective = ClassifierObjective(model, config.label_smoothing)
    key = _run_fingerprint(model, dataset, config, after_epoch.depends_on if after_epoch else None)
    path = check_writable(checkpoint_dir) / f"{name}-{key[:12]}.pt"

    fabric.launch()
    objective = fabric.setup_module(objective)
    optimizer = fabric.setup_optimizers(hardware.make_optimizer(parameter_groups(model, config), config))
    run = _Run(fabric, objective, model, optimizer, dataset, config, path)
    run.resume()
    about = f"training {name}" if rank() == 0 and run.epoch < config.epochs else None
    steps = range(config.epochs * run.steps_per_epoch)
    bar = progress_bar(steps, about, unit="step", leave=False, disable=not progress)
    if about:
        bar.update(run.epoch * run.steps_per_epoch + run.step)
        run.tick = bar.update
    with (
        stochastic_depth(model.visual, config.drop_path) as run.depth,
        recompute(model.visual, config.gradient_checkpointing),
    ):
        while run.epoch < config.epochs:
            row = run.train_epoch()
            model.eval()
            if contrastive:
                model.set_classifier(model.text_tower.class_embeddings())
            run.fit.history.append(row | (after_epoch.measure(model) if after_epoch else {}))
            if about:
                bar.set_postfix(run.fit.history[-1])
            run.begin_epoch(run.epoch + 1)
            run.save()
    if about:
        bar.close()
    model.eval()
    return run.fit


class _Run:
    """A training run between two steps: everything that changes, and how it is saved and taken up again."""

    def __init__(self, fabric, objective, model, optimizer, dataset, config: TrainingConfig, path: Path):
        self.fabric, self.objective, self.model, self.optimizer = fabric, objective, model, optimizer
        self.dataset, self.config, self.path = dataset, config, path
        self.steps_per_epoch = math.ceil(len(dataset) / config.batch_size)
        self.multi_label = dataset.videos.multi_label
        self.depth: StochasticDepth
        self.tick: Callable[[], Any] = int
        self.untried, self.damaged = config.compile, False  # `damaged`: whether the file at `path` is
        self.fit, self.seconds = Fit(), 0.0
        self.begin_epoch(0)

    def begin_epoch(self, epoch: int) -> None:
        """Be before the first step of an epoch."""
        self.epoch, self.step = epoch, 0
        # Loss, videos that were got right, videos: of this epoch and all processes.
        self.sums = torch.zeros(3, dtype=torch.float64, device=self.fabric.device)

    def save(self) -> None:
        """Write the checkpoint; to be called by all processes."""
        finished = self.epoch == self.config.epochs  # then nobody needs the optimiser, which is two thirds of the file
        state = hardware.full_state(self.fabric, self.model, None if finished else self.optimizer)
        skipped = _merged(self.fit.skipped)
        if rank() == 0:
            state |= {"history": self.fit.history, "skipped": skipped, "not_compiled": self.fit.not_compiled}
            state |= {"epoch": self.epoch, "step": self.step, "sums": self.sums.cpu(), "seconds": self.seconds}
            save_checkpoint(self.path, state, keep_last=not (finished or self.damaged))  # lest it displace a whole one
            if finished:
                last_good(self.path).unlink(missing_ok=True)
        self.fit.skipped, self.damaged = skipped, False

    def resume(self) -> None:
        """Go on from the newest checkpoint that is whole, if there is one."""
        if rank() == 0:
            remove_unfinished(self.path)
        state, self.damaged = load_newest(self.path)
        if len(set(map(str, gather_objects(state and [state["epoch"], state["step"]])))) > 1:
            raise CheckpointError(f"the processes see different files at {self.path}; put run_dir where all see it")
        if state is None:
            return
        hardware.load_full_state(self.fabric, state, self.model, self.optimizer if "optimizer" in state else None)
        self.fit = Fit(state["history"], [tuple(pair) for pair in state["skipped"]], state["not_compiled"])
        self.begin_epoch(state["epoch"])
        self.step, self.seconds, self.sums = state["step"], state["seconds"], state["sums"].to(self.fabric.device)
        if rank() == 0 and self.epoch == self.config.epochs:  # where it was killed before that
            last_good(self.path).unlink(missing_ok=True)

    def train_epoch(self) -> dict:
        """The steps that are left of an epoch: a permutation of the videos, cut into steps and micro-batches."""
        config, begin, before = self.config, time.perf_counter(), self.seconds
        self.dataset.epoch = self.epoch
        order = np.random.default_rng([config.seed, self.epoch]).permutation(len(self.dataset)).tolist()
        steps = [order[i : i + config.batch_size] for i in range(0, len(order), config.batch_size)][self.step :]
        micro = config.batch_size // config.accumulate
        steps = [[step[i : i + micro] for i in range(0, len(step), micro)] for step in steps]
        batches = self._batches([part for step in steps for part in step])
        self.objective.train()
        for step in steps:
            self._train_step(step, batches)
            self.step += 1
            self.seconds = before + time.perf_counter() - begin
            self.tick()
            due = config.checkpoint_steps and self.step % config.checkpoint_steps == 0
            if due and self.step < self.steps_per_epoch:
                self.save()
        loss, right, seen = self.sums.tolist()
        self.seconds = before + time.perf_counter() - begin
        if seen == 0:
            first = _merged(self.fit.skipped)[0][1]
            raise ValueError(f"none of the {len(order)} training videos could be decoded; the first: {first}")
        if not math.isfinite(loss):
            remedy = f"lower lr ({config.lr}) or set grad_clip"
            raise FloatingPointError(f"the loss is {loss / seen} in epoch {self.epoch}; {remedy}")
        measured = {"epoch": self.epoch + 1, "loss": loss / seen, "train_top1": 100 * right / seen}
        return measured | {"lr": max(group["lr"] for group in self.optimizer.param_groups), "seconds": self.seconds}

    def _train_step(self, step: list[list[int]], batches: Iterator[dict | None]) -> None:
        """One step of the optimiser."""
        config, videos = self.config, sum(map(len, step))
        factor = warmup_cosine(self.epoch + self.step / self.steps_per_epoch, config.epochs, config.warmup_epochs)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak_lr"] * factor
        torch.manual_seed(int(np.random.SeedSequence([config.seed, self.epoch, self.step]).generate_state(1)[0]))
        sums = torch.zeros_like(self.sums)
        for number in range(1, len(step) + 1):
            batch = next(batches)
            if batch is None:
                continue
            self.depth.draw(config.seed, self.epoch, batch["indices"], batch["frames"].shape[1])
            inputs = self._inputs(batch)
            if self.untried:
                self.untried = False
                self.objective, self.fit.not_compiled = hardware.compiled(self.fabric, self.objective, inputs)
                if why := self.fit.not_compiled:
                    warnings.warn(f"the model is trained as it is, not compiled: {why}", stacklevel=4)
            with self.fabric.no_backward_sync(self.objective, enabled=number < len(step)):
                loss, right = self.objective(**inputs)
                # The mean over the step's videos, however they fall into micro-batches and processes, over which the
                # gradients are averaged; a video that is left out counts as zero.
                self.fabric.backward(loss * world() / videos)
            real = inputs["labels"] >= 0
            sums += torch.stack([loss.detach().double(), right.sum().double(), real.sum().double()])
        if world() > 1:
            sums = self.fabric.all_reduce(sums, reduce_op="sum")
        self.sums += sums
        # Only a data set that skips can leave nothing to learn from; else the device is not waited for.
        if self.dataset.on_error == "skip" and sums[2] == 0:
            self.optimizer.zero_grad(set_to_none=True)
            return
        if config.grad_clip is not None:
            # In fp16 the scaler skips a step whose gradients overflow; a loss that stays non-finite is told at the end.
            hardware.clip_gradients(self.fabric, self.optimizer, config.grad_clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def _batches(self, parts: list[list[int]]) -> Iterator[dict | None]:
        """This process's share of each micro-batch, filled up to the largest share; None where there is no video."""
        shares = [part[rank() :: world()] for part in parts]
        loaded = load_batches(
            self.dataset,
            [share for share in shares if share],
            self.config.num_workers,
            pin_memory=self.fabric.device.type == "cuda",
            timeout=self.config.timeout,
        )
        known = {path for path, _ in self.fit.skipped}
        for part, share in zip(parts, shares, strict=True):
            batch = next(loaded) if share else None
            for index, reason in batch["errors"] if batch else ():
                path = str(self.dataset.videos.videos[index].path)
                if path not in known:
                    known.add(path)
                    self.fit.skipped.append((path, reason))
            if batch and batch["frames"] is None:
                batch = None
            # Processes must go through the model together, with or without videos of their own.
            yield batch if world() == 1 else self._filled(batch, math.ceil(len(part) / world()))

    def _filled(self, batch: dict | None, size: int) -> dict:
        """A batch of `size` rows, the last of which are no videos: label -1, black frames."""
        dataset = self.dataset
        if batch is None:
            shape = (0, dataset.num_frames, 3, dataset.size, dataset.size)
            batch = {"frames": torch.zeros(shape, dtype=torch.uint8), "finish": torch.zeros(0, 4)}
            batch |= {name: torch.zeros(0, dtype=torch.int64) for name in ("labels", "indices")}
            if self.multi_label:
                batch["targets"] = torch.zeros(0, len(dataset.videos.classes))
        missing = size - len(batch["labels"])
        if not missing:
            return batch
        rows = {name: value for name, value in batch.items() if isinstance(value, Tensor)}
        empty = {name: value.new_zeros(missing, *value.shape[1:]) for name, value in rows.items()}
        empty["labels"] -= 1
        return {name: torch.cat([value, empty[name]]) for name, value in rows.items()}

    def _inputs(self, batch: dict) -> dict[str, Tensor]:
        """What the objective is called with, on the device, where the augmentation ends."""
        needed = [name for name in ("frames", "labels", "targets") if name in batch]
        moved = {name: batch[name].to(self.fabric.device, non_blocking=True) for name in needed}
        moved["frames"] = transforms.finish(moved["frames"], batch["finish"])
        return moved


def _merged(skipped: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """The videos that any process skipped, each once."""
    return list(dict.fromkeys(tuple(pair) for part in gather_objects(skipped) for pair in part))


def _run_fingerprint(model: VideoClassifier, dataset: VideoDataset, config: TrainingConfig, depends_on: Any) -> str:
    """Everything that determines a run: architecture, weights, videos, clips, recipe, code, precision, threads."""
    recipe = {name: value for name, value in asdict(config).items() if name not in WITHOUT_EFFECT}
    parts: list[Any] = [fingerprint(model), str(model), model.mean.tolist(), model.std.tolist()]
    parts += [getattr(model.classifier, "frozen", None), dataset.videos.fingerprint(), dataset.settings]
    parts += [dataset.on_error, recipe, CODE, depends_on]
    files = {getattr(sys.modules[kind.__module__], "__file__", None) for kind in dataset.made_by}
    parts += sorted(file_digest(Path(file)) for file in files if file)
    parts += [module.num_heads for module in model.modules() if isinstance(module, nn.MultiheadAttention)]
    parts += [hardware.resolved_precision(config.precision), torch.__version__, torch.get_num_threads(), world()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

"""Does training do the same on the device: few shots, after `kill -9`, in micro-batches, with a scaler."""

import os
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import multiprocessing

from text4vis_core.data.datasets import Views
from text4vis_core.evaluation.embedding import embed_videos
from text4vis_core.evaluation.protocols import zero_shot_accuracy
from text4vis_core.training.hardware import clip_gradients, make_fabric, make_optimizer
from text4vis_core.training.objectives import ClassifierObjective
from text4vis_core.training.recipe import TrainingConfig, parameter_groups
from text4vis_core.training.resume import load_checkpoint

from ..bench.measurement import Quantity, distance
from ..miniature.few import few_videos, mini_classifier, train_few, weights
from . import Check

APART = 1e-2  # of how far the weights moved: AdamW's first steps are as long for small gradients as for large ones
OVERFLOWING, USUAL = 2.0**120, 2.0**10  # scales of the loss


def few_shot(check: Check) -> Iterator[Quantity]:
    """Top-1 accuracy after few shots by three seeds, on the device in each precision and on the CPU."""
    with multiprocessing.get_context("spawn").Pool(1, _hide_gpus) as pool:
        on_cpu = pool.apply_async(_accuracies, (check, "32-true", "expected"))
        found = {name: _accuracies(check, name, check.device) for name in ("bf16-mixed", "16-mixed", "32-true")}
        expected = on_cpu.get()
    yield Quantity("few shots on the CPU, 32-true: top-1", expected, "%", "more")
    mean, tested = float(np.mean(expected)), 24 * check.few[1]
    # Of a mean over seeds, in 95 of 100 times: binomial, over the videos of one seed, for all are tested on the same.
    width = 1.96 * float(np.sqrt(max(mean * (100 - mean), 100) / tested))
    for precision, values in found.items():
        yield Quantity(f"few shots, {precision}: top-1", values, "%", "more")
        apart = abs(float(np.mean(values)) - mean)
        yield Quantity(f"few shots, {precision}: mean top-1 from the CPU's", [apart], "points", limit=width)


def _hide_gpus() -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""


def _accuracies(check: Check, precision: str, where: str) -> list[float]:
    dataset, found = few_videos(check.out, check.few, "test", Views()), []
    rows: Any = mini_classifier(dataset.videos.names).classifier
    for seed in range(check.size(3, 1)):
        model = train_few(check.out, check.few, where, epochs=check.size(6, 2), seed=seed, precision=precision)
        embedded = embed_videos(model, dataset)
        found.append(zero_shot_accuracy(embedded.mean, rows.weight, embedded.labels)["top1"])
    return found


def resume(check: Check) -> Iterator[Quantity]:
    """A training that is killed and taken up again, and one in micro-batches, against one as usual."""

    def train(name: str, **settings) -> torch.Tensor:
        return weights(train_few(check.out, check.few, name, epochs=check.size(6, 3), **settings)) - start

    start = weights(mini_classifier(["a", "b"]))
    whole = train("whole")
    yield Quantity("training again: weights, share of their way", [distance(train("again"), whole)], limit=APART)
    arguments, settings = (check.out, check.few, "killed"), {"epochs": check.size(6, 3), "checkpoint_steps": 1}
    process = multiprocessing.get_context("spawn").Process(target=train_few, args=arguments, kwargs=settings)
    process.start()
    while process.is_alive() and not list((check.out / "training").glob("killed-*.pt.last")):
        time.sleep(0.01)  # until there are two checkpoints: the first step moves nothing
    process.kill()
    process.join()
    [path] = (check.out / "training").glob("killed-*.pt")
    state = load_checkpoint(path)
    left = 1 - (state["epoch"] + state["step"] * 16 / (24 * check.few[0])) / check.size(6, 3)
    yield Quantity("kill -9: share of the training that was left", [left], "", "more", limit=1e-3)
    resumed = distance(train("killed", checkpoint_steps=1), whole)
    [path] = (check.out / "training").glob("killed-*.pt")  # else it was begun anew
    yield Quantity("resumed after kill -9: weights, share of their way", [resumed], limit=APART)
    exact, parts = (train("parts", precision="32-true", accumulate=number) for number in (1, 4))
    yield Quantity("four micro-batches: weights, share of their way", [distance(parts, exact)], limit=APART)


def scaler(check: Check) -> Iterator[Quantity]:
    """A step in fp16 whose gradients overflow is skipped and halves the scale; the next is taken."""
    for clip in (None, 1.0):
        config = TrainingConfig(precision="16-mixed", grad_clip=clip)
        fabric = make_fabric(precision=config.precision)
        scaling = getattr(fabric.strategy.precision, "scaler", None)  # none on the CPU, where Fabric takes bf16
        model = mini_classifier(["a", "b"]).train()
        objective = fabric.setup_module(ClassifierObjective(model))
        optimizer: Any = fabric.setup_optimizers(make_optimizer(parameter_groups(model, config), config))
        frames = torch.randint(0, 256, (2, 8, 3, 64, 64), dtype=torch.uint8, device=fabric.device)
        about = f"fp16, {'clipped' if clip else 'not clipped'}"
        for scale in (USUAL,) if scaling is None else (OVERFLOWING, USUAL):
            before = weights(model)
            loss, _ = objective(frames, torch.tensor([0, 1], device=fabric.device))
            if scaling is not None:
                scaling.scale(loss.detach())
                scaling.update(scale)
            fabric.backward(loss)
            if clip is not None:
                clip_gradients(fabric, optimizer, clip)
            optimizer.step()
            optimizer.zero_grad()
            moved = distance(weights(model), before)
            if scale == OVERFLOWING and scaling is not None:
                yield Quantity(f"{about}: movement by a step that overflows", [moved], limit=0)
                yield Quantity(f"{about}: scale after it, over before", [scaling.get_scale() / scale], limit=0.5)
            else:
                yield Quantity(f"{about}: a step that does not overflow moves (1: so)", [0 < moved < 1], "", "more", 1)

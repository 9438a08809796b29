"""Does training do the same on the device: few shots, after `kill -9`, in micro-batches, with a scaler."""

import copy
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, multiprocessing

from text4vis_core.data.datasets import Views
from text4vis_core.evaluation.embedding import embed_videos
from text4vis_core.evaluation.protocols import zero_shot_accuracy
from text4vis_core.files import CheckpointError
from text4vis_core.model.video_classifier import VideoClassifier
from text4vis_core.training.hardware import clip_gradients, make_fabric, make_optimizer
from text4vis_core.training.loop import Fit, fit
from text4vis_core.training.objectives import ClassifierObjective
from text4vis_core.training.recipe import TrainingConfig, parameter_groups
from text4vis_core.training.resume import load_checkpoint

from ..bench.measurement import Quantity
from ._inputs import APART, Check, classifier, distance, mini_clip, puppets

SEEDS = (0, 1, 2)
TRAINING = Views(training=True)
RESUMED, ACCUMULATED = 1e-2, 1e-3  # of how far the weights moved


def few_shot(check: Check) -> Iterator[Quantity]:
    """Top-1 accuracy of four shots by three seeds, on the CPU and on the device in each precision."""
    context = multiprocessing.get_context("spawn")
    results: dict[str, list[float]] = {}
    # The CPU's in a process that sees no GPU.
    with context.Pool(1, _hide_gpus) as pool:
        on_cpu = pool.apply_async(_accuracies, (check, "32-true"))
        for precision in ("bf16-mixed", "16-mixed", "32-true"):
            results[precision] = _accuracies(check, precision)
            yield Quantity(f"few shots, {precision}: top-1", results[precision], "%", "more")
        expected = on_cpu.get()
    yield Quantity("few shots, the CPU in 32-true: top-1", expected, "%", "more")
    mean = np.mean(expected) / 100
    # Of the mean over seeds, as 95 of 100 times: binomial, over the test videos of one seed, for seeds share them.
    width = 196 * np.sqrt(max(mean * (1 - mean), 0.01) / len(puppets(check, "test", Views()))).item()
    for precision, values in results.items():
        apart = abs(float(np.mean(values) - np.mean(expected)))
        yield Quantity(f"few shots, {precision}: mean top-1 from the CPU's", [apart], "points", limit=width)


def _hide_gpus() -> None:
    os.environ["CUDA_VISIBLE_DEVICES"] = ""


def _accuracies(check: Check, precision: str) -> list[float]:
    accuracies = []
    for seed in SEEDS[: check.size(3, 1)]:
        model, _ = trained(check, f"few-{precision}-{torch.cuda.is_available()}", seed=seed, precision=precision)
        found = embed_videos(model, puppets(check, "test", Views()))
        accuracies.append(zero_shot_accuracy(found.mean, model.classifier.weight.cpu(), found.labels)["top1"])
    return accuracies


def trained(check: Check, name: str, **settings) -> tuple[VideoClassifier, Fit]:
    """Mini CLIP after a training on few videos of each class; settings are those of `TrainingConfig`."""
    usual = {"epochs": check.size(6, 2), "batch_size": 16, "lr": 1e-3, "warmup_epochs": 1.0, "grad_clip": 1.0}
    config = TrainingConfig(**(usual | settings))
    dataset = puppets(check, "train", TRAINING, config.seed)
    model = classifier(mini_clip(), dataset.videos.names)
    done = fit(model, dataset, config, checkpoint_dir=check.out / "training", name=name, progress=False)
    return model, done


def moved(found: VideoClassifier, expected: VideoClassifier) -> float:
    """How far the weights of two trainings are apart, over how far the second's moved."""
    start = _weights(classifier(mini_clip(), ["a", "b"]))
    return distance(_weights(found) - start, _weights(expected) - start)


def _weights(model: VideoClassifier) -> Tensor:
    return torch.cat([parameter.detach().flatten().double().cpu() for parameter in model.parameters()])


def resume(check: Check) -> Iterator[Quantity]:
    """A training that is killed and taken up again, against one that was not, beside a repeat of that."""
    whole, _ = trained(check, "whole")
    again, _ = trained(check, "again")
    yield Quantity("training again: weights, share of their way", [moved(again, whole)], limit=RESUMED)
    process = multiprocessing.get_context("spawn").Process(target=_train_slowly, args=(check,))
    process.start()
    while process.is_alive() and not _begun(check.out / "training"):
        time.sleep(0.01)
    process.kill()
    process.join()
    [path] = (check.out / "training").glob("killed-*.pt")
    state = load_checkpoint(path)
    epoch = -(-len(puppets(check, "train", TRAINING)) // 16)
    left = (check.size(6, 2) - state["epoch"]) * epoch - state["step"]
    yield Quantity("kill -9: steps that were left", [left], "steps", "more", limit=1)
    resumed, _ = trained(check, "killed", checkpoint_steps=1)
    yield Quantity("resumed after kill -9: weights, share of their way", [moved(resumed, whole)], limit=RESUMED)


def _train_slowly(check: Check) -> None:
    trained(check, "killed", checkpoint_steps=1)


def _begun(folder: Path) -> bool:
    try:
        return any(load_checkpoint(path)["step"] for path in folder.glob("killed-*.pt"))
    except CheckpointError:
        return False


def steps(check: Check) -> Iterator[Quantity]:
    """Micro-batches against whole batches; a step whose gradients overflow in fp16."""
    whole, _ = trained(check, "whole", precision="32-true", grad_clip=None)
    parts, _ = trained(check, "parts", precision="32-true", grad_clip=None, accumulate=4)
    yield Quantity("four micro-batches: weights, share of their way", [moved(parts, whole)], limit=ACCUMULATED)
    for clip in (None, 1.0):
        config = TrainingConfig(precision="16-mixed", grad_clip=clip)
        fabric = make_fabric(precision=config.precision)
        scaler = getattr(fabric.strategy.precision, "scaler", None)
        model = classifier(mini_clip(), ["a", "b"]).train()
        objective = fabric.setup_module(ClassifierObjective(model))
        optimizer = fabric.setup_optimizers(make_optimizer(parameter_groups(model, config), config))
        frames = torch.randint(0, 256, (2, 8, 3, 64, 64), dtype=torch.uint8, device=fabric.device)
        for scale in (2.0**120, 2.0**10):
            before = copy.deepcopy(model)
            loss, _ = objective(frames, torch.tensor([0, 1], device=fabric.device))
            if scaler is not None:
                scaler.scale(loss.detach())
                scaler.update(scale)
            fabric.backward(loss)
            if clip is not None:
                clip_gradients(fabric, optimizer, clip)
            optimizer.step()
            optimizer.zero_grad()
            share = distance(_weights(model), _weights(before))
            about = f"fp16{', gradients clipped' if clip else ''}"
            if scale > SKIPPED and scaler is not None:
                yield Quantity(f"{about}: movement by a step that overflows", [share], limit=0)
                yield Quantity(f"{about}: scale after it, over before", [scaler.get_scale() / scale], limit=0.5)
            else:
                yield Quantity(f"{about}: movement by a step that does not", [share], "", "more", limit=1e-9)
                yield Quantity(f"{about}: movement, finite", [share], limit=APART / 2)


SKIPPED = 2.0**60

"""One budget and one protocol for every method of the frozen encoder.

    tune         each method's trials on the validation embeddings, over a few draws of few shots     recipes.py
    tournament   each method on many draws, with what was chosen and validation-free; the test, once  rows and ranks

Draws are independent of each other, and are shared out to processes; each computes with one thread, so that the
numbers are the same on any number of them.
"""

import os
import re
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from text4vis_core.evaluation.metrics import topk_accuracy
from text4vis_core.processes import progress_bar

from ...scores import Ranks, ranks_of
from ..features import Features
from ..methods import SETTINGS
from ..recipes import Chosen, chosen_for
from .method import FrozenMethod, Problem, methods

TUNING_SEED = 1000  # of the first draw on which is tuned; results begin at 0
VIEW = "1 view"

_features: Features | None = None  # of a worker process


@dataclass(frozen=True)
class Draw:
    """Few shots, and what is fitted on them.

    Attributes:
        shots: K, items per class; 0 for all.
        seed: of the draw, and of everything random in the methods.
        fits: (name of the method, its settings), each of which is fitted.
        split: that is scored: "val" or "test".
    """

    shots: int
    seed: int
    fits: tuple[tuple[str, dict[str, Any]], ...]
    split: str = "test"


@dataclass(frozen=True)
class Fitted:
    """What came out of a fit.

    Attributes:
        ranks: uint16 (M,), of the true class of each scored item, from 0.
        train_loss: cross-entropy on the labelled items.
        train_top1: accuracy on them in percent.
    """

    ranks: np.ndarray
    train_loss: float
    train_top1: float

    @property
    def top1(self) -> float:
        """Accuracy on the scored items in percent."""
        return 100 * float((self.ranks == 0).mean())


@dataclass
class Tuning:
    """What came out of all trials.

    Attributes:
        rows: method, shots, its settings as text and as they are ("given"), the mean accuracy on the validation
            embeddings in percent, and the trial's cells, one for each draw.
        ranks: cell -> uint16 (M,), of the validation items.
        draws: cell -> shots and seed of `Features.draw`.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    ranks: dict[str, np.ndarray] = field(default_factory=dict)
    draws: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass
class Tournament:
    """What came out of all of it.

    Attributes:
        rows: see `rows.COLUMNS`; a method without choices has one cell, and a row in either setting.
        ranks: cell -> uint16 (M,).
        draws: cell -> shots and seed of `Features.draw`, of methods that see labelled items.
        classes, names, labels: of the tested items.
    """

    classes: int
    names: Sequence[str]
    labels: np.ndarray
    rows: list[dict[str, Any]] = field(default_factory=list)
    ranks: dict[str, np.ndarray] = field(default_factory=dict)
    draws: dict[str, tuple[int, int]] = field(default_factory=dict)


def fit(features: Features, draw: Draw) -> list[Fitted]:
    """Fit every method of a draw, and score a split's items by it."""
    problem, found = Problem.of(features, draw.shots, draw.seed), []
    scored = getattr(features, draw.split)
    for name, settings in draw.fits:
        [method] = methods([name])
        scorer = method.function(problem, **settings)
        with torch.no_grad():
            own, others = scorer(problem.items).cpu(), scorer(scored).cpu()
        if not (own.isfinite().all() and others.isfinite().all()):
            raise ValueError(f"method {name!r} with {settings} gives scores that are not finite: lower its rate")
        labels = problem.items.labels.cpu()
        loss = float(F.cross_entropy(own, labels))
        found.append(Fitted(ranks_of(others, scored.labels.cpu()), loss, topk_accuracy(own, labels)))
    return found


def tune(
    features: Features, wanted: Sequence[FrozenMethod], shots: Sequence[int], draws: int = 3, workers: int = 0
) -> tuple[Chosen, "Tuning"]:
    """Choose each method's settings on the validation embeddings, at each number of shots.

    Args:
        features: of which the test is not opened.
        wanted: methods; those without trials are left out.
        shots: numbers of shots.
        draws: over which a trial's accuracy is averaged, with seeds 1000, 1001, ...
        workers: processes; 0 for one per core.

    Returns:
        For each method and number of shots the settings of the best trial, with "validation" in percent; and what came
        out of every trial.
    """
    tried = [(method.name, settings) for method in wanted for settings in method.grid if method.trials]
    plan = [Draw(k, TUNING_SEED + i, tuple(tried), "val") for k in shots for i in range(draws)]
    found = _shared_out(features, plan, workers, "tuning")
    recipes: Chosen = {}
    result = Tuning()
    for k in shots:
        drawn = [(draw, out) for draw, out in found if draw.shots == k]
        for number, (name, settings) in enumerate(tried):
            cells = {_cell(name, f"trial{number}", draw): out[number].ranks for draw, out in drawn}
            accuracy = float(np.mean([out[number].top1 for _, out in drawn]))
            result.ranks |= cells
            result.draws |= {cell: (draw.shots, draw.seed) for cell, (draw, _) in zip(cells, drawn, strict=True)}
            row = {"method": name, "shots": k, "settings": shown(settings), "validation": accuracy}
            result.rows.append(row | {"given": settings, "cells": [*cells]})
            best = recipes.setdefault(name, {}).get(k)
            if best is None or accuracy > best["validation"]:
                recipes[name][k] = settings | {"validation": accuracy}
    for by_shots in recipes.values():
        for chosen in by_shots.values():
            chosen["validation"] = round(chosen["validation"], 2)
    return recipes, result


def tournament(
    features: Features,
    wanted: Sequence[FrozenMethod],
    shots: Sequence[int],
    seeds: Sequence[int],
    recipes: Chosen | None,
    workers: int = 0,
) -> Tournament:
    """Fit every method on every draw in both settings, and score the test's items.

    Args:
        features: a data set's embeddings.
        wanted: methods.
        shots: numbers of shots.
        seeds: each draws its own items, and the methods' random numbers.
        recipes: what was chosen, see `tune`; None for the validation-free setting alone.
        workers: processes; 0 for one per core.

    Raises:
        ValueError: no recipe for a method and number of shots, or scores that are not finite.
    """
    jobs: dict[tuple[int, int], list[_Job]] = {}
    for method in wanted:
        for k in shots if method.sees else [0]:
            alike = not method.sees or (features.is_all(k) and not method.draws)  # whatever the seed
            for seed in seeds[:1] if alike else seeds:
                stands_for = tuple(seeds) if alike else (seed,)
                jobs.setdefault((k, seed), []).extend(_jobs(method, k, stands_for, recipes))
    plan = [Draw(k, seed, tuple((job.method.name, job.given) for job in some)) for (k, seed), some in jobs.items()]
    labels = features.test.labels.cpu().numpy()
    result = Tournament(len(features.classes), features.test.names, labels)
    for draw, out in _shared_out(features, plan, workers, "draws"):
        for job, fitted in zip(jobs[draw.shots, draw.seed], out, strict=True):
            _add(result, job, draw, fitted)
    return result


def shown(settings: dict[str, Any]) -> str:
    """Settings as text: "lr 0.001, alpha 3"."""
    return ", ".join(f"{name} {value:g}" for name, value in settings.items())


@dataclass(frozen=True)
class _Job:
    method: FrozenMethod
    given: dict[str, Any]  # its settings
    settings: tuple[str, ...]  # of `SETTINGS`, for which the fit stands
    seeds: tuple[int, ...]  # the same


def _jobs(method: FrozenMethod, shots: int, seeds: tuple[int, ...], recipes: Chosen | None) -> list[_Job]:
    if not method.trials:
        return [_Job(method, dict(method.fixed), SETTINGS if recipes is not None else SETTINGS[1:], seeds)]
    found = [_Job(method, dict(method.fixed), SETTINGS[1:], seeds)]
    if recipes is not None:
        found.append(_Job(method, chosen_for(recipes, method.name, shots), SETTINGS[:1], seeds))
    return found


def _add(result: Tournament, job: _Job, draw: Draw, fitted: Fitted) -> None:
    method = job.method
    cell = _cell(method.name, "-".join(job.settings) if method.trials else "", draw if method.sees else None)
    result.ranks[cell] = fitted.ranks
    result.draws |= {cell: (draw.shots, draw.seed)} if method.sees else {}
    row: dict[str, Any] = {"cell": cell, "test": "test", "view": VIEW, "method": method.name, "role": method.role}
    row |= {"frozen": True, "classes": result.classes, "videos": len(fitted.ranks)}
    row |= Ranks(result.names, result.labels, fitted.ranks).metrics()
    if method.sees:
        row |= {"train_loss": fitted.train_loss, "train_top1": fitted.train_top1, "shots": draw.shots}
    for setting in job.settings:
        for of_seed in [{"seed": seed} for seed in job.seeds] if method.sees else [{}]:
            result.rows.append(row | of_seed | {"setting": setting})


def _cell(method: str, fit: str, draw: Draw | None) -> str:
    named = [method, fit, *([f"shots{draw.shots}", f"seed{draw.seed}"] if draw else [])]
    return re.sub(r"[^\w.]+", "-", "-".join(filter(None, named))).strip("-")


def _shared_out(features: Features, plan: Sequence[Draw], workers: int, about: str) -> list[tuple[Draw, list[Fitted]]]:
    """The draws with what came out of each, in their order."""
    workers = min(workers or _cores(), len(plan))
    if workers <= 1 or features.test.rows.is_cuda:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            outs = [fit(features, draw) for draw in progress_bar(plan, about, unit="draw")]
        finally:
            torch.set_num_threads(threads)
        return list(zip(plan, outs, strict=True))
    longest = sorted(range(len(plan)), key=lambda i: -plan[i].shots)  # first, so that none waits for the last
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _begin, (features,))
    with pool:
        waiting = {i: pool.submit(_fit_here, plan[i]) for i in longest}
        outs = [waiting[i].result() for i in progress_bar(range(len(plan)), about, unit="draw")]
    return list(zip(plan, outs, strict=True))


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _begin(features: Features) -> None:
    global _features
    torch.set_num_threads(1)
    _features = features


def _fit_here(draw: Draw) -> list[Fitted]:
    assert _features is not None
    return fit(_features, draw)

"""Loggers that people have, told of every epoch of every training: the setting `loggers`.

CSV files and TensorBoard by Lightning Fabric's own loggers; Weights & Biases, MLflow and Trackio by a class of their
kind (W&B's own needs all of Lightning, the others offer none). What they are told is in the run's record as well, and
no number depends on them. Where a library sends it, its own environment variables decide, as WANDB_MODE or
MLFLOW_TRACKING_URI do.
"""

import functools
import importlib
from argparse import Namespace
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lightning_fabric.loggers import CSVLogger, Logger, TensorBoardLogger

from text4vis_core.processes import rank

from .progress import tell, watched_bars

# What each needs; one of them is enough.
LOGGERS: dict[str, tuple[str, ...]] = {
    "csv": (),
    "tensorboard": ("tensorboard", "tensorboardX"),
    "wandb": ("wandb",),
    "mlflow": ("mlflow",),
    "trackio": ("trackio",),
}
PROJECT = "text4vis-lab"


def check_loggers(names: Sequence[str]) -> None:
    """Raise a ValueError that names the package, where one is asked for whose library is not installed."""
    for name in names:
        needed = LOGGERS[name]
        if needed and not any(find_spec(package) for package in needed):
            remedy = f"pip install {needed[0]}, or leave it out"
            raise ValueError(f"parameter loggers: {name!r} needs the package {needed[0]}, which is not here: {remedy}")


def make_loggers(names: Sequence[str], run_dir: Path, training: str, facts: dict[str, Any]) -> list[Logger]:
    """A logger of each name, of one training.

    Args:
        names: keys of `LOGGERS`.
        run_dir: the run's folder: files go to its `logs` and `tensorboard`.
        training: its name.
        facts: plain values that tell it from others, for those that have a place for them.
    """
    made: list[Logger] = []
    for name in names:
        if name == "csv":
            made.append(CSVLogger(run_dir, "logs", training, flush_logs_every_n_steps=1))
        elif name == "tensorboard":
            made.append(TensorBoardLogger(run_dir, "tensorboard", training))
        else:
            made.append(_Tracker(name, run_dir, training, facts))
    return made


class _Tracker(Logger):
    """A library with a client: Weights & Biases, Trackio, which is called in the same way, or MLflow."""

    def __init__(self, library: str, run_dir: Path, training: str, facts: dict[str, Any]):
        module = importlib.import_module(library)
        self._name = training
        self._log: Callable[..., Any]
        self._finish: Callable[[bool], Any]
        group = f"{run_dir.parent.name}/{run_dir.name}"
        if library == "mlflow":
            client = module.MlflowClient()
            found = client.get_experiment_by_name(PROJECT)
            experiment = found.experiment_id if found else client.create_experiment(PROJECT)
            number = client.create_run(experiment, run_name=training, tags={"run": group}).info.run_id
            for key, value in facts.items():
                client.log_param(number, key, value)
            self._log = lambda metrics, step: [
                client.log_metric(number, key, value, step=step) for key, value in metrics.items()
            ]
            self._finish = lambda well: client.set_terminated(number, "FINISHED" if well else "FAILED")
        else:
            more = {"dir": str(run_dir)} if library == "wandb" else {}
            run = module.init(project=PROJECT, name=training, group=group, config=facts, **more)
            self._log = run.log
            self._finish = (lambda well: run.finish(0 if well else 1)) if library == "wandb" else lambda _: run.finish()

    @property
    def name(self) -> str:
        return PROJECT

    @property
    def version(self) -> str:
        return self._name

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        self._log(metrics, step=step)

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """They were given to `__init__`."""

    def finalize(self, status: str) -> None:
        self._finish(status == "success")


def told(train_and_test: Callable) -> Callable:
    """The same function of a cell, source, clips and run's folder, whose epochs the run and its loggers are told of."""

    @functools.wraps(train_and_test)
    def telling(cell: Any, source: Any, clips: Any, run_dir: Path, progress: bool) -> Any:
        if rank() or not cell.fine_tune:
            return train_and_test(cell, source, clips, run_dir, progress)
        loggers: list[Logger] = []

        def on_epoch(row: dict[str, Any]) -> None:
            step = row["epoch"]
            if not loggers:  # at the first epoch: a training that was finished before logs nothing
                later = f"-from-epoch-{step}" if step > 1 else ""  # its own name: a CSV file would be begun anew
                facts = {"epochs": cell.recipe.epochs, "lr": cell.recipe.lr} | cell.columns
                loggers.extend(make_loggers(clips.loggers, run_dir, cell.training + later, facts))
            for logger in loggers:
                logger.log_metrics({name: value for name, value in row.items() if name != "epoch"}, step=step)

        tell(run_dir, "training", cell=cell.training, epochs=cell.recipe.epochs)
        status = "failed"
        try:
            with watched_bars(run_dir, [on_epoch] if clips.loggers else []):
                result = train_and_test(cell, source, clips, run_dir, progress)
            status = "success"
        finally:
            for logger in loggers:
                logger.finalize(status)
        return result

    return telling

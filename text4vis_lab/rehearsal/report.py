"""What a rehearsal says: a row per run, with what was measured, what is missing here, and what was reduced."""

import math
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

import torch

from text4vis_core.data.formats.readers import load_videos
from text4vis_core.files import first_line

from ..published import published_result
from ..suites import Run, table
from .hours import hours_of
from .plan import VIEWS, Plan
from .settings import folds_of, settings_of, splits_of

COLUMNS = {  # heading -> key of a row, digits after the point
    "parameters (M)": ("parameters", 0),
    "memory (GB)": ("peak_gb", 1),
    "GPU memory (GB)": ("gpu_peak_gb", 1),
    "s/step": ("step", 1),
    "s/test video": ("test_video", 2),
    "hours": ("hours", 1),
}
NOTE = """\
  s/step, s/test video, hours: extrapolated from the rehearsed part to the published configuration, on this machine.
  Steps of fewer videos than published have the optimiser's share counted for each: s/step and hours are then too high.
  memory: the most that the process held, its decoding workers aside. published: not measured here."""


def row(run: Run, plan: Plan, measured: dict[str, Any], first: Run, lead: Run | None) -> dict[str, Any]:
    """A run's row: what was measured for it, or for another, scaled to its published configuration.

    Args:
        run: of the suite.
        plan: how much of it was rehearsed.
        measured: `measure.measure`'s, with `status` and `error`.
        first: the run that was rehearsed for it.
        lead: the run whose rehearsal was whole, where that of `first` was brief.
    """
    settings = settings_of(run)
    scale = settings["num_frames"] / plan.frames
    train, view = measured.get("train_video"), measured.get("view")
    train = None if train is None else train * scale
    test_video = None if view is None else view * scale * settings["clips"] * settings["crops"]
    paper = published_result(settings.get("published", ""))
    return {
        "run": run.name,
        "published": f"{paper['metric']} {paper['value']} {paper['unit']}" if paper else "",
        "model": settings["model"],
        "status": measured["status"],
        "error": measured["error"],
        "parameters": measured["parameters"] / 1e6 if "parameters" in measured else None,
        "peak_gb": measured.get("peak_gb"),
        "gpu_peak_gb": measured.get("gpu_peak_gb"),
        "step": None if train is None else train * settings["batch_size"],
        "test_video": test_video,
        "hours": None if test_video is None else hours_of(run, train, test_video),
        "resume_difference": measured.get("resume_difference"),
        "missing": "; ".join(_missing(run, settings, measured)),
        "left_out": ", ".join(_left_out(settings, plan, measured, first)),
        "same_as": _same_as(run, first, lead),
        "plan": asdict(plan),
    }


def text_of(record: dict[str, Any]) -> str:
    """The record as a table, and below it what failed, what is missing and what was reduced."""
    rows = []
    for each in record["rows"]:
        numbers = [(each[key], digits) for key, digits in COLUMNS.values()]
        shown = ["-" if number is None else f"{number:,.{digits}f}" for number, digits in numbers]
        rows.append([each["run"], each["status"], each["published"] or "-", *shown])
    ok = sum(each["status"] == "ok" for each in record["rows"])
    hardware = record["provenance"]["hardware"]
    parts = [
        f"Rehearsal of {record['suite']} ({hardware['threads']} threads, {hardware['gpu'] or 'no GPU'}): "
        f"{ok} of {len(rows)} runs ok, {record['seconds'] / 60:.1f} minutes",
        table(["run", "status", "published", *COLUMNS], rows),
        NOTE,
    ]
    for key, title in (
        ("error", "Failed"),
        ("missing", "Missing here"),
        ("left_out", "Reduced here, left to a GPU"),
        ("same_as", "Rehearsed as another run, whose computation is the same"),
    ):
        lines = [f"  {each['run']}: {each[key]}" for each in record["rows"] if each[key]]
        parts += [f"{title}:", *lines] if lines else []
    return "\n".join(parts)


def _same_as(run: Run, first: Run, lead: Run | None) -> str:
    if lead is None:
        return "" if run == first else first.name
    return f"{lead.name}, but for a step and a view of {'its own' if run == first else first.name}"


def _left_out(settings: dict[str, Any], plan: Plan, measured: dict[str, Any], first: Run) -> Iterator[str]:
    if plan.frames < settings["num_frames"]:
        yield f"{plan.frames} of {settings['num_frames']} frames"
    if plan.batch_size and plan.batch_size < settings["batch_size"]:
        yield f"steps of {plan.batch_size} of {settings['batch_size']} videos"
    if plan.clips * plan.crops < math.prod(VIEWS[0]):
        yield f"{plan.clips} x {plan.crops} of {VIEWS[0][0]} x {VIEWS[0][1]} views"
    same_classes = settings["dataset"] == settings_of(first)["dataset"]
    if same_classes and measured.get("classes", 0) < measured.get("all_classes", 0):
        yield f"{measured['classes']} of {measured['all_classes']} class names"


def _missing(run: Run, settings: dict[str, Any], measured: dict[str, Any]) -> Iterator[str]:
    """What the real run would not find on this machine."""
    folder = Path(settings["data_root"] or f"data/{settings['dataset']}")
    if not folder.exists():
        yield f"data at {folder}"
    else:
        try:
            for fold, split in product(folds_of(settings), splits_of(settings)):
                absent = load_videos(settings["dataset"], folder, split, fold).missing
                if absent:
                    yield f"{len(absent)} {split} videos of {folder}"
        except (ValueError, OSError) as error:
            yield first_line(error)
    if measured.get("no_weights"):
        yield f"weights {settings['pretrained']!r} of {settings['model']}"
    for name in ("checkpoint", "class_embeddings"):
        if settings[name] and not Path(settings[name]).is_file():
            yield settings[name]
    wanted = run.needs["gpu_memory_gb"]
    if not torch.cuda.is_available():
        yield f"a GPU with {wanted:g} GB (estimate)"
    elif (has := torch.cuda.get_device_properties(0).total_memory / 1e9) < wanted:
        yield f"GPU memory: {wanted:g} GB (estimate), it has {has:.0f}"
    if not folder.exists() and (free := shutil.disk_usage(".").free / 1e9) < run.needs["disk_gb"]:
        yield f"disk: {run.needs['disk_gb']:g} GB (estimate), {free:.0f} are free"

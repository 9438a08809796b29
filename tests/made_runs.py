"""Runs that nobody ran: records, scores and evidence as a notebook leaves them, of which a test changes one thing."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from text4vis_lab.evidence import TABLES, write_table
from text4vis_lab.gathered import Gathered
from text4vis_lab.records import RunRecord
from text4vis_lab.scores import Scores, write_scores
from text4vis_lab.settings import declared

NAMES = ("PlayingGuitar", "Archery", "JugglingBalls", "HulaHoop", "PushUp", "Clapping", "Waving", "Jumping")
GROUPS, FRAMES = 12, (2, 7, 12, 17)
TEMPLATE = "a video of a person {}."


@dataclass
class MadeRun:
    """What a run leaves, before it is written.

    Attributes:
        names: of C classes, in the order of the columns.
        videos: N paths; labels: (N,); logits: (N, C); targets: 0/1 (N, C) or None.
        pictures: uint8 (N, 20, 8, 8, 3), looks at all frames of the videos.
        taken: numbers of the frames that are looked at; crops: how many crops the model sees.
        drawn: training videos of the cell and their labels.
        row, parameters, data, weights, words, content: of the record and its evidence.
    """

    names: list[str]
    videos: list[str]
    labels: np.ndarray
    logits: np.ndarray
    pictures: np.ndarray
    targets: np.ndarray | None = None
    taken: tuple[int, ...] = FRAMES
    crops: int = 1
    brighter: int = 0  # levels, of what the model sees
    drawn: list[tuple[str, int]] = field(default_factory=list)
    row: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=lambda: {"clip": "a" * 64})
    words: dict[str, str] = field(default_factory=dict)
    content: dict[str, str] = field(default_factory=dict)
    evident: bool = True
    more: list[tuple[dict[str, Any], bool]] = field(default_factory=list)  # further rows, and whether they are worse

    def keep(self, chosen: np.ndarray) -> None:
        """Only these videos, bool (N,)."""
        self.videos = [video for video, is_kept in zip(self.videos, chosen, strict=True) if is_kept]
        self.labels, self.logits, self.pictures = (each[chosen] for each in (self.labels, self.logits, self.pictures))
        self.targets = None if self.targets is None else self.targets[chosen]

    def scores(self) -> Scores:
        """As the run stores them."""
        targets = None if self.targets is None else torch.from_numpy(self.targets.astype(np.float32))
        logits = torch.from_numpy(self.logits.astype(np.float32))
        return Scores(self.videos, torch.from_numpy(self.labels), logits, targets, tuple(self.names))

    def write(self, run_dir: Path) -> Path:
        """Write the run; returns its folder."""
        parameters = {name: each.default for name, each in declared().items()} | self.parameters
        run = RunRecord("02_zero_shot", run_dir, parameters, weights=self.weights)
        run.data["test"] = {"videos": len(self.videos), "classes": len(self.names), "missing": 0, "decoder": "PyAV 18"}
        run.data["test"] |= self.data
        run.evidence = _Told(self)
        part = self.scores()
        row = {"cell": "zero-shot-test", "test": "test", "view": "1 view", "method": "zero-shot", "role": "text"}
        row |= (
            {"template": TEMPLATE, "classes": len(self.names), "videos": len(self.videos)} | part.metrics() | self.row
        )
        write_scores(run_dir / "scores" / f"{row['cell']}.parquet", {(row["test"], row["view"]): part}, {})
        run.add_cell(row["cell"], [row])
        noise = torch.randn(part.scores.shape, generator=torch.Generator().manual_seed(0))
        for other, is_worse in self.more:
            again = replace(part, scores=part.scores + is_worse * noise)
            write_scores(run_dir / "scores" / f"{other['cell']}.parquet", {(row["test"], row["view"]): again}, {})
            run.add_cell(other["cell"], [row | other | again.metrics()])
        run.save()
        return run_dir


class _Told(Gathered):
    """The evidence of a made run."""

    def __init__(self, made: MadeRun):
        super().__init__()
        self.made = made

    def write(self, run_dir: Path, cells: Iterable[str]) -> None:
        """See `Gathered.write`."""
        made = self.made
        template = made.row.get("template", TEMPLATE)
        words = {name: made.words.get(name, name.lower()) for name in made.names}
        rows: dict[str, list] = {name: [] for name in TABLES}
        if made.evident:
            for video, label in zip(made.videos, made.labels.tolist(), strict=True):
                digest = made.content.get(video, hashlib.sha256(video.rsplit("/", 1)[-1].encode()).hexdigest())
                rows["videos"].append(("test", video, label, [label], False, digest))
            for label, name in enumerate(made.names):
                rows["classes"].append(("test", label, name, words[name], template.replace("{}", words[name])))
            for number in range(0, len(made.videos), max(1, len(made.videos) // 8)):
                rows["looks"] += [("test", made.videos[number], *look) for look in self._looks(made.pictures[number])]
            rows["draws"] = [(made.row.get("cell", "zero-shot-test"), "", video, label) for video, label in made.drawn]
        for name, columns in TABLES.items():
            write_table(run_dir, name, pd.DataFrame(rows[name], columns=list(columns)))

    def _looks(self, pictures: np.ndarray) -> list[tuple]:
        found: list[tuple] = []
        for place, frame in enumerate(self.made.taken):
            for offset in (-1, 0, 1):
                found.append(("frame", -1, place, offset, frame + offset, pictures[frame + offset].tobytes()))
            seen = (pictures[frame] // 2 + self.made.brighter).astype(np.uint8).tobytes()
            found += [("input", crop, place, 0, frame, seen) for crop in range(self.made.crops)]
        return found


def made_run(seed: int = 0, noise: float = 1.0) -> MadeRun:
    """A run of `GROUPS` videos in each of eight classes, about two of three of which it calls right."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(NAMES)), GROUPS)
    videos = [f"/data/puppets/{NAMES[c]}/v_{NAMES[c]}_g{i % GROUPS:02d}_c01.avi" for i, c in enumerate(labels)]
    logits = 2.0 * np.eye(len(NAMES))[labels] + noise * rng.normal(size=(len(labels), len(NAMES)))
    pictures = rng.integers(0, 256, (len(labels), 20, 8, 8, 3)).astype(np.uint8)
    return MadeRun([*NAMES], videos, labels, logits, pictures)


def several_labels(made: MadeRun, seed: int = 0) -> MadeRun:
    """The same with a second label for some videos."""
    made.targets = np.eye(len(made.names))[made.labels]
    more = np.random.default_rng(seed).integers(0, len(made.names), len(made.labels))
    made.targets[np.arange(0, len(more), 3), more[::3]] = 1
    return made

"""Planted answers: rows and scores per video of methods whose every answer is known."""

import numpy as np
import pandas as pd
import torch

from text4vis_lab.rows import as_table
from text4vis_lab.scores import Scores

GROUPS, CLASSES = 6, 4


def videos(groups: int = GROUPS, classes: int = CLASSES) -> list[str]:
    """Paths as the miniature names them: a group has a video of each class."""
    return [f"/v/v_C{c}_g{g:02d}_c01.mp4" for g in range(groups) for c in range(classes)]


def scores_of_right(right: np.ndarray, names: list[str], classes: int = CLASSES) -> Scores:
    """Scores (N, C) of videos of which these are right (N,): the others' class is second."""
    labels = torch.arange(len(names)) % classes
    first = (labels + ~torch.from_numpy(right.astype(bool))) % classes
    scores = torch.nn.functional.one_hot(first, classes).float() + 0.5 * torch.nn.functional.one_hot(labels, classes)
    return Scores(names, labels, scores)


class Run:
    """Rows of methods and what they are computed from."""

    def __init__(self):
        self.rows: list[dict] = []
        self.parts: dict[tuple[str, str], Scores] = {}

    def add(self, method: str, right: np.ndarray, test: str = "test", names: list[str] | None = None, **columns):
        """A row for each line of right answers (S, N), with seeds 0, 1, ...; one line of `seed=None` has none."""
        for seed, line in enumerate(np.atleast_2d(right)):
            named = {"seed": seed} | columns
            cell = f"{method}-{len(self.rows)}"
            part = scores_of_right(line, names or videos(len(line) // CLASSES))
            self.parts[cell, test] = part
            row = {"cell": cell, "test": test, "view": "1 view", "method": method, "classes": CLASSES}
            row |= {"videos": len(line)} | {name: value for name, value in named.items() if value is not None}
            self.rows.append(row | {name: part.metrics()[name] for name in ("top1", "top5")})
        return self

    @property
    def table(self) -> pd.DataFrame:
        return as_table(self.rows)

    def of(self, method: str) -> pd.DataFrame:
        return self.table[self.table["method"] == method]

    def scores(self, row) -> Scores:
        return self.parts[row["cell"], row["test"]]

    def record(self, notebook: str, suite: str = "s", run: str = "r", dataset: str = "puppets") -> dict:
        about = {"notebook": notebook, "suite": suite, "run": run, "path": f"{suite}/{run}/result.json"}
        return about | {"rows": self.rows, "parameters": {"dataset": dataset}}

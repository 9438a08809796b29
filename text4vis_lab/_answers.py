"""What a laboratory says of its rows: the scores behind them, means and differences with intervals."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from . import inference
from .answering import Answer, Reading, say
from .figures.showing import Shown, picture, show
from .records import RECORD, RunRecord
from .results import histories_of, scores_of
from .scores import Ranks, Scores


class Answers:
    """The part of `Lab` that neither trains nor reads videos."""

    record: RunRecord
    values: dict[str, Any]

    @property
    def histories(self) -> pd.DataFrame:
        """A row for each epoch of each cell: its labels, loss, accuracies, and seconds of training since its begin."""
        return histories_of({"histories": self.record.histories, "timings": self.record.timings})

    def scores(self, row: Mapping[str, Any]) -> Scores | Ranks:
        """The scores per video from which a row's metrics were computed, or of a large grid the ranks."""
        return scores_of({"path": self.record.run_dir / RECORD}, row)

    def means(self, rows: pd.DataFrame, by: str | list[str], y: str = "top1") -> pd.DataFrame:
        """Means over seeds with intervals over seeds and groups of videos: `inference.means`."""
        return inference.means(rows, by, self.scores, self._data, y)

    def difference(self, ahead: pd.DataFrame, behind: pd.DataFrame, y: str = "top1") -> "inference.Difference":
        """How far a method is ahead of another, or of the best of several: `inference.difference`."""
        return inference.difference(ahead, behind, self.scores, self._data, y)

    def with_harmonic_mean(self, rows: pd.DataFrame, by: str | list[str]) -> pd.DataFrame:
        """Means by test, and harmonic means of base and novel: `inference.with_harmonic_mean`."""
        return inference.with_harmonic_mean(rows, by, self.scores, self._data)

    def show(
        self,
        draw: Callable[..., Any],
        data: pd.DataFrame,
        name: str,
        caption: str,
        alt: str,
        options: Mapping[str, Any] | None = None,
    ) -> Shown:
        """A figure of a table, with caption, alternative text and data: `figures.showing.show`, beside the record.

        Hovering tells the run where the table has no column of it.
        """
        told = data if "run" in data else data.assign(run=self.record.run_dir.name)
        return show(draw, told, name, (caption, alt), options or {}, self.record.run_dir / "figures")

    def picture(self, figure: Figure, name: str, caption: str, alt: str, phone: Figure | None = None) -> Shown:
        """A figure that is not made of a table, such as frames: `figures.showing.picture`, beside the record."""
        return picture(figure, name, (caption, alt), self.record.run_dir / "figures", phone)

    def answer(self, *sentences: str) -> Answer:
        """What the notebook found, for the last line of its last cell, which is tagged `answer`.

        Where papermill runs the notebook, its terminal shows it too.
        """
        answer = Answer(sentences)
        say(answer)
        return answer

    def reading(self, text: str) -> Reading:
        """A paragraph that reads the figure above, for the last line of a cell that is tagged `reading`."""
        return Reading(text)

    @property
    def _data(self) -> str:  # a notebook without data settings has the miniature
        return self.values.get("dataset", "puppets")

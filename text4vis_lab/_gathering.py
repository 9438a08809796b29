"""What a laboratory gathers for its record: scores that it did not train for, and evidence, see `evidence.py`."""

from collections.abc import Mapping
from typing import Any

from text4vis_core.data.video_list import VideoList
from text4vis_core.model.labels import prompts

from ._cells import FinishedCells
from .cell import Cell, Outcome, Part, rows_of_outcome
from .looks import looks_of
from .records import RunRecord
from .scores import Scores, write_scores
from .sources import Clips


class Gathering:
    """The part of `Lab` by which a record tells where its numbers come from."""

    record: RunRecord
    values: dict[str, Any]
    clips: Clips
    source: Any  # cached properties of `Lab`: a `Source`,
    untrained: Any  # and a `VideoClassifier`

    def note_data(self, name: str, videos: VideoList) -> None:
        """See `Lab`."""
        raise NotImplementedError

    def _gather(self, cell: Cell) -> None:
        """Keep which videos a cell was trained on, and a look at those that it was tested on."""
        if cell.fine_tune:
            self.record.evidence.add_draw(cell.name, cell.train)
        self.look_at({name: cell.part(name) for name in cell.tests})

    def look_at(self, tests: Mapping[str, VideoList | Part]) -> None:
        """Keep a look at some videos of each tested list, which is noted where none is that has its videos."""
        evidence = self.record.evidence
        for name, test in tests.items():
            videos = test.videos if isinstance(test, Part) else test
            if not (listed := evidence.list_of(videos)):
                listed = name if name not in evidence.lists else f"{name}, tested"
                self.note_data(listed, videos)
            if listed not in evidence.looks:
                seen = self.clips.evaluation(evidence.lists[listed].videos, self._size, self.clips.views)
                evidence.looks[listed] = looks_of(seen)

    @property
    def _size(self) -> int:
        """Pixels of the model's input; a model that is a CLIP's as it is need not be built for that."""
        known = None if self.source.checkpoint or self.source.trained else self.source.clip
        return self.untrained.size if known is None else known.size

    def _say_classes(self) -> None:
        """Keep how the classes of each list are named, and with which prompts, where texts are embedded."""
        style, template = self.values.get("names", "words"), ""
        if self.record.weights and self.source.clip is not None and not self.source.class_embeddings:
            template = self.source.template
        for name, listed in self.record.evidence.lists.items():
            names = listed.videos.class_names(style)
            texts = prompts(names, template) if template else [""] * len(names)
            self.record.evidence.said[name] = names, texts

    def keep(
        self,
        cell: str,
        scores: dict[tuple[str, str], Scores],
        columns: Mapping[str, Any],
        tests: Mapping[str, VideoList | Part],
    ) -> list[dict[str, Any]]:
        """Keep a cell's scores beside the record, and rows of their metrics in it; returns the rows.

        Args:
            cell: its name.
            scores: (test, view) -> scores per video.
            columns: of `rows.COLUMNS`, that all rows have.
            tests: name -> videos.
        """
        rows = rows_of_outcome(cell, Outcome(scores), columns, tests)
        self.record.add_cell(cell, rows)
        write_scores(FinishedCells(self.record.run_dir).scores(cell), scores, columns)
        return rows

"""A notebook's laboratory, opened in a line: settings checked, record begun, data, model and class embeddings at hand.

lab = Lab.open("03_few_shot", globals())
rows = lab.run([Cell(method, lab.train.few_shot(4, seed), {"test": lab.test}, lab.recipe(seed)) ...])
lab.save()
"""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from text4vis_core.data.video_list import VideoList
from text4vis_core.evaluation.embedding import EmbeddedVideos
from text4vis_core.model.labels import prompts
from text4vis_core.model.temporal import split_temporal
from text4vis_core.model.video_classifier import VideoClassifier
from text4vis_core.processes import progress_bar

from . import figures, miniature, refusals
from ._answers import Answers
from ._asked import Asked, recipe_in
from ._cells import FinishedCells, cell_fingerprint
from ._gathering import Gathering
from .cell import Cell, Keep, Outcome, Part, rows_of_outcome
from .experiment import check_cells, text_scores, train_and_test
from .keeping import due
from .loggers import check_loggers
from .model_files.folder import is_model
from .models.following import followed, model_of, source_of
from .models.model import Model
from .notebooks import (
    SettingsTable,
    assigned_by_hand,
    injected,
    notebook_comments,
    notebook_defaults,
    notebook_file,
    repository_root,
    unused_parameters,
)
from .plain import file_name, readable
from .progress import watch_bars
from .published import published_note, published_result
from .records import RunRecord
from .rows import as_table
from .scores import Scores, write_scores
from .settings import GROUPS, checked, declared, refuse_misspelt
from .sources import Clips, Source, clips_of, listed_videos
from .surroundings import cache_folder, compiled_folder, write_to

PLACED_BY = {"dataset": "", "data_root": "", "model": "", "world": 0}  # of `miniature.prepare`


@dataclass
class Lab(Asked, Answers, Gathering):
    """A notebook's laboratory.

    Attributes:
        record: what the run measures, and where it goes.
        values: every setting of the run, by its name.
        defaults: what each would be if nobody had given it.
        clips: how videos become clips, and on which processes.
    """

    record: RunRecord
    values: dict[str, Any]
    defaults: dict[str, Any]
    clips: Clips
    _settings_of: dict[str, dict[str, Any]] = field(default_factory=dict)  # cell -> of the laboratory that ran it
    _loaded: dict[tuple, Any] = field(default_factory=dict)  # data sets' places and CLIPs, shared with `changed` ones
    _first: dict[str, str] = field(default_factory=dict)  # kind of training -> the cell whose model is kept
    _told: list[str] = field(default_factory=list)  # of texts and their tower
    _embedded: dict[int, tuple[VideoList, EmbeddedVideos]] = field(default_factory=dict)  # by the untrained model

    @classmethod
    def open(
        cls, notebook: str, variables: dict[str, Any], uses: Sequence[str] = GROUPS, may_test_only: bool = False
    ) -> "Lab":
        """Open the laboratory of a notebook, after its parameters: `Lab.open("03_few_shot", globals())`.

        Everything that was given is checked before anything is made, whoever gave it: the notebook's own parameters,
        and the shared settings of `settings.py`, by name. A list that arrived as text is put right in `variables`.

        Args:
            notebook: its name without suffix.
            variables: its `globals()`.
            uses: groups of shared settings that it uses, of `settings.GROUPS`.
            may_test_only: whether epochs may be 0, which trains nothing.

        Raises:
            ValueError: a name that is no setting (with the closest), or a value that cannot be; names the parameter.
            FileNotFoundError: a file is not there; names the parameter.
        """
        refusals.set_up()
        os.chdir(repository_root())
        path = notebook_file(notebook)
        own = notebook_defaults(path)
        refuse_misspelt(unused_parameters(path))
        values = checked(assigned_by_hand(variables, [*own, *declared()]), own, uses)
        defaults = checked({}, own, uses)
        given = injected(variables) | {name for name in values if values[name] != defaults[name]}
        values |= followed(values, given)
        variables.update({name: values[name] for name in own})
        for template in [values.get("template", "{}"), *values.get("templates", [])]:
            prompts(["x"], template)
        published_result(values.get("published", ""))
        split_temporal(values.get("temporal", "mean"))
        for name in ("checkpoint", "class_embeddings"):
            if values.get(name) and not Path(values[name]).is_file() and not is_model(values[name]):
                raise FileNotFoundError(f"parameter {name}: there is no file {values[name]}")
        if "recipe" in uses and not (may_test_only and values["epochs"] == 0):
            recipe_in(values)
        check_loggers(values.get("loggers", ()))
        clips_of(values, values["run_dir"])
        watch_bars(values["run_dir"])
        if values.get("compile_model"):
            os.environ["TORCHINDUCTOR_CACHE_DIR"] = compiled_folder(cache_folder())
        figures.use_style()
        parameters = {name: value for name, value in values.items() if name != "run_dir"}
        record = RunRecord(notebook, Path(values["run_dir"]), parameters)
        return cls(record, values, defaults, clips_of(values, record.run_dir))

    def settings(self) -> SettingsTable:
        """All settings of the run as a table: those that differ from their defaults first."""
        values = {name: self.values[name] for name in self.defaults if name != "run_dir"}
        own = notebook_comments(notebook_file(self.record.notebook))
        return SettingsTable(values, self.defaults, own)

    def changed(self, settings: Mapping[str, Any]) -> "Lab":
        """The same laboratory with other settings, as for a part of an experiment; what it measures goes to one record.

        Raises:
            ValueError: a name that is no shared setting, or a value that cannot be.
        """
        shared = {name: self.values[name] for name in declared() if name in self.values}
        values = self.values | checked(settings, shared, {declared()[name].group for name in shared})
        if "epochs" in values:
            recipe_in(values)
        clips = clips_of(values, self.record.run_dir, self.clips.store)
        return replace(self, values=values, clips=clips, _embedded={})

    @property
    def _places(self) -> tuple[Path, str]:
        asked = tuple(self.values.get(name, default) for name, default in PLACED_BY.items())
        if asked not in self._loaded:
            self._loaded[asked] = miniature.prepare(*asked)
        return self._loaded[asked]

    @property
    def folder(self) -> Path:
        """The data set's folder; the miniature is made first if it is asked for."""
        return self._places[0]

    def videos(self, split: str, fold: int | None = None) -> VideoList:
        """A split of the data set, without what `min_frames` leaves out.

        Args:
            split: "train", "val", "test" or "all".
            fold: the setting's when None.
        """
        listed = listed_videos(self.values, self.folder, split, fold)
        found, left_out = self.clips.long_enough(listed, test=split != "train")
        self.record.add_skipped(left_out)
        self.note_data(split if fold is None else f"{split} {fold}", found)
        return found

    def note_data(self, name: str, videos: VideoList) -> None:
        """Note a list of videos in the record, and print what its reader did that its user should know."""
        for note in self.record.add_data(name, videos, self.clips.store.reading):
            print(f"{readable(name)}: {readable(note, 400)}")

    @cached_property
    def train(self) -> VideoList:
        """The training videos."""
        return self.videos("train")

    @cached_property
    def val(self) -> VideoList:
        """The validation videos: the publisher's, or what `val_share` holds out of the training videos."""
        return self.videos("val")

    @cached_property
    def test(self) -> VideoList:
        """The test videos."""
        return self.videos("test")

    @cached_property
    def source(self) -> Source:
        """Where models and class embeddings come from."""
        source = source_of(self.values, self._places[1], self.defaults["model"], self._loaded)
        self.record.weights |= source.fingerprints()
        self._note([f"The text tower is that of {readable(source.checkpoint)}, its own."] if source.own_text else [])
        return source

    @cached_property
    def _weights(self) -> dict[str, str]:
        return self.source.fingerprints()

    @cached_property
    def untrained(self) -> VideoClassifier:
        """The model before training.

        Raises:
            ValueError: crops of its input size do not fit into the scaled frame.
        """
        model = self.source.build()
        self.clips.check(model.size)
        return model

    def model(self, class_names: Sequence[str] = (), template: str = "") -> Model:
        """The model before training with its classes, to be asked about a video.

        Args:
            class_names: to choose between; empty for a trained model's own.
            template: their prompt; empty for the setting's.

        Raises:
            ValueError: no names for a model that has none of its own, or names that cannot be.
        """
        return model_of(self.untrained, self.source, self.clips, class_names, template)

    def embedded(self, videos: VideoList) -> EmbeddedVideos:
        """All views of each video, encoded once by the model before training."""
        if id(videos) not in self._embedded:
            known = self.clips.embed(self.untrained, videos, self.clips.views, f"embedding {len(videos)} videos")
            self._embedded[id(videos)] = videos, known
            self.record.add_skipped(known.skipped)
        return self._embedded[id(videos)][1]

    def zero_shot(
        self,
        tests: Mapping[str, VideoList | Part],
        labels: Mapping[str, Any] | None = None,
        source: Source | None = None,
        halves: bool = False,
    ) -> pd.DataFrame:
        """Score videos by the embeddings of their class names, before any training; the rows join the record's.

        Args:
            tests: name -> videos.
            labels: further columns of `rows.COLUMNS`.
            source: of the class embeddings; the laboratory's own when None.
            halves: also among each of the ten published halves of the classes, if they have enough of them.
        """
        known, scores = source or self.source, {}
        parts = {name: test if isinstance(test, Part) else Part(test) for name, test in tests.items()}
        self._note(known.check_classes(part.videos) for part in parts.values())
        for name, part in parts.items():
            rows_of_classes, embedded = known.embed_classes(part.videos), self.embedded(part.videos)
            logits = text_scores(self.untrained, embedded, rows_of_classes)
            scores[name, self.clips.all_views] = Scores.of(part.videos, embedded, logits, part.classes)
        named = {"method": "zero-shot", "role": "text", "initialisation": "text", "template": known.template}
        named |= labels or {}
        of_template = "" if source is None else hashlib.sha256(known.template.encode()).hexdigest()[:8]
        cell = file_name("zero-shot", *(f"{key}{value}" for key, value in (labels or {}).items()), *tests, of_template)
        self._claim([cell])
        self.look_at(parts)
        rows = rows_of_outcome(cell, Outcome(scores), named, tests)
        for row in list(rows) if halves else ():
            part_scores = scores[row["test"], row["view"]]
            for half in part_scores.halves:
                size = {"classes": row["classes"] // 2, "videos": part_scores.half_videos(half), "half": half}
                rows.append(row | size | part_scores.metrics(half))
        self.record.add_cell(cell, rows)
        write_scores(FinishedCells(self.record.run_dir).scores(cell), scores, named)
        return as_table(rows)

    def run(self, cells: Iterable[Cell], progress: str = "trainings") -> pd.DataFrame:
        """Train and test each cell of a grid, or read it where it was finished before; the rows join the record's.

        A cell is kept when it is finished, with everything that it depends on: settings, videos, weights, code. What
        was interrupted goes on in the cell where it stopped, after its last checkpoint.

        Args:
            cells: with different names, else it is a ValueError.
            progress: label of the progress bar.

        Returns:
            A row for each cell, test and view, see `rows.COLUMNS`.
        """
        write_to(self.record.run_dir)  # which `save` has left
        cells, finished, rows = self._keeping(cells), FinishedCells(self.record.run_dir), []
        self._claim([cell.name for cell in cells])
        self._note(check_cells(cells, self.source, self.clips))
        for cell in progress_bar(cells, progress, unit="run"):
            labels = cell.columns
            fingerprint = cell_fingerprint(cell, self.values, self.clips.processes, self.source, self._weights)
            outcome = finished.read(cell.name, fingerprint)
            if outcome is None or cell.left_nothing:
                outcome = train_and_test(cell, self.source, self.clips, self.record.run_dir, progress=len(cells) == 1)
                finished.write(cell.name, fingerprint, outcome, labels)
            if outcome.not_compiled:
                print(f"{cell.name} was trained without compile_model: {outcome.not_compiled}")
            for remark in outcome.remarks:
                print(f"{cell.name}: {remark}")
            self.record.add_skipped(outcome.skipped)
            found = rows_of_outcome(cell.name, outcome, labels, cell.tests)
            named = {"cell": cell.name} | {key: value for key, value in labels.items() if value is not None}
            self.record.add_cell(cell.name, found, [named | epoch for epoch in outcome.history])
            self._gather(cell)
            rows += found
        return as_table(rows)

    @property
    def notes(self) -> str:
        """What is to be read beside every number: videos that are left out, and the published number."""
        paper = published_note(published_result(self.values.get("published", "")))
        return "\n".join(filter(None, [self.record.skipped_note(), *self._told, paper]))

    def save(self, **metrics: Any) -> Path:
        """Write the record, with further measurements; returns its path."""
        FinishedCells(self.record.run_dir).forget_others({row["cell"] for row in self.record.rows})
        self.record.metrics |= metrics
        self._say_classes()
        for facts in self.record.data.values() if self._told else ():
            facts["notes"] = [*dict.fromkeys([*facts.get("notes", ()), *self._told])]
        return self.record.save()

    def _note(self, sentences: Iterable[str]) -> None:
        """Print what is to be known of texts and their tower, each sentence once; keep it for page and record."""
        for sentence in filter(None, sentences):
            if sentence not in self._told:
                self._told.append(sentence)
                print(sentence)

    def _keeping(self, cells: Iterable[Cell]) -> list[Cell]:
        """Each with the folder that its model goes to, where it is to be kept."""
        cells, which, folder = list(cells), self.values.get("keep_models", "none"), self.record.run_dir / "models"
        kept = due(cells, which, self._first)
        keeps = [Keep(str(folder / cell.name), (self._data, str(self.folder)), cell.name in kept) for cell in cells]
        wanted = zip(cells, keeps, strict=True)
        return [replace(cell, keep=keep) if keep.always or cell.export else cell for cell, keep in wanted]

    def _claim(self, names: list[str]) -> None:
        """See to it that no cell takes another's place: of the same call, or of a laboratory with other settings."""
        twice = [name for name, count in Counter(names).items() if count > 1]
        twice += [name for name in names if self._settings_of.get(name, self.values) != self.values]
        if twice:
            raise ValueError(f"two cells are called {twice[0]!r}: tell them apart by their labels")
        self._settings_of.update(dict.fromkeys(names, self.values))

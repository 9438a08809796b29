"""What a run's number would be with one thing otherwise, tried: its own model, on its own videos, evaluated again.

    try_out(record, template="a photo of a {}.").metrics()
    try_out(record, frame_shift=1), try_out(record, channels="bgr"), try_out(record, class_order=names)

Nothing is trained. N videos, C classes.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from text4vis_core.data.formats.readers import SPLITS
from text4vis_core.data.reading import DEFAULT, Reading, VideoError
from text4vis_core.data.video_list import NoValidation, Video, VideoList
from text4vis_core.files import CheckpointError, first_line
from text4vis_core.model.video_classifier import VideoClassifier

from .. import miniature
from ..digests import contents_of
from ..evidence import evidence_of
from ..experiment import own_scores, text_scores
from ..frame_store import FrameStore
from ..model_files.facts import ModelError, read_facts
from ..model_files.folder import load_network
from ..models.following import source_of
from ..notebooks import repository_root
from ..plain import readable
from ..results import scores_of
from ..scores import Ranks, Scores, video_name
from ..settings import GROUPS, checked, declared
from ..sources import Clips, Source, clips_of, listed_videos
from .pair import partners

CHANNELS = ("rgb", "bgr")
TEXT = ("template", "names")  # settings of the class embeddings
VIEWS = ("num_frames", "dense", "resize", "clips", "crops", "decoder", "precision")  # of how videos become scores
DATA = ("dataset", "data_root", "fold", "train_list", "test_list")  # of another copy of the videos
WEIGHTS = ("model", "pretrained", "checkpoint", "checkpoint_temporal", "class_embeddings", "temporal")
TRIED = (*TEXT, *VIEWS, *DATA, *WEIGHTS)
ALONE = {"devices": 1, "num_nodes": 1, "loggers": []}  # whatever the run was done on


class NotTried(ValueError):
    """Something that cannot be tried here. Says why."""


@dataclass(frozen=True)
class Trial:
    """One change of how a number came about.

    Attributes:
        settings: of `TRIED`, by name.
        frame_shift: frames that each frame is read later; before the first and after the last one these.
        channels: "bgr" swaps red and blue.
        class_order: C names, as a data set spells them, in the place of the list's; empty for none.
    """

    settings: Mapping[str, Any]
    frame_shift: int = 0
    channels: str = "rgb"
    class_order: Sequence[str] = ()

    def __post_init__(self):
        for name in self.settings:
            if name not in TRIED:
                own = ", ".join((*TRIED, "frame_shift", "channels", "class_order"))
                raise NotTried(f"{name!r} is nothing that can be tried; choose from: {own}")
        if self.channels not in CHANNELS:
            raise NotTried(f"channels is {self.channels!r}; choose from: {', '.join(CHANNELS)}")

    def of(self, names: Sequence[str]) -> bool:
        """Whether one of these settings is changed."""
        return bool(set(names) & set(self.settings))


class OtherFrames(FrameStore):
    """Reads videos with frames off by some, or with red and blue swapped.

    Args:
        frame_shift, channels: as of `Trial`.
        reading: how files are read.
    """

    def __init__(self, frame_shift: int, channels: str, reading: Reading = DEFAULT):
        super().__init__(0, reading)
        self.frame_shift, self.channels = frame_shift, channels

    def read_distinct(self, video: Video, choose: Callable[[int], np.ndarray]) -> tuple[np.ndarray, ...]:
        """As of `FromFiles`."""
        frames, places = super().read_distinct(video, lambda n: (choose(n) + self.frame_shift).clip(0, n - 1))
        return (frames[..., ::-1].copy() if self.channels == "bgr" else frames), places


def try_out(
    record: Mapping[str, Any],
    row: Mapping[str, Any] | None = None,
    *,
    frame_shift: int = 0,
    channels: str = "rgb",
    class_order: Sequence[str] = (),
    **settings: Any,
) -> Scores:
    """The scores of a number's videos with something changed in how they are evaluated; with nothing, its own again.

    Args:
        record: as `records.read_record` gives it.
        row: of it; its first when None.
        frame_shift, channels, class_order: as of `Trial`.
        settings: of `TRIED`, by name. With those of another copy of the videos the same ones are looked for there.

    Returns:
        Scores of the videos by the names that they have in the record.

    Raises:
        NotTried: videos, model or weights are not here, or not what the record says; a trained last layer has no
            prompt; or the model does not allow it. Says why.
    """
    trial = Trial(settings, frame_shift, channels, class_order)
    row = record["rows"][0] if row is None else row
    path = Path(record["path"]).absolute()
    with contextlib.chdir(repository_root()):
        try:
            return _Tried({**record, "path": str(path)}, row, trial).scores()
        except NotTried:
            raise
        except (OSError, ValueError, CheckpointError, VideoError) as error:
            raise NotTried(f"it cannot be tried on {readable(path.parent)}: {first_line(error)}") from error


class _Tried:
    """A number of a record, computed again with a change."""

    def __init__(self, record: Mapping[str, Any], row: Mapping[str, Any], trial: Trial):
        self.record, self.row, self.trial, self.run_dir = record, row, trial, Path(record["path"]).parent
        known = scores_of(record, row)
        if isinstance(known, Ranks):
            raise NotTried(f"of {row['cell']} there are ranks alone; its videos' model is not known")
        self.known, self.trained = known, row.get("method") != "zero-shot"
        defaults = {name: setting.default for name, setting in declared().items()}
        of_row = {name: row[name] for name in ("template", "temporal") if row.get(name) is not None}
        given = {name: value for name, value in record["parameters"].items() if name in defaults}
        self.values = checked(defaults | given | of_row | dict(trial.settings) | ALONE, {}, GROUPS)
        self.folder, self.place = miniature.prepare(
            *(self.values[n] for n in ("dataset", "data_root", "model", "world"))
        )

    def scores(self) -> Scores:
        """What comes out."""
        if self.trained and self.trial.of((*TEXT, *WEIGHTS)):
            changed = ", ".join(name for name in self.trial.settings if name in (*TEXT, *WEIGHTS))
            raise NotTried(f"{changed}: {self.row['cell']} was trained with it; train it otherwise, and compare")
        videos = self._videos()
        source = source_of(self.values, self.place, declared()["model"].default, {})
        if not self.trial.of(WEIGHTS) and source.fingerprints() != self.record["weights"]:
            raise NotTried(f"the weights here are not those of {readable(self.run_dir)}; run its notebook again")
        clips = self._clips()
        network = self._network(source, videos)
        clips.check(network.size)
        known = clips.embed(network, videos, clips.views, cache=not (self.trained or self._others))
        if not self.trial.of(("clips", "crops")):
            known = replace(known, views=known.views[:, clips.views_by_name[self.row["view"]]])
        if self.trained and network.classifier is not None:
            logits = own_scores(network, known)
        else:
            logits = text_scores(network, known, source.embed_classes(videos))
        found = Scores.of(videos, known, logits)
        return replace(found, videos=[self.known.videos[int(index)] for index in known.indices])

    @property
    def _others(self) -> bool:
        """Whether other frames are read than lie there."""
        return (self.trial.frame_shift, self.trial.channels) != (0, "rgb")

    def _clips(self) -> Clips:
        clips = clips_of(self.values, self.run_dir)
        other = OtherFrames(self.trial.frame_shift, self.trial.channels, clips.store.reading)
        return replace(clips, store=other) if self._others else clips

    def _videos(self) -> VideoList:
        """The number's videos in its order, with the classes between which the model decided."""
        listed, places = self._listed()
        if self.known.classes and self.known.classes != listed.classes:
            unknown = set(self.known.classes) - set(listed.classes)
            if unknown and not self.trial.of(DATA):
                raise NotTried(f"class {readable(min(unknown))} is no longer in {readable(self.folder)}")
            ids = [listed.classes.index(name) for name in self.known.classes if name in listed.classes]
            listed, places = listed.select_classes(ids), self._places(listed.select_classes(ids))
        videos = listed.take(np.array([places[name] for name in self.known.videos]))
        if not self.trial.of(DATA):
            self._check_contents(videos)
        if not self.trial.class_order:
            return videos
        if len(self.trial.class_order) != len(videos.classes):
            raise NotTried(
                f"class_order has {len(self.trial.class_order)} names, there are {len(videos.classes)} classes"
            )
        return replace(videos, classes=tuple(self.trial.class_order))

    def _listed(self) -> tuple[VideoList, dict[str, int]]:
        """The list that has the number's videos, and their places in it."""
        asked = (self.values.get("split"), self.row["test"], "test", "val", "train", "all")
        most: dict[str, int] = {}
        for split in dict.fromkeys(split for split in asked if split in SPLITS):
            with contextlib.suppress(NoValidation):
                listed = listed_videos(self.values, self.folder, split, self.row.get("fold"), "report")
                places = self._places(listed)
                if len(places) == len(self.known.videos):
                    return listed, places
                most = max(most, places, key=len)
        gone = next(name for name in self.known.videos if name not in most)
        count = len(self.known.videos) - len(most)
        raise NotTried(f"{count} tested videos are not in {readable(self.folder)}, the first is {readable(gone)}")

    def _places(self, listed: VideoList) -> dict[str, int]:
        """Names of the number's videos that a list has -> their places in it."""
        found = {video_name(video): place for place, video in enumerate(listed.videos)}
        if self.trial.of(DATA):
            found = {name: found[other] for other, name in partners(self.known.videos, list(found)).items()}
        return {name: found[name] for name in self.known.videos if name in found}

    def _check_contents(self, videos: VideoList) -> None:
        """See to it that the files hold what they held."""
        table = evidence_of(self.record).videos
        then = dict(zip(table["video"], table["content"], strict=True))
        now = contents_of(video.path for video in videos.videos)
        for video in videos.videos:
            name = video_name(video)
            if then.get(name) and now[video.path] != then[name]:
                raise NotTried(f"{readable(name)} is not what it was when {readable(self.run_dir)} was run")

    def _network(self, source: Source, videos: VideoList) -> VideoClassifier:
        if not self.trained:
            return source.build()
        folder = self.run_dir / "models" / self.row["cell"]
        try:
            facts = read_facts(folder)
        except ModelError as error:
            raise NotTried(f"{error}: run its notebook again with keep_models=all") from error
        network = load_network(folder, facts).to("cuda" if torch.cuda.is_available() else "cpu")
        if list(facts.classes) != videos.class_names(source.names):
            network.classifier = None  # other classes are told apart by their names
        return network.to(memory_format=network.memory_format)

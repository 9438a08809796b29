"""Where models and class embeddings come from, and how videos become clips: the same for every cell of a table.

N videos, V views, C classes, D width of an embedding.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from text4vis_core.data.datasets import VideoDataset, Views
from text4vis_core.data.formats.readers import READERS
from text4vis_core.data.reading import Reading
from text4vis_core.data.transforms import LIGHT_AUGMENTATION, PUBLISHED_AUGMENTATION
from text4vis_core.data.video import Reader, VideoError, open_video
from text4vis_core.data.video_list import AnnotationError, NoValidation, VideoList
from text4vis_core.evaluation.embedding import EmbeddedVideos, embed_videos
from text4vis_core.files import file_digest
from text4vis_core.model.checkpoints import load_text4vis_checkpoint
from text4vis_core.model.clip import Clip
from text4vis_core.model.labels import NAME_STYLES, prompts
from text4vis_core.model.temporal import split_temporal
from text4vis_core.model.video_classifier import VideoClassifier, fingerprint
from text4vis_core.processes import world

from . import fitting, own_videos  # the latter makes "own" a data set
from .cache import cached_videos
from .class_embeddings import check_width, load_class_embeddings
from .frame_store import FrameStore
from .held_out import hold_out
from .model_files.facts import read_facts
from .model_files.folder import load_network, rows_of_names
from .prepare import index  # noqa: F401  # which makes "prepared" a data set
from .processes import Processes
from .settings import ClipSettings, HardwareSettings, ModelSettings, by_name, check_choices, check_types

AUGMENTATIONS = {"light": LIGHT_AUGMENTATION, "published": PUBLISHED_AUGMENTATION}


def _no_videos(root: str | Path, split: str, fold: int = 1, missing: str = "error") -> VideoList:
    """The data set "features", which holds embeddings: see `tournament.features`."""
    raise AnnotationError(
        f"parameter dataset: {root} is a cache of features, which holds no videos; 10_frozen_encoder and "
        "16_frozen_tuning read it, for this notebook name a data set of videos"
    )


READERS["features"] = _no_videos


@dataclass(frozen=True)
class Source(ModelSettings):
    """Where models and class embeddings come from: a CLIP, or a trained model with the text side beside it.

    Attributes:
        clip: image and text tower, the latter the checkpoint's own where it has one. None for a checkpoint whose class
            embeddings are in a file, and for a model's folder whose CLIP is not here.
        trained: folder of a trained model, which is begun with instead of the CLIP's image tower; empty for none.
        num_frames: frames in a clip.
        names: style of the class names, a key of `labels.NAME_STYLES`.
        world: seed of the miniature, for a model's folder to say which Mini CLIP it came from.
        cache: folder that keeps what the text tower gave, see `cache`; empty: nothing is kept.
        own_text: whether the text tower is the checkpoint's own; found out here.
    """

    clip: Clip | None = None
    trained: str = ""
    world: int = 0
    num_frames: int = 8
    names: str = "words"
    cache: str = ""
    own_text: bool = False

    def __post_init__(self):
        check_types(self)
        prompts(["x"], self.template)
        check_choices("names", self.names, NAME_STYLES)
        split_temporal(self.temporal)
        if self.checkpoint_temporal != "auto" and not self.checkpoint:
            raise ValueError("parameter checkpoint_temporal is of a checkpoint, and there is none; leave it at 'auto'")
        if self.clip is None and not self.trained and not (self.checkpoint and self.class_embeddings):
            raise ValueError(
                "parameter model is empty: without it, checkpoint and class_embeddings (a file) are needed, both"
            )
        if self.checkpoint and (self.clip is not None or Path(self.checkpoint).is_file()):
            clip = fitting.text_side(self.clip, self.checkpoint, self.class_embeddings)
            for name, value in {"own_text": self.own_text or clip is not self.clip, "clip": clip}.items():
                object.__setattr__(self, name, value)  # it is frozen, and nobody has seen it yet

    def build(self, seed: int = 0) -> VideoClassifier:
        """A model before training, on the GPU where there is one; new parameters are drawn by `seed`.

        Raises:
            ValueError, CheckpointError: the checkpoint cannot be used, or the class embeddings are of another width.
        """
        heads = self.temporal_heads or None
        if self.trained:
            model = load_network(self.trained)
            if self.clip is not None:
                fitting.check_encoder(self.clip, self.trained, fitting.encoder_of(model.visual))
            if self.temporal != model.temporal_name:
                remedy = f"a trained model keeps its own, leave temporal at {model.temporal_name!r}"
                raise ValueError(f"parameter temporal: {self.temporal!r}, but {self.trained} has another; {remedy}")
        elif not self.checkpoint:
            assert self.clip is not None  # __post_init__ saw to it
            options = {"position_std": self.position_std} if split_temporal(self.temporal)[1] == "transformer" else {}
            model = VideoClassifier.from_clip(self.clip, self.temporal, heads, self.num_frames, seed, **options)
        elif self.temporal != ModelSettings.temporal:
            remedy = f"leave temporal at {ModelSettings.temporal!r}; checkpoint_temporal says what no weights show"
            raise ValueError(f"parameter temporal: {self.temporal!r}, but {self.checkpoint} has its own; {remedy}")
        else:
            model = load_text4vis_checkpoint(self.checkpoint, self.num_frames, self.checkpoint_temporal, heads)
        if self.class_embeddings:
            check_width(self.class_embeddings, model.dim)
        return model.to("cuda" if torch.cuda.is_available() else "cpu").to(memory_format=model.memory_format)

    def embed_classes(self, videos: VideoList) -> Tensor:
        """Class embeddings (C, D) of a list's classes, rows of unit length.

        Raises:
            ValueError: the file lacks a class (which), or cannot be read.
        """
        return self.embed_names(videos.class_names(self.names))

    def embed_names(self, names: Sequence[str]) -> Tensor:
        """The same of class names as text, in the prompt."""
        if self.class_embeddings or self.clip is None:
            return self._known_rows(names)
        return fitting.embed_texts(self.clip, names, self.template, self.cache)

    def check_classes(self, videos: VideoList) -> str:
        """See to it that `embed_classes` tells a list's classes apart, before anything is embedded.

        Returns:
            What is to be known of their texts, a sentence; or "".

        Raises:
            ValueError: as of `embed_classes`, and where two classes have one name or one text.
        """
        names = videos.class_names(self.names)
        if self.class_embeddings or self.clip is None:
            self._known_rows(names)
            return ""
        fitting.check_names(names)
        return fitting.check_texts(self.clip, names, [[text] for text in prompts(names, self.template)])

    def _known_rows(self, names: Sequence[str]) -> Tensor:
        fitting.check_names(names)
        if self.class_embeddings:
            return load_class_embeddings(self.class_embeddings, names)
        return rows_of_names(self.trained, names)

    def decides(self, videos: VideoList) -> bool:
        """Whether the last layer of the trained model is one of these videos' classes."""
        return bool(self.trained) and list(read_facts(self.trained).classes) == videos.class_names(self.names)

    def fingerprints(self) -> dict[str, str]:
        """SHA-256 of each file or model that the numbers depend on.

        Raises:
            FileNotFoundError: a file is not there; names its parameter.
        """
        prints = {}
        for name in ("checkpoint", "class_embeddings"):
            if file := getattr(self, name):
                if not Path(file).is_file():
                    raise FileNotFoundError(f"parameter {name}: there is no file {file}")
                prints[name] = file_digest(Path(file))
        prints |= {"model": read_facts(self.trained).weights} if self.trained else {}
        return prints | ({"clip": fingerprint(self.clip.model)} if self.clip else {})


@dataclass(frozen=True)
class Clips(ClipSettings, HardwareSettings):
    """How videos become clips, the same for every cell of a table.

    Attributes:
        processes: those that train and encode.
        store: keeps small videos in memory, for all cells of a table.
        cache: folder that keeps the embeddings of models that are not trained, see `cache`; empty: nothing is kept.
    """

    processes: Processes = field(default_factory=Processes)
    store: FrameStore = field(default_factory=FrameStore)
    cache: str = ""

    def __post_init__(self):
        check_types(self)
        for name, least in (("num_frames", 1), ("clips", 1), ("resize", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"parameter {name}: {getattr(self, name)}; it must be at least {least}")

    @property
    def views(self) -> tuple[int, int]:
        """Clips and crops of a test video."""
        return self.clips, self.crops

    @property
    def views_by_name(self) -> dict[str, list[int]]:
        """Some of the views of a test video: one, all clips' centre crops, and all."""
        clips, crops = self.views
        centre = {1: 0, 3: 1}.get(crops, 4)  # place of the centre crop among a clip's
        named = {"1 view": [centre]}
        if clips > 1:
            named[f"{clips} clips"] = [clip * crops + centre for clip in range(clips)]
        if crops > 1:
            named[f"{clips} x {crops} views"] = list(range(clips * crops))
        return named

    @property
    def all_views(self) -> str:
        """The name of all views together."""
        return list(self.views_by_name)[-1]

    def check(self, size: int) -> None:
        """Raise a ValueError where crops of a model's input size do not fit into the scaled frame."""
        if self.resize and self.resize < size:
            raise ValueError(f"parameter resize: {self.resize} is less than {size}, the model's input size")

    def long_enough(self, videos: VideoList, test: bool) -> tuple[VideoList, list[tuple[str, str]]]:
        """A list without what `min_frames` leaves out, and (path, reason) of that; nothing of multi-view tests."""
        return leave_out_short(videos, 0 if test and self.views != (1, 1) else self.min_frames)

    def training(self, videos: VideoList, size: int, seed: int) -> VideoDataset:
        """Random training clips."""
        augmentation = replace(
            AUGMENTATIONS[self.augmentation],
            randaugment=(self.randaugment[0], self.randaugment[1]),
            blur=self.blur,
            solarize=self.solarize,
        )
        return self._dataset(videos, size, replace(self._views, training=True, augmentation=augmentation), seed)

    def evaluation(self, videos: VideoList, size: int, views: tuple[int, int] = (1, 1)) -> VideoDataset:
        """Evaluation views: clips and crops of each video."""
        return self._dataset(videos, size, replace(self._views, clips=views[0], crops=views[1]))

    def embed(
        self,
        model: VideoClassifier,
        videos: VideoList,
        views: tuple[int, int] = (1, 1),
        progress: str | None = None,
        *,
        cache: bool = True,
    ) -> EmbeddedVideos:
        """The views of each video, encoded; or read, where the cache has them.

        Args:
            model: that encodes.
            videos: N.
            views: clips and crops of each.
            progress: label of a progress bar; None for none.
            cache: False for a trained model, whose embeddings nobody asks for again: they would fill the disk.
        """
        dataset = self.evaluation(videos, model.size, views)
        # As many frames at a time as 32 single views have.
        batch_size = max(1, 32 // (views[0] * views[1]))

        def encoded() -> EmbeddedVideos:
            how: dict[str, Any] = {"batch_size": batch_size, "num_workers": self.num_workers, "progress": progress}
            how |= {"timeout": self.timeout, "precision": self.precision}
            found = self.processes.run(embed_videos, model, dataset, **how)
            fitting.check_embedded(found.views)
            return found

        if not (cache and self.cache) or world() > 1:  # one process reads and writes it, for all
            return encoded()
        # The last bits depend on how many videos are encoded at a time, and on the cores that a process has.
        how = {"batch_size": batch_size, "processes": [self.processes.devices, self.processes.num_nodes]}
        how |= {} if self.precision == "auto" else {"precision": self.precision}
        return cached_videos(self.cache, model, dataset, encoded, how, self.num_workers, self.timeout)

    @property
    def _views(self) -> Views:
        return Views(dense=self.dense, resize=self.resize or None)

    def _dataset(self, videos: VideoList, size: int, views: Views, seed: int = 0) -> VideoDataset:
        return VideoDataset(videos, self.num_frames, size, views, on_error=self.on_error, seed=seed, store=self.store)


def clips_of(values: Mapping[str, Any], run_dir: str | Path, store: FrameStore | None = None) -> Clips:
    """How the settings make clips of videos; with a store of other such clips, if files are read in the same way."""
    reading = by_name(Reading, values)
    if store is None or store.reading != reading:
        store = FrameStore(values.get("keep_mb", 0), reading)
    return by_name(Clips, values, processes=by_name(Processes, values, folder=str(run_dir)), store=store)


def listed_videos(
    values: Mapping[str, Any], folder: Path, split: str, fold: int | None = None, missing: str = "error"
) -> VideoList:
    """A split as the settings say. With `val_share`, "val" is held out of "train", and "train" is without it.

    Args:
        values: the settings, by name.
        folder: the data set's.
        split, fold, missing: as of `load_videos`; the setting's fold when None.

    Raises:
        ValueError: `val_share` where the publisher has validation videos, or none where he has none; and as
            `load_videos` does.
    """
    lists = {part: values.get(f"{part}_list", "") for part in ("train", "test")}
    dataset, share = values["dataset"], values.get("val_share", 0.0)
    where = values["fold"] if fold is None else fold, missing, lists
    if not share or split not in ("train", "val"):
        return own_videos.load(dataset, folder, split, *where)
    try:
        own_videos.load(dataset, folder, "val", *where)
    except NoValidation:
        return hold_out(dataset, own_videos.load(dataset, folder, "train", *where), share)[split]
    remedy = "set val_share to 0, which uses these"
    raise ValueError(f"parameter val_share: {share:g}, but {folder} has validation videos of its own; {remedy}")


def listed_splits(values: Mapping[str, Any], folder: Path, splits: Sequence[str]) -> dict[str, VideoList]:
    """Split -> its videos, with those that are missing; of several without "val", where there is none."""
    found = {}
    for split in splits:
        with contextlib.suppress(NoValidation) if len(splits) > 1 else contextlib.nullcontext():
            found[split] = listed_videos(values, folder, split, missing="report")
    return found


def leave_out_short(videos: VideoList, min_frames: int) -> tuple[VideoList, list[tuple[str, str]]]:
    """The videos but for folders of fewer frames (or segments of them), and (path, reason) of those left out.

    The release leaves out folders of fewer than 8 frames, in training and single-view validation. Files stay, and so
    does what cannot be read, for `VideoDataset` to name or to skip.
    """
    kept, left_out, folders = [], [], dict[Path, Reader]()
    for video in videos.videos:
        if min_frames and video.path.is_dir():
            try:
                if video.path not in folders:  # a folder may hold many segments
                    folders[video.path] = open_video(video.path)
                first, stop = folders[video.path].part(video.start, video.end, video.duration)
            except (ValueError, VideoError):
                first, stop = 0, min_frames
            if stop - first < min_frames:
                left_out.append((str(video.path), f"left out: {stop - first} frames, fewer than {min_frames}"))
                continue
        kept.append(video)
    return replace(videos, videos=tuple(kept)), left_out

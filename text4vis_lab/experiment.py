"""One cell of an experiment's table: a classifier is initialised, trained on some videos and scored on others.

The notebooks loop over initialisations, shots and seeds; what happens inside the loop is here, once. A `Source` says
where models and class embeddings come from, `Clips` how videos become clips.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from text4vis_core.data.datasets import ON_ERROR, VideoDataset, Views, leave_out_short
from text4vis_core.data.frame_store import FrameStore
from text4vis_core.data.transforms import CROPS, LIGHT_AUGMENTATION, PUBLISHED_AUGMENTATION
from text4vis_core.data.video_list import VideoList
from text4vis_core.evaluation.embedding import EmbeddedVideos, embed_videos
from text4vis_core.evaluation.metrics import topk_accuracy
from text4vis_core.model.checkpoints import load_text4vis_checkpoint
from text4vis_core.model.classifier import INITIALISERS, LinearClassifier, initialise
from text4vis_core.model.clip import Clip, load_class_embeddings, load_clip
from text4vis_core.model.labels import NAME_STYLES, TEMPLATES, prompts
from text4vis_core.model.temporal import split_temporal
from text4vis_core.model.video_classifier import VideoClassifier, fingerprint
from text4vis_core.processes import Processes, rank, world
from text4vis_core.training.contrastive import TextTower
from text4vis_core.training.hardware import full_state, make_fabric
from text4vis_core.training.loop import AfterEpoch, Fit, fit
from text4vis_core.training.recipe import TrainingConfig

from .cache.cache import cached_class_embeddings, cached_videos
from .records import check_choices

AUGMENTATIONS = {"light": LIGHT_AUGMENTATION, "published": PUBLISHED_AUGMENTATION}
LINEAR = "linear"  # in the place of an initialisation: the vision-only baseline, which knows no class embeddings


@dataclass(frozen=True)
class Source:
    """Where models and class embeddings come from: a CLIP, or a published checkpoint with the text side beside it.

    Attributes:
        clip: image and text tower. None for a checkpoint whose class embeddings are in a file.
        checkpoint: file in the published format, with the image encoder, its temporal modules and logit scale.
        checkpoint_temporal: see `load_text4vis_checkpoint`.
        temporal: of a model made from `clip`: see `VideoClassifier`.
        temporal_heads: of the temporal transformer; None for the default.
        temporal_options: further arguments of the temporal head.
        num_frames: frames in a clip.
        names: style of the class names, a key of `labels.NAME_STYLES`.
        template: prompt template of the class embeddings.
        class_embeddings_file: saved class embeddings, instead of the text tower's.
        cache: folder that keeps what the text tower gave, see `cache`; empty: nothing is kept.
    """

    clip: Clip | None
    checkpoint: str = ""
    checkpoint_temporal: str = "auto"
    temporal: str = "mean"
    temporal_heads: int | None = None
    temporal_options: dict = field(default_factory=dict)
    num_frames: int = 8
    names: str = "words"
    template: str = TEMPLATES["published"]
    class_embeddings_file: str = ""
    cache: str = ""

    def __post_init__(self):
        prompts(["x"], self.template)
        check_choices("names", self.names, NAME_STYLES)
        split_temporal(self.temporal)
        if self.clip is None and not (self.checkpoint and self.class_embeddings_file):
            raise ValueError("without a model, a checkpoint and a file of class embeddings are needed, both")

    @classmethod
    def load(cls, model: str, pretrained: str = "", **settings) -> "Source":
        """From an open_clip name and its weights, or a folder; `model` may be empty where no text tower is needed."""
        return cls(load_clip(model, pretrained or None) if model else None, **settings)

    def model(self, seed: int = 0) -> VideoClassifier:
        """A model before training, on the GPU where there is one; new parameters are drawn by `seed`.

        Raises:
            ValueError, CheckpointError: the checkpoint cannot be used, or the text tower is another model's.
        """
        heads = self.temporal_heads or None
        if not self.checkpoint:
            options = self.temporal_options
            model = VideoClassifier.from_clip(self.clip, self.temporal, heads, self.num_frames, seed, **options)
        else:
            model = load_text4vis_checkpoint(self.checkpoint, self.num_frames, self.checkpoint_temporal, heads)
            if self.clip is not None and self.clip.dim != model.dim:
                raise ValueError(
                    f"{self.checkpoint} has embeddings of size {model.dim}, the text tower of {self.clip.source} gives "
                    f"{self.clip.dim}: set model to the CLIP that the checkpoint was trained from"
                )
        return model.to("cuda" if torch.cuda.is_available() else "cpu", memory_format=model.memory_format)

    def class_embeddings(self, videos: VideoList) -> Tensor:
        """Class embeddings (C, D) of a list's classes, rows of unit length.

        Raises:
            ValueError: the file lacks a class (which), or cannot be read.
        """
        names = videos.class_names(self.names)
        if self.class_embeddings_file:
            return load_class_embeddings(self.class_embeddings_file, names)
        if self.cache:
            return cached_class_embeddings(self.cache, self.clip, names, self.template)
        return self.clip.class_embeddings(names, self.template)

    def fingerprints(self) -> dict[str, str]:
        """SHA-256 of each file or model that the numbers depend on."""
        files = {"checkpoint": self.checkpoint, "class_embeddings": self.class_embeddings_file}
        prints = {name: _sha256(name, Path(file)) for name, file in files.items() if file}
        return prints | ({"clip": fingerprint(self.clip.model)} if self.clip else {})


@dataclass(frozen=True)
class Clips:
    """How videos become clips, the same for every cell of a table.

    Attributes:
        num_frames: frames in a clip.
        dense: dense instead of segment sampling.
        resize: short side before cropping, in training and evaluation (256 in the published code); None: evaluation
            scales to the model's size, training crops from the frame as it is.
        min_frames: frame folders with fewer are left out of training and single-view evaluation, and counted.
        augmentation: a key of `AUGMENTATIONS`.
        options: fields of `transforms.Augmentation` that differ, such as `randaugment`.
        on_error: "raise" or "skip", for videos that cannot be decoded.
        num_workers: processes that decode, for each that computes.
        timeout: seconds that decoding one video may take, with workers; 0 for no limit.
        processes: those that train and encode.
        store: keeps small videos in memory, for all cells of a table.
        cache: folder that keeps the embeddings of models that are not trained, see `cache`; empty: nothing is kept.
    """

    num_frames: int = 8
    dense: bool = False
    resize: int | None = None
    min_frames: int = 0
    augmentation: str = "light"
    options: dict = field(default_factory=dict)
    on_error: str = "raise"
    num_workers: int = 0
    timeout: float = 0.0
    processes: Processes = field(default_factory=Processes)
    store: FrameStore = field(default_factory=FrameStore)
    cache: str = ""

    def __post_init__(self):
        if not isinstance(self.num_frames, int) or self.num_frames < 1:
            raise ValueError(f"num_frames is {self.num_frames!r}; it must be a whole number, at least 1")
        if self.resize is not None and self.resize < 0:
            raise ValueError(f"resize is {self.resize}; it must be 0 or more")
        check_choices("on_error", self.on_error, ON_ERROR)
        check_choices("augmentation", self.augmentation, AUGMENTATIONS)

    def check(self, size: int) -> None:
        """Raise a ValueError where crops of a model's input size do not fit into the scaled frame."""
        if self.resize and self.resize < size:
            raise ValueError(f"parameter resize: {self.resize} is less than {size}, the model's input size")

    def long_enough(
        self, train: VideoList, test: VideoList, clips: int = 1, crops: int = 1
    ) -> tuple[VideoList, VideoList, list[tuple[str, str]]]:
        """Both lists without what `min_frames` leaves out, and (path, reason) of that; nothing of multi-view tests."""
        train, left_out = leave_out_short(train, self.min_frames)
        test, more = leave_out_short(test, self.min_frames if clips * crops == 1 else 0)
        return train, test, left_out + more

    def training(self, videos: VideoList, size: int, seed: int) -> VideoDataset:
        """Random training clips."""
        augmentation = replace(AUGMENTATIONS[self.augmentation], **self.options)
        return self._dataset(videos, size, self._views(training=True, augmentation=augmentation), seed)

    def evaluation(self, videos: VideoList, size: int, clips: int = 1, crops: int = 1) -> VideoDataset:
        """Evaluation views."""
        return self._dataset(videos, size, self._views(clips=clips, crops=crops))

    def embed(
        self,
        model: VideoClassifier,
        videos: VideoList,
        clips: int = 1,
        crops: int = 1,
        progress: str | None = None,
        *,
        cache: bool = True,
    ) -> EmbeddedVideos:
        """The views of each video, encoded; or read, where the cache has them.

        Args:
            cache: False for a trained model, whose embeddings nobody asks for again: they would fill the disk.
        """
        dataset = self.evaluation(videos, model.size, clips, crops)
        # As many frames at a time as 32 single views have.
        batch_size = max(1, 32 // (clips * crops))

        def encoded() -> EmbeddedVideos:
            return self.processes.run(
                embed_videos, model, dataset, batch_size, self.num_workers, progress, timeout=self.timeout
            )

        if not (cache and self.cache) or world() > 1:  # one process reads and writes it, for all
            return encoded()
        # The last bits depend on how many videos are encoded at a time, and on the cores that a process has.
        how = {"batch_size": batch_size, "processes": [self.processes.devices, self.processes.num_nodes]}
        return cached_videos(self.cache, model, dataset, encoded, how, self.num_workers, self.timeout)

    def _views(self, **settings) -> Views:
        return Views(dense=self.dense, resize=self.resize or None, **settings)

    def _dataset(self, videos: VideoList, size: int, views: Views, seed: int = 0) -> VideoDataset:
        kept = {"on_error": self.on_error, "store": self.store}
        return VideoDataset(videos, self.num_frames, size, views, seed=seed, **kept)


def check_views(clips: int, crops: int) -> None:
    """Raise a ValueError that names the parameter, for numbers of views that no video can be seen in."""
    if not isinstance(clips, int) or clips < 1:
        raise ValueError(f"parameter clips: {clips!r}; it must be a whole number, at least 1")
    check_choices("crops", crops, CROPS)


@dataclass
class Trained:
    """A cell's outcome: the model, its history, the classifier's rows before, and the test videos' embeddings after.

    Attributes:
        initial_rows: (C, D); None for the vision-only baseline.
    """

    model: VideoClassifier
    fit: Fit
    initial_rows: Tensor | None
    test: EmbeddedVideos


def method_name(initialisation: str, frozen: bool) -> str:
    """As figures and records call it: "text, frozen"."""
    return f"{initialisation}, {'frozen' if frozen else 'trainable'}"


def methods(frozen: list[str], trainable: list[str]) -> dict[str, tuple[str, bool]]:
    """Names of the methods -> (initialisation, frozen).

    Raises:
        ValueError: an unknown initialisation, with the choices.
    """
    pairs = [(name, True) for name in frozen] + [(name, False) for name in trainable]
    for name, _ in pairs:
        if name not in INITIALISERS:
            raise ValueError(f"unknown initialisation {name!r}; choose from: {', '.join(INITIALISERS)}")
    return {method_name(name, is_frozen): (name, is_frozen) for name, is_frozen in pairs}


def train_and_test(
    source: Source,
    train: VideoList,
    test: VideoList,
    config: TrainingConfig,
    clips: Clips,
    *,
    initialisation: str,
    frozen: bool,
    run_dir: Path,
    name: str,
    views: tuple[int, int] = (1, 1),
    fine_tune: bool = True,
    test_every_epoch: bool = False,
    counted_classes: Sequence[int] | None = None,
    progress: bool = True,
) -> Trained:
    """Initialise a classifier of `train`'s classes, fine-tune, and embed `test`, whose classes must be the same.

    On the processes of `clips.processes`.

    Args:
        source: gives the model and the class embeddings.
        train, test: videos.
        config: the recipe; its seed also draws the classifier's rows and new parameters.
        clips: how videos become clips, and on which processes.
        initialisation: a key of `classifier.INITIALISERS`, or "linear" for the vision-only baseline.
        frozen: keep the classifier's rows.
        run_dir: checkpoints go to its folder `checkpoints`.
        name: of this cell, for checkpoint and progress bar.
        views: clips and crops of each test video.
        fine_tune: else nothing is trained, and the model is tested as it is.
        test_every_epoch, counted_classes: whether test accuracy joins the history, and of which classes (all if None).
        progress: show a progress bar over steps.

    Raises:
        ValueError: an unknown name, with the choices.
        CheckpointError, VideoError: see `fit`.
        ProcessesError: one of several processes died too often.
    """
    arguments = locals()
    return clips.processes.run(_train_and_test, **arguments)


def _train_and_test(
    source: Source,
    train: VideoList,
    test: VideoList,
    config: TrainingConfig,
    clips: Clips,
    initialisation: str,
    frozen: bool,
    run_dir: Path,
    name: str,
    views: tuple[int, int],
    fine_tune: bool,
    test_every_epoch: bool,
    counted_classes: Sequence[int] | None,
    progress: bool,
) -> Trained:
    model, rows = _untrained(source, train, config, initialisation), None
    if initialisation != LINEAR:
        needs = {}
        if initialisation == "text":
            needs["class_embeddings"] = source.class_embeddings(train)
        if initialisation == "lda":
            known = clips.embed(model, train)  # a video that is left out here is left out, and listed, in training too
            needs |= {"features": torch.nn.functional.normalize(known.mean, dim=-1), "labels": known.labels}
        rows = initialise(initialisation, len(train.classes), model.dim, seed=config.seed, **needs)
        model.set_classifier(rows, frozen)

    counted = test if counted_classes is None else test.only(counted_classes)

    def test_accuracy(model: VideoClassifier) -> dict:
        return {"test_top1": accuracy(model, clips.embed(model, counted, cache=False))[0]}

    outcome = Fit()
    if fine_tune:
        outcome = fit(
            model,
            clips.training(train, model.size, config.seed),
            config,
            checkpoint_dir=run_dir / "checkpoints",
            name=name,
            after_epoch=AfterEpoch(test_accuracy, counted.fingerprint()) if test_every_epoch else None,
            progress=progress,
        )
    tested = clips.embed(model, test, *views, cache=not fine_tune)
    if world() > 1 and config.strategy == "fsdp":  # each process has but a share of the parameters
        weights = full_state(make_fabric(), model)
        if rank() == 0:
            model = _untrained(source, train, config, initialisation)
            if rows is not None:
                model.set_classifier(rows, frozen)
            model.load_state_dict(weights["model"])
            model.eval()
    return Trained(model, outcome, rows, tested)


def _untrained(source: Source, train: VideoList, config: TrainingConfig, initialisation: str) -> VideoClassifier:
    """The model before training, but for the rows of its classifier."""
    model = source.model(config.seed)
    if config.objective == "contrastive":
        model.text_tower = TextTower(source.clip, train.class_names(source.names), source.template)
    elif initialisation == LINEAR:
        model.classifier = LinearClassifier(len(train.classes), model.dim, config.seed).to(model.logit_scale.device)
    return model


@torch.no_grad()
def accuracy(
    model: VideoClassifier, videos: EmbeddedVideos, classes: Sequence[int] | None = None
) -> tuple[float, float]:
    """Top-1 and top-5 of the model's own classifier, in percent; only videos of `classes` count, if given.

    Of a video with several labels any is right.
    """
    scores = own_scores(model, videos)
    return tuple(topk_accuracy(scores, videos.truth, k, classes) for k in (1, 5))


@torch.no_grad()
def own_scores(model: VideoClassifier, videos: EmbeddedVideos) -> Tensor:
    """Logits (N, C) of the model's own classifier for the mean of each video's views, on the CPU."""
    return model.classifier(videos.mean.to(model.logit_scale.device), model.logit_scale).cpu()


def _sha256(parameter: str, path: Path) -> str:
    if not path.is_file():
        raise FileNotFoundError(f"parameter {parameter}: there is no file {path}")
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()

"""Few of the miniature's films as a data set of its own, and runs on it in which nothing is wrong."""

import contextlib
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from PIL import Image

from text4vis_core.data.datasets import VideoDataset, Views
from text4vis_core.data.formats.readers import load_videos
from text4vis_core.data.video import decode_frames, open_video
from text4vis_core.data.video_list import Video
from text4vis_core.model.checkpoints import save_text4vis_checkpoint
from text4vis_core.model.clip import load_clip
from text4vis_core.model.video_classifier import VideoClassifier
from text4vis_core.training.loop import AfterEpoch, fit
from text4vis_core.training.recipe import TrainingConfig

from .. import miniature
from ..cell import Cell
from ..groups import group_name
from ..lab import Lab
from ..miniature.making import PER_CLASS
from ..progress import watched_bars
from ..records import read_record

PICTURE = "img_{:05d}.jpg"
SHOTS, EPOCHS, RATE = 2, 3, 1e-3
MOST = PER_CLASS["test_per_class"]
BETWEEN = 7  # classes, from the one that a film of two begins with to the one that it ends with
ZERO_SHOT = ("data", "model", "clips", "hardware")  # groups of settings of its notebook


@dataclass(frozen=True)
class Ground:
    """Few of the miniature's films as folders of pictures, listed as the release lists data sets, and runs on them.

    Attributes:
        folder: for data sets and runs; nothing is written elsewhere, but for the miniature where it is missing.
        tested: films of each class that are tested; a ValueError for other than 1 to `MOST`.
        trained: films of each class to train on, `SHOTS` at least.
    """

    folder: Path
    tested: int = 5
    trained: int = 4

    def __post_init__(self):
        if not 1 <= self.tested <= MOST:
            raise ValueError(f"{self.tested} films of each class were asked for; it must be 1 to {MOST}")

    @cached_property
    def films(self) -> dict[str, list[Video]]:
        """The films of "train" and "test", group by group, so that each class has as many."""
        found = {}
        for split, count in (("train", self.trained), ("test", self.tested)):
            videos = load_videos("puppets", self.world.videos, split).videos
            groups = sorted({group_name("puppets", str(video.path)) for video in videos})[:count]
            found[split] = [video for video in videos if group_name("puppets", str(video.path)) in groups]
        return found

    @cached_property
    def classes(self) -> list[str]:
        """As the data set spells them: JumpingJacks."""
        return list(load_videos("puppets", self.world.videos, "test").classes)

    @cached_property
    def world(self) -> miniature.Miniature:
        """The miniature, made where it is missing."""
        return miniature.make()

    @cached_property
    def data(self) -> Path:
        """The data set as it should be."""
        return self.data_set("right", {film: decoded(film) for films in self.films.values() for film in films})

    def data_set(
        self,
        name: str,
        frames: Mapping[Video, np.ndarray | Sequence[Path]] | None = None,
        classes: Sequence[str] = (),
        missing: Sequence[Video] = (),
        more: Mapping[Video, tuple[int, ...]] | None = None,
        quality: int = 95,
    ) -> Path:
        """A data set in lists of `path frames label`; its folder.

        Args:
            name: of the folder.
            frames: uint8 (T, H, W, 3) of each film, which are written, or files, of which it is made; None: the
                pictures of `data`.
            classes: names in the order of their ids; empty for that of `classes`.
            missing: films whose pictures are not there.
            more: further labels.
            quality: of JPEG.
        """
        root = self.folder / "data" / name
        root.mkdir(parents=True, exist_ok=True)
        for film, pictures in (frames or {}).items():
            _write(root / "frames" / film.path.stem, pictures, quality)
        if frames is None and not (root / "frames").exists():
            (root / "frames").symlink_to((self.data / "frames").resolve(), target_is_directory=True)
        for split, films in self.films.items():
            lines = []
            for film in films:
                if split == "test" or not frames or film in frames:
                    count = 0 if film in missing else len(list((root / "frames" / film.path.stem).iterdir()))
                    fields = film.path.stem, count, film.label, *(more or {}).get(film, ())
                    lines.append(",".join(map(str, fields)) + "\n")
            (root / f"{split}_rgb_split_1.txt").write_text("".join(lines))
        with open(root / "labels.csv", "w", newline="") as file:
            csv.writer(file).writerows([("id", "name"), *enumerate(classes or self.classes)])
        return root

    def settings(self, run: str, given: dict[str, Any]) -> dict[str, Any]:
        """Those of a run of this name: what is `given`, and else the right ones."""
        common = {"run_dir": str(self.folder / "runs" / run), "dataset": "tsn", "cache": str(self.folder / "cache")}
        return common | ({} if "data_root" in given else {"data_root": str(self.data)}) | given

    def zero_shot(self, run: str, classes: Sequence[int] | None = None, **given: Any) -> dict:
        """A record of the zero-shot notebook's laboratory: the test videos by their names, three crops of each.

        Args:
            run: its name.
            classes: between which the model decides; all, when None.
            given: settings.
        """
        given = self.settings(run, {"crops": 3, "folds": [1], "split": "test"} | given)
        with quietly(given["run_dir"]):
            lab = Lab.open("02_zero_shot", given, uses=ZERO_SHOT)
            lab.zero_shot({"test": lab.test if classes is None else lab.test.select_classes(classes)}, {"fold": 1})
            return read_record(lab.save())

    def few_shot(self, run: str, draw: int = 0, order: int = 0, **given: Any) -> dict:
        """A record of the few-shot notebook's laboratory: a last layer of text, trained on few videos.

        Args:
            run: its name.
            draw: seed of the videos.
            order: seed of their order and clips.
            given: settings.
        """
        own = {"shots": [SHOTS], "frozen": ["text"], "trainable": [], "seeds": [0], "epochs": EPOCHS, "lr": RATE}
        given = self.settings(run, own | given)
        with quietly(given["run_dir"]):
            lab = Lab.open("03_few_shot", given)
            few, [method] = lab.train.few_shot(SHOTS, draw), lab.methods
            lab.run([Cell(method, few, {"test": lab.test}, lab.recipe(order, method, SHOTS), {"shots": SHOTS})])
            return read_record(lab.save())

    @cached_property
    def right(self) -> dict:
        """The zero-shot run in which nothing is wrong."""
        return self.zero_shot("right")

    @cached_property
    def right_few_shot(self) -> dict:
        """The same of few-shot training."""
        return self.few_shot("right few shots")

    @cached_property
    def two_labels(self) -> Path:
        """A data set of films that show one class and then another."""
        place = {(group_name("puppets", str(film.path)), film.label): film for film in self.films["test"]}
        frames, more = {}, {}
        for (group, label), film in place.items():
            second = (label + BETWEEN) % len(self.classes)
            halves = [self.data / "frames" / each.path.stem for each in (film, place[group, second])]
            frames[film] = [path for half in halves for path in sorted(half.iterdir())[::2]]
            more[film] = (second,)
        return self.data_set("two labels", frames, more=more)

    @cached_property
    def right_two_labels(self) -> dict:
        """The zero-shot run on films of two classes."""
        return self.zero_shot("right two labels", data_root=str(self.two_labels))

    @cached_property
    def checkpoints(self) -> list[Path]:
        """Mini CLIP after each epoch of a short training, in the published format: pixels are normalised as there."""
        videos, clip = load_videos("tsn", self.data, "train"), load_clip(str(self.world.clip))
        model = VideoClassifier.from_clip(clip)
        for name, values in (("mean", OPENAI_DATASET_MEAN), ("std", OPENAI_DATASET_STD)):
            getattr(model, name).copy_(torch.tensor(values)[:, None, None])
        model.set_classifier(clip.class_embeddings(videos.names))
        folder = self.folder / "checkpoints"
        paths = [folder / f"epoch-{epoch + 1}.pt" for epoch in range(EPOCHS)]
        left = iter(enumerate(paths, start=1))

        def keep(model: VideoClassifier) -> dict:
            epoch, path = next(left)
            save_text4vis_checkpoint(path, model, epoch)
            return {}

        clips = VideoDataset(videos, 8, model.size, Views(training=True))
        recipe = TrainingConfig(epochs=EPOCHS, batch_size=16, lr=RATE, warmup_epochs=0.0, grad_clip=1.0)
        fit(model, clips, recipe, checkpoint_dir=folder, name="training", after_epoch=AfterEpoch(keep), progress=False)
        return paths

    @cached_property
    def right_epoch(self) -> dict:
        """The zero-shot run of the last epoch's checkpoint."""
        return self.zero_shot("last epoch", checkpoint=str(self.checkpoints[-1]))


@contextlib.contextmanager
def quietly(run_dir: str) -> Iterator[None]:
    """A run inside of another: what it prints is not the other's, and bars tell of themselves as before."""
    with watched_bars(run_dir), contextlib.redirect_stdout(io.StringIO()):
        yield


def decoded(film: Video) -> np.ndarray:
    """All frames of a film, uint8 (T, H, W, 3)."""
    opened = open_video(film.path)
    return decode_frames(opened, film.path, np.arange(len(opened)))


def _write(folder: Path, pictures: np.ndarray | Sequence[Path], quality: int) -> None:
    """Pictures into a folder: of pixels they are encoded, files are linked."""
    if folder.exists():
        return
    folder.mkdir(parents=True)
    for number, picture in enumerate(pictures, start=1):
        if isinstance(picture, Path):
            (folder / PICTURE.format(number)).hardlink_to(picture)
        else:
            Image.fromarray(picture).save(folder / PICTURE.format(number), quality=quality, subsampling=0)

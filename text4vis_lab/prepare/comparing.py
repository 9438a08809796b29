"""Recipes of copies side by side: bytes, quality, samples per second, and what a model sees of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from torch.nn.functional import cosine_similarity

from text4vis_core.data.datasets import VideoDataset, Views
from text4vis_core.data.sampling import evaluation_indices
from text4vis_core.data.video_list import VideoList
from text4vis_core.evaluation.embedding import EmbeddedVideos

from ..frame_store import FrameStore
from ..intervals import mean_interval
from ..timing import time_samples
from .copying import Recipe
from .data_set import Work, prepare
from .index import read_prepared

ORIGINAL = "original"


def recipes_of(short_side: int, pairs: Sequence[Sequence[int]]) -> list[Recipe]:
    """A recipe for each pair of gop and crf.

    Raises:
        ValueError: something else than pairs, or numbers that no recipe has.
    """
    try:
        return [Recipe(short_side=short_side, gop=gop, crf=crf) for gop, crf in pairs]
    except (TypeError, ValueError) as error:
        raise ValueError(f"parameter others: {list(pairs[1:])}; it must be a list of gop and crf ({error})") from None


@dataclass
class Trials:
    """The same videos as originals and as copies by several recipes.

    Attributes:
        forms: "original" and "gop 1, crf 26" and the like -> the videos.
        measured: form -> what was measured of it and comes out the same every time.
        gains: form -> (mean, half width) of the ratio of samples per second to that of the originals.
        store: reads them.
    """

    forms: dict[str, VideoList]
    measured: dict[str, dict[str, float]]
    gains: dict[str, tuple[float, float]]
    store: FrameStore = field(default_factory=FrameStore)

    def middle_frames(self) -> list[np.ndarray]:
        """The frame in the middle of the first video, of each form: uint8 (H, W, 3)."""
        firsts = (videos.videos[0] for videos in self.forms.values())
        return [self.store.read(video, lambda length: evaluation_indices(length, 1))[0] for video in firsts]

    def time_samples(self, num_frames: int, size: int, count: int, repeats: int) -> dict[str, list[float]]:
        """Seconds that training samples take on one thread, the forms in turn: form -> a value for each repetition.

        Args:
            num_frames: frames in a clip.
            size: of the model's input in pixels.
            count: videos of which samples are taken.
            repeats: times that each of them is.
        """
        datasets = {
            name: VideoDataset(videos, num_frames, size, Views(training=True), store=self.store)
            for name, videos in self.forms.items()
        }

        taken = time_samples(datasets, count, repeats)
        for name, values in taken.items():
            ratios = [before / after for before, after in zip(taken[ORIGINAL], values, strict=True)]
            self.gains[name] = mean_interval(ratios)
        return taken

    def see(self, embedded: Mapping[str, EmbeddedVideos], top1: Mapping[str, float]) -> None:
        """Note what a model sees: its accuracy (percent), and the cosine of each embedding to the original's."""
        for name, videos in embedded.items():
            between = cosine_similarity(embedded[ORIGINAL].mean, videos.mean)
            self.measured[name] |= {"top-1 (%)": top1[name]}
            self.measured[name] |= {"mean cosine": between.mean().item(), "least cosine": between.min().item()}

    def table(self) -> pd.DataFrame:
        """A row for each form: what was measured, and the gain in samples per second."""
        gains = {name: {"times the samples per second": mean, "±": half} for name, (mean, half) in self.gains.items()}
        return pd.DataFrame({name: row | gains.get(name, {}) for name, row in self.measured.items()}).T


def compare_recipes(videos: VideoList, folder: Path, recipes: Sequence[Recipe], fold: int, work: Work) -> Trials:
    """Copy videos by several recipes.

    Args:
        videos: the originals.
        folder: gets a folder for each recipe.
        recipes: how.
        fold: of the data set, which the indices' names hold.
        work: how copying goes on; a video that cannot be copied is an error.

    Raises:
        VideoError: such a one.
    """
    forms, measured = {ORIGINAL: videos}, {ORIGINAL: {"times the bytes": 1.0}}
    for recipe in recipes:
        name = f"gop {recipe.gop}, crf {recipe.crf}"
        copies = folder / name
        done = prepare(videos, copies, split="trial", fold=fold, recipe=recipe, work=replace(work, on_error="raise"))
        forms[name] = read_prepared(copies, "trial", fold)
        ratio = done.bytes_after / done.bytes_before
        measured[name] = {"times the bytes": ratio, "lowest PSNR (dB)": done.lowest_psnr}
    return Trials(forms, measured, {}, FrameStore(reading=work.reading))

"""The bench's parts, one after the other: each measures, draws, and tabulates what it is measured against."""

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from IPython.display import display
from matplotlib.figure import Figure

from text4vis_core.data.video_list import VideoList

from .. import tables
from ..answering import Reading
from ..lists import repeated
from ..settings import check_choices
from . import PARTS, clips, copies, figures, fresh, loading, machine, model, opening, parallel, views
from .measurement import Quantity

Measured = tuple[list[Quantity], list[Quantity]]  # what was measured, and what of it is tabulated
REPEATED = "median and 95 % interval"


@dataclass(frozen=True)
class Sizes:
    """How much is measured; the names are the notebook's parameters.

    Attributes:
        parts: names in `PARTS`.
        repeats, long_repeats: repetitions of what takes a second at most, and of what takes longer.
        videos: different videos that are decoded in a repetition.
        model: open_clip name of the model that is started.
        small: a tiny model in the place of ViT-B/32, and films of 20 seconds in the place of an hour.
        cores: workers and processes at most; 0: as many as the machine has cores.
        worker_samples, memory_samples: samples of each number of workers, and over which memory is watched.
        indexed_videos, scored_videos: videos of an index that is opened, and that are scored.
    """

    parts: list[str]
    repeats: int
    long_repeats: int
    videos: int
    model: str
    small: bool
    cores: int
    worker_samples: int
    memory_samples: int
    indexed_videos: int
    scored_videos: int

    def __post_init__(self) -> None:
        check_choices("parts", self.parts, PARTS)
        counts = ("repeats", "long_repeats", "videos", "worker_samples", "memory_samples")
        for name in (*counts, "indexed_videos", "scored_videos"):
            if getattr(self, name) < 1:
                raise ValueError(f"parameter {name}: {getattr(self, name)}; it must be at least 1")


@dataclass
class Bench:
    """Measures part by part.

    Attributes:
        sizes: how much.
        folder: for what is written meanwhile.
        quantities: all that was measured so far.
        curves: what was measured over time.
        drawn: figures of the parts that were measured, each with its caption and in words, until they are shown.
        yardstick: the videos that are decoded.
    """

    sizes: Sizes
    folder: Path
    quantities: list[Quantity] = field(default_factory=list)
    curves: dict[str, Any] = field(default_factory=dict)
    drawn: list[tuple[Figure, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._begin = time.perf_counter()
        self.cores = self.sizes.cores or os.cpu_count() or 1
        self.yardstick: VideoList = clips.write_videos(self.folder / "videos", self.sizes.videos)

    def measure(self, part: str) -> pd.DataFrame | None:
        """Measure a part and draw it; the table of its limits, and nothing where it was not asked for."""
        if part not in self.sizes.parts:
            return None
        measured, tabulated = getattr(self, f"_{part}")()
        self.quantities += measured
        return figures.table(tabulated) if tabulated else None

    def show(self, part: str, picture: Callable[..., Any]) -> Any:
        """`measure` a part, display its figures by `Lab.picture`, and return its table as a page shows it."""
        table = self.measure(part)
        for number, (figure, caption, told) in enumerate(self.drawn):
            display(picture(figure, f"{part}-{number}", caption, told))
        self.drawn.clear()
        if part not in self.sizes.parts:
            return Reading(f"Not measured: {part} is not among the parts that were asked for.")
        return None if table is None else tables.show(table.reset_index(), "Medians over repetitions.", ["quantity"])

    def matrix_products(self) -> pd.DataFrame:
        """The ceiling of what a model can do here."""
        rates = machine.matmul_rates(3 * self.sizes.repeats)
        self.quantities += rates
        return figures.table(rates)

    def against_limits(self) -> list[Quantity]:
        """What has a limit, the bench's own time among it."""
        took = time.perf_counter() - self._begin
        self.quantities.append(Quantity("this bench, all of it", [took], "s", limit=600))
        return [quantity for quantity in self.quantities if quantity.limit is not None]

    def _draw(self, figure: Figure, title: str, found: Iterable[Quantity]) -> None:
        told = "; ".join(f"{quantity.name}: {quantity.measured}" for quantity in found)
        self.drawn.append((figure, f"{title}. Medians with their 95 % intervals.", f"{told}."))

    def _samples(self) -> Measured:
        found = loading.sample_quantities(loading.sample_times(self.yardstick, self.sizes.repeats))
        title = f"One video, one thread ({self.sizes.repeats} repetitions of {self.sizes.videos} videos)"
        return found, self._bars(found, title, f"milliseconds, {REPEATED}")

    def _opening(self) -> Measured:
        frames, repeats = 600 if self.sizes.small else 108_000, -(-self.sizes.long_repeats // 3)  # 30 a second
        found = opening.opening_quantities(self.folder / "films", frames, repeats, clips.SIZE)
        title = f"A film of {frames} frames, opened by a fresh process ({repeats} repetitions)"
        self._bars([quantity for quantity in found if quantity.unit == "s"], title, f"seconds, {REPEATED}")
        return found, [quantity for quantity in found if quantity.limit or not quantity.unit]

    def _copies(self) -> Measured:
        copied = copies.copy_quantities(self.yardstick, self.folder / "copies", self.sizes.repeats, self.cores)
        index = copies.index_opening(self.folder / "index", self.sizes.indexed_videos, self.sizes.long_repeats)
        self.by_form = copies.by_form(copied)
        return [*copied, index], [*(quantity for quantity in copied if quantity.limit), index]

    def _workers(self) -> Measured:
        sizes, numbers = self.sizes, parallel.numbers(self.cores)
        loaded, decoded = parallel.worker_rates(self.yardstick, numbers, sizes.worker_samples, sizes.long_repeats)
        title = f"Workers ({sizes.long_repeats} repetitions of {sizes.worker_samples} samples)"
        rates = {"training samples": loaded, "decoding alone": decoded}
        figure = figures.scaling(rates, title=title, xlabel="processes that decode", ylabel="samples a second")
        self._draw(figure, title, [*loaded.values(), *decoded.values()])
        scaled = parallel.worker_scaling(loaded, decoded, os.cpu_count() or 1)
        return [*loaded.values(), *decoded.values(), *scaled], scaled

    def _memory(self) -> Measured:
        samples = self.sizes.memory_samples
        self.curves["memory"] = fresh.memory_curve(self.folder / "tiny", samples, num_workers=1)
        growth = fresh.memory_growth(self.curves["memory"])
        title = f"Memory over {samples} samples"
        self._draw(figures.memory(self.curves["memory"], growth[0], title=title), title, growth)
        return growth, growth

    def _model(self) -> Measured:
        sizes = self.sizes
        stepped = model.step_quantities(model.step_times(sizes.long_repeats, sizes.small), sizes.small)
        title = f"One training step ({sizes.long_repeats} repetitions)"
        tabulated = self._bars(stepped, title, f"seconds, {REPEATED}")
        inferred = model.inference_quantities(model.inference_rate(sizes.repeats, sizes.small), sizes.small)
        title = f"Operations a second ({sizes.repeats} repetitions)"
        tabulated = [*tabulated, *self._bars(inferred, title, f"GFLOP/s, {REPEATED}")]
        return [*stepped, *inferred], tabulated

    def _evaluation(self) -> Measured:
        small, repeats = self.sizes.small, -(-self.sizes.long_repeats // 2)
        found = views.evaluation_quantities(views.evaluation_times(self.folder / "pictures", repeats, small), small)
        return found, self._bars(found, f"Evaluating a video ({repeats} repetitions)", f"seconds, {REPEATED}")

    def _starts(self) -> Measured:
        weights = self.folder / "weights.safetensors"
        fresh.save_random_weights(self.sizes.model, weights)
        video = self.yardstick.videos[0].path
        found = fresh.imports(self.sizes.repeats)
        found += fresh.embeddings(self.sizes.model, weights, video, self.sizes.long_repeats)
        return found, found

    def _scoring(self) -> Measured:
        count = self.sizes.scored_videos
        scored = fresh.large_scale(count)
        found = [
            Quantity(f"scoring {count} videos", [scored["seconds"]], "s"),
            Quantity(f"scoring {count} videos, largest memory", [scored["peak_gb"]], "GB", limit=2),
        ]
        return found, found

    def _processes(self) -> Measured:
        repeats, numbers = self.sizes.long_repeats, parallel.numbers(self.cores)[1:]
        shared = clips.in_classes(repeated(self.yardstick, 13), 3)
        rates, agreement = parallel.process_rates(shared, numbers, str(self.folder), repeats)
        title = f"Processes ({repeats} repetitions)"
        figure = figures.scaling(rates, title=title, xlabel="processes", ylabel="videos a second")
        self._draw(figure, title, [rate for of_task in rates.values() for rate in of_task.values()])
        scaled = [*parallel.process_scaling(rates), *agreement]
        return [*(rate for of_task in rates.values() for rate in of_task.values()), *scaled], scaled

    def _bars(self, found: list[Quantity], title: str, xlabel: str) -> list[Quantity]:
        """Draw what has a unit; returns the ratios, which have none."""
        with_unit = [quantity for quantity in found if quantity.unit]
        self._draw(figures.bars(with_unit, title=title, xlabel=xlabel), title, with_unit)
        return [quantity for quantity in found if not quantity.unit]

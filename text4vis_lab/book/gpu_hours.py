"""The hours of the paper's runs on GPUs whose steps were measured: what the page about them is filled with."""

from collections.abc import Mapping
from pathlib import Path

from ..bench.compare import quantities_of
from ..rehearsal.hours import hours_of
from ..rehearsal.settings import settings_of
from ..suites import Run, read_suite
from .markdown import escaped
from .on_gpu import gpu_records

PAPER = ("kinetics400", "zero_shot", "few_shot", "transfer")
# Of an architecture: the part of the check that measures it, and the frames of its clips.
MEASURED = {
    "ViT-B-32-quickgelu": ("b32_f8", 8),
    "ViT-B-16-quickgelu": ("b16_f8", 8),
    "ViT-L-14-quickgelu": ("l14_f8", 8),
    "ViT-L-14-336-quickgelu": ("l14_336_f32", 32),
}
VIEWS = 12  # in which the check evaluates
USUAL, AGAIN = "as it is", "blocks computed again"
UNKNOWN = "There is no record of a GPU beside this book: `make gpu-check` makes one, and its hours then stand here."


def gpu_hours(root: Path = Path()) -> str:
    """A table of the paper's runs with a column for each record of a GPU, or that there is none.

    Raises:
        SuiteError: a record, or a suite, is damaged; says which.
    """
    rates = {}
    for record in gpu_records(root):
        found = {quantity.name: quantity.value for quantity in quantities_of(record) if quantity.unit == "videos/s"}
        if any(f"{part}, {way}: videos" in found for part, _ in MEASURED.values() for way in (USUAL, AGAIN)):
            machine, finished = record["timings"]["machine"], record["provenance"]["finished"][:10]
            rates[f"{machine['gpu']}, {finished}"] = found
    if not rates:
        return UNKNOWN
    header = ["suite", "run", "estimate", *map(escaped, rates)]
    lines = [header, ["---"] * len(header)]
    for path in filter(Path.exists, (root / f"experiments/{name}.yaml" for name in PAPER)):
        for run in (run for run in read_suite(path).runs if run.needs):
            hours = (shown(run, found) for found in rates.values())
            lines.append([path.stem, escaped(run.name), f"{run.needs['gpu_hours']:,g}", *hours])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def shown(run: Run, rates: Mapping[str, float]) -> str:
    """A run's hours in two digits, with a star where its step was measured in another way than the run has it.

    Args:
        run: of a suite, which says what it needs.
        rates: of a record: name of a quantity -> videos per second.
    """
    settings = settings_of(run)
    part, frames = MEASURED.get(settings["model"], ("", 1))
    wanted, other = (AGAIN, USUAL) if settings.get("gradient_checkpointing") else (USUAL, AGAIN)
    way = wanted if f"{part}, {wanted}: videos" in rates else other
    trained, tested = (rates.get(f"{part}, {how}: videos") for how in (way, "evaluation in 4 x 3 views"))
    if not (trained and tested):
        return "–"
    scale = settings["num_frames"] / frames
    hours = hours_of(run, scale / trained, scale / tested * settings["clips"] * settings["crops"] / VIEWS)
    star = r"\*" if settings.get("epochs") and way != wanted else ""
    return f"{float(f'{hours:.2g}'):,g}{star}"

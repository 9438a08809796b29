"""What training and its surroundings show: weights, epochs, draws, seeds, recipes, code and packages."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from text4vis_core.files import CheckpointError, file_digest, read_tensors

from ..model_files.facts import FILE, Facts, ModelError, read_facts
from ..plain import readable
from ..settings import declared
from ..wording import counted, listed
from .pair import Pair, Side

MODEL = (
    "model",
    "pretrained",
    "checkpoint",
    "class_embeddings",
    "other_clip",
    "language_model",
    "position_std",
    "world",
)
BEGUN = ("model", "pretrained", "checkpoint", "checkpoint_temporal", "class_embeddings", "temporal")
TEMPORAL = ("temporal", "temporal_heads", "checkpoint_temporal")
EPOCHS = ("epochs", "warmup_epochs")
AUGMENTED = ("augmentation", "randaugment", "blur", "solarize")
WITHOUT_EFFECT = ("gradient_checkpointing", "compile_model", "strategy", "checkpoint_steps")  # but for the last bits
METHOD = ("method", "initialisation", "frozen", "mix", "strength")
DRAWN = ("initial", "draw", "order", "seed")


def method(pair: Pair) -> str:
    """Looked at: what the rows call the method, what its rows began as, and whether they were kept."""
    return _differ(pair.rows_differ(METHOD))


def precision(pair: Pair) -> str:
    """Looked at: the parameter `precision`, or the rows', where they come to other bits on the machines of the runs."""
    here, there = pair.both(_precision)
    asked = pair.differ(("precision",)) or pair.rows_differ(("precision",))
    return f"precision {here} here, {there} there" if asked and here != there else ""


def change_precision(pair: Pair) -> Mapping[str, Any]:
    """As there, where nothing was trained in it."""
    return {} if any(pair.both(lambda side: side.trained)) else pair.as_there(("precision",))


def _precision(side: Side) -> str | None:
    told = side.row.get("precision") or side.given.get("precision")
    if told not in ("auto", "16-mixed"):
        return told
    return "16-mixed" if side.record["provenance"]["hardware"].get("gpu") else "32-true"


def weights(pair: Pair) -> str:
    """Looked at: fingerprints of the weights, and the temporal module; unless the models are two epochs of one
    training, see `epoch`.
    """
    here, there = pair.both(lambda side: side.record["weights"])
    other = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
    temporal = pair.rows_differ(("temporal",)) or pair.differ(TEMPORAL)
    if not other or epoch(pair):
        return _differ(temporal)
    told = _differ(pair.differ(MODEL))
    return f"the weights of {listed(other)} are others" + (f" ({told})" if told else "")


def change_weights(pair: Pair) -> Mapping[str, Any]:
    """Those of there, where nothing was trained."""
    return {} if any(pair.both(lambda side: side.trained)) else pair.as_there(BEGUN)


def epoch(pair: Pair) -> str:
    """Looked at: how long a trained method was trained; and the models that runs began with: two kept ones whose facts
    tell the same data and recipe, or two published checkpoints of one folder, which tell their epochs.
    """
    if all(pair.both(lambda side: side.trained)) and (told := _differ(pair.differ(("epochs",)))):
        return told
    mine, its = pair.both(_epochs_trained)
    if mine and its and mine != its and all(pair.both(lambda side: side.trained)):
        return f"{mine} epochs were trained here, {its} there"
    mine, its = pair.both(_of_checkpoint)
    if mine and its and mine != its and len({Path(side.given["checkpoint"]).parent for side in pair.sides}) == 1:
        return f"the checkpoint is that of epoch {mine} here, of {its} there"
    here, there = pair.both(_facts)
    if here is None or there is None or here.weights == there.weights or _origin(here) != _origin(there):
        return ""
    epochs = [_recipe(facts).get("epochs") for facts in (here, there)]
    if epochs[0] != epochs[1]:
        return f"the model was trained for {epochs[0]} epochs here, {epochs[1]} there"
    named = [readable(side.given.get("checkpoint") or side.given.get("model")) for side in pair.sides]
    return f"two models of one training: {named[0]} here, {named[1]} there"


def draw(pair: Pair) -> str:
    """Looked at: the training videos of the rows' cells, by name and label."""
    if not all(pair.both(lambda side: side.trained)):
        return ""
    here, there = pair.both(_drawn)
    if not here or not there or here == there:
        return ""
    seeds = _differ(pair.rows_differ(("seed", "draw")))
    told = f"{len(here & there)} of {len(here)} training videos here are among the {len(there)} there"
    return told + (f" ({seeds})" if seeds else "")


def seed(pair: Pair) -> str:
    """Looked at: the rows' seeds, where they did not draw other training videos, see `draw`."""
    told = _differ(pair.rows_differ(DRAWN))
    return "" if draw(pair) else told


def recipe(pair: Pair) -> str:
    """Looked at: the parameters of training, where both rows are trained, and what tuning chose; epochs apart."""
    if not all(pair.both(lambda side: side.trained)):
        return ""
    names = [name for name, setting in declared().items() if setting.group == "recipe"]
    names = [name for name in (*names, *AUGMENTED) if name not in (*EPOCHS, *WITHOUT_EFFECT)]
    told = {**pair.differ(names), **pair.rows_differ(("setting",))}
    tuned = pair.both(_tuned)
    if None not in tuned:
        told |= {name: (tuned[0][name], its) for name, its in tuned[1].items() if tuned[0].get(name, its) != its}
    return _differ({name: values for name, values in told.items() if name not in EPOCHS})


def code(pair: Pair) -> str:
    """Looked at: which loaded modules of the project are others; of older records whether any is."""
    here, there = pair.both(lambda side: side.record["provenance"])
    mine, its = here.get("modules"), there.get("modules")
    if mine and its:
        other = sorted(name for name in mine.keys() | its.keys() if mine.get(name) != its.get(name))
        return f"{counted(len(other), 'module')} differ: {_first(other)}" if other else ""
    return "the code differs; these records do not tell in what" if here["code"] != there["code"] else ""


def versions(pair: Pair) -> str:
    """Looked at: versions of packages."""
    here, there = pair.both(lambda side: side.record["provenance"]["packages"])
    return _differ({name: (here[name], there[name]) for name in here if name in there and here[name] != there[name]})


def _first(names: list[str], most: int = 4) -> str:
    return listed(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _differ(values: Mapping[str, tuple[Any, Any]]) -> str:
    told = {name: [readable(value) or "none" for value in both] for name, both in values.items()}
    return ", ".join(f"{name} {mine} here, {its} there" for name, (mine, its) in told.items())


def _drawn(side: Side) -> set[tuple[str, int]]:
    found = side.evidence.draws
    found = found[found["cell"] == side.row["cell"]]
    return {*zip(map(_name, found["video"]), found["label"].tolist(), strict=True)}


def _name(video: str) -> str:
    """Folder and file, which tell a video wherever its data set lies."""
    return "/".join(video.split("/")[-2:])


def _epochs_trained(side: Side) -> int:
    return max((int(h["epoch"]) for h in side.record["histories"] if h.get("cell") == side.row["cell"]), default=0)


def _of_checkpoint(side: Side) -> int | None:
    """The epoch that the file of a run's checkpoint tells, where it is still the one that the run had."""
    path = Path(str(side.given.get("checkpoint") or ""))
    if not path.is_file() or file_digest(path) != side.record["weights"].get("checkpoint"):
        return None
    try:
        found = read_tensors(path, "give another")
    except CheckpointError:
        return None
    epoch = found.get("epoch") if isinstance(found, dict) else None
    return epoch if isinstance(epoch, int) else None


def _facts(side: Side) -> Facts | None:
    """Of the trained model that a run began with, if its folder is still there."""
    for name in ("checkpoint", "model"):
        folder = str(side.given.get(name) or "")
        if folder and Path(folder, FILE).is_file():
            try:
                return read_facts(folder)
            except ModelError:
                return None
    return None


def _origin(facts: Facts) -> list[Any]:
    training = {name: value for name, value in facts.training.items() if name != "recipe"}
    recipe = {name: value for name, value in _recipe(facts).items() if name not in EPOCHS}
    return [facts.classes, dict(facts.architecture), dict(facts.clip), dict(facts.data), training, recipe]


def _recipe(facts: Facts) -> Mapping[str, Any]:
    found = facts.training.get("recipe", facts.training)
    return found if isinstance(found, Mapping) else {}


def _tuned(side: Side) -> Mapping[str, Any] | None:
    """What tuning chose for the row's cell, as far as the record tells."""
    trials: Iterable[Mapping[str, Any]] = side.record.get("trials") or ()
    for trial in trials:
        if trial.get("method") == side.row.get("method") and trial.get("shots") in (None, side.row.get("shots")):
            found = trial.get("settings")
            return found if isinstance(found, Mapping) else None
    return None

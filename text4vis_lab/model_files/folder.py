"""A model's folder, written and read:

model.safetensors    weights, and the embeddings of videos that the model was tested on (known.safetensors)
model.json           all else, see `facts.py`; written last: with it the folder is whole
README.md            the model card
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from text4vis_core.files import check_finite, file_digest
from text4vis_core.model.video_classifier import VideoClassifier

from ..plain import readable
from ..storing import replacing
from .card import card
from .facts import FILE, Facts, ModelError, read_facts, write_facts
from .network import rebuilt, same, weights_of

WEIGHTS, CARD = "model.safetensors", "README.md"
FOLDERS = ("model", "models")  # of a run's, where its models lie: one, or one of each cell
RECORD = "result.json"


def save_model(folder: str | Path, network: VideoClassifier, facts: Facts) -> Path:
    """Write a model, and read it back: what is there in the end computes the same, bit for bit.

    Args:
        folder: its own; what another model has left there is replaced.
        network: with its classifier set.
        facts: `weights` is filled in here.

    Returns:
        The folder.

    Raises:
        ModelError: the network has no form in such a folder.
        OSError: the folder cannot be written to.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).unlink(missing_ok=True)
    weights = weights_of(network)
    check_finite(folder, weights, ModelError)
    if not same(rebuilt(facts.architecture, weights, folder), network):
        raise ModelError(f"{folder}: the network holds more than a model's folder has a place for; it is not kept")
    _write(folder / WEIGHTS, weights)
    facts = replace(facts, weights=file_digest(folder / WEIGHTS))
    with replacing(folder / CARD) as temporary:
        temporary.write_text(card(folder, facts), encoding="utf-8")
    write_facts(folder, facts)
    return folder


def load_network(folder: str | Path, facts: Facts | None = None) -> VideoClassifier:
    """The network of a model's folder, on the CPU, with its classifier.

    Raises:
        ModelError: the folder is no model's, or damaged.
    """
    facts = facts or read_facts(folder)
    path = Path(folder, WEIGHTS)
    weights = _read(path)
    if file_digest(path) != facts.weights:
        raise ModelError(f"{readable(path)} is damaged, or of another model: run the notebook that made it again")
    network = rebuilt(facts.architecture, weights, readable(folder))
    if (rows := len(weights["classifier.weight"])) != len(facts.classes):
        what = f"{rows} rows of a classifier, {FILE} {len(facts.classes)} classes"
        raise ModelError(f"{readable(path)} has {what}: run the notebook that made it again")
    return network


def rows_of_names(folder: str | Path, names: Sequence[str]) -> Tensor:
    """Rows of a model's own classifier in the place of text embeddings, where there is no text tower: (C, D).

    Raises:
        ModelError: a name is none of its classes, or its classifier compares nothing by cosine.
    """
    facts = read_facts(folder)
    missing = [name for name in names if name not in facts.classes]
    if missing or facts.architecture["classifier"] != "cosine":
        why = f"{missing[0]!r} is none of its classes" if missing else "its classifier is a linear layer"
        raise ModelError(f"{readable(folder)}: {why}, and the CLIP that it came from is not here for its text tower")
    weight = _read(Path(folder, WEIGHTS))["classifier.weight"]
    return weight[[facts.classes.index(name) for name in names]]


def models_in(run: str | Path) -> list[Path]:
    """The models' folders of a run, or those below a folder of runs."""
    found = [path.parent for part in FOLDERS for path in Path(run).glob(f"**/{part}/**/{FILE}")]
    return sorted(set(found))


def is_model(place: str | Path) -> bool:
    """Whether a text names a model's folder, or a run that has left models; never an error."""
    if not str(place):
        return False
    try:
        return any((at / file).is_file() for at in _places(Path(place)) for file in (FILE, RECORD))
    except (OSError, ValueError):
        return False


def find_model(place: str | Path) -> Path:
    """The folder of the one model that is meant.

    Args:
        place: a model's folder, a run's with one model in it, or a run's and the model's name below it:
            "runs/miniature/few_shot/text-frozen-shots4-seed0". "runs/" may be left out.

    Raises:
        ModelError: there is none, or there are several (which).
    """
    for given in _places(Path(place)):
        if (given / FILE).is_file():
            return given
        if given.is_dir():
            found = models_in(given)
            if len(found) == 1:
                return found[0]
            if found:
                names = "\n  ".join(f"{readable(path)}   {_measured(path)}" for path in found)
                raise ModelError(f"{readable(given)} holds {len(found)} models; name one of them:\n  {names}")
            remedy = "run its notebook again with keep_models=first; what is trained is not trained again"
            raise ModelError(f"{readable(given)} holds no model: {remedy}")
    raise ModelError(f"there is no folder {readable(place)}: give the folder of a model, or of a run that has kept one")


def _places(place: Path) -> list[Path]:
    """Where what is called so may lie."""
    return [
        folder for at in (place, "runs" / place) for folder in (at, *(at.parent / part / at.name for part in FOLDERS))
    ]


def _measured(folder: Path) -> str:
    rows = read_facts(folder).measured
    return ", ".join(f"{row['test']} {row['top1']:.1f} %" for row in rows[:1])


def _write(path: Path, tensors: Mapping[str, Tensor]) -> None:
    with replacing(path) as temporary:
        safetensors.torch.save_file(dict(tensors), temporary)


def _read(path: Path) -> dict[str, Tensor]:
    try:
        tensors = safetensors.torch.load_file(path)
        check_finite(readable(path), tensors, ModelError)
        return tensors
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{readable(path)} cannot be read ({error}): run the notebook that made it again") from None

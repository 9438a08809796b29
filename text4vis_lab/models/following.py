"""What follows from a trained model that a notebook is given: its frames, its temporal module, its prompt."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from text4vis_core.model.classifier import CosineClassifier
from text4vis_core.model.clip import Clip, load_clip
from text4vis_core.model.video_classifier import VideoClassifier

from ..fitting import origin_of
from ..model_files.facts import Facts, ModelError, read_facts
from ..model_files.folder import find_model, is_model
from ..plain import readable
from ..settings import by_name
from ..sources import Clips, Source
from .model import Model, checked_labels
from .opening import clip_in

SAID_BY = ("model", "checkpoint")  # settings that may name a trained model


def trained_in(values: Mapping[str, Any]) -> Path | None:
    """The folder of the trained model that the settings name, as `model` or `checkpoint`; None for none.

    Raises:
        ValueError: both do, or `pretrained` is given beside it.
        ModelError: a run has kept none, or several.
    """
    named = [name for name in SAID_BY if is_model(values.get(name, ""))]
    if not named:
        return None
    if len(named) > 1 or (named == ["model"] and values.get("checkpoint")):
        raise ValueError("parameters model and checkpoint both name a trained model; leave one of them empty")
    if named == ["model"] and values.get("pretrained"):
        raise ValueError("parameter pretrained: the trained model has its own weights; leave it empty")
    try:
        return find_model(values[named[0]])
    except ModelError as error:
        raise ModelError(f"parameter {named[0]}: {error}") from None


def followed(values: Mapping[str, Any], given: Collection[str]) -> dict[str, Any]:
    """Settings that follow from the trained model, where they are not given, and are printed; empty without one.

    Args:
        values: the settings.
        given: names of those that the user has given.

    Raises:
        ValueError, ModelError: see `trained_in`.
    """
    folder = trained_in(values)
    if folder is None:
        return {}
    settings = read_facts(folder).settings()
    asked = {name: value for name, value in settings.items() if name in values and name not in given}
    found = {name: value for name, value in asked.items() if values[name] != value}
    if found:
        named = ", ".join(f"{name} {readable(value)}" for name, value in found.items())
        print(f"As {readable(folder)} was trained: {named}.")
    return found


def source_of(values: Mapping[str, Any], place: str, usual: str, loaded: dict[Any, Clip | None]) -> Source:
    """Where a laboratory's models and class embeddings come from, as its settings say.

    Args:
        values: the settings.
        place: of the setting `model`, as `load_clip` takes it; empty for none.
        usual: the default of the setting `model`; beside a trained model as `checkpoint` its own CLIP is meant by it.
        loaded: CLIPs that are here already, by what was asked for; added to.

    Raises:
        ValueError, FileNotFoundError: as `load_clip` does.
        ModelError: as `trained_in` does.
    """
    trained, pretrained = trained_in(values), values["pretrained"]
    if trained is None or not (is_model(place) or values["model"] == usual):
        if (place, pretrained) not in loaded:
            loaded[place, pretrained] = load_clip(place, pretrained or None) if place else None
        clip = loaded[place, pretrained]
        if trained and clip is not None and origin_of(clip, read_facts(trained).clip) is None:
            own = f"leave it at {usual!r}, which takes its own"
            raise ModelError(f"parameter model: {place} is not the CLIP that {trained} was trained from; {own}")
    else:
        if trained not in loaded:
            loaded[trained] = _text_side(trained)
        clip = loaded[trained]
    given = {"trained": str(trained), "checkpoint": ""} if trained else {}
    return by_name(Source, values, clip=clip, **given)


def model_of(
    network: VideoClassifier, source: Source, clips: Clips, class_names: Sequence[str], template: str
) -> Model:
    """A laboratory's model before training, with classes, to be asked about a video; see `Lab.model`."""
    folder = Path(source.trained) if source.trained else None
    facts = read_facts(folder) if folder else None
    name = folder.name if folder else Path(source.checkpoint or source.model).name
    if facts and not class_names and network.classifier is not None:
        return Model(name, network, facts, clips, folder)
    names = checked_labels(class_names)
    rows = replace(source, template=template or source.template).embed_names(names)
    head = CosineClassifier(rows.to(network.logit_scale.device))
    facts = facts or Facts(tuple(names), {}, template or source.template, clip={"model": source.model})
    return Model(name, network, facts, clips, folder, tuple(names), template, head, lambda: _text_tower(source))


def _text_tower(source: Source) -> Clip:
    if source.clip is None:
        raise ModelError("parameter model is empty: other class names need its text tower")
    return source.clip


def _text_side(folder: Path) -> Clip | None:
    """The CLIP that a model came from; without it, its own classes alone have embeddings, which is printed."""
    try:
        return clip_in(read_facts(folder))
    except ModelError as error:
        print(f"{error}; its own classes alone have embeddings.")
        return None

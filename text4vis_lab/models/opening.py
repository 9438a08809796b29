"""A model by what a user calls it: a folder, a run, the miniature's CLIP, or a name that open_clip knows."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import open_clip
import torch

from text4vis_core.files import CheckpointError
from text4vis_core.model.clip import Clip, load_clip
from text4vis_core.model.labels import prompts
from text4vis_core.model.video_classifier import VideoClassifier

from .. import miniature
from ..fitting import embed_texts, origin_of
from ..frame_store import FrameStore
from ..model_files.facts import Facts, ModelError, read_facts
from ..model_files.folder import find_model, is_model, load_network
from ..model_files.network import architecture_of, configuration
from ..plain import readable
from ..settings import ClipSettings, ModelSettings, by_name
from ..sources import Clips
from .model import Model, checked_labels


def load_model(place: str | Path) -> Model:
    """The model of a folder, or the one that a run has kept; on the GPU where there is one.

    Args:
        place: see `find_model`.

    Raises:
        ModelError: there is none, or there are several (which), or it is damaged.
    """
    folder = find_model(place)
    facts = read_facts(folder)
    network = _placed(load_network(folder, facts))
    return Model(folder.name, network, facts, clips_in(facts), folder, find_clip=partial(clip_in, facts))


def open_model(
    name: str = "mini_clip",
    labels: Sequence[str] = (),
    *,
    pretrained: str = "",
    template: str = "",
    num_frames: int = 0,
) -> Model:
    """A trained model, or a CLIP that compares videos with class names.

    Args:
        name: what `find_model` takes, "mini_clip", "mini_clip_withheld", a name of open_clip's, or a folder with such a
            model.
        labels: class names. Empty for a trained model's own, or the miniature's 24 of a Mini CLIP.
        pretrained: of an open_clip name: a file of weights or a tag.
        template: prompt; empty for the model's own, else the published one.
        num_frames: of a video; 0 for the model's own, else 8.

    Raises:
        ModelError: of a model's folder.
        ValueError: names that cannot be, or what `load_clip` says of a model.
        FileNotFoundError: a folder is not there.
    """
    prompts(["x"], template or "{}")
    if is_model(name) or is_model(Path("runs", name)):
        if pretrained:
            raise ValueError(f"pretrained is {pretrained!r}, but {readable(name)} has its own weights; leave it empty")
        model = load_model(name)
        own = list(labels) == list(model.facts.classes) and not template
        model = model.with_labels(labels, template) if labels and not own else model
    else:
        if not labels and name not in open_clip.list_models() and not Path(name).is_dir():
            name = name if name in miniature.MODELS else str(_found(name))
        names = checked_labels(labels or (list(miniature.ACTIONS) if name in miniature.MODELS else []))
        clip = load_clip(miniature.prepare("", "", name)[1], pretrained or None)
        model = untrained(clip, names, {"model": name, "pretrained": pretrained}, template, num_frames)
    if num_frames:
        model = replace(model, clips=replace(model.clips, num_frames=num_frames))
    return model


def _found(name: str) -> Path:
    try:
        return find_model(name)
    except ModelError as error:
        close = difflib.get_close_matches(name.replace("/", "-"), open_clip.list_models(), n=1, cutoff=0.8)
        hint = f"; or did you mean {close[0]}, with class names?" if close else ""
        raise ModelError(f"{error}{hint}") from None


def untrained(
    clip: Clip, names: Sequence[str], origin: Mapping[str, Any], template: str = "", num_frames: int = 0
) -> Model:
    """A CLIP as a video classifier of some names: the mean over frames, compared with the names' embeddings.

    Args:
        clip: both towers.
        names: C class names.
        origin: how it was asked for: `model`, `pretrained`.
        template, num_frames: as of `open_model`.
    """
    template = template or ModelSettings.template
    clips = Clips(num_frames=num_frames or ClipSettings.num_frames, on_error="skip")
    network = _placed(VideoClassifier.from_clip(clip, num_frames=clips.num_frames))
    network.set_classifier(embed_texts(clip, names, template))
    facts = Facts(
        classes=tuple(names),
        architecture=architecture_of(network, configuration(clip), clips.num_frames),
        template=template,
        clip=dict(origin),
        clips={"num_frames": clips.num_frames},
    )
    return Model(Path(origin["model"]).name, network, facts, clips, find_clip=lambda: clip)


def clips_in(facts: Facts) -> Clips:
    """How a model looks at videos; what cannot be decoded is left out, and listed."""
    return by_name(Clips, facts.clips, on_error="skip", store=FrameStore(0))


def clip_in(facts: Facts) -> Clip:
    """The CLIP that a model came from.

    Raises:
        ModelError: it is not here, or another than it was; names it.
    """
    name = facts.clip.get("model")
    if not name:
        raise ModelError("the model came from a checkpoint without a CLIP, so that it has no other class names")
    try:
        place, pretrained = miniature.prepare("", "", name, facts.clip.get("world", 0))[1], facts.clip.get("pretrained")
        clip = origin_of(load_clip(place, pretrained or None), facts.clip)
    except (OSError, ValueError, CheckpointError) as error:
        raise ModelError(f"the text tower of {readable(name)} is needed for other class names: {error}") from error
    if clip is None:
        remedy = "put that one there, for other class names"
        raise ModelError(f"{readable(name)} is not the CLIP that the model was trained from: {remedy}")
    return clip


def _placed(network: VideoClassifier) -> VideoClassifier:
    return network.to("cuda" if torch.cuda.is_available() else "cpu").to(memory_format=network.memory_format)

"""What goes together, checked in one place before any video is read: a model and a checkpoint, class names and the text
tower that reads them, class embeddings and a model, a recipe and the processes that train.

C classes, D width of an embedding, L tokens of a text.
"""

import copy
import math
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from open_clip.transformer import QuickGELU
from torch import Tensor, nn

from text4vis_core.model.checkpoints import TEXT_TOWER, published_weights
from text4vis_core.model.clip import Clip
from text4vis_core.model.labels import as_words, prompts
from text4vis_core.model.video_classifier import fingerprint
from text4vis_core.training.hardware import resolved_precision
from text4vis_core.training.recipe import TrainingConfig

from .cache import cached_class_embeddings
from .model_files.facts import ModelError
from .plain import readable
from .processes import Processes

DAMAGED = "its weights are damaged, or were filled with zeros: take another copy, or train it again"
SHOWN = 5  # class names in a message, at most


def text_side(clip: Clip | None, checkpoint: str | Path, class_embeddings: str | Path = "") -> Clip | None:
    """The CLIP whose text tower goes with a checkpoint: its own where it was trained with one, else that of `clip`.

    Args:
        clip: that the checkpoint was trained from, as the setting `model` names it; None for none.
        checkpoint: file in the published format.
        class_embeddings: file of class embeddings that stand in the place of a text tower; a warning says so where the
            checkpoint has one.

    Raises:
        FileNotFoundError: there is no such checkpoint.
        CheckpointError: it cannot be read.
        ValueError: its image encoder is another than the CLIP's (patch, width, layers, input size, embedding width,
            activation), or its text tower is not whole, or another than the CLIP's.
    """
    path = Path(checkpoint)
    if not path.is_file():
        raise FileNotFoundError(f"parameter checkpoint: there is no file {checkpoint}")
    encoder, text = _published(path, path.stat().st_mtime_ns)
    if text and class_embeddings:
        warnings.warn(f"{checkpoint} has a text tower of its own; {class_embeddings} stands in its place", stacklevel=4)
    if clip is None:
        return None
    check_encoder(clip, checkpoint, encoder)
    if not text:
        return clip
    own = {name: tensor.cpu() for name, tensor in clip.model.state_dict().items() if TEXT_TOWER.match(name)}
    shapes = [{name: tuple(tensor.shape) for name, tensor in part.items()} for part in (own, text)]
    wrong = sorted(name for name in own.keys() | text.keys() if shapes[0].get(name) != shapes[1].get(name))
    if wrong:
        theirs, ours = (shape.get(wrong[0], "missing") for shape in reversed(shapes))
        found = f"{wrong[0]} is {theirs}, in {clip.source} {ours}"
        remedy = "give a checkpoint with the whole of it, and as model the CLIP that it was trained from"
        raise ValueError(f"{checkpoint} holds a text tower that cannot be used ({found}); {remedy}")
    if all(torch.equal(own[name], text[name]) for name in own):
        return clip
    model = copy.deepcopy(clip.model, {id(clip.model.visual): clip.model.visual})
    model.load_state_dict(text, strict=False)
    return replace(clip, model=model)


@lru_cache(maxsize=1)
def _published(path: Path, changed: int) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What a checkpoint's image encoder is, and its text tower's weights; the file is mapped, not held in memory."""
    weights, text = published_weights(path)
    named = {name.removeprefix("visual."): tensor for name, tensor in weights.items() if name.startswith("visual.")}
    return _shown(named, quick=True), text


def encoder_of(visual: nn.Module) -> dict[str, Any]:
    """What an image encoder of OpenAI's kind is, by what `check_encoder` compares; of another kind that alone."""
    return _shown(visual.state_dict(), any(isinstance(module, QuickGELU) for module in visual.modules()))


def _shown(weights: Mapping[str, Tensor], quick: bool) -> dict[str, Any]:
    shapes = {name.replace(".net.", "."): tuple(tensor.shape) for name, tensor in weights.items()}
    blocks = {match[1] for match in (re.match(r"transformer\.resblocks\.(\d+)\.", name) for name in shapes) if match}
    if {"class_embedding", "conv1.weight", "positional_embedding", "proj"} <= shapes.keys():
        patch, side = shapes["conv1.weight"][-1], math.isqrt(shapes["positional_embedding"][0] - 1)
        found = {"kind": "ViT", "patch": patch, "width": shapes["conv1.weight"][0], "layers": len(blocks)}
        found |= {"input size": patch * side, "embedding width": shapes["proj"][1]}
        return found | {"activation": "QuickGELU" if quick else "GELU"}
    if {"attnpool.positional_embedding", "attnpool.c_proj.weight", "layer1.0.conv1.weight"} <= shapes.keys():
        depths = [len({n.split(".")[1] for n in shapes if n.startswith(f"layer{stage}.")}) for stage in (1, 2, 3, 4)]
        found = {"kind": "ResNet", "width": shapes["layer1.0.conv1.weight"][0], "layers": tuple(depths)}
        side = math.isqrt(shapes["attnpool.positional_embedding"][0] - 1)
        return found | {"input size": 32 * side, "embedding width": shapes["attnpool.c_proj.weight"][0]}
    return {"kind": "encoder of another kind"}


def check_encoder(clip: Clip, place: str | Path, theirs: Mapping[str, Any]) -> None:
    """Raise a ValueError where the image encoder of a trained model, `encoder_of` it, is another than a CLIP's."""
    ours = encoder_of(clip.model.visual)
    differing = ["kind"] if ours["kind"] != theirs["kind"] else [name for name in theirs if ours[name] != theirs[name]]
    if differing:
        said = ", ".join(f"{name} {theirs[name]} and not {ours[name]}" for name in differing)
        remedy = "set model to the CLIP that it was trained from"
        raise ValueError(f"{place} does not go with model {clip.source}: it has {said}; {remedy}")


def origin_of(clip: Clip, origin: Mapping[str, Any]) -> Clip | None:
    """The CLIP that a trained model came from, with the text tower that its classes were embedded by.

    Args:
        clip: as it is at hand.
        origin: what the model's folder tells of it, see `Facts.clip`.

    Returns:
        None where it is another than it was.

    Raises:
        ModelError: the text tower was trained together with the model, and is not kept.
        ValueError, FileNotFoundError, CheckpointError: as `text_side`.
    """
    if origin.get("text_tower") == "trained":
        raise ModelError("the model's text tower was trained with it, and is not kept: its own classes alone have rows")
    whole = text_side(clip, origin["checkpoint"]) if origin.get("checkpoint") else clip
    known = origin.get("fingerprint")
    return None if whole is None or (known and fingerprint(whole.model) != known) else whole


def check_names(names: Sequence[str]) -> None:
    """Raise a ValueError that names two classes which are one: alike but for case, blanks and how words are joined."""
    known: dict[str, str] = {}
    for name in names:
        words = as_words(name).casefold()
        if not words:
            raise ValueError(f"class name {name!r} is blank; give each class a name")
        if words in known:
            raise ValueError(f"classes {readable(known[words])!r} and {readable(name)!r} have one name; rename one")
        known[words] = name


def check_texts(clip: Clip, names: Sequence[str], texts: Sequence[Sequence[str]]) -> str:
    """See to it that a text tower can tell classes apart.

    Args:
        clip: whose text tower.
        names: of the classes.
        texts: of each class, one or more.

    Returns:
        A sentence that names classes whose texts are longer than the text tower reads, and so are cut; empty for none.

    Raises:
        ValueError: two classes have the same tokens (which).
    """
    flat, tokenizer = [text for some in texts for text in some], clip.tokenizer
    tokens: Tensor = tokenizer(flat)
    length = tokens.shape[1]
    # One token more is read to see whether there is one; the empty text ends in what fills up.
    longer: Tensor = tokenizer([*flat, ""], context_length=length + 1)  # type: ignore[call-arg]
    cut = (longer[:-1, :length] != tokens).any(1) | (longer[:-1, length] != longer[-1, length])
    known: dict[tuple, str] = {}
    long, begin = [], 0
    for name, some in zip(names, texts, strict=True):
        rows = slice(begin, begin := begin + len(some))
        long += [readable(name)] if cut[rows].any() else []
        key = tuple(sorted(map(tuple, tokens[rows].tolist())))
        if key in known:
            both = f"classes {readable(known[key])!r} and {readable(name)!r}"
            where = f", of which it reads {length} tokens" if cut[rows].any() else ""
            raise ValueError(f"{both} are one text to the text tower of {clip.source}{where}; shorten or rename one")
        known[key] = name
    if not long:
        return ""
    more = f" and {len(long) - SHOWN} more" if len(long) > SHOWN else ""
    shown = ", ".join(map(repr, long[:SHOWN]))
    return f"Texts of {shown}{more} are cut to the {length} tokens that the text tower reads: shorten name or template."


def embed_texts(clip: Clip, names: Sequence[str], template: str, cache: str = "") -> Tensor:
    """`Clip.class_embeddings` of names that go together: float32 (C, D), rows of unit length.

    Args:
        clip: whose text tower.
        names, template: as of `Clip.class_embeddings`.
        cache: folder that keeps them; empty: none.

    Raises:
        ValueError: two names, or their tokens, are the same (which); all rows are, or one is zero. Texts that are cut
            are a warning.
    """
    check_names(names)
    if note := check_texts(clip, names, [[text] for text in prompts(names, template)]) if names else "":
        warnings.warn(note, stacklevel=3)
    rows = cached_class_embeddings(cache, clip, names, template) if cache else clip.class_embeddings(names, template)
    if (rows == 0).all(1).any() or (len(rows) > 1 and (rows == rows[0]).all()):
        raise ModelError(f"the text tower of {clip.source} tells no classes apart; {DAMAGED}")
    return rows


def check_embedded(views: Tensor) -> None:
    """Raise a ModelError where an embedding (..., D) of a video is zero: the encoder's weights are, or some of them."""
    if (views == 0).all(-1).any():
        raise ModelError(f"the image encoder gives a video the embedding zero; {DAMAGED}")


def check_recipe(recipe: TrainingConfig, multi_label: bool, processes: Processes) -> None:
    """Raise a ValueError where a recipe does not go with videos of several labels, or with the processes that train."""
    if recipe.objective == "contrastive" and multi_label:
        remedy = "choose another method for these"
        raise ValueError(f"contrastive training pairs a video with one class name, not with several labels; {remedy}")
    several = processes.devices * processes.num_nodes > 1
    if several and recipe.strategy == "fsdp" and resolved_precision(recipe.precision) == "16-mixed":
        remedy = "choose precision bf16-mixed or 32-true, or strategy ddp"
        raise ValueError(f"parameter precision: '16-mixed' does not go with strategy 'fsdp'; {remedy}")

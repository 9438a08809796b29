"""A network told in plain values, and built again from them and its weights.

Of the image encoder open_clip's own configuration is kept, or that it is one of the published format, whose
architecture its weights show.
"""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import open_clip
import torch
from torch import Tensor, nn

from text4vis_core.files import first_line
from text4vis_core.model.checkpoints import published_model
from text4vis_core.model.classifier import CosineClassifier
from text4vis_core.model.clip import Clip
from text4vis_core.model.temporal import TemporalOptions, TemporalTransformer, split_temporal
from text4vis_core.model.video_classifier import ImageEncoder, VideoClassifier

from ..text_linear import LinearClassifier, TextLinear
from .facts import ModelError

CLASSIFIERS: dict[str, type] = {"cosine": CosineClassifier, "linear": LinearClassifier, "text linear": TextLinear}
# A text tower is built beside an image encoder, and thrown away.
NO_TEXT = {"context_length": 4, "vocab_size": 8, "width": 8, "heads": 1, "layers": 1}


def architecture_of(network: VideoClassifier, encoder: Mapping[str, Any] | str, num_frames: int) -> dict[str, Any]:
    """All that `rebuilt` needs beside the weights, as plain values.

    Args:
        network: with its classifier set.
        encoder: the image encoder's `configuration`, or "published" for that of a checkpoint.
        num_frames: T, frames in a clip.

    Raises:
        ModelError: a classifier of a kind that is not known here.
    """
    kinds = [name for name, kind in CLASSIFIERS.items() if type(network.classifier) is kind]
    if not kinds:
        kind = type(network.classifier).__name__
        raise ModelError(f"a {kind} has no form in a model's folder; known are: {', '.join(CLASSIFIERS)}")
    found: dict[str, Any] = {
        "encoder": encoder,
        "dim": network.dim,
        "size": network.size,
        "logit_bias": network.logit_bias,
    }
    found |= {name: getattr(network, name).flatten().tolist() for name in ("mean", "std")}
    found |= {"temporal": network.temporal_name, "num_frames": num_frames, "heads": None}
    if isinstance(network.temporal, TemporalTransformer):
        blocks, table = network.temporal.transformer.resblocks, network.temporal.frame_position_embeddings
        found |= {"heads": blocks[0].attn.num_heads, "layers": len(blocks), "positions": table.num_embeddings}
    return found | {"classifier": kinds[0], "frozen": bool(getattr(network.classifier, "frozen", False))}


def weights_of(network: VideoClassifier) -> dict[str, Tensor]:
    """Its tensors by name, on the CPU; a text tower and what only a training needs are left out."""
    kept = ("visual.", "temporal.", "logit_scale", "classifier.")
    state = {name: tensor for name, tensor in network.state_dict().items() if name.startswith(kept)}
    return {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}


def rebuilt(architecture: Mapping[str, Any], weights: Mapping[str, Tensor], where: str | Path) -> VideoClassifier:
    """The network, on the CPU, in evaluation mode.

    Args:
        architecture: of `architecture_of`.
        weights: of `weights_of`.
        where: the folder, for messages.

    Raises:
        ModelError: the weights do not fit, or the configuration is of no encoder.
    """
    try:
        network = _untrained(architecture, weights)
        rows = weights["classifier.weight"]
        kind = architecture["classifier"]
        if kind == "linear":
            network.classifier = LinearClassifier(*rows.shape)
        else:
            frozen = {"frozen": architecture["frozen"]} if kind == "cosine" else {}
            network.classifier = CLASSIFIERS[kind](rows, **frozen)
        network.load_state_dict(dict(weights))
    except (KeyError, TypeError, ValueError, RuntimeError, AssertionError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else first_line(error)
        raise ModelError(f"{where} cannot be built ({reason}): run the notebook that made it again") from error
    return network.to(memory_format=network.memory_format).eval()


def _untrained(architecture: Mapping[str, Any], weights: Mapping[str, Tensor]) -> VideoClassifier:
    temporal, num_frames, heads = (architecture[name] for name in ("temporal", "num_frames", "heads"))
    if architecture["encoder"] == "published":
        named = {name.replace("temporal.", "fusion_model.", 1): tensor for name, tensor in weights.items()}
        inside = split_temporal(temporal)[0] or "none"
        named = {name: tensor for name, tensor in named.items() if not name.startswith("classifier.")}
        return published_model(named, "the model", num_frames, inside, heads)
    config = copy.deepcopy(architecture["encoder"])
    with torch.random.fork_rng(devices=[]):
        tower = open_clip.model.CLIP(
            config["embed_dim"], config["vision_cfg"], NO_TEXT, quick_gelu=config.get("quick_gelu", False)
        ).visual
        options = TemporalOptions(heads)
        if heads:
            options = TemporalOptions(heads, layers=architecture["layers"], positions=architecture["positions"])
        encoder = ImageEncoder(tower, *(architecture[name] for name in ("dim", "size", "mean", "std")))
        scale = weights["logit_scale"].item()
        return VideoClassifier(encoder, scale, temporal, num_frames, options, architecture["logit_bias"])


def configuration(clip: Clip) -> dict[str, Any]:
    """open_clip's, of a CLIP's image encoder.

    Raises:
        ModelError: open_clip knows none of this name.
    """
    folder = Path(clip.source)
    if folder.is_dir():
        config = json.loads((folder / "open_clip_config.json").read_text(encoding="utf-8"))["model_cfg"]
    else:
        config = open_clip.get_model_config(clip.source.partition(":")[0])
    if not config:
        raise ModelError(f"{clip.source} has no configuration by open_clip, and its encoder cannot be told")
    off = ("timm_model_pretrained", "output_tokens")  # nothing is fetched, and of CoCa the tokens are left out
    vision = config["vision_cfg"] | {name: False for name in off if name in config["vision_cfg"]}
    return {"embed_dim": config["embed_dim"], "vision_cfg": vision, "quick_gelu": config.get("quick_gelu", False)}


def same(one: nn.Module, other: nn.Module) -> bool:
    """Whether two networks have the same tensors, bit for bit."""
    left, right = one.state_dict(), other.state_dict()
    return left.keys() <= right.keys() and all(torch.equal(left[name].cpu(), right[name].cpu()) for name in left)

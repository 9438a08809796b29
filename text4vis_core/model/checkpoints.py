"""Save and load, ours and the published format: atomic, and nothing but tensors and plain values is ever unpickled.

A published Text4Vis checkpoint is a dictionary of `epoch`, `model_state_dict` and `optimizer_state_dict`. The model's
weights are `visual.*` in OpenAI CLIP's naming, `fusion_model.*` (the temporal head) and `logit_scale`; the contrastive
ones have a text tower too. What the architecture is, the shapes say.
"""

import copy
import math
import re
from pathlib import Path

import torch
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from open_clip.modified_resnet import ModifiedResNet
from open_clip.transformer import QuickGELU, ResidualAttentionBlock, VisionTransformer
from torch import Tensor, nn

from ..files import CheckpointError, check_finite, first_line, read_tensors, save_tensors
from .temporal import HEAD_DIM, INSIDE, MAX_FRAMES, TemporalOptions, TemporalTransformer, split_temporal
from .video_classifier import ImageEncoder, VideoClassifier

TEMPORAL_CHOICES = ("auto", "none", *INSIDE)  # what may be said of the module inside a checkpoint's encoder
# Of a model that was trained with its text tower, as the contrastive ones are: `published_weights` keeps it apart.
TEXT_TOWER = re.compile(r"(transformer|token_embedding|ln_final)\.|(positional_embedding|text_projection)$")


def load_text4vis_checkpoint(
    path: str | Path, num_frames: int, temporal: str = "auto", temporal_heads: int | None = None
) -> VideoClassifier:
    """A published Text4Vis checkpoint as a `VideoClassifier`, on the CPU, in float32 and evaluation mode.

    Its last layer is not in the file: give `logits` the class embeddings, or `set_classifier` their rows. A temporal
    transformer beside "joint" is left out, as in the release: one embedding per video leaves nothing to aggregate.

    Args:
        path: such as `k400-vitb-32-f8.pt`; keys may have the prefix `module.` of a distributed model.
        num_frames: frames in a clip. The temporal modules take any number but "joint", whose weights are for one.
        temporal: the module inside the encoder: "auto" reads it off the weights where they show it; "none";
            "tokenshift", which has no weights and so must be asked for; "tokent1d", "tsm", "joint".
        temporal_heads: heads of the temporal transformer, which the weights do not show. None: those of the published
            models, text width / 64 (8 for B/32, B/16 and RN50; 12 for L/14).

    Raises:
        CheckpointError: the file is damaged, of another format, or holds more than tensors, or NaN (which).
        ValueError: an unknown `temporal`, or one that the weights contradict; so of `temporal_heads` and `num_frames`.
    """
    if temporal not in TEMPORAL_CHOICES:
        raise ValueError(f"unknown temporal module {temporal!r}; choose from: {', '.join(TEMPORAL_CHOICES)}")
    if num_frames < 1:
        raise ValueError(f"num_frames is {num_frames}; it must be at least 1")
    weights, _ = published_weights(path)
    shown = _module_inside(weights)
    if temporal == "auto":
        temporal = shown
    elif temporal != shown and (temporal, shown) != ("tokenshift", "none"):
        raise ValueError(f"temporal is {temporal!r}, but the weights in {path} show {shown!r}; leave it at 'auto'")
    return published_model(weights, path, num_frames, temporal, temporal_heads)


def save_text4vis_checkpoint(path: str | Path, model: VideoClassifier, epoch: int = 0) -> None:
    """Write a model in the published format, so that the published code can read it. Atomic.

    The model's class embeddings are not part of the format; TokenShift leaves no trace in it, and must be asked for
    when the file is loaded. `epoch` is the one after which it was saved. A ValueError where the published code would
    compute something else (see `check_exportable`), a CheckpointError where the file cannot be written.
    """
    state = check_exportable(model)
    save_tensors(path, {"epoch": epoch, "model_state_dict": state, "optimizer_state_dict": {}})


@torch.no_grad()
def check_exportable(model: VideoClassifier) -> dict[str, Tensor]:
    """The model's weights in the published format, on the CPU, if the published code would compute the same with them.

    A ValueError if not: another kind of encoder, activation, number of heads or pixel mean; a logit bias, trained rows,
    a text tower of its own, weights that are not finite.
    """
    _check_architecture(model)
    state = {"logit_scale": model.logit_scale.detach()}
    state |= {f"visual.{name}": tensor for name, tensor in model.visual.state_dict().items()}
    state |= {f"fusion_model.{name}": tensor for name, tensor in model.temporal.state_dict().items()}
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    check_finite("this model", state)
    inside = split_temporal(model.temporal_name)[0] or "none"
    num_frames = len(state["visual.time_embedding"]) if inside == "joint" else 2
    head = model.temporal
    heads = head.transformer.resblocks[0].attn.num_heads if isinstance(head, TemporalTransformer) else None
    try:
        read = published_model(state, "the exported model", num_frames, inside, heads)
    except (CheckpointError, ValueError) as error:
        raise ValueError(f"this model has no form in the published format: {error}") from error
    frames = torch.rand(1, num_frames, 3, model.size, model.size, generator=torch.Generator().manual_seed(0))
    here, there = copy.deepcopy(model).cpu().float().eval().encode_video(frames), read.encode_video(frames)
    if not torch.allclose(here, there, rtol=1e-3, atol=1e-4 * here.abs().max().item()):
        reason = "it would compute other embeddings (another pooling, number of heads or epsilon)"
        raise ValueError(f"the published code cannot run this model: {reason}")
    return state


def published_weights(path: str | Path) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The video model's weights in a file, and its text tower's (mostly none), in float32, by their plain names."""
    remedy = "a published checkpoint holds tensors and plain values alone; nothing else is ever loaded"
    file = read_tensors(path, remedy)
    if not isinstance(file, dict) or not isinstance(file.get("model_state_dict"), dict):
        found = ", ".join(map(str, list(file)[:5])) if isinstance(file, dict) else "no dictionary"
        expected = "expected epoch, model_state_dict, optimizer_state_dict"
        raise CheckpointError(f"{path} is not in the published format (it holds {found}): {expected}")
    weights = dict(file["model_state_dict"])
    # The contrastive models keep their head apart.
    head = file.get("fusion_model_state_dict") or {}
    weights |= {f"fusion_model.{name}": tensor for name, tensor in head.items()} if isinstance(head, dict) else {}
    weights = {str(name).replace("module.", ""): tensor for name, tensor in weights.items()}
    known = {name: value for name, value in weights.items() if not TEXT_TOWER.match(name)}
    for name, value in known.items():
        if name.split(".")[0] not in ("visual", "fusion_model", "logit_scale") or not isinstance(value, Tensor):
            raise CheckpointError(f"{path}: {name} in model_state_dict is not part of a published Text4Vis model")
    if "logit_scale" not in known or not any(name.startswith("visual.") for name in known):
        raise CheckpointError(f"{path}: model_state_dict lacks logit_scale or visual.*, the image encoder's weights")
    if known["logit_scale"].numel() != 1:
        raise CheckpointError(f"{path}: logit_scale in model_state_dict is not one number")
    known["logit_scale"] = known["logit_scale"].reshape(())
    text = {name: value for name, value in weights.items() if name not in known and isinstance(value, Tensor)}
    exact = {name: w.float() if w.is_floating_point() else w for name, w in (known | text).items()}
    check_finite(path, exact, CheckpointError)
    return {name: exact[name] for name in known}, {name: exact[name] for name in text}


def _module_inside(weights: dict[str, Tensor]) -> str:
    if "visual.time_embedding" in weights:
        return "joint"
    if any(name.endswith(".control_point.conv.weight") for name in weights):
        return "tokent1d"
    return "tsm" if any(".net." in name for name in weights) else "none"


def published_model(
    weights: dict[str, Tensor], path: str | Path, num_frames: int, inside: str, heads: int | None
) -> VideoClassifier:
    """A model of weights in the published format, from `path`: `load_text4vis_checkpoint` says of what kinds."""
    if inside == "joint":
        weights = {name: tensor for name, tensor in weights.items() if not name.startswith("fusion_model.")}
    try:
        visual, dim, size = _vision(weights)
    except (KeyError, IndexError, TypeError, RuntimeError, ValueError) as error:
        why = f"it lacks visual.{error.args[0]}" if isinstance(error, KeyError) else first_line(error)
        raise CheckpointError(f"{path}: visual.* is not an image encoder of OpenAI's CLIP: {why}") from error
    head = {name.removeprefix("fusion_model."): w for name, w in weights.items() if name.startswith("fusion_model.")}
    temporal, options = [] if inside == "none" else [inside], TemporalOptions()
    if head:
        temporal.append("transformer")
        if heads is not None and heads < 1:
            raise ValueError(f"temporal_heads is {heads}; it must be at least 1")
        layers = _count(head, r"transformer\.resblocks\.(\d+)\.")
        positions = len(head.get("frame_position_embeddings.weight", ()))
        if 0 < positions < num_frames:
            raise ValueError(f"num_frames is {num_frames}, but {path} has positions for {positions} frames")
        # OpenAI's RN50 has the only text tower that is narrower than its embedding.
        resnet50 = isinstance(visual, ModifiedResNet) and (visual.conv3.out_channels, dim) == (64, 1024)
        options = TemporalOptions(heads or (8 if resnet50 else None), layers=layers, positions=positions)
    if inside == "joint" and (only := len(weights["visual.time_embedding"])) != num_frames:
        raise ValueError(f"num_frames is {num_frames}, but {path} is for {only} frames, jointly")
    encoder = ImageEncoder(visual, dim, size, OPENAI_DATASET_MEAN, OPENAI_DATASET_STD)
    model = VideoClassifier(encoder, weights["logit_scale"].item(), "+".join(temporal) or "mean", num_frames, options)
    state = {name.replace("fusion_model.", "temporal.", 1): tensor for name, tensor in weights.items()}
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        problems = " ".join(line.strip() for line in str(error).splitlines()[1:])[:1000]
        raise CheckpointError(f"{path}: the weights do not fit the architecture that they show: {problems}") from error
    return model.eval()


def _vision(weights: dict[str, Tensor]) -> tuple[nn.Module, int, int]:
    """The image encoder that these weights are of, untrained, its embedding's size and its input size in pixels."""
    shapes = {name.removeprefix("visual.").replace(".net.", "."): tuple(w.shape) for name, w in weights.items()}
    if "class_embedding" in shapes:
        width, _, patch, _ = shapes["conv1.weight"]
        positions, dim = shapes["positional_embedding"][0], shapes["proj"][1]
        size, heads = patch * math.isqrt(positions - 1), max(1, width // HEAD_DIM)
        layers = _count(shapes, r"transformer\.resblocks\.(\d+)\.")
        ratio = shapes["transformer.resblocks.0.mlp.c_fc.weight"][0] / width
        vit = VisionTransformer(size, patch, width, layers, heads, ratio, output_dim=dim, act_layer=QuickGELU)
        return vit, dim, size
    width, dim = shapes["layer1.0.conv1.weight"][0], shapes["attnpool.c_proj.weight"][0]
    size = 32 * math.isqrt(shapes["attnpool.positional_embedding"][0] - 1)
    depths = [_count(shapes, rf"layer{stage}\.(\d+)\.") for stage in (1, 2, 3, 4)]
    return ModifiedResNet(depths, dim, width * 32 // HEAD_DIM, size, width), dim, size


def _count(names, pattern: str) -> int:
    """Numbered blocks among the names."""
    return len({match[1] for match in map(re.compile(pattern).match, names) if match})


def _check_architecture(model: VideoClassifier) -> None:
    problems = []
    if not isinstance(model.visual, VisionTransformer | ModifiedResNet):
        problems.append(f"its image encoder is a {type(model.visual).__name__}, not open_clip's ViT or ModifiedResNet")
    for block in (module for module in model.visual.modules() if isinstance(module, ResidualAttentionBlock)):
        width = block.attn.embed_dim
        if not isinstance(block.mlp.gelu, QuickGELU):
            activation = type(block.mlp.gelu).__name__
            problems.append(f"its activation is {activation}; take a model whose name ends in -quickgelu")
        if block.attn.num_heads != width // HEAD_DIM:
            problems.append(f"it has {block.attn.num_heads} heads of a width of {width}, not width / {HEAD_DIM}")
        if block.mlp.c_fc.out_features != 4 * width:
            problems.append(f"its MLPs are {block.mlp.c_fc.out_features} wide, not four times {width}")
        break
    if isinstance(model.temporal, TemporalTransformer):
        layers = len(model.temporal.transformer.resblocks)
        rows = model.temporal.frame_position_embeddings.num_embeddings
        if (layers, rows) != (6, MAX_FRAMES):
            problems.append(f"its temporal transformer has {layers} blocks, {rows} positions, not 6 and {MAX_FRAMES}")
    for name, published in (("mean", OPENAI_DATASET_MEAN), ("std", OPENAI_DATASET_STD)):
        if not torch.allclose(getattr(model, name).flatten().cpu(), torch.tensor(published)):
            problems.append(f"the {name} of its pixels is {getattr(model, name).flatten().tolist()}, not OpenAI's")
    if model.text_tower is not None:
        problems.append("its text tower was trained with it, and would be another one where the file is loaded")
    if model.logit_bias:
        problems.append("it has a logit bias")
    if model.classifier is not None and not getattr(model.classifier, "frozen", False):
        problems.append("its classifier was trained, and the format has no place for it")
    if problems:
        raise ValueError(f"the published code cannot run this model: {'; '.join(problems)}")

"""CLIPs with an image encoder of every kind and random weights, and what a pass through them gives: to be compared.

No text is encoded.
"""

from pathlib import Path
from typing import Any

import open_clip
import torch
from torch import Tensor, nn

from text4vis_core.model.clip import Clip, load_clip
from text4vis_core.model.video_classifier import VideoClassifier
from text4vis_core.training.hardware import make_fabric
from text4vis_core.training.objectives import ClassifierObjective

from ..plain import write_json

SCALE = 2.0**10  # of the loss in fp16: gradients neither vanish nor overflow in these models
ENCODERS = {
    "ViT-B/32": "ViT-B-32-quickgelu",
    "ViT-B/16": "ViT-B-16-quickgelu",
    "ViT-L/14": "ViT-L-14-quickgelu",
    "RN50": "RN50-quickgelu",
    "ConvNeXt": "convnext_base",
    "SigLIP": "ViT-B-16-SigLIP",
}
TEXT = {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
SMALL: dict[str, dict[str, Any]] = {  # in the place of an encoder's own sizes
    "ViT": {"layers": 2, "width": 128, "patch_size": 16, "image_size": 32},
    "RN50": {"layers": [1, 1, 1, 1], "width": 16, "image_size": 64},
    "ConvNeXt": {"timm_model_name": "test_convnext", "image_size": 160},
    "SigLIP": {"timm_model_name": "test_vit", "image_size": 160},
}


def random_clip(kind: str, folder: Path, small: bool = False) -> Clip:
    """A CLIP with an image encoder of `ENCODERS`, without dropout and stochastic depth of its own.

    Args:
        kind: a key of `ENCODERS`.
        folder: where its configuration is written.
        small: of the same kind, and of a size that takes a second on a CPU.
    """
    config = open_clip.get_model_config(ENCODERS[kind])
    config["text_cfg"] = TEXT
    for name in config["vision_cfg"].keys() & {"timm_drop", "timm_drop_path"}:  # ConvNeXt's drops a tenth of branches
        config["vision_cfg"][name] = 0.0
    if small:
        config["vision_cfg"] |= SMALL.get(kind, SMALL["ViT"])
        config["embed_dim"] = 64
    path = folder / f"encoder-{list(ENCODERS).index(kind)}.json"  # "siglip" in it would have a tokenizer fetched
    write_json(path, config)
    open_clip.add_model_config(path)
    clip = load_clip(path.stem, "random")
    for module in clip.model.visual.modules():
        if isinstance(module, nn.BatchNorm2d):  # of a residual's last one open_clip makes 0
            nn.init.ones_(module.weight)
    return clip


def outcome(model: VideoClassifier, batch: tuple[Tensor, Tensor], precision: str = "") -> tuple[Tensor, Tensor, Tensor]:
    """Embeddings, loss, and all gradients in a row: by Fabric in a precision, or plainly on the CPU."""
    fabric = make_fabric(precision=precision or "32-true")
    objective: Any = ClassifierObjective(model)
    objective = fabric.setup_module(objective) if precision else objective
    frames, labels = (part.to(fabric.device) if precision else part for part in batch)
    loss, _ = objective(frames, labels)
    scaler = getattr(fabric.strategy.precision, "scaler", None)
    if scaler is not None:
        scaler.scale(loss.detach())
        scaler.update(SCALE)
    fabric.backward(loss) if precision else loss.backward()
    with fabric.autocast(), torch.no_grad():
        embeddings = model.encode_video(frames)
    gradients = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    return embeddings, loss, gradients / (1 if scaler is None else scaler.get_scale())

"""What the parts work on: random CLIPs of every kind, Puppets, distances between numbers."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
from filelock import FileLock
from torch import Tensor, nn

from text4vis_core.data.datasets import VideoDataset, Views
from text4vis_core.data.formats.readers import load_videos
from text4vis_core.model.clip import Clip, load_clip
from text4vis_core.model.video_classifier import VideoClassifier

from .. import miniature
from ..frame_store import FrameStore
from ..miniature.films import make_puppets
from ..plain import write_json

TEXT = {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}  # no text is encoded
ENCODERS = {
    "ViT-B/32": "ViT-B-32-quickgelu",
    "ViT-B/16": "ViT-B-16-quickgelu",
    "ViT-L/14": "ViT-L-14-quickgelu",
    "RN50": "RN50-quickgelu",
    "ConvNeXt": "convnext_base",
    "SigLIP": "ViT-B-16-SigLIP",
}
SMALL: dict[str, dict[str, Any]] = {  # in the place of an encoder's own sizes
    "ViT": {"layers": 2, "width": 128, "patch_size": 16, "image_size": 32},
    "RN50": {"layers": [1, 1, 1, 1], "width": 16, "image_size": 64},
    "ConvNeXt": {"timm_model_name": "test_convnext", "image_size": 160},
    "SigLIP": {"timm_model_name": "test_vit", "image_size": 160},
}
STORE = FrameStore(2000)
APART = 1e9  # the distance of what is not a number


@dataclass(frozen=True)
class Check:
    """What a part is asked for.

    Attributes:
        device: "cuda" or "cpu".
        tiny: models and data that take a second on a CPU.
        out: an absolute folder for what is written.
    """

    device: str
    tiny: bool
    out: Path

    @property
    def cuda(self) -> bool:
        return self.device == "cuda"

    def size(self, usual: int, tiny: int) -> int:
        return tiny if self.tiny else usual


def random_clip(check: Check, kind: str) -> Clip:
    """A CLIP with an image encoder of `ENCODERS` and random weights, none of which is zero by its kind."""
    config = open_clip.get_model_config(ENCODERS[kind])
    config["text_cfg"] = TEXT
    if check.tiny:
        config["vision_cfg"] |= SMALL[kind if kind in SMALL else "ViT"]
        config["embed_dim"] = 64
    name = f"check-{list(ENCODERS).index(kind)}"  # by a name with "siglip" open_clip would fetch a tokenizer
    path = check.out / "models" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, config)
    open_clip.add_model_config(path)
    clip = load_clip(name, "random")
    for module in clip.model.visual.modules():
        if isinstance(module, nn.BatchNorm2d):  # of a residual's last one open_clip makes 0
            nn.init.ones_(module.weight)
    return clip


def puppets(check: Check, split: str, views: Views, seed: int = 0) -> VideoDataset:
    """Few videos of every class of the miniature, whose frames stay in memory: four to train on and ten to test."""
    counts = (check.size(4, 1), 0, check.size(10, 1))
    with FileLock(check.out / ".puppets.lock"):
        root = make_puppets(check.out / "puppets", 0, *counts, workers=os.cpu_count() or 1)
    return VideoDataset(load_videos("puppets", root, split), 8, 64, views, seed=seed, store=STORE)


def mini_clip() -> Clip:
    """The miniature's CLIP, trained first where it is missing."""
    return load_clip(str(miniature.make(parts=["mini_clip"], workers=os.cpu_count() or 1).clip))


def classifier(clip: Clip, names: list[str]) -> VideoClassifier:
    """The paper's: frozen rows of class embeddings."""
    return VideoClassifier.from_clip(clip).set_classifier(clip.class_embeddings(names))


def distance(found: Tensor, expected: Tensor) -> float:
    """The norm of the difference over the norm of what is expected."""
    found, expected = found.detach().double().cpu(), expected.detach().double().cpu()
    apart = ((found - expected).norm() / expected.norm()).item()
    return apart if apart == apart else APART

"""The video classifier: a CLIP image encoder on each frame, aggregation over time, a cosine with each class.

uint8 frames -> normalised on the device -> frame embeddings -> video embedding -> logits
"""

import copy
import difflib
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import open_clip
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from .classifier import CosineClassifier, cosine_logits
from .labels import TEMPLATES, prompts
from .temporal import build_temporal


@dataclass(frozen=True)
class Clip:
    """A CLIP with what is needed to use it: tokenizer, input size in pixels, mean and standard deviation of pixels."""

    model: nn.Module
    tokenizer: open_clip.SimpleTokenizer
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    source: str

    @torch.no_grad()
    def class_embeddings(self, names: Sequence[str], template: str = TEMPLATES["published"]) -> Tensor:
        """Text embeddings of class names (Text4Vis, section 3.2): float32 (C, D), rows of unit length.

        Args:
            names: class names as text.
            template: a prompt template, or the key of one in `labels.TEMPLATES`.

        Raises:
            ValueError: no names, or a template without a place for the name.
        """
        if not names:
            raise ValueError("no class names were given")
        self.model.eval()
        device = next(self.model.parameters()).device
        tokens = self.tokenizer(prompts(names, template)).to(device)
        embeddings = torch.cat([self.model.encode_text(part) for part in tokens.split(256)])
        return F.normalize(embeddings.float(), dim=-1).cpu()


def load_clip(model: str, pretrained: str | None = None, device: str | torch.device = "cpu") -> Clip:
    """A CLIP by open_clip's name with its weights, or from a folder that holds both.

    Args:
        model: an open_clip model name ("ViT-B-32-quickgelu"), or a folder with `open_clip_config.json` and weights,
            as `open_clip` and the miniature save them.
        pretrained: for a name: a weights file (.safetensors, or a .pt/.bin of tensors), one of open_clip's tags
            ("openai"; downloaded unless cached), or "random" for untrained weights. Must be None for a folder.
        device: where to put it.

    Raises:
        ValueError: an unknown name (with the closest), a missing or unknown `pretrained`, or weights that are not
            weights or do not fit (which keys).
        FileNotFoundError: the folder or its configuration is missing.
    """
    if Path(model).is_dir():
        if not (Path(model) / "open_clip_config.json").is_file():
            raise FileNotFoundError(f"{model} holds no open_clip_config.json: not a folder saved by open_clip")
        if pretrained:
            raise ValueError(f"model {model} is a folder with its own weights; leave pretrained empty")
        name = f"local-dir:{model}"
        clip = _build(name)
        # A folder from a hub may hold another library's model.safetensors beside open_clip's own.
        files = sorted(
            Path(model).glob("*.safetensors"), key=lambda file: (not file.name.startswith("open_clip"), file)
        )
        if not files:
            raise FileNotFoundError(f"{model} holds no .safetensors file with the weights")
        _load_weights(clip, files[0])
    elif model in open_clip.list_models():
        name = model
        if not pretrained:
            raise ValueError(f"pretrained is empty: give {model} a weights file, {_tags(model)}, or 'random'")
        if Path(pretrained).is_file():
            clip = _build(name)
            _load_weights(clip, Path(pretrained))
        elif pretrained == "random":
            clip = _build(name)
        elif pretrained in open_clip.list_pretrained_tags_by_model(model):
            clip = open_clip.create_model(name, pretrained=pretrained)
        else:
            raise ValueError(f"pretrained {pretrained!r} is neither a file nor {_tags(model)}")
    else:
        if "/" in model:
            raise FileNotFoundError(f"model folder {model} does not exist")
        close = difflib.get_close_matches(model, open_clip.list_models(), n=5, cutoff=0.3)
        raise ValueError(
            f"unknown model {model!r}; closest: {', '.join(close) or 'none'}; "
            f"a folder, or one of: {', '.join(open_clip.list_models())}"
        )
    preprocess = clip.visual.preprocess_cfg
    size = clip.visual.image_size
    return Clip(
        clip.to(device).eval(),
        _tokenizer(name),
        size if isinstance(size, int) else size[0],
        tuple(preprocess["mean"]),
        tuple(preprocess["std"]),
        f"{model}:{pretrained}" if pretrained else str(model),
    )


class VideoClassifier(nn.Module):
    """Frames in, logits out.

    Args:
        visual: image encoder (N, 3, S, S) -> (N, D).
        dim: D.
        size: S, input size in pixels.
        mean, std: of the pixels, in [0, 1].
        logit_scale: the logarithm of the temperature's inverse.
        temporal: a key of `temporal.TEMPORAL`.
        temporal_heads: of the temporal transformer; `dim // 64` when None.
        temporal_options: further arguments of the aggregation.
    """

    def __init__(
        self,
        visual: nn.Module,
        dim: int,
        size: int,
        mean: Sequence[float],
        std: Sequence[float],
        logit_scale: float,
        temporal: str = "mean",
        temporal_heads: int | None = None,
        **temporal_options,
    ):
        super().__init__()
        self.visual, self.dim, self.size = visual, dim, size
        self.temporal = build_temporal(temporal, dim, temporal_heads, **temporal_options)
        self.logit_scale = nn.Parameter(torch.tensor(float(logit_scale)))
        self.classifier: CosineClassifier | None = None
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)

    @classmethod
    def from_clip(
        cls, clip: Clip, temporal: str = "mean", temporal_heads: int | None = None, seed: int = 0, **temporal_options
    ) -> "VideoClassifier":
        """A classifier on a copy of a CLIP's image encoder; new parameters are drawn by `seed`."""
        dim = clip.class_embeddings(["x"]).shape[1]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            visual = copy.deepcopy(clip.model.visual)
            scale = clip.model.logit_scale.item()
            model = cls(
                visual, dim, clip.size, clip.mean, clip.std, scale, temporal, temporal_heads, **temporal_options
            )
        return model.to(next(visual.parameters()).device, memory_format=torch.channels_last).eval()

    def set_classifier(self, rows: Tensor, frozen: bool = True) -> "VideoClassifier":
        """Put these rows (C, D) into the last layer, frozen or trainable. Returns self."""
        if rows.ndim != 2 or rows.shape[1] != self.dim:
            raise ValueError(f"classifier rows have shape {tuple(rows.shape)}, expected (classes, {self.dim})")
        self.classifier = CosineClassifier(rows.to(self.logit_scale.device), frozen)
        return self

    def encode_video(self, frames: Tensor) -> Tensor:
        """Video embeddings, not of unit length.

        Args:
            frames: (B, T, 3, S, S): uint8, or float already normalised.

        Returns:
            (B, D)
        """
        batch, length = frames.shape[:2]
        images = frames.flatten(0, 1)
        if images.dtype == torch.uint8:
            images = (images.to(self.mean.dtype) / 255 - self.mean) / self.std
        # Convolutions are faster with channels last, on tensor cores and on the CPU (1.3 times, for Mini CLIP).
        images = images.contiguous(memory_format=torch.channels_last)
        return self.temporal(self.visual(images).unflatten(0, (batch, length)))

    def logits(self, video_embeddings: Tensor, class_embeddings: Tensor) -> Tensor:
        """(B, D), (C, D) -> (B, C): exp(logit_scale) * cosine."""
        return cosine_logits(video_embeddings, class_embeddings, self.logit_scale)

    def forward(self, frames: Tensor) -> Tensor:
        """Logits of the model's own classes: (B, T, 3, S, S) -> (B, C).

        Raises:
            RuntimeError: `set_classifier` has not been called.
        """
        if self.classifier is None:
            raise RuntimeError("the model has no classifier yet: call set_classifier with its rows")
        return self.classifier(self.encode_video(frames), self.logit_scale)

    def train(self, mode: bool = True) -> "VideoClassifier":
        """Training mode, but for BatchNorm: its statistics over a handful of videos would ruin the encoder."""
        super().train(mode)
        for module in self.visual.modules():
            if isinstance(module, _BatchNorm):
                module.eval()
        return self


def fingerprint(module: nn.Module) -> str:
    """SHA-256 over names, shapes and bytes of a module's state: changes when any weight does."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _build(name: str) -> nn.Module:
    """The architecture alone, without open_clip's warning that its weights are random: they are loaded next."""
    logging.disable(logging.WARNING)
    try:
        return open_clip.create_model(name, load_weights=False)
    finally:
        logging.disable(logging.NOTSET)


def _tokenizer(name: str):
    try:
        return open_clip.get_tokenizer(name)
    except ImportError as error:
        raise ValueError(
            f"model {name} needs a tokenizer that is not installed here ({error}): pip install {error.name}"
        ) from error


def _load_weights(clip: nn.Module, path: Path) -> None:
    try:
        open_clip.load_checkpoint(clip, str(path), strict=True, weights_only=True)
    except RuntimeError as error:
        if "state_dict" not in str(error) and "size mismatch" not in str(error):
            raise ValueError(f"{path} cannot be read as weights: {str(error).splitlines()[0]}") from error
        problems = [line.strip() for line in str(error).splitlines()[1:]]
        raise ValueError(f"the weights in {path} do not fit the model: {' '.join(problems)[:2000]}") from error
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"{path} is not a weights file that can be read safely ({reason}); expected .safetensors, or a file of "
            f"tensors saved by torch"
        ) from error


def _tags(model: str) -> str:
    return f"one of open_clip's tags ({', '.join(open_clip.list_pretrained_tags_by_model(model)) or 'it has none'})"

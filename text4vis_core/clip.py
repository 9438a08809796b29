"""CLIPs: any open_clip model, by name with its weights, or from a folder that holds both."""

import difflib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import open_clip
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .labels import TEMPLATES, prompts


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

"""CLIPs: any open_clip model, by name with its weights or from a folder that holds both.

N texts or pictures of S x S pixels, C classes, D width of an embedding.
"""

import contextlib
import copy
import difflib
import io
import json
import pickletools
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import open_clip
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..files import check_finite, first_line, why_not_loaded
from .hub import cache_only, fetch, quiet
from .kernels import use_fast_kernels
from .labels import TEMPLATES, prompts

NO_WEIGHTS = ("input_resolution", "context_length", "vocab_size", "attn_mask")  # tensors too, in OpenAI's archives


@dataclass(frozen=True)
class Clip:
    """A CLIP with what is needed to use it.

    Attributes:
        model: open_clip's.
        tokenizer: texts -> token ids, int64 (N, context length).
        size: side of the input in pixels.
        mean, std: of the pixels, in [0, 1], that the image encoder was trained with.
        dim: D, of the embeddings.
        text_heads: attention heads of the text tower, as many as the published temporal transformer has; or None.
        source: where it came from, in words for a record.
    """

    model: Any  # open_clip's classes share no type
    tokenizer: Callable[[Sequence[str]], Tensor]
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    dim: int
    text_heads: int | None
    source: str

    @property
    def logit_scale(self) -> float:
        """The logarithm of the temperature's inverse."""
        return self.model.logit_scale.item()

    @property
    def logit_bias(self) -> float | None:
        """What models of the sigmoid loss (SigLIP) add to every logit, which moves no ranking; None for the others."""
        return None if self.model.logit_bias is None else self.model.logit_bias.item()

    def image_encoder(self) -> nn.Module:
        """A copy of the image encoder, (N, 3, S, S) -> (N, D), not of unit length; CoCa's without captions'."""
        visual = copy.deepcopy(self.model.visual)
        if getattr(visual, "output_tokens", False):
            visual.output_tokens = False
        return visual

    @torch.no_grad()
    def class_embeddings(self, names: Sequence[str], template: str = TEMPLATES["published"]) -> Tensor:
        """Text embeddings of class names (Text4Vis, section 3.2): float32 (C, D), rows of unit length.

        The template is a prompt, or the key of one in `labels.TEMPLATES`. A ValueError for no names, or where it has no
        place for the name.
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
        model: an open_clip model name ("ViT-B-32-quickgelu", "ViT-B-16-SigLIP", "convnext_base_w", "RN50-quickgelu"),
            or a folder with `open_clip_config.json`, weights and, where the model has one of its own, the tokenizer's
            files, as `open_clip` and the miniature save them.
        pretrained: for a name: a weights file (.safetensors, or a .pt/.bin of tensors), one of open_clip's tags
            ("openai"; downloaded unless cached), or "random" for untrained weights, the same every time. Must be None
            for a folder.
        device: where to put it.

    Raises:
        ValueError: an unknown name (with the closest), a missing or unknown `pretrained`, weights that are none, do not
            fit (which keys) or are not finite, a configuration that open_clip cannot build, an input that is not
            square, or files of the Hugging Face Hub that are neither here nor to be had (which, and what to do).
        FileNotFoundError: the folder, its configuration or its weights are missing.
    """
    if Path(model).is_dir():
        name, config = f"local-dir:{model}", _folder_config(Path(model))
        if pretrained:
            raise ValueError(f"model {model} is a folder with its own weights; leave pretrained empty")
        weights: Path | None = _folder_weights(Path(model))
        pixels: dict[str, Any] = {}
    elif model in open_clip.list_models():
        name, config = model, open_clip.get_model_config(model)
        if not pretrained:
            raise ValueError(f"pretrained is empty: give {model} a weights file, {_tags(model)}, or 'random'")
        # The pixels' mean and standard deviation go with the weights, and open_clip knows them by tag alone. Other
        # weights get those of the first tag: a SigLIP's are not OpenAI's.
        tags = open_clip.list_pretrained_tags_by_model(model)
        weights, pixels = None, open_clip.get_pretrained_cfg(model, tags[0]) if tags else {}
        if Path(pretrained).is_file():
            weights = Path(pretrained)
        elif pretrained in tags:
            pixels = open_clip.get_pretrained_cfg(model, pretrained)
        elif pretrained != "random":
            raise ValueError(f"pretrained {pretrained!r} is neither a file nor {_tags(model)}")
    else:
        if Path(model).is_file():
            raise ValueError(f"model {model} is a file; give it as pretrained beside a name, or as checkpoint")
        known, cutoff = {name.lower(): name for name in open_clip.list_models()}, 0.8 if "/" in model else 0.3
        found = difflib.get_close_matches(model.lower().replace("/", "-"), known, n=5, cutoff=cutoff)  # as in ViT-B/32
        close = f"closest: {', '.join(known[name] for name in found) or 'none'}"
        if "/" in model:
            remedy = f"give one that does, or one of open_clip's names, {close}"
            raise FileNotFoundError(f"model folder {model} does not exist; {remedy}")
        raise ValueError(f"unknown model {model!r}; {close}; a folder, or one of: {', '.join(known.values())}")
    tokenizer = _tokenizer(model, name, config)  # before the weights: it is the first to be missing
    if pretrained and weights is None and pretrained != "random":
        weights = _pretrained(model, pretrained, pixels, config)
    clip = _build(model, name, config, pixels, device)
    size = clip.visual.image_size
    height, width = (size, size) if isinstance(size, int) else size
    if height != width:
        raise ValueError(f"model {model} takes pictures of {height} x {width} pixels; only square ones are supported")
    if weights is not None:
        _load_weights(clip, weights)
    mean, std = (tuple(clip.visual.preprocess_cfg[name]) for name in ("mean", "std"))
    dim, heads = config["embed_dim"], config["text_cfg"].get("heads")
    source = f"{model}:{pretrained}" if pretrained else str(model)
    return Clip(use_fast_kernels(clip.eval()), tokenizer, height, mean, std, dim, heads, source)


def _folder_config(folder: Path) -> dict[str, Any]:
    file = folder / "open_clip_config.json"
    if not file.is_file():
        raise FileNotFoundError(f"{folder} holds no open_clip_config.json: not a folder saved by open_clip")
    try:
        config = json.loads(file.read_text(encoding="utf-8"))["model_cfg"]
        config["embed_dim"], config["vision_cfg"].keys(), config["text_cfg"].keys()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        expected = "it must be JSON with model_cfg, and in it embed_dim, vision_cfg and text_cfg"
        raise ValueError(f"{file} is not a configuration of open_clip ({error!r}): {expected}") from error
    return config


def _folder_weights(folder: Path) -> Path:
    # A folder from a hub may hold another library's model.safetensors beside open_clip's own.
    files = sorted(folder.glob("*.safetensors"), key=lambda file: (not file.name.startswith("open_clip"), file))
    if not files:
        raise FileNotFoundError(f"{folder} holds no .safetensors file with the weights")
    return files[0]


def _tokenizer(model: str, name: str, config: dict[str, Any]) -> Callable[[Sequence[str]], Tensor]:
    wanted = config["text_cfg"].get("hf_tokenizer_name")
    if not wanted:
        return open_clip.get_tokenizer(name)

    if find_spec("transformers") is None:
        raise ValueError(f"model {model} needs the tokenizer {wanted}, which needs a package: pip install transformers")

    def make():
        tokenizer = open_clip.get_tokenizer(name, trust_remote_code=False)
        # Of a tokenizer without its vocabulary transformers makes one to which all words are the same unknown one.
        if torch.equal(*tokenizer(["archery", "juggling"])):
            raise ValueError("it tells no two words apart: its vocabulary is missing")
        return tokenizer

    if name == model:
        return fetch(model, f"its tokenizer, {wanted}", make)
    try:
        with cache_only():
            return make()
    except Exception as error:  # transformers raises whatever it stumbles over
        remedy = f"put the files of {wanted} beside the weights, tokenizer.json and tokenizer_config.json"
        reason = f"holds no tokenizer that can be read ({first_line(error)})"
        raise ValueError(f"model folder {model} {reason}: {remedy}") from None


def _pretrained(model: str, tag: str, pixels: dict[str, Any], config: dict[str, Any]) -> Path:
    if pixels.get("quick_gelu", False) != config.get("quick_gelu", False):
        other = "without" if config.get("quick_gelu") else "with"
        remedy = "choose the name that fits, with or without -quickgelu"
        warnings.warn(f"the weights {tag!r} were trained {other} QuickGELU, unlike {model}: {remedy}", stacklevel=3)
    return Path(fetch(model, f"its weights {tag!r}", lambda: open_clip.download_pretrained(pixels)))


def _build(model: str, name: str, config: dict[str, Any], pixels: dict[str, Any], device: str | torch.device) -> Any:
    """The architecture alone, without open_clip's warning that its weights are random: they are loaded next."""

    def make():
        with quiet(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            return open_clip.create_model(
                name, load_weights=False, device=device, pretrained_text=False, force_preprocess_cfg=pixels or None
            )

    tower = config["text_cfg"].get("hf_model_name")
    if tower:
        return fetch(model, f"the configuration of its text tower, {tower}", make)
    try:
        return make()
    except (TypeError, ValueError, RuntimeError, AssertionError) as error:
        raise ValueError(f"open_clip cannot build model {model}: {first_line(error)}") from error


def _load_weights(clip: nn.Module, path: Path) -> None:
    try:
        if scripted := _script_weights(path):
            clip.load_state_dict(scripted)
        else:
            own = clip.state_dict()
            for name, given in open_clip.factory.load_state_dict(str(path), weights_only=True).items():
                if "pos" in name and name in own and given.shape != own[name].shape:  # it would be interpolated
                    where = f"{tuple(given.shape)} in the file, {tuple(own[name].shape)} in the model"
                    raise RuntimeError(f"size mismatch of another input's weights:\n{name} is {where}")
            open_clip.load_checkpoint(clip, str(path), strict=True, weights_only=True)
    except RuntimeError as error:
        if "state_dict" not in str(error) and "size mismatch" not in str(error):
            raise ValueError(f"{path} cannot be read as weights: {why_not_loaded(error)}") from error
        if "model_state_dict" in str(error):
            remedy = "give it as checkpoint, beside model, the CLIP that it was trained from"
            raise ValueError(f"{path} is the checkpoint of a video model, not a CLIP's weights; {remedy}") from error
        problems = [line.strip() for line in str(error).splitlines()[1:]]
        raise ValueError(f"the weights in {path} do not fit the model: {' '.join(problems)[:2000]}") from error
    except Exception as error:
        expected = "expected .safetensors, or a file of tensors saved by torch"
        reason = why_not_loaded(error)
        raise ValueError(f"{path} is not a weights file that can be read safely ({reason}); {expected}") from error
    used = {name: tensor for name, tensor in clip.state_dict().items() if not name.startswith("text_decoder.")}
    check_finite(path, used)  # without what CoCa has for captions alone


class _Module:
    """Stands for a module of a TorchScript archive, of whatever class: it does nothing."""


def _script_weights(path: Path) -> dict[str, Tensor] | None:
    """Tensors by name of a TorchScript archive, the form in which OpenAI publishes its CLIPs; None for another file.

    `torch.jit.load` compiles the code in it, and runs a module's `__setstate__`. Torch's reader of weights alone runs
    none, but takes no archive with code: a copy without that is read, in memory.
    """
    with contextlib.suppress(zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
        kept = [name for name in archive.namelist() if "/code/" not in name and not name.endswith("/constants.pkl")]
        if len(kept) == len(archive.namelist()):
            return None
        with zipfile.ZipFile(plain := io.BytesIO(), "w") as copied:
            for name in kept:
                copied.writestr(name, archive.read(name))
        [data] = (archive.read(name) for name in kept if name.endswith("/data.pkl"))
        named = {str(arg).replace(" ", ".") for code, arg, _ in pickletools.genops(data) if code.name == "GLOBAL"}
        modules = [(_Module, name) for name in named if name.startswith("__torch__.")]
        types = [(lambda value, *_: value, name) for name in named if name.startswith("torch.jit._pickle.")]
        plain.seek(0)
        with torch.serialization.safe_globals([*modules, *types]):
            return dict(_tensors(torch.load(plain, map_location="cpu", weights_only=True)))
    return None


def _tensors(module: Any, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    for name, value in vars(module).items():
        if isinstance(value, _Module):
            yield from _tensors(value, f"{prefix}{name}.")
        elif isinstance(value, Tensor) and name not in NO_WEIGHTS:
            yield prefix + name, value


def _tags(model: str) -> str:
    return f"one of open_clip's tags ({', '.join(open_clip.list_pretrained_tags_by_model(model)) or 'it has none'})"

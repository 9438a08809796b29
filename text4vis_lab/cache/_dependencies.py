"""What embeddings depend on, as plain values for a key: weights and structure, videos' files, code, versions, hardware.

Whatever changes one of these changes the key. Where something cannot be seen, such as a module written in a notebook,
`NotCacheable` says so: better no key than one that stays the same when the numbers do not.
"""

import ast
import functools
import hashlib
import json
import os
import re
import sys
import types
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import text4vis_core
from text4vis_core.data.video_list import VideoList
from text4vis_core.files import file_digest

from ..provenance import FOLDERS as ROOTS
from ..provenance import LOADED as _LOADED
from ..provenance import package_version

CORE = text4vis_core.__name__
# Packages whose version tells their code; those of the model's modules, and of the pixels.
VERSIONED = ("torch", "torchvision", "open_clip", "timm", "transformers", "numpy")
DISTRIBUTIONS = (
    "torch",
    "torchvision",
    "open_clip_torch",
    "timm",
    "transformers",
    "decord2",
    "decord",
    "av",
    "pillow",
    "numpy",
)
# Imported by modules that embeddings depend on, and not among these: what they give is in the key, or comes later.
INDIFFERENT = {
    f"{CORE}.{name}" for name in ("model.classifier", "model.clip", "model.labels", "data.formats.readers", "_names")
}
MODULE_INTERNALS = frozenset(vars(nn.Module()))


class NotCacheable(RuntimeError):
    """Something that the numbers depend on cannot be seen. Says what."""


def key_of(parts: dict[str, Any]) -> str:
    """SHA-256 of plain values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def module_state(module: nn.Module, without: Collection[str] = ()) -> tuple[str, set[str]]:
    """SHA-256 over a module's structure, settings, parameters and buffers; and the modules of `ROOTS` it is made of.

    Args:
        module: in whatever mode; training or not makes no difference.
        without: parts, parameters and settings at the top that are left out.

    Raises:
        NotCacheable: a part, hook or setting comes from code that is neither of `ROOTS` nor of a known version.
    """
    digest, sources = hashlib.sha256(), set()
    for name, part in module.named_modules():
        if name.split(".")[0] in without:
            continue
        settings = {k: v for k, v in vars(part).items() if k not in MODULE_INTERNALS and (name or k not in without)}
        hooks = [*part._forward_pre_hooks.values(), *part._forward_hooks.values()]
        for thing in (part, *hooks, *settings.values()):
            sources |= origin(thing, name)
        kind = f"{type(part).__module__}.{type(part).__qualname__}"
        digest.update(f"{name} {kind} {shown(settings)} {[shown(hook) for hook in hooks]}\n".encode())
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if name.split(".")[0] not in without:
            # Strides too: another memory format is another kernel.
            digest.update(f"{name} {tensor.stride()} {_tensor_digest(tensor)}\n".encode())
    return digest.hexdigest(), sources


def shown(value: Any) -> str:
    """A value as text that is the same in every process: of an object, its kind."""
    if isinstance(value, Tensor):
        return _tensor_digest(value)
    if isinstance(value, dict):
        return str(sorted((str(key), shown(item)) for key, item in value.items()))
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def file_stamps(videos: VideoList) -> str:
    """SHA-256 over the videos' paths, parts, and their files' sizes and times; of a folder, over all files in it.

    The time of the last change of status is among them, which no copying and no `touch` sets back. A file that is not
    there has a stamp as well.
    """
    digest, known = hashlib.sha256(), dict[Path, list | None]()
    for video in videos.videos:
        if video.path not in known:
            known[video.path] = _stamp(video.path)
        stamp = [os.path.abspath(video.path), known[video.path], video.start, video.end, video.duration]
        digest.update(f"{json.dumps(stamp)}\n".encode())
    return digest.hexdigest()


def environment(device: torch.device) -> dict[str, Any]:
    """Versions of the packages, and what else changes the last bits: device, instruction set, threads, precision."""
    parts: dict[str, Any] = {name: package_version(name) for name in DISTRIBUTIONS}
    if device.type == "cuda":
        tf32 = [torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32]
        parts |= {"device": torch.cuda.get_device_name(device), "cuda": torch.version.cuda, "tf32": tf32}
    else:
        # Libraries choose their kernels by the maker and the model, not by the instruction set alone.
        known = getattr(torch.cpu, "get_capabilities", dict[str, Any])  # not in the oldest torch that is allowed
        processor = {k: v for k, v in known().items() if not k.startswith("num_")}
        parts |= {"device": [device.type, torch.backends.cpu.get_cpu_capability(), sorted(processor.items())]}
        parts |= {"threads": torch.get_num_threads()}
    autocast = torch.is_autocast_enabled(device.type) and str(torch.get_autocast_dtype(device.type))
    return parts | {"precision": [torch.get_float32_matmul_precision(), autocast]}


def code_of(modules: Iterable[str]) -> str:
    """SHA-256 over the sources of modules of `ROOTS`, and of those that they import, but `INDIFFERENT` ones.

    Raises:
        NotCacheable: a source was changed after it was loaded, so that it does not tell what runs.
    """
    digest = hashlib.sha256()
    for name, file in sorted(sources_of(modules).items()):
        now = file_digest(file)
        if _LOADED.get(file) != now:
            raise NotCacheable(f"{file.name} was changed after it was loaded; restart Python to use the cache again")
        digest.update(f"{name} {now}\n".encode())
    return digest.hexdigest()


def sources_of(modules: Iterable[str]) -> dict[str, Path]:
    """Files of modules of `ROOTS` ("text4vis_core.data.video"), and of those that they import."""
    todo, found = list(modules), dict[str, Path]()
    while todo:
        name = todo.pop()
        file = _module_file(name)
        if file is None or name in found:
            continue
        found[name] = file
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]
        names = _imported(file.read_text(encoding="utf-8"), package)
        todo += [name for name in names if name not in INDIFFERENT]
    return found


@functools.cache  # a key is asked for at every embedding, and the source is what was loaded
def _imported(source: str, package: str) -> list[str]:
    """What a source of a package imports: modules, and what may be one."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.rsplit(".", node.level - 1)[0] + "." if node.level else ""
            base = f"{above}{node.module or ''}".rstrip(".")
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return names


def _module_file(name: str) -> Path | None:
    """The source of a module of `ROOTS`; None of others, and of a package itself, which only passes on names."""
    root, *parts = name.split(".")
    if root not in ROOTS or not parts:
        return None
    base = ROOTS[root].joinpath(*parts)
    return next((file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()), None)


def origin(thing: Any, where: str = "") -> set[str]:
    """The module of `ROOTS` that has the code of a function, or of an object's class; none for known libraries.

    Args:
        thing: any object.
        where: its place in the model, for the error.

    Raises:
        NotCacheable: it comes from elsewhere.
    """
    while isinstance(thing, functools.partial):
        thing = thing.func
    thing = getattr(thing, "__func__", thing)
    owner = thing if isinstance(thing, type | types.FunctionType) else type(thing)
    root = owner.__module__.split(".")[0]
    if root in ROOTS:
        return {owner.__module__}
    if root in VERSIONED or root in sys.stdlib_module_names:
        return set()
    place = f", in the model's {where}," if where else ""
    raise NotCacheable(f"the code of {owner.__module__}.{owner.__qualname__}{place} is not known here")


def _tensor_digest(tensor: Tensor) -> str:
    if hasattr(tensor, "device_mesh"):  # a DTensor; its import takes half a second
        raise NotCacheable("the weights are in shards")
    data = tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data
    return f"{tensor.dtype} {tuple(tensor.shape)} {hashlib.sha256(data).hexdigest()}"


def _stamp(path: Path) -> list | None:
    try:
        if not path.is_dir():
            return _times(path.stat())
        with os.scandir(path) as files:
            frames = sorted([file.name, *_times(file.stat())] for file in files)
        return [len(frames), hashlib.sha256(json.dumps(frames).encode()).hexdigest()]
    except OSError:
        return None


def _times(status: os.stat_result) -> list[int]:
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]

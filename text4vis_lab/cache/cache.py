"""Entries of the cache, and what is computed once.

An entry is a .safetensors file, named by the key of what it depends on (see `_dependencies`) and mapped into memory
when it is read. Its last tensor is the SHA-256 of all bytes before it: a damaged entry is noticed, and made anew.
"""

import hashlib
import itertools
import json
import math
import os
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from text4vis_core.data.datasets import VideoDataset
from text4vis_core.data.loader import load_batches
from text4vis_core.evaluation.embedding import EmbeddedVideos
from text4vis_core.files import first_line, replacing
from text4vis_core.model.clip import Clip
from text4vis_core.model.labels import TEMPLATES, prompts
from text4vis_core.model.video_classifier import VideoClassifier

from ..plain import encodable
from ._dependencies import NotCacheable, code_of, environment, file_stamps, key_of, module_state, origin, shown

FORMAT = 1  # of an entry; another one is not read
KINDS = ("videos", "classes")
CHECKSUM = "sha256"
SKIPPED = TypeAdapter(list[tuple[str, str]])
DTYPES = {torch.int64: "I64", torch.float32: "F32", torch.uint8: "U8"}  # as safetensors names them
OWN_FILE = re.compile(rf"\.?({'|'.join(KINDS)})-[0-9a-f]{{32}}\.safetensors(\..+\.tmp)?")
NOT_ENCODING = ("classifier", "text_tower", "logit_scale", "logit_bias")  # parts of a model that come after it


@dataclass(frozen=True)
class Entry:
    """One file of the cache: what it is in words, its size in bytes, and when it was made (seconds since 1970)."""

    path: Path
    about: str
    size: int
    made: float


def cached_class_embeddings(
    folder: str | Path, clip: Clip, names: Sequence[str], template: str = TEMPLATES["published"]
) -> Tensor:
    """`Clip.class_embeddings`, for which the text tower runs once per set of prompts.

    Args:
        folder: of the cache; made when it is not there.
        clip: whose text tower; its image encoder makes no difference.
        names, template: see `Clip.class_embeddings`. What counts is the tokens that the tokenizer makes of them.

    Returns:
        float32 (C, D), rows of unit length.
    """
    asked = prompts(names, template)
    try:
        weights, sources = module_state(clip.model, without=("visual", "logit_scale", "logit_bias"))
        tokens = clip.tokenizer(asked).tolist() if asked else []
        device = next(clip.model.parameters()).device
        parts = {"weights": weights, "tokens": tokens, "environment": environment(device)}
        path = entry_path(folder, "classes", parts | {"code": code_of(sources | {"text4vis_core.model.clip"})})
    except NotCacheable as reason:
        _say(f"class embeddings are not cached: {reason}")
        return clip.class_embeddings(names, template)
    known = _read_or_say(path, {"embeddings": 2})
    if known:
        return known[0]["embeddings"]
    rows = clip.class_embeddings(names, template)
    about = f"{len(names)} class embeddings of {clip.source}: {asked[0]!r} ..."
    _write_or_say(path, {"embeddings": rows}, {"about": about})
    return rows


def cached_videos(
    folder: str | Path,
    model: VideoClassifier,
    dataset: VideoDataset,
    make: Callable[[], EmbeddedVideos],
    how: Mapping[str, Any],
    num_workers: int = 0,
    timeout: float = 0.0,
) -> EmbeddedVideos:
    """What `make()` returns, or returned when everything that it depends on was the same.

    Labels are not among that: they are taken from the data set. Videos that were left out are tried again, and where
    one of them can be decoded now, the embeddings are made anew.

    Args:
        folder: of the cache; made when it is not there.
        model: that encodes; its classifier and text tower make no difference.
        dataset: gives the views that are encoded.
        make: encodes them, with `evaluation.embed_videos`.
        how: plain values, on which the last bits of what `make` returns depend besides.
        num_workers, timeout: with which videos are tried again, see `loader.load_batches`.

    Raises:
        VideoError: a video cannot be decoded and the data set does not skip.
    """
    model.eval()  # as `embed_videos` leaves it
    path, stamps = None, file_stamps(dataset.videos)
    try:
        path = entry_path(folder, "videos", _dependencies(model, dataset) | {"files": stamps, "how": how})
    except NotCacheable as reason:
        _say(f"video embeddings are not cached: {reason}")
    known = _read_or_say(path, {"indices": 1, "views": 3}) if path else None
    if known and not _decodable_now(dataset, known[0]["indices"], num_workers, timeout):
        return _with_labels(dataset, *known)
    result = make()
    if path and file_stamps(dataset.videos) == stamps:  # else a video has changed meanwhile
        videos, views, dim = result.views.shape
        first = dataset.videos.videos[0].path
        about = f"{videos} videos x {views} views x {dim} dimensions, {model.temporal_name}; the first: {first}"
        tensors = {"indices": result.indices, "views": result.views}
        _write_or_say(path, tensors, {"about": about, "skipped": json.dumps(result.skipped)})
    return result


def entry_path(folder: str | Path, kind: str, parts: dict) -> Path:
    """Where the entry lies, or will, that depends on these plain values."""
    return Path(folder) / f"{kind}-{key_of(parts | {'format': FORMAT})[:32]}.safetensors"


def read_entry(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and texts of an entry; the tensors are mapped into memory, and no change of them reaches the file.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged, or another one's under this name.
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        left, digest = os.fstat(file.fileno()).st_size - 32, hashlib.sha256()
        while left > 0 and (part := file.read(min(left, 1 << 22))):
            digest.update(part)
            left -= len(part)
        if left or file.read() != digest.digest():
            raise ValueError("its checksum is wrong")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            texts = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.offset_keys() if name != CHECKSUM}
    except safetensors.SafetensorError as error:
        raise ValueError(first_line(error)) from error
    if (texts or {}).get("name") != path.name:
        raise ValueError(f"field 'name': it is {(texts or {}).get('name')} by its header")
    return tensors, texts


def write_entry(
    path: Path,
    layout: Mapping[str, tuple[torch.dtype, Sequence[int]]],
    parts: Iterable[Tensor],
    texts: Mapping[str, str],
) -> None:
    """Write an entry, whole or not at all.

    Args:
        path: see `entry_path`.
        layout: data type and shape of each tensor; those of larger items first.
        parts: the tensors' values, one after the other, in pieces of any size.
        texts: what else to keep.

    Raises:
        OSError: it cannot be written.
    """
    header: dict[str, dict] = {"__metadata__": {"name": path.name, **texts}}
    end = 0
    for name, (dtype, shape) in [*layout.items(), (CHECKSUM, (torch.uint8, [hashlib.sha256().digest_size]))]:
        begin, end = end, end + dtype.itemsize * math.prod(shape)
        header[name] = {"dtype": DTYPES[dtype], "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    pieces: Iterable[bytes | memoryview] = itertools.chain([len(text).to_bytes(8, "little"), text], map(_bytes, parts))
    with replacing(path) as temporary, open(temporary, "wb") as file:
        digest = hashlib.sha256()
        for piece in pieces:
            file.write(piece)
            digest.update(piece)
        file.write(digest.digest())


def entries(folder: str | Path) -> list[Entry]:
    """What a folder holds of the cache, the newest first; other files are left alone, here and by `clear`."""
    found = []
    for path in Path(folder).iterdir() if Path(folder).is_dir() else ():
        if OWN_FILE.fullmatch(path.name):
            status = path.stat()
            found.append(Entry(path, _about(path), status.st_size, status.st_mtime))
    return sorted(found, key=lambda entry: -entry.made)


def clear(folder: str | Path) -> int:
    """Remove all entries of a folder; returns the bytes that were freed. Who reads one at the moment still can."""
    known = entries(folder)
    for entry in known:
        entry.path.unlink(missing_ok=True)
    return sum(entry.size for entry in known)


def _dependencies(model: VideoClassifier, dataset: VideoDataset) -> dict:
    """What video embeddings depend on, but for the videos' files."""
    weights, sources = module_state(model, NOT_ENCODING)
    sources = sources.union(*map(origin, dataset.made_by))
    return {
        "weights": weights,
        "views": shown(dataset.settings),
        "environment": environment(model.logit_scale.device),
        "code": code_of(sources | {"text4vis_core.evaluation.embedding"}),
    }


def _decodable_now(dataset: VideoDataset, indices: Tensor, num_workers: int, timeout: float) -> bool:
    """Whether a video can be decoded that could not, though its file is the same: it was out of reach, or too slow."""
    left_out = sorted(set(range(len(dataset))) - set(indices.tolist()))
    batches = load_batches(dataset, [[index] for index in left_out], num_workers, timeout=timeout) if left_out else ()
    return any(not batch["errors"] for batch in batches)


def _with_labels(dataset: VideoDataset, tensors: dict[str, Tensor], texts: dict[str, str]) -> EmbeddedVideos:
    videos, indices = dataset.videos, tensors["indices"]
    skipped = [tuple(pair) for pair in json.loads(texts["skipped"])]
    targets = videos.targets[indices] if videos.multi_label else None
    return EmbeddedVideos(tensors["views"], torch.from_numpy(videos.labels)[indices], indices, skipped, targets)


def _read_or_say(path: Path, dimensions: Mapping[str, int]) -> tuple[dict[str, Tensor], dict[str, str]] | None:
    try:
        tensors, texts = read_entry(path)
        for name, number in dimensions.items():
            if name not in tensors or tensors[name].ndim != number:
                raise ValueError(f"field {name!r} is not a tensor of {number} dimensions")
        if "views" in dimensions and len(tensors["views"]) != len(tensors["indices"]):
            raise ValueError("fields 'views' and 'indices' are of different videos")
        if "views" in dimensions:
            SKIPPED.validate_json(texts.get("skipped", ""))
        return tensors, texts
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValidationError:
        _say(f"{path} is made anew: field 'skipped' is not a list of videos and reasons")
        return None
    except (OSError, ValueError) as error:
        _say(f"{path} is made anew: {first_line(error)}")
        return None


def _write_or_say(path: Path, tensors: dict[str, Tensor], texts: dict[str, str]) -> None:
    layout = {name: (tensor.dtype, tensor.shape) for name, tensor in tensors.items()}
    try:
        write_entry(path, layout, tensors.values(), {name: encodable(text) for name, text in texts.items()})
    except OSError as error:
        _say(f"the cache is not written, and the work goes on without it: {first_line(error)}")


def _say(line: str) -> None:
    warnings.warn(line, stacklevel=4)


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.detach().contiguous().flatten().view(torch.uint8).numpy().data


def _about(path: Path) -> str:
    if path.suffix == ".tmp":
        return "of a process that is writing it, or was ended"
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            return file.metadata()["about"]
    except (OSError, KeyError, TypeError, safetensors.SafetensorError):
        return "damaged"

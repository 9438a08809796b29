"""Embeddings that were computed once, with their labels: all that a method needs which keeps the encoder as it is.

    features = read_features("../shared/real/ucf101_clip_vit_b32", "keyword_text.pt")
    few = features.draw(shots=4, seed=0)                # an `Embeddings` of 4 training items per class

Two forms are read, told by what lies in the folder: the laboratory's own (`features.safetensors`, which
`save_features` writes), and that of Tip-Adapter's caches and their many descendants (`caches.py`).

N items (videos, or frames), C classes, D width of an embedding, P width before the projection.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor
from torch.nn import functional as F

from text4vis_core.data.video_list import AnnotationError
from text4vis_core.files import check_finite, replacing

FILE = "features.safetensors"
SPLITS = ("train", "val", "test")
LOGIT_SCALE = 100.0  # of OpenAI's CLIPs, exp of their logit_scale; a cache does not say


@dataclass(frozen=True)
class Embeddings:
    """Labelled embeddings.

    Attributes:
        rows: float32 (N, D), of unit length.
        labels: int64 (N,).
        names: N names, such as paths of videos; "test/0", "test/1", ... of a cache that has none.
        before: float32 (N, P), what the encoder's projection makes embeddings of; None where that is not at hand.
    """

    rows: Tensor
    labels: Tensor
    names: tuple[str, ...]
    before: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, places: Tensor) -> "Embeddings":
        """The items at these places, int64 (M,)."""
        before = None if self.before is None else self.before[places]
        return Embeddings(self.rows[places], self.labels[places], tuple(self.names[i] for i in places.tolist()), before)


@dataclass(frozen=True)
class Projection:
    """The linear map that ends an image encoder: weight (D, P), and bias (D,) or None."""

    weight: Tensor
    bias: Tensor | None = None


@dataclass(frozen=True)
class Features:
    """A data set's embeddings.

    Attributes:
        classes: names.
        train, val, test: its splits; `train` is the pool that few shots are drawn from, the others may be empty.
        text: float32 (C, D), the class embeddings, of unit length; None without any.
        logit_scale: what cosines are multiplied by, 100 for OpenAI's CLIPs.
        projection: that made `rows` of `before`; None where `before` is.
        source: where they came from, in words for a record.
        notes: what the reader did that its user should know, a sentence each.
    """

    classes: tuple[str, ...]
    train: Embeddings
    val: Embeddings
    test: Embeddings
    text: Tensor | None = None
    logit_scale: float = LOGIT_SCALE
    projection: Projection | None = None
    source: str = ""
    notes: tuple[str, ...] = ()

    def draw(self, shots: int, seed: int) -> Embeddings:
        """`shots` training items of each class, drawn without replacement by `seed`; more shots hold the fewer.

        Args:
            shots: 0 for all.

        Raises:
            ValueError: a class has fewer items than that (which).
        """
        if not shots:
            return self.train
        rng, chosen = np.random.default_rng(seed), []
        for label, name in enumerate(self.classes):
            mine = (self.train.labels == label).nonzero()[:, 0].numpy()
            if not 1 <= shots <= len(mine):
                raise ValueError(f"{shots} shots were asked for, class {name!r} has {len(mine)} items: change shots")
            chosen.append(np.sort(rng.permutation(mine)[:shots]))
        return self.train.take(torch.from_numpy(np.concatenate(chosen)))

    def is_all(self, shots: int) -> bool:
        """Whether a draw of so many shots holds every training item, whatever its seed."""
        counts = torch.bincount(self.train.labels, minlength=len(self.classes))
        return not shots or bool((counts == shots).all())

    def only(self, ids: Sequence[int]) -> "Features":
        """These classes alone, numbered anew in this order; `text` is theirs already."""
        place = torch.full((len(self.classes),), -1)
        place[torch.tensor(ids)] = torch.arange(len(ids))

        def part(of: Embeddings) -> Embeddings:
            kept = of.take((place[of.labels] >= 0).nonzero()[:, 0])
            return replace(kept, labels=place[kept.labels])

        names = tuple(self.classes[i] for i in ids)
        return replace(self, classes=names, train=part(self.train), val=part(self.val), test=part(self.test))

    def to(self, device: str) -> "Features":
        """The same on another device, where the methods then compute."""

        def moved(of: Embeddings) -> Embeddings:
            return replace(of, rows=of.rows.to(device), before=None if of.before is None else of.before.to(device))

        text = None if self.text is None else self.text.to(device)
        return replace(self, train=moved(self.train), val=moved(self.val), test=moved(self.test), text=text)

    def fingerprint(self) -> str:
        """SHA-256 over everything that a result depends on."""
        tensors = {"text": self.text, "scale": torch.tensor(self.logit_scale)}
        for split in SPLITS:
            of = getattr(self, split)
            tensors |= {f"{split} rows": of.rows, f"{split} labels": of.labels, f"{split} before": of.before}
        digest = hashlib.sha256(json.dumps(self.classes).encode())
        for name, tensor in tensors.items():
            if tensor is not None:
                digest.update(f"{name} {tuple(tensor.shape)}".encode())
                digest.update(tensor.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()


def read_features(folder: str | Path, class_embeddings: str | Path = "") -> Features:
    """The embeddings of a folder, in either form.

    Args:
        folder: of the cache, see `caches.read_cache`, or of the laboratory's `features.safetensors`.
        class_embeddings: file of the text rows, see `text_rows`; empty: those of the laboratory's file, or none.

    Raises:
        FileNotFoundError: there is no such folder or file.
        AnnotationError: what is wrong: the file, what of it, and the remedy.
    """
    from .caches import is_cache, read_cache, text_rows

    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"parameter data_root: there is no folder {folder}")
    if (folder / FILE).is_file():
        features = _read_own(folder / FILE)
    elif is_cache(folder):
        features = read_cache(folder)
    else:
        raise AnnotationError(
            f"{folder} holds neither {FILE} nor a cache (keys_16shots.pt, ...): give its folder as data_root"
        )
    if class_embeddings:
        ids, rows = text_rows(class_embeddings, features.classes, features.train.rows.shape[1])
        if ids != list(range(len(features.classes))):
            note = f"{Path(class_embeddings).name} has text of {len(ids)} of {len(features.classes)} classes: these"
            features = replace(features.only(ids), notes=(*features.notes, f"{note} alone are told apart"))
        features = replace(features, text=F.normalize(rows, dim=-1))
    return features


def save_features(folder: str | Path, features: Features) -> Path:
    """Write embeddings in the laboratory's form; the old file or the new one is whole. Returns its path."""
    tensors: dict[str, Tensor] = {}
    names: dict[str, list[str]] = {}
    for split in SPLITS:
        of = getattr(features, split)
        tensors |= {f"{split} rows": of.rows, f"{split} labels": of.labels}
        tensors |= {} if of.before is None else {f"{split} before": of.before}
        names[split] = list(of.names)
    tensors |= {} if features.text is None else {"text": features.text}
    if features.projection is not None:
        tensors["projection weight"] = features.projection.weight
        tensors |= {} if features.projection.bias is None else {"projection bias": features.projection.bias}
    about: dict[str, Any] = {"classes": list(features.classes), "names": names, "source": features.source}
    about["logit_scale"] = features.logit_scale
    path = Path(folder, FILE)
    with replacing(path) as temporary:
        kept = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        temporary.write_bytes(safetensors.torch.save(kept, {"features": json.dumps(about)}))
    return path


def checked(path: Path, field: str, rows: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Embeddings as float32 and labels as int64, if they fit each other.

    Args:
        path, field: for the message.
        rows: (N, D).
        labels: (N,).
        classes: how many there are.

    Raises:
        AnnotationError: they do not; names the file, the field and the remedy.
    """
    remedy = "compute the embeddings again"
    if rows.ndim != 2 or not rows.is_floating_point() or not len(rows):
        raise AnnotationError(f"{path}: {field} is {rows.dtype} {tuple(rows.shape)}, not numbers (N, D); {remedy}")
    if not rows.isfinite().all() or (rows.float().norm(dim=-1) == 0).any():
        raise AnnotationError(f"{path}: {field} holds rows that are zero or not finite; {remedy}")
    if labels.shape != (len(rows),) or labels.is_floating_point():
        found = f"labels are {labels.dtype} {tuple(labels.shape)}, {field} has {len(rows)} rows"
        raise AnnotationError(f"{path}: {found}; {remedy}, with a whole number for each")
    if not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        span = f"{int(labels.min())} to {int(labels.max())}"
        raise AnnotationError(f"{path}: labels run from {span}, of {classes} classes; number them from 0")
    return rows.float(), labels.long()


def _read_own(path: Path) -> Features:
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            about = json.loads(file.metadata()["features"])
        classes, parts = tuple(about["classes"]), {}
        for split in SPLITS:
            both = tensors[f"{split} rows"], tensors[f"{split} labels"]
            if split == "train" or len(both[0]):  # of videos that were only embedded nothing is held out
                both = checked(path, f"{split} rows", *both, len(classes))
            names = tuple(about["names"][split])
            if len(names) != len(both[1]):
                raise AnnotationError(f"{path}: {len(names)} names of {len(both[1])} {split} rows; save them again")
            parts[split] = Embeddings(*both, names, tensors.get(f"{split} before"))
        projection = None
        if "projection weight" in tensors:
            projection = Projection(tensors["projection weight"], tensors.get("projection bias"))
        check_finite(path, tensors | {"logit_scale": torch.tensor(float(about["logit_scale"]))}, AnnotationError)
        text, scale = tensors.get("text"), float(about["logit_scale"])
        if text is not None and text.shape != (len(classes), parts["train"].rows.shape[1]):
            wanted = (len(classes), parts["train"].rows.shape[1])
            raise AnnotationError(f"{path}: text is {tuple(text.shape)}, not {wanted}; save it again")
        train, val, test = (parts[split] for split in SPLITS)
        return Features(classes, train, val, test, text, scale, projection, about["source"])
    except AnnotationError:
        raise
    except (safetensors.SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise AnnotationError(f"{path} is no file of features ({reason}); write it with save_features") from error

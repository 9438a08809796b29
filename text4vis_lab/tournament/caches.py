"""Feature caches as Tip-Adapter writes them (arXiv 2207.09519), and many that followed it; and files of text rows.

    keys_16shots.pt     (D, 16 C) training embeddings, as columns; also (16 C, D)
    values_16shots.pt   (16 C, C) their classes, one-hot
    val_f.pt, test_f.pt (N, D), and val_l.pt, test_l.pt (N,) their classes
    *.csv               `id,name` of the classes, from 0; without it they are called by their numbers

Nothing is unpickled but tensors (`torch.load(weights_only=True)`).
"""

import csv
import pickle
import re
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from text4vis_core.data.video_list import AnnotationError
from text4vis_core.model.labels import NAME_STYLES, class_names

from ..class_embeddings import load_class_embeddings
from .features import Embeddings, Features, checked

KEYS = re.compile(r"keys_(\d+)shots\.pt")


def is_cache(folder: Path) -> bool:
    """Whether a folder has files that are called as a cache's are."""
    return any(KEYS.fullmatch(path.name) for path in folder.iterdir())


def read_cache(folder: Path) -> Features:
    """The cache of a folder; its keys of most shots are the pool that fewer are drawn from.

    Raises:
        AnnotationError: a file is missing, is none, or does not fit the others; names the file and the remedy.
    """
    shots = max(int(found[1]) for path in folder.iterdir() if (found := KEYS.fullmatch(path.name)))
    keys_path, values_path = folder / f"keys_{shots}shots.pt", folder / f"values_{shots}shots.pt"
    keys, values = load_tensor(keys_path), load_tensor(values_path)
    if values.ndim != 2 or not ((values == 0) | (values == 1)).all() or (values.sum(1) != 1).any():
        raise AnnotationError(f"{values_path}: {tuple(values.shape)} is not one-hot (N, classes); compute it again")
    if keys.ndim == 2 and keys.shape[0] != len(values) and keys.shape[1] == len(values):
        keys = keys.T
    classes, note = _classes(folder, values.shape[1])
    rows, labels = checked(keys_path, "the keys", keys, values.argmax(1), len(classes))
    absent = sorted(set(range(len(classes))) - set(labels.tolist()))
    if absent:
        raise AnnotationError(
            f"{values_path}: class {classes[absent[0]]!r} has no key; compute the cache of all classes"
        )
    parts = {"train": _embeddings("train", rows, labels)}
    for split in ("val", "test"):
        path = folder / f"{split}_f.pt"
        others, truth = load_tensor(path), load_tensor(folder / f"{split}_l.pt")
        others, truth = checked(path, "the embeddings", others, truth, len(classes))
        if others.shape[1] != rows.shape[1]:
            widths = f"{others.shape[1]} numbers wide, {keys_path.name} {rows.shape[1]}"
            raise AnnotationError(f"{path}: embeddings are {widths}; compute both with one encoder")
        parts[split] = _embeddings(split, others, truth)
    source, notes = f"feature cache {folder.name}, pool of {shots} shots", (note,) if note else ()
    return Features(classes, parts["train"], parts["val"], parts["test"], source=source, notes=notes)


def text_rows(path: str | Path, classes: tuple[str, ...], dim: int) -> tuple[list[int], Tensor]:
    """The classes that a file has text rows of, and the rows (classes, D).

    Args:
        path: a .safetensors file of `save_class_embeddings`, of all classes by their names, as they are spelled or as
            words; or a .pt file: a tensor (C, D) of all classes, or {"class_id": (M,), "text": (M, D)} of some.
        classes: names of all.
        dim: D.

    Raises:
        FileNotFoundError: there is no such file.
        AnnotationError: what is wrong with it.
    """
    path = Path(path)
    if path.suffix == ".safetensors":
        rows, ids = _by_name(path, classes), list(range(len(classes)))
    else:
        found = _load(path)
        if isinstance(found, Tensor):
            found = {"class_id": torch.arange(len(found)), "text": found}
        if not (isinstance(found, dict) and all(isinstance(found.get(k), Tensor) for k in ("class_id", "text"))):
            raise AnnotationError(
                f'{path} is neither a tensor (C, D) nor {{"class_id", "text"}}; save it as one of them'
            )
        rows, numbers = checked(path, "text", found["text"], found["class_id"], len(classes))
        ids = numbers.tolist()
        if len(set(ids)) < len(ids):
            raise AnnotationError(f"{path}: class_id holds a class twice; keep one row of each")
        order = numbers.argsort()
        rows, ids = rows[order], numbers[order].tolist()
    if rows.shape[1] != dim:
        widths = f"text rows are {rows.shape[1]} numbers wide, the embeddings {dim}"
        raise AnnotationError(f"{path}: {widths}; take the text tower of their CLIP")
    return ids, rows


def _by_name(path: Path, classes: tuple[str, ...]) -> Tensor:
    errors: list[ValueError] = []
    for style in NAME_STYLES:
        try:
            return load_class_embeddings(path, class_names(classes, style))
        except ValueError as error:
            errors.append(error)
    raise AnnotationError(str(errors[0]))


def _embeddings(split: str, rows: Tensor, labels: Tensor) -> Embeddings:
    return Embeddings(F.normalize(rows, dim=-1), labels, tuple(f"{split}/{i}" for i in range(len(labels))))


def _classes(folder: Path, count: int) -> tuple[tuple[str, ...], str]:
    """The names of the classes, and a note where they are but numbers."""
    tables = sorted(folder.glob("*.csv"))
    if not tables:
        return tuple(f"class {i}" for i in range(count)), f"{folder.name} has no table of names: classes have numbers"
    path = tables[0]
    try:
        with path.open(newline="", encoding="utf-8") as file:
            names = {int(row["id"]): row["name"] for row in csv.DictReader(file)}
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise AnnotationError(f"{path}: not a table `id,name` ({error}); correct it or remove it") from error
    if sorted(names) != list(range(count)) or len(set(names.values())) < count or not all(names.values()):
        raise AnnotationError(f"{path}: ids must be 0 to {count - 1}, each once and with a name of its own; correct it")
    return tuple(names[i] for i in range(count)), ""


def load_tensor(path: Path) -> Tensor:
    """The tensor that a .pt file holds alone; an AnnotationError when it is none, a FileNotFoundError without it."""
    found = _load(path)
    if not isinstance(found, Tensor):
        raise AnnotationError(f"{path}: holds a {type(found).__name__}, not a tensor; save the tensor alone")
    return found


def _load(path: Path):
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; copy it there, or compute the embeddings again")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        reason = str(error).partition("\n")[0][:200]
        raise AnnotationError(f"{path} is no file of tensors ({reason}); save it with torch.save") from error

"""Saved class embeddings, which stand in the place of a text tower: the setting `class_embeddings`.

C classes, D width of an embedding.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from .storing import replacing


def save_class_embeddings(
    path: str | Path, names: Sequence[str], embeddings: Tensor, source: str, template: str
) -> None:
    """Write class embeddings, so that a model can be used without its text tower. The old file or the new one is whole.

    Args:
        path: a .safetensors file.
        names: class names as text. A ValueError when one comes twice.
        embeddings: (C, D), a row per name. A ValueError when they are not finite.
        source: which text tower made them, as in `Clip.source`.
        template: the prompt template they were made with.
    """
    _check_rows(path, names, embeddings)
    metadata = {"names": json.dumps(list(names)), "source": source, "template": template}
    rows = embeddings.detach().cpu().float().contiguous()
    with replacing(path) as temporary:
        temporary.write_bytes(safetensors.torch.save({"embeddings": rows}, metadata))


def load_class_embeddings(path: str | Path, names: Sequence[str]) -> Tensor:
    """Read what `save_class_embeddings` wrote: float32 (C, D), the rows of `names` in their order.

    A FileNotFoundError without the file, a ValueError when it is damaged or another, or lacks a class (which).
    """
    stored, rows = _read(path)
    row_of = {name: row for row, name in enumerate(stored)}
    missing = [name for name in names if name not in row_of]
    if missing:
        some, others = (", ".join(map(repr, each)) for each in (missing[:5], stored[:3]))
        remedy = f"it holds {len(stored)}, such as {others}: names must be spelled as when it was made"
        raise ValueError(f"{path} lacks {len(missing)} of {len(names)} classes: {some}; {remedy}")
    return rows[[row_of[name] for name in names]].float()


def check_width(path: str | Path, dim: int) -> None:
    """Raise a ValueError where the embeddings of a file are not as wide as a model's, D."""
    width = _read(path)[1].shape[1]
    if width != dim:
        remedy = "give those of the text tower that goes with the model"
        raise ValueError(f"parameter class_embeddings: {path} has rows of {width} numbers, the model {dim}; {remedy}")


def _read(path: str | Path) -> tuple[list[str], Tensor]:
    if not Path(path).is_file():
        raise FileNotFoundError(f"class-embedding file {path} does not exist")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            stored, rows = json.loads(file.metadata()["names"]), file.get_tensor("embeddings")
    except (safetensors.SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        remedy = "make one with text4vis_lab.class_embeddings.save_class_embeddings"
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"{path} is not a file of class embeddings ({reason}); {remedy}") from error
    if not isinstance(stored, list) or not all(isinstance(name, str) for name in stored):
        raise ValueError(f"{path}: its metadata 'names' is no list of class names; make the file again")
    _check_rows(path, stored, rows)
    return stored, rows


def _check_rows(path: str | Path, names: Sequence[str], rows: Tensor) -> None:
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise ValueError(f"{path}: class names come twice: {', '.join(map(repr, twice[:5]))}; one row goes with each")
    if rows.ndim != 2 or len(rows) != len(names) or not rows.is_floating_point():
        raise ValueError(f"{path}: embeddings are {rows.dtype} {tuple(rows.shape)}, expected ({len(names)} names, D)")
    rows = rows.float()  # as they are used
    wrong = (~rows.isfinite()).any(1) | (rows == 0).all(1)
    if wrong.any():
        where = names[int(wrong.nonzero()[0])]
        raise ValueError(f"{path}: embeddings of {where!r} are zero, or not finite; make the file again")
    different, first = rows.unique(dim=0, return_inverse=True)
    if len(different) < len(rows):
        one, other = (first == first.mode().values).nonzero()[:2, 0].tolist()
        both = f"{names[one]!r} and {names[other]!r}"
        raise ValueError(f"{path}: embeddings of {both} are the same, so that these are one class; make the file again")

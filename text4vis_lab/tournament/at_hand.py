"""The embeddings that a notebook's settings ask for: of a cache (`dataset: features`), or the laboratory's own."""

import copy
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from text4vis_core.data.video_list import AnnotationError, Video, VideoList
from text4vis_core.evaluation.metrics import topk_accuracy
from text4vis_core.files import file_digest
from text4vis_core.model.video_classifier import VideoClassifier

from .. import miniature
from ..mechanism import agreement
from ..notebooks import repository_root
from ..plain import readable
from ..records import RECORD, RunRecord
from ..rows import as_table
from ..scores import FOLDER, RANKS, write_ranks
from ..sources import Clips, Source
from ..storing import replacing
from .caches import load_tensor
from .features import SPLITS, Embeddings, Features, Projection, read_features
from .frozen import protocol
from .frozen.method import FrozenMethod, Problem
from .kept import COSINES
from .methods import SETTINGS
from .recipes import Chosen, trial_of


class Laboratory(Protocol):
    """What of a `Lab` is used here."""

    record: RunRecord
    values: dict[str, Any]
    clips: Clips

    @property
    def train(self) -> VideoList: ...

    @property
    def val(self) -> VideoList: ...

    @property
    def test(self) -> VideoList: ...

    @property
    def source(self) -> Source: ...

    @property
    def untrained(self) -> VideoClassifier: ...

    def look_at(self, tests: Mapping[str, VideoList]) -> None: ...


def features_of(lab: Laboratory) -> Features:
    """The embeddings of the settings, noted in the record; what their reader did is printed.

    Args:
        lab: its dataset is "features", whose data_root is read and whose class_embeddings are the text rows; or any
            other, whose videos its model embeds: `train` is the pool, `val` and `test` are its own.

    Raises:
        FileNotFoundError, AnnotationError: what is wrong with a cache.
        ValueError: videos that have several labels.
    """
    if lab.values["dataset"] == "features":
        return _read(lab)
    model, projection = before_projection(lab.untrained)
    lists = {"train": lab.train, "val": lab.val, "test": lab.test}
    parts = {split: _embed(lab, model, projection, videos, split) for split, videos in lists.items()}
    lab.look_at({split: lists[split] for split in SPLITS[1:]})
    text, scale = F.normalize(lab.source.embed_classes(lab.test), dim=-1), float(model.logit_scale.detach().exp())
    source = f"{lab.values['dataset']} by {lab.values['model']}"
    train, val, test = (parts[split] for split in SPLITS)
    return Features(lab.test.classes, train, val, test, text, scale, projection, source)


def before_projection(model: VideoClassifier) -> tuple[VideoClassifier, Projection | None]:
    """A copy of a model that gives what its image encoder projects, and the projection; the model itself without one.

    A projection is the last product of open_clip's ViT and ResNet. The mean over frames may be taken on either side of
    it; of another temporal module the model is returned as it is.
    """
    visual: Any = model.visual  # open_clip's encoders share no type
    pool: Any = getattr(visual, "attnpool", None)
    own = isinstance(getattr(visual, "proj", None), Tensor)
    linear = isinstance(getattr(pool, "c_proj", None), nn.Linear)
    if model.temporal_name != "mean" or not (own or linear):
        return model, None
    found = copy.deepcopy(model)
    inside: Any = found.visual
    if own:
        projection = Projection(visual.proj.detach().T.float().cpu())
        inside.proj, found.dim = None, projection.weight.shape[1]
        return found, projection
    last = pool.c_proj
    projection = Projection(last.weight.detach().float().cpu(), None if last.bias is None else last.bias.detach().cpu())
    same = nn.Linear(last.in_features, last.in_features).to(last.weight)
    with torch.no_grad():
        same.weight.copy_(torch.eye(last.in_features))
        same.bias.zero_()
    inside.attnpool.c_proj, found.dim = same, last.in_features
    return found, projection


def _embed(
    lab: Laboratory, model: VideoClassifier, projection: Projection | None, videos: VideoList, split: str
) -> Embeddings:
    if videos.multi_label:
        raise ValueError("parameter dataset: its videos have several labels, and these methods tell one class of each")
    known = lab.clips.embed(model, videos, lab.clips.views, f"embedding {split}")
    lab.record.add_skipped(known.skipped)
    mean, names = known.mean, tuple(str(videos.videos[int(i)].path) for i in known.indices)
    if projection is None:
        return Embeddings(F.normalize(mean, dim=-1), known.labels, names)
    rows = F.normalize(F.linear(mean, projection.weight, projection.bias), dim=-1)
    return Embeddings(rows, known.labels, names, mean)


def _read(lab: Laboratory) -> Features:
    root, text = lab.values["data_root"], lab.values["class_embeddings"]
    if not root:
        raise FileNotFoundError("parameter data_root is empty: give the folder of the feature cache")
    features = read_features(repository_root() / Path(root), text)
    if empty := [split for split in SPLITS if not len(getattr(features, split))]:
        remedy = "embed folders of classes that can be divided, or make folders train and test"
        raise AnnotationError(f"parameter data_root: {root} has no videos of {' and '.join(empty)}; {remedy}")
    fingerprint = features.fingerprint()
    for split in SPLITS:
        facts = {"videos": len(getattr(features, split)), "classes": len(features.classes), "missing": 0}
        lab.record.data[split] = facts | {"fingerprint": fingerprint, "decoder": "", "notes": list(features.notes)}
        items = getattr(features, split)
        digests = (hashlib.sha256(row.numpy().tobytes()).hexdigest() for row in items.rows.cpu())
        contents = dict(zip(map(Path, items.names), digests, strict=True))
        lab.record.evidence.add_list(split, as_list(items, features.classes), contents)
    if text:
        lab.record.weights["class_embeddings"] = file_digest(Path(text))
    for note in features.notes:
        print(readable(note, 400))
    return features


def play(
    lab: Laboratory,
    features: Features,
    wanted: Sequence[FrozenMethod],
    shots: Sequence[int],
    seeds: Sequence[int],
    recipes: Chosen | None,
) -> pd.DataFrame:
    """`frozen.tournament`, noted in the record: its rows, which are returned, and the ranks beside it."""
    found = protocol.tournament(features, wanted, shots, seeds, recipes)
    path = lab.record.run_dir / FOLDER / f"{RANKS}.parquet"
    (lab.record.run_dir / RECORD).unlink(missing_ok=True)  # whose numbers are not those of these ranks
    write_ranks(path, found.ranks, found.names, found.labels)
    lab.record.rows = found.rows
    _note_draws(lab, features, found.draws)
    problem = lab.values.get("problem", "")
    tuned = {(row["method"], row["shots"]) for row in found.rows if row["setting"] == SETTINGS[0] and "shots" in row}
    known = [(m.name, k) for m in wanted for k in shots if m.trials and (m.name, k) in tuned]
    lab.record.trials = [trial_of(recipes or {}, problem, *each) for each in known]
    return as_table(found.rows)


def tune(
    lab: Laboratory, features: Features, wanted: Sequence[FrozenMethod], shots: Sequence[int], draws: int
) -> tuple[Chosen, pd.DataFrame]:
    """`frozen.tune`, noted in the record: every trial, and beside it the ranks on the validation embeddings.

    Returns:
        What was chosen, and a row for each trial: method, shots, settings as text, "validation" in percent.
    """
    chosen, found = protocol.tune(features, wanted, shots, draws)
    path, labels = lab.record.run_dir / FOLDER / f"{RANKS}-val.parquet", features.val.labels.cpu()
    (lab.record.run_dir / RECORD).unlink(missing_ok=True)
    write_ranks(path, found.ranks, features.val.names, labels, "val")
    by: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for row in found.rows:
        cells = [{"cell": cell, "test": "val", "view": "1 view"} for cell in row["cells"]]
        tried = {"settings": row["given"], "validation": row["validation"], "cells": cells}
        by.setdefault((row["method"], row["shots"]), []).append(tried)
    about = {"problem": lab.values.get("problem", "")}
    lab.record.trials = [about | {"method": name, "shots": k, "tried": tried} for (name, k), tried in by.items()]
    _note_draws(lab, features, found.draws)
    return chosen, pd.DataFrame(found.rows).drop(columns=["given", "cells"])


def _note_draws(lab: Laboratory, features: Features, draws: Mapping[str, tuple[int, int]]) -> None:
    """Keep which items each cell was fitted on."""
    items = {draw: as_list(features.draw(*draw), features.classes) for draw in dict.fromkeys(draws.values())}
    for cell, draw in draws.items():
        lab.record.evidence.add_draw(cell, items[draw])


def as_list(items: Embeddings, classes: tuple[str, ...]) -> VideoList:
    """Items of a cache as a list of videos, by their names."""
    labels = items.labels.tolist()
    return VideoList(classes, tuple(Video(Path(n), label) for n, label in zip(items.names, labels, strict=True)))


def note_text(lab: Laboratory, features: Features, further: str = "") -> None:
    """Note in the record what the embeddings are ("about") and how their text rows lie ("text"); keep the cosines.

    Args:
        lab: in whose run's folder the cosines between classes are kept.
        features: with text rows; a ValueError without.
        further: file of text rows of another CLIP, a tensor (C, D); empty: none.
    """
    if features.text is None:
        raise ValueError("parameter class_embeddings is empty: give the file of the classes' text rows")
    counts = ", ".join(f"{len(getattr(features, split))} {split}" for split in SPLITS)
    notes = "".join(f" {note}." for note in features.notes)
    projection = (
        "" if features.projection else " ProLIP begins with the identity: what the encoder projects is not here."
    )
    about = f"{features.source}: {len(features.classes)} classes, {counts} items.{notes}{projection}"
    name = Path(lab.values["class_embeddings"]).parent.name or lab.values["dataset"]
    own = f"{name}: {len(features.classes)} classes"
    cosines = {own: features.text @ features.text.T}
    if further:
        rows = F.normalize(load_tensor(Path(further)).float(), dim=-1)
        cosines[f"{Path(further).parent.name}: {len(rows)} classes"] = rows @ rows.T
    lab.record.metrics |= {"about": about, "text": {name: spread_of(each) for name, each in cosines.items()}}
    lab.record.metrics["text"][own] |= agreement_with_means(features)
    with replacing(lab.record.run_dir / COSINES) as temporary:
        save_file({name: each.half().contiguous() for name, each in cosines.items()}, temporary)


def maps(lab: Laboratory) -> dict[str, np.ndarray]:
    """Cosines (C, C) between the classes' text rows, by name: what is kept, and of a cache Mini CLIP's beside."""
    found = {name: each.float().numpy() for name, each in load_file(lab.record.run_dir / COSINES).items()}
    if lab.values["dataset"] == "features" and lab.values["model"] == "mini_clip":
        assert lab.source.clip is not None
        rows = lab.source.clip.class_embeddings(list(miniature.ACTIONS), lab.values["template"])
        name = f"Mini CLIP: {len(rows)} classes"
        found[name] = (rows @ rows.T).numpy()
        lab.record.metrics["text"][name] = spread_of(rows @ rows.T)
    return found


def spread_of(cosines: Tensor) -> dict[str, float]:
    """Mean and standard deviation of cosines (C, C) between different classes."""
    above = torch.triu_indices(len(cosines), len(cosines), 1)
    values = cosines[above[0], above[1]]
    return {"classes": len(cosines), "mean cosine": float(values.mean()), "deviation": float(values.std())}


def agreement_with_means(features: Features) -> dict[str, float]:
    """How the text rows lie to the mean embeddings of their classes' training items.

    Returns:
        "r with class means", Pearson's of the cosines between classes; "means nearest to their text", in percent.
    """
    problem = Problem.of(features, 0, 0)
    nearest = topk_accuracy(F.normalize(problem.means, dim=-1) @ problem.names.T, torch.arange(problem.classes))
    r = agreement(problem.names, problem.means)
    return {"r with class means": r, "means nearest to their text": nearest}

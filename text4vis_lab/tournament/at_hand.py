"""The embeddings that a notebook's settings ask for: of a cache (`dataset: features`), or the laboratory's own."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from text4vis_core.data.video_list import VideoList
from text4vis_core.evaluation.metrics import topk_accuracy
from text4vis_core.files import file_digest
from text4vis_core.model.video_classifier import VideoClassifier

from ..notebooks import repository_root
from ..plain import readable
from ..records import RECORD
from ..rows import as_table
from ..scores import FOLDER, RANKS, write_ranks
from .features import SPLITS, Embeddings, Features, Projection, read_features
from .frozen.method import FrozenMethod, Problem
from .frozen.protocol import tournament
from .recipes import Chosen

if TYPE_CHECKING:
    from ..lab import Lab


def features_of(lab: "Lab") -> Features:
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
    text, scale = F.normalize(lab.source.embed_classes(lab.test), dim=-1), float(model.logit_scale.exp())
    source = f"{lab.values['dataset']} by {lab.values['model']}"
    return Features(lab.test.classes, **parts, text=text, logit_scale=scale, projection=projection, source=source)


def before_projection(model: VideoClassifier) -> tuple[VideoClassifier, Projection | None]:
    """A copy of a model that gives what its image encoder projects, and the projection; the model itself without one.

    A projection is the last product of open_clip's ViT and ResNet. The mean over frames may be taken on either side of
    it; of another temporal module the model is returned as it is.
    """
    visual = model.visual
    pool = getattr(visual, "attnpool", None)
    own = isinstance(getattr(visual, "proj", None), Tensor)
    linear = isinstance(getattr(pool, "c_proj", None), nn.Linear)
    if model.temporal_name != "mean" or not (own or linear):
        return model, None
    found = copy.deepcopy(model)
    if own:
        projection = Projection(visual.proj.detach().T.float().cpu())
        found.visual.proj = None
        return found, projection
    last = pool.c_proj
    projection = Projection(last.weight.detach().float().cpu(), None if last.bias is None else last.bias.detach().cpu())
    same = nn.Linear(last.in_features, last.in_features).to(last.weight)
    with torch.no_grad():
        same.weight.copy_(torch.eye(last.in_features))
        same.bias.zero_()
    found.visual.attnpool.c_proj = same
    return found, projection


def _embed(
    lab: "Lab", model: VideoClassifier, projection: Projection | None, videos: VideoList, split: str
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


def _read(lab: "Lab") -> Features:
    root, text = lab.values["data_root"], lab.values["class_embeddings"]
    if not root:
        raise FileNotFoundError("parameter data_root is empty: give the folder of the feature cache")
    features = read_features(repository_root() / Path(root), text)
    fingerprint = features.fingerprint()
    for split in SPLITS:
        facts = {"videos": len(getattr(features, split)), "classes": len(features.classes), "missing": 0}
        lab.record.data[split] = facts | {"fingerprint": fingerprint, "decoder": "", "notes": list(features.notes)}
    if text:
        lab.record.weights["class_embeddings"] = file_digest(Path(text))
    for note in features.notes:
        print(readable(note, 400))
    return features


def play(
    lab: "Lab",
    features: Features,
    wanted: Sequence[FrozenMethod],
    shots: Sequence[int],
    seeds: Sequence[int],
    recipes: Chosen | None,
) -> pd.DataFrame:
    """`frozen.tournament`, noted in the record: its rows, which are returned, and the ranks beside it."""
    found = tournament(features, wanted, shots, seeds, recipes)
    path = lab.record.run_dir / FOLDER / f"{RANKS}.parquet"
    (lab.record.run_dir / RECORD).unlink(missing_ok=True)  # whose numbers are not those of these ranks
    write_ranks(path, found.ranks, found.names, found.labels)
    lab.record.rows = found.rows
    return as_table(found.rows)


def text_facts(features: Features) -> dict[str, float]:
    """How the text rows lie to each other, and to the mean embeddings of the classes' training items.

    Returns:
        "cosine" and "spread", mean and standard deviation of the cosines between classes; "agreement", Pearson's r of
        these with the cosines between class means; "nearest", percent of class means whose nearest row is their own.
    """
    assert features.text is not None
    problem = Problem.of(features, 0, 0)
    means = F.normalize(problem.means, dim=-1)
    above = torch.triu_indices(len(means), len(means), 1)
    of_text, of_means = ((rows @ rows.T)[above[0], above[1]] for rows in (problem.names, means))
    nearest = topk_accuracy(means @ problem.names.T, torch.arange(len(means)))
    agreement = float(torch.corrcoef(torch.stack([of_text, of_means]))[0, 1])
    return {"cosine": float(of_text.mean()), "spread": float(of_text.std()), "agreement": agreement, "nearest": nearest}

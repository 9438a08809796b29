"""The command embed: the embeddings of videos in a file, divided as the data set "own" divides them."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import torch
from torch.nn import functional as F

from text4vis_core.model.labels import as_words

from ..fitting import embed_texts
from ..held_out import hold_out
from ..model_files import ModelError
from ..models import Model
from ..own_videos import DATASET, OwnVideos, recognise
from ..plain import readable
from ..tournament.features import FILE, SPLITS, Embeddings, Features, save_features
from ..video_files import find_videos
from ..wording import counted, listed
from .asking import Asked, there
from .running import Unanswered, at_home, note

SHARE = 0.2  # of the training recordings that are held out for choices


def embed(videos: Sequence[Path], asked: Asked, out: Path) -> int:
    """Write the embeddings of videos; of one folder that can be divided for training, validation and test."""
    paths = there(videos)
    own = _labelled(paths)
    model = asked.open()
    label_of = own or {str(path): (path.parent.name, "train") for path in find_videos(paths)}
    named = sorted({name for name, _ in label_of.values()})
    text = _text(model, named)
    embedded = model.embed(paths)
    if not embedded.videos:
        where, why = ", ".join(readable(path) for path in videos), embedded.errors[0][1]
        raise Unanswered(
            f"none of the {len(embedded.errors)} videos in {where} can be read, the first: {why}; check them"
        )
    names = embedded.videos if own is None else [name for name in embedded.videos if name in own]
    classes = tuple(sorted({label_of[name][0] for name in names}))
    place = {name: number for number, name in enumerate(embedded.videos)}
    rows = F.normalize(embedded.embeddings, dim=-1)
    parts = []
    for split in SPLITS:
        mine = [name for name in names if label_of[name][1] == split]
        labels = torch.tensor([classes.index(label_of[name][0]) for name in mine], dtype=torch.int64)
        parts.append(Embeddings(rows[[place[name] for name in mine]], labels, tuple(mine)))
    if text is not None:
        text = text[[named.index(name) for name in classes]]
    scale = float(model.network.logit_scale.detach().exp())
    train, val, test = parts
    save_features(out, Features(classes, train, val, test, text=text, logit_scale=scale))
    counts = listed(f"{len(part)} {split}" for split, part in zip(SPLITS, parts, strict=True) if len(part))
    note(f"{out / FILE}: {counted(len(names), 'video')} ({counts}), {counted(len(classes), 'class')}.")
    for path, why in embedded.errors:
        note(f"{readable(path)}: {readable(why, 400)}")
    return int(bool(embedded.errors))


def _labelled(paths: Sequence[Path]) -> dict[str, tuple[str, str]] | None:
    """Video -> its class and split; None for anything but a folder of classes that can be divided."""
    own: OwnVideos | None = None
    with suppress(ValueError):
        own = recognise(paths[0]) if len(paths) == 1 and paths[0].is_dir() else None
    if own is None or own.too_few:
        note("They are not divided: all are training videos, of the class of their folder.")
        return None
    splits = hold_out(DATASET, own.train, SHARE) | {"test": own.test}
    return {
        str(video.path): (own.classes[video.label], split)
        for split, videos in splits.items()
        for video in videos.videos
    }


def _text(model: Model, classes: Sequence[str]) -> torch.Tensor | None:
    """The class embeddings, where the model's text tower is at hand."""
    with suppress(ModelError), at_home():
        rows = embed_texts(model.clip, [as_words(name) for name in classes], model.template or model.facts.template)
        return F.normalize(rows.float().cpu(), dim=-1)
    return None

"""What a model makes of a folder of one's own videos: a row for each, in a table, in files and on a page.

answered = ask(lab.model(own.names), own, lab.clips)
answered.table, answered.probabilities     N videos that could be read, C classes
write(answered, run_dir)                    predictions.csv, predictions.parquet
"""

import html
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from text4vis_core.data.formats.readers import load_videos
from text4vis_core.processes import progress_bar

from . import familiarity, miniature, moving, tables, wording
from .familiarity import Known
from .lists import class_ids, only
from .models import Model
from .moving import Moving
from .own_videos import OwnVideos
from .plain import encodable, readable
from .sources import Clips
from .storing import replacing

SAMPLE = ("pull ups", "cartwheeling", "playing drums", "juggling balls", "flying kite", "skipping rope")
# Of the sample: videos of each class in its folder, and beside the folders; how far classes lie apart in their lists.
PER_CLASS, LOOSE, STEP = 8, 2, 4
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}}</style></head>
<body><h1>{title}</h1><p>{about}</p>{body}</body></html>"""


@dataclass(frozen=True)
class Answered:
    """What a model made of a folder.

    Attributes:
        table: a row for each video, in the order of the folder: video (its path below the folder), label (as its folder
            says, or ""), class, probability, second, second_probability, margin, familiarity (the percentile of
            `familiarity.Familiarity`), note, error.
        places: N, which rows could be read.
        embeddings: float32 (N, D).
        probabilities: float32 (N, C).
    """

    table: pd.DataFrame
    places: list[int]
    embeddings: np.ndarray
    probabilities: np.ndarray

    @property
    def flagged(self) -> pd.DataFrame:
        """Rows of which something is to be said."""
        return self.table[self.table["note"] != ""]


def ask(model: Model, own: OwnVideos, clips: Clips, known: Known | None = None) -> Answered:
    """Ask a model about every video of a folder; each is encoded once.

    Args:
        model: with its classes.
        own: the folder.
        clips: how videos become clips; what cannot be decoded is left out, and said, where it says so.
        known: what the model knows; when None what is kept beside it, or is known of a Mini CLIP.

    Raises:
        ValueError: none of the videos could be decoded.
    """
    with familiarity.watching(model.network) as seen:
        bar = wording.counted(len(own.videos), "video")
        embedded = clips.embed(model.network, own.all, clips.views, bar, cache=False)
    origin, world = model.facts.clip.get("model", ""), model.facts.clip.get("world", 0)
    known = known or familiarity.known_of(model.network, origin, model.folder, world)
    words = familiarity.vocabulary(origin)
    logits = model.logits_of(embedded.mean)
    probabilities, features = logits.softmax(-1).numpy(), seen.features.unflatten(0, (len(logits), -1))
    places = embedded.indices.tolist()
    why, rows = dict(embedded.skipped), list[dict[str, Any]]()
    row_of = {place: row for row, place in enumerate(places)}
    for place, video in enumerate(own.videos):
        named = own.names[video.label] if video.label is not None else ""
        name = video.path.relative_to(own.folder).as_posix()
        row: dict[str, Any] = {"video": name, "label": named, "class": "", "note": "", "error": ""}
        if place in row_of:
            number = row_of[place]
            order = np.argsort(-probabilities[number], kind="stable")[:2]
            read = familiarity.reading_of(features[number], known, probabilities[number], model.classes, words)
            row |= {"class": model.classes[order[0]], "probability": float(probabilities[number, order[0]])}
            if len(order) > 1:
                row |= {"second": model.classes[order[1]], "second_probability": float(probabilities[number, order[1]])}
            row |= {"margin": read.margin, "familiarity": read.percentile, "note": read.note}
        else:
            row["error"] = why.get(str(video.path), "it cannot be read").removeprefix(
                f"cannot read video {video.path}: "
            )
        rows.append({name: encodable(value) for name, value in row.items()})
    columns = ("video", "label", "class", "probability", "second", "second_probability", "margin", "familiarity")
    table = pd.DataFrame(rows, columns=[*columns, "note", "error"])
    return Answered(table, places, embedded.mean.numpy(), probabilities)


def write(answered: Answered, folder: Path) -> Path:
    """Write `predictions.csv` and `predictions.parquet`; returns the first."""
    with replacing(folder / "predictions.csv") as path:
        answered.table.to_csv(path, index=False)
    with replacing(folder / "predictions.parquet") as path:
        answered.table.to_parquet(path)
    return folder / "predictions.csv"


def pictured(own: OwnVideos, answered: Answered, places: Iterable[int], alt: str) -> Moving:
    """Some of the folder's videos as loops, and under each what the model says of it."""
    items = []
    for place in progress_bar(list(places), "clips"):
        row = answered.table.iloc[place]
        said = f"{row['class']}, {100 * row['probability']:.0f} %"
        if row["label"]:
            said += " (right)" if row["label"] == row["class"] else f" (its folder says {row['label']})"
        caption = f"{readable(row['video'], 60)}: {said}"
        items.append((own.videos[place].path, caption, f"A video that the model calls {row['class']}"))
    return moving.gallery(items, alt)


def write_page(folder: Path, title: str, about: str, shown: Moving, answered: Answered) -> Path:
    """Write `predictions.html`: clips, and a table of every video; nothing in it is fetched."""
    columns = [
        name for name in answered.table if answered.table[name].notna().any() and (answered.table[name] != "").any()
    ]
    said = "What the model says of every video; a click on a heading sorts."
    first = [name for name in ("video", "class", "probability", "label") if name in columns]
    table = tables.show(answered.table[columns].round(2), said, first)._repr_html_()
    body = f"{shown._repr_html_()}<h2>Every video</h2>{table}"
    with replacing(folder / "predictions.html") as path:
        text = PAGE.format(title=html.escape(title), about=html.escape(about), body=body)
        path.write_text(text, encoding="utf-8")
    return folder / "predictions.html"


def next_to_label(
    embeddings: np.ndarray, probabilities: np.ndarray, known: Sequence[int], count: int = 10
) -> list[int]:
    """Which videos to label next: one after the other, that of the greatest product of doubt and distance.

    Doubt is 1 less the margin of the two greatest probabilities, distance is the cosine distance to the nearest video
    that is labelled or chosen already: greedy k-centre (Sener and Savarese 2018, arXiv 1708.00489), weighted by
    uncertainty as in Zhdanov 2019 (arXiv 1901.05954).

    Args:
        embeddings: (N, D).
        probabilities: (N, C).
        known: places of those that have labels; these are not chosen.
        count: how many, at most.

    Returns:
        Places, the most wanted first.
    """
    unit = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
    ordered = np.sort(probabilities, axis=1)
    doubt = 1 - (ordered[:, -1] - ordered[:, -2]) if probabilities.shape[1] > 1 else np.ones(len(unit))
    taken = np.isin(np.arange(len(unit)), list(known))
    distance = 1 - (unit @ unit[taken].T).max(1) if taken.any() else np.ones(len(unit))
    chosen = list[int]()
    for _ in range(min(count, int((~taken).sum()))):
        best = int(np.where(taken, -1, doubt * np.maximum(distance, 1e-9)).argmax())
        chosen.append(best)
        taken[best] = True
        distance = np.minimum(distance, 1 - unit @ unit[best])
    return chosen


def sample(folder: Path) -> Path:
    """A folder as one's own may be, drawn from Puppets' test videos: six folders of classes, and some videos beside.

    Args:
        folder: where it is made; what is there already stays.
    """
    test = load_videos("puppets", miniature.make(parts=["puppets"]).videos, "test")
    for number, label in enumerate(class_ids(test, SAMPLE)):
        first = number * STEP  # other persons and places in each class, most of them
        videos = only(test, [label]).videos[first : first + PER_CLASS + LOOSE]
        places = [folder / test.classes[label] / video.path.name for video in videos[:PER_CLASS]]
        places += [folder / f"IMG_{LOOSE * number + i:04d}.mp4" for i in range(LOOSE)]
        for video, place in zip(videos, places, strict=True):
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.exists():
                with replacing(place) as path:
                    shutil.copyfile(video.path, path)
    return folder


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m text4vis_lab.own_answers FOLDER, which is made: a few videos to try things with")
    print(sample(Path(sys.argv[1]).expanduser().absolute()))

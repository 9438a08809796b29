"""The commands that ask a model: classify, predict, embed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch.nn import functional as F

from ..models import Model, open_model
from ..own_videos import no_videos, told_of
from ..plain import readable
from ..tournament.features import FILE, Embeddings, Features, save_features
from ..video_files import find_videos
from .page import write_page
from .running import Unanswered, absolute, at_home, named, note
from .tables import as_json, check_form, write_table

DRAWN = "Mini CLIP was made from drawings: of real footage its answers mean nothing; name a real model by --model."


@dataclass(frozen=True)
class Asked:
    """Which model is asked for, as it was typed."""

    model: str
    labels: str = ""
    pretrained: str = ""
    template: str = ""

    def open(self) -> Model:
        """The model, with the labels if there are any; what is to be known of it is said."""
        names = _names(self.labels)
        place = named(self.model)
        with at_home():
            model = open_model(place, names, pretrained=self.pretrained, template=self.template)
        origin = Path(str(model.facts.clip.get("model", ""))).name
        note(f"{readable(model.name)}: {len(model.classes)} classes, {model.num_frames} frames of each video.")
        if origin.startswith("mini_clip"):
            note(DRAWN)
        return model


def classify(videos: Sequence[Path], asked: Asked, top: int, json: bool) -> int:
    """Print the most probable names of each video."""
    model = asked.open()
    table = _predicted(model, videos, top)
    if json:
        print(as_json(table))
        return int((table["error"] != "").any())
    for video, rows in table.groupby("video", sort=False):
        print(readable(video, 400))
        for row in rows.to_dict("records"):
            print(
                f"  {row['error']}"
                if row["error"]
                else f"  {100 * row['probability']:5.1f} %  {readable(row['class'])}"
            )
        if said := rows["note"].iloc[0]:
            print(f"  {said}")
    return int((table["error"] != "").any())


def predict(videos: Sequence[Path], asked: Asked, out: Path | None, page: Path | None, top: int) -> int:
    """Write a table of predictions, and where it is asked for a page."""
    check_form(out)
    model = asked.open()
    table = _predicted(model, videos, max(top, 2 if page else 1))
    if page is not None:
        write_page(page, model, table)
        note(f"{page}: the most doubtful first.")
    table = table[table["rank"] <= top]
    if out is None:
        print(table.to_csv(index=False), end="")
    else:
        write_table(table, out)
        note(f"{out}: {table['video'].nunique()} videos, {len(table)} rows.")
    return _missed(table)


def embed(videos: Sequence[Path], asked: Asked, out: Path) -> int:
    """Write the embeddings of videos, as all of them training items."""
    model = asked.open()
    embedded = model.embed([absolute(path) for path in videos])
    if not embedded.videos:
        raise Unanswered(_none(videos, embedded.errors))
    classes = tuple(sorted({Path(video).parent.name for video in embedded.videos}))
    labels = torch.tensor([classes.index(Path(video).parent.name) for video in embedded.videos])
    nothing = Embeddings(torch.zeros(0, model.network.dim), torch.zeros(0, dtype=torch.int64), ())
    rows = F.normalize(embedded.embeddings, dim=-1)
    scale = float(model.network.logit_scale.detach().exp())
    found = Features(classes, Embeddings(rows, labels, tuple(embedded.videos)), nothing, nothing, logit_scale=scale)
    save_features(out, found)
    note(f"{out / FILE}: {len(rows)} videos of {len(classes)} folders, {rows.shape[1]} numbers each.")
    for path, why in embedded.errors:
        note(f"{readable(path)}: {readable(why, 400)}")
    return int(bool(embedded.errors))


def _predicted(model: Model, videos: Sequence[Path], top: int) -> pd.DataFrame:
    paths = [absolute(path) for path in videos]
    found = set(find_videos(paths))
    for folder in (path for path in paths if path.is_dir() and path not in found):
        if passed := no_videos(folder, found):
            note(f"{readable(folder, 400)}: {told_of(passed)}")
    with at_home():
        table = model.predict(paths, top)
    if table.empty:
        raise Unanswered(_none(videos, []))
    return table


def _missed(table: pd.DataFrame) -> int:
    wrong = table[table["error"] != ""]
    for row in wrong.head(5).to_dict("records"):
        note(f"{readable(row['video'], 400)}: {row['error']}")
    if len(wrong) > 5:
        note(f"... and {len(wrong) - 5} more; the table has all of them.")
    return int(len(wrong) > 0)


def _none(videos: Sequence[Path], errors: Sequence[tuple[str, str]]) -> str:
    where = ", ".join(readable(path) for path in videos)
    if errors:
        return f"none of the {len(errors)} videos in {where} can be read, the first: {errors[0][1]}; check them"
    return f"there is no video in {where}; give files, or folders that hold some"


def _names(text: str) -> list[str]:
    if not text:
        return []
    try:
        lines = Path(text).expanduser().read_text(encoding="utf-8").splitlines()
        return [line for line in lines if line.strip()]
    except OSError:
        return [part.strip() for part in text.split(",")]

"""The commands that ask a model: classify, predict."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..models import Model, open_model
from ..naming import checked_names
from ..own_videos import no_videos, told_of
from ..plain import readable
from ..refusals import PLAY
from ..video_files import find_videos
from ..wording import counted
from .page import write_page
from .running import Unanswered, WrongUse, absolute, at_home, named, note
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
        names = _names(self.labels) if self.labels else []
        place = named(self.model)
        with at_home(), warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", UserWarning)
            model = open_model(place, names, pretrained=self.pretrained, template=self.template)
        for warning in told:
            if issubclass(warning.category, UserWarning):
                note(str(warning.message))
        origin = Path(str(model.facts.clip.get("model", ""))).name
        classes, frames = counted(len(model.classes), "class"), counted(model.num_frames, "frame")
        note(f"{readable(model.name)}: {classes}, {frames} of each video.")
        if origin.startswith("mini_clip"):
            note(DRAWN)
        return model


def classify(videos: Sequence[Path], asked: Asked, top: int, json: bool) -> int:
    """Print the most probable names of each video."""
    paths = there(videos)
    table = _predicted(asked.open(), paths, top)
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
    return _missed(table, named=False)


def predict(videos: Sequence[Path], asked: Asked, out: Path | None, page: Path | None, top: int) -> int:
    """Write a table of predictions, and where it is asked for a page."""
    check_form(out)
    paths = there(videos)
    model = asked.open()
    table = _predicted(model, paths, max(top, 2 if page else 1))
    if page is not None:
        write_page(page, model, table)
        note(f"{page}: the most doubtful first.")
    table = table[table["rank"] <= top]
    if out is None:
        print(table.to_csv(index=False), end="")
    else:
        write_table(table, out)
        note(f"{out}: {counted(table['video'].nunique(), 'video')}, {counted(len(table), 'row')}.")
    return _missed(table)


def there(videos: Sequence[Path]) -> list[Path]:
    """The paths that were typed, before a model is opened: something is there, and a video in it."""
    paths = [absolute(path) for path in videos]
    if gone := [readable(given, 400) for given, path in zip(videos, paths, strict=True) if not os.path.lexists(path)]:
        raise Unanswered(f"there is no file or folder {', '.join(gone)}; give the path of something that is there")
    found = set(find_videos(paths))
    if not found:
        where = ", ".join(readable(path, 400) for path in videos)
        raise Unanswered(f"there is no video in {where}; give files, or folders that hold some")
    for folder in (path for path in paths if path.is_dir() and path not in found):
        if passed := no_videos(folder, found):
            note(f"{readable(folder, 400)}: {told_of(passed)}")
    return paths


def _predicted(model: Model, paths: Sequence[Path], top: int) -> pd.DataFrame:
    with at_home():
        return model.predict(paths, top)


def _missed(table: pd.DataFrame, named: bool = True) -> int:
    """Say which videos could not be read, and what is to be done; the exit code."""
    wrong = table[table["error"] != ""]
    for row in wrong.head(5 if named else 0).to_dict("records"):
        note(f"{readable(row['video'], 400)}: {row['error']}")
    if named and len(wrong) > 5:
        note(f"... and {len(wrong) - 5} more; the table has all of them.")
    if len(wrong):
        note(PLAY)
    return int(len(wrong) > 0)


def _names(text: str) -> list[str]:
    """The labels that were typed, or that the file of this name holds."""
    try:
        names = [line for line in Path(text).expanduser().read_text(encoding="utf-8").splitlines() if line.strip()]
        where = f"the file {readable(text)}"
    except (OSError, ValueError):
        names, where = text.split(","), "--labels"
    try:
        names = checked_names("labels", names)
    except ValueError as error:
        raise WrongUse(str(error)) from None
    if len(names) < 2:
        what = f"{where} has one name alone, {readable(names[0])!r}" if names else f"{where} has no name in it"
        raise WrongUse(f"{what}; give two or more, with commas between them, or a text file with one on each line")
    return names

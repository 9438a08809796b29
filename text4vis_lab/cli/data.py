"""The commands about files: check, prepare."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from text4vis_core.data.formats.readers import load_videos
from text4vis_core.data.reading import Reading
from text4vis_core.data.video_list import Video, VideoList

from .. import prepare as preparing
from ..datacheck import PROBLEMS, check_data
from ..plain import encodable, readable
from ..video_files import find_videos
from .running import Unanswered, absolute, at_home, note
from .tables import check_form, write_table


def check(folder: Path, dataset: str, out: Path | None, frames: int, every_frame: bool) -> int:
    """Print what is wrong with the videos of a folder, a line for each problem."""
    check_form(out)
    videos = _listed(folder, dataset)
    with at_home():
        report = check_data({"all": videos}, frames, reading=Reading(strict=True), every_frame=every_frame)
    table = pd.DataFrame(
        [(p.kind, encodable(p.path), encodable(p.reason)) for p in report.problems],
        columns=["problem", "video", "reason"],
    )
    for row in table.to_dict("records"):
        print(f"{row['problem']}: {readable(row['video'], 400)}: {readable(row['reason'], 400)}")
    if out is not None:
        write_table(table, out)
    counts = table["problem"].value_counts()
    wrong = ", ".join(f"{counts[kind]} {kind}" for kind in PROBLEMS if kind in counts) or "nothing is wrong"
    print(f"{len(videos)} videos: {wrong}")
    return int(len(table) > 0)


def prepare(folder: Path, copies: Path, dataset: str, short_side: int, workers: int) -> int:
    """Copy the videos of a folder."""
    videos = _listed(folder, dataset)
    recipe, work = preparing.Recipe(short_side=short_side), preparing.Work(workers, on_error="skip")
    target = absolute(copies)
    with at_home():
        done = preparing.prepare(videos, target, split="all", recipe=recipe, work=work)
    print(f"{copies}: {done.made} copied now, {done.kept} there already, {len(done.skipped)} left out")
    print(f"{done.bytes_before / 1e6:.1f} MB became {done.bytes_after / 1e6:.1f}")
    for path, why in done.skipped:
        note(f"{readable(path, 400)}: {readable(why, 400)}")
    return int(bool(done.skipped))


def _listed(folder: Path, dataset: str) -> VideoList:
    """The videos of a folder: as a data set's reader lists them, or all there are, each of the class of its folder."""
    root = absolute(folder)
    if dataset:
        with at_home():
            from .. import sources  # noqa: F401, which makes the laboratory's own data sets known

            return load_videos(dataset, root, "all", missing="report")
    if not root.exists():
        raise Unanswered(f"there is no folder {folder}; give one that holds videos")
    paths = find_videos([root])
    if not paths:
        raise Unanswered(f"there is no video in {folder}; give a folder that holds some")
    classes = tuple(sorted({path.parent.name for path in paths}))
    places = {name: place for place, name in enumerate(classes)}
    return replace(VideoList(classes, ()), videos=tuple(Video(path, places[path.parent.name]) for path in paths))

"""The how-to "Your own videos", walked: its commands are run in turn, on a few of the miniature's videos."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT

from text4vis_core import load_videos
from text4vis_lab import miniature
from text4vis_lab.lists import class_ids, only
from walks.walking import Walk, all_blocks, blocks

PAGE = ROOT / "book" / "howto" / "your_videos.md"
CLASSES = ("juggling balls", "cartwheeling", "playing drums")


def copies(place: Path, videos) -> None:
    for video in videos:
        path = place / video.path.name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(video.path, path)


@pytest.fixture(scope="module")
def walk(tmp_path_factory) -> Walk:
    """A home with the folders that the page names."""
    folder = tmp_path_factory.mktemp("walk")
    home = folder / "home"
    test = load_videos("puppets", miniature.make().videos, "test")
    lists: dict[str, list[str]] = {"train": [], "val": []}
    for number, label in enumerate(class_ids(test, CLASSES)):
        videos = only(test, [label]).videos
        copies(home / "my_videos" / test.classes[label], videos[4 * number : 4 * number + 4])
        for i, split in enumerate(("train", "test")):
            copies(home / "divided" / split / test.classes[label], videos[3 * i : 3 * i + 2])
        copies(home / "listed" / "clips", videos[:4])
        for i, video in enumerate(videos[:4]):
            lists["train" if i < 2 else "val"].append(f"clips/{video.path.name} {number}")
        (home / "clips").mkdir(exist_ok=True)
        shutil.copyfile(videos[9].path, home / "clips" / f"IMG_{number:04d}.mp4")
    shutil.copyfile(videos[10].path, home / "my_videos" / "IMG_0012.mp4")
    (home / "clips" / "broken.mp4").write_bytes(b"no video")
    rows = "".join(f"{number},{name}\n" for number, name in enumerate(CLASSES))
    (home / "listed" / "classes.csv").write_text(f"id,name\n{rows}")
    for name, lines in lists.items():
        (home / "listed" / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return Walk(folder / "walk", home)


def test_what_is_not_walked_says_why():
    reasons = [block.left_out for block in all_blocks(PAGE) if block.left_out]
    assert reasons == [
        "it is the first command on another folder, and the next one runs the same chapter",
        "it is the data check above, of all videos",
        "it needs UCF101, and fetches real weights",
    ]


@pytest.mark.slow
def test_the_page_is_walked(walk):
    for block in blocks(PAGE):
        walk.run(block)
    runs = walk.clone / "runs"
    table = pd.read_csv(runs / "own-clips" / "your_videos" / "predictions.csv", keep_default_na=False)
    assert table["video"].tolist() == ["IMG_0000.mp4", "IMG_0001.mp4", "IMG_0002.mp4", "broken.mp4"]
    assert set(table["class"][:3]) <= set(CLASSES)
    assert (table["class"][3], bool(table["error"][3])) == ("", True)
    assert pd.read_parquet(runs / "own-clips" / "your_videos" / "predictions.parquet").shape == table.shape
    assert "<video" in (runs / "own-clips" / "your_videos" / "predictions.html").read_text()
    assert (walk.clone / "book" / "_build" / "html" / "runs" / "your_videos.html").is_file()
    assert not (walk.clone / "book" / "_build" / "html" / "api.html").exists()  # it is not about the packages
    assert len(pd.read_csv(runs / "my_videos" / "predictions.csv")) == 13
    assert (walk.home / "example").is_dir()
    for run in ("my_videos", "few_shot", "zero_shot", "quickstart", "held_out"):
        assert (runs / run / "result.json").is_file(), run

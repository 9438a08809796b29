"""The page about predictions is walked: its commands run as they stand, in their order."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT

from text4vis_lab import miniature
from walks.walking import Walk, blocks

CLASSES = ("PlayingGuitar", "Archery", "JugglingBalls")
BLOCKS = blocks(ROOT / "book" / "howto" / "predict.md")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def walk(tmp_path_factory) -> Walk:
    folder, films = tmp_path_factory.mktemp("predict"), miniature.make().videos / "videos"
    home = folder / "home"
    for name in CLASSES:
        (home / "my_videos" / name).mkdir(parents=True)
        for path in sorted((films / name).glob("*_c01*"))[:4]:
            shutil.copy(path, home / "my_videos" / name)
    (home / "new_videos").mkdir()
    shutil.copy(path, home / "new_videos" / "one.mp4")
    return Walk(folder / "walk", home=home)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"line {block.line}")
def test_a_command_of_the_page_runs(block, walk):
    walk.run(block)


def test_the_predictions_name_every_new_video(walk):
    table = pd.read_csv(walk.clone / "predictions.csv")
    assert [Path(name).name for name in table["video"]] == ["one.mp4"]

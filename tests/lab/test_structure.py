"""The packages import in one direction, and the picture of it says so where they do not."""

import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import ROOT

from text4vis_lab.structure import CORE, LAB, UPWARD, draw, read_structure


def red_shapes(picture: Path) -> int:
    return picture.read_text().count(UPWARD)


@pytest.fixture(scope="module")
def structure():
    return read_structure()


def test_rooms_import_downwards(structure):
    assert structure.upward == {}  # and so there is no circle, of which some import would point upwards


def test_the_core_knows_nothing_of_the_laboratory(structure):
    assert not [
        text for (source, target), text in structure.imports.items() if (source.package, target.package) == (CORE, LAB)
    ]


def test_every_file_is_in_a_room(structure):
    files = [file for files in structure.rooms.values() for file in files]
    assert sorted(files) == sorted(file for package in (CORE, LAB) for file in (ROOT / package).rglob("*.py"))


def test_the_same_structure_is_the_same_picture(structure, tmp_path):
    for name in ("a.svg", "b.svg"):
        draw(structure, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    ElementTree.parse(tmp_path / "a.svg")
    assert red_shapes(tmp_path / "a.svg") == 2  # the legend's arrow


@pytest.mark.parametrize(
    ("file", "planted", "says"),
    [
        (
            "text4vis_core/model/planted.py",
            "def f():\n    from ..data import video",
            "text4vis_core: model of text4vis_core: data",
        ),
        ("text4vis_core/data/planted.py", "import text4vis_lab.claims", "text4vis_core: data of text4vis_lab: claims"),
        (
            "text4vis_core/data/planted.py",
            "from text4vis_core import fit",
            "text4vis_core: data of text4vis_core: __init__",
        ),
        ("text4vis_lab/cache/planted.py", "from .. import bench", "text4vis_lab: "),
    ],
    ids=["between rooms of the core", "of the laboratory", "of the core's own names", "around a circle"],
)
def test_an_upward_import_is_found(tmp_path, file, planted, says):
    for package in (CORE, LAB):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / file).write_text(planted + "\n")
    command = [sys.executable, "-m", "text4vis_lab.structure", "picture.svg"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert f"upward import, {says}" in done.stderr
    assert red_shapes(tmp_path / "picture.svg") > 2

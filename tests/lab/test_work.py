"""The copy of the notebooks to work in: the project's own stay, and so does what a reader wrote."""

import json
from pathlib import Path

import pytest
from conftest import ROOT

from text4vis_lab import Lab
from text4vis_lab.notebooks import notebook_file
from text4vis_lab.work import copy_notebooks


@pytest.fixture
def root(tmp_path) -> Path:
    (tmp_path / "notebooks").mkdir()
    for name in ("00_a", "01_b"):
        (tmp_path / "notebooks" / f"{name}.ipynb").write_text(f"{name}, first")
    return tmp_path


def texts(folder: Path) -> dict[str, str]:
    return {path.stem: path.read_text() for path in folder.glob("*.ipynb")}


def test_notebooks_are_copied_once_and_a_copy_that_nobody_saved_follows(root):
    assert copy_notebooks(root).new == ["00_a.ipynb", "01_b.ipynb"]
    assert texts(root / "work") == texts(root / "notebooks")
    assert str(copy_notebooks(root)) == ""
    (root / "notebooks" / "00_a.ipynb").write_text("second")
    assert copy_notebooks(root).new == ["00_a.ipynb"]
    assert texts(root / "work") == texts(root / "notebooks")


def test_what_a_reader_saved_stays_and_originals_that_changed_since_are_named(root):
    copy_notebooks(root)
    (root / "work" / "00_a.ipynb").write_text("mine")
    (root / "work" / "03_own.ipynb").write_text("mine alone")
    assert str(copy_notebooks(root)) == ""
    (root / "notebooks" / "00_a.ipynb").write_text("second")
    done = copy_notebooks(root)
    assert str(done).startswith("changed in notebooks/ since they were copied: 00_a.ipynb; make lab FRESH=1 takes all")
    assert texts(root / "work")["00_a"] == "mine"
    assert texts(root / "notebooks")["00_a"] == "second"


def test_taken_anew_what_a_reader_saved_is_moved(root):
    copy_notebooks(root)
    (root / "work" / "00_a.ipynb").write_text("mine")
    (root / "work" / "03_own.ipynb").write_text("mine alone")
    done = copy_notebooks(root, fresh=True)
    assert "00_a.ipynb" in str(done) and (done.moved, done.behind) == (["00_a.ipynb"], [])
    assert texts(root / "work") == texts(root / "notebooks") | {"03_own": "mine alone"}
    assert texts(root / "work" / "earlier") == {"00_a": "mine"}


def test_a_damaged_list_of_origins_loses_nothing(root):
    copy_notebooks(root)
    (root / "work" / ".copied.json").write_text("[")
    (root / "work" / "00_a.ipynb").write_text("mine")
    assert copy_notebooks(root).behind == ["00_a.ipynb"]
    assert texts(root / "work")["00_a"] == "mine"


def test_a_copy_that_is_open_is_read_in_the_place_of_the_projects(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    original = ROOT / "notebooks" / "00_quickstart.ipynb"
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert notebook_file("00_quickstart") == original
    copy = tmp_path / "00_quickstart-Copy1.ipynb"
    content = json.loads(original.read_text())
    [cell] = [cell for cell in content["cells"] if "parameters" in cell["metadata"].get("tags", [])]
    cell["source"] = [*"".join(cell["source"]).splitlines(keepends=True), "\nown = 3  # of a reader's"]
    copy.write_text(json.dumps(content))
    monkeypatch.setenv("JPY_SESSION_NAME", str(copy))
    assert notebook_file("00_quickstart") == copy
    assert notebook_file("03_few_shot").parent == ROOT / "notebooks"
    lab = Lab.open("00_quickstart", {"run_dir": str(tmp_path / "run"), "own": 4}, uses=())
    assert (lab.values["own"], lab.defaults["own"]) == (4, 3)
    assert "of a reader's" in lab.settings().table()["about"].to_list()

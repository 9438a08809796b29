"""What a notebook says of itself, and what was given to it by hand, by a command line, or by a suite."""

import json
import subprocess
import sys

import pytest
from conftest import ROOT

from text4vis_lab.notebooks import (
    NotebookError,
    assigned_by_hand,
    notebook_defaults,
    notebook_parameters,
    notebook_settings,
    notebook_uses,
    repository_root,
)
from text4vis_lab.settings import GROUPS, declared


def notebook(folder, *cells, tags=("parameters",)):
    """A notebook of code cells, of which the first has these tags."""
    made = [{"cell_type": "code", "metadata": {}, "source": cell.splitlines(keepends=True)} for cell in cells]
    made[0]["metadata"]["tags"] = list(tags)
    path = folder / "some.ipynb"
    path.write_text(json.dumps({"cells": made}))
    return path


PARAMETERS = 'run_dir = "runs/x"  # where\nshots = [1, 4]\nroot: str | None = None'


def test_parameters_are_those_of_the_tagged_cell(tmp_path):
    path = notebook(tmp_path, PARAMETERS, "other = 3")
    assert notebook_parameters(path) == ["run_dir", "shots", "root"]
    assert notebook_defaults(path) == {"run_dir": "runs/x", "shots": [1, 4], "root": None}


def test_groups_are_those_that_the_notebook_names(tmp_path):
    assert notebook_uses(notebook(tmp_path, PARAMETERS, 'lab = Lab.open("some", globals())')) == GROUPS
    path = notebook(
        tmp_path, PARAMETERS, "# Lab.open(\nx = 1", 'lab = Lab.open("some", globals(), uses=("data", "clips"))'
    )
    assert notebook_uses(path) == ("data", "clips")
    settings = notebook_settings(path)
    assert list(settings)[:3] == ["run_dir", "shots", "root"]
    assert settings.keys() - {"run_dir", "shots", "root"} == {
        name for name, setting in declared().items() if setting.group in ("data", "clips")
    }


def test_a_notebooks_own_default_goes_before_the_shared_one(tmp_path):
    path = notebook(tmp_path, "num_frames = 3", 'Lab.open("some", globals())')
    assert notebook_settings(path)["num_frames"] == 3


def test_what_is_no_notebook_of_the_project_is_named(tmp_path):
    (tmp_path / "broken.ipynb").write_text("{")
    for read in (notebook_parameters, notebook_uses):
        with pytest.raises(NotebookError, match=r"broken\.ipynb: not a notebook"):
            read(tmp_path / "broken.ipynb")
    with pytest.raises(NotebookError, match="no cell is tagged `parameters`"):
        notebook_parameters(notebook(tmp_path, "a = 1", tags=()))
    with pytest.raises(NotebookError, match="the parameters cell is not Python"):
        notebook_parameters(notebook(tmp_path, "a = "))
    with pytest.raises(NotebookError, match=r"parameter \w+: its value must be plain"):
        notebook_defaults(notebook(tmp_path, "a = len([])"))
    with pytest.raises(NotebookError, match=r"no cell calls Lab\.open"):
        notebook_uses(notebook(tmp_path, "a = 1", "print(a)"))


def kernel(*sources: str) -> dict:
    """A kernel's variables after it has run some cells."""
    variables: dict = {"In": [""], "_i1": "code", "Out": {}}
    for source in sources:
        variables["In"].append(source)
        exec(source, variables)
    return variables


CELL = 'run_dir = "x"  # where\nshots = [1]\nrepeat = False'


def test_parameters_are_what_their_cell_assigns():
    assert assigned_by_hand(kernel(CELL, "import os")) == {"run_dir": "x", "shots": [1], "repeat": False}


def test_of_a_cell_that_was_corrected_and_run_again_the_last_time_counts():
    wrong = CELL + "\nnum_worker = 2"
    assert assigned_by_hand(kernel(wrong, "import os"))["num_worker"] == 2
    right = CELL.replace("[1]", "[4]") + "\nnum_workers = 3"
    expected = {"run_dir": "x", "shots": [4], "repeat": False, "num_workers": 3}
    assert assigned_by_hand(kernel(wrong, "import os", right)) == expected
    assert assigned_by_hand(kernel(wrong, right, CELL)) == {"run_dir": "x", "shots": [1], "repeat": False}


def test_what_papermill_injects_counts_beside_the_cell():
    injected = '# Parameters\nrun_dir = "runs/s/r"\nshots = [1, 4]\nnum_worker = 2\n'
    expected = {"run_dir": "runs/s/r", "shots": [1, 4], "num_worker": 2, "repeat": False}
    assert assigned_by_hand(kernel(CELL, injected, "import os")) == expected
    corrected = CELL + "\ndense = True"
    assert assigned_by_hand(kernel(CELL, injected, corrected)) == expected | {
        "run_dir": "x",
        "shots": [1],
        "dense": True,
    }


def test_a_cell_of_assignments_of_the_readers_own_counts_too():
    found = assigned_by_hand(kernel(CELL, "num_workers = 2\ndense: bool = True"))
    assert (found["num_workers"], found["dense"]) == (2, True)


def test_a_readers_own_names_are_no_parameters_but_a_misspelt_one_is():
    known = ["run_dir", "shots", "num_workers", "dense"]
    cells = CELL, "colours = ['red']\nnum_worker = 2\ndense = True"
    assert assigned_by_hand(kernel(*cells), known).keys() == {"run_dir", "shots", "repeat", "num_worker", "dense"}
    injected = "# Parameters\ncolours = 3"  # by papermill or a suite: whatever it is
    assert assigned_by_hand(kernel(CELL, injected), known)["colours"] == 3
    assert assigned_by_hand(kernel(CELL + "\ncolours = 3"), known)["colours"] == 3


@pytest.mark.parametrize(
    "cell",
    [
        "rows = []\nfor number in range(3):\n    rows.append(number)",
        "import os\nnumber = 3",
        "first = 3\nprint(first)",
        "first = 1\nsecond = first",
        "first = len([])",
        "def first(): pass",
        "(first, second) = 1, 2\nfirst += 1",
        "",
        "# nothing",
    ],
)
def test_a_cell_that_does_something_gives_no_parameters(cell):
    assert assigned_by_hand(kernel(CELL, cell)).keys() == {"run_dir", "shots", "repeat"}


def test_a_cell_that_is_not_python_is_passed_over():
    variables = kernel(CELL)
    variables["In"] += ["%matplotlib inline\nfirst = 1", "!ls", "first ="]
    assert assigned_by_hand(variables).keys() == {"run_dir", "shots", "repeat"}


def test_a_name_that_was_deleted_is_not_given():
    variables = kernel(CELL + "\nfirst = 1")
    del variables["first"]
    assert "first" not in assigned_by_hand(variables)


def test_outside_of_a_kernel_all_plain_values_count():
    variables = {"run_dir": "x", "shots": [1], "lr": 1e-4, "none": None, "_hidden": 1, "json": json, "f": len, "s": {1}}
    assert assigned_by_hand(variables) == {"run_dir": "x", "shots": [1], "lr": 1e-4, "none": None}


def test_the_command_line_lists_what_a_notebook_takes():
    command = [sys.executable, "-m", "text4vis_lab.notebooks"]
    done = subprocess.run([*command, "03_few_shot"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert lines.keys() == notebook_settings(ROOT / "notebooks" / "03_few_shot.ipynb").keys()
    assert declared()["num_workers"].about in lines["num_workers"]
    wrong = subprocess.run([*command, "nothing"], cwd=ROOT, capture_output=True, text=True)
    assert wrong.returncode == 2
    assert "there is no " in wrong.stderr


def test_repository_root(tmp_path):
    assert repository_root(ROOT / "notebooks") == ROOT
    with pytest.raises(FileNotFoundError, match="not inside a clone"):
        repository_root(tmp_path)


def test_magics_in_the_parameters_cell_do_not_hide_its_parameters():
    source = "%load_ext autoreload\n!ls\nrun_dir = 'x'\nlr = 5 * 10 ** -4"
    variables = {"In": ["", source], "run_dir": "x", "lr": 5e-4}
    assert assigned_by_hand(variables, ["run_dir", "lr"]) == {"lr": 5e-4, "run_dir": "x"}

"""The declared type decides what a text says, for every caller by its own way in."""

import json
import runpy
import subprocess
import sys
import sysconfig
from pathlib import Path

import papermill
import pytest
import yaml
from conftest import ROOT

from text4vis_core import TrainingConfig
from text4vis_core.data.datasets import Views
from text4vis_lab.cli.running import main
from text4vis_lab.kinds import as_kind, as_list, as_mapping
from text4vis_lab.lab import Lab
from text4vis_lab.settings import GROUPS, checked
from text4vis_lab.sources import Clips
from text4vis_lab.suites import SuiteError, read_suite

OWN = {
    "seeds": [0],
    "frozen": ["text"],
    "repeat": False,
    "video": "",
    "worlds": [],
    "resizes": [[0, 0]],
    "rates": [1, 0.5],
}
SAID = {  # text -> what it says where true or false, a whole number, a number, a list is declared; None: nothing
    "true": (True, None, None, None),
    "False": (False, None, None, None),
    "FALSE": (False, None, None, None),
    "fALSE": (None, None, None, None),
    "yes": (None, None, None, None),
    "off": (None, None, None, None),
    "0": (None, 0, 0.0, None),
    "010": (None, 10, 10.0, None),
    "0x10": (None, None, None, None),
    "1_000": (None, None, None, None),
    "1:30": (None, None, None, None),
    "1e-09": (None, None, 1e-9, None),
    "nan": (None, None, None, None),
    "inf": (None, None, None, None),
    "٣": (None, None, None, None),
    "": (None, None, None, None),
    "null": (None, None, None, None),
    "0,1": (None, None, None, None),
    "text": (None, None, None, None),
    "[GX] clip.mp4": (None, None, None, None),
    "[a] [b]": (None, None, None, None),
    "[1e-3, b]": (None, None, None, [1e-3, "b"]),
    "- a": (None, None, None, None),
}


@pytest.mark.parametrize("text", SAID)
def test_a_text_says_what_its_declared_type_has_or_is_refused(text):
    for kind, value in zip((bool, int, float, list), SAID[text], strict=True):
        if value is None:
            with pytest.raises(ValueError, match=r"^parameter x: "):
                as_kind("x", text, kind)
        else:
            found = as_kind("x", text, kind)
            assert found == value and type(found) is kind
    assert as_kind("x", text, str) == text


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seeds": "0,1"}, r"parameter seeds: '0,1' is not a list; write it as \[0,1\]$"),
        ({"frozen": "text"}, r"parameter frozen: 'text' is not a list; write it as \[text\]$"),
        ({"worlds": "[GX] runs"}, r"""'\[GX\] runs' is not a list; write it as \["\[GX\] runs"\]$"""),
        ({"dense": "off"}, "parameter dense: 'off' is not true or false$"),
        ({"dense": 0}, "parameter dense: 0 is not true or false$"),
        ({"template": 5}, "template: 5 is not text; write it in quotes, or papermill -r in the place of -p$"),
        ({"frozen": ["text", "text"]}, "holds a value twice"),
        ({"frozen": ["text", " "]}, r"parameter frozen: \['text', ' '\] holds a blank text; leave it out"),
        ({"frozen": ["text "]}, "parameter frozen: unknown 'text '; choose from"),
        ({"frozen": [["text"]]}, r"parameter frozen: \['text'\] is not text"),
        ({"seeds": [0, "0"]}, r"parameter seeds: \[0, 0\] holds a value twice"),
        ({"seeds": [True]}, "parameter seeds: True is not a whole number"),
        ({"seeds": [-1]}, "parameter seeds: -1; it must be 0 or more"),
        ({"worlds": [1]}, "parameter worlds: 1 is not text"),
        ({"worlds": [""]}, "holds a blank text"),
        ({"resizes": [[0, "x"]]}, "parameter resizes: 'x' is not a whole number"),
        ({"resizes": [[0, 0], [0, 0]]}, "holds a value twice"),
        ({"resizes": [0]}, r"parameter resizes: 0 is not a list; write it as \[0\]"),
        ({"rates": [0.1, "x"]}, "parameter rates: 'x' is not a number"),
        ({"loggers": ["csv", "csv"]}, "holds a value twice"),
        ({"lr": float("inf")}, "parameter lr: inf is not a finite number"),
        ({"reworded": "{a: 1, a: 2}"}, "parameter reworded: cannot be read: line 1: the key 'a' occurs twice"),
        ({"reworded": {"a": 1}}, "parameter reworded: 1 is not text"),
        ({"resizes": [[0]]}, r"parameter resizes: \[0\]; it must hold 2 values, as \["),
        ({"run_dir": " "}, "parameter run_dir is blank; give the folder"),
        ({"lr": 10**400}, "parameter lr: 10000000000000000000 is not a finite number"),
        ({"sweep": {"lr": 1e-3}}, r"parameter sweep, of lr: 0\.001 is not a list; write it as \[0\.001\]"),
        ({"sweep": {"lr": ["x"]}}, "parameter sweep, of lr: 'x' is not a number"),
        ({"sweep": {"lrs": [1]}}, "parameter sweep: unknown setting 'lrs'; did you mean 'lr'"),
    ],
)
def test_what_is_doubled_blank_unknown_or_of_another_type_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        checked(given, OWN | {"reworded": {"a": "b"}, "sweep": {}, "run_dir": "runs/x"}, GROUPS)


def test_what_is_given_has_the_declared_type_within_lists_and_mappings():
    given = {
        "seeds": "[0, 1]",
        "resizes": [["0", 224]],
        "rates": [1, "2e-1"],
        "warmup_epochs": 1,
        "video": "[GX] clip.mp4",
    }
    found = checked(given, OWN, GROUPS)
    assert (found["seeds"], found["resizes"], found["video"]) == ([0, 1], [[0, 224]], "[GX] clip.mp4")
    assert [type(value) for value in [*found["rates"], found["warmup_epochs"]]] == [float] * 3
    tried = checked({"sweep": {"lr": "[1e-3, 1]", "epochs": [2]}}, {"sweep": {}}, GROUPS)["sweep"]
    assert tried == {"lr": [0.001, 1.0], "epochs": [2]}
    assert as_mapping("x", {"a": ["1"]}, {"b": [0.5]}) == {"a": [1.0]}
    assert as_list("x", [0, 0], [0, 9], int, 2) == [0, 0]


def test_settings_objects_in_python_have_the_declared_types():
    assert Clips(dense="false").dense is False
    assert Clips(blur=1).blur == 1.0 and Clips(num_frames="4").num_frames == 4
    with pytest.raises(ValueError, match="parameter dense: 'no' is not true or false"):
        Clips(dense="no")
    with pytest.raises(ValueError, match="dense is 'false'; choose one of False, True"):
        Views(dense="false")
    with pytest.raises(ValueError, match="compile is 'false'; it must be True or False"):
        TrainingConfig(compile="false")


def suite_of(folder: Path, notebook: str, parameters: dict) -> Path:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump({"runs": [{"name": "a", "notebook": notebook, "parameters": parameters}]}))
    return path


def test_a_suite_has_the_declared_types_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    given = {"dense": "false", "repeat": "true", "seeds": "[0, 1]", "lr": "1e-09", "warmup_epochs": 1, "template": "{}"}
    [run] = read_suite(suite_of(tmp_path, "03_few_shot", given)).runs
    typed = {"dense": False, "repeat": True, "seeds": [0, 1], "lr": 1e-9, "warmup_epochs": 1.0, "template": "{}"}
    assert run.parameters == typed
    assert [type(run.parameters[name]) for name in typed] == [type(value) for value in typed.values()]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("notebook", "parameters", "message"),
    [
        ("03_few_shot", {"frozen": ["xavier"]}, "parameter frozen: unknown 'xavier'; choose from: random"),
        ("03_few_shot", {"dataset": "puppet"}, "parameter dataset: unknown 'puppet'; choose from"),
        ("10_frozen_encoder", {"methods": ["adapter"]}, "parameter methods: unknown 'adapter'; choose from"),
        ("14_conformance", {"kinds": ["nothing"]}, "parameter kinds: unknown 'nothing'; choose from"),
        ("14_conformance", {"forms": ["nothing"]}, "parameter forms: unknown 'nothing'; choose from"),
    ],
)
def test_the_check_of_a_suite_knows_the_choices(tmp_path, monkeypatch, notebook, parameters, message):
    monkeypatch.chdir(ROOT)
    path = suite_of(tmp_path, notebook, parameters)
    assert read_suite(path).runs
    with pytest.raises(SuiteError, match=f"mine.yaml: run 'a': {message}"):
        read_suite(path, choices=True)


GIVEN = {
    "dense": False,
    "repeat": False,
    "seeds": [0, 1],
    "lr": 1e-9,
    "model": "[GX] clip",
    "frozen": ["text", "random"],
}
SETUP = "from text4vis_lab import Lab\nlab = Lab.open('03_few_shot', globals())\n"
SHOW = f"import json\nprint(json.dumps({{name: lab.values[name] for name in {list(GIVEN)}}} | {{'own': repeat}}))"


@pytest.fixture(scope="module")
def notebook(tmp_path_factory) -> Path:
    """The few-shot notebook as far as its laboratory is open."""
    cells = json.loads((ROOT / "notebooks" / "03_few_shot.ipynb").read_text())
    first = [cell for cell in cells["cells"] if "parameters" in cell["metadata"].get("tags", [])]
    last = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": SETUP + SHOW}
    path = tmp_path_factory.mktemp("notebook") / "few.ipynb"
    path.write_text(json.dumps(cells | {"cells": [*first, last | {"id": "last"}]}))
    return path


def printed(path: Path) -> dict:
    outputs = json.loads(path.read_text())["cells"][-1]["outputs"]
    return json.loads("".join(outputs[0]["text"]))


@pytest.mark.slow
def test_by_papermills_command_line(notebook, tmp_path):
    program, out = Path(sysconfig.get_path("scripts"), "papermill"), tmp_path / "out.ipynb"
    (tmp_path / "given.yaml").write_text("seeds: '[0, 1]'\nlr: 1e-9\n")
    words = ["-p", "run_dir", str(tmp_path / "run"), "-p", "dense", "false", "-r", "repeat", "False"]
    words += ["-p", "model", "[GX] clip", "-y", "{frozen: [text, random]}", "-f", str(tmp_path / "given.yaml")]
    subprocess.run([program, notebook, out, *words], cwd=ROOT, check=True, capture_output=True)
    assert printed(out) == GIVEN | {"own": False}


@pytest.mark.slow
def test_by_papermill_in_python_and_by_a_cell_that_was_edited(notebook, tmp_path):
    given = {name: value if name == "model" else json.dumps(value) for name, value in GIVEN.items()}
    out = tmp_path / "out.ipynb"
    papermill.execute_notebook(
        notebook, out, parameters=given | {"run_dir": str(tmp_path / "run")}, cwd=ROOT, progress_bar=False
    )
    assert printed(out) == GIVEN | {"own": False}
    edited = json.loads(notebook.read_text())
    edited["cells"][0]["source"] = [*edited["cells"][0]["source"], "\n", *(f"{k} = {v!r}\n" for k, v in given.items())]
    edited["cells"][0]["source"] += [f"run_dir = {str(tmp_path / 'run')!r}\n"]
    (tmp_path / "edited.ipynb").write_text(json.dumps(edited))
    papermill.execute_notebook(tmp_path / "edited.ipynb", out, cwd=ROOT, progress_bar=False)
    assert printed(out) == GIVEN | {"own": False}


def test_by_a_laboratory_in_python(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    lab = Lab.open("03_few_shot", {"run_dir": str(tmp_path), "dense": "false", "repeat": "false", "frozen": "[text]"})
    assert (lab.values["dense"], lab.clips.dense, lab.values["repeat"]) == (False, False, False)
    assert lab.changed({"dense": "true"}).clips.dense is True
    with pytest.raises(ValueError, match="parameter dense: 'on' is not true or false"):
        lab.changed({"dense": "on"})


@pytest.mark.parametrize(
    ("labels", "message"),
    [("a,,b", "name 2 of 3 is blank"), ("a, A", "'a' and 'A' are the same name"), ("a, b, a", "'a' comes twice")],
)
def test_labels_of_make_and_of_the_command_are_names_once_each(tmp_path, monkeypatch, capsys, labels, message):
    monkeypatch.chdir(ROOT)
    (tmp_path / "a.mp4").write_bytes(b"x")
    monkeypatch.setattr(sys, "argv", ["own_suite", str(tmp_path), "--labels", labels])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("text4vis_lab.own_suite", run_name="__main__", alter_sys=False)
    assert ended.value.code == 1 and message in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["classify", str(tmp_path / "a.mp4"), "--labels", labels])
    assert ended.value.code == 2 and message in capsys.readouterr().err

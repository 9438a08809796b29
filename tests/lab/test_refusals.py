"""How errors and answers meet a reader: two lines and a folded traceback, and the last lines of a terminal."""

import io
import json
import os
import subprocess
import sys

import pytest
from conftest import ROOT

from text4vis_core.data.reading import VideoError
from text4vis_lab import answering
from text4vis_lab.answering import Answer, answer_in, say
from text4vis_lab.naming import checked_names
from text4vis_lab.refusals import CORRECT, in_two_lines
from text4vis_lab.settings import as_kind, check_choices, refuse_misspelt


def raised(act, *arguments) -> Exception:
    with pytest.raises(Exception) as caught:
        act(*arguments)
    return caught.value


@pytest.mark.parametrize(
    ("error", "lines"),
    [
        (
            lambda: raised(check_choices, "names", "x", ["a", "b"]),
            ("parameter names: unknown 'x'", "choose from: a, b"),
        ),
        (
            lambda: raised(refuse_misspelt, ["num_worker"]),
            ("unknown parameter 'num_worker'", "did you mean 'num_workers'?"),
        ),
        (
            lambda: raised(checked_names, "labels", ["a", "", "b"]),
            ("parameter labels: name 2 of 3 is blank", "leave it out"),
        ),
        (lambda: raised(as_kind, "dense", "maybe", bool), ("parameter dense: 'maybe' is not true or false", CORRECT)),
        (
            lambda: VideoError("x.mp4", "it has no frames"),
            (
                "cannot read video x.mp4: it has no frames",
                "play it to see whether it is whole, and make an MP4 of it (ffmpeg -i IN OUT.mp4)",
            ),
        ),
        (
            lambda: VideoError("x.mp4", "no such file or folder"),
            (
                "cannot read video x.mp4: no such file or folder",
                "give the path of something that is there; paths begin at the project's folder",
            ),
        ),
        (
            lambda: VideoError("x.mp4", "decord gives another frame 3; set decoder to pyav"),
            ("cannot read video x.mp4: decord gives another frame 3", "set decoder to pyav"),
        ),
    ],
)
def test_the_projects_own_sentences_are_what_is_wrong_and_what_to_do(error, lines):
    assert in_two_lines(error()) == lines


def test_an_error_of_another_says_its_type_and_the_line_of_the_notebook(tmp_path):
    cell = tmp_path / "cell.py"
    cell.write_text("numbers = [1]\nnumbers[3]\n")
    error = raised(exec, compile(cell.read_text(), str(cell), "exec"), {"__name__": "__main__"})
    assert in_two_lines(error) == ("IndexError: list index out of range", "line 2 of the cell: numbers[3]")
    assert in_two_lines(raised(int, "x"))[0].startswith("ValueError: invalid literal")
    assert in_two_lines(AssertionError()) == ("AssertionError", "what led to it is folded below")


def write_notebook(path, *cells: str, tags=()) -> None:
    made = [
        {"cell_type": "code", "metadata": {}, "source": cell, "outputs": [], "execution_count": None} for cell in cells
    ]
    made[-1]["metadata"]["tags"] = list(tags)
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.write_text(json.dumps({"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 4}))


@pytest.fixture(scope="module")
def by_papermill(tmp_path_factory):
    """Two notebooks as papermill runs them: one that answers, and one that fails. Folder, and the ended processes."""
    folder, ended = tmp_path_factory.mktemp("papermill"), {}
    answering = [
        "from text4vis_lab.answering import Answer, say\nfound = Answer(['It is 7 µm.', 'And more.'])\nsay(found)"
    ]
    write_notebook(folder / "answers.ipynb", *answering, "found", tags=["answer"])
    failing = "from text4vis_lab import refusals\nrefusals.set_up()"
    write_notebook(
        folder / "fails.ipynb", failing, "from text4vis_lab.settings import *\ncheck_choices('names', 'x', ['a', 'b'])"
    )
    running = {}
    for name in ("answers", "fails"):
        command = [sys.executable, "-m", "papermill", f"{name}.ipynb", f"{name}.out.ipynb", "--log-output"]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "JUPYTER_PREFER_ENV_PATH": "1"}
        environment.pop("PYTEST_CURRENT_TEST", None)  # with which a kernel does not keep its terminal
        running[name] = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    for name, process in running.items():
        out, err = process.communicate(timeout=300)
        ended[name] = subprocess.CompletedProcess(name, process.returncode, out, err)
    return folder, ended


def outputs(path) -> list[dict]:
    return [output for cell in json.loads(path.read_text())["cells"] for output in cell.get("outputs", [])]


def test_papermills_terminal_shows_the_answer(by_papermill):
    folder, ended = by_papermill
    assert ended["answers"].returncode == 0, ended["answers"].stderr
    assert ended["answers"].stdout.strip().splitlines() == ["Answer: It is 7 µm.", "Answer: And more."]
    assert answer_in(folder / "answers.out.ipynb") == ["It is 7 µm.", "And more."]


def test_papermill_fails_with_the_error_and_its_log_holds_the_traceback(by_papermill):
    folder, ended = by_papermill
    assert ended["fails"].returncode != 0
    assert "parameter names: unknown 'x'" in ended["fails"].stderr
    assert 'in check_choices\n    raise ValueError(f"parameter' in ended["fails"].stderr
    found = outputs(folder / "fails.out.ipynb")
    [error] = [output for output in found if output["output_type"] == "error"]
    assert (error["ename"], error["evalue"]) == ("ValueError", "parameter names: unknown 'x'; choose from: a, b")
    assert error["traceback"] == ["\x1b[1mparameter names: unknown 'x'\x1b[0m", "choose from: a, b"]
    [folded] = [output["data"] for output in found if "text/html" in output.get("data", {})]
    page = "".join(folded["text/html"])
    assert page.startswith("<details><summary>Traceback</summary>") and "check_choices(&#x27;names&#x27;" in page
    assert "IPython" not in page


def test_elsewhere_an_answer_is_not_written_to_the_terminal(capfd, monkeypatch):
    say(Answer(["nothing"]))
    assert capfd.readouterr().out == ""
    monkeypatch.setattr(answering, "of_papermill", lambda process: True)
    monkeypatch.setattr(sys, "stdout", io.StringIO())  # has no descriptor
    say(Answer(["nothing"]))
    assert capfd.readouterr().out == ""


def test_a_notebook_without_an_answer_has_none(tmp_path):
    write_notebook(tmp_path / "none.ipynb", "1")
    assert answer_in(tmp_path / "none.ipynb") == answer_in(tmp_path / "missing.ipynb") == []
    (tmp_path / "broken.ipynb").write_text("[]")
    assert answer_in(tmp_path / "broken.ipynb") == []


def test_what_does_not_print_in_an_answer_reaches_no_terminal_and_no_page():
    answer = Answer(["it is \x1b]0;evil\x07 a\nb \u202e\u2028 end", "<b>"])
    assert repr(answer).splitlines() == [r"Answer: it is \x1b]0;evil\x07 a\nb \u202e\u2028 end", "Answer: <b>"]
    assert "&lt;b&gt;" in answer._repr_html_() and "\x1b" not in answer._repr_html_()
    assert repr(answering.Reading("a \x1b[1m")) == r"a \x1b[1m"

"""The house keeps its size: short files, few parameters, a slim core."""

import ast

import pytest
from conftest import ROOT

FILES = sorted(ROOT.glob("text4vis_*/**/*.py"))
FUNCTIONS = [
    (path.relative_to(ROOT).as_posix(), node)
    for path in FILES
    for node in ast.walk(ast.parse(path.read_text()))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_is_read_in_one_sitting(path):
    assert len(path.read_text().splitlines()) <= 350


def test_the_core_is_slim():
    core = [path for path in FILES if path.is_relative_to(ROOT / "text4vis_core")]
    assert sum(len(path.read_text().splitlines()) for path in core) <= 6000


def test_no_function_takes_more_than_seven_parameters():
    for path, node in FUNCTIONS:
        arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        names = [argument.arg for argument in arguments if argument.arg not in ("self", "cls")]
        assert len(names) <= 7, f"{path}: {node.name} takes {', '.join(names)}"


@pytest.mark.slow
def test_nothing_is_passed_on_unseen():
    for path in FILES:
        calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
        assert not [call for call in calls if ast.unparse(call.func) == "locals"], f"{path} calls locals()"

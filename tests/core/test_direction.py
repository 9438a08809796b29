"""The core imports downwards only: never the laboratory, a room never one above it, and no two modules each other."""

import ast
from pathlib import Path

import pytest
from conftest import ROOT

CORE = ROOT / "text4vis_core"
ROOMS = ("training", "evaluation", "data", "model")  # from the top; the modules beside them lie below


def imported(path: Path) -> set[str]:
    """Full names of what a file imports, wherever in it: at the top, in a function, for types alone."""
    folder = path.relative_to(ROOT).parent.parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = folder[: len(folder) + 1 - node.level] if node.level else ()
            module = ".".join([*base, *filter(None, [node.module])])
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


FILES = {module(path): path for path in sorted(CORE.rglob("*.py"))}
# Importing a module of a package runs the package's `__init__`, which imports nothing but `_names`.
IMPORTS = {name: (imported(path) & FILES.keys()) - {name} for name, path in FILES.items()}
MODULES = [name for name, path in FILES.items() if path.stem != "__init__"]


def level(name: str) -> int:
    room = name.split(".")[1] if "." in name else ""
    return ROOMS.index(room) if room in ROOMS else len(ROOMS)


@pytest.mark.parametrize("name", FILES)
def test_the_core_never_imports_the_laboratory(name):
    assert not [each for each in imported(FILES[name]) if each.split(".")[0] == "text4vis_lab"]


def test_the_cores_tests_do_without_the_laboratory():
    for path in (ROOT / "tests" / "core").rglob("*.py"):
        assert not [each for each in imported(path) if each.split(".")[0] == "text4vis_lab"], path


@pytest.mark.parametrize("name", MODULES)
def test_rooms_import_downwards(name):
    assert not [each for each in IMPORTS[name] if each != "text4vis_core" and level(each) < level(name)]


def test_no_circle():
    left = {name: {each for each in IMPORTS[name] if each in MODULES} for name in MODULES}
    while free := [name for name, below in left.items() if not below]:
        left = {name: below.difference(free) for name, below in left.items() if name not in free}
    assert not left, f"modules that import each other: {', '.join(left)}"


@pytest.mark.parametrize("name", FILES)
def test_the_core_imports_itself_relatively(name):
    for node in ast.walk(ast.parse(FILES[name].read_text())):
        if isinstance(node, ast.ImportFrom) and not node.level:
            assert not (node.module or "").startswith("text4vis_core")


@pytest.mark.parametrize("name", [name for name, path in FILES.items() if path.stem == "__init__"])
def test_a_package_imports_nothing_but_lazily(name):
    assert {each.rpartition(".")[0] or each for each in IMPORTS[name]} <= {"text4vis_core", "text4vis_core._names"}

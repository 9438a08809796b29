"""What a notebook says of itself, read without running it.

python -m text4vis_lab.notebooks 03_few_shot      # everything that can be given to it
"""

import argparse
import ast
import difflib
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from .settings import GROUPS, declared


class NotebookError(ValueError):
    """A notebook that cannot be read as one of this project's. Names the file and the reason."""


def repository_root(start: str | Path = ".") -> Path:
    """The nearest folder above `start` that holds this project's notebooks and package.

    Raises:
        FileNotFoundError: there is none.
    """
    start = Path(start).resolve()
    for folder in (start, *start.parents):
        if (folder / "notebooks").is_dir() and (folder / "text4vis_core").is_dir():
            return folder
    raise FileNotFoundError(f"{start} is not inside a clone of the project")


def notebook_parameters(path: Path) -> list[str]:
    """The names assigned in the cell tagged `parameters` of the notebook at `path`.

    Raises NotebookError when the file is not a notebook or has no such cell.
    """
    return list(_parameters_cell(path))


def notebook_defaults(path: Path) -> dict[str, Any]:
    """The parameters of the notebook at `path` with the values it gives them.

    Raises NotebookError when the file is not a notebook, has no such cell, or computes a value.
    """
    try:
        return {name: ast.literal_eval(value) for name, value in _parameters_cell(path).items()}
    except ValueError as error:
        raise NotebookError(f"{path}: a parameter's value must be plain, for papermill to replace: {error}") from None


def notebook_uses(path: Path) -> tuple[str, ...]:
    """Groups of shared settings that a notebook uses: what its `Lab.open(..., uses=...)` says, all where it is silent.

    Raises NotebookError when the file is not a notebook, or does not call `Lab.open`.
    """
    for cell in _cells(path):
        source = "".join(cell["source"])
        if cell["cell_type"] != "code" or "Lab.open(" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Lab.open":
                given = [keyword.value for keyword in node.keywords if keyword.arg == "uses"]
                return tuple(ast.literal_eval(given[0])) if given else GROUPS
    raise NotebookError(f"{path}: no cell calls Lab.open, which checks the settings")


def notebook_settings(path: Path) -> dict[str, Any]:
    """Every setting that a notebook takes, its own and the shared ones that it uses, with the default of each."""
    shared = {setting.name: setting.default for setting in declared().values() if setting.group in notebook_uses(path)}
    return notebook_defaults(path) | {k: v for k, v in shared.items() if k not in notebook_parameters(path)}


def assigned_by_hand(variables: dict[str, Any], known: Collection[str] = ()) -> dict[str, Any]:
    """What was given to a notebook: variables that cells of nothing but plain assignments have set, with their values.

    In JupyterLab such cells are run again and again: of the parameters cell the last time counts, so that a line that
    was removed from it, or corrected, is gone. (What papermill injects begins with its own comment.) Outside of a
    kernel all plain variables count.

    Args:
        variables: the notebook's `globals()`.
        known: names of settings. Of other cells than the parameters' only names that are such, or nearly, count: the
            rest are a reader's own.
    """
    if not isinstance(variables.get("In"), list):
        plain = (bool, int, float, str, list, tuple, dict, type(None))
        return {k: v for k, v in variables.items() if not k.startswith("_") and isinstance(v, plain)}
    names: dict[str, None] = {}
    seen_parameters = False
    for source in reversed(variables["In"]):
        found = _plain_assignments(source)
        injected = source.lstrip().startswith("# Parameters")
        if "run_dir" in found and not injected:
            if seen_parameters:
                continue
            seen_parameters = True
        elif known and not injected:
            found = [name for name in found if difflib.get_close_matches(name, known, n=1, cutoff=0.8)]
        names |= dict.fromkeys(found)
    return {name: variables[name] for name in names if name in variables}


def _plain_assignments(source: str) -> list[str]:
    """The names that a cell assigns, if it does nothing but assign plain values; else none."""
    try:
        statements = ast.parse(source).body
        for statement in statements:
            ast.literal_eval(statement.value)  # type: ignore[attr-defined]
    except (SyntaxError, ValueError, AttributeError, TypeError):
        return []
    if not all(isinstance(statement, ast.Assign | ast.AnnAssign) for statement in statements):
        return []
    return list(_assigned(statements))


def _parameters_cell(path: Path) -> dict[str, ast.expr]:
    """Names and values assigned in the cell tagged `parameters`.

    Read as Python, because papermill's own inspection is by line and loses `root: str | None = None`.
    """
    cell = next((cell for cell in _cells(path) if "parameters" in cell["metadata"].get("tags", [])), None)
    if cell is None:
        raise NotebookError(f"{path}: no cell is tagged `parameters`")
    try:
        return _assigned(ast.parse("".join(cell["source"])).body)
    except SyntaxError as error:
        raise NotebookError(f"{path}: the parameters cell is not Python: {error}") from None


def _assigned(statements: list[ast.stmt]) -> dict[str, ast.expr]:
    values: dict[str, Any] = {}
    for statement in statements:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        values |= {target.id: getattr(statement, "value", None) for target in targets if isinstance(target, ast.Name)}
    return values


def _cells(path: Path) -> list[dict]:
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        [(cell["source"], cell["cell_type"], cell["metadata"]) for cell in cells]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise NotebookError(f"{path}: not a notebook ({error})") from None
    return cells


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m text4vis_lab.notebooks", description="What a notebook takes.")
    parser.add_argument("notebook", help="its name, such as 03_few_shot")
    path = repository_root() / "notebooks" / f"{parser.parse_args().notebook}.ipynb"
    if not path.is_file():
        parser.error(f"there is no {path}")
    own, shared = notebook_parameters(path), declared()
    for name, default in notebook_settings(path).items():
        about = shared[name].about if name in shared else "its own: see its parameters cell"
        print(f"{name:24} {default!r:24} {shared[name].group if name in shared and name not in own else '':10} {about}")


if __name__ == "__main__":
    _main()

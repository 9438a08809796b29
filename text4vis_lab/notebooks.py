"""What a notebook says of itself, read without running it."""

import ast
import json
from pathlib import Path
from typing import Any


class NotebookError(ValueError):
    """A notebook that cannot be read as one of this project's. Names the file and the reason."""


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


def _parameters_cell(path: Path) -> dict[str, ast.expr]:
    """Names and values assigned in the cell tagged `parameters`.

    Read as Python, because papermill's own inspection is by line and loses `root: str | None = None`.
    """
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        cell = next(cell for cell in cells if "parameters" in cell["metadata"].get("tags", []))
        statements = ast.parse("".join(cell["source"])).body
    except StopIteration:
        raise NotebookError(f"{path}: no cell is tagged `parameters`") from None
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise NotebookError(f"{path}: not a notebook ({error})") from None
    except SyntaxError as error:
        raise NotebookError(f"{path}: the parameters cell is not Python: {error}") from None
    values = {}
    for statement in statements:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        values |= {target.id: statement.value for target in targets if isinstance(target, ast.Name)}
    return values

"""What a notebook says of itself, read without running it.

python -m text4vis_lab.notebooks 03_few_shot      # everything that can be given to it
"""

import argparse
import ast
import difflib
import json
import os
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .plain import readable
from .settings import GROUPS, declared

if TYPE_CHECKING:
    import pandas as pd


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


def notebook_file(name: str) -> Path:
    """The file of a notebook of this name: the one that is open in JupyterLab, which may be a copy, or the project's.

    JupyterLab tells it to the kernel; a copy counts whose name begins in the same way.
    """
    opened = Path(os.environ.get("JPY_SESSION_NAME", ""))
    is_it = opened.suffix == ".ipynb" and opened.name.startswith(name) and opened.is_file()
    return opened if is_it else repository_root() / "notebooks" / f"{name}.ipynb"


@dataclass(frozen=True)
class SettingsTable:
    """All settings of a run, those that differ from their defaults first; a page shows these, and the rest folded.

    Attributes:
        values: the settings.
        defaults: what each would be if nobody had given it.
        own: the notebook's own parameters, and what its parameters cell says of them.
    """

    values: Mapping[str, Any]
    defaults: Mapping[str, Any]
    own: Mapping[str, str] = field(default_factory=dict)

    def table(self) -> "pd.DataFrame":
        """A row for each setting: value, default, and what it is."""
        import pandas as pd

        about = {name: setting.about for name, setting in declared().items()} | dict(self.own)
        order = sorted(self.values, key=lambda name: self.values[name] == self.defaults[name])
        rows = [(_shown(self.values[name]), _shown(self.defaults[name]), about.get(name, "")) for name in order]
        return pd.DataFrame(rows, index=order, columns=["value", "default", "about"])

    def __repr__(self) -> str:
        return self.table().to_string()

    def _repr_html_(self) -> str:
        table = self.table()
        changed = table[table["value"].map(repr) != table["default"].map(repr)]
        first = changed.to_html(border=0) if len(changed) else "<p>All settings are at their defaults.</p>"
        return f"{first}<details><summary>all {len(table)} settings</summary>{table.to_html(border=0)}</details>"


def _shown(value: Any) -> Any:
    return readable(value, 400) if isinstance(value, str | list | tuple | dict) else value


def notebook_parameters(path: Path) -> list[str]:
    """The names assigned in the cell tagged `parameters` of the notebook at `path`.

    Raises NotebookError when the file is not a notebook or has no such cell.
    """
    return list(_parameters_cell(path))


def notebook_defaults(path: Path) -> dict[str, Any]:
    """The parameters of the notebook at `path` with the values it gives them.

    Raises NotebookError when the file is not a notebook, has no such cell, or computes a value.
    """
    defaults = {}
    for name, value in _parameters_cell(path).items():
        try:
            defaults[name] = ast.literal_eval(value)
        except (ValueError, TypeError):
            raise NotebookError(f"{path}: parameter {name}: its value must be plain, as papermill needs it") from None
    return defaults


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
        found, only = _assignments(source)
        injected = source.lstrip().startswith("# Parameters")
        if "run_dir" in found and not injected:
            if seen_parameters:
                continue
            seen_parameters = True
        elif not injected and not only:
            continue
        elif known and not injected:
            found = [name for name in found if difflib.get_close_matches(name, known, n=1, cutoff=0.8)]
        names |= dict.fromkeys(found)
    return {name: variables[name] for name in names if name in variables}


def injected(variables: dict[str, Any]) -> set[str]:
    """Names that papermill has injected into a notebook: its `globals()`."""
    sources = variables["In"] if isinstance(variables.get("In"), list) else []
    return {
        name for source in sources if source.lstrip().startswith("# Parameters") for name in _assignments(source)[0]
    }


def _assignments(source: str) -> tuple[list[str], bool]:
    """The names that a cell assigns, and whether it does nothing but assign plain values."""
    python = "\n".join(line for line in source.splitlines() if not line.startswith(("%", "!")))  # without magics
    try:
        statements = ast.parse(python).body
    except SyntaxError:
        return [], False
    assigning = [statement for statement in statements if isinstance(statement, ast.Assign | ast.AnnAssign)]
    plain = len(assigning) == len(statements)
    for statement in assigning:
        try:
            ast.literal_eval(statement.value)  # type: ignore[arg-type]
        except (ValueError, TypeError):
            plain = False
    return list(_assigned(statements)), plain


def notebook_comments(path: Path) -> dict[str, str]:
    """What the parameters cell says of each of its parameters."""
    cell = next((cell for cell in _cells(path) if "parameters" in cell["metadata"].get("tags", [])), {"source": ""})
    return dict(re.findall(r"^(\w+) = .*?  # (.+?)(?:  #.*)?$", "".join(cell["source"]), flags=re.MULTILINE))


def unused_parameters(path: Path) -> set[str]:
    """Names of the parameters cell that no other cell of the notebook mentions."""
    sources = ["".join(cell["source"]) for cell in _cells(path) if cell["cell_type"] == "code"]
    counts = Counter(name for source in sources for name in set(re.findall(r"[A-Za-z_]\w*", source)))
    return {name for name in notebook_parameters(path) if counts[name] < 2}


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
    own, shared = notebook_comments(path), declared()
    for name, default in notebook_settings(path).items():
        about = own[name] if name in own else shared[name].about
        print(f"{name:24} {default!r:24} {shared[name].group if name in shared and name not in own else '':10} {about}")


if __name__ == "__main__":
    _main()

"""The reference of the packages: a page for each room, and a table of them."""

import ast
from importlib.util import find_spec
from pathlib import Path

from .markdown import filled

PACKAGES = ("text4vis_core", "text4vis_lab")


def rooms(index: str) -> dict[str, bytes]:
    """Pages of the reference: path below the source folder -> content.

    Args:
        index: the page whose line `% rooms` becomes a table of the rooms.
    """
    found = [name for package in PACKAGES for name in _rooms_of(package)]
    rows = [f"| [{name}](api/{name}.md) | {_about(name)} |" for name in found]
    table = "\n".join(["| room | what it is |", "|---|---|", *rows])
    pages = {f"api/{name}.md": f"# {name}\n\n% reference {name}\n".encode() for name in found}
    return {"api.md": filled(index, {"rooms": table}).encode(), **pages}


def _rooms_of(package: str) -> list[str]:
    """The package and its subpackages, by their dotted names, from the outside in."""
    root = _folder(package)
    inner = [path.parent.relative_to(root).parts for path in root.rglob("__init__.py")]
    return sorted(".".join([package, *parts]) for parts in inner if not any(part.startswith("_") for part in parts))


def _about(name: str) -> str:
    """The first paragraph of a package's docstring, in a line."""
    top, *parts = name.split(".")
    text = ast.get_docstring(ast.parse(_folder(top).joinpath(*parts, "__init__.py").read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split()).replace("|", r"\|")


def _folder(package: str) -> Path:
    spec = find_spec(package)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent

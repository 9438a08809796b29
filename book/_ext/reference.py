"""Sphinx extension: a comment line `% reference PACKAGE` becomes what the package offers, and each of its modules.

What the fields of a dataclass are, where `Annotated` says it, becomes a part of its docstring.
"""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, get_origin

from sphinx.application import Sphinx


def with_reference(markdown: str) -> str:
    """The page with each comment line `% reference PACKAGE` replaced by the reference of that package."""
    return re.sub(r"^% reference (\S+)$", lambda line: reference(line.group(1)), markdown, flags=re.MULTILINE)


def reference(package: str) -> str:
    """What a package says of itself, a table of the names that it offers, and each of its public modules."""
    top, *rooms = package.split(".")
    folder = Path(find_spec(top).origin).parent.joinpath(*rooms)
    source = (folder / "__init__.py").read_text(encoding="utf-8")
    offered: dict[str, list[str]] = {}
    for home, names in re.findall(r'"([\w.]+)": "([\w ]+)"', source):
        if (folder / f"{home.replace('.', '/')}.py").exists():
            offered[home] = [f"`{name}`" for name in names.split()]
    modules = [path.stem for path in sorted(folder.glob("*.py")) if not path.stem.startswith("_")]
    modules.sort(key=lambda name: (list(offered).index(name) if name in offered else len(offered), name))
    parts = [_autodoc(package)]
    if offered:
        rows = [f"| {', '.join(names)} | `{package}.{home}` |" for home, names in offered.items()]
        parts.append("\n".join(["| names | where they are |", "|---|---|", *rows]))
    return "\n\n".join([*parts, *(f"## {name}\n\n{_autodoc(f'{package}.{name}')}" for name in modules)])


def _autodoc(module: str) -> str:
    return f"```{{eval-rst}}\n.. automodule:: {module}\n```"


def _replace(app: Sphinx, page: str, source: list[str]) -> None:
    source[0] = with_reference(source[0])


def _keep_lines(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """What a module's docstring sets in, such as a list of files, stays as it stands."""
    if what == "module":
        begins = [n for n in range(2, len(lines)) if lines[n].startswith("    ") and not lines[n - 1]]
        for number in reversed(begins):
            if not lines[number - 2].startswith("    "):
                lines[number:number] = ["::", ""]


def _add_fields(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    own = vars(obj).get("__annotations__", {}) if what == "class" else {}
    notes = {field: hint for field, hint in own.items() if _is_annotated(hint)}
    if notes:
        about = [f"    {field}: {hint.__metadata__[0]}" for field, hint in notes.items()]
        lines += ["", "Attributes:", *about, ""]


def _shorten_types(app: Sphinx, obj: Any, bound_method: bool) -> None:
    hints = getattr(obj, "__annotations__", {})
    hints.update({field: hint.__origin__ for field, hint in hints.items() if _is_annotated(hint)})


def _without_factories(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """`<factory>`, a default of dataclasses, is no Python, and Sphinx would not read the types beside it."""
    return signature and signature.replace("<factory>", "..."), returns


def _is_annotated(hint: Any) -> bool:
    return get_origin(hint) is Annotated


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", _keep_lines)
    app.connect("autodoc-process-docstring", _add_fields, priority=400)  # before napoleon, which reads "Attributes:"
    app.connect("autodoc-before-process-signature", _shorten_types)
    app.connect("autodoc-process-signature", _without_factories)
    app.connect("source-read", _replace)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""Sphinx extension: the lines `% settings` and `% notebooks` become tables of what can be given to a notebook."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from text4vis_lab.notebooks import notebook_defaults, notebook_uses, repository_root
from text4vis_lab.settings import GROUPS, Range, declared


def with_settings(markdown: str) -> str:
    """The page with its comment lines replaced by the tables."""
    for line, tables in (("settings", shared_settings), ("notebooks", notebooks)):
        markdown = re.sub(rf"^% {line}$", lambda _, tables=tables: tables(), markdown, flags=re.MULTILINE)
    return markdown


def shared_settings() -> str:
    """A section for each group of shared settings, with a row for each setting."""
    parts = []
    for group in GROUPS:
        rows = [
            (
                _code(setting.name),
                setting.kind.__name__,
                _code(setting.default),
                _choices(setting.choices),
                _plain(setting.about),
            )
            for setting in declared().values()
            if setting.group == group
        ]
        parts.append(f"### {group}\n\n{_table(('setting', 'kind', 'default', 'choices', 'what it is'), rows)}")
    return "\n\n".join(parts)


def notebooks() -> str:
    """A row for each notebook: the groups that it uses, its own parameters, its own defaults of shared settings."""
    rows = []
    for path in sorted(Path(repository_root(), "notebooks").glob("*.ipynb")):
        uses, own = notebook_uses(path), notebook_defaults(path)
        shared = {name for name in own if name in declared() and declared()[name].group in uses}
        rows.append(
            (
                _code(path.stem),
                "all" if uses == GROUPS else ", ".join(uses),
                " ".join(_code(name) for name in own if name not in shared),
                " ".join(f"{_code(name)}\N{NO-BREAK SPACE}{_code(own[name])}" for name in own if name in shared),
            )
        )
    return _table(("notebook", "groups", "its own parameters", "its own defaults"), rows)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def _choices(choices: Iterable | Range | None) -> str:
    return str(choices) if isinstance(choices, Range) else " ".join(map(_code, choices or ()))


def _code(value: Any) -> str:
    """A name as it is, and a value as Python has it."""
    text = value if isinstance(value, str) and re.fullmatch(r"\w[\w+-]*", value) else repr(value)
    return f"`{text}`".replace("|", r"\|")


def _plain(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>|])", r"\\\1", text)


def _replace(app: Sphinx, page: str, source: list[str]) -> None:
    source[0] = with_settings(source[0])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", _replace)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

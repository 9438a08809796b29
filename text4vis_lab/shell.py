"""Commands that are shown: pasted into bash, they give a program the very words that they were made of."""

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from .plain import prints, unfilled


def command(words: Iterable[str | Path]) -> str:
    """Words as one line for bash, each of them whatever is in it."""
    return " ".join(_word(str(word)) for word in words)


def papermill(source: Path, executed: Path, parameters: Mapping[str, Any]) -> str:
    """The command that executes a notebook with these parameters, each of its own type."""
    words = ["papermill", unfilled(source), unfilled(executed)]
    for name, value in parameters.items():
        if isinstance(value, str) and all(map(prints, value)):
            words += ["-r", name, value]
        elif value is None or isinstance(value, bool | int | float):
            words += ["-p", name, str(value)]
        else:
            words += ["-y", _yaml({name: value})]
    return command(words)


def _word(text: str) -> str:
    """Quoted as it is; what does not print, which a page may alter and a terminal obey, as bytes."""
    if all(map(prints, text)):
        return shlex.quote(text)
    return f"$'{''.join(map(_escaped, text))}'"


def _escaped(c: str) -> str:
    if prints(c):
        return f"\\{c}" if c in "\\'" else c
    return "".join(f"\\x{byte:02x}" for byte in c.encode("utf-8", "surrogateescape"))


def _yaml(value: Any) -> str:
    """A value as YAML in a line, as papermill reads it: PyYAML takes JSON's 1e-09 for text."""
    text = yaml.safe_dump(value, default_flow_style=True, width=float("inf"), sort_keys=False, allow_unicode=True)
    if not all(map(prints, text.rstrip("\n"))):
        text = yaml.safe_dump(value, default_flow_style=True, width=float("inf"), sort_keys=False)
    return text.rstrip("\n")

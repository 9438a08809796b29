"""Class names as a user gives them: checked before anything is loaded."""

import contextlib
import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from .handwritten import from_yaml
from .kinds import of_text
from .plain import readable

# Settings of every notebook that are lists of class names.
LISTS = ("class_names", "labels", "novel_classes", "ordered_classes", "map_classes")


def checked_names(parameter: str, names: Any) -> list[str]:
    """A list of class names, without the blanks around and within them that nobody sees.

    Raises:
        ValueError: it is one text, or a name is no text, is blank, or comes twice; names the parameter and the remedy.
    """
    if isinstance(names, str):
        raise ValueError(
            f"parameter {parameter}: {readable(names)!r} is one text, not a list; write it as {as_list(names)}"
        )
    found: dict[str, str] = {}
    for number, name in enumerate(names, 1):
        if not isinstance(name, str):
            raise ValueError(f"parameter {parameter}: name {number}, {name!r}, is no text; write it in quotes")
        words = " ".join(name.split())
        if not words:
            raise ValueError(f"parameter {parameter}: name {number} of {len(names)} is blank; leave it out")
        if words.casefold() in found:
            twice = found[words.casefold()]
            same = f"{words!r} comes twice" if words == twice else f"{twice!r} and {words!r} are the same name"
            raise ValueError(f"parameter {parameter}: {same}; leave one out")
        found[words.casefold()] = words
    return list(found.values())


def given_names(parameter: str, names: Any) -> Any:
    """The value of a setting: of one in `LISTS` as `checked_names` has it, and others as they are.

    A list may be given as text that shows one, as a command line passes it.

    Raises:
        ValueError: as `checked_names`.
    """
    if parameter not in LISTS:
        return names
    if isinstance(names, str) and of_text(names, list):
        with contextlib.suppress(ValueError):
            names = from_yaml(names, f"parameter {parameter}")
    return checked_names(parameter, names) if isinstance(names, str | list | tuple) else names


def checked_rewording(
    parameter: str, reworded: Mapping[str, Any], names: Sequence[str], defaults: Mapping[str, Any]
) -> dict[str, str]:
    """Other words for some names, those of the defaults left out that are of no name here.

    Args:
        parameter: what the rewording is called.
        reworded: name -> other words for it.
        names: those that may be reworded.
        defaults: the rewording when nobody gives one.

    Raises:
        ValueError: a key is none of the names (with the closest), or the names would hold one twice afterwards.
    """
    known = {name: other for name, other in reworded.items() if name in names}
    for name, other in reworded.items():
        if name not in known and defaults.get(name) != other:
            close = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
            remedy = f"did you mean {close[0]!r}?" if close else f"choose from: {', '.join(names)}"
            raise ValueError(f"parameter {parameter}: {name!r} is none of the class names; {remedy}")
    checked_names(parameter, [known.get(name, name) for name in names])
    return {name: " ".join(other.split()) for name, other in known.items()}


def as_list(text: str) -> str:
    """How a text with commas is written as a list of Python's."""
    parts = [part.strip(" '\"") for part in text.strip("[]() ").split(",")]
    return "[" + ", ".join(f'"{readable(part)}"' for part in parts if part) + "]"

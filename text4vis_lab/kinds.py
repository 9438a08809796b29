"""Values of the type that is declared for them, whoever gives them.

A command line hands over text, papermill's as well as make's. What it says is decided by the declared type, by one
rule: `true` or `false` (also True, TRUE) for a flag; digits for a whole number; digits, with a point or an exponent,
for a number; and brackets around a list or a mapping, whose inside is YAML. Anything else is refused, in one sentence.
Where text is declared, text is taken as it is.
"""

import json
import re
import sys
from collections.abc import Sequence
from typing import Any

from .handwritten import from_yaml

FLAGS = {word: value for value in (True, False) for word in (str(value), str(value).lower(), str(value).upper())}
WHOLE = re.compile(r"\s*[-+]?[0-9]+\s*")
NUMBER = re.compile(r"\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\s*")
BRACKETS: dict[type, tuple[str, str]] = {list: ("[", "]"), dict: ("{", "}")}
WORDS: dict[type, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "text", list: "a list"}


def as_kind(name: str, value: Any, kind: type) -> Any:
    """A value of its declared type, bool, int, float, str, list or dict; text that says such a value is read as one.

    Args:
        name: of the parameter, for errors.
        value: that was given.
        kind: that is declared; any other type takes all.

    Raises:
        ValueError: it is no such value, or not finite; names the parameter.
    """
    if isinstance(value, str):
        value = _said(name, value, kind)
    if isinstance(value, tuple):
        value = list(value)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind is float and number:
        if not abs(value) <= sys.float_info.max:
            raise ValueError(f"parameter {name}: {str(value)[:20]} is not a finite number")
        return float(value)
    fits = {bool: isinstance(value, bool), int: number and isinstance(value, int), float: False}
    fits |= {each: isinstance(value, each) for each in (str, list, dict)}
    if not fits.get(kind, True):
        raise ValueError(f"parameter {name}: {value!r} is not {WORDS.get(kind, 'a mapping')}{_remedy(value, kind)}")
    return value


def as_list(name: str, values: list, like: Sequence, items: type | None = None, length: int = 0) -> list:
    """The values of a list, each of its declared type, once, and not blank.

    Args:
        name: of the parameter, for errors.
        values: that were given.
        like: such values, as its default holds them.
        items: their type; None: that of `like`, where it is one.
        length: that the list has, which may hold a value twice then; 0: any.

    Raises:
        ValueError: names the parameter and the value.
    """
    values = _all_as(name, values, like, items)
    if any(isinstance(value, str) and not value.strip() for value in values):
        raise ValueError(f"parameter {name}: {values} holds a blank text; leave it out")
    if length and len(values) != length:
        raise ValueError(f"parameter {name}: {values}; it must hold {length} values")
    if not length and len({json.dumps(value, sort_keys=True) for value in values}) < len(values):
        raise ValueError(f"parameter {name}: {values} holds a value twice")
    return values


def as_mapping(name: str, values: dict, like: dict) -> dict:
    """The values of a mapping, each of the type that those of `like`, its default, have; errors as of `as_kind`."""
    return dict(zip(values, _all_as(name, list(values.values()), list(like.values())), strict=True))


def of_text(text: str, kind: type) -> bool:
    """Whether a text shows a list or mapping, whatever is in it."""
    begin, end = BRACKETS[kind]
    return text.strip().startswith(begin) and text.strip().endswith(end)


def _said(name: str, text: str, kind: type) -> Any:
    """What a text says, where it says a value of this type; else the text."""
    if kind is bool:
        return FLAGS.get(text.strip(), text)
    if kind is int and WHOLE.fullmatch(text):
        return int(text)
    if kind is float and NUMBER.fullmatch(text):
        return float(text)
    return from_yaml(text, f"parameter {name}") if kind in BRACKETS and of_text(text, kind) else text


def _all_as(name: str, values: list, like: Sequence, items: type | None = None) -> list:
    kinds = {items} if items else {type(item) for item in like}
    kind = float if kinds == {int, float} else kinds.pop() if len(kinds) == 1 else object
    found = [as_kind(name, value, kind) for value in values]
    if kind is not list:
        return found
    lengths = {len(item) for item in like}
    for value in found:
        if len(lengths) == 1 and len(value) not in lengths:
            raise ValueError(f"parameter {name}: {value}; it must hold {len(like[0])} values, as {like[0]}")
    inner = [each for item in like for each in item]
    return [_all_as(name, value, inner) for value in found]


def _remedy(value: Any, kind: type) -> str:
    """How it is written instead, where that is known."""
    if kind is list:
        plain = not isinstance(value, str) or re.fullmatch(r"[\w ,.+-]*", value)
        return f"; write it as [{value if plain else json.dumps(value, ensure_ascii=False)}]"
    return "; write it in quotes, or papermill -r in the place of -p" if kind is str else ""

"""YAML and JSON that people write: no key twice, and nothing that unfolds without end.

What is wrong is a `ValueError` that names the file, the line and the remedy.
"""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

LARGEST = 2_000_000  # characters of a file of YAML whose aliases are written out


class _Loader(yaml.SafeLoader):
    """YAML 1.1 reads `1e-4` as text; here it is the number that everybody means."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)
MERGE = "tag:yaml.org,2002:merge"


def from_yaml(text: str, where: str | Path) -> Any:
    """What a text says in YAML; None where it is empty.

    Args:
        where: it stands: a file.

    Raises:
        ValueError: it is no YAML, holds a key twice, or aliases make more of it than fits.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _check(node, loader, {})
        return loader.construct_document(node)
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise ValueError(f"{where}: cannot be read: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise ValueError(f"{where}: cannot be read: it is nested too deeply; take out some brackets") from None


def from_json(text: str, where: str | Path) -> Any:
    """What a text says in JSON; errors as of `from_yaml`."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(found := dict(pairs)) < len(pairs):
            [(key, _)] = Counter(key for key, _ in pairs).most_common(1)
            written = f"(?:{re.escape(json.dumps(key))}|{re.escape(json.dumps(key, ensure_ascii=False))})"
            places = [place.start() for place in re.finditer(rf"{written}\s*:", text)]
            raise ValueError(_twice(text.count("\n", 0, places[1]) + 1 if len(places) > 1 else 1, key))
        return found

    try:
        return json.loads(text, object_pairs_hook=once)
    except ValueError as error:
        raise ValueError(f"{where}: cannot be read: {error}") from None
    except RecursionError:
        raise ValueError(f"{where}: cannot be read: it is nested too deeply; take out some brackets") from None


def _check(node: yaml.Node, loader: yaml.SafeLoader, known: dict[int, int]) -> int:
    """Characters of a node with its aliases written out; each node is looked at once, however often it is referred to.

    Args:
        known: id of a node -> its size; -1 while it is looked at.
    """
    line = node.start_mark.line + 1
    if id(node) not in known:
        known[id(node)] = -1
        size = 1
        if isinstance(node, yaml.ScalarNode):
            size += len(node.value)
        elif isinstance(node, yaml.MappingNode):
            keys: set = set()
            for key, value in node.value:
                if isinstance(key, yaml.ScalarNode) and key.tag != MERGE:
                    named = loader.construct_object(key)
                    if named in keys:
                        raise ValueError(_twice(key.start_mark.line + 1, named))
                    keys.add(named)
                size += _check(key, loader, known) + _check(value, loader, known)
        else:
            size += sum(_check(value, loader, known) for value in node.value)
        if size > LARGEST:
            raise ValueError(f"line {line}: its aliases unfold to more than {LARGEST:,} characters; use fewer of them")
        known[id(node)] = size
    if known[id(node)] < 0:
        raise ValueError(f"line {line}: what stands here refers to itself; take out that alias")
    return known[id(node)]


def _twice(line: int, key: Any) -> str:
    return f"line {line}: the key {key!r} occurs twice; remove one of the two"

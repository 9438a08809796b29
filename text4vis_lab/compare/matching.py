"""Which rows of two records are the same number: the same test, view, method, shots, seed, as far as both tell."""

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]

# Columns that tell a record's numbers apart. Where no row is the same in all of them, those of `GIVEN_UP` are given up,
# in this order: what is a number under another view, template or half is still the same number, computed otherwise.
KEYS = (
    *("test", "view", "method", "setting", "initialisation", "frozen", "temporal", "template", "shots"),
    *("seed", "initial", "draw", "order", "trial", "mix", "strength", "fold", "half"),
)
GIVEN_UP = ("fold", "template", "view", "half", "draw", "order", "initial", "seed", "temporal", "setting", "test")


def matched(here: Sequence[Row], there: Sequence[Row]) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Pairs of indices of rows that are the same number, and the indices of those without a partner, here and there.

    A row has one partner at most; two rows that are alike in all that is compared have none.
    """
    known = [name for name in KEYS if any(r.get(name) is not None for r in here) or any(r.get(name) for r in there)]
    left, right, pairs = dict(enumerate(here)), dict(enumerate(there)), list[tuple[int, int]]()
    for number in range(len(GIVEN_UP) + 1):
        single = [{name} for name in GIVEN_UP] if number == 1 else []
        for without in [*single, set(GIVEN_UP[:number])]:
            columns = [name for name in known if name not in without]
            found = _joined(left, right, columns)
            pairs += found
            for mine, its in found:
                del left[mine], right[its]
            if not left or not right:
                break
    if not pairs and len(left) == len(right) == 1:
        pairs.append((left.popitem()[0], right.popitem()[0]))
    return sorted(pairs), [*left], [*right]


def _joined(left: Mapping[int, Row], right: Mapping[int, Row], columns: Sequence[str]) -> list[tuple[int, int]]:
    mine, its = _by_key(left, columns), _by_key(right, columns)
    return [(mine[key][0], its[key][0]) for key in mine if len(mine[key]) == len(its.get(key, ())) == 1]


def _by_key(rows: Mapping[int, Row], columns: Sequence[str]) -> dict[tuple, list[int]]:
    found: dict[tuple, list[int]] = {}
    for index, row in rows.items():
        found.setdefault(tuple(row.get(name) for name in columns), []).append(index)
    return found

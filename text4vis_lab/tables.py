"""Tables on a page: numbers first, what is the same in every row said once, sorted by a click and filtered by a word.

A table is plain HTML with a style and a script of its own, a few KB; nothing is fetched.
"""

import html
import math
import numbers
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from .plain import readable

FILTERED = 8  # rows from which a filter is worth its room
LONG = 24  # characters of a first column that is given room
WIDE = 7  # columns, of which long ones are given room
LONGEST = 400  # characters of a cell
ADDRESS = re.compile(r"https://([\w./#-]*[\w/])")
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Linked:
    """A cell that leads to a run, where a page has it: in the book.

    Attributes:
        text: what is shown.
        run: "suite/run".
        number: by which the column is sorted; None: by the text.
    """

    text: str
    run: str
    number: float | None = None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Commands:
    """Commands that give what stands above again, to be copied.

    Attributes:
        label: what they do.
        lines: each a command, from the project's folder.
    """

    label: str
    lines: tuple[str, ...]

    def __repr__(self) -> str:
        return "\n".join([self.label, *self.lines])

    def _repr_html_(self) -> str:
        # The book has a button that copies what is in these classes.
        blocks = "".join(
            f'<div class="highlight"><pre tabindex="0">{html.escape(line)}</pre></div>' for line in self.lines
        )
        label = f"<span>{html.escape(self.label)}</span>"
        return f'<div class="again several mathjax_ignore tex2jax_ignore">{label}{blocks}</div>'


@dataclass(frozen=True)
class Table:
    """A table as a notebook and a page of the book show it.

    Attributes:
        frame: what is shown, in the order of its columns; without those that are the same in every row.
        same: column -> its one value.
        caption: what it is.
        links: columns in whose texts addresses are links.
    """

    frame: pd.DataFrame
    same: dict[str, Any]
    caption: str
    links: Sequence[str] = ()

    def __repr__(self) -> str:
        texts = pd.DataFrame({name: _texts(column) for name, column in self.frame.items()})
        return "\n".join(part for part in (self._told(), texts.to_string(index=False)) if part)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        data = {"text/html": self._repr_html_(), "text/plain": repr(self)}
        return data, {"text4vis": {"table": True, "caption": self._told()}}

    def _told(self) -> str:
        same = ", ".join(f"{name} {_text(value)}" for name, value in self.same.items())
        return " ".join(part for part in (self.caption, f"All rows: {same}." if same else "") if part)

    def _repr_html_(self) -> str:
        numeric = {column: _is_numeric(self.frame[column]) for column in self.frame}
        heads = "".join(
            f'<th scope="col"{_kind(is_number)} aria-sort="none"><button type="button">{_safe(column)}</button></th>'
            for column, is_number in numeric.items()
        )
        texts = [_texts(column) for _, column in self.frame.items()]
        rows = zip(self.frame.itertuples(index=False, name=None), zip(*texts, strict=True), strict=True)
        linked = [column in self.links for column in self.frame]
        body = "".join(f"<tr>{_row(values, shown, [*numeric.values()], linked)}</tr>" for values, shown in rows)
        told = f"<caption>{_safe(self._told())}</caption>" if self._told() else ""
        search = ""
        if len(self.frame) >= FILTERED:
            search = f'<label>Filter <input type="search" placeholder="of {len(self.frame)} rows"></label>'
        table = f'<div class="t4v-scroll" tabindex="0" role="region" aria-label="{_safe(self._told() or "Table")}">'
        table += f"<table>{told}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
        wide = " t4v-long" if len(self.frame.columns) and _is_long(self.frame.iloc[:, 0]) else ""
        return f'<div class="t4v-table{wide} mathjax_ignore tex2jax_ignore">{_STYLE}{search}{table}{_SCRIPT}</div>'


def show(frame: pd.DataFrame, caption: str = "", first: Sequence[str] = (), links: Sequence[str] = ()) -> Table:
    """A table for a page: a click on a header sorts, a word filters; it can be used at any width.

    The first column names the rows and stays in sight: those of `first` come first, else the first column of text; then
    the numbers, then the rest. Columns with one value in all of several rows are said in the caption instead.

    Args:
        frame: whose index, where it has a name or is not just numbers, becomes columns.
        caption: what the table is.
        first: columns that come first, in this order, and are kept.
        links: columns in whose texts addresses are links.

    Raises:
        ValueError: `first` names a column that the table does not have.
    """
    has_index = not isinstance(frame.index, pd.RangeIndex) and (
        any(frame.index.names) or not pd.api.types.is_integer_dtype(frame.index)
    )
    table = frame.reset_index() if has_index else frame.reset_index(drop=True)
    table.columns = [" ".join(map(str, name)).strip() if isinstance(name, tuple) else str(name) for name in table]
    if has_index and "index" in table and "index" not in frame:
        table = table.rename(columns={"index": ""})
    unknown = [name for name in first if name not in table]
    if unknown:
        raise ValueError(f"first: no column {unknown[0]!r} in the table; it has: {', '.join(table)}")
    texts = [name for name in table if not _is_numeric(table[name])]
    telling = [name for name in texts if len(table) == 1 or table[name].map(_text).nunique() > 1]
    front = list(first) or (telling or texts)[:1]
    if has_index and not first:
        front = list(table.columns[: frame.index.nlevels])
    same = {}
    if len(table) > 1:
        constant = [name for name in table if name not in front and table[name].map(_text).nunique() == 1]
        same = {name: table[name].iloc[0] for name in constant if _text(table[name].iloc[0])}
        table = table.drop(columns=constant)
    rest = [name for name in table if name not in front]
    ordered = [*front, *(n for n in rest if _is_numeric(table[n])), *(n for n in rest if not _is_numeric(table[n]))]
    return Table(table[ordered], same, caption, links)


def _row(values: Sequence[Any], texts: Sequence[str], numeric: Sequence[bool], linked: Sequence[bool]) -> str:
    cells = []
    for index, (value, text, is_number, has_links) in enumerate(zip(values, texts, numeric, linked, strict=True)):
        tag = 'th scope="row"' if index == 0 else "td"
        number = value.number if isinstance(value, Linked) else value if is_number and not _missing(value) else None
        exact = f' data-v="{float(number)!r}"' if number is not None else ""
        shown = ADDRESS.sub(_link, _safe(text)) if has_links else _safe(text)
        if isinstance(value, Linked):
            shown = f'<span class="t4v-run" data-run="{html.escape(value.run)}">{shown}</span>'
        kind = _kind(is_number) or (' class="w"' if len(texts) > WIDE and len(text) > LONG else "")
        cells.append(f"<{tag}{kind}{exact}>{shown}</{tag.split()[0]}>")
    return "".join(cells)


def _texts(column: pd.Series) -> list[str]:
    decimals = _decimals(column) if _is_numeric(column) else None
    return [_text(value, decimals) for value in column]


def _is_numeric(column: pd.Series) -> bool:
    known = column.dropna()
    return len(known) > 0 and all(isinstance(value, numbers.Real) and not isinstance(value, bool) for value in known)


def _missing(value: Any) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


def _text(value: Any, decimals: int | None = None) -> str:
    """A value as a reader wants it; a number with so many decimals, or as many as its size asks for."""
    if _missing(value):
        return ""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        if isinstance(value, list | tuple | set):
            return ", ".join(map(_text, value))
        return readable(value, LONGEST)
    if isinstance(value, numbers.Integral):
        return f"{value:,}" if abs(int(value)) >= 10_000 else str(int(value))
    if decimals is not None and math.isfinite(value):
        return f"{value:,.{decimals}f}"
    return f"{value:.3g}"


def _decimals(column: pd.Series) -> int | None:
    """How many decimals the numbers of a column have; None where their sizes differ too much for one answer."""
    values = [abs(float(value)) for value in column if not _missing(value) and math.isfinite(value) and value]
    if all(value == round(value) for value in values):
        return 0
    if min(values) < 0.005:
        return None
    if max(values) >= 10 or all(math.isclose(value, round(value, 1), abs_tol=1e-9) for value in values):
        return 1
    return 2


def _safe(text: Any) -> str:
    return html.escape(readable(text, LONGEST))


def _link(address: re.Match) -> str:
    """A link, that may be broken at its slashes."""
    return f'<a href="{address[0]}">{address[1].replace("/", "/<wbr>")}</a>'


def _kind(is_number: bool) -> str:
    return ' class="n"' if is_number else ""


def _is_long(column: pd.Series) -> bool:
    return len(column) > 0 and column.map(_text).str.len().median() > LONG


_STYLE = f"<style>{(HERE / 'tables.css').read_text(encoding='utf-8')}</style>"
_SCRIPT = f"<script>{(HERE / 'tables.js').read_text(encoding='utf-8')}</script>"

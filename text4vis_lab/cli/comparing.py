"""The command compare: why a number of one run is not that of another, or a published one."""

import html
import json
import sys
from collections.abc import Iterable, Mapping
from contextlib import chdir
from pathlib import Path
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .. import tables
from ..compare import Comparison
from ..compare import compare as compared
from ..compare.comparing import as_record
from ..compare.published import published_row
from ..compare.telling import ELSEWHERE, as_values, causes, elsewhere, numbers, sentence, untried
from ..plain import readable
from ..records import RECORD
from ..staleness import stale
from ..storing import replacing
from ..wording import counted, listed
from .running import Unanswered, absolute, at_home, home, note

WIDTH = 80  # characters, where nobody says how many there are
ROWS, VIDEOS = 12, 8  # rows of a table that are printed, and videos
LOOK = """<style>:root{color-scheme:light dark}
body{font:1rem/1.45 system-ui,sans-serif;margin:0 auto;padding:1rem;max-width:75rem;overflow-wrap:anywhere}
h1{font-size:1.3rem}</style>"""
DIGITS = {"p": ".3f", "videos": ",.0f"}  # of columns of numbers; else one decimal


def compare(run: str, other: str, cell: str, metric: str, again: bool, how: tuple[bool, Path | None]) -> int:
    """Print what was found about two numbers; as JSON, and as a page, as `how` says."""
    here = _record(run)
    folder = _folder(other)
    given: dict[str, Any] = {"there": _record(other)} if folder else {"published": _published(other)}
    as_json, page = how
    with at_home():
        found = compared(here, **given, cell=cell, metric=metric, try_out=again)
        records = {"here": here} | ({"there": given["there"]} if folder else {})
        changed = [f"{where}: {told}" for where, record in records.items() for told in stale(record)]
    if page is not None:
        with replacing(absolute(page)) as temporary:
            temporary.write_text(_page(found, changed), encoding="utf-8")
        note(f"{page}: the same as a page")
    if as_json:
        print(json.dumps({**as_values(found), "stale": changed}, indent=1, ensure_ascii=False, allow_nan=False))
    else:
        _print(found, changed)
    return 0


def _folder(run: str) -> Path | None:
    """Where a run lies that was typed as a path from here, or from the project's folder."""
    for folder in (absolute(Path(run)), home() / run):
        if (folder / RECORD).is_file() or (folder.name == RECORD and folder.is_file()):
            return folder
    return None


def _record(run: str) -> Mapping[str, Any]:
    folder = _folder(run)
    if folder is None:
        if _is_published(run):
            raise Unanswered(f"{run} is a published number; it comes second: text4vis compare RUN {run}")
        raise Unanswered(f"there is no run in {readable(run, 400)}; give its folder, which holds {RECORD}")
    with chdir(home()):
        root = home().resolve()
        return as_record(folder.resolve().relative_to(root) if folder.resolve().is_relative_to(root) else folder)


def _published(identity: str) -> Mapping[str, Any]:
    try:
        with chdir(home()):
            return published_row(identity)
    except ValueError as error:
        nowhere = f"there is no run in {readable(identity, 400)}"
        if Path(identity).name != identity or absolute(Path(identity)).exists():
            raise Unanswered(f"{nowhere}; give its folder, which holds {RECORD}") from None
        raise Unanswered(f"{nowhere}, and {error}") from None


def _is_published(identity: str) -> bool:
    try:
        return bool(_published(identity))
    except Unanswered:
        return False


def _print(found: Comparison, changed: Iterable[str]) -> None:
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    console.print(Text(sentence(found), style="bold"))
    for line in found.notes:
        console.print(Text(readable(line, 1000)))
    for line in changed:
        console.print(Text(f"Changed since, {readable(line, 400)}."))
    if found.findings:
        console.print(_table("Causes", _causes(found), ("points", "95 %")))
    for line in untried(found):
        console.print(Text("What is not measured is by:"), Padding(Text(line), (0, 0, 0, 2)), sep="\n")
    if len(found.elsewhere):
        console.print(_table(f"{ELSEWHERE}: points of {_of(found)}", elsewhere(found), ("points",)))
    shown = _numbers(found)
    console.print(_table("Numbers", shown.head(ROWS), shown.columns[2:]))
    _left(console, len(found.numbers), min(ROWS, len(shown)), "number")
    if len(found.differences):
        facts = found.differences
        facts = pd.concat([facts[facts["kind"] != "time"], facts[facts["kind"] == "time"]])
        console.print(_table("What differs", facts.head(2 * ROWS)))
        _left(console, len(facts), 2 * ROWS, "difference")
    if len(found.sides):
        sides = found.sides[["video", "label", "here", "there"]].head(VIDEOS)
        sides = sides.assign(video=[video.rsplit("/", 1)[-1] for video in sides["video"]])
        console.print(_table(f"{counted(len(found.sides), 'video')} right on one side alone", sides))
        _left(console, len(found.sides), VIDEOS, "video")


def _of(found: Comparison) -> str:
    """The metric and data of what is known elsewhere."""
    return listed(found.elsewhere["metric"].unique()) + " on " + listed(found.elsewhere["data"].unique())


def _left(console: Console, count: int, shown: int, thing: str) -> None:
    if count > shown:
        console.print(Text(f"  and {counted(count - shown, thing)} more: see --json or --page"))


def _causes(found: Comparison) -> pd.DataFrame:
    """Causes as texts; in brackets those of which nobody knows whether they are otherwise."""
    table = causes(found)
    points = ["?" if pd.isna(each) else f"{each:+.1f}" for each in table["effect"]]
    ends = [
        "" if pd.isna(low) else f"{low:+.1f} {high:+.1f}" for low, high in zip(table["low"], table["high"], strict=True)
    ]
    named = [cause if sure else f"({cause})" for cause, sure in zip(table["cause"], table["sure"], strict=True)]
    return pd.DataFrame({"cause": named, "points": points, "95 %": ends, "what": table["what"]})


def _numbers(found: Comparison) -> pd.DataFrame:
    table = numbers(found)
    if "half" in found.numbers and found.numbers["half"].isna().any():
        table = table[found.numbers["half"].isna()]
    shown = {name: [_number(value, DIGITS.get(name, ".1f")) for value in table[name]] for name in table.columns[2:]}
    ends = [f"{low} {high}" if low else "" for low, high in zip(shown.pop("low"), shown.pop("high"), strict=True)]
    told = table[["number", "metric"]].assign(**{"here": shown["here"], "there": shown["there"]})
    return told.assign(**{"points": shown["difference"], "95 %": ends, "p": shown["p"], "videos": shown["videos"]})


def _number(value: Any, digits: str) -> str:
    return "" if pd.isna(value) else format(float(value), digits)


def _table(title: str, frame: pd.DataFrame, right: Iterable[str] = ()) -> Table:
    table = Table(
        title=Text(title, style="bold"), title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1)
    )
    numeric = {*right}
    for name in frame:
        is_number = name in numeric
        table.add_column(Text(str(name)), justify="right" if is_number else "left", no_wrap=is_number, overflow="fold")
    for row in frame.itertuples(index=False):
        table.add_row(*(Text(readable(value, 200)) for value in row))
    return table


def _page(found: Comparison, changed: Iterable[str]) -> str:
    """A page with the same, which needs nothing beside it."""
    lines = [*found.notes, *(f"Changed since, {line}." for line in changed), *untried(found)]
    told = "".join(f"<p>{html.escape(readable(line, 1000))}</p>" for line in lines)
    shown = [(causes(found), "Causes: effects in points of the number here."), (numbers(found), "Numbers in percent.")]
    if len(found.elsewhere):
        shown.append((elsewhere(found), f"{ELSEWHERE}: points of {_of(found)}."))
    shown += [(found.differences, "What differs."), (found.sides, "Videos that are right on one side alone.")]
    body = "".join(tables.show(frame, caption)._repr_html_() for frame, caption in shown if len(frame))
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    head += f"<title>Why a number differs</title>{LOOK}"
    main = f"<main><h1>{html.escape(sentence(found))}</h1>{told}{body}</main>"
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{main}</body></html>'

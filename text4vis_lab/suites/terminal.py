"""`make watch`: every run of a suite in a terminal, until the suite has ended; where it is piped, a line a change."""

import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO

from ..shell import command
from ._activity import duration
from .reading import Suite
from .states import DONE, FAILED, QUEUED, RUNNING, STOPPED, WAITING, Board, State, board

if TYPE_CHECKING:
    from rich.console import Console

SECONDS = 1.0  # between two looks
# A sign beside the word, so that nothing rests on the colour.
LOOKS = {
    QUEUED: ("·", "dim"),
    WAITING: ("…", "yellow"),
    RUNNING: ("▶", "bold cyan"),
    STOPPED: ("■", "bold yellow"),
    FAILED: ("✗", "bold red"),
    DONE: ("✓", "green"),
}


def watch(suite: Suite, stream: TextIO | None = None, pause: Callable[[float], None] = time.sleep) -> Board:
    """Show a suite until nobody runs it any more; what was known last is returned.

    Args:
        suite: which.
        stream: where to; standard output when None. Another than a terminal gets plain lines.
        pause: between two looks.
    """
    from rich.console import Console
    from rich.live import Live

    console = Console(file=stream or sys.stdout)
    known = board(suite)
    if not console.is_terminal:
        return _tell_changes(known, console, pause)
    with Live(picture(known), console=console, auto_refresh=False, vertical_overflow="visible") as live:
        while known.goes_on:
            pause(SECONDS)
            known = board(suite)
            live.update(picture(known), refresh=True)
    console.print(_last_words(known), markup=False, highlight=False)
    return known


def picture(known: Board) -> Any:
    """A board as a table of rich: a line for each run, and one beneath for what is to be read of it."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=f"{known.suite.name} {escape(known.headline)}", title_justify="left", box=None, expand=True)
    table.add_column("run", no_wrap=True, overflow="ellipsis", max_width=28)
    table.add_column("", no_wrap=True, width=9)
    table.add_column("", width=16)
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("", ratio=1, overflow="fold")
    for state in known.states:
        sign, style = LOOKS[state.state]
        bar = _bar(state.share) if state.share is not None else ""
        table.add_row(
            escape(state.run.name), f"[{style}]{sign} {state.state}[/]", bar, times(state), escape(state.doing)
        )
    return table


def _bar(share: float) -> Any:
    from rich.progress_bar import ProgressBar

    return ProgressBar(total=1.0, completed=share, width=16, complete_style="cyan", finished_style="cyan")


def times(state: State) -> str:
    """How long a run took, or has taken and has still before it, in words; empty where nobody knows."""
    if state.state in (RUNNING, WAITING):
        taken = duration(state.seconds)
        return taken if state.left is None else f"{taken}, ~{duration(state.left)} left"
    if state.earlier:
        return "earlier"
    return duration(state.seconds) if state.seconds else ""


def _tell_changes(known: Board, console: "Console", pause: Callable[[float], None]) -> Board:
    """A line for each run, then one for each change of its state; nothing that moves."""
    told: dict[str, str] = {}
    while True:
        for state in known.states:
            if told.get(state.run.name) != state.state:
                told[state.run.name] = state.state
                facts = ", ".join(filter(None, [times(state), state.doing]))
                text = f"{state.run.name}: {state.state}" + (f" ({facts})" if facts else "")
                console.print(text, markup=False, highlight=False, soft_wrap=True)
        if not known.goes_on:
            console.print(_last_words(known), markup=False, highlight=False, soft_wrap=True)
            return known
        pause(SECONDS)
        known = board(known.suite)


def _last_words(known: Board) -> str:
    remedy = f"; {command(['make', 'book', f'SUITE={known.suite.path}'])} takes it up" if not known.ended else ""
    failed = [
        f"\n{s.run.name} failed: {s.doing}{os.linesep}    see {s.run.executed}"
        for s in known.states
        if s.state == FAILED
    ]
    return f"Suite {known.suite.name} {known.headline}{remedy}" + "".join(failed)

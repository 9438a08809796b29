"""`runs/board.html`: every run of the suites that go on, as a page that reads itself again; no server, no request."""

import contextlib
import html
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from text4vis_core.files import replacing

from ..progress import signs_of_life
from .reading import Suite
from .states import Board, State, board, going_on, note_start
from .terminal import LOOKS, times

PAGE = Path("runs", "board.html")
AGAIN = 3  # seconds after which the page reads itself again
STYLE = """
:root { color-scheme: light dark; --ink: #1b2733; --quiet: #55636f; --paper: #fff; --card: #f5f7f9; --line: #d5dce2;
  --queued: #55636f; --waiting: #7a5200; --running: #0b5fa5; --stopped: #7a5200; --failed: #a3192c; --done: #17693a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4eaef; --quiet: #a3b1bd; --paper: #12181e; --card: #1b232b;
  --line: #33404c; --queued: #a3b1bd; --waiting: #f0b849; --running: #6cb6ff; --stopped: #f0b849; --failed: #ff8a93;
  --done: #62cf8e; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 1rem; font: 1rem/1.45 system-ui, sans-serif; color: var(--ink);
  background: var(--paper); overflow-wrap: anywhere; }
h1 { margin: 0 0 .25rem; font-size: 1.5rem; } h2 { margin: 1.5rem 0 0; font-size: 1.2rem; }
p { margin: .25rem 0; } .quiet, time { color: var(--quiet); }
#silent { display: none; padding: .5rem .75rem; border: 2px solid var(--stopped); border-radius: .4rem; }
ul { list-style: none; margin: .75rem 0; padding: 0; border-top: 1px solid var(--line); }
li { display: grid; grid-template-columns: minmax(8rem, 15rem) 7rem 1fr auto; gap: .1rem 1rem; padding: .5rem .25rem;
  border-bottom: 1px solid var(--line); align-items: baseline; }
li.running, li.waiting { background: var(--card); }
.doing { grid-column: 1 / -1; font-size: .93rem; }
progress { width: 100%; height: .7rem; accent-color: var(--running); }
.time { text-align: right; color: var(--quiet); font-variant-numeric: tabular-nums; }
.state { font-weight: 600; } a { color: var(--running); }
@media (max-width: 40rem) { li { grid-template-columns: 1fr auto; } .state, .time { text-align: right; }
  .bar { grid-column: 1 / -1; } .bar:empty { display: none; } .time { grid-column: 1 / -1; text-align: left; }
  .time:empty { display: none; } }
"""
# Where nobody writes the page any more, it says so by itself.
SCRIPT = """
const silent = Date.now() / 1000 - Number(document.body.dataset.written);
if (document.body.dataset.live && silent > 60) document.getElementById("silent").style.display = "block";
"""


@contextlib.contextmanager
def shown(suite: Suite) -> Iterator[None]:
    """Keep `runs/board.html` as things are until the block ends, and give signs of life of the suite meanwhile."""
    note_start(suite)
    write_page(suite)
    with signs_of_life(suite.lock, lambda: write_page(suite)):
        yield
    write_page(suite, last=True)


def write_page(suite: Suite, last: bool = False) -> None:
    """Write the page of a suite and of those that go on beside it.

    Args:
        suite: which.
        last: whether the suite has ended.
    """
    with contextlib.suppress(OSError):  # a full disk ends what matters with a word of its own
        boards = [board(each) for each in going_on(suite)]
        if last:  # this process is still there, and runs nothing any more
            boards[0] = replace(boards[0], goes_on=False)
        text = page(boards, live=any(known.goes_on for known in boards))
        with replacing(PAGE) as temporary:
            temporary.write_text(text, encoding="utf-8")


def page(boards: Sequence[Board], live: bool = True) -> str:
    """The page.

    Args:
        boards: what is known of each suite.
        live: whether it will be written again, and is to read itself again.
    """
    written = max(known.written for known in boards)
    again = f'<meta http-equiv="refresh" content="{AGAIN}">' if live else ""
    title = " · ".join(f"{known.suite.name} {known.headline}" for known in boards)
    clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(written))
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">{again}'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style></head>\n"
        f'<body data-written="{written:.0f}" data-live="{"1" if live else ""}"><main><h1>Runs</h1>\n'
        f'<p class="quiet">As of <time>{clock}</time>{"" if live else ", when the suite ended"}.</p>\n'
        '<p id="silent" role="status">Nobody has written this page for over a minute: what runs the suite was killed, '
        "or its machine is gone. <code>make book</code> takes it up. Below is what was known last.</p>\n"
        + "".join(map(_section, boards))
        + f"</main><script>{SCRIPT}</script></body></html>\n"
    )


def _section(known: Board) -> str:
    suite = known.suite
    finished = sum(state.state in ("done", "failed") for state in known.states)
    return (
        f'<section><h2>{html.escape(suite.name)}</h2><p class="quiet">{html.escape(suite.description)}</p>\n'
        f'<p>{html.escape(known.headline)}</p><progress max="{len(known.states)}" value="{finished}" '
        f'aria-label="runs that have ended">{finished} of {len(known.states)}</progress>\n'
        f"<ul>\n{''.join(map(_item, known.states))}</ul></section>\n"
    )


def _item(state: State) -> str:
    run, (sign, _) = state.run, LOOKS[state.state]
    bar = ""
    if state.share is not None:
        percent = f"{100 * state.share:.0f}"
        bar = f'<progress max="100" value="{percent}" aria-label="{html.escape(run.name)}">{percent} %</progress>'
    files = {"log": run.log, "notebook": run.executed}
    links = [
        f'<a href="{quote(path.relative_to("runs").as_posix())}">{name}</a>'
        for name, path in files.items()
        if state.state != "queued" and path.exists()
    ]
    doing = " ".join(filter(None, [html.escape(state.doing), " ".join(links)]))
    return (
        f'<li class="{state.state}"><span>{html.escape(run.name)}</span>'
        f'<span class="state" style="color: var(--{state.state})">{sign} {state.state}</span>'
        f'<span class="bar">{bar}</span><span class="time">{times(state)}</span>'
        + (f'<span class="doing">{doing}</span>' if doing else "")
        + "</li>\n"
    )

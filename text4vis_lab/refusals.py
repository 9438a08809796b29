"""How an error meets the reader of a notebook: what is wrong and what to do about it, and the traceback folded.

`Lab.open` sets it up. The kernel still says that the cell failed, with the error's type and words, so that papermill
and tests see what they always saw; a run's log holds the traceback.
"""

import html
import linecache
import re
import sys
import traceback
from types import TracebackType
from typing import Any

from text4vis_core.data.reading import VideoError

OWN = ("text4vis_core", "text4vis_lab")
# How the second half of the project's messages begins, which says what to do.
DO = (
    "add|check|choose|close|correct|did|expected|free|give|install|it must|keep|leave|list|make|name(?! [0-9])|play|put"
    "|remove|run|say|set|shorten|take|tell|try|use|wait|write"
)
SPLIT = re.compile(rf"[;:] (?=(?:{DO})\b)|\. (?=(?:Give|Load|Put|Set|Use)\b)")
PLAY = "play it to see whether it is whole, and make an MP4 of it (ffmpeg -i IN OUT.mp4)"
CORRECT = "correct it in the cell of parameters, run that cell, and then this one again"


def in_two_lines(error: BaseException) -> tuple[str, str]:
    """What is wrong, and what to do about it, each in a line.

    The project's own messages are a sentence that says both. Of others, which say only the first, the second is the
    line of the notebook that led to them.
    """
    text = " ".join(str(error).split())
    if not (text and _is_own(error)):
        what = f"{type(error).__name__}: {text}" if text else type(error).__name__
        return what, _line_of_notebook(error.__traceback__) or "what led to it is folded below"
    what, *remedy = SPLIT.split(text, maxsplit=1)
    if not remedy:
        what, *remedy = text.split("; ", 1)
    if remedy:
        return what, remedy[0]
    if re.match(r"(unknown )?parameter ", text):
        return what, CORRECT
    if isinstance(error, OSError) or text.endswith("no such file or folder"):
        return what, "give the path of something that is there; paths begin at the project's folder"
    if isinstance(error, VideoError):
        return what, PLAY
    return what, "the way to it is folded below"


def set_up() -> None:
    """From now on the running notebook's errors are shown so; outside of a notebook nothing changes."""
    if "IPython" not in sys.modules:
        return
    from IPython import get_ipython

    shell = get_ipython()
    if shell is not None and hasattr(shell, "kernel"):
        shell.set_custom_exc((Exception,), _show)


def _show(
    shell: Any, kind: type, error: BaseException, trace: TracebackType, tb_offset: int | None = None
) -> list[str]:
    what, remedy = in_two_lines(error)
    lines = [f"\x1b[1m{what}\x1b[0m", remedy]
    shell._showtraceback(kind, error, lines)  # IPython's way to say that a cell failed; it has no public name
    whole = "".join(traceback.format_exception(kind, error, trace.tb_next or trace))  # without IPython's own frame
    folded = f"<details><summary>Traceback</summary><pre>{html.escape(whole)}</pre></details>"
    shell.display_pub.publish({"text/plain": whole, "text/html": folded})
    return lines


def _is_own(error: BaseException) -> bool:
    """Whether the project raised it, and not a library that it called."""
    if type(error).__module__.startswith(OWN):
        return True
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and str(frames[-1].f_globals.get("__name__")).startswith(OWN)


def _line_of_notebook(trace: TracebackType | None) -> str:
    """The last line of a cell among those that led to an error, with its number."""
    lines = [
        (frame, number) for frame, number in traceback.walk_tb(trace) if frame.f_globals.get("__name__") == "__main__"
    ]
    if not lines:
        return ""
    frame, number = lines[-1]
    text = linecache.getline(frame.f_code.co_filename, number).strip()
    return f"line {number} of the cell: {text}" if text else ""

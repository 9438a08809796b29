"""What a notebook found, as its reader sees it: a box in a notebook and in the book, lines in a terminal."""

import contextlib
import html
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .plain import readable

BEGIN = "Answer: "  # of each sentence as text
LONGEST = 4000  # characters of a sentence, or of a paragraph


@dataclass(frozen=True)
class Answer:
    """Sentences that answer a notebook's question; the first stands out.

    Attributes:
        sentences: plain text, each computed from the numbers of the run; what does not print in it is shown escaped.
    """

    sentences: Sequence[str]

    def __post_init__(self):
        object.__setattr__(self, "sentences", tuple(readable(each, LONGEST) for each in self.sentences))

    def __repr__(self) -> str:
        return "\n".join(BEGIN + sentence for sentence in self.sentences)

    def _repr_html_(self) -> str:
        first, *others = map(html.escape, self.sentences)
        rest = "".join(f"<p>{sentence}</p>" for sentence in others)
        return f'<div class="answer"><p><strong>{first}</strong></p>{rest}</div>'


@dataclass(frozen=True)
class Reading:
    """A paragraph that reads a figure, computed from its numbers.

    Attributes:
        text: plain text; what does not print in it is shown escaped.
    """

    text: str

    def __post_init__(self):
        object.__setattr__(self, "text", readable(self.text, LONGEST))

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return f'<p class="reading">{html.escape(self.text)}</p>'


def say(answer: Answer) -> None:
    """Write an answer to the terminal where papermill waits for this notebook; elsewhere do nothing.

    What a notebook prints goes to its pages. Its kernel has kept the terminal that papermill has, under the number
    that its standard output gives; in JupyterLab that is the server's, whose user looks at the page.
    """
    if not of_papermill(os.getppid()):
        return
    with contextlib.suppress(OSError, ValueError):  # closed, or none
        place = sys.stdout.fileno()
        over_the_bar = "\r\x1b[K" if os.isatty(place) else "\n"
        os.write(place, f"{over_the_bar}{answer!r}\n".encode(errors="backslashreplace"))


def answer_in(notebook: str | Path) -> list[str]:
    """The sentences of an executed notebook's answer, the output of its cell tagged `answer`; empty without one."""
    try:
        cells = json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]
        outputs = [
            "".join(output.get("data", {}).get("text/plain", ""))
            for cell in cells
            if "answer" in cell["metadata"].get("tags", [])
            for output in cell.get("outputs", [])
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
    found = next((text for text in outputs if text.startswith(BEGIN)), "")
    return [line.removeprefix(BEGIN) for line in found.splitlines()]


def of_papermill(process: int) -> bool:
    """Whether a process is the command papermill."""
    import psutil

    try:
        words = psutil.Process(process).cmdline()[:4]
    except psutil.Error:
        return False
    return any(Path(word).stem == "papermill" for word in words)

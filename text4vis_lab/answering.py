"""What a notebook found, as its reader sees it: a box in a notebook and in the book, lines in a terminal."""

import html
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """Sentences that answer a notebook's question; the first stands out.

    Attributes:
        sentences: plain text, each computed from the numbers of the run.
    """

    sentences: Sequence[str]

    def __repr__(self) -> str:
        return "\n".join(f"Answer: {sentence}" for sentence in self.sentences)

    def _repr_html_(self) -> str:
        first, *others = map(html.escape, self.sentences)
        rest = "".join(f"<p>{sentence}</p>" for sentence in others)
        return f'<div class="answer"><p><strong>{first}</strong></p>{rest}</div>'


@dataclass(frozen=True)
class Reading:
    """A paragraph that reads a figure, computed from its numbers.

    Attributes:
        text: plain text.
    """

    text: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return f'<p class="reading">{html.escape(self.text)}</p>'

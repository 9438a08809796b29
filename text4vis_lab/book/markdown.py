"""Markdown made of texts that others wrote: what is text stays text."""

import re
import sys

from ..plain import readable


def escaped(text: str) -> str:
    """The text such that Markdown shows it as it stands, in a cell of a table too."""
    one_line = readable(re.sub(r"[^\S\N{NO-BREAK SPACE}]+", " ", text), 1000)
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", one_line)


def fenced(text: str, language: str = "text", longest: int = 4000) -> str:
    """The text as a literal block that nothing in it can end.

    Args:
        language: by which it is coloured.
        longest: characters of a line; of longer ones the middle is left out.
    """
    text = "\n".join(readable(line, longest) for line in text.splitlines())
    fence = _longer("`", text)
    return f"{fence}{language}\n{text}\n{fence}"


def shell(*commands: str) -> str:
    """Commands, each in a line, as a block that holds them whole."""
    return fenced("\n".join(commands), "sh", sys.maxsize)


def literal(text: object) -> str:
    """The text within a line, as code that nothing in it can end."""
    shown = readable(text, 1000)
    fence = _longer("`", shown, 1)
    return f"{fence} {shown} {fence}"  # the two spaces belong to the mark


def box(head: str, body: str) -> str:
    """A directive around Markdown that nothing in it can end, be it a fence of colons within.

    Args:
        head: name in braces, title and options in lines of their own.
    """
    fence = _longer(":", body)
    return f"{fence}{head}\n{body}\n{fence}"


def _longer(mark: str, text: str, least: int = 3) -> str:
    """So many marks that the text does not hold as many in a row."""
    return mark * max(least, 1 + max(map(len, re.findall(f"{mark}+", text)), default=0))


def filled(markdown: str, blocks: dict[str, str]) -> str:
    """The page with each comment line `% name` replaced by the block of that name."""
    names = "|".join(map(re.escape, blocks))
    return re.sub(rf"^% ({names})$", lambda line: blocks[line[1]], markdown, flags=re.MULTILINE)


def title_of(markdown: str) -> str:
    """The first heading of a page; empty when it has none."""
    heading = re.search(r"^# (.+)$", markdown, re.MULTILINE)
    return heading.group(1).strip() if heading else ""


def retitled(markdown: str, title: str) -> str:
    """The page with another first heading."""
    return re.sub(r"^# .+$", lambda _: f"# {title}", markdown, count=1, flags=re.MULTILINE)

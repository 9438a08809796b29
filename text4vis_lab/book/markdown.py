"""Markdown made of texts that others wrote: what is text stays text."""

import re

from ..plain import readable


def escaped(text: str) -> str:
    """The text such that Markdown shows it as it stands, in a cell of a table too."""
    one_line = readable(re.sub(r"[^\S\N{NO-BREAK SPACE}]+", " ", text), 1000)
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", one_line)


def fenced(text: str, language: str = "text") -> str:
    """The text as a literal block that nothing in it can end."""
    text = "\n".join(readable(line, 4000) for line in text.splitlines())
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"


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

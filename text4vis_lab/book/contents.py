"""The contents of a book: which chapters there are, in which parts, and what each is called."""

import copy
import json
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from ..plain import readable
from ..suites import Run
from .markdown import title_of

PART = "Experiments"  # of a run whose suite names none
LONGEST = 400  # characters of a title


def titles(runs: Sequence[Run]) -> dict[str, str]:
    """Run's name -> its title: the suite's, or else its notebook's, with the run's name where that is not its own."""
    found = {run.name: run.title or notebook_title(run.source) or run.name for run in runs}
    times = Counter(found.values())
    own = {name: title if times[title] == 1 else f"{title} ({name})" for name, title in found.items()}
    return {name: readable(title, LONGEST) for name, title in own.items()}


def notebook_title(path: Path) -> str:
    """The first heading of a notebook; empty when it has none."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return title_of("\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"))


def chapters(runs: Sequence[Run], titled: dict[str, str]) -> list[dict[str, Any]]:
    """The parts that runs are in, as a table of contents has them: numbered, in the order of the suite."""
    parts: dict[str, list[dict[str, str]]] = {}
    for run in runs:
        parts.setdefault(readable(run.part or PART, LONGEST), []).append(
            {"file": f"runs/{run.name}", "title": titled[run.name]}
        )
    return [{"caption": part, "numbered": 1, "chapters": entries} for part, entries in parts.items()]


def of_pages(toc: dict[str, Any], pages: Collection[str]) -> dict[str, Any]:
    """The table of contents without the files that are not among the pages."""
    parts = [
        {**part, "chapters": [entry for entry in part["chapters"] if f"{entry['file']}.md" in pages]}
        for part in toc["parts"]
    ]
    return toc | {"parts": [part for part in parts if part["chapters"]]}


def with_parts(toc: dict[str, Any], first: list[dict[str, Any]], bench: dict[str, str] | None) -> dict[str, Any]:
    """The book's table of contents with the runs' parts before the others, and the machine's before the reference."""
    toc = copy.deepcopy(toc)
    if bench is not None:
        reference = [part["caption"] for part in toc["parts"]].index("Reference")
        toc["parts"].insert(reference, {"caption": "The machine", "chapters": [bench]})
    return toc | {"parts": [*first, *toc["parts"]]}


def with_rooms(toc: dict[str, Any], pages: Sequence[str]) -> dict[str, Any]:
    """The table of contents with the pages of the reference below the one that lists them."""
    sections = [{"file": page.removesuffix(".md")} for page in pages]
    for part in toc["parts"]:
        part["chapters"] = [
            {**entry, "sections": sections} if entry["file"] == "api" else entry for entry in part["chapters"]
        ]
    return toc

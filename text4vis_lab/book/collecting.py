"""Everything that Jupyter Book is given: pages of the project, chapters of a suite's runs, a landing page, contents."""

import json
import tempfile
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from .. import structure
from ..records import RECORD, read_record
from ..suites import Run, Suite, disagreement, read_attempt, read_suite
from . import contents
from .chapters import chapter
from .gpu_hours import gpu_hours
from .landing import Done, landing, make_book
from .markdown import box, escaped, fenced, filled, literal, shell
from .on_gpu import on_gpu
from .rooms import rooms

BOOK = Path("book")
BUILD = BOOK / "_build"
BENCH = Path("experiments/bench.yaml")  # what measures the machine, beside every suite
UNREAD = ("build.py", "__pycache__")
ABOUT_PACKAGES = ("api.md", "contributing/")
OWN = "own.md"  # the landing page of a book that is not about the paper


def collect(suite: Suite) -> dict[str, bytes]:
    """Path below the source folder -> content.

    Raises:
        SuiteError: an executed notebook cannot be read, or `attempt.json` is damaged.
    """
    pages = {
        path.relative_to(BOOK).as_posix(): path.read_bytes()
        for path in sorted(BOOK.rglob("*"))
        if path.is_file() and not {*UNREAD} & {*path.parts} and BUILD not in path.parents
    }
    own = pages.pop(OWN)
    toc = yaml.safe_load(pages["_toc.yml"])
    if not suite.reference:
        pages["index.md"] = own
        pages = {name: content for name, content in pages.items() if not name.startswith(ABOUT_PACKAGES)}
        toc = contents.of_pages(toc, pages)
    titled = contents.titles(suite.runs)
    done, missing = [], []
    for run in suite.runs:
        record = _chapter_of(run, titled[run.name], pages)
        if record is not None:
            done.append(Done(run, titled[run.name], record))
        elif f"runs/{run.name}.ipynb" not in pages:
            pages[f"runs/{run.name}.md"] = _missing_page(run, suite, titled[run.name]).encode()
            missing.append(f"- [{escaped(titled[run.name])}](runs/{run.name}.md)")
    bench = None if suite.path == BENCH or not BENCH.exists() else _newest(read_suite(BENCH))
    about = None
    if bench is not None:
        about = {"file": f"machine/{bench.name}", "title": contents.titles([bench])[bench.name]}
        _chapter_of(bench, about["title"], pages, "machine")
    blocks, files, told = landing(suite, done)
    blocks["chapters"] = _listed(contents.chapters(suite.runs, titled), pages)
    pages |= files | {"_told.txt": told.encode()}
    blocks["missing"] = _missing_note(missing) if missing else ""
    pages["index.md"] = filled(pages["index.md"].decode(), blocks).encode()
    measured = {"gpu records": on_gpu(), "gpu hours": gpu_hours()}
    for name in ("howto/on_a_gpu.md", "howto/paper_scale.md"):
        pages[name] = filled(pages[name].decode(), measured).encode()
    if suite.reference:
        pages |= rooms(pages["api.md"].decode()) | {"contributing/structure.svg": _structure()}
    toc = contents.with_parts(toc, contents.chapters(suite.runs, titled), about)
    toc = contents.with_rooms(toc, sorted(name for name in pages if name.startswith("api/")))
    pages["_sources.json"] = json.dumps(_sources(suite, pages)).encode()
    pages["_toc.yml"] = yaml.safe_dump(toc, sort_keys=False, allow_unicode=True).encode()
    return pages


def _chapter_of(run: Run, title: str, pages: dict[str, bytes], folder: str = "runs") -> dict[str, Any] | None:
    """Put a run that ended well among the pages; its record, or None where there is none."""
    attempt = read_attempt(run)
    if not _is_done(run):
        return None
    record = read_record(run.directory / RECORD) if (run.directory / RECORD).exists() else None
    for name, content in chapter(run, title, attempt, record).items():
        pages[f"{folder}/{name.removeprefix('runs/')}"] = content
    if record is not None:
        pages[f"{folder}/{run.name}.{RECORD}"] = (run.directory / RECORD).read_bytes()
    return record


def _newest(suite: Suite) -> Run | None:
    """The run that ended last, of those that ended well; None when there is none."""
    return max(filter(_is_done, suite.runs), key=lambda run: run.attempt.stat().st_mtime, default=None)


def _is_done(run: Run) -> bool:
    """Whether a run ended well, and all that it left is there and agrees."""
    return read_attempt(run)["status"] == "ok" and run.executed.exists() and not disagreement(run)


def _listed(parts: Sequence[dict[str, Any]], pages: dict[str, bytes]) -> str:
    """Every chapter by its number, in parts."""
    lines, numbers = [], count(1)
    for part in parts:
        lines += [f"\n**{escaped(part['caption'])}**\n"]
        for entry in part["chapters"]:
            ending = "ipynb" if f"{entry['file']}.ipynb" in pages else "md"
            lines.append(f"{next(numbers)}. [{escaped(entry['title'])}]({entry['file']}.{ending})")
    return "\n".join(lines)


def _sources(suite: Suite, pages: dict[str, bytes]) -> dict[str, str]:
    """Page -> the file of the repository that it is made of."""
    prose = [name for name in pages if name.endswith(".md") and (BOOK / name).exists()]
    notebooks = {f"runs/{run.name}": run.source.as_posix() for run in suite.runs}
    return {name.removesuffix(".md"): (BOOK / name).as_posix() for name in prose} | notebooks


def _structure() -> bytes:
    """The picture of the packages' imports."""
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder, "structure.svg")
        structure.draw(structure.read_structure(), picture)
        return picture.read_bytes()


def _missing_page(run: Run, suite: Suite, title: str) -> str:
    error, why = read_attempt(run)["error"], disagreement(run)
    reason = f"It failed:\n\n{fenced(error)}" if error else "It has not run to its end."
    reason = f"It does not count:\n\n{fenced(why)}" if why else reason
    where = f"\n\nHow far it came is in {literal(run.executed)}, the log in {literal(run.log)}."
    told = f"The run {literal(run.name)} is not in this book. {reason}{where if run.executed.exists() else ''}"
    missing = box("{admonition} This run is missing\n:class: danger", told)
    again = f"To try again, in the root of the repository:\n\n{shell(make_book(suite))}"
    return f"# {escaped(title)}\n\n{missing}\n\n{again}\n"


def _missing_note(missing: list[str]) -> str:
    items = "\n".join(missing)
    head = "{admonition} Not every run is here\n:class: warning"
    return box(head, f"These failed, have not run, or do not count:\n\n{items}")

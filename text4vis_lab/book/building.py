"""Building the book: Jupyter Book is given what was collected, and what all pages share is put beside them.

It is built in a folder of its own, which takes the place of the last one when it is whole. Of two processes that build
at once the second waits for the first.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
from contextlib import ExitStack
from pathlib import Path

from ..plain import readable
from ..suites import SuiteError, disagreement, read_attempt, read_suite, summary
from ..surroundings import holder, take, wait_for
from .charts import javascript
from .collecting import BUILD, collect

ROOT = Path(__file__).resolve().parents[2]  # where the packages lie
SOURCE = BUILD / "source"
HTML = BUILD / "html"
INDEX = HTML / "index.html"
STAMP = BUILD / "built.sha256"
LOCK, NEXT = BUILD / ".lock", BUILD / "next"


def main(suite_file: str) -> int:
    """Build the book of a suite unless it is up to date; the exit status.

    The path of the index page is printed last. A warning is an error; a run that failed or is missing is a page that
    says so. Another process that builds a book here is waited for.
    """
    with ExitStack() as held:
        try:
            lock = take(LOCK)
            if lock is None:
                print(f"waiting for {holder(LOCK)}, which builds a book here already", flush=True)
                lock = wait_for(LOCK)
            held.callback(os.close, lock)
            return _build(suite_file)
        except SuiteError as error:
            print(f"error: {readable(error, 4000)}", file=sys.stderr)
        except OSError as error:
            print(f"error: {readable(error, 400)}; the last book is kept: see to it, and build again", file=sys.stderr)
    return 1


def _build(suite_file: str) -> int:
    suite = read_suite(suite_file)
    pages = collect(suite)
    if any(read_attempt(run)["status"] != "ok" or disagreement(run) for run in suite.runs):
        print(summary(suite))
    fingerprint = _fingerprint(pages)
    if not (INDEX.exists() and STAMP.exists() and STAMP.read_text() == fingerprint):
        print("Building the book ...", flush=True)
        status = build(pages)
        if status != 0:
            print("error: the book was not built without warnings (see above)", file=sys.stderr)
            return status
        STAMP.write_text(fingerprint)
    print(INDEX.resolve())
    return 0


def build(pages: dict[str, bytes]) -> int:
    """Build from nothing, beside the book that was built before: Sphinx repeats no warning for a page it has seen.

    Only a book without warnings takes the place of the last one, which a reader may have open. Of one with warnings
    there are no pages, and what it was to be made of stays in `book/_build/next`.

    Args:
        pages: of `collect`.

    Returns:
        The exit status of Jupyter Book.
    """
    shutil.rmtree(NEXT, ignore_errors=True)
    source = NEXT / SOURCE.name
    for name, content in pages.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    jupyter_book = Path(sysconfig.get_path("scripts"), "jupyter-book")
    command = [str(jupyter_book), "build", str(source), "--path-output", str(NEXT), "-W", "--keep-going", "-q"]
    command += ["-n"] if "api.md" in pages else []  # else names of the packages have no page to link to
    # autodoc documents this checkout, whatever else is installed
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])}
    status = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False).returncode
    if status == 0:
        html = NEXT / BUILD.name / HTML.name
        _finish(html / "_static")
        STAMP.unlink(missing_ok=True)
        for new, old in ((source, SOURCE), (html, HTML)):
            shutil.rmtree(old, ignore_errors=True)
            new.rename(old)
    shutil.rmtree(NEXT if status == 0 else NEXT / BUILD.name, ignore_errors=True)
    return status


def _finish(static: Path) -> None:
    """Add what Jupyter Book would load on every page, and remove what only developers of its theme open."""
    (static / "vega.js").write_text(javascript(), encoding="utf-8")
    for path in static.rglob("*.map"):
        path.unlink()


def _fingerprint(pages: dict[str, bytes]) -> str:
    """Changes whenever the book may: its pages, modules and notebooks that it describes, the libraries."""
    digest = hashlib.sha256()
    modules = sorted(path for package in ("text4vis_core", "text4vis_lab") for path in (ROOT / package).rglob("*.py"))
    others = [Path("requirements.lock"), *sorted(Path("notebooks").glob("*.ipynb")), *modules]
    for name, content in [*sorted(pages.items()), *((str(path), path.read_bytes()) for path in others)]:
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()

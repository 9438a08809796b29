"""Builds the book of a suite's runs: python book/build.py experiments/miniature.yaml

Puts together book/_build/source (the pages of book/, the executed notebooks, a table of contents), gives it to Jupyter
Book and prints the path of the index page. A warning is an error; a run that failed or is missing is a page that says
so. When nothing changed since the last build that succeeded, nothing is built.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import yaml

from text4vis_core.suites import Run, Suite, SuiteError, read_attempt, read_suite, summary

BOOK = Path("book")
BUILD = BOOK / "_build"
SOURCE = BUILD / "source"
INDEX = BUILD / "html" / "index.html"
STAMP = BUILD / "built.sha256"
WIDGET = "application/vnd.jupyter.widget-view+json"


def main(suite_file: str) -> int:
    """Build the book of a suite unless it is up to date; the exit status."""
    try:
        suite = read_suite(suite_file)
        pages = collect(suite)
    except SuiteError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if any(read_attempt(run)["status"] != "ok" for run in suite.runs):
        print(summary(suite))
    fingerprint = _fingerprint(pages)
    if not (INDEX.exists() and STAMP.exists() and STAMP.read_text() == fingerprint):
        print("Building the book ...", flush=True)
        status = _build(pages)
        if status != 0:
            print("error: the book was not built without warnings (see above)", file=sys.stderr)
            return status
        STAMP.write_text(fingerprint)
    print(INDEX.resolve())
    return 0


def collect(suite: Suite) -> dict[str, bytes]:
    """Everything Jupyter Book is given: path below the source folder -> content.

    Raises SuiteError when an executed notebook cannot be read.
    """
    pages = {
        path.relative_to(BOOK).as_posix(): path.read_bytes()
        for path in sorted(BOOK.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and BUILD not in path.parents
    }
    del pages["build.py"]
    toc = yaml.safe_load(pages["_toc.yml"])
    experiments = next(part for part in toc["parts"] if part["caption"] == "Experiments")
    missing = []
    for run in suite.runs:
        attempt = read_attempt(run)
        title = _title(run, shared=sum(other.notebook == run.notebook for other in suite.runs) > 1)
        if attempt["status"] == "ok" and run.executed.exists():
            pages[f"runs/{run.name}.ipynb"] = _notebook_page(run, attempt)
            record = run.directory / "result.json"
            if record.exists():
                pages[f"runs/{run.name}.result.json"] = record.read_bytes()
        else:
            pages[f"runs/{run.name}.md"] = _missing_page(run, suite, title, attempt["error"]).encode()
            missing.append(f"- [{title}](runs/{run.name}.md)")
        experiments["chapters"].append({"file": f"runs/{run.name}", "title": title})
    if missing:
        pages["index.md"] = _below_title(pages["index.md"].decode(), _missing_note(missing)).encode()
    pages["_toc.yml"] = yaml.safe_dump(toc, sort_keys=False, allow_unicode=True).encode()
    return pages


def papermill_command(run: Run) -> str:
    """The shell command that executes the notebook as the suite did."""
    words = ["papermill", str(run.source), str(run.executed)]
    for name, value in run.papermill_parameters.items():
        if isinstance(value, str):
            words += ["-r", name, value]
        elif value is None or isinstance(value, (bool, int, float)):
            words += ["-p", name, str(value)]
        else:
            words += ["-y", json.dumps({name: value})]
    return shlex.join(words)


def _notebook_page(run: Run, attempt: dict[str, Any]) -> bytes:
    """The executed notebook, with the command that remakes it below its title, and without widgets."""
    try:
        notebook = json.loads(run.executed.read_text(encoding="utf-8"))
        cells = notebook["cells"]
    except (json.JSONDecodeError, KeyError) as error:
        raise SuiteError(f"{run.executed}: not a notebook ({error}); delete {run.attempt} and run again") from None
    note = _remake_note(run, attempt)
    heading = next((cell for cell in cells if cell["cell_type"] == "markdown"), None)
    if heading is None or not re.search(r"^# ", "".join(heading["source"]), re.MULTILINE):
        cells.insert(0, {"cell_type": "markdown", "metadata": {}, "source": f"# {run.name}\n\n{note}"})
    else:
        heading["source"] = _below_title("".join(heading["source"]), note)
    notebook["metadata"].pop("widgets", None)
    for cell in cells:
        if cell["cell_type"] == "code":
            cell["outputs"] = [_page_output(output) for output in cell["outputs"] if not _is_widget(output)]
    return json.dumps(notebook, sort_keys=True).encode()


def _is_widget(output: dict[str, Any]) -> bool:
    """Whether a kernel is needed to see the output: its other form, if any, is only the widget's Python name."""
    data = output.get("data", {})
    return WIDGET in data and set(data) <= {WIDGET, "text/plain"}


def _page_output(output: dict[str, Any]) -> dict[str, Any]:
    """The output as a terminal would end up showing it: of a line drawn again and again, the last state."""
    output = copy.copy(output)
    if output["output_type"] == "stream":
        output["text"] = re.sub(r"[^\n]*\r(?=[^\r\n])", "", "".join(output["text"]))
    elif WIDGET in output.get("data", {}):
        output["data"] = {kind: value for kind, value in output["data"].items() if kind != WIDGET}
    return output


def _remake_note(run: Run, attempt: dict[str, Any]) -> str:
    lines = [f"Executed in {attempt['seconds']:.0f} s."]
    try:
        record = json.loads((run.directory / "result.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        pass
    except json.JSONDecodeError as error:
        raise SuiteError(f"{run.directory / 'result.json'}: not JSON ({error}); run again") from None
    else:
        provenance = record.get("provenance", {})
        known = [f"{key} `{provenance[key][:12]}`" for key in ("commit", "code") if provenance.get(key)]
        lines.append(", ".join([f"Its numbers: [the run record]({run.name}.result.json)", *known]) + ".")
    return (
        ":::{admonition} This page remakes itself with\n:class: remake\n"
        f"```sh\n{papermill_command(run)}\n```\n{' '.join(lines)}\n:::"
    )


def _missing_page(run: Run, suite: Suite, title: str, error: str) -> str:
    reason = f"It failed:\n\n{_fenced(error)}" if error else "It has not run to its end."
    where = f"\n\nHow far it came is in `{run.executed}`, the log in `{run.log}`." if run.executed.exists() else ""
    again = shlex.join(["make", "book", f"SUITE={suite.path}"])
    return (
        f"# {title}\n\n::::{{admonition}} This run is missing\n:class: danger\n"
        f"The run `{run.name}` is not in this book. {reason}{where}\n::::\n\n"
        f"To try again, in the root of the repository:\n\n```sh\n{again}\n```\n"
    )


def _missing_note(missing: list[str]) -> str:
    items = "\n".join(missing)
    return f":::{{admonition}} Not every run is here\n:class: warning\nThese failed or have not run:\n\n{items}\n:::"


def _fenced(text: str) -> str:
    """The text as a literal block that nothing in it can end."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}text\n{text}\n{fence}"


def _title(run: Run, shared: bool) -> str:
    """The first heading of the run's notebook; with the run's name where several runs share the notebook."""
    cells = json.loads(run.source.read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    heading = re.search(r"^# (.+)$", text, re.MULTILINE)
    title = heading.group(1).strip() if heading else run.name
    return f"{title} ({run.name})" if shared else title


def _below_title(markdown: str, block: str) -> str:
    return re.sub(r"^# .+$", lambda title: f"{title.group()}\n\n{block}\n", markdown, count=1, flags=re.MULTILINE)


def _fingerprint(pages: dict[str, bytes]) -> str:
    """Changes whenever the book may: its pages, this file, the modules whose docstrings it shows, the libraries."""
    digest = hashlib.sha256()
    others = [BOOK / "build.py", Path("requirements.lock"), *sorted(Path("text4vis_core").rglob("*.py"))]
    for name, content in [*sorted(pages.items()), *((str(path), path.read_bytes()) for path in others)]:
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _build(pages: dict[str, bytes]) -> int:
    """Build from nothing: Sphinx repeats no warning for a page it has already seen, and keeps pages that are gone."""
    shutil.rmtree(BUILD, ignore_errors=True)
    for name, content in pages.items():
        path = SOURCE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    jupyter_book = Path(sysconfig.get_path("scripts"), "jupyter-book")
    command = [str(jupyter_book), "build", str(SOURCE), "--path-output", str(BOOK), "-W", "-n", "--keep-going", "-q"]
    # autodoc documents this checkout, whatever else is installed
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])}
    return subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False).returncode


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python book/build.py SUITE, for instance experiments/miniature.yaml")
    sys.exit(main(sys.argv[1]))

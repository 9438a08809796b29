"""Builds the book of a suite's runs: python book/build.py experiments/miniature.yaml

Puts together book/_build/source (the pages of book/, the executed notebooks, a table of contents, and on the landing
page what the run records say of the paper's claims), gives it to Jupyter Book and prints the path of the index page. A
warning is an error; a run that failed or is missing is a page that says so. When nothing changed since the last build
that succeeded, nothing is built.
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
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from text4vis_lab import structure
from text4vis_lab.claims import CLAIMS, decided, p_text
from text4vis_lab.headline import points, why, worth
from text4vis_lab.judging import Judged, judge
from text4vis_lab.plain import encodable, readable
from text4vis_lab.published import published_note, published_results
from text4vis_lab.suites import Run, Suite, SuiteError, read_attempt, read_suite, summary

ROOT = Path(__file__).resolve().parents[1]  # where the packages lie
BOOK = Path("book")
BUILD = BOOK / "_build"
SOURCE = BUILD / "source"
INDEX = BUILD / "html" / "index.html"
STAMP = BUILD / "built.sha256"
IDEA = "idea.png"  # the landing page's figure, which a run draws
BENCH = Path("experiments/bench.yaml")  # what measures the machine, beside every suite
PAPERS = ("k400-vitl14-336-f32", "zs-ucf101", "zs-k600")  # ids of published numbers that the landing page repeats
WIDGET = "application/vnd.jupyter.widget-view+json"
# Cells that a page folds, by their tag, and what stands on the switch; parameters only where the run was given others.
FOLDED = {"hide-input": "Setup", "parameters": "Parameters"}
# What the landing page calls data sets and models that the project makes itself; others are called by their names.
OWN_DATA = {"puppets": "Puppets, a data set of generated videos"}
OWN_MODELS = {
    "mini_clip": "Mini CLIP, a small model that the project trains",
    "mini_clip_withheld": "a Mini CLIP that never read the names of the novel classes",
}


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

    Raises SuiteError when an executed notebook or a run record cannot be read.
    """
    pages = {
        path.relative_to(BOOK).as_posix(): path.read_bytes()
        for path in sorted(BOOK.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts and BUILD not in path.parents
    }
    del pages["build.py"]
    toc = yaml.safe_load(pages["_toc.yml"])
    experiments = next(part for part in toc["parts"] if part["caption"] == "Experiments")
    missing, done, idea = [], [], ""
    for run in suite.runs:
        attempt = read_attempt(run)
        title = _title(run, shared=sum(other.notebook == run.notebook for other in suite.runs) > 1)
        if attempt["status"] == "ok" and run.executed.exists():
            record = _read_record(run)
            pages[f"runs/{run.name}.ipynb"] = _notebook_page(run, attempt, record)
            if record is not None:
                pages[f"runs/{run.name}.result.json"] = (run.directory / "result.json").read_bytes()
                done.append((run, title, record))
            picture = run.directory / "idea.png"
            if picture.exists():
                pages[IDEA], idea = picture.read_bytes(), _idea(run, title)
        else:
            pages[f"runs/{run.name}.md"] = _missing_page(run, suite, title, attempt["error"]).encode()
            missing.append(f"- [{title}](runs/{run.name}.md)")
        experiments["chapters"].append({"file": f"runs/{run.name}", "title": title})
    bench = None if suite.path == BENCH or not BENCH.exists() else _newest(read_suite(BENCH))
    if bench is not None:
        record = _read_record(bench)
        pages[f"machine/{bench.name}.ipynb"] = _notebook_page(bench, read_attempt(bench), record)
        if record is not None:
            pages[f"machine/{bench.name}.result.json"] = (bench.directory / "result.json").read_bytes()
        chapter = {"file": f"machine/{bench.name}", "title": _title(bench, shared=False)}
        reference = [part["caption"] for part in toc["parts"]].index("Reference")
        toc["parts"].insert(reference, {"caption": "The machine", "chapters": [chapter]})
    index = _filled(
        pages["index.md"].decode(), {"idea": idea, "findings": _findings(suite, done), "published": _published()}
    )
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder, "structure.svg")
        structure.draw(structure.read_structure(), picture)
        pages["contributing/structure.svg"] = picture.read_bytes()
    pages["index.md"] = (_below_title(index, _missing_note(missing)) if missing else index).encode()
    pages["_toc.yml"] = yaml.safe_dump(toc, sort_keys=False, allow_unicode=True).encode()
    return pages


def _newest(suite: Suite) -> Run | None:
    """The run that ended last, of those that ended well; None when there is none."""
    done = [run for run in suite.runs if read_attempt(run)["status"] == "ok" and run.executed.exists()]
    return max(done, key=lambda run: run.attempt.stat().st_mtime, default=None)


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
    return encodable(shlex.join(words))


def _read_record(run: Run) -> dict[str, Any] | None:
    """The run's record; None when its notebook writes none. Raises SuiteError when it is damaged."""
    path = run.directory / "result.json"
    again = f"delete {run.attempt} and run again"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise SuiteError(f"{path}: not JSON ({error}); {again}") from None
    if not isinstance(record, dict):
        raise SuiteError(f"{path}: not a run record; {again}")
    return record


def _filled(markdown: str, blocks: dict[str, str]) -> str:
    """The page with each comment line `% name` replaced by the block of that name."""
    for name, block in blocks.items():
        markdown = re.sub(rf"^% {name}$", lambda _, block=block: block, markdown, flags=re.MULTILINE)
    return markdown


def _idea(run: Run, title: str) -> str:
    return (
        f":::{{figure}} {IDEA}\n:width: 100%\n"
        ":alt: A video encoder and two last layers for it. Before any training, the videos of a class lie near the row "
        "that is its name; random rows lie anywhere.\n\n"
        "One video encoder, two last layers. The squares show the cosine of each layer's rows with the mean of each "
        f"class's videos, before any training. Drawn in [{_escaped(title)}](runs/{run.name}.ipynb).\n:::"
    )


def _findings(suite: Suite, done: list[tuple[Run, str, dict[str, Any]]]) -> str:
    """What the records say of the claims: what text is worth, first where it is nothing, why, and a table of all."""
    again = _fenced(_make_book(suite), "sh")
    verdicts = [*decided([judged for run, _, record in done for judged in _judged(run, record)])]
    if not verdicts:
        return f"No run in this book speaks to a claim. What is missing is run by\n\n{again}"
    chapters = {run.name: f"[{_escaped(title.split(':')[0])}](runs/{run.name}.ipynb)" for run, title, _ in done}
    parts = []
    for real, heading in ((False, "On generated videos"), (True, "On real CLIP embeddings, the encoder frozen")):
        some = [verdict for verdict in verdicts if (verdict["dataset"] == "features") is real]
        if some:
            judged = [record for run, _, record in done if run.name in {verdict["run"] for verdict in some}]
            parts += [f"### {heading}", _told(some, chapters), _measured_on(judged, real)]
    counts = Counter(verdict["verdict"] for verdict in verdicts)
    told = ", ".join(f"{counts[word]} {said}" for word, said in (("holds", "hold"), ("fails", "fail")) if counts[word])
    undecided = f"{counts['undecided']} undecided" if counts["undecided"] else ""
    parts += ["### Every claim", f"Of {len(verdicts)} claims {', '.join(filter(None, [told, undecided]))}."]
    left_out = {run.name: len(record.get("skipped") or []) for run, _, record in done}
    table = ["| claim | verdict | points | against | *p* | chapter |", "|---|---|---|---|---|---|"]
    for verdict in sorted(verdicts, key=lambda each: ("fails", "undecided", "holds").index(each["verdict"])):
        word = verdict["verdict"]
        mark = f'<span class="verdict {word}">{word}</span>'
        over = verdict["over"] + (f"; videos left out: {left_out[verdict['run']]}" if left_out[verdict["run"]] else "")
        gain = f"{points(verdict).replace(' points', '')} over {over}"
        told = (gain, verdict["comparator"], p_text(verdict["p"]))
        cells = [_escaped(verdict["claim"]), mark, *map(_escaped, told)]
        table.append(f"| {' | '.join([*cells, chapters[verdict['run']]])} |")
    parts.append("\n".join(table))
    parts.append(f"Everything is remade by this command, which skips what is done already:\n\n{again}")
    return "\n\n".join(parts)


def _published() -> str:
    """What the paper reports, from the table of published numbers."""
    rows = {row["id"]: row for row in published_results("data/published_results.csv")}
    return "\n".join(f"- {_escaped(published_note(rows[name]))}" for name in PAPERS)


def _told(verdicts: list[dict[str, Any]], chapters: dict[str, str]) -> str:
    """What text is worth, as a list whose first line stands out, and why."""
    lines = [
        f"- {'**' if not number else ''}{_escaped(sentence)}{'**' if not number else ''} ({chapters[verdict['run']]})"
        for number, (sentence, verdict) in enumerate(worth(verdicts))
    ]
    for run in dict.fromkeys(verdict["run"] for verdict in verdicts):
        told = why([verdict for verdict in verdicts if verdict["run"] == run])
        lines += [f"- {_escaped(sentence)} ({chapters[run]})" for sentence in told]
    return "\n".join(lines)


def _judged(run: Run, record: dict[str, Any]) -> list[Judged]:
    """The claims the record speaks of. Raises SuiteError when it lacks what its notebook records."""
    about = {"notebook": run.notebook, "suite": run.suite, "run": run.name, "path": str(run.directory / "result.json")}
    try:
        return [*judge({**record, **about}, CLAIMS)]
    except (AttributeError, IndexError, KeyError, StopIteration, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise SuiteError(
            f"{run.directory / 'result.json'}: not what {run.notebook} records ({reason}); "
            f"delete {run.attempt} and run again"
        ) from error


def _measured_on(records: list[dict[str, Any]], real: bool) -> str:
    def named(parameter: str, own: dict[str, str]) -> str:
        values = dict.fromkeys(str((record.get("parameters") or {}).get(parameter, "unknown")) for record in records)
        return " and ".join(own.get(value, _escaped(value)) for value in values)

    if real:  # embeddings that others computed: what they are stands in the record
        told = " ".join(_escaped(about) for about in dict.fromkeys(record["metrics"]["about"] for record in records))
    else:
        told = f"{named('dataset', OWN_DATA)}, with {named('model', OWN_MODELS)}."
    return f"Measured on {told} **These are not the paper's numbers.**"


def _make_book(suite: Suite) -> str:
    """The command that runs what the suite lacks and builds its book."""
    default = suite.path == Path("experiments/miniature.yaml")
    return "make book" if default else shlex.join(["make", "book", f"SUITE={suite.path}"])


def _escaped(text: str) -> str:
    """The text such that Markdown shows it as it stands, in a cell of a table too."""
    one_line = readable(re.sub(r"[^\S\N{NO-BREAK SPACE}]+", " ", text), 1000)
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", one_line)


def _notebook_page(run: Run, attempt: dict[str, Any], record: dict[str, Any] | None) -> bytes:
    """The executed notebook, with the command that remakes it below its title, and without widgets."""
    try:
        notebook = json.loads(run.executed.read_text(encoding="utf-8"))
        cells = notebook["cells"]
    except (json.JSONDecodeError, KeyError) as error:
        raise SuiteError(f"{run.executed}: not a notebook ({error}); delete {run.attempt} and run again") from None
    note = _remake_note(run, attempt, record)
    heading = next((cell for cell in cells if cell["cell_type"] == "markdown"), None)
    if heading is None or not re.search(r"^# ", "".join(heading["source"]), re.MULTILINE):
        cells.insert(0, {"cell_type": "markdown", "metadata": {}, "source": f"# {run.name}\n\n{note}"})
    else:
        heading["source"] = _below_title("".join(heading["source"]), note)
    notebook["metadata"].pop("widgets", None)
    given = any("injected-parameters" in cell["metadata"].get("tags", []) for cell in cells)
    for cell in cells:
        if cell["cell_type"] == "code":
            tags = cell["metadata"].setdefault("tags", [])
            for tag, label in FOLDED.items():
                if tag in tags and (given or tag != "parameters"):
                    tags += ["hide-input"] if "hide-input" not in tags else []
                    cell["metadata"]["mystnb"] = {"code_prompt_show": label, "code_prompt_hide": label}
            if "injected-parameters" in tags:  # the command above says them, and the setup's table below
                tags.append("remove-cell")
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


def _remake_note(run: Run, attempt: dict[str, Any], record: dict[str, Any] | None) -> str:
    lines = [f"Executed in {attempt['seconds']:.0f} s."]
    if record is not None:
        provenance = record.get("provenance") or {}
        known = [f"{key} `{provenance[key][:12]}`" for key in ("commit", "code") if provenance.get(key)]
        lines.append(", ".join([f"Its numbers: [the run record]({run.name}.result.json)", *known]) + ".")
    return (
        ":::{admonition} The command that remakes this page, and its record\n:class: remake dropdown\n"
        f"```sh\nmkdir -p {shlex.quote(str(run.directory))}\n.venv/bin/{papermill_command(run)}\n```\n"
        f"{' '.join(lines)}\n:::"
    )


def _missing_page(run: Run, suite: Suite, title: str, error: str) -> str:
    reason = f"It failed:\n\n{_fenced(error)}" if error else "It has not run to its end."
    where = f"\n\nHow far it came is in `{run.executed}`, the log in `{run.log}`." if run.executed.exists() else ""
    return (
        f"# {title}\n\n::::{{admonition}} This run is missing\n:class: danger\n"
        f"The run `{run.name}` is not in this book. {reason}{where}\n::::\n\n"
        f"To try again, in the root of the repository:\n\n{_fenced(_make_book(suite), 'sh')}\n"
    )


def _missing_note(missing: list[str]) -> str:
    items = "\n".join(missing)
    return f":::{{admonition}} Not every run is here\n:class: warning\nThese failed or have not run:\n\n{items}\n:::"


def _fenced(text: str, language: str = "text") -> str:
    """The text as a literal block that nothing in it can end."""
    text = "\n".join(readable(line, 4000) for line in text.splitlines())
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"


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
    """Changes whenever the book may: its pages, this file, modules and notebooks that it describes, the libraries."""
    digest = hashlib.sha256()
    modules = sorted(path for package in ("text4vis_core", "text4vis_lab") for path in (ROOT / package).rglob("*.py"))
    others = [BOOK / "build.py", Path("requirements.lock"), *sorted(Path("notebooks").glob("*.ipynb")), *modules]
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

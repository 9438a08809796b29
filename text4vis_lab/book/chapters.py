"""A chapter of the book, made of an executed notebook: question, answer, the figure that shows it, then the method.

A notebook says with tags what its book leads with. Below the first cell, which asks, come the outputs of the cells
tagged `answer`, `lead` and `reading`, while their code stays where it is. What the cells tagged `settings` show goes to
the end, before the command that executes the notebook again. All code is folded, behind one switch as far as nothing
stands between.
"""

import json
from collections.abc import Sequence
from typing import Any

from ..shell import command, papermill
from ..staleness import stale
from ..suites import Run, SuiteError
from .markdown import box, escaped, fenced, literal, retitled, shell, title_of
from .outputs import TEXT, Page, cells_of, code_cell, cut

LIFTED = ("answer", "lead", "reading")  # in this order below the question
NOTE = "What this code found stands at the top of the page."
LAST = "settings"
GIVEN = "injected-parameters"  # the command says them, and the table of settings
# What stands on the switch that shows a cell's code, by its tag; "Show code" elsewhere.
SWITCHES = {"parameters": "parameters", "hide-input": "setup"}


def chapter(run: Run, title: str, attempt: dict[str, Any], record: dict[str, Any] | None) -> dict[str, bytes]:
    """A run's page and what lies beside it: path below the source folder -> content.

    Raises:
        SuiteError: the executed notebook cannot be read.
    """
    try:
        notebook = json.loads(run.executed.read_text(encoding="utf-8"))
        cells = notebook["cells"]
    except (json.JSONDecodeError, KeyError) as error:
        raise SuiteError(f"{run.executed}: not a notebook ({error}); delete {run.attempt} and run again") from None
    page = Page(run.name, run.directory, title, run.executed, executing(run))
    notebook["metadata"].pop("widgets", None)
    question, *rest = _ordered(cells, page)
    notes = [_markdown(_stale_note(since))] if record is not None and (since := stale(record)) else []
    notebook["cells"] = [question, *notes, *rest]
    notebook["cells"].append(_markdown(_remake_note(run, attempt, record)))
    if page.warnings:
        notebook["cells"].append(_markdown(_warnings_note(page)))
    for number, cell in enumerate(notebook["cells"]):
        cell["id"] = f"cell-{number}"
    notebook |= {"nbformat": 4, "nbformat_minor": 5}
    return {f"runs/{run.name}.ipynb": json.dumps(notebook, sort_keys=True).encode(), **page.files}


def _ordered(cells: list[dict[str, Any]], page: Page) -> list[dict[str, Any]]:
    """The cells as the page has them: the question, what was found, the method, the settings."""
    question, rest = _question(cells, page.title)
    lifted: dict[str, list[dict[str, Any]]] = {tag: [] for tag in (*LIFTED, LAST)}
    method: list[dict[str, Any]] = []
    for cell in rest:
        tags = cell["metadata"].get("tags", [])
        if cell["cell_type"] != "code":
            method.append(cell)
            continue
        if GIVEN in tags:
            continue
        outputs = [] if {"remove-output", "remove-cell"} & {*tags} else cell["outputs"]
        shown = cells_of(outputs, [tag for tag in tags if tag not in ("hide-input", "hide-cell")], page)
        if shown and {*tags} & {*LIFTED} and not any(lifted[tag] for tag in LIFTED):
            method.append(_markdown(NOTE))
        _fold(cell, tags, method)
        home = next((lifted[tag] for tag in lifted if tag in tags), method)
        home += shown
    last = [_markdown("## Settings of this run"), *lifted.pop(LAST)] if lifted[LAST] else []
    return [question, *(cell for tag in LIFTED for cell in lifted[tag]), *method, *last]


def _question(cells: list[dict[str, Any]], title: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The first cell, under the chapter's title, and the others."""
    first = cells[0] if cells else _markdown("")
    source = "".join(first["source"])
    if first["cell_type"] == "markdown" and title_of(source):
        own = title_of(source) == title  # Markdown of the notebook's; a suite's is text
        return _markdown(source if own else retitled(source, escaped(title))), cells[1:]
    return _markdown(f"# {escaped(title)}"), cells


def _fold(cell: dict[str, Any], tags: list[str], method: list[dict[str, Any]]) -> None:
    """Add the cell's code alone, behind a switch; behind that of the code before it where nothing stands between."""
    what = next((word for tag, word in SWITCHES.items() if tag in tags), "code")
    prompts = {"code_prompt_show": f"Show {what}", "code_prompt_hide": f"Hide {what}"}
    source = "".join(cell["source"])
    if method and method[-1]["metadata"].get("mystnb") == prompts:
        method[-1]["source"] += f"\n\n{source}"
        return
    folded = code_cell(source, [], [*(tag for tag in tags if tag != "hide-output"), "hide-input"])
    folded["metadata"]["mystnb"] = prompts
    method.append(folded)


def executing(run: Run) -> str:
    """The command that executes a run's notebook as its suite does."""
    return f".venv/bin/{papermill(run.source, run.executed, run.papermill_parameters)}"


def _remake_note(run: Run, attempt: dict[str, Any], record: dict[str, Any] | None) -> str:
    lines = [f"Executed in {attempt['seconds']:.0f} s."]
    if record is not None:
        provenance = record.get("provenance") or {}
        known = [f"{key} {literal(str(provenance[key])[:12])}" for key in ("commit", "code") if provenance.get(key)]
        lines.append(", ".join([f"Its numbers: [the run record]({run.name}.result.json)", *known]) + ".")
    again = shell(command(["mkdir", "-p", run.directory]), executing(run))
    head = "{admonition} The command that remakes this page, and its record\n:class: remake dropdown"
    return box(head, f"{again}\n{' '.join(lines)}")


def _stale_note(since: Sequence[str]) -> str:
    """That the page was made of something else than what lies here now."""
    told = "; ".join(map(escaped, since))
    told += ". The numbers below are of before that; the next `make book` of its suite measures them again."
    return box("{admonition} This page is stale\n:class: warning", told)


def _warnings_note(page: Page) -> str:
    """What the notebook wrote to stderr, for who looks for it."""
    text = fenced(cut("\n".join(warning.strip("\n") for warning in page.warnings), TEXT, page))
    return box("{admonition} What the libraries warned of while it ran\n:class: remake dropdown", text)


def _markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source}

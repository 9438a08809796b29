"""The landing page: what the records of this build say of the claims, first in one chart and one sentence."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from .. import figures
from ..answering import answer_in
from ..claims import CLAIMS, decided, p_text
from ..figures.showing import png_of, spec_of
from ..figures.themes import dark
from ..headline import SAID, is_real, points, sentence, why, worth
from ..inference.verdicts import FAILS, HOLDS, UNDECIDED
from ..judging import Judged, judge
from ..published import published_note, published_results
from ..shell import command
from ..suites import Run, Suite, SuiteError
from .chapters import executing
from .comparison import comparison
from .markdown import box, escaped, shell
from .outputs import directive

PAPERS = ("k400-vitl14-336-f32", "zs-ucf101", "zs-k600")  # ids of published numbers that the landing page repeats
# What the landing page calls data sets and models that the project makes itself; others are called by their names.
OWN_DATA = {"puppets": "Puppets, a data set of generated videos"}
OWN_MODELS = {
    "mini_clip": "Mini CLIP, a small model that the project trains",
    "mini_clip_withheld": "a Mini CLIP that never read the names of the novel classes",
}
LINE = 15  # pixels of a line of the headline chart, which is read on the first screen
IDEA = (
    "A video encoder and two last layers for it. Before any training, the videos of a class lie near the row that is "
)
IDEA += "its name; random rows lie anywhere."


@dataclass(frozen=True)
class Done:
    """A run that ended well.

    Attributes:
        run: of a suite.
        title: of its chapter.
        record: what it left.
    """

    run: Run
    title: str
    record: dict[str, Any]


def landing(suite: Suite, done: Sequence[Done]) -> tuple[dict[str, str], dict[str, bytes], str]:
    """What the landing page says, the files that it shows, and its one sentence as plain text.

    Raises:
        SuiteError: a record lacks what its notebook records.
    """
    verdicts = [*decided([judged for each in done for judged in _judged(each)])]
    chapters = {each.run.name: f"[{escaped(each.title)}](runs/{each.run.name}.ipynb)" for each in done}
    told = sentence(verdicts)
    idea, files = _idea(done)
    chart, more = _chart(suite, verdicts, done)
    blocks = {
        "sentence": _leading(told) if told else _nothing(suite),
        "answers": _answers(done, chapters),
        "description": escaped(suite.description),
        "headline": chart,
        "idea": idea,
        "findings": _findings(verdicts, done, chapters),
        "claims": _claims(verdicts, done, chapters),
        "again": f"Everything is remade by this command, which skips what is done already:\n\n{_again(suite)}",
        "published": _published(),
    }
    return blocks, files | more, told


def _leading(sentence: str) -> str:
    """The headline comparison, with what text is in bold."""
    marked = re.sub(rf"\b({'|'.join(SAID[::-1])})(?= with )", r"**\1**", escaped(sentence))
    return box("{container} found", marked)


def _answers(done: Sequence[Done], chapters: dict[str, str]) -> str:
    """What each chapter answers, in its first sentence."""
    answers = {each.run.name: answer_in(each.run.executed) for each in done}
    return "\n".join(f"- {chapters[name]}: {escaped(found[0])}" for name, found in answers.items() if found)


def _chart(suite: Suite, verdicts: list[dict[str, Any]], done: Sequence[Done]) -> tuple[str, dict[str, bytes]]:
    """The headline comparison as a figure that answers, with its table beside it."""
    paths = {each.run.name: str(each.run.directory / "result.json") for each in done}
    table = comparison(verdicts, {each.run.name: each.record | {"path": paths[each.run.name]} for each in done})
    if table.empty:
        return "", {}
    spec = spec_of(figures.headline(table, title="headline"), _alt(table))
    spec["height"] = LINE * (len(table) + table["where"].nunique())
    del spec["title"]  # the sentence above says it
    files = {
        "headline.light.png": png_of(spec),
        "headline.dark.png": png_of(dark(spec)),
        "headline.csv": table.to_csv(index=False).encode(),
        "headline.vl.json": json.dumps(spec, separators=(",", ":")).encode(),
    }
    options = {
        "alt": _alt(table),
        "light": "headline.light.png",
        "dark": "headline.dark.png",
        "csv": "headline.csv",
        "spec": "headline.vl.json",
        "again": command([".venv/bin/python", "book/build.py", suite.path]),
    }
    caption = "Top-1 accuracy with 95 % intervals: rows made of the class names, the best method that knows no names, "
    caption += "and zero-shot, which saw no video of these classes. Point at a mark for its numbers."
    return directive(options, caption), files


def _alt(table: pd.DataFrame) -> str:
    rows = [f"{row.where}: {row.method} {row.mean:.1f} %" for row in table.itertuples()]
    return f"Top-1 accuracy of {len(rows)} methods and conditions. {'; '.join(rows)}."


def _idea(done: Sequence[Done]) -> tuple[str, dict[str, bytes]]:
    """The idea in one figure, for wide and narrow pages, light and dark, as far as a run drew it."""
    kinds = {
        "light": "idea.png",
        "dark": "idea.dark.png",
        "phone": "idea-phone.png",
        "phone_dark": "idea-phone.dark.png",
    }
    for each in done:
        for folder in (each.run.directory / "figures", each.run.directory):
            there = {kind: name for kind, name in kinds.items() if (folder / name).exists()}
            if "light" in there:
                caption = (
                    "One video encoder, two last layers. The squares show the cosine of each layer's rows with the "
                )
                caption += f"mean of each class's videos, before any training. Drawn in the chapter {each.title}."
                files = {name: (folder / name).read_bytes() for name in there.values()}
                return directive({"alt": IDEA} | there | {"again": executing(each.run)}, caption), files
    return "", {}


def _findings(verdicts: list[dict[str, Any]], done: Sequence[Done], chapters: dict[str, str]) -> str:
    """What text is worth, and why, on generated videos and on real embeddings."""
    parts = []
    for real, heading in ((False, "On generated videos"), (True, "On real CLIP embeddings, the encoder frozen")):
        some = [verdict for verdict in verdicts if is_real(verdict) is real]
        if some:
            judged = [each.record for each in done if each.run.name in {verdict["run"] for verdict in some}]
            parts += [f"### {heading}", _told(some, chapters), _measured_on(judged, real)]
    return "\n\n".join(parts)


def _told(verdicts: list[dict[str, Any]], chapters: dict[str, str]) -> str:
    """What text is worth, as a list whose first line stands out, and why."""
    lines = [
        f"- {'**' if not number else ''}{escaped(sentence)}{'**' if not number else ''} ({chapters[verdict['run']]})"
        for number, (sentence, verdict) in enumerate(worth(verdicts))
    ]
    for run in dict.fromkeys(verdict["run"] for verdict in verdicts):
        told = why([verdict for verdict in verdicts if verdict["run"] == run])
        lines += [f"- {escaped(sentence)} ({chapters[run]})" for sentence in told]
    return "\n".join(lines)


def _claims(verdicts: list[dict[str, Any]], done: Sequence[Done], chapters: dict[str, str]) -> str:
    """A table of every claim, those that fail first."""
    if not verdicts:
        return ""
    counts = Counter(verdict["verdict"] for verdict in verdicts)
    told = ", ".join(f"{counts[word]} {said}" for word, said in ((HOLDS, "hold"), (FAILS, "fail")) if counts[word])
    undecided = f"{counts[UNDECIDED]} undecided" if counts[UNDECIDED] else ""
    left_out = {each.run.name: len(each.record.get("skipped") or []) for each in done}
    table = ["| claim | verdict | points | against | *p* | chapter |", "|---|---|---|---|---|---|"]
    for verdict in sorted(verdicts, key=lambda each: (FAILS, UNDECIDED, HOLDS).index(each["verdict"])):
        word = verdict["verdict"]
        mark = f'<span class="verdict {word}">{word}</span>'
        over = verdict["over"] + (f"; videos left out: {left_out[verdict['run']]}" if left_out[verdict["run"]] else "")
        gain = f"{points(verdict).replace(' points', '')} over {over}"
        cells = [escaped(verdict["claim"]), mark, *map(escaped, (gain, verdict["comparator"], p_text(verdict["p"])))]
        table.append(f"| {' | '.join([*cells, chapters[verdict['run']]])} |")
    said = f"Of {len(verdicts)} claims {', '.join(filter(None, [told, undecided]))}."
    rows = "\n".join(table)
    head = f"{{dropdown}} All {len(verdicts)}, with intervals and chapters\n:class-container: claims"
    folded = box(head, rows)
    return f"{said}\n\n{folded}"


def _judged(each: Done) -> list[Judged]:
    """The claims that a record speaks of."""
    run, path = each.run, each.run.directory / "result.json"
    about = {"notebook": run.notebook, "suite": run.suite, "run": run.name, "path": str(path)}
    try:
        return [*judge({**each.record, **about}, CLAIMS)]
    except (AttributeError, IndexError, KeyError, StopIteration, TypeError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise SuiteError(
            f"{path}: not what {run.notebook} records ({reason}); delete {run.attempt} and run again"
        ) from error


def _measured_on(records: list[dict[str, Any]], real: bool) -> str:
    def named(parameter: str, own: dict[str, str]) -> str:
        values = dict.fromkeys(str((record.get("parameters") or {}).get(parameter, "unknown")) for record in records)
        return " and ".join(own.get(value, escaped(value)) for value in values)

    if real:  # embeddings that others computed: what they are stands in the record
        told = " ".join(escaped(about) for about in dict.fromkeys(record["metrics"]["about"] for record in records))
    else:
        told = f"{named('dataset', OWN_DATA)}, with {named('model', OWN_MODELS)}."
    return f"Measured on {told} **These are not the paper's numbers.**"


def _nothing(suite: Suite) -> str:
    return f"No run in this book speaks to a claim. What is missing is run by\n\n{_again(suite)}"


def make_book(suite: Suite) -> str:
    """The command that runs what the suite lacks and builds its book."""
    default = suite.path == Path("experiments/miniature.yaml")
    return "make book" if default else command(["make", "book", f"SUITE={suite.path}"])


def _again(suite: Suite) -> str:
    return shell(make_book(suite))


def _published() -> str:
    """What the paper reports, from the table of published numbers."""
    rows = {row["id"]: row for row in published_results("data/published_results.csv")}
    return "\n".join(f"- {escaped(published_note(rows[name]))}" for name in PAPERS)

"""What a notebook's cells put out, as a page of the book takes it.

A figure leaves its cell and becomes a figure of the page: a picture with a name, a caption, an alternative text, its
data, and the command that draws it again. What needs a kernel, and what is empty, is left out.
"""

import base64
import html
import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..plain import readable
from ..shell import command
from .markdown import box

WIDGET = "application/vnd.jupyter.widget-view+json"
VEGA = re.compile(r"application/vnd\.vegalite\.v\d+(\.\d+)*\+json")
SHOWN = "# what code of this page shows"  # a cell without a source would have no output
PLAIN = re.compile(r"[\w./](?:[\w./,;()=+*%…\N{EN DASH}-]| (?! |#)|:(?! |$))*")  # an option that YAML takes as it is
TEXT = 100_000  # characters of text on a page that a cell puts out
RICH = 2_000_000  # characters of a table, or of a chart that answers to the pointer
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# Control characters, halves of characters, and marks that turn the direction of writing.
UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
RUN = re.compile(r'<span class="t4v-run" data-run="([^"/]*)/([^"/]*)">([^<]*)</span>')  # of `tables.Linked`
PNG, ABOUT = "image/png", "text4vis"  # a picture's media type, and where an output says what it is


@dataclass
class Page:
    """A chapter while it is made.

    Attributes:
        name: of its run.
        folder: of its run.
        title: its heading.
        executed: the notebook that it is made of.
        again: the command that executes it.
        files: what lies beside it: path below the source folder -> content.
        warnings: what its notebook wrote to stderr.
    """

    name: str
    folder: Path
    title: str
    executed: Path
    again: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    figures: int = 0


def cells_of(outputs: list[dict[str, Any]], tags: list[str], page: Page) -> list[dict[str, Any]]:
    """Outputs as cells of a page, in their order: code cells without code, and between them figures.

    Args:
        outputs: of a cell of an executed notebook.
        tags: of the cells that show them.
        page: collects pictures, data and warnings.
    """
    cells: list[dict[str, Any]] = []
    for output in _shown(outputs, page):
        if _is_figure(output):
            cells.append({"cell_type": "markdown", "metadata": {}, "source": _figure(output, page)})
        elif cells and cells[-1]["cell_type"] == "code":
            cells[-1]["outputs"].append(output)
        else:
            cells.append(code_cell(SHOWN, [output], [*tags, "remove-input"]))
    return cells


def code_cell(source: str, outputs: list[dict[str, Any]], tags: list[str]) -> dict[str, Any]:
    """A cell of code, with what it put out."""
    about = {"tags": list(dict.fromkeys(tags))}
    return {"cell_type": "code", "execution_count": None, "metadata": about, "outputs": outputs, "source": source}


def _shown(outputs: list[dict[str, Any]], page: Page) -> Iterator[dict[str, Any]]:
    """What a reader sees of the outputs: as much of it as a page has room for."""
    text_room, room = TEXT, RICH
    for number, output in enumerate(outputs):
        data = output.get("data", {})
        if room <= 0:
            told = f"… {len(outputs) - number} more outputs are left out here. {_whole(page)}\n"
            yield {"output_type": "stream", "name": "stdout", "text": told}
            return
        if output["output_type"] == "stream":
            text = _as_ended("".join(output["text"]))
            if output["name"] == "stderr":
                page.warnings += [text] if text.strip() else []
            elif text.strip() and text_room >= 0:
                yield output | {"text": cut(text, text_room, page)}
                text_room -= len(text)
        elif output["output_type"] == "error":
            yield output | {"traceback": [cut("\n".join(output["traceback"]), TEXT, page)]}
        elif WIDGET in data:  # its other form, if any, is the widget's Python name, unless there is a picture or a page
            others = {kind: value for kind, value in data.items() if kind != WIDGET}
            if set(others) - {"text/plain"}:
                yield output | {"data": _printable(others, page)}
        elif any("".join(value).strip() if isinstance(value, str | list) else value for value in data.values()):
            found = _printable(data, page)
            room -= 0 if _is_figure(output) else max(map(_size, found.values()))
            yield output | {"data": found}


def _as_ended(text: str) -> str:
    """As a terminal would end up showing it: of a line drawn again and again, the last state."""
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))


def _printable(data: Mapping[str, Any], page: Page) -> dict[str, Any]:
    """An output in its forms, those of text without what does not print; of what is too large the text alone, cut."""
    found = {kind: "".join(value) if isinstance(value, list) else value for kind, value in data.items()}
    large = [kind for kind, value in found.items() if kind != "text/plain" and _size(value) > RICH]
    if large and PNG not in found:
        found = {"text/plain": f"{found.get('text/plain', '')}\n… as {', '.join(large)} too large. {_whole(page)}"}
    if "text/html" in found:
        found["text/html"] = RUN.sub(lambda cell: _linked(cell, page), found["text/html"])
    for kind in [kind for kind in found if kind.startswith("text/")]:
        found[kind] = cut(found[kind], TEXT, page) if kind == "text/plain" else UNSEEN.sub(_escape, found[kind])
    return found


def _linked(cell: re.Match, page: Page) -> str:
    """A cell of a table that leads to the page of a run of the same book."""
    suite, run, text = (html.unescape(part) for part in cell.groups())
    if suite != page.folder.parent.name:
        return cell[0]
    return f'<a class="t4v-run" href="{html.escape(quote(run))}.html">{html.escape(text)}</a>'


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str) else len(json.dumps(value))


def cut(text: str, room: int, page: Page) -> str:
    """The beginning of a text, without colours, and where the whole is."""
    lines = [readable(line, sys.maxsize) for line in COLOUR.sub("", text[:room]).expandtabs(8).split("\n")]
    if len(text) > room:
        lines.append(f"… cut at {TEXT:,} characters. {_whole(page)}\n")
    return "\n".join(lines)


def _whole(page: Page) -> str:
    return f"The whole is in {readable(page.executed, 400)}."


def _escape(found: re.Match) -> str:
    return found[0].encode("unicode_escape").decode()


def _is_figure(output: Mapping[str, Any]) -> bool:
    data = output.get("data", {})
    return PNG in data or any(VEGA.fullmatch(kind) for kind in data)


def _figure(output: Mapping[str, Any], page: Page) -> str:
    """The directive `chart` of book/_ext/charts.py that shows a figure."""
    page.figures += 1
    data = output["data"]
    about = output.get("metadata", {}).get(ABOUT, {})
    csv = str(about.get("csv", ""))
    own = about.get("name") or Path(csv).stem or f"figure_{page.figures}"
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", str(own))
    # A name of its own in the whole book: pictures of all pages come to lie in one folder.
    stem = f"{re.sub(r'[^A-Za-z0-9_=.-]+', '_', page.name)}-{name}"
    options = {
        "alt": str(about.get("alt") or "")
        or f"Figure {page.figures} of the chapter {page.title}, without a description."
    }
    pictures = {option: _beside(about.get(option), page.folder) for option in ("light", "dark", "phone", "phone_dark")}
    pictures["light"] = pictures["light"] or base64.b64decode("".join(data.get(PNG, "")))
    for option, picture in pictures.items():
        if picture:
            page.files[f"runs/{stem}.{option}.png"] = picture
            options[option] = f"{stem}.{option}.png"
    large = [kind for kind in data if kind != PNG and _size(data[kind]) > RICH]
    if "text/html" in data and "text/html" not in large:  # what answers to the pointer without being a chart
        page.files[f"runs/{stem}.html"] = "".join(data["text/html"]).encode()
        options["html"] = f"{stem}.html"
    table = _beside(csv, page.folder)
    if table:
        page.files[f"runs/{stem}.csv"] = table
        options["csv"] = f"{stem}.csv"
    asked = page.folder / csv.replace(".csv", ".json")
    drawn = table and asked.is_file()  # else it is a picture, which its notebook makes
    again = command([".venv/bin/python", "-m", "text4vis_lab.figures", asked]) if drawn else page.again
    options |= {"again": again} if again else {}
    for kind in filter(VEGA.fullmatch, data.keys() - {*large}):
        page.files[f"runs/{stem}.vl.json"] = json.dumps(
            data[kind] | {"width": "container"}, separators=(",", ":")
        ).encode()
        options["spec"] = f"{stem}.vl.json"
    told = f" What answers to the pointer is too large for a page: this is its picture. {_whole(page)}" if large else ""
    return directive(options, f"{about.get('caption', '')}{told}")


def _beside(named: Any, folder: Path) -> bytes:
    """A file that an output names, below its run's folder; empty where there is none."""
    path = folder / named if isinstance(named, str) and named else folder
    inside = path.resolve().is_relative_to(folder.resolve())  # links followed
    return path.read_bytes() if inside and path.is_file() else b""


def directive(options: Mapping[str, str], caption: str) -> str:
    """The directive `chart`, whose options and caption are text that stays text."""
    lines = [f":{name}: {_option(name, value)}" for name, value in options.items()]
    return box("{chart}", "\n".join([*lines, "", readable(" ".join(str(caption).split()), 2000)]))


def _option(name: str, text: str) -> str:
    """A directive's option as MyST reads it: quoted where YAML would take a sign in it for its own."""
    shown = text if name == "again" else readable(" ".join(text.split()), 2000)  # a command is as it is
    return shown if PLAIN.fullmatch(shown) else json.dumps(shown, ensure_ascii=False)

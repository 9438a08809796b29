"""What a notebook's cells put out, as a page of the book takes it.

A figure leaves its cell and becomes a figure of the page: a picture with a name, a caption, an alternative text, its
data, and the command that draws it again. What needs a kernel, and what is empty, is left out.
"""

import base64
import copy
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..plain import readable

WIDGET = "application/vnd.jupyter.widget-view+json"
VEGA = re.compile(r"application/vnd\.vegalite\.v\d+(\.\d+)*\+json")
SHOWN = "# what code of this page shows"  # a cell without a source would have no output
PNG, ABOUT = "image/png", "text4vis"  # a picture's media type, and where an output says what it is


@dataclass
class Page:
    """A chapter while it is made.

    Attributes:
        name: of its run.
        folder: of its run.
        title: its heading.
        files: what lies beside it: path below the source folder -> content.
        warnings: what its notebook wrote to stderr.
    """

    name: str
    folder: Path
    title: str
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
    """What a reader sees of the outputs."""
    for output in outputs:
        data = output.get("data", {})
        if output["output_type"] == "stream":
            # As a terminal would end up showing it: of a line drawn again and again, the last state.
            text = re.sub(r"[^\n]*\r(?=[^\r\n])", "", "".join(output["text"]))
            if output["name"] == "stderr":
                page.warnings += [text] if text.strip() else []
            elif text.strip():
                yield output | {"text": text}
        elif output["output_type"] == "error":
            yield output
        elif WIDGET in data:  # its other form, if any, is the widget's Python name, unless there is a picture or a page
            others = {kind: value for kind, value in data.items() if kind != WIDGET}
            if set(others) - {"text/plain"}:
                yield output | {"data": others}
        elif any("".join(value).strip() if isinstance(value, str | list) else value for value in data.values()):
            yield copy.deepcopy(output)


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
    options = {"alt": about.get("alt") or f"Figure {page.figures} of the chapter {page.title}, without a description."}
    pictures = {option: _beside(about.get(option), page.folder) for option in ("light", "dark", "phone", "phone_dark")}
    pictures["light"] = pictures["light"] or base64.b64decode("".join(data.get(PNG, "")))
    for option, picture in pictures.items():
        if picture:
            page.files[f"runs/{stem}.{option}.png"] = picture
            options[option] = f"{stem}.{option}.png"
    if "text/html" in data:  # what answers to the pointer without being a chart
        page.files[f"runs/{stem}.html"] = "".join(data["text/html"]).encode()
        options["html"] = f"{stem}.html"
    table = _beside(csv, page.folder)
    if table:
        page.files[f"runs/{stem}.csv"] = table
        options["csv"] = f"{stem}.csv"
    asked = (page.folder / csv).with_suffix(".json")
    if table and asked.is_file():
        options["again"] = shlex.join([".venv/bin/python", "-m", "text4vis_lab.figures", asked.as_posix()])
    for kind in filter(VEGA.fullmatch, data):
        page.files[f"runs/{stem}.vl.json"] = json.dumps(
            data[kind] | {"width": "container"}, separators=(",", ":")
        ).encode()
        options["spec"] = f"{stem}.vl.json"
    return directive(options, about.get("caption", ""))


def _beside(named: Any, folder: Path) -> bytes:
    """A file that an output names, below its run's folder; empty where there is none."""
    inside = isinstance(named, str) and named and ".." not in Path(named).parts and not Path(named).is_absolute()
    return (folder / named).read_bytes() if inside and (folder / named).is_file() else b""


def directive(options: Mapping[str, str], caption: str) -> str:
    """The directive `chart`, whose options and caption are text that stays text."""
    lines = [f":{name}: {readable(' '.join(value.split()), 2000)}" for name, value in options.items()]
    return "\n".join([":::{chart}", *lines, "", readable(" ".join(caption.split()), 2000), ":::"])

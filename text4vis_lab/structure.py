"""The picture of the packages' imports: rooms from top to bottom, and an arrow from each to those that it builds on.

    python -m text4vis_lab.structure structure.svg    # draws the picture; without a file it only checks

Rooms import downwards. An import upwards, or around a circle, is printed, drawn in red, and makes the exit status 1.
The packages are those that Python finds first, hence those of the current directory; they are read, not imported.
"""

import ast
import re
import sys
import textwrap
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import grimp
import matplotlib as mpl
import networkx as nx
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path as Path2D

LAB, CORE = "text4vis_lab", "text4vis_core"
# The core's rooms from the top; all else in it lies below them. The lab's are put in an order that their imports allow.
CORE_ROOMS = ("training", "evaluation", "data", "model")
BELOW = "files, processes"
WIDTH, ROW, BOX = 7.9, 0.3, 5.7  # inches: of the picture, a row, a box
ABOUT, FILES, LINES = 1.35, 5.1, 5.6  # inches from a box's left side: where its columns begin, or end
MOST_LETTERS = 62  # of what a box says of its room
INK, QUIET, ARROW, UPWARD = "#1f2933", "#667580", "#7d8a94", "#c8102e"
FILL = {LAB: "#e3eef9", CORE: "#fdeed3"}
EDGE = {LAB: "#8fb4d9", CORE: "#e0b45c"}
STYLE: dict[Any, Any] = {"font.family": "DejaVu Sans", "svg.hashsalt": "structure", "savefig.facecolor": "white"}


class Room(NamedTuple):
    """A box of the picture: a subpackage of `LAB` or `CORE`, or a module that lies in the package itself."""

    package: str
    name: str

    def __str__(self) -> str:
        return f"{self.package}: {self.name}"


@dataclass(frozen=True)
class Structure:
    """What is drawn.

    Attributes:
        rooms: from the top to the bottom, each with its files.
        imports: which room imports which, and for each pair one such import, as "importer -> imported".
    """

    rooms: dict[Room, list[Path]]
    imports: dict[tuple[Room, Room], str]

    @property
    def upward(self) -> dict[tuple[Room, Room], str]:
        """The imports of a room by one that lies below it. In every circle of rooms there is one."""
        place = {room: number for number, room in enumerate(self.rooms)}
        return {pair: text for pair, text in self.imports.items() if place[pair[0]] > place[pair[1]]}


def read_structure() -> Structure:
    """The rooms of both packages and their imports, those inside functions too."""
    graph = grimp.build_graph(LAB, CORE, cache_dir=None)
    rooms: dict[Room, list[Path]] = {}
    imports: dict[tuple[Room, Room], str] = {}
    for package in (LAB, CORE):
        spec = find_spec(package)
        assert spec is not None and spec.origin is not None, f"there is no package {package}"
        folder = Path(spec.origin).parent
        for file in sorted(folder.rglob("*.py")):
            module = ".".join([package, *file.relative_to(folder).with_suffix("").parts]).removesuffix(".__init__")
            rooms.setdefault(_room(module), []).append(file)
            for imported in sorted(graph.find_modules_directly_imported_by(module)):
                if _room(module) != _room(imported):
                    imports.setdefault((_room(module), _room(imported)), f"{module} -> {imported}")
    # Each package's own `__init__` first; then the lab's rooms, those that build on most first; then the core's.
    of_lab = [pair for pair in imports if pair[0].package == pair[1].package == LAB]
    circles = nx.condensation(nx.DiGraph([*of_lab, *((room, room) for room in rooms)]))
    levels = enumerate(nx.topological_generations(circles.reverse()))
    depth = {room: number for number, level in levels for node in level for room in circles.nodes[node]["members"]}
    order = ("__init__", *CORE_ROOMS, BELOW)

    def place(room: Room) -> tuple:
        if room.package == CORE:
            return (1, order.index(room.name))
        return (0, room.name != "__init__", -depth[room], room.name)

    return Structure({room: rooms[room] for room in sorted(rooms, key=place)}, imports)


def draw(structure: Structure, path: str | Path) -> None:
    """Draw the picture, as SVG or whatever the file's suffix says; the same structure gives the same file."""
    rows = {room: number + (1.6 if room.package == LAB else 3.2) for number, room in enumerate(structure.rooms)}
    bottom = max(rows.values()) + 2.4
    left = 0.08 + 0.4 * bool(structure.upward)
    graph = nx.transitive_reduction(nx.DiGraph(pair for pair in structure.imports if pair not in structure.upward))
    users = {room: list(graph.predecessors(room)) for room in structure.rooms if room in graph and graph.pred[room]}
    lanes = _lanes({room: (min(rows[user] for user in users[room]), rows[room]) for room in users})
    apart = min(0.2, (WIDTH - left - BOX - 0.38) / max([1, *lanes.values()]))  # inches, between two vertical lines
    with mpl.rc_context(STYLE):
        figure = Figure((WIDTH, ROW * bottom))
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(bottom, 0))
        axes.axis("off")
        for room in users:
            for user in users[room]:
                x = left + BOX + 0.28 + apart * lanes[room]
                _draw_arrow(axes, (left + BOX, rows[user] + 0.66), x, rows[room] + 0.36, ARROW)
        for number, (user, room) in enumerate(structure.upward):
            _draw_arrow(axes, (left, rows[user] + 0.36), left - 0.15 - 0.06 * (number % 4), rows[room] + 0.66, UPWARD)
        for room, files in structure.rooms.items():
            style: dict[str, Any] = {"facecolor": FILL[room.package], "edgecolor": EDGE[room.package], "linewidth": 0.8}
            box = "round,pad=0,rounding_size=0.07"
            axes.add_patch(FancyBboxPatch((left, rows[room] + 0.08), BOX, 0.84, box, mutation_aspect=1 / ROW, **style))
            lines = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)
            _write_row(axes, left, rows[room] + 0.5, (room.name, _about(room, files), f"{len(files)}", f"{lines:,}"))
        for package, about in ((LAB, "the laboratory"), (CORE, "the method")):
            y = min(row for room, row in rows.items() if room.package == package) - 0.2
            _write_row(axes, left, y, (package, about, "files", "lines"), heading=True)
        upward = f"imports upwards: {len(structure.upward) or 'no room does'}"
        legend = {ARROW: "builds on (not drawn where a chain of arrows says it too)", UPWARD: upward}
        for x, (colour, text) in zip((left, left + 4.4), legend.items(), strict=True):
            _draw_head(axes, x, x + 0.09, bottom - 0.7, colour)
            axes.plot([x + 0.09, x + 0.3], [bottom - 0.7] * 2, color=colour, linewidth=1.1)
            axes.text(x + 0.4, bottom - 0.7, text, size=7.5, color=QUIET, va="center_baseline")
        figure.savefig(path, dpi=200, metadata={"Date": None} if Path(path).suffix == ".svg" else None)


def main(arguments: list[str]) -> int:
    """Check, and draw where a file is given; the exit status."""
    structure = read_structure()
    if arguments:
        draw(structure, arguments[0])
    for (source, target), text in structure.upward.items():
        print(f"upward import, {source} of {target}: {text}", file=sys.stderr)
    return 1 if structure.upward else 0


def _room(module: str) -> Room:
    package, _, rest = module.partition(".")
    name = rest.partition(".")[0] or "__init__"
    return Room(package, BELOW if package == CORE and name not in (*CORE_ROOMS, "__init__") else name)


def _lanes(spans: dict[Room, tuple[float, float]]) -> dict[Room, int]:
    """Which vertical line the arrows to a room take: short ones near the boxes, one line for those that never meet."""
    lanes: list[list[tuple[float, float]]] = []
    chosen = {}
    for room, (first, last) in sorted(spans.items(), key=lambda item: (item[1][1] - item[1][0], item[1])):
        free = (n for n, taken in enumerate(lanes) if all(last < a or b < first for a, b in taken))
        chosen[room] = next(free, len(lanes))
        lanes += [[]] if chosen[room] == len(lanes) else []
        lanes[chosen[room]].append((first, last))
    return chosen


def _about(room: Room, files: list[Path]) -> str:
    """The beginning of the room's docstring: as many of its clauses as the box holds."""
    if room.name == BELOW:
        return "Files that are whole or not there, processes that work together"
    text = (ast.get_docstring(ast.parse(files[0].read_text(encoding="utf-8"))) or "").split("\n")[0].replace("`", "")
    ends = [clause.start() for clause in re.finditer(r"[,:;.](?= |$)", text) if clause.start() <= MOST_LETTERS]
    if ends:
        return text[: ends[-1]] + (" …" if text[ends[-1] :] != "." else "")
    return textwrap.shorten(text, MOST_LETTERS, placeholder=" …")


def _write_row(axes: Axes, left: float, y: float, texts: tuple[str, ...], heading: bool = False) -> None:
    """A box's name, what it is, its files and lines; or the heading of a package's boxes."""
    up = "baseline" if heading else "center_baseline"
    name, about, files, lines = texts
    axes.text(left + 0.09 * (not heading), y, name, size=11 if heading else 8.5, weight="bold", color=INK, va=up)
    axes.text(left + ABOUT, y, about, size=9 if heading else 7.5, color=QUIET if heading else INK, va=up)
    for end, number in ((FILES, files), (LINES, lines)):
        axes.text(left + end, y, number, size=7.5, color=QUIET, ha="right", va=up)


def _draw_arrow(axes: Axes, start: tuple[float, float], x: float, end: float, colour: str) -> None:
    """From `start` at a box's side to the vertical line at `x`, along it, and back to the same side at height `end`."""
    side, begin = start
    bend = 0.09 if x > side else -0.09  # inches, like x; heights are in rows
    step = abs(bend) / ROW * (1 if end > begin else -1)
    points = [(side, begin), (x - bend, begin), (x, begin), (x, begin + step)]
    points += [(x, end - step), (x, end), (x - bend, end), (side + bend, end)]
    line, curve = Path2D.LINETO, [Path2D.CURVE3] * 2
    codes = [Path2D.MOVETO, line, *curve, line, *curve, line]
    axes.add_patch(PathPatch(Path2D(points, codes), fill=False, edgecolor=colour, linewidth=1.1))
    _draw_head(axes, side, side + bend, end, colour)


def _draw_head(axes: Axes, tip: float, back: float, y: float, colour: str) -> None:
    points = [(tip, y), (back, y - 0.14), (back, y + 0.14)]
    axes.add_patch(Polygon(points, closed=True, facecolor=colour, linewidth=0))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

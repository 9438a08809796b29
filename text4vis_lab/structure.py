"""The picture of the packages' imports: rooms from top to bottom, and an arrow from each to those that it builds on.

    python -m text4vis_lab.structure structure.svg    # draws the picture; without a file it only checks

Rooms import downwards. An import upwards, or around a circle, is printed, drawn in red, and makes the exit status 1.
The packages are those that Python finds first, hence those of the current directory; they are read, not imported.
"""

import ast
import re
import sys
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

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
STYLE = {"font.family": "DejaVu Sans", "svg.hashsalt": "structure", "savefig.facecolor": "white"}


@dataclass(frozen=True)
class Room:
    """A box of the picture.

    Attributes:
        package: `LAB` or `CORE`.
        name: of the subpackage, or of the module that lies in the package itself.
    """

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
    for module in sorted(graph.modules):
        rooms.setdefault(_room(module), []).append(_file(module))
        for imported in sorted(graph.find_modules_directly_imported_by(module)):
            if _room(module) != _room(imported):
                imports.setdefault((_room(module), _room(imported)), f"{module} -> {imported}")
    return Structure({room: rooms[room] for room in _ordered(rooms, imports)}, imports)


def draw(structure: Structure, path: str | Path) -> None:
    """Draw the picture, as SVG or whatever the file's suffix says; the same structure gives the same file."""
    rows = {room: number + (1.6 if room.package == LAB else 3.2) for number, room in enumerate(structure.rooms)}
    bottom = max(rows.values()) + 2.4
    left = 0.08 + 0.4 * bool(structure.upward)
    with mpl.rc_context(STYLE):
        figure = Figure((WIDTH, ROW * bottom))
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(bottom, 0))
        axes.axis("off")
        down = _reduced(structure)
        lanes = _lanes(down, rows)
        apart = min(0.2, (WIDTH - left - BOX - 0.38) / max([1, *lanes.values()]))  # inches, between two vertical lines
        for target, sources in down.items():
            x = left + BOX + 0.28 + apart * lanes[target]
            for source in sources:
                _draw_arrow(axes, (left + BOX, rows[source] + 0.66), x, rows[target] + 0.36, ARROW)
        for number, (source, target) in enumerate(structure.upward):
            _draw_arrow(
                axes, (left, rows[source] + 0.36), left - 0.15 - 0.06 * (number % 4), rows[target] + 0.66, UPWARD
            )
        for room, files in structure.rooms.items():
            _draw_box(axes, room, files, left, rows[room])
        for package, about in ((LAB, "the laboratory"), (CORE, "the method")):
            y = min(row for room, row in rows.items() if room.package == package) - 0.2
            axes.text(left, y, package, size=11, weight="bold", color=INK)
            axes.text(left + ABOUT, y, about, size=9, color=QUIET)
            axes.text(left + FILES, y, "files", size=7.5, color=QUIET, ha="right")
            axes.text(left + LINES, y, "lines", size=7.5, color=QUIET, ha="right")
        _draw_legend(axes, left, bottom - 0.7, len(structure.upward))
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


def _file(module: str) -> Path:
    package, *parts = module.split(".")
    spec = find_spec(package)
    assert spec is not None and spec.origin is not None, f"there is no package {package}"
    path = Path(spec.origin).parent.joinpath(*parts)
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _ordered(rooms: Iterable[Room], imports: Iterable[tuple[Room, Room]]) -> list[Room]:
    """Each package's own `__init__` first; then the lab's rooms, those that build on most first; then the core's."""
    lab = nx.DiGraph((source, target) for source, target in imports if source.package == target.package == LAB)
    lab.add_nodes_from(room for room in rooms if room.package == LAB)
    circles = nx.condensation(lab)
    depth: dict[int, int] = {}
    for node in reversed(list(nx.topological_sort(circles))):
        depth[node] = 1 + max((depth[below] for below in circles[node]), default=0)

    def place(room: Room) -> tuple:
        if room.package == CORE:
            order = ("__init__", *CORE_ROOMS, BELOW)
            return (1, order.index(room.name), "")
        return (0, 0 if room.name == "__init__" else 1000 - depth[circles.graph["mapping"][room]], room.name)

    return sorted(rooms, key=place)


def _reduced(structure: Structure) -> dict[Room, list[Room]]:
    """room -> the rooms that import it, less what follows from a chain of other imports; no upward ones."""
    graph = nx.DiGraph(pair for pair in structure.imports if pair not in structure.upward)
    reduced = nx.transitive_reduction(graph)
    return {
        room: list(reduced.predecessors(room)) for room in structure.rooms if room in reduced and reduced.pred[room]
    }


def _lanes(down: dict[Room, list[Room]], rows: dict[Room, float]) -> dict[Room, int]:
    """Which vertical line the arrows to a room take: short ones near the boxes, one line for those that never meet."""
    spans = {room: (min(rows[source] for source in sources), rows[room]) for room, sources in down.items()}
    lanes: list[list[tuple[float, float]]] = []
    chosen = {}
    for room, (first, last) in sorted(spans.items(), key=lambda item: (item[1][1] - item[1][0], item[1])):
        free = (n for n, taken in enumerate(lanes) if all(last < a or b < first for a, b in taken))
        chosen[room] = next(free, len(lanes))
        lanes += [[]] if chosen[room] == len(lanes) else []
        lanes[chosen[room]].append((first, last))
    return chosen


def _draw_box(axes: Axes, room: Room, files: list[Path], left: float, row: float) -> None:
    style = {"facecolor": FILL[room.package], "edgecolor": EDGE[room.package], "linewidth": 0.8}
    box = "round,pad=0,rounding_size=0.07"
    axes.add_patch(FancyBboxPatch((left, row + 0.08), BOX, 0.84, box, mutation_aspect=1 / ROW, **style))
    lines = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)
    y, on_line = row + 0.5, {"va": "center_baseline"}
    axes.text(left + 0.09, y, room.name, size=8.5, weight="bold", color=INK, **on_line)
    axes.text(left + ABOUT, y, _about(room, files), size=7.5, color=INK, **on_line)
    axes.text(left + FILES, y, f"{len(files)}", size=7.5, color=QUIET, ha="right", **on_line)
    axes.text(left + LINES, y, f"{lines:,}", size=7.5, color=QUIET, ha="right", **on_line)


def _about(room: Room, files: list[Path]) -> str:
    """The beginning of the room's docstring: as many of its clauses as the box holds."""
    if room.name == BELOW:
        return "Files that are whole or not there, processes that work together"
    text = (ast.get_docstring(ast.parse(files[0].read_text(encoding="utf-8"))) or "").split("\n")[0].replace("`", "")
    ends = [clause.start() for clause in re.finditer(r"[,:;.](?= |$)", text) if clause.start() <= MOST_LETTERS]
    if ends:
        return text[: ends[-1]] + (" …" if text[ends[-1] :] != "." else "")
    return textwrap.shorten(text, MOST_LETTERS, placeholder=" …")


def _draw_arrow(axes: Axes, start: tuple[float, float], x: float, end: float, colour: str) -> None:
    """From `start` at a box's side to the vertical line at `x`, along it, and back to the same side at height `end`."""
    side, begin = start
    bend = 0.09 if x > side else -0.09  # inches, like x; heights are in rows
    step = abs(bend) / ROW * (1 if end > begin else -1)
    points = [(side, begin), (x - bend, begin), (x, begin), (x, begin + step)]
    points += [(x, end - step), (x, end), (x - bend, end), (side + bend, end)]
    codes = [Path2D.MOVETO, Path2D.LINETO, Path2D.CURVE3, Path2D.CURVE3, Path2D.LINETO, Path2D.CURVE3, Path2D.CURVE3]
    axes.add_patch(PathPatch(Path2D(points, [*codes, Path2D.LINETO]), fill=False, edgecolor=colour, linewidth=1.1))
    head = [(side, end), (side + bend, end - 0.14), (side + bend, end + 0.14)]
    axes.add_patch(Polygon(head, closed=True, facecolor=colour, linewidth=0))


def _draw_legend(axes: Axes, left: float, y: float, upward: int) -> None:
    says = {
        ARROW: "builds on (not drawn where a chain of arrows says it too)",
        UPWARD: f"imports upwards: {upward or 'no room does'}",
    }
    for x, (colour, text) in zip((left, left + 4.4), says.items(), strict=True):
        axes.add_patch(Polygon([(x, y), (x + 0.09, y - 0.14), (x + 0.09, y + 0.14)], facecolor=colour, linewidth=0))
        axes.plot([x + 0.09, x + 0.3], [y, y], color=colour, linewidth=1.1)
        axes.text(x + 0.4, y, text, size=7.5, color=QUIET, va="center_baseline")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

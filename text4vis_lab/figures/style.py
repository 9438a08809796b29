"""One style for every figure: colours, markers, the names of axes.

Colours are Okabe and Ito's, which colour-blind readers can tell apart; a method has the same colour and marker in every
figure. What is trained with it is drawn open: a dashed line with hollow markers, or hatched bars.
"""

from collections.abc import Iterable
from itertools import count, cycle

import matplotlib
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from ..intervals import mean_interval
from ..plain import readable
from ..surroundings import figures_in_notebook

BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, BLACK, GREY, DARK_GREY = "#CC79A7", "#56B4E9", "#222222", "#8A8A8A", "#666666"
COLOURS = (BLUE, RED, GREEN, PURPLE, ORANGE, SKY, BLACK)  # of what has no look of its own, in this order
MARKERS = ("o", "s", "^", "D", "X", "p", "v")
LOOK = {  # colour and marker
    "text": (BLUE, "o"),
    "random": (RED, "s"),
    "orthogonal": (GREEN, "^"),
    "lda": (PURPLE, "D"),
    "vision-only": (SKY, "p"),
    "linear": (SKY, "p"),  # the vision-only baseline among initialisations
    "contrastive": (ORANGE, "X"),
    "before": (DARK_GREY, "v"),
    "zero-shot": (DARK_GREY, "v"),
    "means": (ORANGE, "P"),
    "simplex": (GREEN, "v"),
    "rotated": (GREY, "<"),
    "shuffled": (DARK_GREY, ">"),
    "interpolated": (GREEN, "P"),
    "distilled": (PURPLE, "D"),
    "averaged": (ORANGE, "X"),
    "mean": (ORANGE, "s"),
    "transformer": (BLUE, "o"),
}
AXES = {  # column of a table -> label of an axis
    "test": "",
    "method": "",
    "view": "views of a video",
    "temporal": "temporal module",
    "template": "prompt template",
    "shots": "shots: training videos per class",
    "seconds": "training time (s)",
    "encoder_rate": "peak learning rate of the encoder",
    "loss": "training loss",
    "top1": "top-1 accuracy (%)",
    "mean": "top-1 accuracy (%)",  # of `Lab.means`
    "top5": "top-5 accuracy (%)",
    "map": "mean average precision (%)",
    "val_top1": "top-1 accuracy (%)",
    "train_top1": "training top-1 accuracy (%)",
}
STYLE = {
    "figure.dpi": 120,
    "savefig.dpi": 160,
    "savefig.bbox": "tight",
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": BLACK,
    "axes.labelcolor": BLACK,
    "axes.edgecolor": DARK_GREY,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 5.5,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "figure.constrained_layout.use": True,
    "text.parse_math": False,  # two dollars in a name are no formula
}
TABLES = {"display.html.use_mathjax": False, "styler.html.mathjax": False, "styler.format.escape": "html"}
LONGEST = 40  # characters of a name in a figure


def use_style() -> None:
    """Set the project's style for all figures and tables that follow, whatever a user has set for others."""
    figures_in_notebook()
    matplotlib.rcdefaults()
    sns.set_theme(context="paper", style="ticks", palette=COLOURS, rc=STYLE)
    for name, value in TABLES.items():
        pd.set_option(name, value)


def look(name: str) -> tuple[str, str]:
    """Colour and marker of a method, by the first word of its name that has one ("text, frozen" looks like "text")."""
    return _known(name) or (GREY, "v")


def palette(names: Iterable[str]) -> dict[str, str]:
    """Name -> colour, for seaborn's `palette`: `look`'s, or one that nothing else in the figure has."""
    names = list(names)
    taken = {known[0] for known in map(_known, names) if known}
    free = cycle([colour for colour in COLOURS if colour not in taken] or [GREY])
    return {name: known[0] if (known := _known(name)) else next(free) for name in names}


def labels(names: Iterable[object], longest: int = LONGEST) -> list[str]:
    """Names as a figure shows them: readable, short, and as different from each other as they are.

    Matplotlib leaves out labels that are empty, or begin with an underscore: those are quoted, these given a space.
    """
    texts, given = [*map(str, names)], dict[str, str]()
    for name in dict.fromkeys(texts):
        text = readable(name, longest) if name.strip() else repr(name)
        text = f" {text}" if text.startswith("_") else text
        tries = (text if number == 1 else f"{text} ({number})" for number in count(1))
        given[name] = next(each for each in tries if each not in given.values())
    return [given[text] for text in texts]


def is_trainable(name: str) -> bool:
    """Whether a method trains its classifier, by its name; such methods are drawn open."""
    return "trainable" in name


def interval(values: pd.Series) -> tuple[float, float]:
    """Ends of Student's 95 % interval of the mean of values (runs), for seaborn's `errorbar`; nan for one value."""
    mean, half = mean_interval(values)
    return mean - half, mean + half


def axis_label(column: str) -> str:
    """What an axis of a table's column is called, with its unit."""
    return AXES.get(column, column)


def draw_chance(ax: Axes, chance: float | None) -> None:
    """A dotted line at the accuracy (percent) of guessing, for the legend; none for None."""
    if chance is not None:
        ax.axhline(chance, color=GREY, linestyle=":", linewidth=1.2, label=f"chance ({chance:.1f} %)")


def legend_outside(ax: Axes, title: str | None = None) -> None:
    """A legend to the right of the axes, where it hides nothing; chance comes last."""
    entries = sorted(zip(*ax.get_legend_handles_labels(), strict=True), key=lambda entry: "chance" in entry[1])
    handles, labels = zip(*entries, strict=True)
    ax.legend(handles, labels, loc="center left", bbox_to_anchor=(1, 0.5), title=title, alignment="left")


def _known(name: str) -> tuple[str, str] | None:
    return next((LOOK[word] for word in name.replace(",", " ").split() if word in LOOK), None)

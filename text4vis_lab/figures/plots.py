"""Every figure of the notebooks and the book: one function each, one style. Nothing is computed here but geometry.

Colours are Okabe and Ito's, which colour-blind readers can tell apart; an initialisation has the same colour and
marker in every figure.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, BLACK = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#F0E442",
    "#222222",
)
GREY = "#8A8A8A"
LOOK = {  # colour and marker
    "text": (BLUE, "o"),
    "random": (RED, "s"),
    "orthogonal": (GREEN, "^"),
    "lda": (PURPLE, "D"),
    "mean": (ORANGE, "s"),
    "transformer": (BLUE, "o"),
    "linear": (ORANGE, "P"),
    "contrastive": (GREEN, "X"),
    "before": ("#666666", "v"),
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
    "axes.edgecolor": "#666666",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=[BLUE, RED, GREEN, PURPLE, ORANGE, SKY, BLACK]),
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 5.5,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "figure.constrained_layout.use": True,
}


def use_style() -> None:
    """Set the project's style for all figures that follow."""
    plt.rcParams.update(STYLE)


def look(name: str) -> tuple[str, str]:
    """Colour and marker of a method, by the first word of its name that has one ("text, frozen" looks like "text")."""
    return next((LOOK[word] for word in name.replace(",", " ").split() if word in LOOK), (GREY, "v"))


def frame_strips(videos: Mapping[str, np.ndarray], frames: int = 8, columns: int = 1) -> Figure:
    """Videos as strips of evenly spaced frames, each under its title.

    Args:
        videos: title -> uint8 (T, H, W, 3).
        frames: frames in a strip.
        columns: strips side by side.
    """
    rows = -(-len(videos) // columns)
    first = next(iter(videos.values()))
    aspect = frames * first.shape[2] / first.shape[1]
    width = 8.6 / columns
    fig, axes = plt.subplots(rows, columns, figsize=(8.6, rows * (width / aspect + 0.32)), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for ax, (title, video) in zip(axes.flat, videos.items(), strict=False):
        chosen = np.linspace(0, len(video) - 1, frames).round().astype(int)
        ax.imshow(np.concatenate(list(video[chosen]), axis=1), interpolation="lanczos")
        ax.set_title(title, fontsize=9)
    return fig


def picture_grid(pictures: Sequence[np.ndarray], captions: Sequence[str], columns: int = 6) -> Figure:
    """Pictures (uint8, H x W x 3) with a caption under each."""
    rows = -(-len(pictures) // columns)
    fig, axes = plt.subplots(rows, columns, figsize=(8.6, rows * 1.95), squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    for ax, picture, caption in zip(axes.flat, pictures, captions, strict=False):
        ax.imshow(picture, interpolation="lanczos")
        ax.text(0.5, -0.05, _wrap(caption, 24), fontsize=6.8, ha="center", va="top", transform=ax.transAxes)
    return fig


def top_classes(probabilities: Mapping[str, np.ndarray], names: Sequence[str], k: int = 5, truth: str = "") -> Figure:
    """The k most probable classes as bars, one panel per set of probabilities; the true class, if given, stands out.

    Args:
        probabilities: panel title -> (C,) in [0, 1].
        names: C class names.
        k: bars.
        truth: name of the true class.
    """
    fig, axes = plt.subplots(
        1, len(probabilities), figsize=(4.3 * len(probabilities), 0.36 * k + 0.9), squeeze=False, sharex=True
    )
    for ax, (title, values) in zip(axes[0], probabilities.items(), strict=True):
        values = 100 * np.asarray(values)
        order = np.argsort(-values, kind="stable")[:k]
        bars = ax.barh(
            [names[i] for i in order], values[order], color=[BLUE if names[i] == truth else SKY for i in order]
        )
        ax.bar_label(bars, fmt="%.0f %%", padding=3, fontsize=8.5)
        ax.invert_yaxis()
        ax.set(xlim=(0, 115), title=title, xlabel="probability (%)")
        ax.grid(axis="y", visible=False)
    return fig


def confusion(matrix: np.ndarray, names: Sequence[str], title: str) -> Figure:
    """A confusion matrix (C, C) of counts, rows (true classes) in percent."""
    matrix = np.asarray(matrix, dtype=float)
    percent = 100 * matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    side = 0.23 * len(names) + 2.2
    fig, ax = plt.subplots(figsize=(side + 0.6, side))
    image = ax.imshow(percent, cmap="Blues", vmin=0, vmax=100)
    ax.set_xticks(range(len(names)), names, rotation=90, fontsize=7.5)
    ax.set_yticks(range(len(names)), names, fontsize=7.5)
    for i, j in zip(*np.nonzero(percent >= 10), strict=True):
        ax.text(
            j, i, f"{percent[i, j]:.0f}", ha="center", va="center", fontsize=6, color="w" if percent[i, j] > 55 else "k"
        )
    ax.set(title=title, xlabel="predicted class", ylabel="true class")
    ax.grid(False)
    fig.colorbar(image, ax=ax, shrink=0.6, label="videos of the class (%)")
    return fig


def lines_with_intervals(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float], Sequence[float]]],
    *,
    title: str,
    xlabel: str,
    ylabel: str = "top-1 accuracy (%)",
    chance: float | None = None,
    log_x: bool = False,
    ax: Axes | None = None,
) -> Figure:
    """Curves with intervals: name -> (x, mean, half width); a band where there are many points, else error bars.

    Args:
        curves: nan half widths draw no interval.
        chance: a dotted line at this level.
        log_x: logarithmic x axis with ticks at the points.
        ax: where to draw; a new figure when None.
    """
    fig = ax.figure if ax is not None else plt.figure(figsize=(6.2, 3.5))
    ax = ax if ax is not None else fig.add_subplot()
    for name, (x, mean, half) in curves.items():
        colour, marker = look(name)
        dashes = "--" if "trainable" in name else "-"
        x, mean, half = (np.asarray(values, dtype=float) for values in (x, mean, half))
        ax.plot(
            x, mean, dashes, color=colour, marker=marker, label=name, markerfacecolor="w" if dashes == "--" else colour
        )
        if len(x) > 6:
            ax.fill_between(x, mean - half, mean + half, color=colour, alpha=0.15, linewidth=0)
        else:
            ax.errorbar(x, mean, yerr=half, fmt="none", color=colour, capsize=3, linewidth=1.2)
    if chance is not None:
        ax.axhline(chance, color=GREY, linestyle=":", linewidth=1.2, label=f"chance ({chance:.1f} %)")
    if log_x:
        points = sorted({float(value) for x, _, _ in curves.values() for value in x})
        ax.set_xscale("log", base=2)
        ax.set_xticks(points, [f"{point:g}" for point in points])
        ax.minorticks_off()
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    low, high = ax.get_ylim()
    ax.set_ylim(max(low, -2), min(high, 102))
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return fig


def bars_with_intervals(
    groups: Mapping[str, Mapping[str, tuple[float, float]]],
    *,
    title: str,
    ylabel: str = "top-1 accuracy (%)",
    chance: float | None = None,
) -> Figure:
    """Groups of bars: group -> bar name -> (mean, half width)."""
    names = list(dict.fromkeys(name for bars in groups.values() for name in bars))
    width = 0.8 / len(names)
    fig, ax = plt.subplots(figsize=(min(9.2, max(5.2, len(groups) * max(1.2, 0.5 * len(names)) + 2.2)), 3.3))
    for i, name in enumerate(names):
        where = [g for g, bars in enumerate(groups.values()) if name in bars]
        values = [bars[name] for bars in groups.values() if name in bars]
        x = np.array(where) + (i - (len(names) - 1) / 2) * width
        colour = look(name)[0] if look(name)[0] != GREY else STYLE["axes.prop_cycle"].by_key()["color"][i % 7]
        hatch = "//" if "trainable" in name else None
        half = np.array([value[1] for value in values], dtype=float)  # None, as records have it, becomes nan
        bars = ax.bar(
            x, [value[0] for value in values], 0.92 * width, color=colour, label=name, hatch=hatch, edgecolor="white"
        )
        ax.errorbar(x, [value[0] for value in values], yerr=half, fmt="none", color=BLACK, capsize=2.5, linewidth=1)
        margin = [4 + (0 if np.isnan(h) else h * ax.bbox.height / 130) for h in half]
        for bar, (mean, _), pad in zip(bars, values, margin, strict=True):
            ax.annotate(f"{mean:.0f}", (bar.get_x() + bar.get_width() / 2, mean), (0, pad), textcoords="offset points",
                        ha="center", fontsize=8)  # fmt: skip
    if chance is not None:
        ax.axhline(chance, color=GREY, linestyle=":", linewidth=1.2, label=f"chance ({chance:.1f} %)")
    ax.set_xticks(range(len(groups)), [_wrap(group, 16) for group in groups])
    ax.set(title=title, ylabel=ylabel, ylim=(0, 112))
    ax.set_yticks(range(0, 101, 20))
    ax.grid(axis="x", visible=False)
    if len(names) > 1 or chance is not None:
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return fig


def class_gain(gains: Mapping[str, tuple[float, float]], *, title: str, xlabel: str) -> Figure:
    """Points gained per class, sorted: class -> (mean, half width)."""
    order = sorted(gains, key=lambda name: gains[name][0])
    means = np.array([gains[name][0] for name in order])
    halves = np.array([gains[name][1] for name in order], dtype=float)
    fig, ax = plt.subplots(figsize=(6.6, 0.23 * len(order) + 0.9))
    ax.barh(order, means, color=[BLUE if mean >= 0 else RED for mean in means], height=0.72)
    ax.errorbar(means, order, xerr=halves, fmt="none", color=BLACK, capsize=2, linewidth=0.9)
    ax.axvline(0, color="#444444", linewidth=0.9)
    ax.set(title=title, xlabel=xlabel)
    ax.tick_params(axis="y", labelsize=8)
    ax.grid(axis="y", visible=False)
    return fig


def correlation_maps(maps: Mapping[str, np.ndarray], names: Sequence[str]) -> Figure:
    """Inter-class correlation maps side by side: title -> (C, C) of cosines (the paper's figure 1)."""
    side = 8.6 / len(maps)
    fig, axes = plt.subplots(1, len(maps), figsize=(8.6, side + 0.9), squeeze=False)
    for i, (ax, (title, values)) in enumerate(zip(axes[0], maps.items(), strict=True)):
        image = ax.imshow(values, cmap="RdBu_r", vmin=-1, vmax=1)
        ax.set_title(title, fontsize=9)
        ax.set_xticks(range(len(names)), names, rotation=90, fontsize=5.5)
        ax.set_yticks(range(len(names)), names if i == 0 else [], fontsize=5.5)
        ax.grid(False)
    fig.colorbar(image, ax=axes, shrink=0.7, label="cosine between classes")
    return fig


def loss_curve(epochs: Sequence[float], losses: Sequence[float], *, title: str, ylabel: str = "loss") -> Figure:
    """A loss, or another number of training, over epochs."""
    fig, ax = plt.subplots(figsize=(4.8, 2.8))
    ax.plot(epochs, losses, marker="o", color=BLUE)
    ax.set(title=title, xlabel="epoch", ylabel=ylabel)
    ax.set_ylim(0, 1.1 * max(losses))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return fig


def difference_counts(counts: Mapping[str, np.ndarray], *, title: str) -> Figure:
    """How many values differ by 0, 1, 2, 3 and more grey levels: bars in percent on a logarithmic axis, by path."""
    fig, ax = plt.subplots(figsize=(6, 3.2))
    width = 0.8 / len(counts)
    for number, (name, values) in enumerate(counts.items()):
        percent = 100 * np.asarray(values) / np.sum(values)
        x = np.arange(len(percent)) + (number - (len(counts) - 1) / 2) * width
        ax.bar(x, percent, width, label=name, color=f"C{number}")
    ax.set_yscale("log")
    ax.set_ylim(1e-4, 200)
    ax.set_xticks(range(len(percent)), [*map(str, range(len(percent) - 1)), f"{len(percent) - 1} or more"])
    ax.set(title=title, xlabel="difference (grey levels of 255)", ylabel="values (%)")
    ax.legend(title="short side -> crop")
    return fig


def the_idea(frames: np.ndarray, names: Sequence[str], embeddings: np.ndarray, random: np.ndarray) -> Figure:
    """The method in one figure: frames of a video, their encoder, and the two last layers that are compared.

    Args:
        frames: uint8 (T, H, W, 3), a few of them.
        names: C class names.
        embeddings: (C, D) text embeddings of the names, the proposed last layer.
        random: (C, D), the usual one.
    """
    with plt.rc_context({"figure.constrained_layout.use": False}):
        fig = plt.figure(figsize=(9.2, 4.2))
    for i, frame in enumerate(frames):
        ax = fig.add_axes((0.005 + 0.024 * i, 0.36 + 0.035 * i, 0.165, 0.27))
        ax.imshow(frame, interpolation="lanczos")
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        for spine in ax.spines.values():
            spine.set(visible=True, color="white", linewidth=1.5)
    canvas = fig.add_axes((0, 0, 1, 1))
    canvas.set(xlim=(0, 1), ylim=(0, 1))
    canvas.axis("off")
    canvas.patch.set_alpha(0)

    def box(x: float, y: float, w: float, h: float, text: str, colour: str) -> None:
        canvas.add_patch(plt.Rectangle((x, y), w, h, facecolor=colour, edgecolor="none", alpha=0.14, zorder=2))
        canvas.add_patch(plt.Rectangle((x, y), w, h, facecolor="none", edgecolor=colour, linewidth=1.3, zorder=3))
        canvas.text(x + w / 2, y + h / 2, text, ha="center", va="center", fontsize=8.8, zorder=4)

    def arrow(start: tuple[float, float], end: tuple[float, float]) -> None:
        canvas.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "#444444", "linewidth": 1.3})

    middle = 0.54
    canvas.text(0.125, 0.28, "frames of a video", ha="center", fontsize=8.8)
    arrow((0.26, middle), (0.292, middle))
    box(0.295, middle - 0.1, 0.15, 0.2, "image encoder,\nmean over time\n(fine-tuned)", ORANGE)
    arrow((0.448, middle), (0.535, middle))
    canvas.text(0.49, middle + 0.03, "video\nembedding", ha="center", va="bottom", fontsize=8)
    box(0.538, middle - 0.06, 0.082, 0.12, "cosine with\neach class", GREY)
    arrow((0.623, middle + 0.04), (0.7, 0.74))
    arrow((0.623, middle - 0.04), (0.7, 0.28))

    side = 0.33
    for y, rows, colour, title, note in (
        (0.585, embeddings, BLUE, "the paper: the class names as text, frozen", "relations known from captions"),
        (0.085, random, RED, "usual: random numbers, to be learned", "no relations yet"),
    ):
        ax = fig.add_axes((0.992 - side * 4.2 / 9.2, y, side * 4.2 / 9.2, side))
        ax.imshow(rows @ rows.T, cmap="RdBu_r", vmin=-1, vmax=1)
        ax.set(xticks=[], yticks=range(len(names)))
        ax.set_yticklabels(names, fontsize=7.5)
        ax.tick_params(length=0)
        ax.grid(False)
        canvas.text(
            0.992, y + side + 0.02, title, ha="right", va="bottom", fontsize=8.8, fontweight="bold", color=colour
        )
        canvas.text(0.992, y - 0.02, note, ha="right", va="top", fontsize=7.8, color="#555555")
    return fig


def _wrap(text: str, width: int) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, width))


def videos_per_class(counts: Mapping[str, np.ndarray], names: Sequence[str], *, title: str) -> Figure:
    """How many videos each class has, split -> (C,): bars with names, or sorted curves of more than 60 classes."""
    few = len(names) <= 60
    fig, ax = plt.subplots(figsize=(7.6, 0.2 * len(names) + 1.1) if few else (6.2, 3.2))
    for number, (split, values) in enumerate(counts.items()):
        if few:
            height = 0.8 / len(counts)
            y = np.arange(len(names)) + (number - (len(counts) - 1) / 2) * height
            ax.barh(y, values, height, label=split, color=f"C{number}")
        else:
            ax.plot(np.sort(values)[::-1], label=split, color=f"C{number}")
    if few:
        ax.set_yticks(range(len(names)), names, fontsize=7.5)
        ax.grid(axis="y", visible=False)
        ax.set(title=title, xlabel="videos")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set_xlim(left=0)
        ax.set_ylim(len(names) - 0.4, -0.6)
    else:
        ax.set(title=title, xlabel="classes, from the largest", ylabel="videos")
        ax.set_ylim(bottom=0)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return fig


def distributions(panels: Mapping[str, Sequence[float] | Sequence[str]], *, title: str, most: int = 8) -> Figure:
    """What values occur how often: axis label -> values, one panel each.

    Texts, and numbers of which there are few different ones, become a bar for each of the `most` frequent; other
    numbers a histogram.
    """
    fig, axes = plt.subplots(1, len(panels), figsize=(min(9.4, 3.2 * len(panels)), 2.9), squeeze=False)
    for ax, (label, values) in zip(axes[0], panels.items(), strict=True):
        different, counts = np.unique(values, return_counts=True)
        if different.dtype.kind in "fiu" and len(different) > most:
            ax.hist(values, bins=30, color=BLUE)
            ax.set(xlabel=label, ylabel="videos")
            continue
        order = np.argsort(-counts, kind="stable")[:most]
        texts = [text if isinstance(text, str) else f"{text:g}" for text in different[order].tolist()]
        ax.barh(range(len(texts)), counts[order], 0.7, color=BLUE)
        ax.set_yticks(range(len(texts)), texts)
        ax.set_ylim(max(4, len(texts)) - 0.5, -0.5)
        ax.grid(axis="y", visible=False)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set(xlabel="videos", ylabel=label)
    fig.suptitle(title, x=0.01, ha="left", fontsize=10.5, fontweight="bold")
    return fig

"""Every figure takes every name: none is a formula, a label that is hidden, or longer than there is room."""

import json
import warnings

import matplotlib
import numpy as np
import pandas as pd
import pytest
from names import NASTY
from test_figures import in_style  # noqa: F401, a fixture

from text4vis_lab import figures
from text4vis_lab.bench import figures as bench
from text4vis_lab.bench.measurement import Quantity
from text4vis_lab.figures import showing
from text4vis_lab.figures.style import labels
from text4vis_lab.plain import encodable

NAMES = list(NASTY.values())
SOME = NAMES[:7]
VIDEO = np.random.default_rng(0).integers(0, 256, (4, 6, 8, 3), dtype=np.uint8)
TWICE = np.repeat([1, 2], len(NAMES))
ROWS = pd.DataFrame({"epoch": TWICE, "shots": 2**TWICE, "top1": 50.0 + TWICE, "loss": 1.0, "gain": TWICE - 1.5})
COLUMN = [encodable(name) for name in NAMES * 2]
ROWS = ROWS.assign(**{"test": COLUMN, "method": COLUMN, "class": COLUMN})
UNIT = np.eye(len(NAMES))
CLAIM = {"kind": "superiority", "margin": 5.0, "verdict": "holds", "mean": 9.0, "low": 6.0, "high": 12.0}
MEANS = ROWS.drop_duplicates(["method", "shots"]).assign(role="text", setting="tuned", mean=50.0, low=40.0, high=60.0)
BOTH = pd.concat([MEANS.assign(test=test) for test in ("base", "novel")]).query("method in @SOME")
QUANTITIES = [Quantity(name, [1.0, 2.0], "s", limit=2.0) for name in NAMES]
ANSWERS = pd.DataFrame({"video": COLUMN, "true": COLUMN, "predicted": COLUMN[::-1], "method": TWICE})
COUNTS = pd.DataFrame({"split": "train", "class": COLUMN, "videos": 1, "path": COLUMN, "level": TWICE, "values": 1})

CHARTS = {
    "over": lambda title: figures.over(ROWS, "shots", title=title, chance=4.2, log_x=True),
    "bars": lambda title: figures.bars(ROWS, title=title),
    "class_gain": lambda title: figures.class_gain(ROWS, title=title),
    "forest": lambda title: figures.forest(
        pd.DataFrame([CLAIM | {"claim": encodable(name)} for name in [title, *NAMES]]), title=title
    ),
    "league": lambda title: figures.league(MEANS, title=title),
    "headline": lambda title: figures.headline(MEANS.assign(where=COLUMN), title=title),
    "climb": lambda title: figures.climb(MEANS, title=title),
    "effects": lambda title: figures.effects(
        MEANS[:26].assign(cause=COLUMN[:26], found="found", pair=1.0), title=title
    ),
    "steps": lambda title: figures.steps(
        MEANS[:26].assign(step=COLUMN[:26], kind="explains", start=1.0, stop=2.0), title=title
    ),
    "contrasts": lambda title: figures.contrasts(MEANS.assign(estimand=MEANS["method"]), title=title),
    "frontier": lambda title: figures.frontier(BOTH, title=title),
    "loss_curve": lambda title: figures.loss_curve(ROWS, title=title),
    "confusion": lambda title: figures.confusion(ANSWERS, title=title),
}
DRAW = {
    "correlation_maps": lambda title: figures.correlation_maps({title: UNIT[:7, :7], "b": UNIT[:7, :7]}, SOME),
    "frame_strips": lambda title: figures.frame_strips({title: VIDEO} | dict.fromkeys(NAMES, VIDEO), 2, 3),
    "picture_grid": lambda title: figures.picture_grid([VIDEO[0]] * (1 + len(NAMES)), [title, *NAMES]),
    "top_classes": lambda title: figures.top_classes(
        figures.probabilities({title: np.ones(len(NAMES))}, NAMES, title), k=26
    ),
    "the_idea": lambda title: figures.the_idea(VIDEO[:3], [title, *SOME], np.eye(8), np.eye(8), np.eye(8)),
    "videos_per_class": lambda title: figures.videos_per_class(COUNTS, title=title),
    "distributions": lambda title: figures.distributions(
        figures.long({title: NAMES * 2, "b": np.arange(20.0)}), title=title
    ),
    "difference_counts": lambda title: figures.difference_counts(COUNTS.query("path in @SOME"), title=title),
    "predictions": lambda title: figures.predictions(ANSWERS, title=title).figure(),
    "bench bars": lambda title: bench.bars(QUANTITIES, title=title, xlabel="s"),
    "bench limits": lambda title: bench.against_limits(QUANTITIES, title=title),
    "bench scaling": lambda title: bench.scaling(
        {name: {1: QUANTITIES[0], 2: QUANTITIES[0]} for name in SOME[:4]}, title=title, xlabel="n", ylabel="s"
    ),
}


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(matplotlib.text.Text)]


@pytest.mark.parametrize("name", DRAW)
def test_a_figure_takes_every_name(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # a box is drawn
        figure = DRAW[name](NASTY["dollars and no TeX"])
        figure.canvas.draw()
        assert all(len(text) <= 200 for text in texts(figure))
        assert not any(text.get_parse_math() for text in figure.findobj(matplotlib.text.Text))


@pytest.mark.parametrize("name", NASTY)
def test_a_title_takes_every_name(name):
    figure = DRAW["difference_counts"](NASTY[name])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.canvas.draw()


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_takes_every_name(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        spec = showing.spec_of(CHARTS[name](NASTY["dollars and no TeX"]), "seen")
    json.dumps(spec, allow_nan=False).encode()
    assert max(len(text) for text in _texts(spec["datasets"])) <= 400


def test_every_figure_is_drawn_here():
    of_pictures = {"correlation_maps", "frame_strips", "picture_grid", "the_idea"}
    drawn = {name for name in [*CHARTS, *DRAW] if not name.startswith("bench")}
    assert set(figures.OF_TABLES) | of_pictures == drawn


def _texts(value) -> list[str]:
    if isinstance(value, dict | list):
        return [text for each in (value.values() if isinstance(value, dict) else value) for text in _texts(each)]
    return [value] if isinstance(value, str) else []


def test_labels_are_short_and_as_different_as_the_names():
    found = labels([*NAMES, "x" * 9_999, NAMES[0]])
    assert len(set(found)) == len(NAMES) + 1
    assert found[0] == found[-1] == "$a$"
    assert found[-2] == f"{'x' * 20}…{'x' * 19} (2)"
    assert not any(label.startswith("_") for label in found)
    assert max(map(len, found)) <= 44


def test_every_curve_has_its_entry_in_the_legend():
    spec = showing.spec_of(CHARTS["over"]("t"))
    domain = next(
        each["encoding"]["shape"]["scale"]["domain"]
        for layer in spec["layer"]
        for each in layer.get("layer", [layer])
        if "shape" in each["encoding"]
    )
    assert domain == labels(COLUMN[: len(NAMES)], 60)


def test_a_logarithmic_axis_has_plain_numbers():
    figure = DRAW["difference_counts"]("title")
    figure.canvas.draw()
    ticks = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert "100" in ticks and "0.001" in ticks and not any("$" in tick for tick in ticks)

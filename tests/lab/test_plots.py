"""Every figure draws from small inputs, without a warning, and shows what it was given."""

import inspect
import warnings

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from text4vis_lab.figures import plots

NAN = float("nan")
RNG = np.random.default_rng(0)
NAMES = ["archery", "push up", "waving hand"]
VIDEO = RNG.integers(0, 256, (6, 12, 16, 3), dtype=np.uint8)
UNIT = np.eye(3)
CURVE = ([1, 2, 4], [20.0, 50.0, 99.0], [5.0, NAN, 3.0])
LONG = (list(range(10)), list(range(0, 100, 10)), [NAN] * 10)
BARS = {"base": {"text, frozen": (80.0, 3.0), "mine": (0.0, None)}, "novel": {"text, frozen": (100.0, NAN)}}

CASES = {
    "frame_strips": [({"one": VIDEO, "two": VIDEO[:1]}, 4), ({"a": VIDEO, "b": VIDEO, "c": VIDEO}, 3, 2)],
    "picture_grid": [([VIDEO[0]] * 4, ["a person doing something rather long to describe"] * 4, 3)],
    "top_classes": [
        ({"as named": np.array([0.7, 0.2, 0.1])}, NAMES),
        ({"a": np.zeros(3), "b": np.array([0, 1.0, 0])}, NAMES, 2, "push up"),
    ],
    "confusion": [(np.array([[3, 1, 0], [0, 2, 2], [0, 0, 0]]), NAMES, "title")],
    "lines_with_intervals": [{"curves": {"text, frozen": CURVE, "random, trainable": LONG}, "chance": 4.2}],
    "bars_with_intervals": [{"groups": BARS, "chance": 33.3}],
    "class_gain": [{"gains": {"archery": (12.0, 3.0), "push up": (-4.0, NAN)}}],
    "correlation_maps": [({"text": UNIT, "random": -UNIT}, NAMES), ({"text": UNIT}, NAMES)],
    "loss_curve": [([1, 2], [3.0, 2.0])],
    "the_idea": [(VIDEO[:3], NAMES, UNIT, UNIT)],
}
CASES["difference_counts"] = [
    {"counts": {"64 -> 64": np.array([99, 1, 0, 0, 0]), "256 -> 224": np.array([90, 9, 1, 0, 0])}}
]
CASES["videos_per_class"] = [
    {"counts": {"train": np.array([5, 0, 7]), "test": np.array([2, 2, 2])}, "names": NAMES},
    {"counts": {"train": np.arange(90)}, "names": [str(i) for i in range(90)]},
]
CASES["distributions"] = [
    {"panels": {"seconds": np.array([2.0, 2.5]), "pixels": ["4x3", "4x3", "8x6"], "rate": np.arange(20.0), "none": []}}
]
LABELS = {"title": "title", "xlabel": "x"}


@pytest.fixture(autouse=True)
def style():
    with matplotlib.rc_context():
        plots.use_style()
        yield
        plt.close("all")


def draw(name, arguments) -> Figure:
    function = getattr(plots, name)
    if isinstance(arguments, dict):
        figure = function(
            **arguments, **{k: v for k, v in LABELS.items() if k in inspect.signature(function).parameters}
        )
    else:
        needed = {k: v for k, v in LABELS.items() if _is_required(function, k)}
        figure = function(*arguments, **needed)
    figure.canvas.draw()
    return figure


def _is_required(function, name) -> bool:
    parameter = inspect.signature(function).parameters.get(name)
    return parameter is not None and parameter.kind is parameter.KEYWORD_ONLY


@pytest.mark.parametrize(("name", "arguments"), [(name, case) for name, cases in CASES.items() for case in cases])
def test_it_draws_without_a_warning(name, arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = draw(name, arguments)
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    assert pixels.std() > 1


def test_every_figure_is_drawn_here():
    public = {
        name
        for name, function in vars(plots).items()
        if inspect.isfunction(function) and function.__module__ == plots.__name__ and not name.startswith("_")
    }
    assert public - {"use_style", "look"} == set(CASES)


def test_an_initialisation_looks_the_same_everywhere():
    assert plots.look("text, frozen") == plots.look("text") == plots.look("text, trainable")
    assert len({plots.look(name) for name in ("text", "random", "orthogonal", "lda")}) == 4
    assert plots.look("something else")[0] == plots.GREY


def test_top_classes_are_in_order():
    figure = draw("top_classes", ({"": np.array([0.1, 0.7, 0.2])}, NAMES, 2))
    [axes] = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["push up", "waving hand"]
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([70, 20])


def test_confusion_is_in_percent_of_the_true_class():
    figure = draw("confusion", CASES["confusion"][0])
    assert sorted(text.get_text() for text in figure.axes[0].texts) == ["25", "50", "50", "75"]
    assert figure.axes[0].images[0].get_array().data.tolist()[2] == [0, 0, 0]


def test_lines_show_every_curve_and_the_ticks_of_a_logarithm():
    curves = {"text, frozen": CURVE, "random, frozen": CURVE}
    figure = plots.lines_with_intervals(curves, title="t", xlabel="shots", chance=4.2, log_x=True)
    figure.canvas.draw()
    [axes] = figure.axes
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["text, frozen", "random, frozen", "chance (4.2 %)"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "4"]
    assert axes.lines[0].get_ydata().tolist() == [20, 50, 99]


def test_class_gains_are_sorted():
    figure = draw("class_gain", CASES["class_gain"][0])
    [axes] = figure.axes
    assert [bar.get_width() for bar in axes.patches] == [-4, 12]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["push up", "archery"]


def test_few_different_numbers_are_bars_in_order_of_frequency():
    figure = plots.distributions({"rate": [30.0, 25.0, 25.0], "seconds": np.arange(20.0)}, title="t")
    bars, histogram = figure.axes
    assert [label.get_text() for label in bars.get_yticklabels()] == ["25", "30"]
    assert [bar.get_width() for bar in bars.patches] == [2, 1]
    assert sum(bar.get_height() for bar in histogram.patches) == 20


def test_videos_per_class_shows_every_class_of_every_split():
    figure = draw("videos_per_class", CASES["videos_per_class"][0])
    [axes] = figure.axes
    assert [bar.get_width() for bar in axes.patches] == [5, 0, 7, 2, 2, 2]
    assert [label.get_text() for label in axes.get_yticklabels()] == NAMES
    [curve] = draw("videos_per_class", CASES["videos_per_class"][1]).axes[0].lines
    assert curve.get_ydata().tolist() == list(range(89, -1, -1))

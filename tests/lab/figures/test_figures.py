"""Every figure draws from small inputs, without a warning, in one style, and shows what it was given."""

import warnings

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from text4vis_core.evaluation.intervals import mean_interval
from text4vis_lab import figures
from text4vis_lab.figures import style

RNG = np.random.default_rng(0)
NAMES = ["archery", "push up", "waving hand"]
VIDEO = RNG.integers(0, 256, (6, 12, 16, 3), dtype=np.uint8)
UNIT = np.eye(3)
METHODS = ["text, frozen", "text, trainable", "random, frozen", "random, trainable"]
VALUES = {method: (20.0 + 10 * i, 50.0 + 10 * i, 69.0 + 10 * i) for i, method in enumerate(METHODS)}
ROWS = pd.DataFrame(
    {"test": "test", "method": method, "shots": shots, "seed": seed, "top1": value + 3 * seed**2}
    for method, values in VALUES.items()
    for shots, value in zip((1, 2, 4), values, strict=True)
    for seed in range(3)
)
ONE_SEED = ROWS[ROWS["seed"] == 0]
HISTORIES = pd.DataFrame(
    {"method": method, "seed": seed, "epoch": epoch, "seconds": epoch * (2.0 + seed), "loss": 3 / epoch, "top1": value}
    for method in METHODS
    for seed in range(2)
    for epoch, value in enumerate(range(10 + seed, 90 + seed, 8), start=1)
)
GAINS = pd.DataFrame({"class": ["push up", "archery", "push up", "archery"], "gain": [-4.0, 10.0, -5.0, 14.0]})
CLAIMS = [
    {
        "claim": f"claim {name}",
        "kind": kind,
        "margin": 5.0,
        "verdict": verdict,
        "mean": mean,
        "low": mean - 3,
        "high": mean + 4,
    }
    for name, kind, verdict, mean in (
        ("a", "superiority", "holds", 12.0),
        ("b", "non-inferiority", "undecided", -3.0),
        ("c", "equivalence", "fails", 20.0),
    )
]
GIVEN = pd.DataFrame(
    [
        {"test": "base", "method": "zero-shot", "top1": 80.0, "low": 71.0, "high": 86.0},
        {"test": "novel", "method": "zero-shot", "top1": 0.0, "low": None, "high": None},
        *(
            {"test": test, "method": "text, trainable", "top1": value}
            for test in ("base", "novel")
            for value in (90, 92)
        ),
    ]
)

FRONTIER = pd.DataFrame(
    {"method": method, "test": test, "mean": mean, "low": mean - 4, "high": mean + 3}
    for method, base, novel in (
        ("zero-shot", 50.0, 55.0),
        ("text, frozen", 70.0, 40.0),
        ("text, trainable", 75.0, 20.0),
    )
    for test, mean in (("base", base), ("novel", novel), ("harmonic mean", 50.0))
)
PATH = pd.DataFrame(
    {"mix": mix, "test": test, "mean": 50 + sign * 20 * mix}
    for mix in (0.0, 0.5, 1.0)
    for test, sign in (("base", 1), ("novel", -1))
)
CONTRASTS = pd.DataFrame(
    {"estimand": name, "shots": shots, "mean": mean, "low": mean - 5, "high": mean + 6}
    for name, mean in (("alignment", 30.0), ("geometry", -2.0))
    for shots in (1, 4)
)
LEAGUE = pd.DataFrame(
    [
        {"method": m, "role": role, "setting": setting, "shots": k, "mean": mean, "low": mean - 3, "high": mean + 2}
        for m, role, mean, shots in (
            ("rows from text", "text", 70.0, (1, 4)),
            ("class means", "text-free", 60.0, (1, 4)),
            ("rows from shuffled text", "control", 40.0, (1, 4)),
            ("zero-shot", "text", 50.0, (None,)),
        )
        for setting in ("tuned", "validation-free")
        for k in shots
    ]
)

DRAW = {
    "frontier": [
        lambda: figures.frontier(FRONTIER, title="title", path=PATH, chosen=0.5, margin=5),
        lambda: figures.frontier(FRONTIER.query("method == 'text, frozen'"), title="title"),
    ],
    "league": [
        lambda: figures.league(LEAGUE, title="title"),
        lambda: figures.league(LEAGUE.query("setting != 'tuned' and shots == 1"), title="title", chance=33.3),
        lambda: figures.league(LEAGUE.assign(test="base, all"), "test", title="title"),
    ],
    "climb": [lambda: figures.climb(LEAGUE.query("setting == 'tuned'"), title="title")],
    "contrasts": [
        lambda: figures.contrasts(CONTRASTS, title="title"),
        lambda: figures.contrasts(CONTRASTS.query("estimand == 'alignment'"), title="title"),
    ],
    "over": [
        lambda: figures.over(ROWS, "shots", title="title", chance=4.2, log_x=True),
        lambda: figures.over(ONE_SEED, "shots", title="title"),
        lambda: figures.over(HISTORIES, "epoch", title="title"),
        lambda: figures.over(HISTORIES, "seconds", "loss", hue=None, title="title"),
    ],
    "bars": [
        lambda: figures.bars(GIVEN, title="title", chance=33.3),
        lambda: figures.bars(ROWS, "shots", title="title"),
        lambda: figures.bars(ROWS, "method", hue="method", title="title"),
        lambda: figures.bars(HISTORIES, "method", "seconds", hue=None, title="title"),
    ],
    "forest": [lambda: figures.forest(CLAIMS, title="title"), lambda: figures.forest(CLAIMS[:1], title="t")],
    "class_gain": [lambda: figures.class_gain(GAINS, title="title"), lambda: figures.class_gain(GAINS[:2], title="t")],
    "loss_curve": [lambda: figures.loss_curve(HISTORIES[:4], title="title")],
    "confusion": [lambda: figures.confusion(np.array([[3, 1, 0], [0, 2, 2], [0, 0, 0]]), NAMES, "title")],
    "correlation_maps": [
        lambda: figures.correlation_maps({"text": UNIT, "random": -UNIT}, NAMES),
        lambda: figures.correlation_maps({"text": np.eye(200)}, [f"class {i}" for i in range(200)]),
    ],
    "frame_strips": [
        lambda: figures.frame_strips({"one": VIDEO, "two": VIDEO[:1]}, 4),
        lambda: figures.frame_strips({"a": VIDEO, "b": VIDEO, "c": VIDEO}, 3, 2),
    ],
    "picture_grid": [
        lambda: figures.picture_grid([VIDEO[0]] * 4, ["a person doing something long to describe"] * 4, 3)
    ],
    "top_classes": [
        lambda: figures.top_classes({"as named": np.array([0.7, 0.2, 0.1])}, NAMES),
        lambda: figures.top_classes({"a": np.zeros(3), "b": np.array([0, 1.0, 0])}, NAMES, 2, "push up"),
    ],
    "the_idea": [lambda: figures.the_idea(VIDEO[:3], NAMES, UNIT, UNIT, UNIT)],
    "videos_per_class": [
        lambda: figures.videos_per_class(
            {"train": np.array([5, 0, 7]), "test": np.array([2, 2, 2])}, NAMES, title="title"
        ),
        lambda: figures.videos_per_class({"train": np.arange(90)}, [str(i) for i in range(90)], title="title"),
    ],
    "distributions": [
        lambda: figures.distributions(
            {"s": np.array([2.0, 2.5]), "pixels": ["4x3", "4x3", "8x6"], "rate": np.arange(20.0), "none": []},
            title="title",
        )
    ],
    "difference_counts": [
        lambda: figures.difference_counts(
            {"64 -> 64": np.array([99, 1, 0, 0, 0]), "256 -> 224": np.array([90, 9, 1, 0, 0])}, title="title"
        )
    ],
}


@pytest.fixture(autouse=True)
def in_style():
    with matplotlib.rc_context():
        figures.use_style()
        yield
        plt.close("all")


@pytest.mark.parametrize("draw", [draw for cases in DRAW.values() for draw in cases])
def test_it_draws_without_a_warning(draw):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = draw()
        figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    assert pixels.std() > 1


def test_every_figure_is_drawn_here():
    assert set(figures.__all__) - {"use_style", "look", "palette", "interval"} == set(DRAW)


def of(method: str, shots: int) -> tuple[float, float]:
    """Mean and half width of the interval of a point of `ROWS`."""
    return mean_interval(ROWS[(ROWS["method"] == method) & (ROWS["shots"] == shots)]["top1"])


def curves(axes) -> dict:
    """Name -> line, without chance."""
    return {line.get_label(): line for line in axes.lines if line.get_label() in METHODS}


def segments(axes) -> list[tuple[float, float]]:
    """Ends of the vertical error bars, as they were drawn."""
    lines = [path.vertices for collection in axes.collections for path in collection.get_paths()]
    return [tuple(vertices[:, 1].tolist()) for vertices in lines if np.isfinite(vertices).all()]


def heights(axes) -> dict[str, list[float]]:
    """Name of bars -> heights, from left to right."""
    named = [drawn for drawn in axes.containers if not drawn.get_label().startswith("_")]
    return {drawn.get_label(): [bar.get_height() for bar in drawn] for drawn in named}


class TestStyle:
    def test_an_initialisation_looks_the_same_everywhere(self):
        assert figures.look("text, frozen") == figures.look("text") == figures.look("text, trainable")
        assert len({figures.look(name) for name in ("text", "random", "orthogonal", "lda", "vision-only")}) == 5
        assert figures.look("something else")[0] == style.GREY

    def test_a_palette_gives_the_others_colours_of_their_own(self):
        colours = figures.palette(["mine", "text, frozen", "yours", "text, trainable"])
        assert colours["text, frozen"] == colours["text, trainable"] == style.BLUE
        assert len(set(colours.values())) == 3 and style.GREY not in colours.values()

    def test_colours_are_the_same_in_curves_and_bars(self):
        [of_curves], [of_bars] = figures.over(ROWS, "shots", title="t").axes, figures.bars(ROWS, title="t").axes
        drawn = {bars.get_label(): to_hex(bars[0].get_facecolor()) for bars in of_bars.containers if len(bars) == 1}
        for method in METHODS:
            expected = to_hex(figures.look(method)[0])
            assert to_hex(curves(of_curves)[method].get_color()) == drawn[method] == expected

    def test_an_interval_is_students(self):
        mean, half = mean_interval([1.0, 2.0, 4.0])
        assert figures.interval(pd.Series([1.0, 2.0, 4.0])) == (mean - half, mean + half)
        assert np.isnan(figures.interval(pd.Series([1.0]))).all()


class TestOver:
    def test_shows_means_and_intervals_of_every_curve(self):
        [axes] = figures.over(ROWS, "shots", title="t").axes
        points = [of(method, shots) for method in METHODS for shots in (1, 2, 4)]
        drawn = [value for method in METHODS for value in curves(axes)[method].get_ydata()]
        assert drawn == pytest.approx([mean for mean, _ in points])
        assert np.array(segments(axes)) == pytest.approx(
            np.array([(mean - half, mean + half) for mean, half in points])
        )

    def test_low_and_high_are_the_interval_where_they_are_given(self):
        rows = pd.DataFrame(
            {"shots": [1, 4], "method": "text", "mean": [50.0, 60.0], "low": [45.0, 52.0], "high": 70.0}
        )
        [axes] = figures.over(rows, "shots", "mean", title="t").axes
        assert np.array(segments(axes)) == pytest.approx(np.array([(45, 70), (52, 70)]))
        assert axes.get_ylabel() == "top-1 accuracy (%)"
        with pytest.raises(ValueError, match=r'"low" and "high".*has 2'):
            figures.over(pd.concat([rows, rows]), "shots", "mean", title="t")

    def test_one_seed_has_no_interval(self):
        [axes] = figures.over(ONE_SEED, "shots", title="t").axes
        assert segments(axes) == []
        assert curves(axes)["text, frozen"].get_ydata().tolist() == [20, 50, 69]

    def test_many_points_have_a_band(self):
        [axes] = figures.over(HISTORIES, "epoch", title="t").axes
        method = HISTORIES[HISTORIES["method"] == "text, frozen"]
        ends = method.groupby("epoch")["top1"].agg(lambda values: figures.interval(values)[1])
        band = axes.collections[0].get_paths()[0].vertices
        assert len(axes.collections) == len(METHODS)
        assert band[:, 1].max() == pytest.approx(ends.max())

    def test_trainable_is_dashed_and_hollow(self):
        [axes] = figures.over(ROWS, "shots", title="t").axes
        for name, line in curves(axes).items():
            trainable = "trainable" in name
            assert line.get_linestyle() == ("--" if trainable else "-")
            assert (line.get_markerfacecolor() == "w") == trainable

    def test_seconds_are_the_means_of_epochs(self):
        put_together = pd.concat(
            run.reset_index(drop=True) for _, run in HISTORIES.groupby(["method", "seed"], sort=False)
        )
        [axes] = figures.over(put_together, "seconds", title="t").axes
        line = curves(axes)["text, frozen"]
        of_epochs = HISTORIES[HISTORIES["method"] == "text, frozen"].groupby("epoch")[["seconds", "top1"]].mean()
        assert line.get_xdata() == pytest.approx(of_epochs["seconds"].to_numpy())
        assert line.get_ydata() == pytest.approx(of_epochs["top1"].to_numpy())

    def test_the_legend_and_the_ticks_of_a_logarithm(self):
        figure = figures.over(ROWS, "shots", title="t", chance=4.2, log_x=True)
        figure.canvas.draw()
        [axes] = figure.axes
        assert [text.get_text() for text in axes.get_legend().get_texts()] == [*METHODS, "chance (4.2 %)"]
        assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "4"]
        assert axes.get_xlabel() == "shots: training videos per class"
        assert axes.get_ylabel() == "top-1 accuracy (%)"


class TestBars:
    def test_show_means_and_intervals(self):
        [axes] = figures.bars(ROWS, "shots", title="t").axes
        points = {method: [of(method, shots) for shots in (1, 2, 4)] for method in METHODS}
        drawn = heights(axes)
        for method in METHODS:
            assert drawn[method] == pytest.approx([mean for mean, _ in points[method]])
        expected = [(mean - half, mean + half) for method in METHODS for mean, half in points[method]]
        assert np.array(segments(axes)) == pytest.approx(np.array(expected))
        assert [text.get_text() for text in axes.texts][:3] == [f"{mean:.0f}" for mean, _ in points[METHODS[0]]]

    def test_one_seed_has_no_interval(self):
        [axes] = figures.bars(ONE_SEED, "shots", title="t").axes
        assert segments(axes) == []

    def test_low_and_high_are_the_interval_where_they_are_given(self):
        [axes] = figures.bars(GIVEN, title="t", chance=33.3).axes
        assert heights(axes) == {"zero-shot": [80, 0], "text, trainable": [91, 91]}
        low, high = figures.interval(pd.Series([90.0, 92.0]))
        assert np.array(segments(axes)) == pytest.approx(np.array([(71, 86), (low, high), (low, high)]))
        labels = [text.get_text() for text in axes.get_legend().get_texts()]
        assert labels == ["zero-shot", "text, trainable", "chance (33.3 %)"]

    def test_low_and_high_of_several_rows_are_an_error(self):
        rows = pd.DataFrame({"test": "base", "method": "zero-shot", "top1": [1.0, 2.0], "low": 0.0, "high": 3.0})
        with pytest.raises(ValueError, match=r'"low" and "high".*base.*zero-shot.* 2'):
            figures.bars(rows, title="t")

    def test_trainable_is_hatched(self):
        [axes] = figures.bars(ROWS, title="t").axes
        hatched = {bars.get_label(): bars[0].get_hatch() is not None for bars in axes.containers if len(bars) == 1}
        assert {name: hatched[name] for name in METHODS} == {name: "trainable" in name for name in METHODS}

    def test_the_order_is_that_of_numbers_or_of_the_rows(self):
        [axes] = figures.bars(ROWS[::-1], "shots", title="t").axes
        assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "4"]
        assert list(heights(axes)) == METHODS[::-1]
        [axes] = figures.bars(ROWS.assign(frozen=ROWS["method"] == METHODS[1]), "shots", hue="frozen", title="t").axes
        assert list(heights(axes)) == ["False", "True"]
        [axes] = figures.bars(ROWS[::-1], "method", hue=None, title="t").axes
        assert [label.get_text().replace("\n", " ") for label in axes.get_xticklabels()] == METHODS[::-1]
        assert axes.get_legend() is None


@pytest.mark.parametrize(
    ("draw", "missing", "there"),
    [
        (lambda: figures.over(ROWS, "shot", title="t"), "shot", "shots, seed"),
        (lambda: figures.over(ROWS, "shots", "top_1", title="t"), "top_1", "top1"),
        (lambda: figures.over(ROWS.assign(seconds=1.0), "seconds", title="t"), "epoch", "seconds"),
        (lambda: figures.bars(ROWS, hue="methods", title="t"), "methods", "method"),
        (lambda: figures.class_gain(GAINS.rename(columns={"gain": "points"}), title="t"), "gain", "points"),
        (lambda: figures.loss_curve(ROWS, title="t"), "epoch", "shots"),
    ],
)
def test_an_unknown_column_is_named_with_those_that_there_are(draw, missing, there):
    with pytest.raises(ValueError, match=f"no column '{missing}' in the table; it has: .*{there}"):
        draw()


def test_nothing_to_draw_is_an_error():
    with pytest.raises(ValueError, match=r"nothing to draw.*'shots' and 'top1'"):
        figures.over(ROWS.assign(top1=None), "shots", title="t")


@pytest.mark.slow
def test_class_gains_are_sorted_and_have_intervals():
    [axes] = figures.class_gain(GAINS, title="t").axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["archery", "push up"]
    assert [bar.get_width() for bar in axes.patches] == [12, -4.5]
    assert [to_hex(bar.get_facecolor()) for bar in axes.patches] == [style.BLUE.lower(), style.RED.lower()]
    low, high = figures.interval(pd.Series([10.0, 14.0]))
    assert axes.collections[0].get_segments()[0][:, 0] == pytest.approx([low, high])


def test_class_gains_take_the_interval_that_is_given():
    gains = pd.DataFrame({"class": ["a", "b"], "gain": [1.0, 2.0], "low": [-1.0, 0.0], "high": [4.0, 5.0]})
    [axes] = figures.class_gain(gains, title="t").axes
    assert [segment[:, 0].tolist() for segment in axes.collections[0].get_segments()] == [[0, 5], [-1, 4]]


def test_a_forest_has_a_line_for_each_claim_and_its_margins():
    [axes] = figures.forest(CLAIMS, title="t").axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["claim a", "claim b", "claim c"]
    drawn = [tuple(line.get_xdata()) for line in axes.lines]
    assert all((claim["low"], claim["high"]) in drawn and (claim["mean"],) in drawn for claim in CLAIMS)
    margins = [x for x in drawn if x in ((5.0, 5.0), (-5.0, -5.0))]
    assert margins == [(5, 5), (-5, -5), (-5, -5), (5, 5)]
    labels = [text.get_text() for text in axes.figure.legends[0].get_texts()]
    assert labels == ["holds", "fails", "undecided", "margin"]
    assert "points" in axes.get_xlabel()
    with pytest.raises(ValueError, match="there is no claim to draw"):
        figures.forest([], title="t")


def test_a_loss_is_drawn_over_epochs():
    [axes] = figures.loss_curve(HISTORIES[:4], title="t").axes
    assert axes.lines[0].get_ydata().tolist() == [3, 1.5, 1, 0.75]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "training loss")


def test_top_classes_are_in_order():
    [axes] = figures.top_classes({"": np.array([0.1, 0.7, 0.2])}, NAMES, 2).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["push up", "waving hand"]
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([70, 20])


def test_confusion_is_in_percent_of_the_true_class():
    axes = DRAW["confusion"][0]().axes[0]
    assert sorted(text.get_text() for text in axes.texts if text.get_text()) == ["25", "50", "50", "75"]
    assert axes.collections[0].get_array().data[2].tolist() == [0, 0, 0]


def test_maps_without_room_have_no_names():
    few, many = (draw().axes[0] for draw in DRAW["correlation_maps"])
    assert [label.get_text() for label in few.get_xticklabels()] == NAMES
    assert list(many.get_xticklabels()) == []


def test_few_different_numbers_are_bars_in_order_of_frequency():
    figure = figures.distributions({"rate": [30.0, 25.0, 25.0], "seconds": np.arange(20.0)}, title="t")
    bars, histogram = figure.axes
    assert [label.get_text() for label in bars.get_yticklabels()] == ["25", "30"]
    assert [bar.get_width() for bar in bars.patches] == [2, 1]
    assert sum(bar.get_height() for bar in histogram.patches) == 20


def test_videos_per_class_shows_every_class_of_every_split():
    few, many = (draw().axes[0] for draw in DRAW["videos_per_class"])
    assert [[bar.get_width() for bar in bars] for bars in few.containers] == [[5, 0, 7], [2, 2, 2]]
    assert [label.get_text() for label in few.get_yticklabels()] == NAMES
    [curve] = [line for line in many.lines if len(line.get_ydata())]
    assert curve.get_ydata().tolist() == list(range(89, -1, -1))


def test_differences_are_in_percent():
    [axes] = DRAW["difference_counts"][0]().axes
    assert [[bar.get_height() for bar in bars] for bars in axes.containers] == [[99, 1, 0, 0, 0], [90, 9, 1, 0, 0]]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "1", "2", "3", "4 or more"]


def test_a_method_on_the_frontier_is_where_both_its_means_are():
    fig = figures.frontier(FRONTIER, title="title", path=PATH, chosen=0.5)
    lines = {line.get_label(): line.get_xydata() for line in fig.axes[0].lines}
    assert lines["weights on the way, 0 to 1"].tolist() == [[50, 50], [60, 40], [70, 30]]
    assert lines["chosen on validation videos (0.5)"].tolist() == [[60, 40]]
    points = {c.get_label(): c.lines[0].get_xydata().tolist() for c in fig.axes[0].containers}
    assert points == {"zero-shot": [[50, 55]], "text, frozen": [[70, 40]], "text, trainable": [[75, 20]]}
    curves = [line.get_xydata() for line in fig.axes[0].lines if line.get_color() == style.GREY]
    for curve in curves:  # of one harmonic mean each
        level = 2 / (1 / curve[:, 0] + 1 / curve[:, 1])
        assert level.std() < 1e-6 and abs(level[0] % 10) < 1e-6
    assert curves
    with pytest.raises(ValueError, match=r"no point at mix 0\.3; it has 0\.0, 0\.5, 1\.0"):
        figures.frontier(FRONTIER, title="title", path=PATH, chosen=0.3)
    with pytest.raises(ValueError, match="no method has a mean on both tests"):
        figures.frontier(FRONTIER.query("test == 'base'"), title="title")


def test_contrasts_are_dots_with_their_own_intervals():
    fig = figures.contrasts(CONTRASTS, title="title")
    dots = {c.get_label(): c.lines[0].get_ydata().tolist() for c in fig.axes[0].containers}
    assert dots == {"alignment": [30, 30], "geometry": [-2, -2]}
    assert (25, 36) in [tuple(s[:, 1]) for c in fig.axes[0].containers for b in c.lines[2] for s in b.get_segments()]
    with pytest.raises(ValueError, match="no column low"):
        figures.contrasts(CONTRASTS.drop(columns="low"), title="title")


def test_a_league_has_the_best_method_on_top_in_a_panel_for_each_number_of_shots():
    fig = figures.league(LEAGUE, title="title")
    names = [label.get_text() for label in fig.axes[0].get_yticklabels()]
    assert names == ["rows from shuffled text", "zero-shot", "class means", "rows from text"]
    assert [ax.get_title("left") for ax in fig.axes] == ["1 shot", "4 shots"]
    for ax in fig.axes:
        assert len(ax.containers) == 8  # a dot in either setting, zero-shot in every panel
    with pytest.raises(ValueError, match="no column role"):
        figures.league(LEAGUE.drop(columns="role"), title="title")


def test_a_climb_has_a_level_for_what_has_no_shots():
    fig = figures.climb(LEAGUE.query("setting == 'tuned'"), title="title")
    curves = {c.get_label(): c.lines[0].get_ydata().tolist() for c in fig.axes[0].containers}
    assert curves == {"rows from text": [70, 70], "class means": [60, 60], "rows from shuffled text": [40, 40]}
    assert [line.get_ydata()[0] for line in fig.axes[0].lines if line.get_label() == "zero-shot"] == [50]
    with pytest.raises(ValueError, match="nothing to draw"):
        figures.climb(LEAGUE.query("method == 'zero-shot'"), title="title")

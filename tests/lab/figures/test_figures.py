"""Every figure draws from small tables, without a warning, in one style, and shows what it was given."""

import json
import warnings

import altair as alt
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from text4vis_lab import figures
from text4vis_lab.figures import showing, style
from text4vis_lab.figures.gallery import Gallery
from text4vis_lab.intervals import mean_interval

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
CLAIMS = pd.DataFrame(
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
)
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
    {"method": method, "test": test, "mean": mean, "low": mean - 4, "high": mean + 3, "run": "here"}
    for method, base, novel in (
        ("zero-shot", 50.0, 55.0),
        ("text, frozen", 70.0, 40.0),
        ("text, trainable", 75.0, 20.0),
    )
    for test, mean in (("base", base), ("novel", novel), ("harmonic mean", 50.0))
)
PATH = pd.DataFrame(
    {"method": "interpolated", "mix": mix, "test": test, "mean": 50 + sign * 20 * mix}
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
SEEDS = LEAGUE[LEAGUE["setting"] == "tuned"].dropna(subset="shots").assign(seed=0, low=np.nan, high=np.nan)
HEADLINE = pd.DataFrame(
    {"where": where, "method": m, "role": m, "mean": mean, "low": mean - 5, "high": mean + 5, "n": 3, "run": "few_shot"}
    for where in ("1 video", "4 videos")
    for m, mean in (("text", 50.0), ("text-free", 40.0), ("zero-shot", 30.0))
)
POSTER = figures.poster(VIDEO[0])
ANSWERS = pd.DataFrame(
    [
        {"video": f"{true} {i}.mp4", "true": true, "predicted": called, "probability": 0.5, "poster": POSTER}
        for i, (true, called) in enumerate(
            [("archery", "archery")] * 3
            + [("archery", "push up")]
            + [("push up", "push up"), ("push up", "waving hand")] * 2
        )
    ]
)
TWO = pd.concat([ANSWERS.assign(method="zero-shot"), ANSWERS.assign(method="text", predicted=ANSWERS["true"])])
COUNTS = pd.DataFrame(
    {"split": split, "class": name, "videos": count}
    for split, counts in (("train", (5, 0, 7)), ("test", (2, 2, 2)))
    for name, count in zip(NAMES, counts, strict=True)
)
MANY = pd.DataFrame({"split": "train", "class": [str(i) for i in range(90)], "videos": range(90)})
LEVELS = pd.DataFrame(
    {"path": path, "level": level, "values": count}
    for path, counts in (("64 -> 64", (99, 1, 0, 0, 0)), ("256 -> 224", (90, 9, 1, 0, 0)))
    for level, count in enumerate(counts)
)
FEW = figures.long({"s": [2.0, 2.5], "pixels": ["4x3", "4x3", "8x6"], "rate": np.arange(20.0)})
TOP = figures.probabilities({"as named": np.array([0.7, 0.2, 0.1])}, NAMES)
TOP2 = figures.probabilities({"a": np.zeros(3), "b": np.array([0, 1.0, 0])}, NAMES, "push up")

EFFECTS = pd.DataFrame(
    [
        {"cause": "template", "found": "found", "mean": -4.5, "low": -8.0, "high": -1.0, "pair": -4.5},
        {"cause": "weights", "found": "not found", "mean": np.nan, "low": np.nan, "high": np.nan, "pair": 3.0},
    ]
)
STEPS = pd.DataFrame(
    [
        {"step": "there", "kind": "number", "start": 0.0, "stop": 60.0, "low": 55.0, "high": 65.0},
        {"step": "template", "kind": "explains", "start": 60.0, "stop": 55.5, "low": 52.0, "high": 59.0, "what": "{}"},
        {"step": "crops", "kind": "works against it", "start": 55.5, "stop": 57.0, "low": np.nan, "high": np.nan},
        {"step": "not explained", "kind": "not explained", "start": 57.0, "stop": 56.0, "low": np.nan, "high": np.nan},
        {"step": "here", "kind": "number", "start": 0.0, "stop": 56.0, "low": 51.0, "high": 61.0},
    ]
)

OF_TABLES = {  # function -> tables and options that it is drawn with
    "headline": [(HEADLINE, {}), (HEADLINE[:3], {"chance": 4.2})],
    "league": [
        (LEAGUE, {}),
        (LEAGUE.query("setting != 'tuned' and shots == 1"), {"chance": 33.3}),
        (LEAGUE.assign(test="base, all").drop(columns="setting"), {"by": "test"}),
        (pd.concat([LEAGUE, SEEDS]), {}),
    ],
    "climb": [(LEAGUE.query("setting == 'tuned'"), {})],
    "contrasts": [(CONTRASTS, {}), (CONTRASTS.query("estimand == 'alignment'"), {})],
    "over": [
        (ROWS, {"x": "shots", "chance": 4.2, "log_x": True}),
        (ONE_SEED, {"x": "shots"}),
        (HISTORIES, {"x": "epoch"}),
        (HISTORIES, {"x": "seconds", "y": "loss", "hue": None}),
    ],
    "bars": [
        (GIVEN, {"chance": 33.3}),
        (ROWS, {"x": "shots"}),
        (ROWS, {"x": "method", "hue": "method"}),
        (HISTORIES, {"x": "method", "y": "seconds", "hue": None}),
    ],
    "forest": [(CLAIMS, {}), (CLAIMS[:1], {})],
    "effects": [(EFFECTS, {}), (EFFECTS[:1], {})],
    "steps": [(STEPS, {}), (STEPS[:1].drop(columns="what"), {"xlabel": "top-5 (%)"})],
    "class_gain": [(GAINS, {}), (GAINS[:2], {})],
    "loss_curve": [(HISTORIES[:4], {})],
    "frontier": [
        (pd.concat([FRONTIER, PATH]), {"chosen": 0.5, "margin": 5}),
        (FRONTIER.query("method == 'text, frozen'"), {}),
    ],
    "confusion": [(ANSWERS, {}), (TWO.drop(columns=["poster", "probability"]), {"most": 2})],
    "predictions": [(ANSWERS, {}), (TWO, {"most": 4})],
    "top_classes": [(TOP, {}), (TOP2, {"k": 2})],
    "videos_per_class": [(COUNTS, {}), (MANY, {})],
    "distributions": [(FEW, {})],
    "difference_counts": [(LEVELS, {})],
}
OF_PICTURES = [
    lambda: figures.correlation_maps({"text": UNIT, "random": -UNIT}, NAMES),
    lambda: figures.correlation_maps({"text": np.eye(200)}, [f"class {i}" for i in range(200)]),
    lambda: figures.frame_strips({"one": VIDEO, "two": VIDEO[:1]}, 4),
    lambda: figures.frame_strips({"a": VIDEO, "b": VIDEO, "c": VIDEO}, 3, 2),
    lambda: figures.picture_grid([VIDEO[0]] * 4, ["a person doing something long to describe"] * 4, 3),
    lambda: figures.the_idea(VIDEO[:3], NAMES, UNIT, UNIT, UNIT),
    lambda: figures.the_idea(VIDEO[:3], NAMES, UNIT, UNIT, UNIT, stacked=True),
]


@pytest.fixture(autouse=True)
def in_style():
    with matplotlib.rc_context():
        figures.use_style()
        yield
        plt.close("all")


def draw(name: str, table: pd.DataFrame, **options):
    titled = options if name == "top_classes" else {"title": "t"} | options
    return figures.OF_TABLES[name](table, **titled)


def rows_of(spec: dict, *columns: str) -> list[dict]:
    """The rows of a chart's data that have these columns, in order."""
    datasets = spec.get("datasets", {}).values()
    return [row for rows in datasets for row in rows if all(column in row for column in columns)]


def parts_of(spec: dict) -> list[dict]:
    """Every layer of a chart."""
    return [part for each in spec.get("layer", ()) for part in parts_of(each)] or [spec]


def marks_of(spec: dict) -> list[str]:
    return [part["mark"]["type"] for part in parts_of(spec)]


@pytest.mark.parametrize(("name", "case"), [(name, i) for name, cases in OF_TABLES.items() for i in range(len(cases))])
def test_a_table_draws_without_a_warning(name, case):
    table, options = OF_TABLES[name][case]
    before = table.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawn = draw(name, table, **options)
        if isinstance(drawn, Figure):
            drawn.canvas.draw()
            assert np.asarray(drawn.canvas.buffer_rgba())[..., :3].std() > 1
        elif isinstance(drawn, alt.TopLevelMixin):
            if case == 0:
                drawn.to_dict()  # is valid
            spec = showing.spec_of(drawn, "what is seen")
            assert (spec["width"], spec["description"]) == ("container", "what is seen")
            assert json.loads(json.dumps(spec, allow_nan=False)) == spec
            assert "tooltip" in json.dumps(spec)
        else:
            assert isinstance(drawn, Gallery)
    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize("case", range(len(OF_PICTURES)))
def test_a_picture_draws_without_a_warning(case):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = OF_PICTURES[case]()
        figure.canvas.draw()
    assert np.asarray(figure.canvas.buffer_rgba())[..., :3].std() > 1


def test_every_figure_is_drawn_here():
    assert set(figures.OF_TABLES) == set(OF_TABLES)
    assert set(figures.OF_TABLES) < set(figures.__all__)


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
        curves = parts_of(showing.spec_of(draw("over", ROWS, x="shots")))[-1]["encoding"]["stroke"]["scale"]
        bars = next(
            part["encoding"]["fill"]["scale"]
            for part in parts_of(showing.spec_of(draw("bars", ROWS)))
            if part["mark"]["type"] == "bar"
        )
        expected = [figures.look(method)[0] for method in METHODS]
        assert curves == bars == {"domain": METHODS, "range": expected}

    def test_what_is_trained_is_drawn_open(self):
        *_, lines, points = parts_of(showing.spec_of(draw("over", ROWS, x="shots")))
        hollow = [colour == "#FFFFFF" for colour in points["encoding"]["fill"]["scale"]["range"]]
        dashed = [dash != [1, 0] for dash in lines["encoding"]["strokeDash"]["scale"]["range"]]
        assert hollow == dashed == ["trainable" in method for method in METHODS]

    def test_an_interval_is_students(self):
        mean, half = mean_interval([1.0, 2.0, 4.0])
        assert figures.interval(pd.Series([1.0, 2.0, 4.0])) == (mean - half, mean + half)
        assert np.isnan(figures.interval(pd.Series([1.0]))).all()


class TestOver:
    def test_shows_means_and_intervals_and_of_each_seed_its_own(self):
        rows = rows_of(showing.spec_of(draw("over", ROWS, x="shots")), "line", "mean")
        for method in METHODS:
            for shots in (1, 2, 4):
                mean, half = mean_interval(ROWS[(ROWS["method"] == method) & (ROWS["shots"] == shots)]["top1"])
                some = {row["seed"]: row for row in rows if (row["line"], row["x"]) == (method, shots)}
                told = [some["all"][name] for name in ("mean", "low", "high")]
                assert told == pytest.approx([mean, mean - half, mean + half])
                assert set(some) == {"all", "0", "1", "2"}
                assert [some[str(seed)]["mean"] for seed in range(3)] == [
                    VALUES[method][[1, 2, 4].index(shots)] + 3 * seed**2 for seed in range(3)
                ]
                assert some["0"]["low"] is None

    def test_low_and_high_are_the_interval_where_they_are_given(self):
        rows = pd.DataFrame(
            {"shots": [1, 4], "method": "text", "mean": [50.0, 60.0], "low": [45.0, 52.0], "high": 70.0}
        )
        spec = showing.spec_of(draw("over", rows, x="shots", y="mean"))
        assert [row["interval"] for row in rows_of(spec, "interval")] == ["50.0 [45.0, 70.0]", "60.0 [52.0, 70.0]"]
        assert '"top-1 accuracy (%)"' in json.dumps(spec)
        with pytest.raises(ValueError, match=r'"low" and "high".*has 2'):
            draw("over", pd.concat([rows, rows]), x="shots", y="mean")

    def test_many_points_have_a_band(self):
        assert "area" in marks_of(showing.spec_of(draw("over", HISTORIES)))
        assert "area" not in marks_of(showing.spec_of(draw("over", ROWS, x="shots")))

    def test_seconds_are_the_means_of_epochs(self):
        put_together = pd.concat(
            run.reset_index(drop=True) for _, run in HISTORIES.groupby(["method", "seed"], sort=False)
        )
        rows = rows_of(showing.spec_of(draw("over", put_together, x="seconds")), "line")
        drawn = [(row["x"], row["mean"]) for row in rows if (row["line"], row["seed"]) == ("text, frozen", "all")]
        of_epochs = HISTORIES[HISTORIES["method"] == "text, frozen"].groupby("epoch")[["seconds", "top1"]].mean()
        assert np.array(drawn) == pytest.approx(of_epochs.to_numpy())

    def test_the_names_and_ticks_of_a_logarithm(self):
        spec = showing.spec_of(draw("over", ROWS, x="shots", chance=4.2, log_x=True))
        x = parts_of(spec)[-1]["encoding"]["x"]
        assert (x["axis"]["values"], x["scale"]["type"]) == ([1, 2, 4], "log")
        assert x["title"] == "shots: training videos per class"
        assert spec["title"]["subtitle"] == ["Dotted: chance (4.2 %)."]

    def test_a_loss_is_drawn_over_epochs(self):
        spec = showing.spec_of(draw("loss_curve", HISTORIES[:4]))
        assert [row["mean"] for row in rows_of(spec, "mean")] == [3, 1.5, 1, 0.75]
        encoding = parts_of(spec)[-1]["encoding"]
        assert (encoding["x"]["title"], encoding["y"]["title"]) == ("epoch", "training loss")


class TestBars:
    def test_show_means_and_intervals_in_the_order_of_the_table(self):
        rows = rows_of(showing.spec_of(draw("bars", GIVEN, chance=33.3)), "mean")
        rows = sorted(rows, key=lambda row: row["key"])
        assert [(row["section"], row["line"], row["mean"]) for row in rows] == [
            ("base", "zero-shot", 80),
            ("base", "text, trainable", 91),
            ("novel", "zero-shot", 0),
            ("novel", "text, trainable", 91),
        ]
        low, high = figures.interval(pd.Series([90.0, 92.0]))
        assert [row["low"] for row in rows] == pytest.approx([71, low, None, low], nan_ok=True)
        assert rows[1]["high"] == pytest.approx(high)
        assert rows[0]["value"] == "80.0"

    def test_groups_of_numbers_are_in_their_order(self):
        rows = rows_of(showing.spec_of(draw("bars", ROWS[::-1], x="shots")), "mean")
        assert list(dict.fromkeys(row["section"] for row in rows)) == ["1", "2", "4"]
        assert list(dict.fromkeys(row["line"] for row in rows)) == METHODS[::-1]

    def test_low_and_high_of_several_rows_are_an_error(self):
        rows = pd.DataFrame({"test": "base", "method": "zero-shot", "top1": [1.0, 2.0], "low": 0.0, "high": 3.0})
        with pytest.raises(ValueError, match=r'"low" and "high".*base.*zero-shot.* 2'):
            draw("bars", rows)


@pytest.mark.parametrize(
    ("name", "table", "options", "missing", "there"),
    [
        ("over", ROWS, {"x": "shot"}, "shot", "shots, seed"),
        ("over", ROWS, {"x": "shots", "y": "top_1"}, "top_1", "top1"),
        ("over", ROWS.assign(seconds=1.0), {"x": "seconds"}, "epoch", "seconds"),
        ("bars", ROWS, {"hue": "methods"}, "methods", "method"),
        ("class_gain", GAINS.rename(columns={"gain": "points"}), {}, "gain", "points"),
        ("loss_curve", ROWS, {}, "epoch", "shots"),
        ("league", LEAGUE.drop(columns="role"), {}, "role", "method"),
        ("contrasts", CONTRASTS.drop(columns="low"), {}, "low", "mean"),
        ("confusion", ANSWERS.drop(columns="true"), {}, "true", "predicted"),
        ("predictions", ANSWERS.drop(columns="video"), {}, "video", "predicted"),
        ("headline", HEADLINE.drop(columns="where"), {}, "where", "method"),
    ],
)
def test_an_unknown_column_is_named_with_those_that_there_are(name, table, options, missing, there):
    with pytest.raises(ValueError, match=f"no column '{missing}'.* in the table; it has: .*{there}"):
        draw(name, table, **options)


def test_nothing_to_draw_is_an_error():
    with pytest.raises(ValueError, match=r"nothing to draw.*'shots' and 'top1'"):
        draw("over", ROWS.assign(top1=None), x="shots")
    with pytest.raises(ValueError, match="no claim to draw"):
        draw("forest", CLAIMS[:0])
    with pytest.raises(ValueError, match="nothing to draw"):
        draw("climb", LEAGUE.query("method == 'zero-shot'"))
    with pytest.raises(ValueError, match="no method has a mean on both tests"):
        draw("frontier", FRONTIER.query("test == 'base'"))
    with pytest.raises(ValueError, match=r"no point at mix 0\.3; it has 0, 0\.5, 1"):
        draw("frontier", pd.concat([FRONTIER, PATH]), chosen=0.3)


def test_class_gains_are_sorted_and_have_intervals():
    rows = rows_of(showing.spec_of(draw("class_gain", GAINS)), "mean")
    assert [(row["line"], row["mean"]) for row in rows] == [("archery", 12), ("push up", -4.5)]
    assert [rows[0][end] for end in ("low", "high")] == pytest.approx(figures.interval(pd.Series([10.0, 14.0])))


def test_a_forest_has_a_line_for_each_claim_and_its_margins():
    spec = showing.spec_of(draw("forest", CLAIMS))
    rows = {row["text"]: row for row in rows_of(spec, "text")}
    assert [rows[f"claim {name}"]["interval"] for name in "abc"] == [
        "12.0 [9.0, 16.0]",
        "-3.0 [-6.0, 1.0]",
        "20.0 [17.0, 24.0]",
    ]
    assert [row["margin"] for row in rows_of(spec, "margin")] == [5, -5, -5, 5]


def test_an_effect_stands_beside_the_difference_that_it_explains():
    rows = rows_of(showing.spec_of(draw("effects", EFFECTS)), "pair")
    told = {(row["line"], row["found"], row["mean"], row["pair"]) for row in rows}
    assert told == {("template", "found", -4.5, -4.5), ("weights", "not found", None, 3.0)}
    assert rows[0]["interval"] == "-4.5 [-8.0, -1.0]"


def test_steps_lead_from_one_number_to_the_other():
    rows = rows_of(showing.spec_of(draw("steps", STEPS)), "stop")
    told = [(row["line"], row["start"], row["stop"], row["interval"]) for row in rows]
    assert told[:2] == [("there", 0, 60, "60.0 [55.0, 65.0]"), ("template", 60, 55.5, "-4.5 [-8.0, -1.0]")]
    assert told[2][3] == "1.5" and told[-1] == ("here", 0, 56, "56.0 [51.0, 61.0]")


def test_a_method_on_the_frontier_is_where_both_its_means_are():
    spec = showing.spec_of(draw("frontier", pd.concat([FRONTIER, PATH]), chosen=0.5))
    points = {row["line"]: (row["x"], row["y"]) for row in rows_of(spec, "line")}
    assert points == {"zero-shot": (50, 55), "text, frozen": (70, 40), "text, trainable": (75, 20)}
    path = {row["mix"]: (row["x"], row["y"]) for row in rows_of(spec, "mix")}
    assert path == {0: (50, 50), 0.5: (60, 40), 1: (70, 30)}
    for row in rows_of(spec, "H"):  # of one harmonic mean each
        assert 2 / (1 / row["x"] + 1 / row["y"]) == pytest.approx(row["H"], abs=0.05)
    assert rows_of(spec, "line")[0]["run"] == "here"


def test_contrasts_are_dots_with_their_own_intervals():
    rows = rows_of(showing.spec_of(draw("contrasts", CONTRASTS)), "line")
    assert [(row["section"], row["line"], row["mean"], row["low"]) for row in rows] == [
        ("1 shot", "alignment", 30, 25),
        ("4 shots", "alignment", 30, 25),
        ("1 shot", "geometry", -2, -7),
        ("4 shots", "geometry", -2, -7),
    ]


def test_a_league_has_the_best_method_on_top_in_a_section_for_each_number_of_shots():
    rows = rows_of(showing.spec_of(draw("league", LEAGUE)), "line")
    names = ["rows from text", "class means", "zero-shot", "rows from shuffled text"]
    for section in ("1 shot", "4 shots"):
        some = sorted((row for row in rows if row["section"] == section), key=lambda row: row["key"])
        assert list(dict.fromkeys(row["line"] for row in some)) == names
        assert len(some) == 8  # a dot in either setting, zero-shot in every section


def test_a_training_of_one_seed_stands_in_the_line_of_its_method():
    spec = showing.spec_of(draw("league", pd.concat([LEAGUE, SEEDS])))
    place = {(row["section"], row["line"]): row["key"] for row in rows_of(spec, "full")}
    one = [row for row in rows_of(spec, "seed") if "full" not in row]
    assert len(one) == len(SEEDS)
    assert all(place[row["section"], row["line"]] == row["key"] for row in one)


def test_a_climb_has_a_level_for_what_has_no_shots():
    spec = showing.spec_of(draw("climb", LEAGUE.query("setting == 'tuned'")))
    drawn = [(row["line"], row["shots"], row["mean"]) for row in rows_of(spec, "line", "shots")]
    assert {(name, mean) for name, shots, mean in drawn if shots == 4} == {
        ("rows from text", 70),
        ("class means", 60),
        ("rows from shuffled text", 40),
    }
    assert ("zero-shot", None, 50) in drawn


def test_confusion_is_in_percent_of_the_true_class_and_shows_its_videos():
    spec = showing.spec_of(draw("confusion", ANSWERS, most=2))
    cells = {(row["true"], row["predicted"]): row for row in rows_of(spec, "percent")}
    assert {pair: row["percent"] for pair, row in cells.items()} == {
        ("archery", "archery"): 75,
        ("archery", "push up"): 25,
        ("push up", "push up"): 50,
        ("push up", "waving hand"): 50,
    }
    assert cells["archery", "push up"]["some"] == "archery 3.mp4"
    behind = [row["label"] for row in rows_of(spec, "place") if row["predicted"] == "waving hand"]
    assert behind == ["push up 5.mp4, 50 %", "push up 7.mp4, 50 %"]
    assert all(row["poster"] == POSTER for row in rows_of(spec, "place"))


def test_a_gallery_tells_what_each_method_called_a_video():
    gallery = draw("predictions", TWO)
    assert gallery.html.count("<li ") == len(ANSWERS) == gallery.whole
    assert '<li data-right="01" data-apart="1" data-class="archery">' in gallery.html
    assert "✗ push up, 50 % <small>zero-shot</small>" in gallery.html
    few = draw("predictions", TWO, most=4)
    assert few.html.count("<li ") == 4 and "4 of 8 videos" in few.html
    assert few.html.count('data-apart="1"') == 2


def test_nothing_but_pictures_and_text_comes_into_a_page():
    bad = ANSWERS.assign(video="<script>x</script>", true='"><b>', poster="javascript:alert(1)")
    text = draw("predictions", bad, **{"title": "<i>"}).html
    assert "<script>x" not in text and '"><b>' not in text and "javascript:" not in text and "<i>" not in text
    assert "javascript:" not in json.dumps(showing.spec_of(draw("confusion", bad)))


def test_top_classes_are_in_order():
    [axes] = draw("top_classes", figures.probabilities({"": np.array([0.1, 0.7, 0.2])}, NAMES), k=2).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["push up", "waving hand"]
    assert [bar.get_width() for bar in axes.patches] == pytest.approx([70, 20])


def test_maps_without_room_have_no_names():
    few, many = (draw_it().axes[0] for draw_it in OF_PICTURES[:2])
    assert [label.get_text() for label in few.get_xticklabels()] == NAMES
    assert list(many.get_xticklabels()) == []


def test_few_different_numbers_are_bars_in_order_of_frequency():
    figure = draw("distributions", figures.long({"rate": [30.0, 25.0, 25.0], "seconds": np.arange(20.0)}))
    bars, histogram = figure.axes
    assert [label.get_text() for label in bars.get_yticklabels()] == ["25", "30"]
    assert [bar.get_width() for bar in bars.patches] == [2, 1]
    assert sum(bar.get_height() for bar in histogram.patches) == 20


def test_videos_per_class_shows_every_class_of_every_split():
    few, many = (draw("videos_per_class", table).axes[0] for table in (COUNTS, MANY))
    assert [[bar.get_width() for bar in bars] for bars in few.containers] == [[5, 0, 7], [2, 2, 2]]
    assert [label.get_text() for label in few.get_yticklabels()] == NAMES
    [curve] = [line for line in many.lines if len(line.get_ydata())]
    assert curve.get_ydata().tolist() == list(range(89, -1, -1))


def test_differences_are_in_percent():
    [axes] = draw("difference_counts", LEVELS).axes
    assert [[bar.get_height() for bar in bars] for bars in axes.containers] == [[99, 1, 0, 0, 0], [90, 9, 1, 0, 0]]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "1", "2", "3", "4 or more"]

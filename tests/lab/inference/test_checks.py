"""What varies, how many seeds it asks for, simulated experiments, and the mixed-effects logit."""

import numpy as np
import pytest
from inference_answers import CLASSES, Run

from text4vis_lab.inference import Noise, coverage, cube_of, half_widths, mixed_logit, permuted, rates, seed_components
from text4vis_lab.inference.simulate import is_true, planted_effects

GROUPS = 20


def run_of(percents: dict[str, np.ndarray], labels: list[dict] | None = None) -> Run:
    """Methods that are right with these probabilities (S, G), in percent."""
    run, rng = Run(), np.random.default_rng(0)
    for method, each in percents.items():
        for seed, line in enumerate(each):
            answers = rng.random(GROUPS * CLASSES) < np.repeat(line, CLASSES) / 100
            run.add(method, answers, **(((labels or {}) and labels[seed]) or {"seed": seed}))
    return run


@pytest.mark.slow
def test_the_draw_of_videos_is_told_from_initialisation_and_order():
    rng = np.random.default_rng(1)
    labels = [{"draw": d, "seed": s, "order": o} for d in range(4) for s in range(3) for o in range(2)]
    of_draw = np.array([-25, -10, 10, 25])
    base = 50 + rng.normal(size=GROUPS) * 8
    percents = np.stack([base + of_draw[label["draw"]] for label in labels])
    run = run_of({"m": percents}, labels)
    found = seed_components(run.table, run.scores, "puppets").set_index("source")
    assert found.index.to_list() == [
        "draw of videos", "initialisation", "order and clips", "groups of test videos", "all together, and chance",
    ]  # fmt: skip
    assert found["levels"].to_list() == [4, 3, 2, GROUPS, 24 * GROUPS]
    assert found["deviation"]["draw of videos"] == pytest.approx(of_draw.std(ddof=1), rel=0.15)
    assert found["deviation"]["initialisation"] < 3 and found["deviation"]["order and clips"] < 3
    assert found["share"].sum() == pytest.approx(100)


def test_where_all_follow_the_seed_its_line_is_for_all_three():
    rng = np.random.default_rng(2)
    percents = 50 + 10 * rng.normal(size=(6, 1)) + 5 * rng.normal(size=GROUPS)
    run = run_of({"m": percents, "other": percents - 10})
    own = run.of("m")
    for behind in (None, run.of("other")):
        found = seed_components(own, run.scores, "puppets", behind=behind)
        assert found["source"].to_list() == ["seeds", "groups of test videos", "all together, and chance"]
    own_noise = Noise.of(cube_of(own, run.scores, "puppets"), cube_of(run.of("other"), run.scores, "puppets"))
    assert found["deviation"].iloc[0] == pytest.approx(own_noise.seeds, abs=1e-6)
    widths = half_widths(seed_components(own, run.scores, "puppets"), [2, 5, 10], 30)
    assert widths["seeds"].to_list() == [2, 5, 10]
    assert widths["half-width"].is_monotonic_decreasing


@pytest.fixture(scope="module")
def pair() -> Run:
    rng = np.random.default_rng(3)
    base = 55 + 8 * rng.normal(size=GROUPS)
    noise = {name: 2 * rng.normal(size=(4, 1)) for name in ("text", "random")}
    return run_of({name: base + noise[name] + (12 if name == "text" else 0) for name in ("text", "random")})


def test_simulated_experiments_say_how_often_verdicts_are_right(pair):
    noise = Noise.of(*(cube_of(pair.of(name), pair.scores, "puppets") for name in ("text", "random")))
    assert noise.groups.mean() == pytest.approx(0, abs=1e-9)
    found = rates(noise, 20.0, seeds=[3], groups=60, experiments=20)
    assert found["planted"].to_list() == [0, 20, 40, 0, -20, -40, 0, 20, 40]
    assert (found[["holds", "fails", "undecided"]].sum(axis=1) == 100).all()
    superiority = found[found["kind"] == "superiority"].set_index("planted")
    assert superiority["holds"][0] == 0 and superiority["holds"][40] > 60
    assert superiority["fails"][40] == 0 and superiority["wrong"][0] == 0
    again = rates(noise, 20.0, seeds=[3], groups=60, experiments=20)
    assert found.equals(again)
    family = rates(noise, 20.0, seeds=[3], groups=60, experiments=4, family=3)
    assert family.columns.to_list() == found.columns.to_list()


def test_noise_needs_two_seeds(pair):
    cubes = [cube_of(pair.of(name).head(1), pair.scores, "puppets") for name in ("text", "random")]
    with pytest.raises(ValueError, match="two seeds and two groups at least; here are 1 and 20"):
        Noise.of(*cubes)


@pytest.mark.parametrize(
    ("kind", "true"), [("superiority", [False, False, True]), ("non-inferiority", [True, False, False])]
)
def test_planted_effects_are_beside_and_at_the_margin(kind, true):
    assert [is_true(kind, 5.0, effect) for effect in planted_effects(kind, 5.0)] == true
    assert [is_true("equivalence", 5.0, effect) for effect in planted_effects("equivalence", 5.0)] == [
        True,
        False,
        False,
    ]


def test_intervals_hold_what_was_planted_as_often_as_they_say():
    rng = np.random.default_rng(0)
    noise = Noise(3.0, rng.normal(scale=5.0, size=500), rng.normal(scale=10.0, size=(10, 50)))
    assert 90 <= coverage(noise, seeds=3, experiments=120) <= 100
    narrow = Noise(0.0, np.zeros(2), np.zeros((2, 2)))
    assert coverage(narrow, seeds=3, experiments=3) == 100  # nothing varies


def test_permuted_labels_leave_nothing_to_know(pair):
    read = permuted(pair.scores, seed=0)
    first = [read(row) for row in pair.table.head(2).to_dict("records")]
    assert (first[0].labels == first[1].labels).all()
    assert sorted(first[0].labels.tolist()) == sorted(pair.scores(pair.rows[0]).labels.tolist())
    assert abs(first[0].metrics()["top1"] - 100 / CLASSES) < 20
    assert pair.scores(pair.rows[0]).metrics()["top1"] == pair.rows[0]["top1"]


@pytest.mark.slow
def test_the_logit_sees_the_difference(pair):
    found = mixed_logit(pair.of("text"), pair.of("random"), pair.scores, "puppets")
    percents = [pair.of(name)["top1"].mean() / 100 for name in ("text", "random")]
    log_odds = np.log([p / (1 - p) for p in percents])
    assert found.mean == pytest.approx(log_odds[0] - log_odds[1], abs=0.25)
    assert 0.1 < found.error < 0.6
    assert set(found.deviations) == {"seed", "seed by method", "group", "group by method", "class"}
    assert found.text().startswith(f"odds ratio {np.exp(found.mean):.2f} [")
    assert found == mixed_logit(pair.of("text"), pair.of("random"), pair.scores, "puppets")

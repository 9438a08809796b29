"""The paper's claims: when the rows of a record make them hold, and when they do not."""

import pytest

from text4vis_lab.claims import FEW_SHOT_GAIN, TEMPORAL_GAIN, claims


def row(**columns):
    return {"cell": "cell", "test": "test", "view": "1 view", "method": "m", "classes": 24, "videos": 96} | columns


def over_seeds(values, **columns):
    """A row for each of some accuracies, with seeds 0, 1, ..."""
    return [row(seed=seed, top1=float(value), **columns) for seed, value in enumerate(values)]


def verdicts(notebook, rows):
    return claims([{"notebook": notebook, "suite": "s", "run": "r", "rows": rows}])


def holds(notebook, rows) -> bool:
    [verdict] = verdicts(notebook, rows)
    assert (verdict["suite"], verdict["run"]) == ("s", "r")
    return verdict["holds"]


def around(mean: float, half: float) -> list[float]:
    """Three values with this mean and this half width of its 95 % interval."""
    from scipy import stats

    step = half / stats.t.ppf(0.975, 2) * 3**0.5
    return [mean - step, mean, mean + step]


@pytest.mark.parametrize(
    ("top1", "videos", "expected"),
    [
        (50.0, 96, True),
        (100 / 24, 96, False),
        (1.0, 96, False),
        (25.0, 4, True),
        (100 / 3, 3, True),
        (100 / 3, 1, False),
    ],
)
def test_zero_shot_is_above_chance_with_wilsons_interval_of_its_videos(top1, videos, expected):
    from text4vis_core.evaluation import wilson_interval

    assert expected == (wilson_interval(top1, videos)[0] > 100 / 24)
    assert holds("02_zero_shot", [row(method="zero-shot", template="{}", top1=top1, videos=videos)]) == expected


@pytest.mark.parametrize(("values", "expected"), [([50, 52, 51], True), ([5, 30, 6], False), ([3, 4, 3.5], False)])
def test_zero_shot_over_several_folds_is_above_chance_with_students_interval(values, expected):
    folds = [row(method="zero-shot", template="{}", fold=i, top1=float(v)) for i, v in enumerate(values, start=1)]
    assert holds("02_zero_shot", folds) == expected


def test_zero_shot_speaks_of_the_first_template_and_of_all_classes():
    own = row(method="zero-shot", template="a video of {}.", top1=50.0)
    others = [own | {"template": "{}", "top1": 1.0}, own | {"half": 0, "classes": 12, "top1": 2.0}]
    [verdict] = verdicts("02_zero_shot", [own, *others])
    assert verdict["holds"]
    assert verdict["evidence"].startswith("top-1 50.0 % (95 % interval 40.")
    assert verdict["evidence"].endswith("chance 4.2 %")


def few_shot(gains: dict[int, list[float]]):
    rows = []
    for shots, values in gains.items():
        rows += over_seeds([40.0] * len(values), method="random, frozen", shots=shots)
        rows += over_seeds([40.0 + value for value in values], method="text, frozen", shots=shots)
    return rows


@pytest.mark.parametrize(
    ("gains", "expected"),
    [
        ([FEW_SHOT_GAIN], True),
        (around(FEW_SHOT_GAIN + 1e-9, 5), True),
        (around(FEW_SHOT_GAIN + 1e-9, 30), False),  # the interval holds 0
        ([FEW_SHOT_GAIN - 0.1], False),
    ],
)
def test_few_shot_gain(gains, expected):
    assert holds("03_few_shot", few_shot({1: gains})) == expected


def test_few_shot_speaks_of_up_to_four_shots():
    found = verdicts("03_few_shot", few_shot({1: [60.0] * 3, 4: [10.0] * 3, 16: [0.0] * 3}))
    assert [verdict["holds"] for verdict in found] == [True, False]
    assert "With 1 video per class" in found[0]["claim"]
    assert "With 4 videos per class" in found[1]["claim"]
    assert "gain 10.0 ± 0.0 points, 3 seeds" in found[1]["evidence"]


def test_a_gain_is_of_the_same_seeds():
    """Seeds that only one of the two was trained with are no pair."""
    rows = over_seeds([40.0, 40.0], method="random, frozen", shots=1)
    rows += over_seeds([40.0 + FEW_SHOT_GAIN, 40.0 + FEW_SHOT_GAIN, 0.0], method="text, frozen", shots=1)
    assert holds("03_few_shot", rows)


@pytest.mark.parametrize(("gains", "expected"), [(around(17, 5), True), ([17.0], True), (around(4, 5), False)])
@pytest.mark.parametrize(("shots", "videos"), [(4, "4 videos per class"), (1, "1 video per"), (0, "all videos")])
def test_the_vision_only_baseline_is_beaten_where_the_whole_interval_says_so(gains, expected, shots, videos):
    rows = over_seeds([50.0 + gain for gain in gains], method="text classifier", shots=shots)
    rows += over_seeds([50.0] * len(gains), method="vision-only", shots=shots)
    rows += over_seeds([90.0] * len(gains), method="contrastive", shots=shots)
    assert holds("10_comparison", rows) == expected
    assert videos in verdicts("10_comparison", rows)[0]["claim"]


def full(text, random, novel=None, ordered=((), ())):
    rows = over_seeds(text, test="base", method="text, frozen", classes=3, counted=1)
    rows += over_seeds(random, test="base", method="random, frozen", classes=3, counted=1)
    if novel is not None:
        rows += [row(test="novel", method="zero-shot", top1=50.0)]
        rows += over_seeds(novel, test="novel", method="text, frozen")
    for temporal, values in zip(("mean", "transformer"), ordered, strict=True):
        rows += over_seeds(values, test="ordered", method="text, frozen", temporal=temporal)
    return rows


@pytest.mark.parametrize(
    ("text", "random", "expected"),
    [
        ([90, 91, 92], [80, 82, 81], True),
        ([90, 91, 60], [80, 82, 81], False),  # ahead in the mean, but not for sure
        ([80, 82, 81], [90, 91, 92], False),
        ([90], [80], True),  # one seed has no interval
        ([80], [80], False),
    ],
)
def test_base_accuracy(text, random, expected):
    assert holds("04_full_training", full(text, random)) == expected
    claim = verdicts("04_full_training", full(text, random))[0]["claim"]
    assert claim.startswith("Trained on 3 base classes, frozen text beats frozen random on the 1 of them")


@pytest.mark.parametrize(
    ("novel", "expected"),
    [([50.0], True), ([70.0], True), ([49.9], False), ([40.0, 61.0], True), ([40.0, 59.0], False)],
)
def test_novel_classes_are_no_worse_than_before(novel, expected):
    _, verdict = verdicts("04_full_training", full([90], [80], novel=novel))
    assert verdict["holds"] == expected
    assert "before 50.0 %" in verdict["evidence"]


@pytest.mark.parametrize(
    ("transformer", "expected"),
    [
        ([50 + TEMPORAL_GAIN], True),
        ([49.9 + TEMPORAL_GAIN], False),
        ([80, 82, 78], True),
        ([50, 55, 99], False),  # not for sure
        ([60, 61, 62], False),  # for sure, but by too little
    ],
)
def test_temporal_gain(transformer, expected):
    rows = full([90], [80], ordered=([50] * len(transformer), transformer))
    assert verdicts("04_full_training", rows)[1]["holds"] == expected


def test_a_record_that_does_not_compare_says_nothing():
    assert verdicts("04_full_training", full([90], [])) == []
    assert verdicts("04_full_training", full([], [], ordered=([50], []))) == []
    assert verdicts("03_few_shot", few_shot({16: [10.0]})) == []
    assert verdicts("05_analysis", []) == []
    assert claims([]) == []


@pytest.mark.parametrize("notebook", ["02_zero_shot", "03_few_shot", "04_full_training", "10_comparison"])
def test_a_record_without_rows_says_nothing(notebook):
    assert verdicts(notebook, []) == []

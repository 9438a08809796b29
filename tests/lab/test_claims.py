"""The paper's claims: when the numbers of a record make them hold, and when they do not."""

import pytest

from text4vis_lab.claims import FEW_SHOT_GAIN, TEMPORAL_GAIN, claims

NAN = None  # as a record on disk holds it


def verdicts(notebook, metrics):
    return claims([{"notebook": notebook, "suite": "s", "run": "r", "metrics": metrics}])


def holds(notebook, metrics) -> bool:
    [verdict] = verdicts(notebook, metrics)
    assert (verdict["suite"], verdict["run"]) == ("s", "r")
    return verdict["holds"]


@pytest.mark.parametrize(("low", "expected"), [(40.0, True), (4.2, False), (1.0, False)])
def test_zero_shot_is_above_chance_with_its_interval(low, expected):
    assert holds("02_zero_shot", {"top1": 50.0, "interval": [low, 60.0], "chance": 4.2}) == expected


def few_shot(gains, half=NAN):
    summary = {name: {k: [40.0, 2.0] for k in gains} for name in ("text, frozen", "random, frozen")}
    return {
        "rows": [{"seed": seed} for seed in (0, 0, 1, 2)],
        "summary": summary,
        "gain_text_over_random_frozen": {k: [gain, half] for k, gain in gains.items()},
    }


@pytest.mark.parametrize(
    ("gain", "half", "expected"),
    [
        (FEW_SHOT_GAIN, NAN, True),
        (FEW_SHOT_GAIN, 5.0, True),
        (FEW_SHOT_GAIN, 30.0, False),  # the interval holds 0
        (FEW_SHOT_GAIN - 0.1, NAN, False),
    ],
)
def test_few_shot_gain(gain, half, expected):
    assert holds("03_few_shot", few_shot({"1": gain}, half)) == expected


def test_few_shot_speaks_of_up_to_four_shots():
    found = verdicts("03_few_shot", few_shot({"1": 60.0, "4": 10.0, "16": 0.0}))
    assert [verdict["holds"] for verdict in found] == [True, False]
    assert "With 1 video per class" in found[0]["claim"]
    assert "With 4 videos per class" in found[1]["claim"]
    assert "gain 10.0 points, 3 seeds" in found[1]["evidence"]


@pytest.mark.parametrize(("gain", "expected"), [([17.0, 5.0], True), ([17.0, NAN], True), ([4.0, 5.0], False)])
@pytest.mark.parametrize(("shots", "videos"), [("4", "4 videos per class"), ("1", "1 video per"), ("0", "all videos")])
def test_the_vision_only_baseline_is_beaten_where_the_whole_interval_says_so(gain, expected, shots, videos):
    metrics = {
        "rows": [{"seed": 0}],
        "summary": {name: {shots: [50.0, 2.0]} for name in ("text classifier", "vision-only")},
        "gain_of_text_classifier": {"vision-only": {shots: gain}, "contrastive": {shots: [0.0, 1.0]}},
    }
    assert holds("10_comparison", metrics) == expected
    assert videos in verdicts("10_comparison", metrics)[0]["claim"]


def full(text, random, novel=None, ordered=((), ())):
    def rows(method, values, key="method", score="base_top1"):
        return [{key: method, "seed": seed, score: value} for seed, value in enumerate(values)]

    summary = {"base": {"text, frozen": [90.0, 1.0], "random, frozen": [80.0, 1.0]}}
    summary["ordered"] = {"mean": [50.0, 2.0], "transformer": [80.0, 2.0]}
    if novel is not None:
        summary["novel"] = {"text, frozen": [novel, NAN]}
    mean, transformer = ordered
    return {
        "base_classes": ["archery", "opening door", "closing door"],
        "counted_classes": ["archery"],
        "rows": rows("text, frozen", text) + rows("random, frozen", random),
        "ordered_rows": rows("mean", mean, "temporal", "top1") + rows("transformer", transformer, "temporal", "top1"),
        "summary": summary,
        "before": {"base": 60.0, "novel": 50.0},
    }


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


@pytest.mark.parametrize(("novel", "expected"), [(50.0, True), (70.0, True), (49.9, False)])
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
    metrics = full([90], [80], ordered=([50] * len(transformer), transformer))
    assert verdicts("04_full_training", metrics)[1]["holds"] == expected


def test_a_record_that_does_not_compare_says_nothing():
    assert verdicts("04_full_training", full([90], [])) == []
    assert verdicts("04_full_training", full([], [], ordered=([50], []))) == []
    assert verdicts("03_few_shot", few_shot({})) == []
    assert verdicts("05_analysis", {}) == []
    assert claims([]) == []

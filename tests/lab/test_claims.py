"""The table of claims, and when the rows and scores of a record make one hold, fail, or leave it undecided."""

import numpy as np
import pytest
from inference_answers import CLASSES, Run, videos

from text4vis_lab.claims import CLAIMS, claims, worse
from text4vis_lab.inference.verdicts import KINDS
from text4vis_lab.judging import MARGIN, MARGINS, check_by_logit

GROUPS = 30


def answers(percent: float, seeds: int = 3) -> np.ndarray:
    """Right answers (S, N): a video is as hard for one method as for another, and for each seed anew."""
    return np.random.default_rng(0).random((5, GROUPS * CLASSES))[:seeds] < percent / 100


def verdicts(run: Run, notebook: str, **others) -> dict[str, dict]:
    record = run.record(notebook, **others)
    found = claims([record], read=lambda _, row: run.scores(row))
    return {verdict["id"]: verdict for verdict in found}


def few_shot(text: float = 80, free: float = 50, **methods: float) -> Run:
    run = Run().add("text, frozen", answers(text), shots=4, role="text")
    run.add("random, frozen", answers(20), shots=4, role="text-free").add(
        "linear", answers(free), shots=4, role="text-free"
    )
    for name, percent in methods.items():
        run.add(name.replace("_", " "), answers(percent), shots=4, role="control")
    return run


def test_the_table_is_whole():
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)
    assert {claim.kind for claim in CLAIMS} <= set(KINDS)
    for claim in CLAIMS:
        assert claim.sentence.format(shots="1 video", classes=24, margin="5")
        assert claim.margin("puppets") == claim.margin("ucf101") == MARGIN
        assert claim.margin("features") == MARGINS["features"]


@pytest.mark.parametrize(("text", "free", "expected"), [(80, 50, "holds"), (55, 50, "undecided"), (50, 80, "fails")])
def test_text_is_compared_with_the_best_method_without_text(text, free, expected):
    verdict = verdicts(few_shot(text, free), "03_few_shot")["few shots"]
    assert verdict["verdict"] == expected
    assert (verdict["comparator"], verdict["kind"], verdict["margin"]) == ("linear", "superiority", 5.0)
    assert verdict["over"] == "3 seeds × 30 groups"
    assert verdict["low"] < verdict["mean"] < verdict["high"]
    assert (verdict["suite"], verdict["run"]) == ("s", "r")
    assert verdict["claim"].startswith("With 4 videos per class, frozen rows of text are ahead of every method without")
    assert (
        "% of linear, the best of 2: " in verdict["evidence"] and "over 3 seeds × 30 groups; p" in verdict["evidence"]
    )


def test_alignment_and_geometry_are_claims_of_their_own():
    run = few_shot()
    for method, percent in (("rotated", 20), ("shuffled", 5), ("nearest simplex", 75), ("rotated simplex", 15)):
        run.add(f"{method}, frozen", answers(percent), shots=4, role="control")
    found = verdicts(run, "03_few_shot")
    assert {name: verdict["verdict"] for name, verdict in found.items()} == {
        "few shots": "holds",
        "alignment": "holds",
        "names": "holds",
        "geometry": "undecided",
        "geometry alone": "undecided",
    }


def test_every_number_of_shots_up_to_four_is_a_claim():
    run = Run()
    for shots in (1, 4, 16):
        run.add("text, frozen", answers(80), shots=shots, role="text")
        run.add("linear", answers(50), shots=shots, role="text-free")
    found = claims([run.record("03_few_shot")], read=lambda _, row: run.scores(row))
    assert [verdict["claim"][:18] for verdict in found] == ["With 1 video per c", "With 4 videos per "]


def test_settings_and_weights_that_are_not_meant_do_not_count():
    run = few_shot(80, 50)
    run.add("linear", answers(95), shots=4, role="text-free", setting="validation-free")
    run.add("linear", answers(95), shots=4, role="text-free", mix=0.5)
    assert verdicts(run, "03_few_shot")["few shots"]["verdict"] == "holds"


def test_where_nothing_was_tuned_the_fixed_recipe_counts():
    run = Run().add("zero-shot", answers(60, seeds=1), seed=None, test="novel", role="text")
    run.add("text, frozen", answers(75), test="novel", role="text", setting="validation-free")
    assert [verdict["id"] for verdict in claims([run.record("09_base_to_novel")], read=lambda _, row: run.scores(row))]


def test_pairs_are_of_seeds_that_all_have():
    run = Run().add("text, frozen", answers(80, seeds=5), shots=1, role="text")
    run.add("linear", answers(50, seeds=3), shots=1, role="text-free")
    assert verdicts(run, "03_few_shot")["few shots"]["over"] == "3 seeds × 30 groups"


def test_zero_shot_is_above_chance_by_the_first_template():
    run = Run().add("zero-shot", answers(60, seeds=1), seed=None, template="a video of {}.")
    run.add("zero-shot", answers(1, seeds=1), seed=None, template="{}")
    verdict = verdicts(run, "02_zero_shot")["zero-shot"]
    assert (verdict["verdict"], verdict["comparator"], verdict["over"]) == ("holds", "chance", "30 groups")
    assert verdict["mean"] == pytest.approx(run.rows[0]["top1"] - 100 / CLASSES)
    guessing = Run().add("zero-shot", answers(100 / CLASSES, seeds=1), seed=None, template="{}")
    assert verdicts(guessing, "02_zero_shot")["zero-shot"]["verdict"] == "undecided"


@pytest.mark.parametrize(("after", "expected"), [(72, "holds"), (65, "undecided"), (40, "fails")])
@pytest.mark.parametrize("notebook", ["04_full_training", "09_base_to_novel"])
def test_novel_classes_are_no_worse_than_before(notebook, after, expected):
    run = Run().add("zero-shot", answers(70, seeds=1), "novel", seed=None)
    run.add("text, frozen", answers(after, seeds=5), "novel")
    [verdict] = verdicts(run, notebook).values()
    assert (verdict["verdict"], verdict["kind"], verdict["comparator"]) == (expected, "non-inferiority", "zero-shot")


def test_full_training_speaks_of_all_classes():
    run = Run()
    for method, role, percent in (("text, frozen", "text", 85), ("lda, frozen", "text-free", 60)):
        run.add(method, answers(percent), "base, all", role=role)
    [verdict] = verdicts(run, "04_full_training").values()
    assert (verdict["id"], verdict["verdict"], verdict["comparator"]) == ("all videos", "holds", "lda, frozen")


def test_the_order_of_time_is_the_transformer_against_the_mean():
    run = Run().add("zero-shot", answers(95, seeds=1), "ordered", seed=None)  # which is neither
    for temporal, percent in (("mean", 40), ("transformer", 90)):
        run.add("text, frozen", answers(percent), "ordered", temporal=temporal)
    [verdict] = verdicts(run, "18_time_order").values()
    assert (verdict["id"], verdict["verdict"]) == ("time order", "holds")
    assert verdict["comparator"] == "text, frozen, mean"


def test_a_frozen_encoder_on_a_cache_of_features_has_a_smaller_margin():
    run = Run()
    names = [f"test/{index}" for index in range(GROUPS * CLASSES)]
    for method, role, percent in (
        ("rows from text", "text", 90), ("logistic probe", "text-free", 60), ("rows from shuffled text", "control", 50)
    ):  # fmt: skip
        run.add(method, answers(percent), names=names, role=role, shots=2)
    found = verdicts(run, "10_frozen_encoder", dataset="features")
    assert {name: verdict["verdict"] for name, verdict in found.items()} == {
        "frozen encoder": "holds",
        "frozen encoder, names": "holds",
    }
    assert found["frozen encoder"]["margin"] == 2
    assert found["frozen encoder"]["over"] == "3 seeds × 120 videos"


def test_claims_of_a_suite_are_corrected_for_their_number():
    run = few_shot(63, 50)
    read = lambda _, row: run.scores(row)  # noqa: E731
    one = run.record("03_few_shot")
    [alone] = claims([one], read=read)
    several = claims([one | {"run": f"r{number}"} for number in range(5)], read=read)
    assert all(verdict["p"] == pytest.approx(min(1, 5 * alone["p"])) for verdict in several)
    apart = claims([one | {"suite": f"s{number}"} for number in range(5)], read=read)
    assert all(verdict["p"] == alone["p"] for verdict in apart)


def test_a_record_that_does_not_compare_says_nothing():
    assert verdicts(Run().add("text, frozen", answers(80), shots=4, role="text"), "03_few_shot") == {}
    assert verdicts(few_shot(), "05_analysis") == {}
    assert verdicts(Run(), "03_few_shot") == {}
    assert claims([]) == []


def test_a_record_without_its_scores_is_named(tmp_path):
    record = few_shot().record("03_few_shot") | {"path": str(tmp_path / "result.json")}
    with pytest.raises(ValueError, match="parquet: the scores cannot be read"):
        claims([record])
    refused: list[str] = []
    assert claims([record], refused) == []
    assert len(refused) == 1 and str(tmp_path) in refused[0]


def test_what_other_seeds_say_otherwise():
    before = [
        {"notebook": "n", "claim": name, "verdict": verdict}
        for name, verdict in zip("abc", ("holds",) * 3, strict=True)
    ]
    after = [
        {"notebook": "n", "claim": name, "verdict": verdict}
        for name, verdict in zip("ab", ("undecided", "fails"), strict=True)
    ]
    assert worse(before, after) == [("b", "holds", "fails"), ("a", "holds", "undecided"), ("c", "holds", "absent")]
    assert worse(before, before) == []


@pytest.mark.slow
def test_the_logit_checks_the_headline():
    run = few_shot()
    judged, logit = check_by_logit(
        run.record("03_few_shot"), next(c for c in CLAIMS if c.id == "few shots"), lambda _, row: run.scores(row)
    )
    assert judged.found.comparator == "linear"
    assert logit.odds[1] > 1
    assert check_by_logit(run.record("05_analysis"), CLAIMS[1]) is None


def test_videos_of_the_answers_have_groups():
    assert len(videos(GROUPS)) == GROUPS * CLASSES

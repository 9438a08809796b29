"""Each cause is named where it was planted, with what it does to the number, and nothing is named where nothing was."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from made_runs import TEMPLATE, MadeRun, made_run, several_labels

from text4vis_lab.compare import CAUSES, Pair, Side, compare
from text4vis_lab.compare.comparing import as_record
from text4vis_lab.compare.explaining import explained
from text4vis_lab.evidence import evidence_of


def permuted(made: MadeRun) -> None:
    """Names and prompts in another order, labels by number."""
    order = np.roll(np.arange(len(made.names)), 1)
    made.names, made.logits = [made.names[i] for i in order], made.logits[:, order]


def columns_moved(made: MadeRun) -> None:
    """Scores in other columns, which nobody tells."""
    made.logits = made.logits[:, np.roll(np.arange(len(made.names)), 1)]


def fewer_videos(made: MadeRun) -> None:
    made.keep(np.arange(len(made.videos)) % 5 > 0)


def half(made: MadeRun) -> None:
    kept = made.labels < 4
    made.keep(kept)
    made.names, made.logits = made.names[:4], made.logits[:, :4]
    made.row["classes"] = 4


def other_scores(made: MadeRun, seed: int = 1) -> None:
    """Somewhat worse ones, as by another prompt, other crops or weights."""
    made.logits = made.logits + np.random.default_rng(seed).normal(size=made.logits.shape)


def template(made: MadeRun) -> None:
    other_scores(made)
    made.row["template"] = made.parameters["template"] = "{}"


def words(made: MadeRun) -> None:
    other_scores(made)
    made.words = {"PlayingGuitar": "playing guitar"}


def words_of_other_case(made: MadeRun) -> None:
    other_scores(made)
    made.names = [name.lower() for name in made.names]
    made.words = {"playingguitar": "playing guitar"}


def method(made: MadeRun) -> None:
    other_scores(made)
    made.row |= {"method": "random, frozen", "initialisation": "random"}


def precision(made: MadeRun) -> None:
    other_scores(made)
    made.parameters["precision"] = "bf16-mixed"


def crops(made: MadeRun) -> None:
    other_scores(made)
    made.row["view"], made.parameters["crops"], made.crops = "1 x 3 views", 3, 3


def resize(made: MadeRun) -> None:
    other_scores(made)
    made.brighter = 8


def more_frames(made: MadeRun) -> None:
    other_scores(made)
    made.taken, made.parameters["num_frames"] = (*made.taken, 18), 5


def other_frames(made: MadeRun) -> None:
    other_scores(made)
    made.taken = tuple(frame - 1 - frame % 2 for frame in made.taken)


def frame_shift(made: MadeRun) -> None:
    """Decoded pictures are the next ones, by the same numbers."""
    other_scores(made)
    made.pictures = np.roll(made.pictures, -1, axis=1)


def channels(made: MadeRun) -> None:
    other_scores(made)
    made.pictures = made.pictures[..., ::-1].copy()


def decoder(made: MadeRun) -> None:
    other_scores(made)
    made.data["decoder"] = "decord 3"
    noise = np.random.default_rng(0).integers(-9, 10, made.pictures.shape)
    made.pictures = (made.pictures.astype(int) + noise).clip(0, 255).astype(np.uint8)


def folders(made: MadeRun) -> None:
    other_scores(made)
    made.videos = [video.removesuffix(".avi").replace("/data/", "/frames/") for video in made.videos]


def contents(made: MadeRun) -> None:
    other_scores(made)
    made.content = dict.fromkeys(made.videos[:10], "f" * 64)


def weights(made: MadeRun) -> None:
    other_scores(made)
    made.weights = {"clip": "b" * 64}


def trained(made: MadeRun) -> None:
    made.row |= {"shots": 2, "seed": 0, "trained_parameters": 10}
    made.drawn = [(f"/data/puppets/a/{i}.avi", i % 8) for i in range(16)]


def epochs(made: MadeRun) -> None:
    trained(made)
    other_scores(made)
    made.parameters["epochs"] = 3


def draw(made: MadeRun) -> None:
    trained(made)
    other_scores(made)
    made.drawn = [(f"/data/puppets/a/{i}.avi", i % 8) for i in range(8, 24)]


def seed(made: MadeRun) -> None:
    trained(made)
    other_scores(made)
    made.row["seed"] = 1


def recipe(made: MadeRun) -> None:
    trained(made)
    other_scores(made)
    made.parameters["lr"] = 0.5


def labels(made: MadeRun) -> None:
    made.labels = made.labels.copy()
    made.labels[::7] = (made.labels[::7] + 1) % len(made.names)


def further_labels(made: MadeRun) -> None:
    """Of videos with several labels some lack the second one."""
    made.targets[::2] = np.eye(len(made.names))[made.labels[::2]]


def labels_of_several(made: MadeRun) -> None:
    """The first of several is another."""
    first = np.eye(len(made.names))[made.labels[::7]]
    labels(made)
    made.targets[::7] = np.maximum(made.targets[::7] - first, np.eye(len(made.names))[made.labels[::7]])


PLANTED = {
    "label_order": [permuted, columns_moved],
    "missing_videos": [fewer_videos],
    "classes": [half],
    "labels": [labels],
    "template": [template],
    "names": [words, words_of_other_case],
    "method": [method],
    "precision": [precision],
    "crops": [crops],
    "resize": [resize],
    "frames": [more_frames, other_frames],
    "frame_shift": [frame_shift],
    "channels": [channels],
    "decoder": [decoder, folders],
    "contents": [contents],
    "weights": [weights],
    "epoch": [epochs],
    "draw": [draw],
    "seed": [seed],
    "recipe": [recipe],
}
SCENARIOS = [(cause, plant) for cause, plants in PLANTED.items() for plant in plants]


@pytest.mark.parametrize(("cause", "plant"), SCENARIOS, ids=lambda each: getattr(each, "__name__", each))
def test_what_was_planted_is_named_and_nothing_else(cause, plant, tmp_path):
    right, wrong = made_run(), made_run()
    if cause in ("epoch", "draw", "seed", "recipe"):
        trained(right)
    plant(wrong)
    found = compare(wrong.write(tmp_path / "suite" / "here"), right.write(tmp_path / "suite" / "there"))
    assert [each.cause for each in found.findings] == [cause]
    expected = wrong.scores().metrics()["top1"] - right.scores().metrics()["top1"]
    assert expected and found.whole == pytest.approx(expected)
    assert found.findings[0].effect == pytest.approx(expected)
    assert found.rest.points == pytest.approx(0)
    assert found.findings[0].what and set(found.others["kind"]) <= {"time"}
    turned_round = compare(tmp_path / "suite" / "there", tmp_path / "suite" / "here")
    assert [each.cause for each in turned_round.findings] == [cause]
    assert turned_round.findings[0].effect == pytest.approx(-expected)


@pytest.mark.parametrize("metric", ["top1", "map"])
@pytest.mark.parametrize("plant", [further_labels, labels_of_several])
def test_other_labels_among_several_are_named_and_undone(plant, metric, tmp_path):
    right, wrong = several_labels(made_run()), several_labels(made_run())
    plant(wrong)
    wrong.write(tmp_path / "suite" / "here"), right.write(tmp_path / "suite" / "there")
    for here, there in (("here", "there"), ("there", "here")):
        found = compare(tmp_path / "suite" / here, tmp_path / "suite" / there, metric=metric)
        assert [each.cause for each in found.findings] == ["labels"]
        assert found.findings[0].effect == pytest.approx(found.whole)
        assert found.whole or (plant, metric) == (further_labels, "top1")  # what is called first has the first one
        assert found.rest.points == pytest.approx(0)


def test_where_videos_are_missing_on_both_sides_the_bounds_hold_the_effect(tmp_path):
    """Right ones are gone here, wrong ones there: all of it is the missing videos."""
    here, there = made_run(), made_run()
    is_right = here.scores().right(1)
    place = np.arange(len(is_right))
    here.keep(~is_right | (place % 4 > 0))
    there.keep(is_right | (place % 2 > 0))
    here.write(tmp_path / "suite" / "here"), there.write(tmp_path / "suite" / "there")
    folders = [tmp_path / "suite" / name for name in ("here", "there")]
    [one], [other] = (compare(*each).findings for each in (folders, folders[::-1]))
    assert one.cause == other.cause == "missing_videos"
    assert one.low <= one.effect <= one.high and one.effect < -10
    assert (other.low, other.effect, other.high) == pytest.approx((-one.high, -one.effect, -one.low))


@pytest.mark.parametrize("count", [3, 6])
def test_of_few_videos_no_order_of_scores_is_told(count, tmp_path):
    """Among so few some column is always like another."""
    for seed in range(4):
        right, wrong = made_run(seed), made_run(seed)
        rng = np.random.default_rng(seed)
        kept = np.isin(np.arange(len(right.videos)), rng.choice(len(right.videos), count, replace=False))
        wrong.logits, wrong.weights = rng.normal(size=wrong.logits.shape), {"clip": "b" * 64}
        right.keep(kept), wrong.keep(kept)
        found = compare(wrong.write(tmp_path / "suite" / "here"), right.write(tmp_path / "suite" / "there"))
        assert [each.cause for each in found.findings] == ["weights"]


def test_columns_that_are_just_called_otherwise_explain_nothing_and_hide_nothing(tmp_path):
    right, wrong = made_run(), made_run()
    wrong.names[:2] = wrong.names[1::-1]
    wrong.words = {name: right.names[place].lower() for place, name in enumerate(wrong.names)}
    folders = [made.write(tmp_path / "suite" / name) for made, name in ((wrong, "here"), (right, "there"))]
    found = compare(*folders)
    assert found.whole == 0 and "labels" not in {each.cause for each in found.findings}
    assert found.rest.points == pytest.approx(0)
    wrong.labels = wrong.labels.copy()
    wrong.labels[-3:] = 0  # called by the name that the first class has here
    for one, other in (folders, folders[::-1]):
        wrong.write(folders[0])
        found = {each.cause: each for each in compare(one, other).findings}
        assert found["labels"].effect == pytest.approx(compare(one, other).whole) != 0


def test_where_nothing_was_planted_none_is_named(tmp_path):
    one, other = (made_run().write(tmp_path / "suite" / name) for name in ("here", "there"))
    found = compare(one, other)
    assert found.findings == [] and found.whole == 0 and found.rest.points == 0 and not len(found.sides)
    assert set(found.differences["kind"]) <= {"time"}


def test_of_two_that_were_planted_both_are_named(tmp_path):
    right, wrong = made_run(), made_run()
    fewer_videos(wrong)
    template(wrong)
    found = compare(wrong.write(tmp_path / "suite" / "here"), right.write(tmp_path / "suite" / "there"))
    assert {each.cause for each in found.findings} == {"missing_videos", "template"}
    assert sum(each.effect for each in found.findings) == pytest.approx(found.whole)
    missing = next(each for each in found.findings if each.cause == "missing_videos")
    shared = [right.videos.index(video) for video in wrong.videos]
    right_ones, lacks = right.scores().right(1)[shared].sum(), len(right.videos) - len(wrong.videos)
    worst, best = (100 * (right_ones + more) / len(right.videos) for more in (0, lacks))
    value = 100 * right_ones / len(wrong.videos)
    assert (missing.low, missing.high) == pytest.approx((value - best, value - worst))


def test_of_two_that_only_a_model_tells_apart_the_sum_is_known_and_the_command_that_tells(tmp_path):
    right, wrong = made_run(), made_run()
    template(wrong)
    crops(wrong)
    found = compare(wrong.write(tmp_path / "suite" / "here"), right.write(tmp_path / "suite" / "there"))
    assert set(found.together) == {each.cause for each in found.findings} == {"template", "crops"}
    assert found.rest.points == pytest.approx(found.whole)
    assert all(each.effect is None and each.how.startswith("not tried: text4vis compare ") for each in found.findings)


def test_what_is_evaluated_again_is_told_apart(tmp_path):
    right, wrong, between = made_run(), made_run(), made_run()
    other_scores(between, 1)
    wrong.logits = between.logits.copy()
    other_scores(wrong, 2)
    wrong.row["template"] = wrong.parameters["template"] = "{}"
    wrong.row["view"], wrong.parameters["crops"], wrong.crops = "1 x 3 views", 3, 3
    tops = [made.scores().metrics()["top1"] for made in (right, between, wrong)]
    asked = []

    def again(record, row, **change):
        asked.append(change)
        if "template" in change:
            raise ValueError("the weights are gone")
        return between.scores()

    records = [as_record(made.write(tmp_path / "suite" / name)) for made, name in ((wrong, "here"), (right, "there"))]
    sides = [Side.of(record, evidence_of(record), record["rows"][0]) for record in records]
    found = explained(Pair.of(*sides), again)
    assert asked == [{"template": TEMPLATE}, {"clips": 1, "crops": 1}] or asked == [
        {"template": TEMPLATE},
        {"crops": 1},
    ]
    effects = {each.cause: each for each in found.findings}
    assert effects["crops"].effect == pytest.approx(tops[2] - tops[1]) and effects["crops"].how == "tried"
    assert effects["template"].effect == pytest.approx(tops[1] - tops[0])  # all that is left
    assert not found.together and found.rest.points == pytest.approx(0)


@pytest.mark.parametrize("stored", ["probabilities", "a number of them"])
def test_a_second_softmax_before_ranking_is_named(stored, tmp_path):
    right, wrong = several_labels(made_run()), several_labels(made_run())
    plain, probabilities = right.scores(), torch.from_numpy(right.logits).softmax(-1)
    twice = replace(plain, scores=probabilities.float()).metrics()["map"]
    if stored == "probabilities":
        wrong.logits = probabilities.numpy()
    else:
        wrong.row["map"] = twice
    found = compare(wrong.write(tmp_path / "suite" / "here"), right.write(tmp_path / "suite" / "there"))
    assert [each.cause for each in found.findings] == ["softmax"]
    assert found.numbers["metric"][0] == "map"
    assert found.findings[0].effect == pytest.approx(twice - plain.metrics()["map"], abs=1e-4) != 0
    both = compare(tmp_path / "suite" / "here", tmp_path / "suite" / "here")
    assert both.findings == []  # where both went through it, it is no difference


@pytest.mark.parametrize("cause", ["code", "versions"])
def test_code_and_versions_are_causes_where_nothing_else_differs_and_the_numbers_do(cause, tmp_path):
    right, wrong = made_run(), made_run()
    one, same = (made.write(tmp_path / "suite" / name) for made, name in ((right, "there"), (made_run(), "same")))
    other_scores(wrong)
    records = {path.name: as_record(path) for path in (one, same, wrong.write(tmp_path / "suite" / "here"))}
    for name in ("same", "here"):
        told = records[name]["provenance"]
        told["modules"] = told["modules"] | ({"text4vis_lab/cell.py": "0" * 12} if cause == "code" else {})
        told["packages"] = told["packages"] | ({"numpy": "1.0"} if cause == "versions" else {})
    found = compare(records["here"], records["there"])
    assert [each.cause for each in found.findings] == [cause]
    assert found.findings[0].effect == pytest.approx(found.whole)
    assert compare(records["same"], records["there"]).findings == []


def test_every_cause_is_planted_in_some_test():
    assert {*PLANTED, "softmax", "code", "versions"} == {*CAUSES}

"""Each cause is named where it was planted, with what it does to the number, and nothing is named where nothing was."""

import numpy as np
import pytest
from made_runs import MadeRun, made_run

from text4vis_lab.compare import compare


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


PLANTED = {
    "label_order": [permuted, columns_moved],
    "missing_videos": [fewer_videos],
    "classes": [half],
    "labels": [labels],
    "template": [template],
    "names": [words],
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
    assert found.findings[0].what
    turned_round = compare(tmp_path / "suite" / "there", tmp_path / "suite" / "here")
    assert [each.cause for each in turned_round.findings] == [cause]
    assert turned_round.findings[0].effect == pytest.approx(-expected)


def test_where_nothing_was_planted_none_is_named(tmp_path):
    one, other = (made_run().write(tmp_path / "suite" / name) for name in ("here", "there"))
    found = compare(one, other)
    assert found.findings == [] and found.whole == 0 and found.rest.points == 0 and not len(found.sides)
    assert set(found.differences["kind"]) <= {"time"}

"""What a run's number would be with one thing otherwise: as the run gives it in which it is so."""

import shutil
from pathlib import Path

import pytest
import torch

from text4vis_lab.compare.planting import WRONGS
from text4vis_lab.compare.trying import NotTried, try_out
from text4vis_lab.records import read_record
from text4vis_lab.results import scores_of

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("at_home")]


def own(record):
    return scores_of(record, record["rows"][0])


@pytest.mark.parametrize("name", ["right", "right_few_shot", "right_epoch", "right_two_labels"])
def test_with_nothing_otherwise_a_number_is_computed_again(ground, name):
    record = getattr(ground, name)
    again, then = try_out(record), own(record)
    assert list(again.videos) == list(then.videos)
    assert torch.equal(again.scores, then.scores)
    assert again.metrics() == then.metrics()


def test_of_half_of_the_classes_the_half_is_computed_again(ground):
    _, half = WRONGS["half of the classes"].plant(ground)
    assert torch.equal(try_out(half).scores, own(half).scores)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("template", lambda ground: {"template": ground.right["parameters"]["template"]}),
        ("names", lambda _: {"names": "words"}),
        ("label order", lambda ground: {"class_order": ground.classes}),
        ("one crop", lambda _: {"crops": 3}),
        ("weights", lambda _: {"checkpoint": ""}),
        ("frames off by one", lambda _: {"frame_shift": 1}),
        ("BGR", lambda _: {"channels": "bgr"}),
    ],
)
def test_a_wrong_run_without_what_is_wrong_is_the_right_one(ground, name, changes):
    right, wrong = WRONGS[name].plant(ground)
    found, expected = try_out(wrong, **changes(ground)), own(right)
    assert list(found.videos) == list(own(wrong).videos)  # by the names that they have there
    # Pictures are compressed after red and blue are swapped, and so differ a little.
    assert (found.scores - expected.scores).abs().max() <= (0.2 if name == "BGR" else 0)
    assert not torch.equal(own(wrong).scores, expected.scores)
    assert found.metrics()["top1"] == pytest.approx(expected.metrics()["top1"], abs=1.5 if name == "BGR" else 0)


def test_a_right_run_with_what_is_wrong_is_the_wrong_one(ground):
    right, wrong = WRONGS["frames off by one"].plant(ground)
    assert torch.equal(try_out(right, frame_shift=-1).scores, own(wrong).scores)


def test_another_copy_of_the_videos_is_found_by_their_names(ground):
    right, wrong = WRONGS["frames off by one"].plant(ground)
    found = try_out(wrong, data_root=right["parameters"]["data_root"])
    assert torch.equal(found.scores, own(right).scores)
    files = try_out(right, dataset="puppets", data_root=str(ground.world.videos))
    assert list(files.videos) == list(own(right).videos)
    assert 0 < (files.scores - own(right).scores).abs().mean() < 0.1  # of pictures that are compressed


def test_a_row_of_another_template_is_computed_with_its_own(ground):
    right = ground.right
    row = right["rows"][0] | {"template": "{}"}
    assert torch.equal(try_out(right, row).scores, try_out(right, template="{}").scores)


def test_a_trained_model_sees_other_frames(ground):
    found = try_out(ground.right_few_shot, num_frames=2)
    assert not torch.equal(found.scores, own(ground.right_few_shot).scores)


@pytest.mark.parametrize(
    ("name", "changes", "why"),
    [
        ("right", {"shots": 3}, "'shots' is nothing that can be tried; choose from: template, names, "),
        ("right", {"channels": "grb"}, "channels is 'grb'; choose from: rgb, bgr"),
        ("right", {"crops": 2}, "crops: .*2"),
        ("right", {"template": "a"}, "must hold {} exactly once"),
        ("right", {"class_order": ["a"]}, "class_order has 1 names, there are 24 classes"),
        ("right", {"resize": 32}, "resize: 32 is less than 64"),
        ("right", {"data_root": "nowhere"}, "nowhere"),
        ("right_few_shot", {"template": "{}"}, "template: text-frozen-shots2-seed0 was trained with it"),
    ],
)
def test_what_cannot_be_tried_says_why(ground, name, changes, why):
    with pytest.raises(NotTried, match=why):
        try_out(getattr(ground, name), **changes)


@pytest.fixture
def elsewhere(ground, tmp_path) -> dict:
    """A run on a copy of the data set, that a test may spoil."""
    root = shutil.copytree(ground.data, tmp_path / "data")
    return ground.zero_shot(f"elsewhere {tmp_path.name}", crops=1, data_root=str(root))


def test_videos_that_are_no_longer_what_they_were_are_refused(elsewhere):
    folder = Path(own(elsewhere).videos[3])
    pictures = sorted(folder.iterdir())
    shutil.copy(pictures[0], pictures[9])
    with pytest.raises(NotTried, match=rf"{folder.name} is not what it was when .* was run"):
        try_out(elsewhere)
    (folder.parents[1] / "test_rgb_split_1.txt").write_text(f"{folder.name},32,0\n")
    with pytest.raises(NotTried, match=r"71 tested videos are not in .*data, the first is "):
        try_out(elsewhere)


def test_other_weights_are_refused(ground):
    record = ground.right | {"weights": {"clip": "0" * 64}}
    with pytest.raises(NotTried, match=r"the weights here are not those of .*right; run its notebook again"):
        try_out(record)


def test_a_model_that_was_not_kept_is_refused(ground):
    record = ground.few_shot("not kept", keep_models="none")
    assert read_record(record["path"]) == record
    with pytest.raises(NotTried, match=r"holds no model\.json: .*keep_models=all"):
        try_out(record)

"""A run's number beside a published one: what is known to be otherwise, and what the rest would do to this run."""

import numpy as np
import pytest
import torch
from made_runs import made_run, several_labels

from text4vis_core.evaluation.protocols import half_class_splits
from text4vis_lab.compare import compare
from text4vis_lab.compare.pair import within
from text4vis_lab.compare.published import published_row
from text4vis_lab.compare.telling import elsewhere, sentence

HERE = {"data": "puppets", "model": "mini_clip"}
ALIKE = {"id": "own", "task": "zero-shot, half of the classes", "metric": "top-1", "value": 90.0, "unit": "%"}
ALIKE |= {"protocol": "half of the classes", "rule": "not found", "spread": "not found", "frames": "8", "views": "1x1"}
ALIKE |= {"resolution": "64", "epochs": "", "note": "", "source": "somebody"} | HERE


def test_half_of_the_classes_is_what_the_published_number_is_of(tmp_path):
    run = made_run()
    found = compare(run.write(tmp_path / "s" / "run"), published=ALIKE)
    part = run.scores()
    halves = [within(part, half).metrics()["top1"] for half in half_class_splits(8)]
    [classes] = [each for each in found.findings if each.sure]
    mine = part.metrics()["top1"]
    assert classes.cause == "classes" and classes.effect == pytest.approx(mine - np.mean(halves))
    assert (classes.low, classes.high) == pytest.approx((mine - max(halves), mine - min(halves)))
    assert found.whole == pytest.approx(mine - 90) and found.rest.points == pytest.approx(found.whole - classes.effect)
    unknown = {each.cause for each in found.findings if not each.sure}
    assert unknown == {"template", "names", "decoder"}  # which nobody tells
    assert all(each.how.startswith("not tried: text4vis compare ") for each in found.findings if not each.sure)
    assert sentence(found).startswith(f"top-1 here {mine:.1f}, there 90.0 (") and not found.strangers


def test_numbers_of_other_data_or_another_model_are_not_compared(tmp_path):
    found = compare(made_run().write(tmp_path / "s" / "run"), published="zs-ucf101")
    told = sentence(found)
    assert told.startswith("These two numbers are not comparable: data puppets here, UCF101 there and model ")
    assert "explains" not in told
    assert set(found.differences["what"]) >= {"data", "model", "views", "frames", "classes and videos"}


@pytest.mark.parametrize(
    ("published", "data", "some"),
    [
        ("zs-ucf101", {"UCF101"}, {"classes", "frames", "epoch"}),
        ("k400-vitb32-f8", {"Kinetics", "Kinetics-400"}, {"crops", "label_order", "missing_videos"}),
        ("anet-vitl14-f16", set(), set()),
    ],
)
def test_what_others_have_found_on_its_data_is_told_with_its_source(published, data, some, tmp_path):
    run = several_labels(made_run())
    found = compare(run.write(tmp_path / "s" / "run"), published=published)
    assert {*found.elsewhere["data"]} == data and {*found.elsewhere["metric"]} <= {"top-1"}
    told = elsewhere(found)
    assert {*told["cause"]} >= some and (told["source"] != "").all()
    assert not {*told["what"]} & {each.what for each in found.findings}


def test_a_second_softmax_that_was_published_is_taken_off(tmp_path):
    run = several_labels(made_run())
    told = ALIKE | {"metric": "mean average precision", "task": "supervised", "protocol": "after a second softmax"}
    found = compare(run.write(tmp_path / "s" / "run"), published=told)
    part = run.scores()
    twice = type(part)(part.videos, part.labels, part.scores.softmax(-1), part.targets).metrics()["map"]
    [softmax] = [each for each in found.findings if each.cause == "softmax"]
    assert softmax.sure and softmax.effect == pytest.approx(part.metrics()["map"] - twice)


def test_another_order_of_the_classes_shows_in_one_run_alone(tmp_path):
    run, right = made_run(), made_run()
    run.logits = np.roll(run.logits, 1, axis=1)
    found = compare(run.write(tmp_path / "s" / "run"), published=ALIKE)
    [order] = [each for each in found.findings if each.cause == "label_order"]
    assert order.effect == pytest.approx(run.scores().metrics()["top1"] - right.scores().metrics()["top1"])
    found = compare(right.write(tmp_path / "s" / "right"), published=ALIKE)
    assert "label_order" not in {each.cause for each in found.findings}


def test_what_can_be_is_evaluated_again(tmp_path, monkeypatch):
    from text4vis_lab.compare import trying

    run, asked = made_run(), []

    def again(record, row, **change):
        asked.append(change)
        return type(run.scores())(run.videos, torch.from_numpy(run.labels), torch.zeros(len(run.videos), 8))

    monkeypatch.setattr(trying, "try_out", again)
    found = compare(run.write(tmp_path / "s" / "run"), published=ALIKE | {"frames": "16", "views": "3x4"}, try_out=True)
    assert {tuple(sorted(change)) for change in asked} == {
        ("template",), ("names",), ("num_frames",), ("clips", "crops"), ("decoder",)
    }  # fmt: skip
    assert {"num_frames": 16} in asked and {"crops": 3, "clips": 4} in asked
    assert {each.how for each in found.findings if each.cause in ("frames", "crops", "names")} == {"tried"}


@pytest.mark.parametrize(
    ("published", "words"),
    [
        ("zs-ucf", "no published number is called 'zs-ucf'; the closest: zs-ucf101, "),
        ("anet-vitl14-f16", "has no mean average precision, which anet-vitl14-f16 is"),
        ("zs-ucf101", "result.json has no cell 'nobody'; its cells: zero-shot-test"),
    ],
)
def test_what_cannot_be_compared_is_said(published, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        cell = "nobody" if published == "zs-ucf101" else ""
        compare(made_run().write(tmp_path / "s" / "run"), published=published, cell=cell)


def test_another_run_or_a_published_number_is_asked_for(tmp_path):
    folder = made_run().write(tmp_path / "s" / "run")
    for given in ({}, {"there": folder, "published": "zs-ucf101"}):
        with pytest.raises(ValueError, match="one of there and published: another run, or the id"):
            compare(folder, **given)
    assert published_row("zs-ucf101")["value"] == 85.8

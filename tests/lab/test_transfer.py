"""What is kept of a model before training, against closed forms."""

from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from torch.nn import functional as F

from text4vis_core import TrainingConfig
from text4vis_core.training import loop
from text4vis_core.training.objectives import ClassifierObjective
from text4vis_lab import Cell, Method
from text4vis_lab.experiment import begin, train_and_test
from text4vis_lab.sources import Clips, Source
from text4vis_lab.transfer import (
    NOTHING,
    RESIDUAL,
    TRANSFERS,
    Distillation,
    Kept,
    LateMean,
    Transfer,
    at_chosen,
    beside,
    choose,
    gains_in_words,
    interpolate,
    transfers,
    with_ends,
)

CONFIG = TrainingConfig(epochs=3, batch_size=4, lr=1e-3, warmup_epochs=0)
FROZEN_TEXT, CLIPS = Method("text, frozen", "text"), Clips(num_frames=2)


@pytest.fixture
def cell(train_videos, test_videos):
    return Cell(FROZEN_TEXT, train_videos, {"test": test_videos}, CONFIG)


def scores(cell, clip, folder):
    return train_and_test(cell, Source(clip=clip), CLIPS, folder).scores["test", "1 view"].scores


def test_the_path_ends_at_both_models_and_is_straight():
    before, after = (
        {"w": torch.tensor([1.0, 3.0]), "n": torch.tensor(2)},
        {"w": torch.tensor([5.0, 0.1]), "n": torch.tensor(7)},
    )
    for mix, end in ((0.0, before), (1.0, after)):
        assert torch.equal(interpolate(before, after, mix)["w"], end["w"])
    assert interpolate(before, after, 0.25)["w"].tolist() == pytest.approx([2.0, 2.275])
    assert interpolate(before, after, 0.25)["n"] == 7


def test_a_cell_on_the_path_is_tested_without_another_training(cell, clip, tmp_path, monkeypatch):
    plain = scores(cell, clip, tmp_path)
    steps, train = [], loop._Run.train_epoch
    monkeypatch.setattr(loop._Run, "train_epoch", lambda run: steps.append(1) or train(run))
    ends = [scores(replace(cell, transfer=Transfer(mix=mix)), clip, tmp_path) for mix in (0.0, 0.5, 1.0)]
    assert not steps
    untrained = scores(replace(cell, fine_tune=False), clip, tmp_path)
    assert torch.equal(ends[2], plain)
    assert torch.equal(ends[0], untrained)
    assert not torch.equal(ends[1], plain)
    assert replace(cell, transfer=Transfer(mix=0.5)).columns["mix"] == 0.5


def test_the_mean_is_of_the_weights_after_the_last_epochs(clip):
    model = Source(clip=clip).build()
    mean = LateMean(model, 4, 0.5)
    for value in (1.0, 2.0, 4.0, 7.0):
        with torch.no_grad():
            model.logit_scale.fill_(value)
        mean.after_epoch(model)
    assert mean.weights()["logit_scale"].item() == pytest.approx((4 + 7) / 2)
    assert LateMean(model, 4, 0.01).first == 3  # at least the last one
    assert LateMean(model, 4, 1.0).first == 0


def test_an_averaged_run_is_the_mean_of_its_epochs_weights(cell, clip, tmp_path, monkeypatch):
    after, kept_after = [], Kept.after_epoch

    def note(kept, model):
        kept_after(kept, model)
        after.append({name: p.detach().clone() for name, p in model.named_parameters() if "average" not in name})

    monkeypatch.setattr(Kept, "after_epoch", note)
    models, finish = [], Kept.finish
    monkeypatch.setattr(Kept, "finish", lambda kept, model: (finish(kept, model), models.append(model)))
    scores(replace(cell, transfer=Transfer(average=2 / 3)), clip, tmp_path)
    assert len(after) == 3
    for name, parameter in models[0].named_parameters():
        assert torch.allclose(parameter, (after[1][name] + after[2][name]) / 2, atol=1e-6), name
    assert "average.seen" not in models[0].state_dict()


def test_distillation_begins_at_zero_and_is_one_less_the_cosine(cell, clip):
    model, _ = begin(cell, Source(clip=clip), CLIPS)
    frames = torch.randint(0, 255, (3, 2, 3, model.size, model.size), dtype=torch.uint8)
    loss = Distillation(model, 2.0)
    embeddings = model.encode_video(frames)
    assert loss(frames, embeddings).abs().max() < 1e-5
    turned = embeddings.roll(1, 0).detach()
    expected = 2 * (1 - F.cosine_similarity(turned, embeddings.detach(), dim=-1))
    assert torch.allclose(loss(frames, turned), expected, atol=1e-5)
    torch.nn.init.eye_(loss.residual[0].weight)
    torch.nn.init.eye_(loss.residual[2].weight)
    unit = F.normalize(turned, dim=-1)
    expected = 2 * (1 - F.cosine_similarity(unit + RESIDUAL * F.gelu(unit), embeddings.detach(), dim=-1))
    assert torch.allclose(loss(frames, turned), expected, atol=1e-5)


def test_the_objective_adds_what_is_kept_for_real_videos_alone(cell, clip):
    model, _ = begin(cell, Source(clip=clip), CLIPS)
    frames = torch.randint(0, 255, (3, 2, 3, model.size, model.size), dtype=torch.uint8)
    labels = torch.tensor([0, 1, -1])
    plain, right = ClassifierObjective(model)(frames, labels)
    model.penalty = torch.nn.Module()
    model.penalty.forward = lambda frames, embeddings: torch.tensor([1.0, 10.0, 100.0])
    kept, same = ClassifierObjective(model)(frames, labels)
    assert (kept - plain).item() == pytest.approx(11, abs=1e-4)
    assert torch.equal(right, same)


@pytest.mark.parametrize("transfer", [Transfer(distil=4.0), Transfer(average=1.0)])
def test_an_interrupted_run_ends_with_the_same_numbers(cell, clip, tmp_path, monkeypatch, transfer):
    cell = replace(cell, transfer=transfer)
    whole = scores(cell, clip, tmp_path / "whole")
    assert not torch.equal(whole, scores(replace(cell, transfer=NOTHING), clip, tmp_path / "whole"))
    train = loop._Run.train_epoch

    def interrupted(run):
        if run.epoch == 2:
            raise KeyboardInterrupt
        return train(run)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(loop._Run, "train_epoch", interrupted)
        scores(cell, clip, tmp_path / "broken")
    assert torch.equal(scores(cell, clip, tmp_path / "broken"), whole)


def test_every_strength_is_a_run_of_its_own(cell):
    names = [replace(cell, transfer=known.at(value)).name for known in TRANSFERS.values() for value in known.values]
    assert len({*names, cell.name}) == len(names) + 1
    assert names[0] == "interpolated-text-frozen-seed0-mix0.0"
    assert replace(cell, transfer=TRANSFERS["distilled"].at(2.0)).columns["method"] == "distilled text, frozen"
    for known in TRANSFERS.values():
        assert known.published in known.values


def test_the_strength_is_chosen_by_validation_videos_alone():
    rows = [
        {"test": test, "mix": mix, "seed": seed, "top1": top1 + seed}
        for seed in (0, 1)
        for mix, top1, novel in ((0.0, 50, 90), (0.5, 60, 10), (1.0, 60, 95))
        for test, top1 in (("validation", top1), ("novel", novel))
    ]
    assert choose(pd.DataFrame(rows), "mix") == 0.5
    with pytest.raises(ValueError, match="no row has a strength"):
        choose(pd.DataFrame(rows).assign(strength=None), "strength")


def test_a_path_has_both_ends_and_each_method_is_shown_at_its_choice():
    def rows(method, validation, novel, **more):
        return [
            {"method": method, "test": test, "seed": 0, "top1": top1} | more
            for test, top1 in (("validation", validation), ("novel", novel))
        ]

    distilled = [
        row for value, top1 in ((8.0, 40), (2.0, 45)) for row in rows("distilled text", top1, 0, strength=value)
    ]
    table = pd.DataFrame(
        rows("zero-shot", 30, 50) + rows("text", 60, 20) + rows("interpolated text", 70, 40, mix=0.5) + distilled
    )
    whole = with_ends(table, "text")
    path = whole[whole["method"] == "interpolated text"].query("test == 'novel'")
    assert path[["mix", "top1"]].values.tolist() == [[0.0, 50], [0.5, 40], [1.0, 20]]
    shown, strengths = at_chosen(whole)
    assert strengths == {"interpolated text": 0.5, "distilled text": 2.0}
    assert shown.query("test == 'validation'").set_index("method")["top1"].to_dict() == {
        "zero-shot": 30, "text": 60, "distilled text": 45, "interpolated text": 70
    }  # fmt: skip
    assert with_ends(table, "random") is table


def test_points_have_the_intervals_of_their_gains():
    rows = pd.DataFrame(
        {"method": method, "test": test, "seed": seed, "top1": top1}
        for method, top1 in (("zero-shot", 50.0), ("text, frozen", 60.0))
        for test in ("base", "novel")
        for seed in range(1 + 2 * (method != "zero-shot"))
    )
    gain = SimpleNamespace(mean=8.0, low=7.0, high=9.0)
    points = beside(rows, lambda ahead, behind: gain if len(ahead) == 3 and len(behind) == 1 else None)
    by = points.set_index(["method", "test"])
    assert by.loc[("text, frozen", "novel"), ["mean", "low", "high"]].tolist() == [58, 57, 59]
    assert by.loc[("zero-shot", "base"), "mean"] == 50 and by.loc[("zero-shot", "base"), ["low", "high"]].isna().all()
    assert points.dropna(subset="gain")["gain"].tolist() == [gain, gain]


def test_gains_are_told_with_the_verdict_on_the_novel_classes():
    def gain(mean):
        estimate = SimpleNamespace(above=lambda margin: 0.001 if mean > margin else 0.9,
                                   below=lambda margin: 0.001 if mean < margin else 0.9)  # fmt: skip
        return SimpleNamespace(mean=mean, low=mean - 1, high=mean + 1, over="3 seeds", estimate=estimate)

    found = {("text, frozen", "base"): gain(4.0), ("text, frozen", "novel"): gain(-2.0)}
    found |= {("averaged", "base"): gain(4.0), ("averaged", "novel"): gain(-8.0), ("zero-shot", "base"): None}
    points = pd.DataFrame([(*key, value) for key, value in found.items()], columns=["method", "test", "gain"])
    kept, lost = gains_in_words(points, 5.0)
    assert kept == (
        '"text, frozen" gains +4.0 points [3.0, 5.0] on base classes over zero-shot and -2.0 points [-3.0, -1.0] on '
        "novel ones: these are kept (over 3 seeds)."
    )
    assert "more than 5 of these are lost" in lost


def test_strengths_are_asked_for_by_name():
    found = transfers({"distilled": [2.0, 8.0], "interpolated": [0.5]})
    assert found == [Transfer(distil=2.0), Transfer(distil=8.0), Transfer(mix=0.5)]
    with pytest.raises(ValueError, match="parameter strengths: unknown 'mixed'; choose from: interpolated, distilled"):
        transfers({"mixed": [0.5]})


def test_what_cannot_be_kept_is_said(cell, clip, monkeypatch):
    model, _ = begin(cell, Source(clip=clip), CLIPS)
    for wrong in ({"mix": 1.5}, {"average": -1.0}, {"distil": -1.0}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} is"):
            Transfer(**wrong)
    with pytest.raises(ValueError, match="not with 'contrastive'"):
        Kept(model, Transfer(distil=1.0), replace(CONFIG, objective="contrastive"))
    monkeypatch.setattr("text4vis_lab.transfer.world", lambda: 2)
    with pytest.raises(ValueError, match="choose 'ddp'"):
        Kept(model, Transfer(mix=0.5), replace(CONFIG, strategy="fsdp"))

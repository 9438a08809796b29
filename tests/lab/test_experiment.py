"""One cell of a table: initialised, trained, scored."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from text4vis_core import TrainingConfig, initialise, load_text4vis_checkpoint
from text4vis_core.evaluation.protocols import multi_view_scores
from text4vis_core.model.labels import prompts
from text4vis_lab import LINEAR, Cell, Method, Part, experiment
from text4vis_lab.cell import Keep, rows_of_outcome
from text4vis_lab.experiment import class_means, own_scores, train_and_test
from text4vis_lab.metrics import score_metrics
from text4vis_lab.models import load_model
from text4vis_lab.plain import file_name
from text4vis_lab.scores import Scores
from text4vis_lab.sources import Clips, Source
from text4vis_lab.tournament import texts
from text4vis_lab.tournament.methods import methods, named

CONFIG = TrainingConfig(epochs=1, batch_size=4, lr=1e-3, warmup_epochs=0)
FROZEN_TEXT = Method("text, frozen", "text")


@pytest.fixture
def trained(monkeypatch) -> dict:
    """The model of the last training, as it was before ("state") and as it is ("model")."""
    seen = {}
    begin = experiment.begin

    def begun(*arguments):
        seen["model"], rows = begin(*arguments)
        seen["state"] = {name: tensor.clone() for name, tensor in seen["model"].state_dict().items()}
        return seen["model"], rows

    monkeypatch.setattr(experiment, "begin", begun)
    return seen


@pytest.mark.parametrize(
    ("initialisation", "objective"), [("text", "classifier"), (LINEAR, "classifier"), ("text", "contrastive")]
)
def test_a_cell_is_trained_and_tested_in_all_views(
    clip, train_videos, test_videos, tmp_path, trained, initialisation, objective
):
    method = Method("method", initialisation, initialisation == "text", objective)
    clips = Clips(num_frames=2, clips=2, crops=3)
    outcome = train_and_test(
        Cell(method, train_videos, {"test": test_videos}, CONFIG, by_view=True), Source(clip=clip), clips, tmp_path
    )
    assert list(outcome.scores) == [("test", "1 view"), ("test", "2 clips"), ("test", "2 x 3 views")]
    assert len(outcome.history) == 1
    assert ("initial" not in outcome.tensors) == (initialisation == LINEAR)
    model = trained["model"]
    assert outcome.trained_parameters == sum(p.numel() for p in model.parameters() if p.requires_grad) > 0
    embedded = clips.embed(model, test_videos, (2, 3))
    assert embedded.views.shape == (len(test_videos), 6, 16)
    all_views = outcome.scores["test", "2 x 3 views"]
    assert torch.equal(all_views.scores, own_scores(model, embedded))
    one_view = replace(embedded, views=embedded.views[:, [1]])
    assert torch.equal(outcome.scores["test", "1 view"].scores, own_scores(model, one_view))
    assert list(all_views.videos) == [video.path.as_posix() for video in test_videos.videos]
    assert all_views.labels.tolist() == test_videos.labels.tolist()
    assert 0 <= all_views.metrics()["top1"] <= 100
    assert torch.equal(outcome.tensors["means"], class_means(embedded, 3))
    after = model.visual.state_dict()
    assert any(not torch.equal(trained["state"][f"visual.{name}"], tensor) for name, tensor in after.items())
    if initialisation == "text":  # of the trained text tower, where that was trained; else as they were
        same = torch.equal(outcome.tensors["learned"], outcome.tensors["initial"])
        assert same == (objective == "classifier")
        assert torch.equal(outcome.tensors["learned"], model.classifier.weight.detach())


def test_nothing_is_trained_where_a_model_is_tested_as_it_is(clip, train_videos, test_videos, tmp_path):
    source, clips = Source(clip=clip), Clips(num_frames=2)
    cell = Cell(FROZEN_TEXT, train_videos, {"test": test_videos}, CONFIG, fine_tune=False)
    outcome = train_and_test(cell, source, clips, tmp_path)
    assert outcome.history == []
    assert list(tmp_path.iterdir()) == []
    before = clips.embed(source.build(), test_videos)
    model = source.build().set_classifier(source.embed_classes(test_videos))
    assert torch.equal(outcome.scores["test", "1 view"].scores, own_scores(model, before))


def test_several_labels_are_ranked_by_probability_and_any_of_them_is_right(clip, test_videos):
    videos = tuple(replace(v, labels=(v.label, (v.label + 1) % 3)) for v in test_videos.videos)
    several = replace(test_videos, videos=videos)
    source, clips = Source(clip=clip), Clips(num_frames=2)
    model = source.build().set_classifier(source.embed_classes(several))
    known = clips.embed(model, several)
    assert torch.equal(known.targets, several.targets)
    ours = score_metrics(own_scores(model, known).softmax(-1), known.labels, known.truth)
    protocol = multi_view_scores(known.views, source.embed_classes(several), model.logit_scale.item())
    assert ours == pytest.approx(score_metrics(protocol, known.labels, known.targets))
    found = Scores.of(several, known, own_scores(model, known)).metrics()
    assert (found["top1"], found["map"]) == pytest.approx((ours["top1"], ours["map"]))


def test_other_classes_are_told_by_their_names_and_some_may_count_alone(
    clip, train_videos, test_videos, tmp_path, trained
):
    base, novel = train_videos.select_classes([0, 1]), test_videos.select_classes([2, 1])
    known = test_videos.select_classes([0, 1])
    tests = {"base": known, "counted": Part(known, (1,)), "novel": novel}
    source, clips = Source(clip=clip), Clips(num_frames=2)
    outcome = train_and_test(Cell(FROZEN_TEXT, base, tests, CONFIG), source, clips, tmp_path)
    whole, part, other = (outcome.scores[name, "1 view"] for name in tests)
    assert torch.equal(part.scores, whole.scores[whole.labels == 1])
    assert set(part.labels.tolist()) == {1}
    embedded = clips.embed(trained["model"], novel).mean
    cosines = F.normalize(embedded, dim=-1) @ clip.class_embeddings(novel.names, source.template).T
    assert torch.allclose(other.scores, trained["model"].logit_scale.exp() * cosines, atol=1e-4)
    assert prompts(["x"], source.template) == ["a video of a person x."]


def test_the_accuracy_after_every_epoch_joins_the_history(clip, train_videos, test_videos, tmp_path):
    tests = {"test": test_videos, "one": Part(test_videos, (2,))}
    recipe = replace(CONFIG, epochs=2)
    for name in tests:
        cell = Cell(FROZEN_TEXT, train_videos, tests, recipe, {"shots": 3}, every_epoch=name)
        outcome = train_and_test(cell, Source(clip=clip), Clips(num_frames=2), tmp_path / name)
        assert [row["epoch"] for row in outcome.history] == [1, 2]
        assert outcome.history[-1]["val_top1"] == pytest.approx(outcome.scores[name, "1 view"].metrics()["top1"])


def test_a_trained_model_is_written_in_the_published_format(
    clip, train_videos, test_videos, tmp_path, trained, published
):
    file = tmp_path / "trained.pt"
    cell = Cell(FROZEN_TEXT, train_videos, {"test": test_videos}, CONFIG, export=str(file))
    source = Source(clip=clip, checkpoint=str(published[0]), num_frames=2)
    train_and_test(cell, source, Clips(num_frames=2), tmp_path)
    frames = torch.randn(1, 2, 3, 32, 32)
    with torch.no_grad():
        written = load_text4vis_checkpoint(file, 2).encode_video(frames)
        assert torch.equal(written, trained["model"].cpu().eval().encode_video(frames))
        assert not torch.equal(written, published[1].encode_video(frames))


def test_a_model_that_the_published_format_has_no_place_for_goes_to_its_folder(
    clip, train_videos, test_videos, tmp_path, trained
):
    file, keep = tmp_path / "trained.pt", Keep(str(tmp_path / "models" / "text"), ("ucf101", "data"), always=False)
    cell = Cell(FROZEN_TEXT, train_videos, {"test": test_videos}, CONFIG, export=str(file), keep=keep)
    outcome = train_and_test(cell, Source(clip=clip), Clips(num_frames=2), tmp_path)
    assert not file.exists() and not cell.left_nothing
    assert (
        "trained.pt is not written, the published code cannot run this model: the mean of its pix" in outcome.remarks[0]
    )
    assert "models/text" in outcome.remarks[0]
    written = load_model(keep.folder)
    scores = outcome.scores["test", "1 view"].scores
    assert torch.equal(written.logits_of(written.embed([v.path for v in test_videos.videos], False).embeddings), scores)
    assert written.facts.measured[0]["top1"] == outcome.scores["test", "1 view"].metrics()["top1"]
    assert written.facts.data["videos"] == len(train_videos)


def test_a_model_that_cannot_be_written_costs_no_number(clip, train_videos, test_videos, tmp_path):
    (tmp_path / "models").write_text("a file in the place of the folder")
    cell = Cell(
        FROZEN_TEXT, train_videos, {"test": test_videos}, CONFIG, keep=Keep(str(tmp_path / "models/text"), ("x", "y"))
    )
    outcome = train_and_test(cell, Source(clip=clip), Clips(num_frames=2), tmp_path)
    assert outcome.remarks[0].startswith("its model is not kept: ") and outcome.scores


def test_the_temporal_module_of_a_cell_goes_before_the_sources(clip, train_videos, test_videos, tmp_path, trained):
    cell = Cell(FROZEN_TEXT, train_videos, {"test": test_videos}, CONFIG, temporal="transformer", fine_tune=False)
    train_and_test(cell, Source(clip=clip, num_frames=2, temporal_heads=2), Clips(num_frames=2), tmp_path)
    assert any(name.startswith("temporal") for name, _ in trained["model"].named_parameters())
    assert cell.name == "text-frozen-seed0-temporaltransformer"


def test_methods_and_names():
    assert methods(["text", "lda"], ["random"]) == [
        Method("text, frozen", "text", True),
        Method("lda, frozen", "lda", True),
        Method("random, trainable", "random", False),
    ]
    with pytest.raises(ValueError, match=r"unknown initialisation 'xavier'; choose from: random, .*linear"):
        Method("m", "xavier")
    cell = Cell(FROZEN_TEXT, None, {}, replace(CONFIG, seed=3), {"shots": 4})
    assert cell.name == "text-frozen-shots4-seed3"
    assert file_name("a video of {}.", "", "x/y: z") == "a-video-of-.-x-y-z"


def test_slow_rows_move_at_a_tenth_of_the_rate(clip, train_videos, test_videos, tmp_path):
    """AdamW's first step is the rate, whatever the gradient."""
    moved = {}
    for name in ("text, trainable", "text, slow"):
        recipe = replace(CONFIG, batch_size=9, weight_decay=0.0, clip_lr_ratio=0.0, warmup_epochs=0)
        cell = Cell(named(name), train_videos, {"test": test_videos}, recipe)
        tensors = train_and_test(cell, Source(clip=clip), Clips(num_frames=2), tmp_path).tensors
        moved[name] = (tensors["learned"] - tensors["initial"]).abs().max().item()
    assert moved["text, slow"] == pytest.approx(moved["text, trainable"] / 10, rel=1e-2)
    assert moved["text, trainable"] == pytest.approx(CONFIG.lr, rel=1e-2)


def test_a_linear_layer_that_begins_as_text_scores_as_text_before_training(clip, train_videos, test_videos, tmp_path):
    scores = {}
    for name in ("text, frozen", "linear, text"):
        cell = Cell(named(name), train_videos, {"test": test_videos}, CONFIG, fine_tune=False)
        outcome = train_and_test(cell, Source(clip=clip), Clips(num_frames=2), tmp_path)
        scores[name] = outcome.scores["test", "1 view"].scores
    assert torch.allclose(*scores.values(), atol=1e-4)


@pytest.mark.parametrize("name", ["means", "shuffled", "rotated", "nearest simplex", "typos", "words"])
def test_rows_begin_as_their_initialisation_says(clip, train_videos, test_videos, tmp_path, name):
    source, clips = Source(clip=clip), Clips(num_frames=2)
    cell = Cell(named(f"{name}, frozen"), train_videos, {"test": test_videos}, CONFIG, {}, 5, fine_tune=False)
    rows = train_and_test(cell, source, clips, tmp_path).tensors["initial"]
    if name == "means":
        known = clips.embed(source.build(), train_videos)
        given = {"features": F.normalize(known.mean, dim=-1), "labels": known.labels}
    else:
        given = {"class_embeddings": texts.embedded(name, train_videos.names, source, 5)}
    assert torch.equal(rows, initialise(name, 3, 16, seed=5, **given))


def test_the_seed_of_rows_is_apart_from_that_of_order(clip, train_videos, test_videos, tmp_path):
    source, clips, rows = Source(clip=clip), Clips(num_frames=2), []
    for initial, order in ((0, 0), (0, 1), (1, 0)):
        labels = {"initial": initial, "order": order, "seed": 7}
        recipe = replace(CONFIG, seed=order)
        cell = Cell(named("random, frozen"), train_videos, {"test": test_videos}, recipe, labels, initial)
        assert cell.columns["seed"] == 7
        assert cell.name == f"random-frozen-initial{initial}-order{order}-seed7"
        rows.append(train_and_test(cell, source, clips, tmp_path).tensors["initial"])
    assert torch.equal(rows[0], rows[1])
    assert not torch.equal(rows[0], rows[2])


def test_rows_say_role_setting_and_how_training_went(clip, train_videos, test_videos, tmp_path):
    method = replace(named("linear"), setting="tuned")
    cell = Cell(method, train_videos, {"test": test_videos}, CONFIG, {"shots": 3})
    outcome = train_and_test(cell, Source(clip=clip), Clips(num_frames=2), tmp_path)
    [row] = rows_of_outcome(cell.name, outcome, cell.columns, cell.tests)
    assert cell.name == "linear-tuned-shots3-seed0"
    assert (row["role"], row["setting"]) == ("text-free", "tuned")
    assert (row["train_loss"], row["train_top1"]) == (outcome.history[-1]["loss"], outcome.history[-1]["train_top1"])

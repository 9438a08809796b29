"""Where models and class embeddings come from, how videos become clips, and one cell of a table."""

from dataclasses import replace

import pytest
import torch
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from open_clip.modified_resnet import ModifiedResNet

from text4vis_core import TrainingConfig, VideoClassifier, save_text4vis_checkpoint
from text4vis_core.evaluation.metrics import score_metrics
from text4vis_core.evaluation.protocols import multi_view_scores
from text4vis_core.model import ImageEncoder
from text4vis_core.model.clip import save_class_embeddings
from text4vis_lab.experiment import (
    AUGMENTATIONS,
    LINEAR,
    Clips,
    Source,
    accuracy,
    check_views,
    own_scores,
    train_and_test,
)

CONFIG = TrainingConfig(epochs=1, batch_size=4, lr=1e-3, warmup_epochs=0)


@pytest.fixture
def published(tmp_path):
    """A small model in the published format, with the embeddings' size of the tests' CLIP."""
    torch.manual_seed(0)
    visual = ModifiedResNet([1, 1, 1, 1], 16, 8, 32, 16)
    model = VideoClassifier(ImageEncoder(visual, 16, 32, OPENAI_DATASET_MEAN, OPENAI_DATASET_STD), 3.0, "tsm").eval()
    save_text4vis_checkpoint(tmp_path / "published.pt", model)
    return tmp_path / "published.pt", model


def test_a_checkpoint_beside_a_text_tower(published, clip, test_videos):
    path, model = published
    source = Source(clip, checkpoint=str(path), num_frames=2)
    frames = torch.randn(1, 2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(source.model().cpu().encode_video(frames), model.encode_video(frames))
    assert torch.equal(source.class_embeddings(test_videos), clip.class_embeddings(test_videos.names))
    assert set(source.fingerprints()) == {"clip", "checkpoint"}


def test_a_checkpoint_beside_a_file_of_class_embeddings(published, clip, test_videos, tmp_path):
    path, _ = published
    names = test_videos.class_names("published")
    rows = clip.class_embeddings(names)
    save_class_embeddings(tmp_path / "rows.safetensors", names, rows, clip.source, "{}")
    settings = {"checkpoint": str(path), "class_embeddings_file": str(tmp_path / "rows.safetensors")}
    source = Source.load("", **settings, names="published", num_frames=2)
    assert torch.equal(source.class_embeddings(test_videos), rows)
    assert set(source.fingerprints()) == {"checkpoint", "class_embeddings"}
    with pytest.raises(ValueError, match="lacks 3 of 3 classes: 'apply lipstick'"):
        replace(source, names="words").class_embeddings(test_videos)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"names": "shouted"}, "parameter names: unknown 'shouted'; choose from: published, words"),
        ({"template": "no place"}, "must hold {} exactly once"),
        ({"temporal": "lstm"}, "unknown temporal module 'lstm'; choose from: mean, transformer"),
        ({"checkpoint": "x.pt"}, "a checkpoint and a file of class embeddings are needed, both"),
        ({}, "a checkpoint and a file of class embeddings are needed, both"),
    ],
)
def test_sources_that_cannot_be(settings, message):
    with pytest.raises(ValueError, match=message.replace("{}", r"\{\}")):
        Source(None, **settings)


def test_a_text_tower_of_another_size_is_named(published, clip):
    path, _ = published
    source = Source(replace(clip, dim=512, source="ViT-B-32:openai"), checkpoint=str(path))
    with pytest.raises(ValueError, match="size 16, the text tower of ViT-B-32:openai gives 512: set model to the CLIP"):
        source.model()


def test_a_file_that_is_not_there_names_its_parameter(clip):
    with pytest.raises(FileNotFoundError, match=r"parameter checkpoint: there is no file nowhere\.pt"):
        Source(clip, checkpoint="nowhere.pt").fingerprints()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_frames": 0}, "num_frames is 0"),
        ({"num_frames": 2.5}, "num_frames is 2.5; it must be a whole number"),
        ({"resize": -1}, "resize is -1"),
        ({"augmentation": "strong"}, "parameter augmentation: unknown 'strong'; choose from: light, published"),
        ({"on_error": "ignore"}, "parameter on_error: unknown 'ignore'"),
    ],
)
def test_clips_that_cannot_be(settings, message):
    with pytest.raises(ValueError, match=message):
        Clips(**settings)


def test_views_and_sizes_that_cannot_be():
    for clips, crops, message in ((0, 1, "clips: 0"), ("two", 1, "clips: 'two'"), (1, 2, "crops: unknown 2")):
        with pytest.raises(ValueError, match=message):
            check_views(clips, crops)
    with pytest.raises(ValueError, match="parameter resize: 256 is less than 336, the model's input size"):
        Clips(resize=256).check(336)
    Clips(resize=336).check(336)
    Clips().check(336)


def test_settings_reach_the_clips(train_videos):
    clips = Clips(2, dense=True, resize=40, augmentation="published", options={"randaugment": (1, 5)})
    training, evaluation = clips.training(train_videos, 32, seed=3), clips.evaluation(train_videos, 32, 2, 3)
    assert training.views.augmentation == replace(AUGMENTATIONS["published"], randaugment=(1, 5))
    assert (training.views.resize, training.views.dense, training.seed, evaluation.views.resize) == (40, True, 3, 40)
    assert training[0]["frames"].shape == (2, 3, 32, 32)
    assert evaluation[0]["frames"].shape == (6, 2, 3, 32, 32)


@pytest.mark.parametrize(
    ("initialisation", "objective"), [("text", "classifier"), (LINEAR, "classifier"), ("text", "contrastive")]
)
def test_a_cell_is_trained_and_tested_in_all_views(
    clip, train_videos, test_videos, tmp_path, initialisation, objective
):
    cell = train_and_test(
        Source(clip),
        train_videos,
        test_videos,
        replace(CONFIG, objective=objective),
        Clips(2),
        initialisation=initialisation,
        frozen=initialisation == "text",
        run_dir=tmp_path,
        name="cell",
        views=(2, 3),
        progress=False,
    )
    assert cell.test.views.shape == (len(test_videos), 6, 16)
    assert len(cell.fit.history) == 1
    assert (cell.initial_rows is None) == (initialisation == LINEAR)
    assert 0 <= accuracy(cell.model, cell.test)[0] <= 100
    before, after = Source(clip).model().visual.state_dict(), cell.model.visual.state_dict()
    assert any(not torch.equal(tensor, after[name]) for name, tensor in before.items())
    rows = cell.model.classifier.weight.detach()
    if initialisation == "text":  # of the trained text tower, where that was trained; else as they were
        assert torch.equal(rows, cell.initial_rows) == (objective == "classifier")


def test_nothing_is_trained_where_a_model_is_tested_as_it_is(clip, train_videos, test_videos, tmp_path):
    cell = train_and_test(
        Source(clip),
        train_videos,
        test_videos,
        CONFIG,
        Clips(2),
        initialisation="text",
        frozen=True,
        run_dir=tmp_path,
        name="cell",
        fine_tune=False,
    )
    assert cell.fit.history == []
    assert list(tmp_path.iterdir()) == []
    before = Clips(2).embed(Source(clip).model(), test_videos)
    assert torch.equal(cell.test.views, before.views)


def test_several_labels_are_ranked_by_probability_and_any_of_them_is_right(clip, test_videos, tmp_path):
    videos = tuple(replace(v, labels=(v.label, (v.label + 1) % 3)) for v in test_videos.videos)
    several = replace(test_videos, videos=videos)
    source = Source(clip)
    model = source.model().set_classifier(source.class_embeddings(several))
    known = Clips(2).embed(model, several)
    assert torch.equal(known.targets, several.targets)
    ours = score_metrics(own_scores(model, known).softmax(-1), known.labels, known.truth)
    protocol = multi_view_scores(known.views, source.class_embeddings(several), model.logit_scale.item())
    assert ours == pytest.approx(score_metrics(protocol, known.labels, known.targets))
    assert accuracy(model, known)[0] == pytest.approx(ours["top1"])

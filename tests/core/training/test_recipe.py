"""The published recipe, one test for each of its parts, and the options that are off in it."""

import os
import subprocess
import sys
from dataclasses import replace

import open_clip
import pytest
import torch
from conftest import ROOT
from torch.nn import functional as F

from text4vis_core import TrainingConfig, VideoClassifier, VideoDataset, fit, initialise
from text4vis_core.data import Views
from text4vis_core.data.datasets import collate
from text4vis_core.data.transforms import LIGHT_AUGMENTATION, PUBLISHED_AUGMENTATION, Augmentation
from text4vis_core.model.video_classifier import fingerprint
from text4vis_core.training.contrastive import TextTower
from text4vis_core.training.objectives import ClassifierObjective
from text4vis_core.training.recipe import parameter_groups, warmup_cosine

CONFIG = TrainingConfig(epochs=2, batch_size=4, lr=1e-3, warmup_epochs=1)
PUBLISHED = {
    "epochs": 30,
    "batch_size": 256,
    "lr": 5e-5,
    "clip_lr_ratio": 0.1,
    "warmup_epochs": 5,
    "weight_decay": 0.2,
    "betas": (0.9, 0.999),
    "eps": 1e-8,
    "grad_clip": None,
    "label_smoothing": 0.0,
    "drop_path": 0.0,
    "gradient_checkpointing": False,
    "objective": "classifier",
    "precision": "auto",
}


@pytest.fixture(scope="module")
def vit(clip):
    """A CLIP like that of the other tests, with a transformer for its images."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        vision = {"layers": 2, "width": 16, "head_width": 8, "patch_size": 16, "image_size": 32}
        text = {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
        return replace(clip, model=open_clip.model.CLIP(16, vision, text).eval())


def vit_model(vit, temporal: str = "mean") -> VideoClassifier:
    model = VideoClassifier.from_clip(vit, temporal, num_frames=2, seed=0)
    return model.set_classifier(initialise("orthogonal", 3, 16), frozen=False)


def train(model, videos, folder, config=CONFIG, augmentation=LIGHT_AUGMENTATION):
    dataset = VideoDataset(videos, 2, 32, Views(training=True, augmentation=augmentation))
    return fit(model, dataset, config, checkpoint_dir=folder, name="run", progress=False)


def test_the_defaults_are_the_published_ones():
    config = TrainingConfig()
    assert {name: getattr(config, name) for name in PUBLISHED} == PUBLISHED
    assert (
        Augmentation(scale=(0.08, 1.0), attempts=10, interpolation="bilinear", flip=0.5, grayscale=0.2)
        == PUBLISHED_AUGMENTATION
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("temporal", "new"),
    [
        ("mean", {"classifier."}),
        ("transformer", {"classifier.", "temporal."}),
        ("tokent1d", {"classifier.", "control_point"}),
        ("joint", {"classifier."}),  # its time embedding moves with the encoder
    ],
)
def test_rates_of_clips_parameters_and_of_everything_new(vit, temporal, new):
    model = vit_model(vit, temporal)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    clip, rest = parameter_groups(model, TrainingConfig())
    assert (clip["lr"], rest["lr"]) == (pytest.approx(5e-6), pytest.approx(5e-5))
    found = [names[id(parameter)] for parameter in rest["params"]]
    assert all(any(part in name for part in new) for name in found)
    assert all(any(part in name for name in found) for part in new)
    assert {*found, *(names[id(p)] for p in clip["params"])} == {*names.values()}


def test_the_rate_rises_then_falls_to_zero_at_fractional_epochs(model, train_videos, tmp_path, monkeypatch):
    rates, step = [], torch.optim.AdamW.step

    def noted(self, *args, **options):
        rates.append(self.param_groups[0]["lr"])
        return step(self, *args, **options)

    monkeypatch.setattr(torch.optim.AdamW, "step", noted)
    config = replace(CONFIG, epochs=4, warmup_epochs=2, lr=1.0, clip_lr_ratio=1e-6)
    train(model, train_videos, tmp_path, config)
    assert rates == pytest.approx([1e-6 * warmup_cosine(step / 3, 4, 2) for step in range(12)], rel=1e-9)
    assert rates[0] == 0
    assert max(rates) == rates[6] == pytest.approx(1e-6)


def test_weight_decay_is_decoupled_from_the_gradient():
    """Loshchilov and Hutter: a parameter without gradient shrinks by rate times decay, whatever the moments."""
    weight = torch.nn.Parameter(torch.ones(3))
    model = torch.nn.Module()
    model.visual = torch.nn.Module()
    model.visual.weight = weight
    config = TrainingConfig(lr=1e-2)
    groups = parameter_groups(model, config)
    optimizer = torch.optim.AdamW(groups, betas=config.betas, eps=config.eps, weight_decay=config.weight_decay)
    weight.grad = torch.zeros(3)
    optimizer.step()
    assert torch.allclose(weight, torch.full((3,), 1 - 1e-3 * 0.2))


def test_accumulated_micro_batches_are_one_large_batch(vit, train_videos, tmp_path):
    config = replace(
        CONFIG, batch_size=6, eps=1e-2
    )  # of a gradient that is nearly zero, a small eps shows the rounding
    whole, parts = vit_model(vit), vit_model(vit)
    first = train(whole, train_videos, tmp_path, config, Augmentation(grayscale=0.0))
    second = train(parts, train_videos, tmp_path, replace(config, accumulate=3), Augmentation(grayscale=0.0))
    assert [row["loss"] for row in first.history] == pytest.approx([row["loss"] for row in second.history], abs=1e-5)
    for name, weight in whole.state_dict().items():
        assert torch.allclose(weight, parts.state_dict()[name], atol=1e-5), name


class Fixed(torch.nn.Module):
    """A model whose logits are given."""

    def __init__(self, logits):
        super().__init__()
        self.classifier, self.given, self.penalty = torch.nn.Identity(), logits, None

    def encode_video(self, frames):
        return frames

    def own_logits(self, embeddings):
        return self.given


LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.1, 0.0]])


def test_label_smoothing_gives_every_class_its_even_share():
    labels, probabilities = torch.tensor([0, 2]), LOGITS.log_softmax(1)
    truth = 0.9 * F.one_hot(labels, 3) + 0.1 / 3
    loss, right = ClassifierObjective(Fixed(LOGITS), label_smoothing=0.1)(torch.zeros(2), labels)
    assert loss.item() == pytest.approx(-(truth * probabilities).sum().item(), rel=1e-6)
    assert right.tolist() == [True, False]


@pytest.mark.parametrize("targets", [None, torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])])
def test_what_is_no_video_counts_for_nothing(targets):
    objective = ClassifierObjective(Fixed(LOGITS), label_smoothing=0.1)
    loss, right = objective(torch.zeros(2), torch.tensor([2, -1]), targets)
    alone = ClassifierObjective(Fixed(LOGITS[:1]), label_smoothing=0.1)
    expected, _ = alone(torch.zeros(1), torch.tensor([2]), targets if targets is None else targets[:1])
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    assert not right[1]


def test_several_labels_share_the_target_and_any_one_is_right():
    targets = torch.tensor([[0.0, 1.0, 1.0], [1.0, 1.0, 0.0]])
    loss, right = ClassifierObjective(Fixed(LOGITS))(torch.zeros(2), torch.tensor([1, 1]), targets)
    expected = -(targets / 2 * LOGITS.log_softmax(1)).sum()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    assert right.tolist() == [False, True]


def test_a_video_without_any_label_adds_nothing():
    targets = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    loss, right = ClassifierObjective(Fixed(LOGITS))(torch.zeros(2), torch.tensor([0, 0]), targets)
    assert loss.item() == pytest.approx(-LOGITS.log_softmax(1)[0, 0].item(), rel=1e-6)
    assert right.tolist() == [True, False]


def test_training_on_several_labels(model, train_videos, tmp_path):
    """Videos of the first class are of the second too: the model learns to say both."""
    both = [replace(video, labels=(0, 1)) if video.label == 0 else video for video in train_videos.videos]
    videos = replace(train_videos, videos=tuple(both))
    config = replace(CONFIG, epochs=10, lr=1e-2)
    history = train(model, videos, tmp_path, config, Augmentation(grayscale=0.0)).history
    assert history[-1]["loss"] < history[0]["loss"] - 0.5
    dataset = VideoDataset(videos, 2, 32)
    batch = collate([dataset[i] for i in range(len(videos))])
    with torch.no_grad():
        probabilities = model(batch["frames"][:, 0]).softmax(1)
    assert (probabilities[batch["labels"] == 0][:, :2] > 0.2).all()


def test_randaugment_is_a_function_of_seed_epoch_and_index(train_videos):
    views = Views(True, augmentation=replace(PUBLISHED_AUGMENTATION, randaugment=[2, 9], blur=0.5, solarize=0.2))
    first, second = (VideoDataset(train_videos, 2, 32, views) for _ in range(2))
    reverse = {i: second[i]["frames"] for i in reversed(range(len(second)))}
    assert all(torch.equal(first[i]["frames"], reverse[i]) for i in range(len(first)))
    first.epoch = 1
    assert sum(not torch.equal(first[i]["frames"], reverse[i]) for i in range(len(first))) >= 7
    other = VideoDataset(train_videos, 2, 32, views, seed=1)
    assert sum(not torch.equal(other[i]["frames"], reverse[i]) for i in range(len(other))) >= 7


def test_training_with_every_option_comes_out_the_same_twice(vit, train_videos, tmp_path):
    config = replace(CONFIG, label_smoothing=0.1, drop_path=0.5, gradient_checkpointing=True)
    augmentation = replace(PUBLISHED_AUGMENTATION, randaugment=(2, 9))
    models = [vit_model(vit, "tokenshift+transformer") for _ in range(2)]
    for model, folder in zip(models, "ab", strict=True):
        train(model, train_videos, tmp_path / folder, config, augmentation)
        torch.rand(3)
    assert fingerprint(models[0]) == fingerprint(models[1])


def test_gradient_checkpointing_does_not_change_the_run_and_drop_path_does(vit, train_videos, tmp_path):
    losses = []
    for options in ({}, {"gradient_checkpointing": True}, {"drop_path": 0.8}):
        config = replace(CONFIG, **options)
        losses.append([row["loss"] for row in train(vit_model(vit), train_videos, tmp_path, config).history])
    assert losses[1] == pytest.approx(losses[0], abs=1e-5)
    assert losses[2] != pytest.approx(losses[0], abs=1e-2)


@pytest.mark.parametrize("objective", ["classifier", "contrastive"])
def test_mixed_precision_is_nearly_the_same_run(vit, train_videos, tmp_path, objective):
    losses = []
    for precision in ("32-true", "bf16-mixed"):
        config = replace(
            CONFIG, objective=objective, precision=precision, drop_path=0.3, gradient_checkpointing=True, grad_clip=1.0
        )
        model = vit_model(vit)
        model.text_tower = TextTower(vit, train_videos.names)
        losses.append([row["loss"] for row in train(model, train_videos, tmp_path, config).history])
    assert losses[1] == pytest.approx(losses[0], rel=0.03)
    assert losses[1] != losses[0]


DRAW = "import sys; from text4vis_core import load_videos; " + (
    "print([str(v.path) for v in load_videos('ucf101', sys.argv[1], 'train').few_shot(2, 5).videos])"
)


@pytest.mark.slow
def test_few_shot_videos_are_the_same_in_every_process(ucf101, train_videos):
    """The release draws them with an unseeded generator in each process."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "1"}
    command = [sys.executable, "-c", DRAW, str(ucf101)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == str([str(video.path) for video in train_videos.few_shot(2, 5).videos])
    draws = {tuple(video.path for video in train_videos.few_shot(2, seed).videos) for seed in range(8)}
    assert len(draws) > 3

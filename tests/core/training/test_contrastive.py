"""Contrastive training: the loss, the text tower, and that processes together do what one does alone."""

import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import open_clip
import pytest
import torch
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from open_clip.loss import ClipLoss
from torch.nn import functional as F

from text4vis_core import TrainingConfig, VideoClassifier, VideoDataset, embed_videos, fit, load_clip
from text4vis_core.data import Augmentation, Views
from text4vis_core.evaluation.metrics import topk_accuracy
from text4vis_core.model.video_classifier import fingerprint
from text4vis_core.training import AfterEpoch
from text4vis_core.training.contrastive import TextTower, contrastive_loss
from text4vis_core.training.objectives import ContrastiveObjective, gather_rows
from text4vis_core.training.recipe import parameter_groups

NAMES = ["apply lipstick", "hula hoop", "wall pushups"]
CONFIG = TrainingConfig(
    epochs=2, batch_size=5, lr=1e-3, warmup_epochs=1, grad_clip=1.0, clip_lr_ratio=1.0, objective="contrastive"
)


def pairs(count: int, dim: int = 6, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, dim, generator=generator), torch.randn(count, dim, generator=generator)


@pytest.fixture
def paired(clip) -> VideoClassifier:
    """A model with a text tower of `NAMES` and no classifier."""
    model = VideoClassifier.from_clip(clip)
    model.text_tower = TextTower(clip, NAMES)
    return model


def train(model, videos, folder, config=CONFIG, **options):
    dataset = VideoDataset(videos, 2, 32, Views(training=True, augmentation=Augmentation(grayscale=0.0)))
    return fit(model, dataset, config, checkpoint_dir=folder, name="pairs", progress=False, **options)


def test_without_repeated_labels_it_is_clips_loss():
    video, text = pairs(7)
    scale = torch.tensor(2.0)
    theirs = ClipLoss()(F.normalize(video, dim=-1), F.normalize(text, dim=-1), scale.exp())
    assert torch.allclose(contrastive_loss(video, text, torch.arange(7), scale), theirs, atol=1e-6)


def test_pairs_of_one_label_share_the_target():
    """Against the divergence written out: sum of p (log p - log q) over the rows of both directions."""
    video, text = pairs(5)
    labels, scale = torch.tensor([3, 1, 3, 0, 3]), torch.tensor(1.0)
    cosines = F.normalize(video, dim=-1) @ F.normalize(text, dim=-1).T * scale.exp()
    expected = 0.0
    for logits in (cosines, cosines.T):
        for i, row in enumerate(logits.softmax(1)):
            share = 1 / int((labels == labels[i]).sum())
            expected += sum(share * (torch.tensor(share) / row[j]).log() for j in range(5) if labels[j] == labels[i])
    assert torch.allclose(contrastive_loss(video, text, labels, scale), expected / (2 * 5), atol=1e-6)


@settings(max_examples=30)
@given(st.integers(1, 12), st.integers(1, 4), st.integers(0, 1000))
def test_the_loss_is_a_divergence_that_does_not_depend_on_the_order(count, classes, seed):
    video, text = pairs(count, seed=seed)
    labels = torch.randint(classes, (count,), generator=torch.Generator().manual_seed(seed))
    loss = contrastive_loss(video, text, labels, torch.tensor(1.0))
    assert loss >= -1e-6
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    again = contrastive_loss(video[order], text[order], labels[order], torch.tensor(1.0))
    assert torch.allclose(loss, again, atol=1e-5)


def test_pairs_that_agree_have_no_loss():
    rows, labels = torch.eye(4)[[0, 1, 0, 2]], torch.tensor([5, 1, 5, 2])
    assert contrastive_loss(rows, rows, labels, torch.tensor(100.0).log()) < 1e-6
    assert contrastive_loss(rows, rows.roll(1, 0), labels, torch.tensor(100.0).log()) > 10


def test_the_text_tower_is_the_clips_to_begin_with_and_a_copy(clip, paired):
    tower = paired.text_tower
    expected = clip.class_embeddings(NAMES)
    assert torch.allclose(tower.class_embeddings(), expected, atol=1e-6)
    labels = torch.tensor([2, 0, 2, 1])
    assert torch.allclose(F.normalize(tower(labels), dim=-1), expected[labels], atol=1e-5)
    other = ["juggling balls"], "a photo of a person {}."
    assert torch.allclose(tower.class_embeddings(*other), clip.class_embeddings(*other), atol=1e-6)
    with torch.no_grad():
        tower.model.text_projection.neg_()
    assert torch.allclose(clip.class_embeddings(NAMES), expected)
    assert torch.allclose(tower.class_embeddings(), -expected, atol=1e-6)


def test_the_text_tower_holds_no_image_tower_and_no_second_temperature(clip, paired):
    names = [name for name, _ in paired.named_parameters() if name.startswith("text_tower.")]
    assert names and not [name for name in names if "visual" in name or "logit" in name]
    text = sum(p.numel() for name, p in clip.model.named_parameters() if not name.startswith(("visual", "logit")))
    assert sum(p.numel() for p in paired.text_tower.parameters()) == text


def test_a_tower_in_a_module_of_its_own(clip):
    """open_clip's newer models keep the text tower in `model.text`."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        vision = {"layers": 1, "width": 16, "head_width": 8, "patch_size": 16, "image_size": 32}
        text = {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
        custom = replace(clip, model=open_clip.model.CustomTextCLIP(16, vision, text, init_logit_bias=-10.0).eval())
    tower = TextTower(custom, NAMES)
    assert torch.allclose(tower.class_embeddings(), custom.class_embeddings(NAMES), atol=1e-6)
    assert not [name for name, _ in tower.named_parameters() if "visual" in name or "logit" in name]


def test_both_towers_move_at_clips_rate_and_learn(paired, train_videos, test_videos, tmp_path):
    [group] = parameter_groups(paired, CONFIG)
    assert {*map(id, group["params"])} == {*map(id, paired.parameters())}
    before = {name: value.clone() for name, value in paired.state_dict().items()}
    scored = []

    def score(model):
        tested = embed_videos(model, VideoDataset(test_videos, 2, 32))
        with torch.no_grad():
            logits = model.classifier(tested.mean, model.logit_scale)
        scored.append((model.classifier.weight.clone(), topk_accuracy(logits, tested.labels)))
        return {}

    history = train(paired, train_videos, tmp_path, replace(CONFIG, epochs=9), after_epoch=AfterEpoch(score)).history
    moved = {name for name in before if not torch.equal(paired.state_dict()[name], before[name])}
    assert {"text_tower.model.text_projection", "visual.conv1.weight", "logit_scale"} <= moved
    assert "text_tower.tokens" not in moved
    assert history[-1]["loss"] < 0.1 < 0.5 < history[0]["loss"]
    assert history[-1]["train_top1"] == 100
    # The classifier is what the text tower says after every epoch.
    assert torch.allclose(scored[-1][0], paired.text_tower.class_embeddings(), atol=1e-6)
    assert not torch.allclose(scored[-1][0], scored[3][0], atol=1e-3)
    assert scored[-1][1] == 100


@pytest.mark.slow
def test_an_interrupted_run_ends_with_the_same_weights_of_both_towers(clip, train_videos, tmp_path):
    models = []
    for _ in range(3):
        models.append(VideoClassifier.from_clip(clip))
        models[-1].text_tower = TextTower(clip, NAMES)
    whole, broken, resumed = models
    expected = train(whole, train_videos, tmp_path / "whole")
    calls = []

    def pull_the_plug_after_the_second_epoch(model):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return {}

    with pytest.raises(KeyboardInterrupt):
        train(broken, train_videos, tmp_path / "b", after_epoch=AfterEpoch(pull_the_plug_after_the_second_epoch))
    result = train(resumed, train_videos, tmp_path / "b")
    assert torch.equal(resumed.classifier.weight, whole.classifier.weight)
    assert [row["loss"] for row in result.history] == [row["loss"] for row in expected.history]
    assert fingerprint(resumed) == fingerprint(whole)


def test_changed_prompts_do_not_meet_the_old_checkpoint(clip, paired, train_videos, tmp_path):
    config = replace(CONFIG, epochs=1)
    other = VideoClassifier.from_clip(clip)
    other.text_tower = TextTower(clip, NAMES, "a photo of a person {}.")
    train(paired, train_videos, tmp_path, config)
    train(other, train_videos, tmp_path, config)
    assert len(list(tmp_path.glob("pairs-*.pt"))) == 2


def test_a_model_without_a_text_tower(clip, train_videos, tmp_path):
    with pytest.raises(RuntimeError, match=r"no text tower.* set model\.text_tower = TextTower"):
        train(VideoClassifier.from_clip(clip), train_videos, tmp_path)


def test_videos_with_several_labels(paired):
    objective = ContrastiveObjective(paired, gather=lambda rows: rows)
    frames, labels = torch.zeros(2, 2, 3, 32, 32, dtype=torch.uint8), torch.tensor([0, 1])
    with pytest.raises(ValueError, match="objective 'contrastive' pairs a video with one class name"):
        objective(frames, labels, torch.ones(2, 3))


def gradients(folder: str, fabric=None) -> dict[str, torch.Tensor]:
    """Loss, and every gradient, of a batch of eight pairs; each of a fabric's processes has its share of them."""
    clip = load_clip(folder)
    model = VideoClassifier.from_clip(clip)
    model.text_tower = TextTower(clip, NAMES)
    model.train()
    frames = torch.randint(256, (8, 2, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 1, 2, 0, 1, 1, 2, 0])
    if fabric is None:
        objective = ContrastiveObjective(model, lambda rows: rows)
    else:
        objective = fabric.setup(ContrastiveObjective(model, partial(gather_rows, fabric)))
        mine = torch.arange(8).view(fabric.world_size, -1)[fabric.global_rank]
        frames, labels = frames[mine], labels[mine]
    share, right = objective(frames, labels)
    loss = share if fabric is None else share * fabric.world_size
    loss.backward()
    assert len(right) == len(labels)
    return {"loss": loss.detach()} | {name: parameter.grad for name, parameter in model.named_parameters()}


TWO_PROCESSES = """
import sys
from pathlib import Path

import torch
from lightning_fabric import Fabric
from test_contrastive import gradients


def run(fabric):
    torch.save(gradients(sys.argv[1], fabric), f"{sys.argv[2]}/{fabric.global_rank}.pt")


if __name__ == "__main__":
    Fabric(accelerator="cpu", devices=2, strategy="ddp_fork").launch(run)
"""


@pytest.mark.slow
def test_two_processes_have_the_loss_and_the_gradients_of_one_with_the_whole_batch(clip_folder, tmp_path):
    here = os.pathsep.join(map(str, (ROOT, ROOT / "tests", Path(__file__).parent)))
    environment = os.environ | {"PYTHONPATH": here, "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", TWO_PROCESSES, str(clip_folder), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    expected = gradients(str(clip_folder))
    for rank in range(2):
        found = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert found.keys() == expected.keys()
        for name, gradient in expected.items():
            assert (found[name] - gradient).abs().max() <= 1e-5 + 1e-5 * gradient.abs().max(), name
    assert expected["loss"] > 0.01
    assert expected["visual.conv1.weight"].abs().max() > 1e-4
    assert expected["text_tower.model.text_projection"].abs().max() > 1e-4

"""The vision-only baseline's last layer."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from text4vis_core import TrainingConfig, VideoDataset, embed_videos, fit
from text4vis_core.data import Augmentation, Views
from text4vis_lab.text_linear import LinearClassifier

sizes = st.integers(1, 40)


@settings(max_examples=30)
@given(sizes, sizes, st.integers(0, 2**31))
def test_the_linear_classifier_is_a_plain_linear_layer_drawn_by_its_seed(classes, dim, seed):
    layer = LinearClassifier(classes, dim, seed)
    video = torch.randn(3, dim, generator=torch.Generator().manual_seed(0))
    expected = video @ layer.weight.T + layer.bias
    assert torch.allclose(layer(video, torch.tensor(4.6)), expected, atol=1e-5)
    assert (layer.bias == 0).all()
    assert torch.equal(layer.weight, LinearClassifier(classes, dim, seed).weight)
    assert not torch.equal(layer.weight, LinearClassifier(classes, dim, seed + 1).weight)


def test_the_linear_classifier_begins_small():
    assert LinearClassifier(200, 100).weight.std().item() == pytest.approx(0.01, rel=0.05)


@pytest.mark.slow
def test_the_vision_only_baseline_trains_without_text_and_temperature(model, train_videos, test_videos, tmp_path):
    model.classifier = LinearClassifier(3, 16, seed=0)
    scale = model.logit_scale.item()
    config = TrainingConfig(epochs=20, batch_size=4, lr=1e-2, warmup_epochs=1, grad_clip=1.0)
    dataset = VideoDataset(train_videos, 2, 32, Views(training=True, augmentation=Augmentation(grayscale=0.0)))
    history = fit(model, dataset, config, checkpoint_dir=tmp_path, name="linear", progress=False).history
    assert history[-1]["loss"] < 0.2 < 1 < history[0]["loss"]
    assert model.logit_scale.item() == scale
    assert model.classifier.bias.abs().max() > 0
    tested = embed_videos(model, VideoDataset(test_videos, 2, 32))
    with torch.no_grad():
        logits = model.classifier(tested.mean, model.logit_scale)
    assert logits.argmax(1).tolist() == tested.labels.tolist()

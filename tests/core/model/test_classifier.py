"""The last layer's rows: what each initialisation promises, and that frozen ones cannot move."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from text4vis_core import VideoDataset, fit, initialise
from text4vis_core.data import Views
from text4vis_core.model.classifier import (
    INITIALISERS,
    LDA_SHRINKAGE,
    CosineClassifier,
    cosine_logits,
)
from text4vis_core.training.recipe import TrainingConfig

sizes, seeds = st.integers(1, 40), st.integers(0, 2**63 - 1)
SEEDED = ("random", "orthogonal")


def labelled(classes=5, dim=12, videos=60, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(videos) % classes
    features = rng.normal(size=(videos, dim)) * rng.uniform(0.3, 3, dim) + rng.normal(size=(classes, dim))[labels]
    return torch.from_numpy(features).float(), torch.from_numpy(labels)


@pytest.mark.parametrize("name", SEEDED)
@settings(max_examples=30)
@given(sizes, sizes, seeds)
def test_unit_rows_that_are_a_function_of_the_seed(name, classes, dim, seed):
    rows = initialise(name, classes, dim, seed=seed)
    assert (rows.shape, rows.dtype) == ((classes, dim), torch.float32)
    assert torch.allclose(rows.norm(dim=1), torch.ones(classes), atol=1e-5)
    assert torch.equal(rows, initialise(name, classes, dim, seed=seed))


@pytest.mark.parametrize("name", SEEDED)
def test_different_seeds_give_different_rows(name):
    rows = [initialise(name, 6, 8, seed=seed) for seed in range(5)]
    assert min((a - b).abs().max() for i, a in enumerate(rows) for b in rows[:i]) > 0.1


def test_the_global_seed_has_no_say():
    torch.manual_seed(1)
    rows = initialise("random", 4, 4)
    torch.manual_seed(2)
    assert torch.equal(initialise("random", 4, 4), rows)


@settings(max_examples=30)
@given(st.integers(1, 40).flatmap(lambda dim: st.tuples(st.integers(1, dim), st.just(dim))), seeds)
def test_orthogonal_rows_are_orthonormal(shape, seed):
    rows = initialise("orthogonal", *shape, seed=seed).double()
    assert torch.allclose(rows @ rows.T, torch.eye(shape[0], dtype=torch.float64), atol=1e-5)


def test_orthogonal_with_more_classes_than_dimensions_has_orthonormal_columns():
    rows = INITIALISERS["orthogonal"](30, 7, generator=torch.Generator().manual_seed(3))
    assert torch.allclose(rows.T @ rows, torch.eye(7), atol=1e-5)
    assert initialise("orthogonal", 30, 7).shape == (30, 7)


def test_text_keeps_the_text_embeddings():
    embeddings = torch.nn.functional.normalize(torch.randn(5, 8, generator=torch.Generator().manual_seed(0)), dim=-1)
    assert torch.allclose(initialise("text", class_embeddings=embeddings), embeddings, atol=1e-6)


def test_lda_is_scikit_learns_up_to_a_shift_common_to_all_classes():
    features, labels = labelled()
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=LDA_SHRINKAGE).fit(features.numpy(), labels.numpy())
    ours = INITIALISERS["lda"](5, 12, features=features, labels=labels).numpy()
    shift = theirs.coef_ - ours
    assert np.abs(shift - shift.mean(0)).max() < 1e-4 * np.abs(ours).max()


def test_lda_does_not_depend_on_the_order_of_videos():
    features, labels = labelled()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    again = initialise("lda", features=features[order], labels=labels[order])
    assert torch.allclose(initialise("lda", features=features, labels=labels), again, atol=1e-5)


@pytest.mark.parametrize("videos", [5, 10])
def test_lda_of_fewer_videos_than_dimensions(videos):
    features, labels = labelled(classes=5, dim=64, videos=videos)
    rows = initialise("lda", features=features, labels=labels)
    assert torch.isfinite(rows).all()
    assert torch.allclose(rows.norm(dim=1), torch.ones(5), atol=1e-5)
    assert ((features - features.mean(0)) @ rows.T).argmax(1).tolist() == labels.tolist()


@pytest.mark.parametrize(
    ("name", "given", "needs"),
    [
        ("text", {"num_classes": 3, "dim": 4}, "needs class_embeddings"),
        ("lda", {"num_classes": 3, "dim": 4}, "needs features .* labels"),
        ("lda", {"features": torch.ones(2, 4), "labels": torch.tensor([0, 2])}, "needs labels of all 3 classes"),
        ("random", {"num_classes": 3}, "needs num_classes and dim"),
        ("random", {"dim": 3}, "needs num_classes and dim"),
        ("text", {"num_classes": 2, "class_embeddings": torch.ones(3, 4)}, r"gave shape \(3, 4\), expected \(2, 4\)"),
    ],
)
def test_what_is_missing_is_said(name, given, needs):
    with pytest.raises(ValueError, match=f"initialisation '{name}' {needs}"):
        initialise(name, **given)


def test_an_unknown_name_lists_the_choices():
    with pytest.raises(ValueError, match="unknown initialisation 'xavier'; choose from: random, orthogonal, lda, text"):
        initialise("xavier", 3, 4)


def test_logits_are_the_temperature_times_the_cosine():
    video, rows = torch.tensor([[3.0, 4.0]]), torch.tensor([[2.0, 0.0], [0.0, -5.0], [6.0, 8.0]])
    scale = torch.tensor(10.0).log()
    expected = torch.tensor([[6.0, -8.0, 10.0]])
    assert torch.allclose(cosine_logits(video, rows, scale), expected, atol=1e-5)
    assert torch.allclose(CosineClassifier(rows)(video, scale), expected, atol=1e-5)


@pytest.mark.parametrize("name", INITIALISERS)
@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_rows_stay_bit_for_bit_through_training_and_trainable_ones_move(
    model, clip, train_videos, tmp_path, name, frozen
):
    features, labels = labelled(classes=3, dim=16, videos=9)
    texts = clip.class_embeddings(train_videos.names)
    rows = initialise(name, 3, 16, class_embeddings=texts, features=features, labels=labels)
    model.set_classifier(rows, frozen)
    encoder = model.visual.conv1.weight.detach().clone()
    config = TrainingConfig(epochs=2, batch_size=4, lr=1e-2, warmup_epochs=0)
    dataset = VideoDataset(train_videos, 2, 32, Views(training=True))
    fit(model, dataset, config, checkpoint_dir=tmp_path, name="rows", progress=False)
    assert torch.equal(model.classifier.weight, rows) == frozen
    assert not torch.equal(model.visual.conv1.weight, encoder)

"""Rows before training: each against the closed form that it is meant to have."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from text4vis_core.model.classifier import CosineClassifier, initialise
from text4vis_lab.text_linear import TextLinear
from text4vis_lab.tournament.rows import derangement, rotation

GENERATOR = torch.Generator().manual_seed(5)
TEXT = F.normalize(torch.randn(6, 16, generator=GENERATOR) + 1, dim=-1)  # correlated, as text embeddings are
seeds = st.integers(0, 2**63 - 1)


def cosines(rows: torch.Tensor) -> torch.Tensor:
    unit = F.normalize(rows.double(), dim=-1)
    return unit @ unit.T


def equiangular(classes: int) -> torch.Tensor:
    return torch.full((classes, classes), -1 / (classes - 1), dtype=torch.float64).fill_diagonal_(1)


def nearest_of_all(classes: int, count: int = 1000) -> float:
    """The nearest to `TEXT` among as many random simplexes."""
    return min(distance(initialise("simplex", classes, 16, seed=seed)) for seed in range(count))


def distance(rows: torch.Tensor) -> float:
    return float((rows - TEXT).norm())


@settings(max_examples=30)
@given(st.integers(2, 30).flatmap(lambda classes: st.tuples(st.just(classes), st.integers(classes - 1, 40))), seeds)
def test_a_simplex_has_equal_angles_in_a_rotation_of_the_seed(shape, seed):
    rows = initialise("simplex", *shape, seed=seed)
    assert torch.allclose(cosines(rows), equiangular(shape[0]), atol=1e-5)
    assert torch.equal(rows, initialise("simplex", *shape, seed=seed))
    if shape[1] > 1:  # of one dimension there are but two rotations
        assert not torch.allclose(rows, initialise("simplex", *shape, seed=(seed + 1) % 2**63), atol=1e-3)


@pytest.mark.parametrize("name", ["simplex", "nearest simplex", "rotated simplex"])
def test_there_is_no_simplex_of_more_classes_than_dimensions_and_one(name):
    assert initialise(name, 5, 4, class_embeddings=TEXT[:5, :4]).shape == (5, 4)
    with pytest.raises(ValueError, match="a simplex in 4 dimensions has at most 5 rows, and there are 6 classes"):
        initialise(name, 6, 4, class_embeddings=TEXT[:, :4])


def test_a_single_class_is_a_simplex():
    assert initialise("simplex", 1, 3).norm().item() == pytest.approx(1)


def test_the_nearest_simplex_is_one_and_nearer_than_a_thousand_others():
    rows = initialise("nearest simplex", class_embeddings=TEXT)
    assert torch.allclose(cosines(rows), equiangular(6), atol=1e-5)
    assert distance(rows) < 0.8 * nearest_of_all(6)
    # Of a simplex it is that simplex.
    again = initialise("nearest simplex", class_embeddings=rows)
    assert torch.allclose(again, rows, atol=1e-5)


def test_turns_of_the_nearest_simplex_by_a_little_are_farther():
    rows = initialise("nearest simplex", class_embeddings=TEXT)
    for seed in range(20):
        skew = torch.randn(16, 16, generator=torch.Generator().manual_seed(seed))
        turn = torch.matrix_exp(0.05 * (skew - skew.T))
        assert distance(rows @ turn) >= distance(rows) - 1e-6


@pytest.mark.parametrize(("turned", "plain"), [("rotated", "text"), ("rotated simplex", "nearest simplex")])
def test_rotated_rows_keep_their_angles_and_share_the_rotation(turned, plain):
    rows, before = (initialise(name, class_embeddings=TEXT, seed=3) for name in (turned, plain))
    assert torch.allclose(cosines(rows), cosines(before), atol=1e-5)
    rotate = rotation(16, torch.Generator().manual_seed(3))
    assert torch.allclose(rotate @ rotate.T, torch.eye(16), atol=1e-5)
    assert torch.allclose(rows, before @ rotate, atol=1e-5)
    assert (F.normalize(rows, dim=-1) * F.normalize(before, dim=-1)).sum(1).abs().mean() < 0.6


@settings(max_examples=40)
@given(st.integers(2, 30), seeds)
def test_shuffled_names_leave_no_class_its_own(classes, seed):
    order = derangement(classes, torch.Generator().manual_seed(seed))
    assert order.sort().values.tolist() == list(range(classes))
    assert (order != torch.arange(classes)).all()


def test_shuffled_rows_are_text_rows_in_another_order():
    rows = initialise("shuffled", class_embeddings=TEXT, seed=2)
    assert torch.equal(rows, F.normalize(TEXT[derangement(6, torch.Generator().manual_seed(2))], dim=-1))
    with pytest.raises(ValueError, match="'shuffled' needs two classes at least"):
        initialise("shuffled", class_embeddings=TEXT[:1])


def test_class_means_are_the_means_of_unit_embeddings():
    features = torch.tensor([[3.0, 4.0], [0.0, 2.0], [5.0, 0.0]])
    rows = initialise("means", features=features, labels=torch.tensor([0, 0, 1]))
    assert torch.allclose(rows, F.normalize(torch.tensor([[0.3, 0.9], [1.0, 0.0]]), dim=-1), atol=1e-6)
    with pytest.raises(ValueError, match="'means' needs labels of all 3 classes"):
        initialise("means", 3, 2, features=features, labels=torch.tensor([0, 0, 2]))


@pytest.mark.parametrize("name", ["other clip", "language model"])
@pytest.mark.parametrize("dim", [6, 12, 40])
def test_rows_of_another_model_keep_their_angles_in_any_width(name, dim):
    rows = initialise(name, 6, dim, class_embeddings=TEXT, seed=4)
    assert torch.allclose(cosines(rows), cosines(TEXT), atol=1e-5)
    assert not torch.allclose(rows, initialise(name, 6, dim, class_embeddings=TEXT, seed=5), atol=1e-3)


def test_rows_of_another_model_of_the_same_width_are_as_they_are():
    assert torch.allclose(initialise("other clip", class_embeddings=TEXT), TEXT, atol=1e-6)


def test_more_classes_than_dimensions_keep_the_principal_axes():
    rows = initialise("other clip", 6, 3, class_embeddings=TEXT)
    left, sizes, right = torch.linalg.svd(TEXT.double(), full_matrices=False)
    kept = (left * sizes)[:, :3] @ right[:3]
    assert torch.allclose(cosines(rows), cosines(kept), atol=1e-5)


@pytest.mark.parametrize("name", ["nearest simplex", "rotated", "rotated simplex", "shuffled", "means"])
def test_what_is_missing_is_said(name):
    with pytest.raises(ValueError, match=f"initialisation '{name}' needs"):
        initialise(name, 3, 4)


def test_the_linear_layer_of_text_begins_as_the_cosine_classifier():
    video, scale = torch.randn(5, 16, generator=GENERATOR), torch.tensor(math.log(30.0))
    layer = TextLinear(TEXT)
    assert torch.allclose(layer(video, scale), CosineClassifier(TEXT)(video, scale), atol=1e-4)
    assert {name for name, parameter in layer.named_parameters() if parameter.requires_grad} == {"weight", "bias"}
    layer.bias.data += torch.arange(6.0)
    assert torch.allclose(layer(video, scale), CosineClassifier(TEXT)(video, scale) + 30 * torch.arange(6.0), atol=1e-4)

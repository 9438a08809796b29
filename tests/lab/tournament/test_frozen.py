"""Every method of the frozen encoder equals its closed form, scikit-learn, or a value worked out in another way."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch.nn import functional as F

from text4vis_lab.rows import ROLES
from text4vis_lab.tournament.features import Embeddings, Projection
from text4vis_lab.tournament.frozen import Problem, closed, methods, rows, trained
from text4vis_lab.tournament.frozen.method import TRIALS, FrozenMethod

C, SHOTS, DIM, SCALE = 4, 5, 8, 10.0


def unit(count, seed, dim=DIM) -> torch.Tensor:
    return F.normalize(torch.randn(count, dim, generator=torch.Generator().manual_seed(seed)), dim=-1)


def items(shots=SHOTS, seed=1, spread=0.6) -> Embeddings:
    """Around a centre of each class, with overlap."""
    labels = torch.arange(C).repeat_interleave(shots)
    noise = torch.randn(len(labels), DIM, generator=torch.Generator().manual_seed(seed))
    return Embeddings(
        F.normalize(unit(C, 0)[labels] + spread * noise, dim=-1), labels, tuple(map(str, range(len(labels))))
    )


@pytest.fixture
def problem() -> Problem:
    text = F.normalize(unit(C, 0) + 0.5 * unit(C, 3), dim=-1)
    return Problem(items(), C, text, SCALE, seed=0)


OTHERS = items(seed=2)
X, V, Y = OTHERS.rows.double().numpy(), items().rows.double().numpy(), items().labels.numpy()
MEANS = np.stack([V[c == Y].mean(0) for c in range(C)])


def normed(values: np.ndarray) -> np.ndarray:
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


def test_every_method_has_a_source_a_role_and_as_many_trials():
    found = methods()
    assert {m.name for m in found} >= {
        "zero-shot", "logistic probe", "class means", "means + text", "gaussian", "gaussian + text", "tip-adapter",
        "tip-adapter-f", "cross-modal probe", "lp++", "clap", "ss-text", "prolip", "rows from text", "rows from random",
    }  # fmt: skip
    for method in found:
        assert method.role in ROLES and method.about
        assert len(method.grid) == (TRIALS if method.trials else 1)
    sourced = {
        "clap",
        "lp++",
        "prolip",
        "cross-modal probe",
        "tip-adapter",
        "tip-adapter-f",
        "ss-text",
        "gaussian + text",
    }
    for method in found:
        assert method.name not in sourced or "arXiv" in method.function.__doc__
    with pytest.raises(ValueError, match="parameter methods: unknown 'xavier'; choose from: zero-shot"):
        methods(["xavier"])
    with pytest.raises(ValueError, match="method 'x' has 2 trials, every other has 9"):
        FrozenMethod("x", "text", closed.zero_shot, {"a": [1, 2]})


@pytest.mark.parametrize("method", [m for m in methods() if m.name != "prolip"], ids=lambda m: m.name)
def test_a_method_gives_logits_and_repeats_itself(problem, method):
    first, again = (method.function(problem, **method.fixed)(OTHERS) for _ in range(2))
    assert first.shape == (len(OTHERS), C) and first.isfinite().all()
    assert torch.equal(first, again)


def test_zero_shot_class_means_and_what_lies_between(problem):
    text = problem.text.double().numpy()
    assert closed.zero_shot(problem)(OTHERS).numpy() == pytest.approx(SCALE * X @ text.T, abs=1e-4)
    assert closed.class_means(problem)(OTHERS).numpy() == pytest.approx(SCALE * X @ normed(MEANS).T, abs=1e-4)
    for share in (0.0, 0.3, 1.0):
        between = normed(share * normed(MEANS) + (1 - share) * text)
        assert closed.means_and_text(problem, share)(OTHERS).numpy() == pytest.approx(SCALE * X @ between.T, abs=1e-4)


@pytest.mark.parametrize("shrinkage", [0.1, 0.7])
def test_gaussian_is_the_discriminant_analysis_of_scikit_learn(problem, shrinkage):
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    known = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(V, Y)
    found = closed.gaussian(problem, shrinkage)(OTHERS).double().softmax(-1).numpy()
    assert found == pytest.approx(known.predict_proba(X), abs=1e-4)


def test_gaussian_shrinks_as_ledoit_and_wolf_and_without_spread_is_the_nearest_mean(problem):
    from sklearn.covariance import LedoitWolf

    share = LedoitWolf(assume_centered=True).fit(V - MEANS[Y]).shrinkage_
    found = closed.gaussian(problem)(OTHERS), closed.gaussian(problem, float(share))(OTHERS)
    assert torch.allclose(*found, rtol=1e-3, atol=1e-3)
    one = Problem(items(1), C, problem.text, SCALE)
    distances = torch.cdist(OTHERS.rows, one.items.rows)
    assert (closed.gaussian(one)(OTHERS).argmax(-1) == distances.argmin(-1)).all()


def test_gaussian_and_text_is_equations_3_4_and_6_of_its_paper(problem):
    centred = V - MEANS[Y]
    covariance = np.cov(centred.T, bias=False)
    precision = DIM * np.linalg.pinv((len(V) - 1) * covariance + np.trace(covariance) * np.eye(DIM))
    bias = -0.5 * np.einsum("cd,de,ce->c", MEANS, precision, MEANS)
    expected = SCALE * X @ problem.text.double().numpy().T + 3 * (X @ precision @ MEANS.T + bias)
    assert closed.gaussian_and_text(problem, 3.0)(OTHERS).numpy() == pytest.approx(expected, rel=1e-3, abs=1e-3)


def test_tip_adapter_is_a_sum_over_the_cache(problem):
    expected = SCALE * X @ problem.text.double().numpy().T
    for key, label in zip(V, Y, strict=True):
        expected[:, label] += 2 * np.exp(-3 * (1 - X @ key))
    assert closed.tip_adapter(problem, 2.0, 3.0)(OTHERS).numpy() == pytest.approx(expected, abs=1e-4)


def test_ss_text_minimises_its_objective(problem):
    """-1/N sum of s x_i w_(y_i) + sum_c lambda_c / 2 |w_c - t_c|^2, whose gradient vanishes at w."""
    w = problem.text.clone().requires_grad_()
    weight = 2.0 / SHOTS

    def objective(w):
        fit = SCALE * (problem.items.rows * w[problem.items.labels]).sum(-1).mean()
        return -fit + weight / 2 * (w - problem.text).square().sum()

    (slope,) = torch.autograd.grad(objective(w), w)
    best = (w - slope / weight).detach()  # of a quadratic, one Newton step
    expected = SCALE * OTHERS.rows @ F.normalize(best, dim=-1).T
    assert torch.allclose(closed.ss_text(problem, 2.0)(OTHERS), expected, atol=1e-4)


def test_logistic_probe_minimises_the_penalised_likelihood(problem):
    scorer = trained.logistic_probe(problem, 10.0)
    eye = Embeddings(torch.cat([torch.zeros(1, DIM), torch.eye(DIM)]), torch.zeros(DIM + 1), ())
    logits = scorer(eye).double()
    bias, w = logits[0], (logits[1:] - logits[0]).T

    def objective(w, bias):
        errors = F.cross_entropy(torch.from_numpy(V) @ w.T + bias, torch.from_numpy(Y), reduction="sum")
        return 10 * errors + 0.5 * w.square().sum()

    w, bias = w.requires_grad_(), bias.requires_grad_()
    for slope in torch.autograd.grad(objective(w, bias), (w, bias)):
        assert slope.abs().max() < 0.05


def test_logistic_probe_has_two_rows_for_two_classes():
    two = Problem(items().take((items().labels < 2).nonzero()[:, 0]), 2)
    assert trained.logistic_probe(two)(OTHERS).shape == (len(OTHERS), 2)


def test_tip_adapter_f_begins_as_tip_adapter_and_learns(problem):
    still = trained.tip_adapter_f(problem, 0.0, 2.0)(OTHERS)
    assert torch.equal(still, closed.tip_adapter(problem, 2.0, 5.5)(OTHERS))
    losses = [
        F.cross_entropy(trained.tip_adapter_f(problem, lr, 2.0)(problem.items), problem.items.labels)
        for lr in (0.0, 1e-3, 1e-2)
    ]
    assert losses[0] > losses[1] > losses[2]


def first_step(loss, rows, lr, decay=0.0, eps=1e-8):
    """Of Adam from `rows`: its moments cancel, and each number moves by the rate against its slope's sign."""
    rows = rows.clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss(rows), rows)
    return (rows * (1 - lr * decay) - lr * slope / (slope.abs() + eps)).detach()


def test_cross_modal_probe_has_the_text_as_examples(problem, monkeypatch):
    monkeypatch.setattr(trained, "STEPS", 1)
    own, s = torch.arange(C), SCALE * 0.5

    def loss(w):
        both = [(problem.items.rows, problem.items.labels), (problem.text, own)]
        return sum(F.cross_entropy(s * x @ w.T, y) for x, y in both) / 2

    expected = s * OTHERS.rows @ first_step(loss, problem.text, 0.01, 0.01).T
    assert torch.allclose(trained.cross_modal_probe(problem, 0.01, 0.5)(OTHERS), expected, atol=1e-4)


def test_rows_move_by_adam_from_where_they_begin(problem, monkeypatch):
    monkeypatch.setattr(rows, "STEPS", 1)

    def loss(w):
        return F.cross_entropy(0.5 * SCALE * problem.items.rows @ F.normalize(w, dim=-1).T, problem.items.labels)

    moved = F.normalize(first_step(loss, problem.text, 0.01), dim=-1)
    found = methods(["rows from text"])[0].function(problem, 0.01, 0.5)(OTHERS)
    assert torch.allclose(found, 0.5 * SCALE * OTHERS.rows @ moved.T, atol=1e-4)


def test_lp_plus_plus_reaches_the_minimum_of_its_convex_loss(problem):
    text = problem.text.double().numpy()

    def loss(flat):
        w = flat[: C * DIM].reshape(C, DIM) + flat[C * DIM :, None] * text
        logits = V @ w.T
        top = logits.max(1, keepdims=True)
        return float((np.log(np.exp(logits - top).sum(1)) + top[:, 0] - logits[np.arange(len(V)), Y]).mean())

    best = minimize(loss, np.zeros(C * DIM + C), method="BFGS", options={"maxiter": 400}).fun
    found = trained.lp_plus_plus(problem, 20.0, 6000)(problem.items)
    reached = float(F.cross_entropy(found.double(), problem.items.labels))
    begun = float(F.cross_entropy(trained.lp_plus_plus(problem, 20.0, 0)(problem.items), problem.items.labels))
    assert best - 1e-6 <= reached < best + 0.02 < begun


def test_clap_is_its_steps_by_hand(problem):
    """Gradient of cross-entropy + mean_c lambda_c |w_c - t_c|^2 by the chain rule; SGD with momentum 0.9, cosine."""
    text, one_hot = problem.text.double().numpy(), np.eye(C)[Y]

    def softmax(logits):
        e = np.exp(logits - logits.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    sure = softmax(SCALE * V @ text.T)
    held = 2 * np.array([sure[c == Y, c].mean() for c in range(C)])
    w, speed = text.copy(), np.zeros_like(text)
    for step in range(300):
        norms = np.linalg.norm(w, axis=1, keepdims=True)
        u = w / norms
        by_unit = SCALE * (softmax(SCALE * V @ u.T) - one_hot).T @ V / len(V)
        slope = (by_unit - (by_unit * u).sum(1, keepdims=True) * u) / norms + 2 * held[:, None] * (w - text) / C
        speed = 0.9 * speed + slope
        w = w - 0.5 * 0.01 * (1 + np.cos(np.pi * step / 300)) * speed
    found = trained.clap(problem, 0.01, 2.0)(OTHERS)
    assert found.numpy() == pytest.approx(SCALE * X @ normed(w).T, abs=1e-2)


def test_prolip_moves_the_projection_alone(problem):
    width = 11
    weight, bias = torch.randn(DIM, width, generator=torch.Generator().manual_seed(5)), torch.full((DIM,), 0.1)

    def with_before(of, seed):
        z = torch.randn(len(of), width, generator=torch.Generator().manual_seed(seed))
        return Embeddings(F.normalize(F.linear(z, weight, bias), dim=-1), of.labels, of.names, z)

    own, others = with_before(problem.items, 6), with_before(OTHERS, 7)
    known = Problem(own, C, problem.text, SCALE, projection=Projection(weight, bias))
    assert torch.allclose(trained.prolip(known, 0.0)(others), closed.zero_shot(known)(others), atol=1e-4)

    def loss(w):
        logits = SCALE * F.normalize(F.linear(own.before, w, bias), dim=-1) @ problem.text.T
        return F.cross_entropy(logits, own.labels) + (w - weight).square().sum() / SHOTS

    moved = first_step(loss, weight, 0.01, eps=1e-4)
    expected = SCALE * F.normalize(F.linear(others.before, moved, bias), dim=-1) @ problem.text.T
    assert torch.allclose(trained.prolip(known, 0.01, steps=1)(others), expected, atol=1e-3)


def test_prolip_without_a_projection_begins_with_the_identity(problem):
    assert torch.allclose(trained.prolip(problem, 0.0, steps=3)(OTHERS), closed.zero_shot(problem)(OTHERS), atol=1e-4)
    near, far = (trained.prolip(problem, 0.01, strength, 30) for strength in (1e4, 1e-4))
    base = closed.zero_shot(problem)(OTHERS)
    assert (near(OTHERS) - base).abs().max() < (far(OTHERS) - base).abs().max()


def test_a_method_with_text_says_that_it_lacks_it(problem):
    without = Problem(problem.items, C)
    with pytest.raises(ValueError, match="needs class embeddings: give the file of the text rows as class_embeddings"):
        closed.zero_shot(without)
    assert closed.class_means(without)(OTHERS).shape == (len(OTHERS), C)


def test_rows_begin_as_those_of_a_trained_encoder(problem):
    turned, plain = rows.beginning("rotated", problem), rows.beginning("text", problem)
    assert torch.allclose(turned @ turned.T, plain @ plain.T, atol=1e-5)
    equal = rows.beginning("nearest simplex", problem)
    off = (equal @ equal.T)[~torch.eye(C, dtype=torch.bool)]
    assert torch.allclose(off, torch.full_like(off, -1 / (C - 1)), atol=1e-5)
    assert torch.allclose(rows.beginning("means", problem), F.normalize(problem.means, dim=-1), atol=1e-5)

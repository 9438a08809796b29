"""Methods without training: text, class means, and what is made of both in closed form.

x a unit embedding, t_c the text of class c, v_i the N labelled embeddings, s the temperature's inverse (100 for CLIP).
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from .method import Problem, Scorer, cosine_scorer, frozen_method, linear_scorer

NO_SPREAD = 1e-10  # mean square of what one item per class has of it: the last bits


@frozen_method("zero-shot", "text", sees=False, about="nothing to choose")
def zero_shot(problem: Problem) -> Scorer:
    """The class names alone: s cos(x, t_c) (Radford et al., CLIP, arXiv 2103.00020, section 3.1)."""
    return cosine_scorer(problem.names, problem.scale)


@frozen_method("class means", "text-free", about="nothing to choose")
def class_means(problem: Problem) -> Scorer:
    """The nearest class mean, by cosine (Snell et al., prototypical networks, arXiv 1703.05175, equation 1)."""
    return cosine_scorer(problem.means, problem.scale)


@frozen_method(
    "gaussian",
    "text-free",
    trials={"shrinkage": [0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0]},
    fixed={"shrinkage": 0.0},
    about="the shrinkage of Ledoit and Wolf, which follows from the data",
)
def gaussian(problem: Problem, shrinkage: float = 0.0) -> Scorer:
    """Linear discriminant analysis: Gaussian classes, equally likely, with one covariance for all.

    logits = m_c' P x - m_c' P m_c / 2,  P the inverse of (1 - a) S + a tr(S) / D I

    Friedman, "Regularized discriminant analysis", JASA 84 (1989), with one covariance. With one item per class S is 0:
    P is then s I, the class means at CLIP's temperature.

    Args:
        problem: of which the text is not used.
        shrinkage: a; 0 for that of Ledoit and Wolf (Journal of Multivariate Analysis 88, 2004).
    """
    from sklearn.covariance import ledoit_wolf_shrinkage

    items, means, centred, identity = _within(problem)
    spread = centred.square().mean()
    if spread < NO_SPREAD:
        return linear_discriminant(means, problem.scale * identity)
    share = shrinkage or ledoit_wolf_shrinkage(centred.cpu().double().numpy(), assume_centered=True)
    covariance = (1 - share) * centred.T @ centred / len(items) + share * spread * identity
    return linear_discriminant(means, torch.linalg.inv(covariance))


def _within(problem: Problem) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The items (N, D), the means of their classes (C, D), the items less these (N, D), and the identity (D, D)."""
    items, means = problem.items.rows, problem.means
    return items, means, items - means[problem.items.labels], torch.eye(items.shape[1]).to(items)


def linear_discriminant(means: Tensor, precision: Tensor) -> Scorer:
    """Logits of Gaussian classes with these means (C, D) and one precision (D, D)."""
    rows = means @ precision
    return linear_scorer(rows, -0.5 * (rows * means).sum(-1))


@frozen_method(
    "means + text",
    "text",
    trials={"share": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]},
    fixed={"share": 0.5},
    about="the laboratory's: equal shares",
)
def means_and_text(problem: Problem, share: float = 0.5) -> Scorer:
    """Rows between text and the class means: share m_c / norm(m_c) + (1 - share) t_c.

    The interpolation of weights of WiSE-FT (Wortsman et al., arXiv 2109.01903, equation 1), of two classifiers without
    training.
    """
    return cosine_scorer(share * F.normalize(problem.means, dim=-1) + (1 - share) * problem.names, problem.scale)


@frozen_method(
    "gaussian + text",
    "text",
    trials={"alpha": [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0]},
    fixed={"alpha": 1.0},
    about="the source chooses alpha on validation data; 1, which is no weight, stands for no choice",
)
def gaussian_and_text(problem: Problem, alpha: float = 1.0) -> Scorer:
    """Gaussian discriminant analysis with one covariance S for all classes, added to the zero-shot logits.

    logits = s cos(x, t_c) + alpha (m_c' P x - m_c' P m_c / 2),  P = D ((N - 1) S + tr(S) I)^-1

    "A hard-to-beat baseline for training-free CLIP-based adaptation" (Wang et al., ICLR 2024, arXiv 2402.04087,
    equations 3, 4 and 6; P is its ridge estimate of the precision, of Kubokawa and Srivastava). With one item per class
    S is 0, where the source has crops of it: P is then s I, the class means at CLIP's temperature.
    """
    items, means, centred, identity = _within(problem)
    names, scatter, precision = problem.names, centred.T @ centred, problem.scale * identity
    if centred.square().mean() > NO_SPREAD:
        precision = len(identity) * torch.linalg.inv(scatter + scatter.trace() / (len(items) - 1) * identity)
    gaussians = linear_discriminant(means, precision)
    return lambda some: problem.scale * some.rows @ names.T + alpha * gaussians(some)


@frozen_method(
    "tip-adapter",
    "text",
    trials={"alpha": [10.0, 30.0, 100.0], "beta": [1.0, 5.5, 20.0]},
    fixed={"alpha": 1.0, "beta": 5.5},
    about="the paper's alpha and beta on ImageNet",
)
def tip_adapter(problem: Problem, alpha: float = 1.0, beta: float = 5.5) -> Scorer:
    """A cache of the labelled embeddings beside the text: s cos(x, t_c) + alpha sum_i exp(-beta (1 - x v_i)) y_ic.

    Tip-Adapter (Zhang et al., ECCV 2022, arXiv 2207.09519, equations 3 to 5).
    """
    return cache_scorer(problem, problem.items.rows, alpha, beta)


def cache_scorer(problem: Problem, keys: Tensor, alpha: float, beta: float) -> Scorer:
    """Tip-Adapter's logits with these keys (N, D)."""
    text, values = problem.scale * problem.names.T, alpha * problem.one_hot
    return lambda some: some.rows @ text + torch.exp(beta * (some.rows @ keys.T - 1)) @ values


@frozen_method(
    "ss-text",
    "text",
    trials={"strength": [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0]},
    fixed={"strength": 1.0},
    about="the paper's, whose weight of text falls with the class's shots",
)
def ss_text(problem: Problem, strength: float = 1.0) -> Scorer:
    """A linear probe in closed form, drawn to the text: w_c = t_c + s / (lambda_c N) sum of the class's v_i.

    lambda_c = strength / (items of the class), so that one shot leaves more to the text than sixteen. SS-Text
    (Silva-Rodriguez et al., "Few-shot, now for real", MICCAI 2025, arXiv 2506.17500; lambda_c as in its release).
    """
    counts = problem.one_hot.sum(0)[:, None]
    visual = problem.scale * counts * problem.means / len(problem.items)
    return cosine_scorer(problem.names + visual * counts / strength, problem.scale)

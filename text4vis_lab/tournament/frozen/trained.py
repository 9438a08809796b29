"""Methods that train something small on the embeddings: a last layer, the keys of a cache, or the projection.

Where a source trains on fresh crops of the images, these have one embedding of each; steps are of the full batch, but
where said. x an embedding, t_c the text of class c, s the temperature's inverse (100 for CLIP).
"""

import warnings

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..features import Embeddings
from .closed import cache_scorer
from .method import STEPS, Problem, Scorer, cosine_scorer, frozen_method, linear_scorer, minimise


@frozen_method(
    "logistic probe",
    "text-free",
    trials={"c": [0.1, 0.316, 1.0, 3.16, 10.0, 31.6, 100.0, 316.0, 1000.0]},
    fixed={"c": 0.316},
    about="the C of CLIP's own example",
)
def logistic_probe(problem: Problem, c: float = 0.316) -> Scorer:
    """Logistic regression with bias on the embeddings, by L-BFGS of scikit-learn (CLIP, arXiv 2103.00020, section 3.2).

    Args:
        problem: of which the text is not used.
        c: the inverse strength of the penalty norm(W)^2 / 2, as scikit-learn has it.
    """
    from sklearn.linear_model import LogisticRegression

    items = problem.items
    with warnings.catch_warnings():  # of labels that it takes for numbers, with one item per class
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        found = LogisticRegression(C=c, max_iter=1000).fit(items.rows.cpu().numpy(), items.labels.cpu().numpy())
    rows, bias = (torch.from_numpy(part).to(items.rows) for part in (found.coef_, found.intercept_))
    if problem.classes == 2:  # scikit-learn has one row for two classes
        rows, bias = torch.cat([0 * rows, rows]), torch.cat([0 * bias, bias])
    return linear_scorer(rows, bias)


@frozen_method(
    "tip-adapter-f",
    "text",
    trials={"lr": [1e-4, 1e-3, 1e-2], "alpha": [1.0, 3.0, 10.0]},
    fixed={"lr": 1e-3, "alpha": 1.0},
    about="the paper's rate, epochs, alpha and beta on ImageNet",
    draws=True,
)
def tip_adapter_f(problem: Problem, lr: float = 1e-3, alpha: float = 1.0) -> Scorer:
    """Tip-Adapter whose keys are trained, from the labelled embeddings, for 20 epochs of batches of 256.

    Zhang et al., arXiv 2207.09519, section 3.2 (AdamW, rate falling as a cosine, beta 5.5). Its images are cropped anew
    in every epoch; here an image meets its own key, which leaves less to learn.
    """
    items, keys, beta = problem.items, nn.Parameter(problem.items.rows.clone()), 5.5
    optimiser = torch.optim.AdamW([keys], lr, eps=1e-4)
    epochs, batch = 20, 256
    generator = problem.generator()
    batches = [part for _ in range(epochs) for part in torch.randperm(len(items), generator=generator).split(batch)]
    waiting = iter(batches)

    def loss() -> Tensor:
        some = items.take(next(waiting))
        return F.cross_entropy(cache_scorer(problem, keys, alpha, beta)(some), some.labels)

    minimise(optimiser, loss, len(batches), cosine=True)
    return cache_scorer(problem, keys.detach(), alpha, beta)


@frozen_method(
    "cross-modal probe",
    "text",
    trials={"lr": [3e-4, 1e-3, 3e-3], "sharpness": [0.2, 0.5, 1.0]},
    fixed={"lr": 1e-3, "sharpness": 1.0},
    about="of the grid of its release; steps are the laboratory's",
)
def cross_modal_probe(problem: Problem, lr: float = 1e-3, sharpness: float = 1.0) -> Scorer:
    """A linear layer that begins with the text and has it as further examples: half of the loss is of each modality.

    "Multimodality helps unimodality" (Lin et al., CVPR 2023, arXiv 2301.06267, equations 3 and 6). AdamW with weight
    decay 0.01, rate falling as a cosine; the source's 12,800 batches of 8 with early stopping are `STEPS` full batches.

    Args:
        problem: with text.
        lr: rate.
        sharpness: share of the temperature's inverse; the source has two to choose from.
    """
    rows, items, scale = nn.Parameter(problem.names.clone()), problem.items, problem.scale * sharpness
    own = torch.arange(problem.classes, device=rows.device)

    def loss() -> Tensor:
        of_images = F.cross_entropy(scale * items.rows @ rows.T, items.labels)
        return 0.5 * (of_images + F.cross_entropy(scale * problem.names @ rows.T, own))

    minimise(torch.optim.AdamW([rows], lr, weight_decay=0.01), loss, STEPS, cosine=True)
    return linear_scorer(scale * rows.detach())


@frozen_method(
    "lp++",
    "text",
    trials={"blend": [50.0, 250.0, 1000.0], "iterations": [30, 100, 300]},
    fixed={"blend": 250.0, "iterations": 300},
    about="the release's beginning and 300 iterations; step sizes follow from the data",
)
def lp_plus_plus(problem: Problem, blend: float = 250.0, iterations: int = 300) -> Scorer:
    """A linear probe whose rows are w_c + a_c t_c, both trained by block Majorise-Minimise, without a rate.

    LP++ (Huang et al., CVPR 2024, arXiv 2404.02285): logits x (w_c + a_c t_c), cross-entropy; each block moves by its
    gradient over an approximate Lipschitz constant. Constants, beginning and order are its release's: for w, in every
    iteration and with momentum 0.9, the largest eigenvalue of X'X / (4 N); for a, in every tenth, four times the
    largest mean square of x t_c. w_c begins as the sum of the class's embeddings, every a_c as `blend` times the mean
    of x_i t_(y_i).
    """
    items, labels, count = problem.items.rows, problem.items.labels, len(problem.items)
    near, targets = items @ problem.names.T, problem.one_hot
    rows = targets.T @ items
    shares = torch.full((problem.classes,), blend * float(near.gather(1, labels[:, None]).mean())).to(items)
    step_rows = 4 * count / float(torch.linalg.eigvalsh(items.T @ items)[-1])
    step_shares = 1 / (4 * float((near**2).mean(0).max()))
    speed = torch.zeros_like(rows)
    for iteration in range(iterations):
        error = ((items @ rows.T + near * shares).softmax(-1) - targets) / count
        speed = 0.9 * speed + error.T @ items
        rows = rows - step_rows * speed
        if iteration % 10 == 9:
            shares = shares - step_shares * (error * near).sum(0)
    return linear_scorer(rows + shares[:, None] * problem.names)


@frozen_method(
    "clap",
    "text",
    trials={"lr": [0.001, 0.01, 0.1], "strength": [0.1, 1.0, 10.0]},
    fixed={"lr": 0.1, "strength": 1.0},
    about="the paper's rate, epochs and multipliers",
)
def clap(problem: Problem, lr: float = 0.1, strength: float = 1.0) -> Scorer:
    """Cosine rows from the text, held near it, each class as firmly as zero-shot is right about its items.

    cross-entropy + mean_c lambda_c norm(w_c - t_c)^2,  lambda_c the mean zero-shot probability of the class's own items

    CLAP (Silva-Rodriguez et al., CVPR 2024, arXiv 2312.12730, section 4.2). SGD with momentum 0.9, 300 steps, rate
    falling as a cosine.
    """
    items, text = problem.items, problem.names
    rows, targets = nn.Parameter(text.clone()), problem.one_hot
    sure = (problem.scale * items.rows @ text.T).softmax(-1)
    multipliers = strength * (sure * targets).sum(0) / targets.sum(0)

    def loss() -> Tensor:
        logits = problem.scale * items.rows @ F.normalize(rows, dim=-1).T
        held = (multipliers * (rows - text).square().sum(-1)).mean()
        return F.cross_entropy(logits, items.labels) + held

    minimise(torch.optim.SGD([rows], lr, momentum=0.9), loss, 300, cosine=True)
    return cosine_scorer(rows.detach(), problem.scale)


@frozen_method(
    "prolip",
    "text",
    trials={"lr": [1e-4, 1e-3, 1e-2], "strength": [0.001, 0.01, 0.1]},
    fixed={"lr": 1e-5, "strength": 0.0, "steps": 300},
    about="the paper's without validation: lambda is 1 over the shots",
)
def prolip(problem: Problem, lr: float = 1e-5, strength: float = 0.0, steps: int = STEPS) -> Scorer:
    """The encoder's last projection alone is trained, held near what it was; the class embeddings stay.

    cross-entropy of s cos(W z, t_c) + lambda norm(W - W_0)^2

    ProLIP (Fahes et al., arXiv 2410.05270, equations 3 to 5), z what the encoder projects. Adam, rate falling as a
    cosine, 300 steps as published, `STEPS` when tuned. Of a cache without z, W is applied to the embeddings themselves
    and begins as the identity: the paper's regularised linear adapter.

    Args:
        problem: with its projection, where z is at hand.
        lr: rate.
        strength: lambda; 0 for 1 / shots, the paper's.
        steps: full batches.
    """
    known = problem.projection
    bias = None if known is None or known.bias is None else known.bias.to(problem.items.rows)
    first = torch.eye(problem.items.rows.shape[1]) if known is None else known.weight
    first = first.to(problem.items.rows)
    weight, held = nn.Parameter(first.clone()), strength or 1 / problem.shots
    text = problem.scale * problem.names.T

    def scores(some: Embeddings, weight: Tensor) -> Tensor:
        before = some.rows if known is None else some.before
        assert before is not None
        return F.normalize(F.linear(before, weight, bias), dim=-1) @ text

    def loss() -> Tensor:
        right = F.cross_entropy(scores(problem.items, weight), problem.items.labels)
        return right + held * (weight - first).square().sum()

    minimise(torch.optim.Adam([weight], lr, eps=1e-4), loss, steps, cosine=True)
    learned = weight.detach()
    return lambda some: scores(some, learned)

"""A mixed-effects logit of right answers: another model of the same videos, as a check of a difference."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .cube import Read, cube_of, paired

PARTS = {  # random effects: name -> formula
    "seed": "0 + C(seed)",
    "seed by method": "0 + C(seed):ahead",
    "group": "0 + C(group)",
    "group by method": "0 + C(group):ahead",
    "class": "0 + C(label)",
}


@dataclass(frozen=True)
class Logit:
    """The effect of a method on the log odds of a right answer.

    Attributes:
        mean, error: of the posterior.
        deviations: standard deviation of each random effect of `PARTS`, in log odds.
    """

    mean: float
    error: float
    deviations: dict[str, float]

    @property
    def odds(self) -> tuple[float, float, float]:
        """Odds ratio, and both ends of its 95 % interval."""
        mean, low, high = np.exp(self.mean + 1.96 * self.error * np.array([0, -1, 1]))
        return float(mean), float(low), float(high)

    def text(self) -> str:
        """ "odds ratio 1.62 [1.20, 2.19]"."""
        mean, low, high = self.odds
        return f"odds ratio {mean:.2f} [{low:.2f}, {high:.2f}]"


def mixed_logit(ahead: pd.DataFrame, behind: pd.DataFrame, scores: Read, dataset: str, y: str = "top1") -> Logit:
    """The effect of one method over another, with random effects of seed, group, class, and of method in the first two.

    Fitted by statsmodels' variational Bayes. That takes the posterior's parts as independent, which made the error a
    quarter of what repeated samples showed; so the error is that of all effects together, by the curvature of the
    posterior where the variances are as they were fitted (Breslow and Clayton, "Approximate inference in generalized
    linear mixed models", Journal of the American Statistical Association 88, 1993).

    Args:
        ahead, behind: rows of one method each, of the same seeds and videos.
        scores, dataset, y: see `means`; "top1" or "top5".

    Raises:
        ValueError: seeds or videos do not match.
    """
    from scipy.special import expit
    from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM

    tables = []
    for is_ahead, cube in enumerate(reversed(paired([cube_of(rows, scores, dataset, y) for rows in (ahead, behind)]))):
        seed, video = np.nonzero(~np.isnan(cube.right))
        columns = {"right": cube.right[seed, video], "seed": seed, "ahead": is_ahead}
        tables.append(pd.DataFrame(columns | {"group": cube.groups[video], "label": cube.labels[video]}))
    table = pd.concat(tables, ignore_index=True)
    several = {"seed": table["seed"].nunique() > 1, "group": table["group"].nunique() > 1, "class": True}
    parts = {name: formula for name, formula in PARTS.items() if several[name.split()[0]]}
    model = BinomialBayesMixedGLM.from_formula("right ~ ahead", parts, table)
    fitted = model.fit_vb(rng=0)
    deviations = np.exp(fitted.vcp_mean)
    design = np.hstack([model.exog, model.exog_vc.toarray()])
    right = expit(design @ np.concatenate([fitted.fe_mean, fitted.vc_mean]))
    prior = np.concatenate([np.full(model.exog.shape[1], model.fe_p), deviations[model.ident]]) ** -2.0
    covariance = np.linalg.inv((design.T * (right * (1 - right))) @ design + np.diag(prior))
    named = dict(zip(parts, deviations.tolist(), strict=True))
    return Logit(float(fitted.fe_mean[1]), float(covariance[1, 1] ** 0.5), named)

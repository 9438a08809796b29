"""How much of an accuracy's variance is of the draw of few shots, of initialisation, of order, and of the test videos.

What varies most decides how many seeds are needed: `seed_components` of a small grid, then `half_widths`.
"""

import warnings
from collections.abc import Sequence

import numpy as np
import pandas as pd

from .cube import Cube, Read, cube_of, paired

FACTORS = {"draw": "draw of videos", "seed": "initialisation", "order": "order and clips"}
GROUPS, REST = "groups of test videos", "all together, and chance"


def seed_components(
    rows: pd.DataFrame, scores: Read, dataset: str, y: str = "top1", behind: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Standard deviations of what varies, by restricted maximum likelihood (statsmodels' `MixedLM`).

    The model is additive: percent right of a training on a group of test videos is a mean and independent parts of its
    draw, initialisation, order and group, and a rest, which has every interaction (Searle, Casella and McCulloch,
    "Variance Components", 1992, chapter 6). A factor with one value in the rows has no line, and factors that
    vary in step share one: where neither `draw` nor `order` is given, both are `seed`'s, and the line is "seeds".

    Args:
        rows: of one method under one condition, with columns seed, and draw and order where they differ from it.
        scores, dataset, y: see `means`.
        behind: rows of another method with the same seeds; then the parts are of the paired difference.

    Returns:
        A row for each source: source, levels, deviation (points), and share of the variance of one training's result
        on one group (percent).
    """
    cube = cube_of(rows, scores, dataset, y)
    if behind is not None:
        cube, other = paired([cube, cube_of(behind, scores, dataset, y)])
        return _components(cube, _by_group(cube) - _by_group(other))
    return _components(cube, _by_group(cube))


def half_widths(components: pd.DataFrame, seeds: Sequence[int], groups: int) -> pd.DataFrame:
    """Half the width that a 95 % interval is expected to have with so many seeds, if seeds draw everything anew.

    Args:
        components: of `seed_components`.
        seeds: numbers of seeds, each 2 at least.
        groups: of test videos.

    Returns:
        A row for each number: seeds, and half-width in points.
    """
    from .bootstrap import combined

    variance = dict(zip(components["source"], components["deviation"] ** 2, strict=True))
    of_groups, rest = variance.pop(GROUPS, 0.0), variance.pop(REST, 0.0)
    lines = []
    for count in seeds:
        both = rest / count / groups
        a, b = sum(variance.values()) / count + both, of_groups / groups + both
        scaled = a * (count - 1) / count, b * (groups - 1) / groups
        together = sum(scaled) + both * (count - 1) * (groups - 1) / count / groups
        low, high = combined(0.0, *scaled, together, (count, groups)).interval()
        lines.append({"seeds": count, "half-width": (high - low) / 2})
    return pd.DataFrame(lines)


def _by_group(cube: Cube) -> np.ndarray:
    """Percent right of each seed in each group (S, G)."""
    groups = int(cube.groups.max()) + 1
    return cube.averages(np.eye(groups)).T


def _components(cube: Cube, percents: np.ndarray) -> pd.DataFrame:
    from statsmodels.regression.mixed_linear_model import MixedLM
    from statsmodels.tools.sm_exceptions import ConvergenceWarning

    seeds, groups = percents.shape
    named = [dict(seed) for seed in cube.seeds]
    table = pd.DataFrame({"y": percents.reshape(-1), "group": np.tile(np.arange(groups), seeds)})
    for name in FACTORS:
        values = [seed.get(name, seed.get("seed", 0)) for seed in named]
        table[name] = np.repeat(values, groups)
    told: dict[str, list[str]] = {}  # each factor that varies, with those that vary in step with it
    for name in FACTORS:
        steps = (other for other in told if len(table[[name, other]].drop_duplicates()) == table[name].nunique())
        if table[name].nunique() > 1:
            told.setdefault(next(steps, name), []).append(FACTORS[name])
    labels = {name: "seeds" if len(both) == len(FACTORS) else ", ".join(both) for name, both in told.items()}
    formula = {name: f"0 + C({name})" for name in [*told, "group"] if table[name].nunique() > 1}
    model = MixedLM.from_formula("y ~ 1", table, groups=np.ones(len(table)), re_formula="0", vc_formula=formula)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a part that is zero is at the boundary, as it may be
        fitted = model.fit(reml=True, method=["lbfgs", "powell"])
    found = dict(zip(model.exog_vc.names, fitted.vcomp, strict=True))
    variances = {labels[name]: found[name] for name in told} | {GROUPS: found.get("group", 0.0), REST: fitted.scale}
    levels = {labels[name]: table[name].nunique() for name in told} | {GROUPS: groups, REST: len(table)}
    whole = sum(variances.values())
    return pd.DataFrame(
        {
            "source": list(variances),
            "levels": [levels[name] for name in variances],
            "deviation": [max(0.0, value) ** 0.5 for value in variances.values()],
            "share": [100 * value / whole if whole else float("nan") for value in variances.values()],
        }
    )

"""How much of an accuracy's variance is of the draw of few shots, of initialisation, of order, and of the test videos.

What varies most decides how many seeds are needed: `seed_components` of a small grid, then `half_widths`.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .cube import Cube, Read, cube_of, paired

FACTORS = {"draw": "draw of videos", "seed": "initialisation", "order": "order and clips"}
GROUPS, REST = "groups of test videos", "all together, and chance"


def seed_components(
    rows: pd.DataFrame, scores: Read, dataset: str, y: str = "top1", behind: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Standard deviations of what varies, by the mean squares of the analysis of variance.

    The model is additive: percent right of a training on a group of test videos is a mean and independent parts of its
    draw, initialisation, order and group, and a rest, which has every interaction. A factor's sum of squares is what it
    adds to all others, and its variance is what makes the expected mean square that (fitting of constants; Henderson,
    "Estimation of variance and covariance components", Biometrics 9, 1953, method 3); one below zero is zero. A factor
    with one value in the rows has no line, and factors that vary in step share one: where neither `draw` nor `order` is
    given, both are `seed`'s, and the line is "seeds". (Not by statsmodels' `MixedLM`, which on balanced data with
    a part that is zero ended far from these.)

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
    seeds, groups = percents.shape
    named = [dict(seed) for seed in cube.seeds]
    table = pd.DataFrame({name: [seed.get(name, seed.get("seed", 0)) for seed in named] for name in FACTORS})
    told: dict[str, list[str]] = {}  # each factor that varies, with those that vary in step with it
    for name in FACTORS:
        steps = (other for other in told if len(table[[name, other]].drop_duplicates()) == table[name].nunique())
        if table[name].nunique() > 1:
            told.setdefault(next(steps, name), []).append(FACTORS[name])
    columns = {name: pd.get_dummies(table[name], dtype=float).to_numpy() for name in told}
    mean, by_seed, by_group = percents.mean(), percents.mean(1), percents.mean(0)
    whole = np.hstack([np.ones((seeds, 1)), *columns.values()])
    rank, left = np.linalg.matrix_rank(whole), _beside(whole, by_seed)
    squares = ((percents - mean) ** 2).sum() - seeds * ((by_group - mean) ** 2).sum()
    explained = groups * (((by_seed - mean) ** 2).sum() - (left**2).sum())
    rest = (squares - explained) / max(1, seeds * groups - groups - rank + 1)
    variances: dict[str, float] = {}
    for name, own in columns.items():
        others = np.hstack([np.ones((seeds, 1)), *(each for other, each in columns.items() if other != name)])
        degrees = rank - np.linalg.matrix_rank(others)
        label = "seeds" if len(told[name]) == len(FACTORS) else ", ".join(told[name])
        if degrees:
            square = groups * ((_beside(others, by_seed) ** 2).sum() - (left**2).sum()) / degrees
            variances[label] = (square - rest) / (groups * (_beside(others, own) ** 2).sum() / degrees)
    variances |= {GROUPS: by_group.var(ddof=1) - rest / seeds if groups > 1 else 0.0, REST: rest}
    levels = {
        ", ".join(each) if len(each) < len(FACTORS) else "seeds": columns[name].shape[1] for name, each in told.items()
    }
    levels |= {GROUPS: groups, REST: percents.size}
    known = pd.Series(variances).clip(lower=0)
    found = {"levels": [levels[name] for name in known.index], "deviation": known**0.5}
    return pd.DataFrame({"source": known.index, **found, "share": 100 * known / known.sum()}).reset_index(drop=True)


def _beside(columns: np.ndarray, values: np.ndarray) -> np.ndarray:
    """What a least-squares fit of columns (S, K) leaves of values (S,) or (S, M)."""
    return values - columns @ np.linalg.lstsq(columns, values, rcond=None)[0]

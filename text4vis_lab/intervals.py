"""Intervals of means over runs. By scipy, of the extra "notebooks"."""

from collections.abc import Sequence

import numpy as np


def mean_interval(values: Sequence[float] | np.ndarray, confidence: float = 0.95) -> tuple[float, float]:
    """Mean over runs (seeds, splits) and half the width of its Student-t interval; nan for a single value."""
    from scipy import stats

    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return float(values.mean()), float("nan")
    # Not `stats.t.interval`, which is nan where all values are equal.
    return float(values.mean()), float(stats.t.ppf((1 + confidence) / 2, len(values) - 1) * stats.sem(values))

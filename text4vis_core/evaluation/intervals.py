"""Intervals of accuracies: over videos, and over runs."""

import numpy as np
import torch


def wilson_interval(percent: float, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of an accuracy measured on `count` videos: (low, high) in percent."""
    z = _normal_quantile(confidence)
    p = percent / 100
    centre = (p + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(p * (1 - p) / count + z**2 / (4 * count**2))
    return 100 * float(max(0, centre - half)), 100 * float(min(1, centre + half))


def mean_interval(values, confidence: float = 0.95) -> tuple[float, float]:
    """Mean over runs (seeds, splits) and half the width of its Student-t interval; nan for a single value."""
    from scipy import stats

    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return float(values.mean()), float("nan")
    t = stats.t.ppf((1 + confidence) / 2, len(values) - 1)
    return float(values.mean()), float(t * values.std(ddof=1) / np.sqrt(len(values)))


def with_interval(mean: float, half: float | None, unit: str = "%") -> str:
    """A mean with half the width of its interval, as text: "52.9 ± 3.1 %"; without it where there is none."""
    return f"{mean:.1f} {unit}" if half is None or np.isnan(half) else f"{mean:.1f} ± {half:.1f} {unit}"


def _normal_quantile(confidence: float) -> float:
    return float(torch.special.ndtri(torch.tensor((1 + confidence) / 2, dtype=torch.float64)))

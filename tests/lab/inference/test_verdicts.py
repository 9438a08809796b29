"""Verdicts: one-sided tests against statsmodels, Holm's correction by hand, several comparators."""

import numpy as np
import pytest
from statsmodels.stats.weightstats import DescrStatsW, ttost_paired

from text4vis_lab.inference.bootstrap import Estimate
from text4vis_lab.inference.verdicts import (
    EQUIVALENCE,
    NON_INFERIORITY,
    SUPERIORITY,
    PValues,
    against_all,
    decide,
    p_values,
)


@pytest.fixture
def sample() -> np.ndarray:
    return np.random.default_rng(0).normal(1.0, 4.0, size=25)


def estimate(sample: np.ndarray) -> Estimate:
    return Estimate(float(sample.mean()), float(sample.std(ddof=1) / len(sample) ** 0.5), len(sample) - 1)


def test_two_one_sided_tests_are_statsmodels(sample):
    expected, *_ = ttost_paired(sample, np.zeros_like(sample), -3, 3)
    assert p_values(EQUIVALENCE, 3, estimate(sample)).holds == pytest.approx(expected)


@pytest.mark.parametrize(("kind", "level"), [(SUPERIORITY, 2.0), (NON_INFERIORITY, -2.0)])
def test_one_sided_tests_are_statsmodels(sample, kind, level):
    found, known = p_values(kind, 2.0, estimate(sample)), DescrStatsW(sample)
    assert found.holds == pytest.approx(known.ttest_mean(level, alternative="larger")[1])
    assert found.fails == pytest.approx(known.ttest_mean(level, alternative="smaller")[1])


@pytest.mark.parametrize(
    ("kind", "mean", "expected"),
    [
        (SUPERIORITY, 9.5, "holds"),
        (SUPERIORITY, 8.0, "undecided"),  # ahead for sure, but not by the margin
        (SUPERIORITY, 0.0, "fails"),
        (NON_INFERIORITY, 0.0, "holds"),
        (NON_INFERIORITY, -4.0, "undecided"),
        (NON_INFERIORITY, -10.0, "fails"),
        (EQUIVALENCE, 0.0, "holds"),
        (EQUIVALENCE, 2.0, "undecided"),
        (EQUIVALENCE, 9.9, "fails"),
        (EQUIVALENCE, -9.9, "fails"),
    ],
)
def test_a_verdict_is_read_off_the_interval(kind, mean, expected):
    """With an error of 2 and many degrees of freedom, the interval is 3.9 points to both sides, the margin is 5."""
    [(verdict, _)] = decide([p_values(kind, 5.0, Estimate(mean, 2.0, 1e6))])
    assert verdict == expected


def test_holms_correction_by_hand():
    """Sorted p of 0.004, 0.006, 0.03, 0.5 times 4, 3, 2, 1, none smaller than the one before."""
    found = decide([PValues(p, 1 - p) for p in (0.5, 0.004, 0.03, 0.006)])
    assert [verdict for verdict, _ in found] == ["undecided", "holds", "undecided", "holds"]
    assert [p for _, p in found] == pytest.approx([0.5, 0.016, 0.06, 0.018])


def test_what_fails_is_corrected_for_itself():
    found = decide([PValues(0.99, 0.01), PValues(0.001, 0.999), PValues(0.98, 0.02)])
    assert found == [
        ("undecided", pytest.approx(1.0)),
        ("holds", pytest.approx(0.003)),
        ("undecided", pytest.approx(1.0)),
    ]
    assert decide([PValues(0.99, 0.01)]) == [("fails", 0.01)]
    assert decide([]) == []


def test_against_several_the_worst_counts():
    found = against_all([PValues(0.001, 0.999), PValues(0.2, 0.004)])
    assert (found.holds, found.fails) == (0.2, 0.008)


def test_other_kinds_and_negative_margins_are_errors():
    with pytest.raises(ValueError, match="kind 'better' of a claim is none of superiority, non-inferiority"):
        p_values("better", 1.0, Estimate(0.0, 1.0, 3))
    with pytest.raises(ValueError, match="a margin is not negative, as -1 is"):
        p_values(SUPERIORITY, -1.0, Estimate(0.0, 1.0, 3))

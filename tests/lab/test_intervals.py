"""Intervals of means over runs, against scipy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from text4vis_lab.intervals import mean_interval


@given(st.lists(st.floats(0, 100), min_size=2, max_size=10).filter(lambda values: np.std(values) > 1e-3))
def test_mean_interval_is_scipys(values):
    mean, half = mean_interval(values)
    low, high = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
    assert (mean - half, mean + half) == pytest.approx((low, high), abs=1e-6)


def test_equal_values_have_an_interval_of_no_width():
    assert mean_interval([42.0, 42.0, 42.0]) == (42.0, 0.0)


def test_one_value_has_no_interval():
    mean, half = mean_interval([42.0])
    assert mean == 42.0
    assert math.isnan(half)

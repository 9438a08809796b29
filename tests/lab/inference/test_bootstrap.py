"""The bootstrap over seeds and groups: equal to the analysis of variance, and intervals that hold."""

import numpy as np
import pytest
from scipy import stats

from text4vis_lab.inference.bootstrap import Estimate, bootstrap, combined, weights
from text4vis_lab.inference.cube import Cube, RankedCube


def cube(points: np.ndarray, videos: int = 1) -> Cube:
    """A cube whose groups have these percents (S, G), in so many videos each."""
    seeds, groups = points.shape
    right = np.repeat(points / 100, videos, axis=1)
    ids = np.repeat(np.arange(groups), videos)
    names = tuple((("seed", seed),) for seed in range(seeds))
    return Cube(names, tuple(map(str, range(len(ids)))), right, ids, "groups", np.zeros(len(ids), dtype=int))


def mean_of(points: np.ndarray, videos: int = 1) -> Estimate:
    return bootstrap([cube(points, videos)], lambda percent: percent)


def mean_squares(points: np.ndarray) -> tuple[float, float, float]:
    """Of seeds, groups and the rest, divided by SG: the two-way analysis of variance."""
    seeds, groups = points.shape
    rest = points - points.mean(1, keepdims=True) - points.mean(0) + points.mean()
    left = (rest**2).sum() / ((seeds - 1) * (groups - 1)) / seeds / groups
    return points.mean(1).var(ddof=1) / seeds, points.mean(0).var(ddof=1) / groups, left


@pytest.mark.parametrize(("seeds", "groups", "of_groups"), [(3, 30, 4.0), (5, 12, 0.5), (10, 30, 10.0)])
def test_the_error_is_that_of_the_crossed_analysis_of_variance(seeds, groups, of_groups):
    rng = np.random.default_rng(0)
    points = 50 + 3 * rng.normal(size=(seeds, 1)) + of_groups * rng.normal(size=groups)
    points = points + 5 * rng.normal(size=(seeds, groups))
    found, (a, b, left) = mean_of(points, videos=4), mean_squares(points)
    assert found.mean == pytest.approx(points.mean())
    assert found.of_seeds == pytest.approx(a, rel=0.1)
    assert found.of_groups == pytest.approx(b, rel=0.1)
    assert found.of_both == pytest.approx(left, abs=0.1 * (a + b))
    variance = max(a + b - left, a, b)
    assert found.error == pytest.approx(variance**0.5, rel=0.06)
    degrees = variance**2 / (a**2 / (seeds - 1) + b**2 / (groups - 1) + left**2 / ((seeds - 1) * (groups - 1)))
    assert found.freedom == pytest.approx(max(degrees, seeds - 1), rel=0.25)
    half = stats.t.ppf(0.975, found.freedom) * found.error
    assert found.interval() == pytest.approx((found.mean - half, found.mean + half))


def test_of_one_seed_it_is_over_groups_and_of_one_group_over_seeds():
    points = np.random.default_rng(1).normal(50, 10, size=(1, 20))
    for found in (mean_of(points), mean_of(points.T)):
        assert found.error == pytest.approx(stats.sem(points[0]), rel=0.06)
        assert found.freedom == 19
    assert np.isnan(mean_of(points[:, :1]).interval()).all()


def test_what_is_the_same_everywhere_has_no_width():
    found = mean_of(np.full((3, 5), 80.0))
    assert found.interval() == pytest.approx((80, 80))
    assert (Estimate(80.0, 0.0, 2.0).above(79), Estimate(80.0, 0.0, 2.0).above(80)) == (0, 1)
    assert (Estimate(80.0, 0.0, 2.0).below(81), Estimate(80.0, 0.0, 2.0).below(80)) == (0, 1)


def test_one_sided_tests_are_students():
    found = Estimate(6.0, 2.0, 4.0)
    assert found.above(2.0) == pytest.approx(stats.t.sf(2, 4))
    assert found.below(2.0) == pytest.approx(stats.t.cdf(2, 4))
    assert found.above(found.interval()[0]) == pytest.approx(0.025)


def test_the_parts_come_back_from_their_expectations():
    seeds, groups, a, b, left = 3, 30, 4.0, 2.0, 0.5
    scaled = a * (seeds - 1) / seeds, b * (groups - 1) / groups
    both = sum(scaled) + left * (seeds - 1) * (groups - 1) / seeds / groups
    found = combined(0.0, *scaled, both, (seeds, groups))
    assert (found.of_seeds, found.of_groups, found.of_both) == pytest.approx((a, b, left))
    assert found.error == pytest.approx((a + b - left) ** 0.5)


def test_draws_are_the_same_every_time_and_count_what_they_draw():
    assert weights(5, 100, 0) is weights(5, 100, 0)
    assert (weights(5, 100, 0).sum(1) == 5).all()
    assert not np.array_equal(weights(5, 100, 0), weights(5, 100, 1))


@pytest.mark.parametrize("parts", [(3, 5, 10), (1, 0, 0), (0, 10, 3)])
def test_intervals_of_three_seeds_hold_the_truth(parts):
    """Of 300 experiments 95 % do, give or take what 300 can tell."""
    rng, held = np.random.default_rng(2), 0
    of_seeds, of_groups, rest = parts
    for _ in range(300):
        points = rng.normal(size=(3, 1)) * of_seeds + rng.normal(size=30) * of_groups + rng.normal(size=(3, 30)) * rest
        scaled = [square * (count - 1) / count for square, count in zip(mean_squares(points)[:2], (3, 30), strict=True)]
        both = sum(scaled) + mean_squares(points)[2] * 2 * 29 / 90
        low, high = combined(float(points.mean()), *scaled, both, (3, 30)).interval()
        held += low <= 0 <= high
    assert 0.92 <= held / 300 <= 1.0


def test_average_precision_of_resampled_videos():
    """A weight of 2 is a video that is there twice; of 1 for all the core's own value."""
    import torch

    from text4vis_core.evaluation import mean_average_precision

    rng = np.random.default_rng(3)
    scores, targets = rng.random((1, 20, 3)), (rng.random((1, 20, 3)) < 0.4).astype(float)
    ids = np.arange(20)
    ranked = RankedCube(((),), tuple(map(str, ids)), np.ones((1, 20)), ids, "videos", ids, scores, targets)
    whole, some = np.ones((1, 20)), rng.integers(0, 2, size=(1, 20)).astype(float)
    kept = some[0] > 0
    for weight, rows in ((whole, slice(None)), (some, kept)):
        expected = mean_average_precision(torch.from_numpy(scores[0][rows]), torch.from_numpy(targets[0][rows]))
        assert ranked.averages(weight)[0, 0] == pytest.approx(expected)
    twice = mean_average_precision(torch.from_numpy(scores[0].repeat(2, 0)), torch.from_numpy(targets[0].repeat(2, 0)))
    assert ranked.averages(2 * whole)[0, 0] == pytest.approx(twice, abs=1.5)


def test_mean_average_precision_is_that_of_the_whole_ranking_to_the_bit():
    rng, seeds, videos, classes, groups = np.random.default_rng(0), 2, 300, 12, 40
    scores = rng.random((seeds, videos, classes)).round(2)  # with ties
    targets = (rng.random(scores.shape) < 0.03).astype(float)
    targets[:, :, 3], targets[:, :, 4] = 0, 1  # a class without videos, and one of them all
    right = np.where(rng.random((seeds, videos)) < 0.1, np.nan, 1.0)
    ids = rng.permutation(np.arange(videos) % groups)
    ranked = RankedCube(((), ()), tuple(map(str, range(videos))), right, ids, "groups", ids, scores, targets)
    for drawn in (np.ones((1, groups)), weights(groups, 50, 1)):
        plain = [[plain_precision(ranked, seed, counts) for seed in range(seeds)] for counts in drawn[:, ids]]
        assert np.array_equal(ranked.averages(drawn), plain)


def plain_precision(cube: RankedCube, seed: int, counts: np.ndarray) -> float:
    """Of all places of all rankings, each with the precision there."""
    there = cube.right[seed] == 1
    order = np.argsort(-cube.scores[seed, there], axis=0, kind="stable")
    hits, drawn = np.take_along_axis(cube.targets[seed, there], order, 0), counts[there][order]
    middle = np.maximum(drawn - 1, 0) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = (np.cumsum(hits * drawn, 0) - middle) / (np.cumsum(drawn, 0) - middle)
        each = np.where(hits * drawn > 0, precision * drawn, 0).sum(0) / (hits * drawn).sum(0)
    return 100 * float(np.nanmean(each))

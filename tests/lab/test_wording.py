"""What notebooks say in words follows from the numbers."""

import pandas as pd
import pytest

from text4vis_lab import wording
from text4vis_lab.inference.bootstrap import Estimate
from text4vis_lab.inference.tables import Difference


def difference(mean: float, error: float) -> Difference:
    estimate = Estimate(mean, error, 1e6, 0.0, 0.0, 0.0)
    return Difference(estimate, "linear", "3 seeds × 30 groups", {"linear": estimate}, (50.0, 50.0 - mean))


def test_numbers_of_things_and_lists():
    assert wording.counted(1, "video") == "1 video"
    assert wording.counted(1440, "class") == "1,440 classes"
    assert wording.per_class(4) == "4 videos per class"
    assert wording.per_class(0) == "all videos"
    assert wording.quoted(["text, frozen", "linear"]) == "'text, frozen' and 'linear'"
    assert [wording.listed(items) for items in ([], ["a"], "ab", "abc")] == ["", "a", "a and b", "a, b and c"]


@pytest.mark.parametrize(
    ("mean", "relation", "verdict", "worth"),
    [
        (18.6, "is ahead of", "holds", "more than the 5 points that would matter"),
        (6.0, "is ahead of", "undecided", "undecided whether it is the 5 points that would matter"),
        (1.6, "cannot be told apart from", "fails", "less than the 5 points that would matter"),
        (-5.2, "is behind", "fails", "less than the 5 points that would matter"),
    ],
)
def test_a_difference_in_words(mean, relation, verdict, worth):
    found = difference(mean, 1.0)
    assert wording.relation(found) == relation
    assert wording.verdict(found, 5) == verdict
    assert wording.worth(found, 5) == worth
    ends = {"mean": mean, "low": mean - 1.96, "high": mean + 1.96}
    assert wording.points(found) == wording.points(ends) == f"{mean:.1f} points [{mean - 1.96:.1f}, {mean + 1.96:.1f}]"


def test_a_loss_may_be_small_enough():
    assert wording.verdict(difference(-2.0, 1.0), 5, "non-inferiority") == "holds"
    assert wording.percent({"mean": 52.94, "low": 47.0, "high": 58.8}) == "52.9 % [47.0, 58.8]"


def test_shares_have_wilsons_intervals():
    right, names = pd.Series([True] * 3 + [False] + [False] * 4), pd.Series(["a"] * 4 + ["b"] * 4)
    found = wording.shares(right, names)
    assert found[["name", "percent", "videos"]].to_dict("list") == {
        "name": ["a", "b"],
        "percent": [75.0, 0.0],
        "videos": [4, 4],
    }
    # Wilson, Journal of the American Statistical Association 22, 1927: z² / (n + z²) above 0 of n.
    assert found.loc[1, "high"] == pytest.approx(100 * 1.959964**2 / (4 + 1.959964**2), rel=1e-5)
    assert found.loc[1, "low"] == pytest.approx(0, abs=1e-9)

"""Alignment and geometry, told apart on records whose answers are known."""

import numpy as np
import pandas as pd
import pytest
import torch

from text4vis_lab.mechanism import (
    ESTIMANDS,
    agreement,
    answers,
    conclusion,
    correlations,
    estimands,
    in_words,
    nearest,
    reading,
)
from text4vis_lab.scores import Scores

GROUPS, CLASSES = 20, 2
VIDEOS = [f"v_X_g{group:02d}_c{c:02d}.mp4" for group in range(GROUPS) for c in range(CLASSES)]


def record(percents: dict[str, float], shots: int = 4, seeds: int = 4):
    """Rows of frozen methods, each right on this percentage of videos, and their scores."""
    rng, rows, kept = np.random.default_rng(0), [], {}
    for method, percent in percents.items():
        for seed in range(seeds):
            cell = f"{method}{seed}"
            right = np.zeros(len(VIDEOS), bool)
            right[rng.permutation(len(VIDEOS))[: round(percent / 100 * len(VIDEOS))]] = True
            scores = torch.zeros(len(VIDEOS), 2)
            scores[range(len(VIDEOS)), np.where(right, 0, 1)] = 1
            kept[cell] = Scores(VIDEOS, torch.zeros(len(VIDEOS), dtype=torch.int64), scores)
            row = {"cell": cell, "test": "test", "view": "1 view", "method": f"{method}, frozen", "shots": shots}
            rows.append(row | {"seed": seed, "top1": percent, "classes": 2, "videos": len(VIDEOS)})
    return pd.DataFrame(rows), lambda row: kept[row["cell"]]


def found(percents, **options):
    rows, scores = record(percents, **options)
    return estimands(rows, scores, "puppets")


ALIGNED = {"text": 80, "nearest simplex": 80, "rotated": 20, "rotated simplex": 20, "shuffled": 5}


def test_each_estimand_is_the_difference_of_two_kinds_of_rows():
    table = found(ALIGNED).set_index("estimand")
    assert table["mean"].to_dict() == pytest.approx(
        {name: float(ALIGNED[ahead] - ALIGNED[behind]) for name, (ahead, behind) in ESTIMANDS.items()}
    )
    assert (table["low"] <= table["mean"]).all() and (table["mean"] <= table["high"]).all()
    assert table.loc["alignment", "of"] == "text less rotated"
    assert table["over"].eq("4 seeds × 20 groups").all()
    assert (table["shots"] == 4).all()


def test_what_was_not_trained_is_left_out():
    assert list(found({"text": 80, "shuffled": 5})["estimand"]) == ["right correspondence"]
    assert found({"random": 80}).empty


@pytest.mark.parametrize(
    ("percents", "said"),
    [
        (ALIGNED, ("alignment with the encoder helps (+60.0", "geometry cannot be told from nothing (+0.0")),
        (ALIGNED | {"rotated": 80, "nearest simplex": 20}, ("encoder cannot be told", "geometry helps (+60.0")),
        (ALIGNED | {"nearest simplex": 50, "rotated": 20}, ("encoder helps", "geometry helps", "alignment more")),
        (ALIGNED | {"nearest simplex": 99}, ("alignment with the encoder helps", "geometry costs accuracy (-20.0")),
        ({"text": 50}, ("have to be trained",)),
    ],
)
def test_the_conclusion_follows_from_the_numbers(percents, said):
    sentence = conclusion(found(percents))
    assert all(part in sentence for part in said), sentence


def test_a_row_in_words():
    row = {"estimand": "alignment", "of": "text less rotated", "mean": 33.4, "low": 20.0, "high": 46.8}
    assert in_words(row) == "alignment (text less rotated): +33.4 points [20.0, 46.8], more than none"
    assert in_words(row | {"low": -1.0}).endswith("not to be told from none")
    assert in_words(row | {"low": -9.0, "high": -1.0}).endswith("less than none")


def test_the_paragraph_and_the_answers_hold_every_number():
    table = found(ALIGNED)
    text = reading(table)
    assert all(f"{mean:+.1f} points with 4 videos per class" in text for mean in table["mean"])
    assert "Alignment (text less rotated) is +60.0 points" in text
    run = {"rows": [{"test": "test", "videos": len(VIDEOS), "classes": CLASSES}]}
    [answer] = answers(table, run)
    assert answer.startswith("With 4 videos per class, alignment with the encoder helps (+60.0")
    assert answer.endswith(": frozen rows on 40 test videos of 2 classes, over 4 seeds × 20 groups.")
    assert reading(table.iloc[:0]) == ""
    [none] = answers(table.iloc[:0], None)
    assert "have to be trained" in none


def test_agreement_sees_angles_and_no_rotation():
    rows = torch.randn(6, 8, generator=torch.Generator().manual_seed(0))
    turn, _ = torch.linalg.qr(torch.randn(8, 8, generator=torch.Generator().manual_seed(1)))
    assert agreement(rows, 3 * rows @ turn) == pytest.approx(1)
    assert np.diag(correlations(rows)) == pytest.approx(1)
    assert correlations(torch.tensor([[1.0, 0.0], [1.0, 1.0]]))[0, 1] == pytest.approx(0.5**0.5)


def test_the_nearest_two_classes_are_named():
    rows = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [3.0, 2.0]])
    assert nearest(rows, ["a", "b", "c", "d"]) == "c and d (0.98)"

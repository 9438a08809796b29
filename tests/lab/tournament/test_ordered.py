"""The size of the frame positions is one setting among others, chosen on validation videos."""

import pandas as pd
import pytest

from text4vis_lab.tournament.ordered import PUBLISHED, asked, best, problem_of, settings_of, trials
from text4vis_lab.tournament.recipes import write_recipes

SWEEP = {"lr": [1e-3, 1e-2], "position_std": [0.02, 1.0]}


def test_every_combination_is_tried_and_positions_only_where_there_are_any():
    tried = trials("transformer", SWEEP)
    assert len(tried) == 4
    assert {"lr": 1e-2, "position_std": 0.02} in tried
    assert trials("tsm+transformer", SWEEP) == tried
    assert trials("mean", SWEEP) == [{"lr": 1e-3}, {"lr": 1e-2}]


def test_the_published_positions_stand_beside_the_tuned_ones():
    modules = ["mean", "transformer"]
    assert asked(modules, ["tuned", "validation-free"]) == [
        ("mean", "tuned"), ("transformer", "tuned"), ("transformer", "validation-free")
    ]  # fmt: skip
    assert asked(modules, ["validation-free"]) == [("mean", "validation-free"), ("transformer", "validation-free")]


def test_the_best_of_each_module_is_by_accuracy_then_by_loss():
    rows = pd.DataFrame(
        [
            ("mean", 0, 40, 0.5), ("mean", 0, 44, 0.5), ("mean", 1, 43, 0.1), ("mean", 1, 41, 0.3),
            ("transformer", 0, 80, 0.2), ("transformer", 1, 60, 0.1),
        ],
        columns=["temporal", "trial", "top1", "train_loss"],
    )  # fmt: skip
    assert best(rows)[["temporal", "trial", "top1"]].values.tolist() == [["mean", 1, 42.0], ["transformer", 0, 80.0]]


def test_settings_are_the_published_or_what_was_chosen(tmp_path):
    path = tmp_path / "recipes.yaml"
    assert settings_of("puppets", "transformer", "validation-free", path) == PUBLISHED == {"position_std": 0.02}
    assert settings_of("puppets", "mean", "validation-free", path) == {}
    with pytest.raises(ValueError, match="holds no recipes"):
        settings_of("puppets", "transformer", "tuned", path)
    write_recipes(problem_of("puppets"), {"transformer": {0: SWEEP | {"validation": 80.0}}}, path)
    assert settings_of("puppets", "transformer", "tuned", path) == SWEEP

"""The table of an experiment: one schema, and the means, gains and intervals that are taken of it."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from text4vis_core.evaluation import harmonic_mean
from text4vis_lab.rows import (
    COLUMNS,
    METRICS,
    REQUIRED,
    as_table,
    check_rows,
    gain,
    mean_over,
    with_harmonic_mean,
)

ROW = {"cell": "c", "test": "test", "view": "1 view", "method": "text, frozen", "classes": 3, "videos": 6, "top1": 50.0}


def table(values, **columns) -> pd.DataFrame:
    return as_table([ROW | columns | {"seed": seed, "top1": value} for seed, value in enumerate(values)])


def student(values) -> float:
    """Half the width of Student's 95 % interval, by its formula."""
    return stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values))


class TestSchema:
    def test_what_is_required_is_declared(self):
        assert {*REQUIRED, *METRICS} <= COLUMNS.keys()
        assert all(COLUMNS[name] is float for name in METRICS)

    def test_a_row_with_every_column(self):
        values = {str: "x", bool: True, int: 3, float: 2.5}
        check_rows([{name: values[kind] for name, kind in COLUMNS.items()}, ROW, ROW | {"top1": 50, "map": None}], "x")

    @pytest.mark.parametrize("name", REQUIRED)
    def test_a_row_lacks_what_is_required(self, name):
        for row in ({k: v for k, v in ROW.items() if k != name}, ROW | {name: None}):
            with pytest.raises(ValueError, match=f"x/result.json: a row lacks '{name}'; it has "):
                check_rows([ROW, row], "x/result.json")

    def test_a_column_that_nobody_declared(self):
        with pytest.raises(ValueError, match=r"x: unknown column 'top_1'; a new one is a line in text4vis_lab\.rows"):
            check_rows([ROW | {"top_1": 3.0}], "x")

    @pytest.mark.parametrize(
        ("name", "value"),
        [("top1", "50"), ("shots", 1.5), ("shots", True), ("frozen", 1), ("method", 3), ("top5", False), ("view", [1])],
    )
    def test_a_value_of_another_type(self, name, value):
        with pytest.raises(ValueError, match=f"x: column '{name}' holds .*, not {COLUMNS[name].__name__}"):
            check_rows([ROW | {name: value}], "x")


def test_a_table_has_the_columns_that_hold_something_in_the_schemas_order():
    made = as_table([{"top1": 50.0, "shots": 4, "test": "a", "map": None}, {"test": "b", "top1": 40.0}])
    assert list(made.columns) == ["test", "shots", "top1"]
    assert made["shots"].dtype == "Int64"
    assert made["shots"].isna().to_list() == [False, True]
    assert as_table([]).empty


class TestMeans:
    def test_of_one_row_there_is_no_interval(self):
        [found] = mean_over(table([50.0]), "method").to_dict("records")
        assert (found["mean"], found["n"], found["over"]) == (50.0, 1, "1 training")
        assert math.isnan(found["half"])

    def test_of_several_rows_it_is_students(self):
        [found] = mean_over(table([50.0, 60.0, 64.0]), "method").to_dict("records")
        assert (found["mean"], found["n"]) == (58.0, 3)
        assert found["half"] == pytest.approx(student([50, 60, 64]))

    def test_a_group_for_each_combination_in_order_of_appearance(self):
        rows = pd.concat(
            [table([50.0], shots=4), table([30.0, 40.0], shots=1), table([10.0], method="random", shots=4)]
        )
        found = mean_over(rows, ["shots", "method"])
        assert list(found.columns) == ["shots", "method", "mean", "half", "n", "over"]
        assert found["shots"].to_list() == [4, 1, 4]
        assert found["mean"].to_list() == [50, 35, 10]
        assert found["n"].to_list() == [1, 2, 1]
        assert found["over"].to_list() == ["1 training", "2 trainings", "1 training"]

    def test_a_group_without_a_value_is_one_too(self):
        rows = as_table([ROW, ROW | {"shots": 4, "top1": 10.0}])
        assert mean_over(rows, "shots")["mean"].to_list() == [50, 10]


class TestGain:
    def test_is_of_pairs_with_the_same_seed(self):
        ahead, behind = table([60.0, 50.0, 90.0]), table([40.0, 45.0, 60.0])
        mean, half = gain(ahead, behind.iloc[::-1])
        assert mean == pytest.approx(55 / 3)
        assert half == pytest.approx(student([20, 5, 30]))

    def test_leaves_out_what_has_no_partner(self):
        mean, half = gain(table([60.0, 50.0, 90.0]), table([40.0]))
        assert mean == 20
        assert math.isnan(half)
        ahead = table([60.0]).assign(seed=7)
        assert gain(ahead, table([40.0])) is None

    def test_of_another_column(self):
        ahead, behind = (
            table([1.0, 2.0], top5=90.0).assign(fold=[1, 2]),
            table([1.0, 2.0], top5=80.0).assign(fold=[2, 1]),
        )
        assert gain(ahead, behind, "top5", "fold")[0] == 10


def test_the_harmonic_mean_of_base_and_novel_is_a_further_row():
    rows = as_table(
        [
            ROW | {"cell": "a", "test": "base", "top1": 80.0, "top5": 90.0},
            ROW | {"cell": "a", "test": "novel", "top1": 40.0, "top5": 70.0, "videos": 4},
            ROW | {"cell": "b", "test": "novel", "top1": 50.0, "top5": 60.0},
            ROW | {"cell": "b", "test": "base", "top1": 0.0, "top5": 60.0},
        ]
    )
    found = with_harmonic_mean(rows)
    assert len(found) == 6
    first, second = found.iloc[4:].to_dict("records")
    assert (first["cell"], first["test"]) == ("a", "harmonic mean")
    assert pd.isna(first["videos"])  # it is no proportion of videos
    assert first["top1"] == harmonic_mean(80.0, 40.0) == pytest.approx(2 * 80 * 40 / 120)
    assert first["top5"] is None or math.isnan(first["top5"])
    assert second["top1"] == 0

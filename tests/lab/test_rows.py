"""The table of an experiment: one schema."""

import pytest

from text4vis_lab.rows import (
    COLUMNS,
    METRICS,
    REQUIRED,
    as_table,
    check_rows,
)

ROW = {"cell": "c", "test": "test", "view": "1 view", "method": "text, frozen", "classes": 3, "videos": 6, "top1": 50.0}


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

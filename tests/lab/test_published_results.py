"""The published numbers, each with where it was read."""

import re

import pytest
from conftest import ROOT

from text4vis_lab.published import published_note, published_result, published_results


def test_published_results_have_a_value_and_a_source():
    rows = published_results(ROOT / "data" / "published_results.csv")
    assert len(rows) >= 25
    columns = {"id", "task", "data", "model", "metric", "value", "unit", "source"}
    for row in rows:
        assert set(row) == columns | {"frames", "views", "resolution", "epochs", "note"}
        assert all(str(row[name]).strip() for name in columns)
        assert not row["views"] or re.fullmatch(r"(1|3|5|10)x\d+", row["views"])
        assert all(not row[name] or int(row[name]) > 0 for name in ("frames", "resolution", "epochs"))
        assert row["unit"] != "%" or 0 < row["value"] <= 100
        assert any(word in row["source"] for word in ("arXiv", "doi", "http"))
    assert len({row["id"] for row in rows}) == len(rows)


def test_a_number_is_found_by_its_id_and_named_as_published(monkeypatch):
    monkeypatch.chdir(ROOT)
    first = published_results(ROOT / "data" / "published_results.csv")[0]
    assert published_result(first["id"]) == first
    assert published_note(first).startswith(f"Published, not measured here: {first['metric']} {first['value']} ")
    assert first["source"] in published_note(first)
    assert published_result("") is None
    assert published_note(None) == ""
    with pytest.raises(ValueError, match="parameter published: unknown 'nobody'; choose from: "):
        published_result("nobody")

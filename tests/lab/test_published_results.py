"""The published numbers, each with where it was read."""

import re

import pytest
from conftest import ROOT

from text4vis_lab.fidelity import average_precisions
from text4vis_lab.published import published_note, published_result, published_results


def test_published_results_have_a_value_and_a_source():
    rows = published_results(ROOT / "data" / "published_results.csv")
    assert len(rows) >= 25
    columns = {"id", "task", "data", "model", "metric", "value", "unit", "protocol", "rule", "spread", "source"}
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
    for told in ("source", "protocol", "rule", "spread"):
        assert first[told] in published_note(first)
    assert published_result("") is None
    assert published_note(None) == ""
    with pytest.raises(ValueError, match="parameter published: unknown 'nobody'; choose from: "):
        published_result("nobody")


def test_halves_and_all_classes_stand_side_by_side():
    rows = {row["id"]: row for row in published_results(ROOT / "data" / "published_results.csv")}
    for of, half, every in (("", 85.8, 79.6), ("bike-", 86.6, 80.8)):
        pair = rows[f"{of}zs-ucf101"], rows[f"{of}zs-ucf101-all"]
        assert [row["value"] for row in pair] == [half, every]
        assert [row["task"] for row in pair] == ["zero-shot, half of the classes", "zero-shot, all classes"]
    assert "58.1" in rows["zs-hmdb51"]["note"]
    assert rows["hmdb51-vitl14-f16"]["rule"] == "best epoch on the test videos: 81.3, the last 80.86"
    assert "second softmax" in rows["anet-vitl14-f16"]["protocol"]


def test_the_release_ranks_after_a_second_softmax():
    plain, twice = average_precisions(ROOT / "tests" / "reference")
    assert (round(plain, 2), round(twice, 2)) == (98.65, 97.46)

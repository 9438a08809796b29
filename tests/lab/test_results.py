"""What finished runs hold, as tables; and every metric of a record from its scores per video."""

import math

import pandas as pd
import pytest
import torch

from text4vis_lab.records import RunRecord, read_record
from text4vis_lab.results import (
    headline,
    histories_of,
    overview,
    recomputed,
    rows_of,
    scores_of,
    side_by_side,
    width_by_unit,
)
from text4vis_lab.scores import HALVES, Scores, write_scores

VIDEOS, CLASSES = 40, 9


@pytest.fixture
def scores() -> dict[tuple[str, str], Scores]:
    """Of two tests, the second with several labels per video."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(CLASSES, (VIDEOS,), generator=generator)
    logits = torch.randn(VIDEOS, CLASSES, generator=generator)
    single = Scores([f"{i}.avi" for i in range(VIDEOS)], labels, logits)
    targets = torch.nn.functional.one_hot(labels, CLASSES).float()
    targets[:, 0] = 1
    return {("test", "1 view"): single, ("many", "1 view"): Scores(single.videos, labels, logits, targets)}


@pytest.fixture
def record(tmp_path, scores) -> dict:
    """A record of three seeds, with the published halves of one of them."""
    run = RunRecord("03_few_shot", tmp_path / "suite" / "run", {"dataset": "ucf101"})
    for seed in range(3):
        for (test, view), part in scores.items():
            row = {"cell": f"text-seed{seed}", "test": test, "view": view, "method": "text, frozen", "seed": seed}
            run.rows.append(row | {"classes": CLASSES, "videos": VIDEOS} | part.metrics())
        run.histories.append({"cell": f"text-seed{seed}", "epoch": 1, "loss": 0.5})
        write_scores(run.run_dir / "scores" / f"text-seed{seed}.parquet", scores, {"seed": seed})
    first, part = run.rows[0], scores["test", "1 view"]
    for half in range(HALVES):
        size = {"classes": CLASSES // 2, "videos": part.half_videos(half), "half": half}
        run.rows.append(first | size | part.metrics(half))
    run.timings["histories"] = [1.0, 2.0, 3.0]
    run.skipped = [("x.avi", "broken")]
    return read_record(run.save())


def test_every_metric_is_computed_again_without_a_difference(record):
    assert recomputed(record) == (3 * 2 + 3 * 3 + 2 * HALVES, 0.0)


def test_a_difference_is_seen(record):
    record["rows"][1]["map"] += 0.25
    assert recomputed(record)[1] == 0.25
    record["rows"][8]["top5"] -= 0.5  # among half of the classes
    assert recomputed(record)[1] == 0.5


def test_scores_that_are_missing_are_named(record):
    rows = record["rows"]
    for change, message in (
        ({"test": "novel"}, "text-seed0.parquet: no scores of cell 'text-seed0', test 'novel', 1 view"),
        ({"view": "4 clips"}, "text-seed0.parquet: no scores of cell 'text-seed0', test 'test', 4 clips"),
        ({"cell": "other"}, "other.parquet: the scores cannot be read .*; run the notebook again"),
        ({"map": 3.0}, "result.json: map of text-seed0 cannot be computed from its scores"),
    ):
        with pytest.raises(ValueError, match=message):
            recomputed(record | {"rows": [rows[0] | change]})


def test_tables_of_a_record(record, scores):
    rows = rows_of(record)
    assert len(rows) == 6
    assert "half" not in rows
    assert histories_of(record)["seconds"].to_list() == [1, 2, 3]
    found = scores_of(record, rows.iloc[1])
    assert torch.equal(found.scores, scores["many", "1 view"].scores)
    [line] = overview([record]).to_dict("records")
    assert (line["suite"], line["run"], line["notebook"], line["videos left out"]) == ("suite", "run", "03_few_shot", 1)


def test_the_headline_is_means_over_seeds_with_their_interval_and_halves_with_their_deviation(record, scores):
    table = headline([record])
    assert table["metric"].to_list() == ["top1", "top1", "map", "top1"]
    assert (table["videos left out"] == 1).all()
    assert (table["data"] == "ucf101").all()
    single = table[(table["test"] == "test") & (table["metric"] == "top1")].iloc[0]
    assert single["%"] == round(scores["test", "1 view"].metrics()["top1"], 1)
    assert single["over"] == f"3 seeds × {VIDEOS} videos"
    halves = table[table["test"] == "half of the classes"].iloc[0]
    means = [scores["test", "1 view"].metrics(half)["top1"] for half in range(HALVES)]
    assert halves["%"] == round(sum(means) / HALVES, 1)
    assert math.isnan(halves["low"]) and math.isnan(halves["high"])
    assert halves["over"].startswith("10 overlapping halves, standard deviation ")


def test_the_headline_of_one_run_is_over_its_videos_alone(record):
    [line] = headline([record | {"rows": record["rows"][:1]}]).to_dict("records")
    assert line["low"] < line["%"] < line["high"]
    assert line["over"] == f"{VIDEOS} videos, one seed"  # none of which share a group
    assert headline([record | {"rows": []}]).empty


def test_without_its_scores_a_headline_has_no_interval_and_says_why(record):
    rows = [record["rows"][0] | {"cell": "gone"}]
    [line] = headline([record | {"rows": rows}]).to_dict("records")
    assert line["%"] == round(rows[0]["top1"], 1)
    assert math.isnan(line["low"]) and "gone.parquet: the scores cannot be read" in line["over"]


def test_how_wide_an_interval_is_over_groups_and_over_videos(record):
    text = width_by_unit(record)
    assert f"over {VIDEOS} videos, one seed; Wilson's of {VIDEOS} videos would be [" in text


def test_means_side_by_side_are_in_their_order():
    columns = ["method", "test", "mean", "low", "high"]
    rows = [("zero-shot", "novel", 43.94, math.nan, math.nan), ("text", "novel", 43.1, 36.94, 49.4)]
    table = side_by_side(pd.DataFrame([*rows, ("text", "base", 66.6, 57.7, 75.5)], columns=columns))
    assert table.to_dict("list") == {
        "method": ["zero-shot", "text"],
        "novel": ["43.9", "43.1 [36.9, 49.4]"],
        "base": ["", "66.6 [57.7, 75.5]"],
    }


def test_halves_of_one_or_two_classes_are_no_headline(record):
    few = [row | ({"classes": 2, "top1": 100.0} if row.get("half") is not None else {}) for row in record["rows"]]
    table = headline([record | {"rows": few}])
    assert not (table["test"] == "half of the classes").any()
    assert (headline([record])["test"] == "half of the classes").sum() == 1

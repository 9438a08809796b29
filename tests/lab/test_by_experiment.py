"""One table for each experiment: measured and published apart, each with how it came about, and the way back."""

from pathlib import Path

import pandas as pd
import pytest
from conftest import ROOT
from test_results import record, scores  # noqa: F401 - fixtures

from text4vis_lab import by_experiment, tables
from text4vis_lab.book.outputs import RUN, Page, cells_of
from text4vis_lab.by_experiment import EXPERIMENTS, PUBLISHED, experiments
from text4vis_lab.published import published_results
from text4vis_lab.results import headline, overview
from text4vis_lab.tables import Commands, Linked

THEIRS = published_results(ROOT / "data" / "published_results.csv")
PARAMETERS = {"dataset": "ucf101", "model": "ViT-B-16", "num_frames": 8, "epochs": 30}


@pytest.fixture
def zero_shot(record):  # noqa: F811
    """A record of zero-shot on three folds, with halves; and of its own."""
    rows = [row | {"method": "zero-shot", "fold": 1 + row["seed"]} for row in record["rows"]]
    rows = [{name: value for name, value in row.items() if name != "seed"} for row in rows]
    data = {"test 1": {"classes": 9}}
    return record | {"notebook": "02_zero_shot", "rows": rows, "parameters": PARAMETERS, "data": data}


def tables_of(*records) -> dict[str, by_experiment.Experiment]:
    return {each.title: each for each in experiments(headline(records), records, THEIRS)}


def test_every_published_number_stands_in_one_table_with_its_source_and_none_among_the_measured():
    found = tables_of()
    rows = pd.concat(each.table for each in found.values())
    assert sorted(rows[PUBLISHED]) == sorted(f"{row['value']:g}" for row in THEIRS)
    assert (rows["source"] != "").all() and not [name for name in rows if name.startswith("measured")]
    assert [*found] == ["Zero-shot", "A frozen encoder", "Supervised"]
    assert found["Supervised"].caption == "Nothing of it was measured here."
    halves = rows[rows["tested on"].str.contains("half of the classes")]
    full = rows[rows["tested on"].str.contains("all classes, all videos")]
    assert "85.8" in set(halves[PUBLISHED]) and "79.6" in set(full[PUBLISHED])


def test_measured_and_published_stand_in_columns_of_their_own_with_their_protocol(zero_shot):
    each = tables_of(zero_shot)["Zero-shot"]
    table = each.table
    assert [*table][:3] == ["method", "measured, %", PUBLISHED] == [*each.shown.frame][:3]
    both = (table["measured, %"].map(str) != "") & (table[PUBLISHED] != "")
    assert not both.any()
    measured = table[table["measured, %"].map(str) != ""]
    first, half = measured.iloc[0], measured[measured["tested on"].str.contains("half")].iloc[0]
    assert first[["metric", "views", "frames", "epoch", "data", "model"]].tolist() == [
        "top-1", "1 view", 8, "nothing trained", "ucf101", "ViT-B-16",
    ]  # fmt: skip
    assert first["tested on"] == "all 9 classes, fold 1, 2, 3, 40 videos, 1 left out"
    assert half["tested on"] == "half of the 9 classes, mean of ten draws, 1 left out"
    assert "it is not to be set against what was measured" in each.caption


def test_a_number_leads_to_its_run_and_has_the_commands_that_give_it_again(record):  # noqa: F811
    rows = [row | {"shots": 1 + 3 * row["seed"]} for row in record["rows"][:6] if row["test"] == "test"]
    each = tables_of(record | {"rows": rows, "parameters": PARAMETERS})["Few shots"]
    [line] = each.table.to_dict("records")
    cell = line["measured, 4 shots, %"]
    assert (cell.run, str(cell).split()[0]) == ("suite/run", f"{cell.number:.1f}")
    assert [*each.shown.frame][:4] == [
        "method", "measured, 1 shot, %", "measured, 4 shots, %", "measured, 7 shots, %",
    ]  # fmt: skip
    folder = Path(record["path"]).parent.as_posix()
    measure, compute = each.commands.lines
    assert measure.startswith(f".venv/bin/papermill notebooks/03_few_shot.ipynb {folder}/03_few_shot.ipynb ")
    assert compute == f".venv/bin/text4vis recompute {folder}"
    assert each.caption.endswith("data/published_results.csv has no number of it.")
    page = each._repr_html_()
    assert page.startswith("<h3>Few shots</h3>") and compute in page and 'data-run="suite/run"' in page
    assert compute in repr(each)


def test_a_column_for_each_test_says_what_each_was_tested_on(record):  # noqa: F811
    base = record["rows"][0]
    rows = [base | {"test": "base"}, base | {"test": "novel", "classes": 5, "videos": 17}]
    found = record | {"notebook": "09_base_to_novel", "rows": rows, "data": {"test": {"classes": 14}}}
    lines = headline([record | {"rows": [base]}])
    lines = pd.concat([lines.assign(**{name: row[name] for name in ("test", "classes", "videos")}) for row in rows])
    [each] = [each for each in experiments(lines, [found], []) if each.title.startswith("Base")]
    [line] = each.table.to_dict("records")
    assert (
        line["tested on"]
        == "base: 9 of 14 classes, 40 videos, 1 left out; novel: 5 of 14 classes, 17 videos, 1 left out"
    )
    assert {"measured, base, %", "measured, novel, %"} <= line.keys()


def test_stale_numbers_are_marked_and_nothing_else_is(record, monkeypatch):  # noqa: F811
    monkeypatch.setattr(by_experiment, "stale", lambda record: ["a.py changed since"])
    each = tables_of(record)["Few shots"]
    numbers = [value for value in each.table.iloc[0] if isinstance(value, Linked)]
    assert numbers and all(str(value).endswith(" †") for value in numbers)
    assert each.caption.endswith("† Stale, run: a.py changed since.")
    monkeypatch.setattr(by_experiment, "stale", lambda record: [])
    each = tables_of(record)["Few shots"]
    assert "†" not in each.caption + str(each.table.to_dict())
    monkeypatch.setattr("text4vis_lab.results.stale", lambda record: ["a.py changed since"])
    assert overview([record])["stale"].tolist() == ["a.py changed since"]


def test_other_notebooks_share_a_table(record):  # noqa: F811
    assert [*tables_of(record | {"notebook": "14_conformance"})][-1] == EXPERIMENTS[""][0]


def test_in_the_book_a_number_is_a_link_and_its_text_stays_text(tmp_path):
    name = 'a <b> "c"'
    frame = pd.DataFrame({"method": ["x", "y"], "measured": [Linked("3.0 <i>", f"mine/{name}", 3.0), "1"]})
    text = tables.show(frame, first=["method", "measured"])._repr_html_()
    assert 'data-v="3.0"' in text and "<i>" not in text and RUN.search(text)
    page = Page("results", tmp_path / "runs" / "mine" / "results", "t", tmp_path / "x.ipynb")
    [cell] = cells_of([{"output_type": "display_data", "data": {"text/html": text}, "metadata": {}}], [], page)
    [output] = cell["outputs"]
    link = '<a class="t4v-run" href="a%20%3Cb%3E%20%22c%22.html">3.0 &lt;i&gt;</a>'
    assert link in output["data"]["text/html"] and not RUN.search(output["data"]["text/html"])
    other = text.replace("mine/", "other/")
    [cell] = cells_of([{"output_type": "display_data", "data": {"text/html": other}, "metadata": {}}], [], page)
    assert "<a " not in cell["outputs"][0]["data"]["text/html"]


def test_commands_are_shown_whole_and_as_text():
    commands = Commands("Again:", ("papermill '<b>' & more",))
    assert repr(commands) == "Again:\npapermill '<b>' & more"
    assert '<pre tabindex="0">papermill &#x27;&lt;b&gt;&#x27; &amp; more</pre>' in commands._repr_html_()

"""The last run of a notebook: of those that count, the one that finished last."""

from pathlib import Path

import pytest
from test_suites import repository, suite  # noqa: F401 - a fixture

from text4vis_lab.records import RECORDS, RunRecord
from text4vis_lab.suites import newest_record
from text4vis_lab.suites.attempts import write_attempt


def finished(folder: Path, when: str, notebook: str = "02_zero_shot", **changed: object) -> Path:
    """A record of a run that finished then."""
    path = RunRecord(notebook, folder, {}).save()
    saved = RECORDS.load(path)
    about = saved["provenance"] | {"finished": f"2024-05-{when}T00:00:00+00:00"} | changed
    RECORDS.write(path, saved | {"provenance": about})
    return path


def test_no_records(tmp_path):
    assert newest_record(tmp_path / "nowhere", "02_zero_shot") is None


def test_it_is_the_one_that_finished_last(tmp_path):
    finished(tmp_path / "suite" / "a", "02")
    finished(tmp_path / "suite" / "b", "01")
    finished(tmp_path / "suite" / "c", "03", "03_few_shot")
    assert newest_record(tmp_path, "02_zero_shot")["run"] == "a"
    assert newest_record(tmp_path, "02_zero_shot", fits=lambda found: found["run"] != "a")["run"] == "b"
    assert newest_record(tmp_path, "02_zero_shot", tmp_path / "suite" / "b")["run"] == "b"
    with pytest.raises(FileNotFoundError, match=r"nowhere holds no result\.json"):
        newest_record(tmp_path, "02_zero_shot", tmp_path / "nowhere")
    with pytest.raises(ValueError, match="is a run of 03_few_shot, expected one of 02_zero_shot"):
        newest_record(tmp_path, "02_zero_shot", tmp_path / "suite" / "c")
    with pytest.raises(ValueError, match="is a run of 02_zero_shot that left out what is needed here; give another"):
        newest_record(tmp_path, "02_zero_shot", tmp_path / "suite" / "a", lambda found: found["histories"])


def test_one_that_does_not_count_is_left_out_with_a_word_and_not_taken_where_it_is_named(repository, capsys):  # noqa: F811
    run, other = suite("runs: [{name: a, notebook: train}, {name: b, notebook: train}]").runs
    finished(other.directory, "01", "train")
    finished(run.directory, "02", "train")
    assert newest_record("runs", "train")["run"] == "a"
    write_attempt(run, status="failed", error="ValueError: x", seconds=1.5)
    assert newest_record("runs", "train")["run"] == "b"
    told = f"{run.directory}/result.json does not count: the run failed after it was written; run it again"
    assert capsys.readouterr().out == f"left out: {told}\n"
    with pytest.raises(ValueError, match="does not count: the run failed"):
        newest_record("runs", "train", run.directory)


def test_code_that_changed_meanwhile_counts_nowhere(tmp_path, capsys):
    finished(tmp_path / "suite" / "a", "02", changed_while_running=["text4vis_lab/rows.py"])
    assert newest_record(tmp_path, "02_zero_shot") is None
    assert "text4vis_lab/rows.py changed while a ran; run it again" in capsys.readouterr().out

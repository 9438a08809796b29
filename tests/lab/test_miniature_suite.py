"""The miniature's suite, where it has been run here: each of its numbers comes from scores per video that are kept."""

import pytest
from conftest import ROOT

from text4vis_lab.recompute import figures_again, metrics_again
from text4vis_lab.records import read_record, read_records
from text4vis_lab.results import headline
from text4vis_lab.suites import read_suite

RUNS = ROOT / "runs" / "miniature"
EXPERIMENTS = {"few_shot", "full_training", "time_order", "base_to_novel", "zero_shot"}
FINISHED = sorted(RUNS.glob("*/result.json"))

pytestmark = pytest.mark.skipif(
    not FINISHED, reason="the miniature's suite has not been run here: make book suite=experiments/miniature.yaml"
)


def test_all_experiments_are_there_and_have_rows():
    assert {run.name for run in read_suite(ROOT / "experiments" / "miniature.yaml").runs} >= EXPERIMENTS
    records = {record["run"]: record for record in read_records(RUNS)}
    assert records.keys() >= EXPERIMENTS
    for name in EXPERIMENTS:
        assert records[name]["rows"], name
        assert len(headline([records[name]])) > 0


@pytest.mark.parametrize("path", FINISHED, ids=[path.parent.name for path in FINISHED])
def test_every_metric_is_computed_again_from_the_scores_per_video(path):
    record = read_record(path)
    count, faults = metrics_again(record)
    assert faults == []
    assert count >= 2 * len(record["rows"])


@pytest.mark.slow
@pytest.mark.parametrize("path", FINISHED, ids=[path.parent.name for path in FINISHED])
def test_every_figure_is_the_same_figure_from_its_stored_table(path):
    count, faults = figures_again(read_record(path))
    assert faults == []
    assert count == len([*path.parent.glob("figures/*.json")])

"""Hours of the paper's runs: estimated at one rate, computed of measured steps, and both by the same rule."""

import json
from dataclasses import replace

import pytest
from conftest import ROOT

from text4vis_lab.book.gpu_hours import PAPER, UNKNOWN, gpu_hours, shown
from text4vis_lab.rehearsal.hours import hours_of
from text4vis_lab.rehearsal.plan import cost_of
from text4vis_lab.rehearsal.settings import settings_of
from text4vis_lab.suites import read_suite

ESTIMATED = 45  # TFLOP/s, as the page says


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch):
    monkeypatch.chdir(ROOT)


def runs_of(name):
    return {run.name: run for run in read_suite(f"experiments/{name}.yaml").runs if run.needs}


@pytest.mark.parametrize("name", PAPER)
def test_estimates_are_operations_at_the_rate_that_the_page_gives(name):
    for run in runs_of(name).values():
        settings = settings_of(run)
        forward = cost_of(settings["model"]).frame * settings["num_frames"] / ESTIMATED
        passes = 4 if settings.get("gradient_checkpointing") else 3
        hours = hours_of(run, passes * forward, forward * settings["clips"] * settings["crops"])
        else_at_most = 0.1 if name == "zero_shot" else 0  # hours: of a run that only tests, most is no computing
        assert hours * 0.95 <= run.needs["gpu_hours"] <= hours * 1.06 + else_at_most


def test_hours_are_frames_and_views_times_what_was_measured():
    run = runs_of("kinetics400")["vitl14_336_f8"]  # 240,436 videos in 30 epochs, 19,796 in 4 x 3 views
    rates = {"l14_336_f32, blocks computed again: videos": 10.0, "l14_336_f32, evaluation in 4 x 3 views: videos": 2.0}
    expected = (240436 * 30 / 40 + 19796 / 8) / 3600  # of 8 frames four times the rate of 32
    assert shown(run, rates) == f"{expected:.0f}" == "51"
    assert shown(runs_of("kinetics400")["vitl14_336_f32"], rates) == "200"  # in one clip
    assert shown(runs_of("kinetics400")["vitl14_f8"], rates) == "–"
    assert shown(replace(run, parameters=run.parameters | {"gradient_checkpointing": False}), rates) == r"51\*"


def test_the_page_has_the_hours_of_the_kept_record(tmp_path):
    rows = gpu_hours().replace("\\", "").splitlines()
    assert rows[0].startswith("| suite | run | estimate | NVIDIA H100 80GB HBM3, ")
    assert "| kinetics400 | vitb16_f8 | 50 | 6.3* |" in rows
    assert "| kinetics400 | vitl14_f8 | 230 | 31 |" in rows
    assert "| kinetics400 | vitl14_336_f32 | 2,200 | 270 |" in rows
    assert "| kinetics400 | rn50_f8 | 13 | – |" in rows
    assert len(rows) == 2 + sum(len(runs_of(name)) for name in PAPER)
    (tmp_path / "experiments").symlink_to(ROOT / "experiments")
    (tmp_path / "notebooks").symlink_to(ROOT / "notebooks")
    assert gpu_hours(tmp_path) == UNKNOWN
    record = json.loads((ROOT / "data/records/gpu/h100_films.json").read_text())  # which has no steps
    kept = tmp_path / "data/records/gpu/films.json"
    kept.parent.mkdir(parents=True)
    kept.write_text(json.dumps(record))
    assert gpu_hours(tmp_path) == UNKNOWN

"""Rehearsals: plans within a budget, stand-ins that are read as the data sets are, a table of what happened."""

import json
import math
import os
import shutil
import stat
import subprocess
import sys
from dataclasses import replace

import av
import pytest
import torch
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD

from text4vis_core.data.formats.readers import load_videos
from text4vis_lab.rehearsal import measure as child
from text4vis_lab.rehearsal import rehearse, running
from text4vis_lab.rehearsal.plan import BUDGET, STEPS, Cost, Plan, brief, cost_of, plan_of, reduced
from text4vis_lab.rehearsal.report import text_of
from text4vis_lab.rehearsal.stand_ins import STAND_INS, make_stand_in
from text4vis_lab.suites import SuiteError, read_suite

pytestmark = pytest.mark.slow

NEEDS = "{train_videos: 1000, test_videos: 100, disk_gb: 1, gpu_memory_gb: 8, gpu_hours: 2}"


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """Suites name notebooks of the repository; and this machine has no GPU, whichever it is."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A stand-in for every data set, two training videos a class."""
    folder = tmp_path_factory.mktemp("stand-ins")
    for dataset in STAND_INS:
        make_stand_in(dataset, folder / dataset, 2)
    return folder


def write_suite(path, *runs: str):
    path.write_text("runs:\n" + "\n".join(f"  - {run}" for run in runs))
    return read_suite(path)


plans = st.builds(
    Plan,
    frames=st.integers(1, 64),
    batch_size=st.sampled_from([0, 2, 256]),
    accumulate=st.sampled_from([1, 2, 64]),
    clips=st.sampled_from([4, 10]),
    crops=st.sampled_from([3, 10]),
    videos=st.just(32),
    classes=st.just(0),
)
costs = st.builds(Cost, frame=st.floats(1e-4, 10), name=st.floats(1e-4, 1))


@given(plans, costs, st.booleans())
def test_a_plan_is_reduced_to_the_budget_or_as_far_as_it_goes(full, cost, recompute):
    full = replace(full, accumulate=min(full.accumulate, full.batch_size))
    plan = reduced(full, cost, recompute)
    assert min(2, full.frames) <= plan.frames <= full.frames
    assert plan.clips * plan.crops <= full.clips * full.crops
    assert (plan.batch_size == 0) == (full.batch_size == 0)
    assert plan.accumulate <= plan.batch_size <= 2
    assert plan.batch_size == 0 or plan.batch_size % plan.accumulate == 0
    least = plan.frames // 2 < 2
    step = plan.batch_size * plan.frames * (4 if recompute else 3) * cost.frame
    assert STEPS * step <= BUDGET["training"] or (plan.batch_size == 1 and least)
    test = plan.videos * plan.clips * plan.crops * plan.frames * cost.frame
    assert test <= BUDGET["evaluation"] or (plan.videos, plan.clips, plan.crops) == (1, 1, 1)
    assert plan.classes * cost.name <= BUDGET["text"] or plan.classes == 2
    assert reduced(full, cost, recompute) == plan


def test_the_small_models_are_rehearsed_in_full_and_the_large_ones_in_part():
    runs = {run.name: plan_of(run) for run in read_suite("experiments/kinetics400.yaml").runs if run.needs}
    for name, frames in (("vitb32_f8", 8), ("vitb32_f16", 16), ("rn50_f8", 8)):
        assert (runs[name].frames, runs[name].clips, runs[name].crops) == (frames, 4, 3)
        assert runs[name].classes >= 400
    assert {runs[name].frames for name in ("vitl14_f8", "vitl14_336_f8", "vitl14_336_f32")} == {2}
    zero_shot = plan_of(read_suite("experiments/zero_shot.yaml").runs[0])
    assert (zero_shot.batch_size, zero_shot.accumulate) == (0, 0)


def test_on_a_gpu_nothing_is_reduced_but_the_data(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    plan = plan_of(read_suite("experiments/kinetics400.yaml").run("vitl14_336_f32"))
    assert (plan.frames, plan.batch_size, plan.accumulate, plan.clips, plan.crops) == (32, 256, 256, 4, 3)
    assert plan.classes == 0


def test_costs_are_those_of_the_architecture(clip_folder):
    assert cost_of("ViT-B-32-quickgelu").frame == pytest.approx(8.8e-3, rel=0.02)  # 2 x 4.4 GFLOPs, as published
    assert 0 < cost_of(str(clip_folder)).frame < 1e-4
    with pytest.raises(ValueError, match=r"unknown model 'ViT-B32'; closest: .*ViT-B-32"):
        cost_of("ViT-B32")


CLASSES = {
    "kinetics400": 400,
    "kinetics600_zero_shot": 160,
    "ucf101": 101,
    "hmdb51": 51,
    "activitynet": 200,
    "charades": 157,
}


@pytest.mark.parametrize("dataset", STAND_INS)
def test_a_stand_in_is_read_as_the_data_set_is(data, dataset):
    tests = load_videos(dataset, data / dataset, "test")
    assert (len(tests.classes), len(tests), tests.missing) == (CLASSES[dataset], CLASSES[dataset], ())
    if dataset == "kinetics600_zero_shot":
        folds = [set(load_videos(dataset, data / dataset, "test", fold).classes) for fold in (1, 2, 3)]
        assert len(folds[0] | folds[1] | folds[2]) > 200
        assert folds[0] != folds[1]
        return
    train = load_videos(dataset, data / dataset, "train")
    assert train.classes == tests.classes
    assert len(train.few_shot(2, seed=0)) == len(train) == 2 * CLASSES[dataset]
    assert not {video.path for video in train.videos} & {video.path for video in tests.videos}


def test_stand_ins_are_videos_of_ten_seconds_in_the_usual_size(data):
    [path] = {video.path for video in load_videos("kinetics400", data / "kinetics400", "test").videos[:1]}
    assert path.parent.name == "abseiling"
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height, stream.frames, stream.codec_context.name) == (340, 256, 300, "h264")
    different = {path.stat().st_ino for path in (data / "kinetics400").rglob("*.mp4")}
    assert len(different) == 4


def test_a_stand_in_is_made_anew_and_only_where_there_is_one(tmp_path, data):
    (tmp_path / "clips").symlink_to(data / "clips")
    make_stand_in("hmdb51", tmp_path / "hmdb51", 3)
    make_stand_in("hmdb51", tmp_path / "hmdb51", 1)
    assert len(load_videos("hmdb51", tmp_path / "hmdb51", "train")) == 51
    with pytest.raises(ValueError, match="parameter dataset: unknown 'ssv2'; choose from: kinetics400"):
        make_stand_in("ssv2", tmp_path / "ssv2")


def tiny(clip_folder, **others) -> str:
    """Parameters of a run that takes seconds."""
    parameters = {
        "dataset": "hmdb51",
        "model": str(clip_folder),
        "temporal": "transformer",
        "temporal_heads": 2,
        "num_frames": 4,
        "resize": 40,
        "batch_size": 8,
        "accumulate": 4,
        "lr": 1e-3,
        "epochs": 30,
        "folds": [1, 2, 3],
        "published": "hmdb51-vitl14-f16",
    }
    return json.dumps(parameters | others)


def test_a_suite_is_rehearsed_run_by_run(tmp_path, data, clip_folder, capsys):
    broken = tmp_path / "broken.pt"
    broken.write_bytes(b"not a checkpoint")
    suite = write_suite(
        tmp_path / "mine.yaml",
        f"{{name: a, notebook: 08_supervised, needs: {NEEDS}, parameters: {tiny(clip_folder)}}}",
        f"{{name: b, notebook: 08_supervised, needs: {NEEDS}, parameters: {tiny(clip_folder, folds=[2])}}}",
        f"{{name: c, notebook: 08_supervised, needs: {NEEDS}, "
        f"parameters: {tiny(clip_folder, checkpoint=str(broken), temporal='mean')}}}",
        "{name: results, notebook: 06_results}",
    )
    (tmp_path / "mine" / "data").mkdir(parents=True)
    (tmp_path / "mine" / "data" / "clips").symlink_to(data / "clips")
    record = rehearse(suite, tmp_path)
    assert json.loads((tmp_path / "mine" / "rehearsal.json").read_text())["rows"] == record["rows"]
    a, b, c = record["rows"]
    assert [row["run"] for row in (a, b, c)] == ["a", "b", "c"]
    assert (a["status"], b["status"], c["status"]) == ("ok", "ok", "failed")
    assert (a["same_as"], b["same_as"], a["published"]) == ("", "a", "top-1 81.3 %")
    assert a["resume_difference"] <= child.ALIKE
    assert 0 < a["peak_gb"] < 20
    assert a["hours"] == pytest.approx(3 * b["hours"])
    seconds = 3 * (a["step"] / 8 * 1000 * 30 + a["test_video"] * 100)
    assert a["hours"] == pytest.approx(seconds / 3600)
    assert "data at data/hmdb51" in a["missing"]
    assert "a GPU with 8 GB (estimate)" in a["missing"]
    assert a["left_out"] == "steps of 2 of 8 videos"
    assert "CheckpointError" in c["error"]
    assert "broken.pt" in c["error"]
    assert c["hours"] is None
    assert not list(tmp_path.glob("mine/**/*.pt"))
    text = text_of(record)
    assert text.startswith("Rehearsal of mine (")
    assert "2 of 3 runs ok" in text
    assert "Rehearsed as another run, whose computation is the same:\n  b: a" in text
    assert "a, b: rehearsing" in capsys.readouterr().out


def test_shots_and_a_checkpoint_that_is_not_here(tmp_path, data, clip_folder):
    (tmp_path / "data").symlink_to(data)
    folder = shutil.copytree(clip_folder, tmp_path / "clip")
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["preprocess_cfg"] |= {"mean": OPENAI_DATASET_MEAN, "std": OPENAI_DATASET_STD}  # a published model's
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    parameters = tiny(folder, checkpoint="nowhere.pt", shots=[1, 2], frozen=["text"], repeat=True)
    p = {k: v for k, v in json.loads(parameters).items() if k not in ("folds", "temporal", "published")}
    suite = write_suite(
        tmp_path / "few.yaml", f"{{name: few, notebook: 03_few_shot, needs: {NEEDS}, parameters: {json.dumps(p)}}}"
    )
    [run] = suite.runs
    (tmp_path / "few").mkdir()
    measured = child.measure([run], plan_of(run), tmp_path / "few")
    assert measured["resume_difference"] <= child.ALIKE
    assert (measured["classes"], measured["all_classes"], measured["no_weights"]) == (51, 51, False)
    assert measured["view"] > 0


def test_a_run_of_other_settings_or_labels_takes_a_step_of_its_own(tmp_path, data, clip_folder):
    """It shares the measurements of a run of its architecture, and fails by itself."""
    others = {
        "plain": {},
        "linear": {"initialisation": "linear", "randaugment": [2, 9], "drop_path": 0.1, "label_smoothing": 0.1},
        "labels": {"dataset": "charades", "folds": [1], "epochs": 20, "published": "bike-charades"},
        "twin": {"folds": [1], "accumulate": 2},
        "wrong": {"randaugment": [2, 99]},
    }
    suite = write_suite(
        tmp_path / "mine.yaml",
        *(
            f"{{name: {name}, notebook: 08_supervised, needs: {NEEDS}, parameters: {tiny(clip_folder, **each)}}}"
            for name, each in others.items()
        ),
    )
    (tmp_path / "mine" / "data").mkdir(parents=True)
    (tmp_path / "mine" / "data" / "clips").symlink_to(data / "clips")
    rows = {row["run"]: row for row in rehearse(suite, tmp_path)["rows"]}
    assert {name: row["status"] for name, row in rows.items()} == {
        **dict.fromkeys(("plain", "linear", "labels", "twin"), "ok"),
        "wrong": "failed",
    }
    assert "randaugment is (2, 99)" in rows["wrong"]["error"]
    assert rows["twin"]["same_as"] == "plain"
    assert rows["labels"]["same_as"] == rows["linear"]["same_as"] == "plain, but for a step and a view of its own"
    assert rows["labels"]["step"] == rows["plain"]["step"]
    assert "8 of 157 class names" in rows["labels"]["left_out"]
    assert rows["labels"]["published"] == "mean average precision 50.7 %"


def test_every_method_of_a_few_shot_run_is_begun_with(tmp_path, data, clip_folder, monkeypatch):
    (tmp_path / "data").symlink_to(data)
    parameters = tiny(clip_folder, shots=[1], frozen=["lda", "text"], trainable=["random"], epochs=6)
    p = {k: v for k, v in json.loads(parameters).items() if k not in ("folds", "temporal", "published")}
    suite = write_suite(
        tmp_path / "few.yaml", f"{{name: few, notebook: 03_few_shot, needs: {NEEDS}, parameters: {json.dumps(p)}}}"
    )
    begun, begin = [], child.begin

    def recorded(cell, *arguments):
        begun.append((cell.method.initialisation, cell.method.frozen))
        return begin(cell, *arguments)

    monkeypatch.setattr(child, "begin", recorded)
    (tmp_path / "few").mkdir()
    measured = child.measure(list(suite.runs), plan_of(suite.runs[0]), tmp_path / "few")
    assert list(dict.fromkeys(begun)) == [("text", True), ("random", False), ("lda", True)]
    assert measured["resume_difference"] <= child.ALIKE


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"accumulate": 3}, "run 'a': accumulate 3 does not divide batch_size 8"),
        ({"warmup_epochs": 31}, "run 'a': warmup_epochs is 31"),
        ({"crops": 4}, "run 'a': parameter crops: unknown 4"),
        ({"augmentation": "heavy"}, "run 'a': parameter augmentation: unknown 'heavy'"),
    ],
)
def test_a_setting_that_the_rehearsal_reduces_is_checked_as_it_is(tmp_path, clip_folder, parameters, message):
    run = f"{{name: a, notebook: 08_supervised, needs: {NEEDS}, parameters: {tiny(clip_folder, **parameters)}}}"
    with pytest.raises(ValueError, match=message):
        rehearse(write_suite(tmp_path / "mine.yaml", run), tmp_path)


def test_only_notebooks_whose_parameters_are_known_are_rehearsed(tmp_path):
    suite = write_suite(tmp_path / "mine.yaml", f"{{name: a, notebook: 09_base_to_novel, needs: {NEEDS}}}")
    with pytest.raises(ValueError, match=r"run 'a': parameter notebook: unknown '09_base_to_novel'; .*08_supervised"):
        rehearse(suite, tmp_path)


def test_a_checkpoint_is_copied_where_there_are_no_hard_links(tmp_path, data, clip_folder, monkeypatch):
    (tmp_path / "data").symlink_to(data)
    run = f"{{name: a, notebook: 08_supervised, needs: {NEEDS}, parameters: {tiny(clip_folder)}}}"
    suite = write_suite(tmp_path / "mine.yaml", run)

    def no_links(*_):
        raise OSError("not supported")

    monkeypatch.setattr(os, "link", no_links)
    (tmp_path / "a").mkdir()
    measured = child.measure(list(suite.runs), plan_of(suite.runs[0]), tmp_path / "a")
    assert measured["resume_difference"] <= child.ALIKE


def test_a_resume_that_ends_elsewhere_is_a_failure(tmp_path, data, clip_folder, monkeypatch):
    (tmp_path / "data").symlink_to(data)
    suite = write_suite(
        tmp_path / "mine.yaml",
        f"{{name: a, notebook: 08_supervised, needs: {NEEDS}, parameters: {tiny(clip_folder)}}}",
    )
    distances = iter([1.0, 0.5])
    monkeypatch.setattr(child, "_distance", lambda *_: next(distances))
    (tmp_path / "a").mkdir()
    with pytest.raises(RuntimeError, match=r"ends 0\.5 of a step away"):
        child.measure(list(suite.runs), plan_of(suite.runs[0]), tmp_path / "a")


def test_a_process_that_is_killed_is_a_row_that_says_where(tmp_path, data, clip_folder, monkeypatch):
    suite = write_suite(
        tmp_path / "mine.yaml",
        f"{{name: a, notebook: 08_supervised, needs: {NEEDS}, parameters: {tiny(clip_folder)}}}",
    )
    killed = tmp_path / "python"
    killed.write_text("#!/bin/sh\necho 'stage: training'\nkill -9 $$\n")
    killed.chmod(killed.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(running.sys, "executable", str(killed))
    monkeypatch.setattr(running, "make_stand_in", lambda *_: None)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "data").symlink_to(data)
    [row] = rehearse(suite, tmp_path)["rows"]
    assert row["status"] == "failed"
    assert row["error"].startswith("killed, as where memory is used up, in stage: training (see ")


def test_a_suite_that_does_not_say_what_it_needs(tmp_path):
    with pytest.raises(SuiteError, match="no run has `needs`"):
        rehearse(read_suite("experiments/smoke.yaml"), tmp_path)
    command = [sys.executable, "-m", "text4vis_lab.rehearsal", "experiments/smoke.yaml"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: experiments/smoke.yaml: no run has `needs`")


def test_all_four_suites_stay_within_the_promise_of_the_plan(data):
    """On two cores of 80 GFLOP/s each computation takes a minute or two, 25 minutes in all."""
    operations, brief_ones = 0.0, []
    for name in ("kinetics400", "zero_shot", "few_shot", "transfer"):
        known, done = set(), set()
        for run in read_suite(f"experiments/{name}.yaml").runs:
            if not run.needs:
                continue
            architecture = running._architecture(run, plan_of(run))
            if (computation := (architecture, running._variant(run, data))) in done:
                continue
            whole = architecture not in known
            brief_ones += [] if whole else [f"{name}/{run.name}"]
            known.add(architecture)
            done.add(computation)
            p, cost = running.settings_of(run), cost_of(run.parameters["model"])
            plan = plan_of(run) if whole else brief(plan_of(run))
            passes = 4 if p.get("gradient_checkpointing") else 3
            operations += (STEPS if whole else 1) * plan.batch_size * plan.frames * passes * cost.frame
            operations += plan.videos * plan.clips * plan.crops * plan.frames * cost.frame
            operations += plan.classes * cost.name
    assert brief_ones == ["few_shot/ucf101", "transfer/charades_vitl14_336"]
    assert math.isfinite(operations)
    assert operations / 0.08 / 60 < 20

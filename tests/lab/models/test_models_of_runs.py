"""What a laboratory leaves of its trainings, and what a notebook makes of a trained model."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
import torch
from conftest import ROOT

from text4vis_lab import Cell, Lab, Method
from text4vis_lab.cli import main
from text4vis_lab.model_files import find_model
from text4vis_lab.model_files.folder import models_in
from text4vis_lab.models import load_model

TEXT, LINEAR = Method("text, frozen", "text"), Method("linear", "linear", False)
MOVED = Method("text, trainable", "text", False)


@pytest.fixture(autouse=True)
def at_home(monkeypatch):
    monkeypatch.chdir(ROOT)
    with matplotlib.rc_context():
        yield


@pytest.fixture
def open_lab(ucf101, clip_folder, tmp_path):
    def opened(run_dir: str = "run", **given) -> Lab:
        given = {"dataset": "ucf101", "data_root": str(ucf101), "model": str(clip_folder), "cache": ""} | given
        given = {"epochs": 1, "warmup_epochs": 0.0, "batch_size": 4} | given
        return Lab.open("03_few_shot", {"run_dir": str(tmp_path / run_dir), **given})

    return opened


def trained(lab: Lab, *methods: Method, seeds=(0,)) -> pd.DataFrame:
    tests = {"test": lab.test}
    cells = [Cell(method, lab.train, tests, lab.recipe(seed), {"seed": seed}) for method in methods for seed in seeds]
    rows = lab.run(cells)
    lab.save()
    return rows


@pytest.mark.parametrize("method", [TEXT, LINEAR, MOVED], ids=lambda method: method.name)
def test_predictions_of_a_test_split_are_those_of_the_record(method, open_lab, tmp_path):
    lab = open_lab(num_frames=2, clips=2, crops=3, temporal="transformer", temporal_heads=2, template="{}")
    [row] = trained(lab, method).to_dict("records")
    known = lab.scores(row)
    model = load_model(lab.record.run_dir)
    embedded = model.embed([video.path for video in lab.test.videos], progress=False)
    assert torch.equal(model.logits_of(embedded.embeddings), known.scores)
    out = str(tmp_path / "predictions.csv")
    with pytest.raises(SystemExit) as ended:
        main(["predict", *known.videos, "--model", str(lab.record.run_dir), "--out", out])
    assert ended.value.code == 0
    table = pd.read_csv(out).set_index("video")
    for video, scores in zip(known.videos, known.scores, strict=True):
        said, best = table.loc[str(video)], scores.softmax(-1).max(-1)
        assert (said["class"], np.float32(said["probability"])) == (model.classes[best.indices], best.values.numpy())
    assert model.facts.measured[0]["top1"] == row["top1"]


def test_the_first_seed_of_each_method_is_kept_and_others_on_request(open_lab):
    lab = open_lab(num_frames=2)
    trained(lab, TEXT, LINEAR, seeds=(0, 1))
    assert [path.name for path in models_in(lab.record.run_dir)] == ["linear-seed0", "text-frozen-seed0"]
    again = open_lab(num_frames=2, keep_models="all")
    rows = trained(again, TEXT, seeds=(0, 1))
    assert [path.name for path in models_in(lab.record.run_dir)] == ["text-frozen-seed0", "text-frozen-seed1"]
    assert rows["top1"].notna().all()
    none = open_lab("other", num_frames=2, keep_models="none")
    trained(none, TEXT)
    assert models_in(none.record.run_dir) == []


def test_a_trial_of_a_sweep_leaves_no_model(open_lab):
    lab = open_lab(num_frames=2)
    lab.run([Cell(TEXT, lab.train, {"test": lab.test}, lab.recipe(), {"trial": 0})])
    assert models_in(lab.record.run_dir) == []


def test_what_is_not_given_follows_from_the_trained_model(open_lab, capsys):
    run = open_lab(num_frames=2, temporal="transformer", temporal_heads=2, template="{}")
    trained(run, TEXT)
    place = str(run.record.run_dir)
    lab = open_lab("again", model=place)
    followed = {name: lab.values[name] for name in ("num_frames", "temporal", "template")}
    assert followed == {"num_frames": 2, "temporal": "transformer", "template": "{}"}
    assert "was trained: num_frames 2" in capsys.readouterr().out
    assert lab.source.trained == str(find_model(place))
    assert "model" in lab.record.weights
    network = load_model(place).network
    assert all(torch.equal(a, b) for a, b in zip(lab.untrained.parameters(), network.parameters(), strict=True))
    given = open_lab("given", model=place, num_frames=3)
    assert given.values["num_frames"] == 3


def test_a_model_that_is_not_trained_further_is_tested_with_its_own_last_layer(open_lab):
    run = open_lab(num_frames=2)
    [before] = trained(run, LINEAR).to_dict("records")
    lab = open_lab("again", model=str(run.record.run_dir))
    cell = Cell(TEXT, lab.train, {"test": lab.test}, lab.recipe(), fine_tune=False)
    [after] = lab.run([cell]).to_dict("records")
    assert torch.equal(lab.scores(after).scores, run.scores(before).scores)


def test_a_model_is_trained_further_and_tells_where_it_came_from(open_lab, clip_folder):
    run = open_lab(num_frames=2)
    trained(run, TEXT)
    lab = open_lab("again", checkpoint=str(run.record.run_dir))
    trained(lab, LINEAR)
    facts = load_model(lab.record.run_dir).facts
    assert facts.clip["model"] == str(clip_folder)
    assert facts.num_frames == 2


def test_a_laboratory_answers_for_a_video_with_whatever_model_it_has(open_lab, video, published, clip_folder):
    run = open_lab(num_frames=2)
    trained(run, TEXT)
    own = open_lab("again", model=str(run.record.run_dir)).model()
    assert own.classes == load_model(run.record.run_dir).classes
    assert own.probabilities(own.frames(video)).sum() == pytest.approx(1)
    before, after = open_lab("clip").model(["a", "b"]), open_lab("file", checkpoint=str(published[0])).model(["a", "b"])
    assert not torch.equal(before.embedding(before.frames(video)), after.embedding(after.frames(video)))
    with pytest.raises(ValueError, match="class_names is empty"):
        open_lab("none").model()
    assert torch.equal(before.with_labels(["a", "b"]).logits(own.frames(video)), before.logits(own.frames(video)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"pretrained": "openai"}, "parameter pretrained: the trained model has its own weights"),
        ({"checkpoint": "same"}, "parameters model and checkpoint both name a trained model"),
        ({"temporal": "tsm"}, "parameter temporal: 'tsm', but .* has another; .* leave temporal at 'mean'"),
    ],
)
def test_settings_that_a_trained_model_has_no_use_for_are_refused(given, message, open_lab):
    run = open_lab(num_frames=2)
    trained(run, TEXT)
    place = str(run.record.run_dir)
    given = {name: place if value == "same" else value for name, value in given.items()}
    with pytest.raises(ValueError, match=message):
        _ = open_lab("again", model=place, **given).untrained

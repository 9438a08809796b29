"""What a run tells of itself: lines in a file that the runner began, and nothing elsewhere."""

import csv
import os
import sys
import threading
from types import SimpleNamespace

import pytest
import torch

from text4vis_core import TrainingConfig, processes
from text4vis_core.processes import progress_bar
from text4vis_lab import Cell, Method, progress
from text4vis_lab.experiment import train_and_test
from text4vis_lab.loggers import LOGGERS, check_loggers, make_loggers
from text4vis_lab.progress import FILE, begin, read, signs_of_life, tell, watch_bars, watched_bars
from text4vis_lab.settings import checked
from text4vis_lab.sources import Clips, Source

RECIPE = TrainingConfig(epochs=2, batch_size=4, lr=1e-3, warmup_epochs=0)


@pytest.fixture(autouse=True)
def bars_as_they_were():
    yield
    processes.bar_class = None


@pytest.fixture
def all_told(monkeypatch):
    monkeypatch.setattr(progress, "SECONDS", 0.0)


def kinds(folder) -> list[str]:
    return [event["event"] for event in read(folder)]


def test_nothing_is_told_where_nobody_began(tmp_path):
    tell(tmp_path, "epoch", loss=1.0)
    watch_bars(tmp_path)
    assert processes.bar_class is None
    assert list(tmp_path.iterdir()) == []
    assert read(tmp_path) == []


def test_events_are_lines_and_a_new_start_begins_anew(tmp_path):
    begin(tmp_path, process=1)
    tell(tmp_path, "epoch", loss=float("nan"), what="caf\udce9\n")
    first, second = read(tmp_path)
    assert (first["event"], first["process"]) == ("started", 1)
    assert (second["loss"], second["what"]) == (None, "caf\\udce9\n")
    assert second["time"] >= first["time"]
    assert len((tmp_path / FILE).read_text().splitlines()) == 2
    begin(tmp_path, process=2)
    assert [event["process"] for event in read(tmp_path)] == [2]


def test_of_a_damaged_file_the_whole_lines_are_read(tmp_path):
    begin(tmp_path)
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"time": 1, "ev\n\xff\xfe\n[1]\n{"event": "x"}\n{"time": true, "event": "x"}\n')
    tell(tmp_path, "ended", status="ok")
    assert kinds(tmp_path) == ["started", "ended"]


def test_bars_tell_how_far_they_are_and_when_they_close(tmp_path, all_told):
    begin(tmp_path)
    with watched_bars(tmp_path):
        assert list(progress_bar(iter("abc"), "letters", total=3, unit="letter", disable=True)) == list("abc")
        bar = progress_bar(range(4), "steps", unit="step", disable=True)
        bar.update(3)
        bar.set_postfix({"epoch": 1, "loss": 0.5})
        bar.close()
    assert processes.bar_class is None
    told = [event for event in read(tmp_path)[1:] if event.get("what") == "steps"]
    assert [(event["event"], event.get("done")) for event in told] == [
        ("bar", 0),
        ("bar", 3),
        ("epoch", None),
        ("bar", 3),
    ]
    assert (told[1]["of"], told[1]["unit"], told[2]["loss"], told[3]["closed"]) == (4, "step", 0.5, True)


def test_a_bar_that_hurries_tells_little(tmp_path):
    begin(tmp_path)
    with watched_bars(tmp_path):
        bar = progress_bar(range(10_000), "steps", disable=True)
        for _ in range(10_000):
            bar.update()
        bar.close()
    assert kinds(tmp_path) == ["started", "bar", "bar"]
    assert read(tmp_path)[-1]["done"] == 10_000


def test_signs_of_life_touch_a_file_and_survive_what_is_called(tmp_path, all_told):
    path, called = tmp_path / "x", threading.Event()
    path.write_text("")
    os.utime(path, (1, 1))

    def fails():
        called.set()
        raise RuntimeError

    with signs_of_life(path, fails):
        assert called.wait(30)
    assert path.stat().st_mtime > 1


def train(clip, videos, folder, loggers=(), recipe=RECIPE):
    cell = Cell(Method("text, frozen", "text"), videos, {"test": videos}, recipe)
    return train_and_test(cell, Source(clip=clip), Clips(num_frames=2, loggers=loggers), folder)


def test_a_training_tells_its_epochs_and_its_numbers_are_the_same(clip, train_videos, tmp_path, all_told):
    alone, watched = tmp_path / "alone", tmp_path / "watched"
    watched.mkdir()
    begin(watched)
    outcomes = [train(clip, train_videos, alone), train(clip, train_videos, watched, ("csv",))]
    first, second = (next(iter(outcome.scores.values())).scores for outcome in outcomes)
    assert torch.equal(first, second)
    assert [p.name for p in (alone / "checkpoints").iterdir()] == [p.name for p in (watched / "checkpoints").iterdir()]
    assert not (alone / FILE).exists()
    events = read(watched)
    assert [(e["epoch"], e["loss"]) for e in events if e["event"] == "epoch"] == [
        (row["epoch"], row["loss"]) for row in outcomes[1].history
    ]
    [training] = [event for event in events if event["event"] == "training"]
    assert training["epochs"] == 2
    assert {event["what"] for event in events if event["event"] == "bar"} == {f"training {training['cell']}"}
    [file] = watched.glob("logs/*/metrics.csv")
    rows = list(csv.DictReader(file.open()))
    assert [int(row["step"]) for row in rows] == [1, 2]
    assert float(rows[1]["loss"]) == outcomes[1].history[1]["loss"]
    train(clip, train_videos, watched, ("csv",))  # finished before: nothing is logged again
    assert len(list(watched.glob("logs/*"))) == 1


def test_what_goes_on_logs_under_a_name_of_its_own(clip, train_videos, tmp_path, monkeypatch):
    from text4vis_lab import experiment

    embed = Clips.embed
    calls = []

    def fails_after_the_first_epoch(self, model, *args, **kwargs):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return embed(self, model, *args, **kwargs)

    cell = Cell(Method("a", "text"), train_videos, {"test": train_videos}, RECIPE, every_epoch="test")
    clips, source = Clips(num_frames=2, loggers=("csv",)), Source(clip=clip)
    monkeypatch.setattr(Clips, "embed", fails_after_the_first_epoch)
    with pytest.raises(KeyboardInterrupt):
        experiment.train_and_test(cell, source, clips, tmp_path)
    monkeypatch.setattr(Clips, "embed", embed)
    experiment.train_and_test(cell, source, clips, tmp_path)
    found = {path.parent.name: len(path.read_text().splitlines()) - 1 for path in tmp_path.glob("logs/*/metrics.csv")}
    assert found == {cell.training: 1, f"{cell.training}-from-epoch-2": 1}


def test_a_logger_whose_library_is_not_here_is_one_error_before_anything_runs(monkeypatch):
    from text4vis_lab import loggers

    monkeypatch.setattr(loggers, "find_spec", lambda name: None)
    check_loggers(["csv"])
    for name in ("tensorboard", "wandb", "mlflow", "trackio"):
        with pytest.raises(ValueError, match=rf"^parameter loggers: '{name}' needs the package {name}, .*pip install"):
            check_loggers(["csv", name])
    with pytest.raises(ValueError, match=r"parameter loggers: unknown 'tensorbord'; choose from: csv, tensorboard"):
        checked({"loggers": ["tensorbord"]}, {}, ("hardware",))
    assert checked({}, {}, ("hardware",))["loggers"] == []


def tracker(calls: list):
    """A library as W&B and Trackio are."""
    run = SimpleNamespace(log=lambda row, step: calls.append((step, row)), finish=lambda *code: calls.append(code))
    return SimpleNamespace(init=lambda **options: calls.append(options) or run)


@pytest.mark.parametrize("library", ["wandb", "trackio"])
def test_a_library_with_runs_is_told(tmp_path, monkeypatch, library):
    calls = []
    monkeypatch.setitem(sys.modules, library, tracker(calls))
    [logger] = make_loggers([library], tmp_path / "suite" / "run", "text-seed0", {"seed": 0})
    logger.log_metrics({"loss": 0.5}, step=1)
    logger.finalize("failed")
    options, row, code = calls
    assert (options["name"], options["group"], options["config"]) == ("text-seed0", "suite/run", {"seed": 0})
    assert row == (1, {"loss": 0.5})
    assert code == ((1,) if library == "wandb" else ())


def test_mlflow_is_told(tmp_path, monkeypatch):
    calls = []

    class Client:
        def __getattr__(self, name):
            def call(*args, **kwargs):
                calls.append((name, args, kwargs))
                return None if name == "get_experiment_by_name" else SimpleNamespace(info=SimpleNamespace(run_id="r"))

            return call

    monkeypatch.setitem(sys.modules, "mlflow", SimpleNamespace(MlflowClient=Client))
    [logger] = make_loggers(["mlflow"], tmp_path / "suite" / "run", "text-seed0", {"seed": 0})
    logger.log_metrics({"loss": 0.5}, step=3)
    logger.finalize("success")
    assert ("log_metric", ("r", "loss", 0.5), {"step": 3}) in calls
    assert calls[-1] == ("set_terminated", ("r", "FINISHED"), {})
    assert set(LOGGERS) == {"csv", "tensorboard", "wandb", "mlflow", "trackio"}


def test_loggers_are_no_part_of_what_a_cell_depends_on(clip, train_videos, tmp_path):
    from text4vis_lab._cells import cell_fingerprint

    cell = Cell(Method("a", "text"), train_videos, {"test": train_videos}, RECIPE)
    source = Source(clip=clip)
    prints = {
        cell_fingerprint(cell, checked({"loggers": names}, {}, ("hardware", "data")), Clips().processes, source, {})
        for names in ([], ["csv"])
    }
    assert len(prints) == 1

"""A cell of a table on several processes: the steps of one, and what comes out, to the rounding."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import ROOT

from text4vis_core import TrainingConfig, load_clip
from text4vis_core.training.resume import load_checkpoint
from text4vis_lab import Cell, Method
from text4vis_lab.cell import Outcome
from text4vis_lab.experiment import train_and_test
from text4vis_lab.lists import repeated
from text4vis_lab.processes import Processes
from text4vis_lab.sources import Clips, Source

pytestmark = pytest.mark.slow

RECIPE = TrainingConfig(epochs=2, batch_size=5, lr=3e-3, warmup_epochs=1, grad_clip=1.0, eps=1e-2)


@pytest.fixture(autouse=True)
def threads(monkeypatch):
    """One thread in each process, and the tests' modules are found by all of them."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "tests")]))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def on(processes: int, clip_folder, train_videos, test_videos, folder, config) -> Outcome:
    """A cell on so many processes."""
    source = Source(clip=load_clip(str(clip_folder)), temporal="transformer", num_frames=2)
    method = Method("text", "text", config.objective == "contrastive", config.objective)
    cell = Cell(method, repeated(train_videos, 13), {"test": test_videos}, config, every_epoch="test")
    clips = Clips(num_frames=2, processes=Processes(processes), on_error="skip")
    return train_and_test(cell, source, clips, folder)


def weights(folder: Path) -> dict:
    """What a training ended with."""
    [path] = (folder / "checkpoints").glob("text-*.pt")
    return load_checkpoint(path)["model"]


def check_same(folder: Path, alone: Outcome, together: Outcome) -> None:
    """That two outcomes are the same, but for rounding."""
    found = weights(folder / "together")
    for name, weight in weights(folder / "alone").items():
        assert torch.allclose(weight, found[name], atol=2e-5), name
    assert torch.allclose(alone.tensors["learned"], together.tensors["learned"], atol=2e-5)
    assert torch.allclose(alone.tensors["means"], together.tensors["means"], atol=1e-4)
    assert alone.trained_parameters == together.trained_parameters
    expected, scores = alone.scores["test", "1 view"], together.scores["test", "1 view"]
    assert torch.allclose(expected.scores, scores.scores, atol=1e-2)  # 100 times a cosine
    assert expected.labels.tolist() == scores.labels.tolist()


@pytest.mark.parametrize(
    "options",
    [{}, {"accumulate": 5}, {"objective": "contrastive"}, {"strategy": "fsdp"}],
    ids=["plain", "accumulated", "contrastive", "fsdp"],
)
def test_training_on_two_processes_takes_the_steps_of_one(clip_folder, train_videos, test_videos, tmp_path, options):
    config = replace(RECIPE, **options)
    data = clip_folder, train_videos, test_videos
    alone = on(1, *data, tmp_path / "alone", config)
    together = on(2, *data, tmp_path / "together", config)
    for now, then in zip(alone.history, together.history, strict=True):
        assert now.pop("seconds") and then.pop("seconds")
        assert now == pytest.approx(then, abs=1e-4)
    check_same(tmp_path, alone, together)


def test_on_broken_videos_two_processes_learn_what_one_does(clip_folder, train_videos, test_videos, tmp_path):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    videos = [replace(video, path=broken) if i % 3 else video for i, video in enumerate(train_videos.videos)]
    data = clip_folder, replace(train_videos, videos=tuple(videos)), test_videos
    alone = on(1, *data, tmp_path / "alone", RECIPE)
    together = on(2, *data, tmp_path / "together", RECIPE)
    assert alone.skipped == together.skipped
    assert len(alone.skipped) == 1
    check_same(tmp_path, alone, together)

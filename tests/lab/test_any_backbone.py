"""Every kind of open_clip backbone from a notebook's laboratory on: by name, and from folders."""

import pytest
from backbones import KINDS, SHIPPED
from conftest import ROOT

from text4vis_lab import Cell, Lab, Method

pytestmark = pytest.mark.usefixtures("no_network")


def opened(notebook, run_dir, data, monkeypatch, **settings) -> Lab:
    monkeypatch.chdir(ROOT)
    given = {"run_dir": str(run_dir), "dataset": "ucf101", "data_root": str(data), "num_frames": 2, "cache": ""}
    return Lab.open(notebook, given | settings)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_zero_shot_by_name(one_each, tmp_path, monkeypatch, kind):
    lab = opened("02_zero_shot", tmp_path / "run", one_each, monkeypatch, model=SHIPPED[kind], pretrained="random")
    rows = lab.zero_shot({"test": lab.videos("test", 1)}, {"fold": 1}, halves=True)
    assert rows["videos"].iloc[0] == 3
    assert rows["top1"].dropna().between(0, 100).all()
    lab.save()


@pytest.mark.parametrize("kind", KINDS)
def test_training_from_a_folder(folders, one_each, tmp_path, monkeypatch, kind):
    settings = {"model": str(folders[kind]), "epochs": 1, "warmup_epochs": 0.5}
    lab = opened("03_few_shot", tmp_path / "run", one_each, monkeypatch, **settings)
    cell = Cell(Method("text, frozen", "text"), lab.train, {"test": lab.test}, lab.recipe(), {"shots": 1})
    [top1] = lab.run([cell])["top1"]
    assert 0 <= top1 <= 100
    lab.save()

"""Several processes compute what one does, embeddings to the bit; and one may die."""

import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import ROOT
from together import (
    Planted,
    dies_always,
    dies_once,
    gathered,
    listening,
    no_plain_value,
    raises_in_one,
    raises_no_plain_error,
    receives,
)

from text4vis_core import VideoDataset, VideoError, embed_videos
from text4vis_core.data import Views
from text4vis_core.processes import gather_rows, rank, world
from text4vis_lab import processes
from text4vis_lab._signed import SECRET, NotSigned, new_secret, write_signed
from text4vis_lab.processes import Processes, ProcessesError

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def threads(monkeypatch):
    """One thread in each process, and the tests' modules are found by all of them."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (ROOT, ROOT / "tests"))))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_one_process_is_the_call_itself():
    assert (rank(), world()) == (0, 1)
    assert Processes().run(max, 1, 2) == 2
    rows = torch.ones(2, 3)
    assert gather_rows(rows)[0] is rows


@pytest.mark.parametrize("wrong", [{"devices": 0}, {"num_nodes": 1.5}, {"restarts": -1}, {"num_nodes": 2}])
def test_impossible_numbers_of_processes(wrong):
    with pytest.raises(ValueError, match=f"parameter {next(iter(wrong))}"):
        Processes(**wrong)


def test_rows_of_all_processes_also_of_one_without_any():
    assert Processes(3).run(gathered, [2, 0, 1]) == ([2, 0, 1], [0, 0, 2], ["x"] * 3)


def test_all_start_again_when_one_dies(tmp_path):
    assert Processes(2).run(dies_once, tmp_path / "marker", value=4) == (8, 1)


def test_a_process_that_always_dies():
    with pytest.raises(ProcessesError, match="2 processes ended without a result, with status 1, after being started"):
        Processes(2, restarts=1).run(dies_always)


def test_another_machine_joins_every_call_of_a_run(tmp_path):
    """Here it is another process of this machine, which meets the first one as another machine would.

    Before, a run was killed in a call, and its record of an earlier time is there.
    """
    (tmp_path / "result.json").write_text("earlier")
    killed = tmp_path / "processes-killed"
    killed.mkdir()
    (killed / "plan").write_bytes(b"-" * 32 + b"[1, 2, 0]")
    command = [sys.executable, "-m", "text4vis_lab.processes", "join", str(tmp_path)]
    other = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert "waiting for the calls" in other.stderr.readline()
        machines = Processes(num_nodes=2, folder=str(tmp_path))
        assert machines.run(gathered, [1, 2])[1] == [0, 1, 1]
        assert machines.run(gathered, [0, 1])[1] == [1]
        (tmp_path / "result.json").touch()
        assert other.communicate(timeout=60)[1].strip().endswith("result.json is written")
        assert other.returncode == 0
    finally:
        other.kill()
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="Linux says who listens")
def test_on_one_machine_nothing_listens_beyond_it(monkeypatch):
    for name in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
        monkeypatch.setenv(name, "none-such")  # as where several machines use another interface
    found = Processes(2).run(listening)
    assert found  # they do speak to each other
    assert set(found) == {"0100007F"}  # 127.0.0.1


def planted_call(folder: Path, planted: Path, key: bytes) -> None:
    """A call that was not made by the run, as somebody leaves it who can write to its folder."""
    folder.mkdir()
    for name, data in (("plan", b"[1, 2, 0]"), ("call", pickle.dumps(Planted(planted)))):
        write_signed(folder / name, data, key)


@pytest.mark.parametrize("secret", ["none", "another", "open", "link"])
def test_who_joins_unpickles_nothing_that_is_not_signed(tmp_path, secret):
    run, planted, key = tmp_path / "run", tmp_path / "planted", new_secret()
    run.mkdir()
    planted_call(run / "processes-planted", planted, key)
    path = tmp_path / "secret" if secret == "link" else run / SECRET
    if secret != "none":
        path.write_bytes(new_secret() if secret == "another" else key)
        path.chmod(0o644 if secret == "open" else 0o600)
    if secret == "link":
        (run / SECRET).symlink_to(path)
    command = [sys.executable, "-m", "text4vis_lab.processes", "join", str(run)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as other:
        assert "waiting for the calls" in other.stderr.readline()
        reasons = {
            "none": f"{run / SECRET} cannot be read: No such file or directory; the run makes it when it calls",
            "another": f"{run / 'processes-planted' / 'plan'} is not signed by this run, and left alone; remove it",
            "open": f"{run / SECRET} is not this user's alone; remove it, and start the run again",
            "link": f"{run / SECRET} cannot be read: Too many levels of symbolic links; the run makes it when it calls",
        }
        assert other.stderr.readline().strip() == reasons[secret]
        (run / "result.json").touch()
        assert other.communicate(timeout=60)[1].strip().endswith("result.json is written")
    assert not planted.exists()


@pytest.mark.parametrize("name", ["call", "result", "error"])
def test_what_is_not_signed_is_never_unpickled(tmp_path, name, monkeypatch):
    """A file of a call that another has put into the place of its own."""
    planted, launch = tmp_path / "planted", processes._launch

    def put(folder: Path, key: bytes, part: str):
        write_signed(folder / name, pickle.dumps([Planted(planted)]), new_secret())
        return launch(folder, key, part) if name == "call" else (1, "")

    monkeypatch.setattr(processes, "_launch", put)
    with pytest.raises((NotSigned, ProcessesError), match=f"{name} is not signed by this run, and left alone"):
        Processes(2, restarts=0).run(max, 1, 2)
    assert not planted.exists()


def test_an_object_of_another_process_is_never_unpickled(tmp_path):
    with pytest.raises(ProcessesError, match="no process unpickles objects of another"):
        Processes(2).run(receives, tmp_path / "planted")
    assert not (tmp_path / "planted").exists()


def test_an_error_of_one_process_is_the_callers():
    with pytest.raises(VideoError, match=r"cannot read video x.mp4: no such file"):
        Processes(2).run(raises_in_one)


@pytest.mark.parametrize(("function", "kind"), [(no_plain_value, "list"), (raises_no_plain_error, "ValueError")])
def test_what_cannot_be_handed_back_is_an_error(function, kind):
    with pytest.raises(ProcessesError, match=f"^{kind} cannot be handed back: "):
        Processes(2).run(function)


@pytest.mark.parametrize("number", [2, 3])
def test_embeddings_are_bit_equal_on_any_number_of_processes(model, test_videos, tmp_path, number):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    videos = [replace(test_videos.videos[0], path=broken), *test_videos.videos] * 2
    videos = replace(test_videos, videos=tuple(videos[:11]))
    dataset = VideoDataset(videos, 2, 32, Views(clips=2), on_error="skip")
    alone = embed_videos(model, dataset, batch_size=2)
    assert len(alone.labels) == 9
    together = Processes(number).run(embed_videos, model, dataset, batch_size=2)
    assert torch.equal(alone.views, together.views)
    assert alone.indices.tolist() == together.indices.tolist() == [1, 2, 3, 4, 5, 6, 8, 9, 10]
    assert torch.equal(alone.labels, together.labels)
    assert alone.skipped == together.skipped == [(str(broken), alone.skipped[0][1])] * 2

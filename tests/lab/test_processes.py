"""Several processes compute what one does, embeddings to the bit; and one may die."""

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from conftest import ROOT

from text4vis_core import VideoDataset, VideoError, embed_videos
from text4vis_core.data import Views
from text4vis_core.processes import gather_objects, gather_rows, rank, world
from text4vis_lab.processes import Processes, ProcessesError

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def threads(monkeypatch):
    """One thread in each process, and this folder's modules are found by all of them."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (ROOT, ROOT / "tests", Path(__file__).parent))))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def gathered(counts: list[int]):
    """What each process sees of the rows and the objects of all."""
    mine = torch.full((counts[rank()], 2), float(rank()))
    return [len(rows) for rows in gather_rows(mine)], torch.cat(gather_rows(mine))[:, 0].tolist(), gather_objects("x")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return free.getsockname()[1]


def dies_once(marker: Path, value: int) -> tuple[int, int]:
    if rank() == 1 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return sum(gather_objects(value)), torch.get_num_threads()


def dies_always() -> None:
    if rank() == world() - 1:
        os.kill(os.getpid(), signal.SIGKILL)
    gather_objects(0)


def raises_in_one() -> None:
    if rank() == 1:
        raise VideoError("x.mp4", "no such file")
    gather_objects(0)


def no_plain_value() -> list:
    return [lambda: gather_objects(0)]


def raises_no_plain_error() -> None:
    error = ValueError("odd")
    error.reason = lambda: ""
    raise error


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
    endpoints = [f"localhost:{free_port()}" for _ in range(2)]
    (killed / "call.json").write_text(json.dumps([1, 2, endpoints[0], 0]))
    command = [sys.executable, "-m", "text4vis_lab.processes", "join", str(tmp_path)]
    other = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert "waiting for the calls" in other.stderr.readline()
        machines = Processes(num_nodes=2, folder=str(tmp_path), endpoint=endpoints[1])
        assert machines.run(gathered, [1, 2])[1] == [0, 1, 1]
        assert machines.run(gathered, [0, 1])[1] == [1]
        (tmp_path / "result.json").touch()
        assert other.communicate(timeout=60)[1].strip().endswith("result.json is written")
        assert other.returncode == 0
    finally:
        other.kill()
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_an_error_of_one_process_is_the_callers():
    with pytest.raises(VideoError, match=r"cannot read video x.mp4: no such file"):
        Processes(2).run(raises_in_one)


@pytest.mark.parametrize(("function", "kind"), [(no_plain_value, "list"), (raises_no_plain_error, "ValueError")])
def test_what_cannot_be_handed_back_is_an_error(function, kind):
    with pytest.raises(ProcessesError, match=f"^{kind} cannot be handed back: "):
        Processes(2).run(function)


@pytest.mark.parametrize("processes", [2, 3])
def test_embeddings_are_bit_equal_on_any_number_of_processes(model, test_videos, tmp_path, processes):
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    videos = [replace(test_videos.videos[0], path=broken), *test_videos.videos] * 2
    videos = replace(test_videos, videos=tuple(videos[:11]))
    dataset = VideoDataset(videos, 2, 32, Views(clips=2), on_error="skip")
    alone = embed_videos(model, dataset, batch_size=2)
    assert len(alone.labels) == 9
    together = Processes(processes).run(embed_videos, model, dataset, batch_size=2)
    assert torch.equal(alone.views, together.views)
    assert alone.indices.tolist() == together.indices.tolist() == [1, 2, 3, 4, 5, 6, 8, 9, 10]
    assert torch.equal(alone.labels, together.labels)
    assert alone.skipped == together.skipped == [(str(broken), alone.skipped[0][1])] * 2

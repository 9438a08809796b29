"""GPUs shared out between runs: real processes, and names in CUDA_VISIBLE_DEVICES in place of devices."""

import os
import subprocess
import sys
from collections import Counter

import pytest
from conftest import ROOT

from text4vis_lab.suites import _gpus as gpus

RUN = """
import os, pathlib, sys
from text4vis_lab.suites._gpus import own
with own(int(sys.argv[1]), None, pathlib.Path(sys.argv[2]), seconds=0.01) as seen:
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ",".join(seen)
    print("sees", *seen, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """Two GPUs, of which nvidia-smi says nothing, and no Slurm."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "a,b")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.setattr(gpus, "_listed", dict)


@pytest.fixture
def start(tmp_path):
    """Starts a process that holds so many GPUs until a line is sent to it."""
    processes = []

    def run(asked: int) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(asked), str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def seen(process) -> list[str]:
    """What the process sees, as soon as it sees something."""
    line = process.stdout.readline()
    return line.split()[1:] if line.startswith("sees") else [line.strip()]


def end(process) -> None:
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.wait(30) == 0


def test_each_has_its_own_and_who_comes_late_waits(start):
    first, second = start(1), start(1)
    assert sorted(seen(first) + seen(second)) == ["a", "b"]
    late = start(1)
    assert seen(late) == ["waiting for 1 of 2 GPUs: other runs hold them"]
    end(first)
    assert len(seen(late)) == 1
    end(second)


def test_a_process_that_is_killed_holds_nothing(start):
    first = start(2)
    assert seen(first) == ["a", "b"]
    late = start(2)
    assert "waiting" in seen(late)[0]
    first.kill()
    assert seen(late) == ["a", "b"]


@pytest.mark.slow
def test_many_processes_are_never_on_the_same(tmp_path):
    """Twelve processes on three GPUs, each of which notes on a file of the GPU that it came and that it went."""
    work = """
import pathlib, sys
from text4vis_lab.suites._gpus import own
with own(int(sys.argv[1]), None, pathlib.Path(sys.argv[2], "locks"), seconds=0.005) as seen:
    for name in seen:
        pathlib.Path(sys.argv[2], name).open("x").close()
    for name in seen:
        pathlib.Path(sys.argv[2], name).unlink()
        print("had", name)
"""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "a,b,c"}
    command = [sys.executable, "-c", work]
    processes = [
        subprocess.Popen([*command, str(1 + i % 3), str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment)
        for i in range(12)
    ]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 12
    assert Counter(line[:3] for output in outputs for line in output.splitlines())["had"] == 4 * (1 + 2 + 3)


def test_runs_that_ask_for_none_share_what_nobody_has(start, tmp_path):
    shared = start(0)
    assert seen(shared) == ["a"]
    with gpus.own(0, folder=tmp_path) as also:
        assert also == ["a"]
    one = start(1)
    assert seen(one) == ["b"]
    end(shared)
    other = start(1)
    assert seen(other) == ["a"]
    with gpus.own(0, folder=tmp_path) as none:
        assert none == [] and os.environ["CUDA_VISIBLE_DEVICES"] == ""


def test_no_more_than_there_are_and_than_the_limit(tmp_path):
    with gpus.own(8, folder=tmp_path) as all_of_them:
        assert all_of_them == ["a", "b"]
    with gpus.own(2, 1, folder=tmp_path) as limited:
        assert limited == ["a"]
    with gpus.own(2, 0, folder=tmp_path) as none:
        assert none == [] and os.environ["CUDA_VISIBLE_DEVICES"] == ""
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "a,b"


def test_what_slurm_assigned_is_left_and_an_allocation_shared_out(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    with gpus.own(2, folder=tmp_path) as assigned:
        assert assigned == ["a", "b"]
        assert not list(tmp_path.iterdir()), "no lock is taken"
    with gpus.own(1, folder=tmp_path) as one, gpus.own(1, folder=tmp_path):
        assert one == ["a"]


def test_a_machine_without_gpus_is_left_as_it_is(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    for asked in (0, 1):
        with gpus.own(asked, folder=tmp_path) as none:
            assert none == [] and "CUDA_VISIBLE_DEVICES" not in os.environ


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, ["GPU-x", "GPU-y"]),
        ("1", ["GPU-y"]),
        ("1, GPU-z", ["GPU-y", "GPU-z"]),
        ("", []),
        ("0,-1,1", ["GPU-x"]),
        ("NoDevFiles", []),
    ],
)
def test_devices_have_the_same_name_for_everybody(monkeypatch, visible, expected):
    monkeypatch.setattr(gpus, "_listed", lambda: {"0": "GPU-x", "1": "GPU-y"})
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus.devices() == expected


def test_what_nvidia_smi_lists(tmp_path, monkeypatch):
    monkeypatch.undo()
    program = tmp_path / "nvidia-smi"
    program.write_text('#!/bin/sh\ntest "$1" = --query-gpu=index,uuid && echo "0, GPU-x" && echo "1, GPU-y"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert gpus.devices() == ["GPU-x", "GPU-y"]
    program.write_text("#!/bin/sh\nexit 9\n")  # no driver
    assert gpus.devices() == []

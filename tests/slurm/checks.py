"""Suites on a real Slurm, through profiles/slurm; `run.sh` starts one and calls this.

Nodes n1 (the partition that jobs go to by default) and n2 ("other") have 2 CPUs and 2 make-believe GPUs each.
"""

import json
import os
import re
import signal
import subprocess
import sysconfig
import time
from pathlib import Path

import pytest
from conftest import ROOT
from lab.suites.test_suites import notebook

from text4vis_lab.suites import read_attempt, read_suite

BEAT = """
import json, os, pathlib, time
with open(run_dir + '/started.txt', 'a') as file:
    print(os.environ['SLURM_JOB_ID'], file=file)
seen = {key: os.environ.get(key) for key in ('CUDA_VISIBLE_DEVICES', 'SLURM_CPUS_PER_TASK', 'OMP_NUM_THREADS')}
begin = time.time()
time.sleep(seconds)
pathlib.Path(run_dir, 'beat.json').write_text(json.dumps({'begin': begin, 'end': time.time(), **seen}))
"""
# The first attempt outlives its minute; the second finds that the first was there.
SLOW = """
import pathlib, time
before = pathlib.Path(run_dir, 'before')
if not before.exists():
    before.touch()
    time.sleep(600)
"""
CANCELLED = "import os, subprocess, time\nsubprocess.run(['scancel', os.environ['SLURM_JOB_ID']])\ntime.sleep(600)"
GREEDY = """
import time
held = b'x' * 600_000_000
time.sleep(600)
"""
NODES = """
import where
from text4vis_lab.processes import Processes
found = Processes(devices=1, num_nodes=2, folder=run_dir, restarts=0).run(where.nodes)
assert found == ['n1', 'n2'], found
"""
WHERE = """
import os
from text4vis_core.processes import gather_objects

def nodes():
    return sorted(gather_objects(os.environ['SLURMD_NODENAME']))
"""
SNAKEMAKE = Path(sysconfig.get_path("scripts"), "snakemake")
ONE = "cores: 1, mem_mb: 1000"
SUITES = {
    "ends": f"""
runs:
  - {{name: beat, notebook: beat, grid: {{number: [1, 2, 3, 4]}}, resources: {{{ONE}, gpu: 1}}}}
  - {{name: fails, notebook: fails, resources: {{{ONE}}}}}
  - {{name: slow, notebook: slow, resources: {{{ONE}, minutes: 1}}}}
  - {{name: cancelled, notebook: cancelled, resources: {{{ONE}}}}}
  - {{name: greedy, notebook: greedy, resources: {{cores: 1, mem_mb: 400}}}}
  - {{name: report, notebook: beat, after: [beat, fails], parameters: {{seconds: 0}}, resources: {{{ONE}}}}}
""",
    "again": f"runs: [{{name: long, notebook: beat, parameters: {{seconds: 15}}, resources: {{{ONE}}}}}]",
    "stopped": f"runs: [{{name: long, notebook: beat, parameters: {{seconds: 15}}, resources: {{{ONE}}}}}]",
    "allocated": f"runs: [{{name: beat, notebook: beat, grid: {{number: [1, 2, 3]}}, resources: {{{ONE}, gpu: 1}}}}]",
    "nodes": "runs: [{name: both, notebook: nodes, resources: {cores: 1, mem_mb: 2800, nodes: 2, gpu: 1}}]",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """This project with notebooks of its own, and suites of them."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("Snakefile", "profiles", "text4vis_core", "text4vis_lab", "data", "requirements.lock"):
        (folder / name).symlink_to(ROOT / name)
    for name in ("notebooks", "experiments"):
        (folder / name).mkdir()
    parameters = 'run_dir = "x"\nnumber = 0\nseconds = 4'
    cells = {"beat": BEAT, "fails": "raise ValueError('as it must')", "slow": SLOW, "cancelled": CANCELLED}
    for name, cell in (cells | {"greedy": GREEDY, "nodes": NODES}).items():
        (folder / "notebooks" / f"{name}.ipynb").write_text(notebook(cell, parameters=parameters))
    for name, text in SUITES.items():
        (folder / "experiments" / f"{name}.yaml").write_text(text)
    (folder / "where.py").write_text(WHERE)
    before = Path.cwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


def submit(name: str, *options: str) -> subprocess.Popen:
    """Snakemake on the submitting machine, impatient; there is no accounting here, hence no `sacct`."""
    command = [SNAKEMAKE, "--profile", "profiles/slurm", *options]
    command += ["--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "3", "--retries", "1"]
    command += ["--config", f"suite=experiments/{name}.yaml"]
    with open(f"{name}.txt", "a") as output:
        return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)


def wait_for(path: Path, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 90
    while not path.exists():
        assert process.poll() is None, f"ended without {path}"
        assert time.monotonic() < deadline, f"no {path} after 90 seconds"
        time.sleep(0.2)


def check_gpus(runs) -> None:
    """Of runs of the notebook `beat`: at most two at once, each with a GPU that the other has not."""
    beats = [json.loads((run.directory / "beat.json").read_text()) for run in runs]
    assert {beat["CUDA_VISIBLE_DEVICES"] for beat in beats} <= {"0", "1"}
    for beat in beats:
        together = [other for other in beats if other["begin"] <= beat["begin"] < other["end"]]
        assert len(together) <= 2
        assert len({other["CUDA_VISIBLE_DEVICES"] for other in together}) == len(together), "two runs shared a GPU"


@pytest.fixture(scope="module")
def ends(project):
    """The suite `ends`, under way while the other tests use the other node."""
    process = submit("ends")
    yield process
    process.kill()


def test_a_suite_whose_snakemake_was_killed_is_taken_up(project, ends):
    run = read_suite("experiments/again.yaml").runs[0]
    options = ("--default-resources", "slurm_partition=other")
    first = submit("again", *options)
    wait_for(run.directory / "started.txt", first)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert submit("again", *options).wait(240) == 0, Path("again.txt").read_text()
    assert read_attempt(run)["status"] == "ok"
    assert "waiting for process" in run.log.read_text()
    assert len((run.directory / "started.txt").read_text().split()) == 1, "the run was executed twice"


def test_an_interrupted_snakemake_cancels_its_jobs(project, ends):
    process = submit("stopped", "--default-resources", "slurm_partition=other")
    run = read_suite("experiments/stopped.yaml").runs[0]
    wait_for(run.directory / "started.txt", process)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) != 0
    assert read_attempt(run)["status"] == "missing"
    assert "(CANCELLED), see runs/stopped/long/log.txt" in Path("stopped.txt").read_text()


def test_runs_in_one_allocation_share_its_gpus_out(project, ends):
    allocation = ["salloc", "--quiet", "--partition=other", "--ntasks=1", "--cpus-per-task=2", "--gres=gpu:2"]
    snakemake = [SNAKEMAKE, "--cores", "2", "--resources", "gpu=2", "--config", "suite=experiments/allocated.yaml"]
    command = [*allocation, "--mem=3000", "srun", "--cpus-per-task=2", *snakemake]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    runs = read_suite("experiments/allocated.yaml").runs
    assert [read_attempt(run)["status"] for run in runs] == ["ok"] * 3, done.stdout
    check_gpus(runs)


def test_a_run_on_two_nodes(project, ends):
    process = submit("nodes", "--default-resources", "slurm_partition=two")
    run = read_suite("experiments/nodes.yaml").runs[0]
    status = process.wait(240)
    log = run.log.read_text() if run.log.exists() else ""
    assert read_attempt(run)["status"] == "ok", Path("nodes.txt").read_text() + log
    assert status == 0
    again = submit("nodes")
    assert again.wait(60) == 0
    assert Path("nodes.txt").read_text().count("has been submitted") == 1, "what was done has been done again"


def test_every_run_ended_as_it_had_to(project, ends):
    assert ends.wait(240) != 0, "two runs did not run to an end"
    suite = read_suite("experiments/ends.yaml")
    said = Path("ends.txt").read_text()
    status = {run.name: read_attempt(run)["status"] for run in suite.runs}
    beats = {f"beat-number={number}": "ok" for number in (1, 2, 3, 4)}
    expected = beats | {"fails": "failed", "slow": "ok", "cancelled": "missing", "greedy": "missing", "report": "ok"}
    assert status == expected, said
    assert "Suite ends: 6 of 9 runs ok" in said
    assert "fails failed: ValueError: as it must" in said
    assert "cancelled has not run to an end\n      last started by process" in said
    assert ", Slurm job " in said and "(CANCELLED), see runs/ends/cancelled/log.txt and runs/slurm_logs/" in said
    greedy = re.search(r"see runs/ends/greedy/log.txt and (.*)", said)[1]
    assert "memory limit" in Path(greedy).read_text()
    logs = {path.parent.name for path in Path("runs/slurm_logs/rule_run").rglob("*.log")}
    assert logs == {"slow", "cancelled", "greedy", "long"}, "logs of jobs that ended badly or unseen, and no others"
    assert "stopped by SIGTERM" in suite.run("cancelled").log.read_text()


def test_runs_get_what_they_ask_for_and_no_more_at_once_than_fit(project, ends):
    ends.wait(240)
    suite = read_suite("experiments/ends.yaml")
    check_gpus([run for run in suite.runs if run.name.startswith("beat")])

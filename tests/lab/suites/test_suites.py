"""Suite files: what they expand to, and every mistake in them said before anything runs."""

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys

import open_clip
import papermill
import pytest
from conftest import ROOT

from text4vis_core.data.formats.readers import READERS
from text4vis_lab.notebooks import NotebookError, notebook_defaults, notebook_parameters, notebook_settings
from text4vis_lab.published import published_results
from text4vis_lab.suites import (
    SuiteError,
    execute,
    forget_failures,
    hold_lock,
    needs_table,
    read_attempt,
    read_suite,
    summary,
)
from text4vis_lab.suites.inputs import made_of
from text4vis_lab.surroundings import take


def notebook(*cells: str, parameters: str = 'run_dir = "runs/x"  # where to\nlr = 1e-3\nshots = [1]') -> str:
    # A suite reads there which settings may be given; a kernel does without the laboratory.
    opens = 'if False:\n    Lab.open("train", globals(), uses=())'
    sources = [(["parameters"], parameters), *(([], cell) for cell in (opens, *cells))]
    code = {"cell_type": "code", "execution_count": None, "outputs": []}
    return json.dumps(
        {
            "cells": [code | {"metadata": {"tags": tags}, "source": source} for tags, source in sources],
            "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
            "nbformat": 4,
            "nbformat_minor": 4,
        }
    )


@pytest.fixture(autouse=True)
def repository(tmp_path, monkeypatch):
    """A repository with two notebooks; paths of suites are relative to it."""
    monkeypatch.chdir(tmp_path)
    for folder in ("notebooks", "experiments"):
        (tmp_path / folder).mkdir()
    (tmp_path / "notebooks" / "train.ipynb").write_text(notebook())
    (tmp_path / "notebooks" / "report.ipynb").write_text(notebook())
    return tmp_path


def suite(text: str):
    with open("experiments/mine.yaml", "w") as file:
        file.write(text)
    return read_suite("experiments/mine.yaml")


@pytest.mark.slow
def test_a_suite_is_expanded_over_its_grid_in_order():
    mine = suite("""
description: text
runs:
  - name: report
    notebook: report
    after: [few]
  - name: few
    notebook: train
    parameters: {lr: 1e-4}
    grid: {shots: [[1, 4], [16]]}
    resources: {gpu: 1}
""")
    assert mine.name == "mine"
    assert [run.name for run in mine.runs] == ["report", "few-shots=1_4", "few-shots=16"]
    assert mine.runs[0].after == ("few-shots=1_4", "few-shots=16")
    run = mine.run("few-shots=1_4")
    assert run.parameters == {"lr": 1e-4, "shots": [1, 4]}
    assert run.papermill_parameters == run.parameters | {"run_dir": "runs/mine/few-shots=1_4"}
    assert run.executed.as_posix() == "runs/mine/few-shots=1_4/train.ipynb"
    assert (run.resources["gpu"], run.resources["cores"]) == (1, 1)
    with pytest.raises(SuiteError, match=r"no run 'few' \(choices: report, few-shots=1_4"):
        mine.run("few")


ONE = "runs:\n  - {name: a, notebook: train"
MISTAKES = {
    "runs: [": "cannot be read",
    "runs: []\nruns: []": "line 2: the key 'runs' occurs twice; remove one of the two",
    ONE + ",\n parameters: {lr: 1, lr: 2}}": "line 3: the key 'lr' occurs twice",
    ONE + ", parameters: {x: &a [1, *a]}}": "line 2: what stands here refers to itself",
    ONE + ", grid: {lr: " + str([*range(50)]) + ", shots: " + str([*range(50)]) + "}}": "grid: 2,500 runs, more than",
    "runs: []": "runs must be a list of at least one run",
    "- a": "must be a mapping with the keys description, reference, runs",
    "reference: 0\nruns: [{name: a, notebook: train}]": "reference must be true or false",
    "runs: [{name: a, notebook: train}]\nrun: 1": "unknown key 'run'; did you mean 'runs'?",
    "description: [1]\nruns: [{name: a, notebook: train}]": "description must be text",
    "runs: [train]": "run 1: must be a mapping",
    "runs: [{name: a/b, notebook: train}]": "run 1: name must be letters",
    "runs: [{notebook: train}]": "run 1: name must be letters, digits and `_.+-`, not None",
    "runs: [{name: a, notebook: trian}]": r"run 'a': unknown notebook 'trian'; did you mean 'train'\? \(choices",
    ONE + ", parameter: {lr: 1}}": "run 1: unknown key 'parameter'; did you mean 'parameters'",
    ONE + ", parameters: {lrr: 1}}": "'lrr' is not one of notebooks/train.ipynb; did you mean 'lr'",
    ONE + ", grid: {shot: [1]}}": "'shot' is not one of notebooks/train.ipynb; did you mean 'shots'",
    ONE + ", parameters: {run_dir: x}}": "'run_dir' is set by the runner; remove it",
    ONE + ", parameters: [lr]}": "parameters must be a mapping",
    ONE + ", parameters: {lr: 2024-01-01}}": "parameters: .*not JSON serializable; quote the value",
    ONE + ", grid: {lr: 1}}": "grid: lr must be a list of values",
    ONE + ", grid: {lr: []}}": "grid: lr must be a list of values",
    ONE + ", parameters: {lr: 1}, grid: {lr: [1]}}": "lr is in parameters and in grid",
    ONE + ", after: b}": "after must be a list of run names",
    ONE + ", after: [b]}": r"run 'a': after: no run 'b' \(choices: a\)",
    ONE + ", after: [a]}": "runs wait for each other: a -> a",
    ONE + ", resources: {gpus: 1}}": "resources: unknown key 'gpus'; did you mean 'gpu'",
    ONE + ", resources: {cores: 0}}": "resources: cores must be a whole number from 1 up, not 0",
    ONE + ", resources: {nodes: 0}}": "resources: nodes must be a whole number from 1 up, not 0",
    ONE + ", resources: {gpu: true}}": "resources: gpu must be a whole number from 0 up, not True",
    ONE + ", needs: {gpu_hour: 1}}": "needs: unknown key 'gpu_hour'; did you mean 'gpu_hours'",
    ONE + ", needs: {gpu_hours: -1}}": "needs: gpu_hours must be a number from 0 up, not -1",
    ONE + ", needs: {disk_gb: .inf}}": "needs: disk_gb must be a number from 0 up, not inf",
    ONE + ", needs: {disk_gb: true}}": "needs: disk_gb must be a number from 0 up, not True",
    ONE + ", needs: {gpu_hours: 1, disk_gb: 2}}": "needs: also say train_videos, test_videos, gpu_memory_gb",
    ONE + ", needs: 3}": "needs: must be a mapping",
    "runs: [{name: a, notebook: train}, {name: a, notebook: train}]": "two runs are called 'a'",
    "runs: [{name: a, notebook: train, grid: {lr: [1, 1]}}]": "two runs are called 'a-lr=1'",
    "runs: [{name: a, notebook: train, after: [b]}, {name: b, notebook: train, after: [a]}]": "wait for each other",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_said_with_file_and_remedy(text):
    with pytest.raises(SuiteError, match=MISTAKES[text]) as caught:
        suite(text)
    assert str(caught.value).startswith("experiments/mine.yaml: ")


def test_what_runs_need_is_in_a_table_of_the_check():
    mine = suite("""
runs:
  - name: train
    notebook: train
    grid: {lr: [1, 2]}
    needs: {train_videos: 240436, test_videos: 19796, disk_gb: 450, gpu_memory_gb: 12, gpu_hours: 0.2}
  - {name: report, notebook: report}
""")
    assert mine.runs[1].needs["gpu_hours"] == 0.2
    assert mine.runs[2].needs == {}
    title, headings, *rows = needs_table(mine).splitlines()
    assert "estimates" in title
    assert headings.split("  ")[-1] == "GPU hours"
    assert [row.split() for row in rows] == [
        [name, "240,436", "19,796", "450", "12", "0.2"] for name in ("train-lr=1", "train-lr=2")
    ]
    assert len({len(row) for row in [headings, *rows]}) == 1
    assert needs_table(suite("runs: [{name: a, notebook: train}]")) == ""


def test_the_values_of_a_notebooks_parameters(repository):
    assert notebook_defaults(repository / "notebooks" / "train.ipynb") == {
        "run_dir": "runs/x",
        "lr": 1e-3,
        "shots": [1],
    }
    (repository / "notebooks" / "train.ipynb").write_text(notebook(parameters='run_dir = "x"\nlr = 10 ** -3'))
    with pytest.raises(NotebookError, match=r"train\.ipynb: parameter \w+: its value must be plain"):
        notebook_defaults(repository / "notebooks" / "train.ipynb")


def test_a_missing_suite_names_those_there_are():
    suite("runs: [{name: a, notebook: train}]")
    with pytest.raises(SuiteError, match=r"no such suite file; did you mean 'experiments/mine\.yaml'"):
        read_suite("experiments/mini.yaml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("not json", "not a notebook"),
        ("{}", "not a notebook"),
        ('{"cells": []}', r"no cell calls Lab\.open, which checks the settings"),
        (notebook().replace('["parameters"]', "[]"), "no cell is tagged `parameters`"),
        (notebook(parameters="lr = = 1"), "the parameters cell is not Python"),
        (notebook(parameters="lr = 1"), "the parameters cell must have run_dir"),
    ],
)
def test_a_notebook_that_cannot_take_parameters(repository, content, message):
    (repository / "notebooks" / "train.ipynb").write_text(content)
    with pytest.raises(SuiteError, match=rf"notebooks/train\.ipynb: {message}"):
        suite("runs: [{name: a, notebook: train}]")


def test_parameters_are_read_as_python(repository):
    path = repository / "notebooks" / "x.ipynb"
    path.write_text(
        notebook(parameters='run_dir: str = "x"\nroot: str | None = None  # a = b\nlong = [\n    "a = b",\n]')
    )
    assert notebook_parameters(path) == ["run_dir", "root", "long"]


@pytest.fixture
def attempts():
    """A suite of three runs: one was well, one failed, one never ended."""
    mine = suite("runs: [{name: good, notebook: train}, {name: bad, notebook: train}, {name: new, notebook: train}]")
    for run, status, error in ((mine.runs[0], "ok", ""), (mine.runs[1], "failed", "ValueError: no such thing")):
        run.directory.mkdir(parents=True)
        attempt = {"status": status, "error": error, "seconds": 1.5, "notebook": run.executed.as_posix()}
        run.attempt.write_text(json.dumps(attempt | {"made_of": made_of(run)}))
    return mine


def test_the_summary_says_what_failed_why_and_where(attempts):
    text = summary(attempts)
    assert text.startswith("Suite mine: 1 of 3 runs ok")
    assert "bad failed: ValueError: no such thing\n      see runs/mine/bad/train.ipynb" in text
    assert "new has not run to an end" in text


def test_failures_are_forgotten_and_successes_kept(attempts):
    forget_failures(attempts)
    assert [read_attempt(run)["status"] for run in attempts.runs] == ["ok", "missing", "missing"]


def test_one_process_at_a_time():
    mine = suite("runs: [{name: a, notebook: train}]")
    lock = hold_lock(mine)
    other = "from text4vis_lab.suites import *; hold_lock(read_suite('experiments/mine.yaml'))"
    failed = subprocess.run(
        [sys.executable, "-c", other], capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}
    )
    assert f"another process is running this suite (process {os.getpid()} on " in failed.stderr
    os.close(lock)
    assert subprocess.run([sys.executable, "-c", other], env={"PYTHONPATH": str(ROOT)}).returncode == 0


@pytest.mark.slow
def test_execute_records_how_a_notebook_ended(repository):
    (repository / "notebooks" / "train.ipynb").write_text(
        notebook("open(run_dir + '/out.txt', 'w').write(str(lr))", "assert lr < 1, 'lr is too large'")
    )
    mine = suite("runs: [{name: a, notebook: train, grid: {lr: [0.5, 2]}}]")
    good, bad = (execute(run) for run in mine.runs)
    assert (good["status"], good["error"]) == ("ok", "")
    assert (bad["status"], bad["error"]) == ("failed", "AssertionError: lr is too large")
    assert bad["notebook"] == "runs/mine/a-lr=2/train.ipynb"
    for run, attempt, value in zip(mine.runs, (good, bad), ("0.5", "2.0"), strict=True):
        assert read_attempt(run) == attempt
        assert (run.directory / "out.txt").read_text() == value
        assert "AssertionError" in run.executed.read_text() or attempt is good


def command_line(*arguments: str, **options) -> subprocess.Popen:
    command = [sys.executable, "-m", "text4vis_lab.suites", *arguments]
    return subprocess.Popen(command, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}, **options)


def test_a_run_that_another_process_executes_is_waited_for():
    run = suite("runs: [{name: a, notebook: train}]").runs[0]
    lock = take(run.lock)
    process = command_line("execute", "experiments/mine.yaml", "a", stdout=subprocess.PIPE)
    assert process.stdout.readline() == "a: started (runs/mine/a/log.txt)\n"
    said = process.stdout.readline()
    assert said.startswith(f"a: waiting for process {os.getpid()} on ")
    run.attempt.write_text(json.dumps({"run": "a", "status": "ok", "error": "", "notebook": "", "seconds": 77}))
    os.close(lock)
    assert process.communicate(timeout=60)[0] == "a: ok after 77 s\n"
    assert not run.executed.exists(), "it has been executed again"


def test_a_file_system_without_locks_is_warned_of(monkeypatch, capsys, tmp_path):
    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    os.close(take(tmp_path / "lock"))
    assert "lock cannot be locked (No locks available)" in capsys.readouterr().err


def test_who_reads_only_the_beginning_gets_no_traceback():
    suite("runs: [{name: a, notebook: train}]")
    reading, writing = os.pipe()
    os.close(reading)
    process = command_line("check", "experiments/mine.yaml", stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == 128 + signal.SIGPIPE


@pytest.mark.parametrize("times", [1, 3])
def test_a_kernel_that_does_not_start_is_started_again(repository, monkeypatch, times):
    """As where another one took its port between its choice and its start."""
    plain, starts = papermill.execute_notebook, []

    def execute_notebook(*arguments, **options):
        starts.append(1)
        if len(starts) <= times:
            raise RuntimeError("Kernel died before replying to kernel_info")
        return plain(*arguments, **options)

    monkeypatch.setattr(papermill, "execute_notebook", execute_notebook)
    attempt = execute(suite("runs: [{name: a, notebook: train}]").runs[0])
    assert (attempt["status"], len(starts)) == (("ok", 2) if times == 1 else ("failed", 3))


@pytest.mark.slow
def test_a_kernel_that_is_killed_is_a_failure_with_a_hint(repository):
    (repository / "notebooks" / "train.ipynb").write_text(notebook("import os\nos.kill(os.getpid(), 9)"))
    attempt = execute(suite("runs: [{name: a, notebook: train, resources: {mem_mb: 123}}]").runs[0])
    assert attempt["status"] == "failed"
    assert "for want of memory; the run asks for mem_mb: 123" in attempt["error"]


def program(repository, name: str, text: str, monkeypatch) -> None:
    """A command that the cluster would have."""
    path = repository / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")


def test_the_summary_asks_slurm_what_became_of_a_job(repository, monkeypatch):
    run = suite("runs: [{name: a, notebook: train}]").runs[0]
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    os.close(take(run.lock))
    run.log.write_text("")
    slurm = repository / "runs" / "slurm_logs" / "rule_run" / "a"
    slurm.mkdir(parents=True)
    (slurm / "17.log").touch()
    program(repository, "sacct", "echo no accounting >&2; exit 1", monkeypatch)
    program(repository, "squeue", 'case "$*" in *--jobs=17*) echo TIMEOUT;; esac', monkeypatch)
    text = summary(read_suite("experiments/mine.yaml"))
    assert ", Slurm job 17 (TIMEOUT), see runs/mine/a/log.txt and runs/slurm_logs/rule_run/a/17.log" in text


def test_the_other_nodes_of_a_job_take_part(repository, monkeypatch):
    wait = "import pathlib, time\nwhile not pathlib.Path('joined').exists():\n    time.sleep(0.01)"
    (repository / "notebooks" / "train.ipynb").write_text(notebook(wait))
    program(repository, "srun", 'echo "$@" > joining && mv joining joined && exec sleep 600', monkeypatch)
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setenv("SLURM_NNODES", "1")  # of the step that this process is in
    run = suite("runs: [{name: a, notebook: train, resources: {nodes: 3, cores: 2}}]").runs[0]
    assert execute(run)["status"] == "ok"
    said = (repository / "joined").read_text()
    assert said.startswith("--jobid=17 --overlap --relative=1 --nodes=2 --ntasks=2 --cpus-per-task=2 ")
    assert said.endswith("-m text4vis_lab.processes join runs/mine/a\n")


def test_without_slurm_the_log_says_how_other_machines_take_part(monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    run = suite("runs: [{name: a, notebook: train, resources: {nodes: 2}}]").runs[0]
    assert execute(run)["status"] == "ok"
    assert "on each of the others say: " in run.log.read_text()
    assert "-m text4vis_lab.processes join runs/mine/a" in run.log.read_text()


PAPER = ("kinetics400", "zero_shot", "few_shot", "transfer")


def test_the_book_lists_the_papers_runs_as_they_are(monkeypatch):
    monkeypatch.chdir(ROOT)
    published = {row["id"]: row for row in published_results("data/published_results.csv")}
    expected = []
    for name in PAPER:
        for run in read_suite(f"experiments/{name}.yaml").runs[:-1]:
            p = notebook_settings(run.source) | run.parameters
            number = published.get(p["published"])
            needs = {key: f"{value:,.15g}" for key, value in run.needs.items()}
            cells = [name, run.name, f"{number['metric']} {number['value']}" if number else "–"]
            cells += [f"{p['num_frames']}x{p['crops']}x{p['clips']}"]
            cells += [f"{needs['train_videos']} + {needs['test_videos']}"]
            cells += [needs[key] for key in ("disk_gb", "gpu_memory_gb", "gpu_hours")]
            expected.append(f"| {' | '.join(cells)} |")
    page = (ROOT / "book" / "howto" / "paper_scale.md").read_text()
    assert [line for line in page.splitlines() if line.startswith(tuple(f"| {name} |" for name in PAPER))] == expected


def test_a_published_number_that_is_not_in_the_list(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    path = tmp_path / "mine.yaml"
    path.write_text("runs: [{name: a, notebook: 08_supervised, grid: {published: ['', bike-charades, nope]}}]")
    message = r"mine\.yaml: run 'a-published=nope': parameter published: unknown 'nope'; choose from: k400-vitb32-f8"
    with pytest.raises(SuiteError, match=message):
        read_suite(path)


@pytest.mark.parametrize("name", PAPER)
def test_a_run_gets_through_many_epochs_before_its_limit(monkeypatch, name):
    """Clusters rarely give more than a week; a run that takes longer is started again and goes on after an epoch."""
    monkeypatch.chdir(ROOT)
    for run in read_suite(f"experiments/{name}.yaml").runs[:-1]:
        p = notebook_settings(run.source) | run.parameters
        epochs = (p.get("epochs") or 1) * len(p.get("shots") or p["folds"])
        week, minutes = 7 * 24 * 60, 60 * run.needs["gpu_hours"]
        assert 2 * minutes / epochs <= run.resources["minutes"] <= week
        assert run.resources["minutes"] >= min(2 * minutes, week)


@pytest.mark.parametrize("name", ["smoke", "miniature", "machine", *PAPER])
def test_the_projects_own_suites_are_right(monkeypatch, name):
    monkeypatch.chdir(ROOT)
    mine = read_suite(f"experiments/{name}.yaml")
    assert mine.description
    [results] = [run for run in mine.runs if run.notebook == "06_results"]
    assert {*results.after} >= {run.name for run in mine.runs if run.needs}


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_suites_have_the_published_configuration(monkeypatch, name):
    monkeypatch.chdir(ROOT)
    published = {row["id"]: row for row in published_results("data/published_results.csv")}
    for run in read_suite(f"experiments/{name}.yaml").runs[:-1]:
        p = notebook_settings(run.source) | run.parameters
        assert run.needs
        assert p["dataset"] in READERS
        assert open_clip.get_model_config(p["model"])["quick_gelu"]
        assert p["pretrained"] in open_clip.list_pretrained_tags_by_model(p["model"])
        size = open_clip.get_model_config(p["model"])["vision_cfg"]["image_size"]
        assert (p["names"], p["resize"]) == ("published", 256 if size == 224 else size)
        if p.get("epochs"):
            assert p["batch_size"] % p["accumulate"] == 0
            recipe = ("batch_size", "lr", "clip_lr_ratio", "warmup_epochs", "weight_decay", "grad_clip", "min_frames")
            assert [p[key] for key in recipe] == [256, 5e-5, 0.1, 5, 0.2, 0, 8]
            assert (p["augmentation"], p["epochs"]) == ("published", 20 if p["dataset"] == "charades" else 30)
        number = published.get(p["published"])
        if number is None:
            assert p["published"] == ""
        elif "BIKE" not in number["model"]:
            assert number["model"].removeprefix("CLIP ").replace("/", "-") == p["model"].removesuffix("-quickgelu")
            assert (number["frames"], number["resolution"]) == (str(p["num_frames"]), str(size))
            assert number["views"] == f"{p['crops']}x{p['clips']}"


def test_an_error_that_names_a_hostile_file_is_shown_as_it_prints():
    process = command_line("check", "experiments/\x1b]0;evil\x07.yaml", stderr=subprocess.PIPE)
    assert r"error: experiments/\x1b]0;evil\x07.yaml: no such suite file" in process.communicate()[1]

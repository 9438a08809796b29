"""Whether what lies in a run's folder is what its suite ran, in the book, in the claims, and when the suite is run."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import papermill
import pytest
from conftest import ROOT
from test_suites import notebook, repository, suite  # noqa: F401 - a fixture

from text4vis_lab import provenance
from text4vis_lab.book import collecting
from text4vis_lab.claims import claims
from text4vis_lab.cli.running import main as text4vis
from text4vis_lab.records import RECORDS, RunRecord, read_record, read_records
from text4vis_lab.suites import SuiteError, counted, disagreement, execute, forget_failures, read_attempt, summary
from text4vis_lab.suites.attempts import write_attempt
from text4vis_lab.suites.inputs import made_of

RECORDING = f"""
import sys
import sysconfig
sys.path.insert(0, {str(ROOT)!r})
from text4vis_lab.records import RunRecord
print(RunRecord("train", run_dir, {{"lr": lr}}).save())
"""


def left(run, **parameters) -> Path:
    """What a run that ended well leaves, its notebook as papermill writes it; the record's path."""
    run.directory.mkdir(parents=True, exist_ok=True)
    path = RunRecord(run.notebook, run.directory, parameters).save()
    executed(run, duration=time.perf_counter())
    return path


def executed(run, **changed) -> None:
    """The notebook as papermill leaves it."""
    made = read_record(run.directory / "result.json")["provenance"]
    about = {"parameters": run.papermill_parameters, "start_time": made["started"], "end_time": made["finished"]}
    content = json.loads(notebook("x"))
    content["metadata"]["papermill"] = about | {"exception": None} | changed
    run.executed.write_text(json.dumps(content))


@pytest.fixture
def run(repository):  # noqa: F811
    """A run that ended well."""
    mine = suite("runs: [{name: a, notebook: train, parameters: {lr: 0.5}}]").runs[0]
    left(mine)
    write_attempt(mine, status="ok", error="", seconds=1.5, made_of=made_of(mine))
    return mine


def record_of(run) -> dict:
    return read_record(run.directory / "result.json")


def again(run, text="runs: [{name: a, notebook: train, parameters: {lr: 0.5}}]"):
    """The suite, read anew."""
    return suite(text)


def refusals(run) -> list[str]:
    """Why the record does not count, by both ways, which must agree."""
    refused, others = [], []
    assert len(counted([record_of(run)], refused)) == 1 - len(refused)
    claims([record_of(run)], others)
    assert refused == others
    if refused:
        with pytest.raises(ValueError, match="does not count"):
            claims([record_of(run)])
    return refused


def test_what_a_run_has_left_counts_and_is_not_executed_again(run):
    assert (disagreement(run), refusals(run)) == ("", [])
    forget_failures(again(run))
    assert read_attempt(run)["status"] == "ok"
    assert read_attempt(run)["parameters"] == {"lr": 0.5}


def by_hand_in_its_folder(run):
    RunRecord(run.notebook, run.directory, {"lr": 7}).save()  # as Python or JupyterLab does


def by_papermill_with_other_parameters(run):
    left(run)
    executed(run, parameters=run.papermill_parameters | {"lr": 7})


def by_papermill_in_vain(run):
    left(run)
    executed(run, exception=True)


def an_edited_notebook(run):
    run.executed.write_text(run.executed.read_text().replace("x", "y"))


def a_lost_notebook(run):
    run.executed.unlink()


def a_lost_record(run):
    (run.directory / "result.json").unlink()


@pytest.mark.parametrize(
    "change",
    [
        by_hand_in_its_folder,
        by_papermill_with_other_parameters,
        by_papermill_in_vain,
        an_edited_notebook,
        a_lost_notebook,
        a_lost_record,
    ],
)
def test_what_was_changed_since_is_refused_and_executed_again(run, change, capsys, monkeypatch):
    monkeypatch.setattr(provenance, "now", lambda: "2031-01-01T00:00:00+00:00")
    change(run)
    why = disagreement(run)
    assert why.endswith(f" in {run.directory} changed after the run had ended: they may disagree")
    assert ("train.ipynb" in why, "result.json" in why) == {
        by_hand_in_its_folder: (False, True),
        an_edited_notebook: (True, False),
        a_lost_notebook: (True, False),
        a_lost_record: (False, True),
    }.get(change, (True, True))
    if change is not a_lost_record:
        assert refusals(run) == [f"{run.directory}/result.json does not count: {why}; run it again"]
    mine = again(run)
    assert f"a does not count: {why}\n      run the suite again" in summary(mine)
    forget_failures(mine, only_tell=True)  # as a dry run does
    assert capsys.readouterr().out == f"a is executed again: {why}\n"
    assert read_attempt(run)["status"] == "ok"
    forget_failures(mine)
    assert capsys.readouterr().out == f"a is executed again: {why}\n"
    assert read_attempt(run)["status"] == "missing"


def test_what_papermill_executed_again_as_the_suite_does_is_as_good(run):
    left(run, lr=0.5, again=True)
    assert (disagreement(run), refusals(run)) == ("", [])


def test_other_parameters_in_the_suite_than_it_ran_with_are_told(run):
    mine = again(run, "runs: [{name: a, notebook: train, parameters: {lr: 0.25}}]")
    why = "the suite gives a other parameters now than it ran with"
    assert disagreement(mine.runs[0]) == why
    assert refusals(run) == [f"{run.directory}/result.json does not count: {why}; run it again"]


def test_code_that_changed_while_it_ran_is_told(run, tmp_path):
    path = run.directory / "result.json"
    changed = {"changed_while_running": ["text4vis_lab/rows.py", "torch"]}
    RECORDS.write(path, RECORDS.load(path) | {"provenance": record_of(run)["provenance"] | changed})
    write_attempt(run, status="ok", error="", seconds=1.5)
    why = "text4vis_lab/rows.py, torch changed while a ran"
    assert disagreement(run) == why
    assert refusals(run) == [f"{path} does not count: {why}; run it again"]
    copied = tmp_path / "elsewhere" / "result.json"  # of no suite
    copied.parent.mkdir()
    shutil.copy(path, copied)
    assert "does not count" in claims_refused(copied)


def claims_refused(path) -> str:
    refused: list[str] = []
    claims([read_record(path)], refused)
    return " ".join(refused)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_run_that_its_suite_has_no_more_does_not_count(run, repository, elsewhere):  # noqa: F811
    text = "runs: [{name: b, notebook: train}]"
    again(run, text)
    file = "experiments/mine.yaml"
    if elsewhere:  # a suite of one's own, where it was started from
        shutil.move(file, repository / "mine.yaml")
        file = str(repository / "mine.yaml")
        (run.directory.parent / "started.json").write_text(json.dumps({"time": 1.0, "path": file}))
    told = f"{file} has no run 'a'; delete {run.directory}, or put it back"
    assert refusals(run) == [f"{run.directory}/result.json does not count: {told}"]


def test_a_record_of_no_suite_counts(run, repository):  # noqa: F811
    path = RunRecord("train", repository / "runs" / "interactive" / "train", {}).save()
    refused: list[str] = []
    assert [record["run"] for record in counted(read_records("runs"), refused)] == ["train", "a"]
    assert (claims_refused(path), refused) == ("", [])


def test_a_run_that_failed_after_its_record_was_written_does_not_count(run):
    write_attempt(run, status="failed", error="ValueError: x", seconds=1.5)
    told = "the run failed after it was written; run it again"
    assert refusals(run) == [f"{run.directory}/result.json does not count: {told}"]


def test_a_suite_that_cannot_be_read_is_told(run):
    Path("experiments/mine.yaml").write_text("runs: [")
    assert refusals(run)[0].startswith(f"{run.directory}/result.json does not count: experiments/mine.yaml: cannot be")


def test_the_book_has_a_page_that_says_what_disagrees(run, repository, monkeypatch):  # noqa: F811
    for folder in ("book", "data"):
        (repository / folder).symlink_to(ROOT / folder)
    monkeypatch.setattr(collecting, "BENCH", Path("none.yaml"))
    mine = again(run, "reference: false\nruns: [{name: a, notebook: train, parameters: {lr: 0.5}}]")
    assert "runs/a.ipynb" in collecting.collect(mine)
    by_hand_in_its_folder(run)
    pages = collecting.collect(mine)
    page = pages["runs/a.md"].decode()
    assert "runs/a.ipynb" not in pages and "runs/a.result.json" not in pages
    assert "It does not count:" in page and disagreement(run) in page
    assert "](runs/a.md)" in pages["index.md"].decode()


@pytest.mark.slow
def test_what_a_suite_ran_agrees_and_its_executed_notebook_run_again_does_not(repository):  # noqa: F811
    """By the ways in which people do it: the suite, papermill with the suite's parameters, and papermill in place."""
    Path("notebooks/train.ipynb").write_text(notebook(RECORDING))
    run = suite("runs: [{name: a, notebook: train, parameters: {lr: 0.5}}]").runs[0]
    assert (execute(run)["error"], disagreement(run)) == ("", "")
    call = [sys.executable, "-m", "papermill"]
    command = [*call, str(run.source), str(run.executed), "-r", "run_dir", str(run.directory), "-p", "lr", "0.5"]
    subprocess.run(command, check=True, capture_output=True)
    assert disagreement(run) == ""
    again = [*call, str(run.executed), "out.ipynb", "-r", "run_dir", str(run.directory), "-p", "lr", "3"]
    subprocess.run(again, check=True, capture_output=True)
    assert disagreement(run).startswith("train.ipynb and result.json in runs/mine/a changed after the run had ended")


def test_a_log_on_a_full_disk_ends_no_run(repository, capsys):  # noqa: F811
    run = suite("runs: [{name: a, notebook: train}]").runs[0]
    Path("notebooks/train.ipynb").write_text(notebook("import sys\nprint('much\\n' * 9999, file=sys.stderr)"))
    run.directory.mkdir(parents=True)
    run.log.symlink_to("/dev/full")
    attempt = execute(run)
    assert (attempt["status"], attempt["error"]) == ("ok", "")
    assert read_attempt(run) == attempt
    assert "a: runs/mine/a/log.txt is not whole: [Errno 28] No space left on device" in capsys.readouterr().out


def test_a_log_that_cannot_be_begun_says_so(repository):  # noqa: F811
    run = suite("runs: [{name: a, notebook: train}]").runs[0]
    run.log.mkdir(parents=True)
    with pytest.raises(SuiteError, match=r"runs/mine/a/log\.txt cannot be written to .*; nothing was run: see to it"):
        execute(run)


def test_a_disk_that_is_full_when_a_run_ends_has_room_for_how_it_ended(repository, monkeypatch):  # noqa: F811
    run, room = suite("runs: [{name: a, notebook: train}]").runs[0], []

    def fill(*_, **options):
        room.append((run.directory / ".room").stat().st_size)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(papermill, "execute_notebook", fill)
    attempt = execute(run)
    assert (attempt["status"], room) == ("failed", [1 << 16])
    assert read_attempt(run)["error"] == "OSError: [Errno 28] No space left on device"
    assert not (run.directory / ".room").exists()


def test_a_disk_that_is_full_before_a_run_says_so(repository, monkeypatch):  # noqa: F811
    run = suite("runs: [{name: a, notebook: train}]").runs[0]
    write = Path.write_bytes

    def full(path, content):
        if path.name == ".room":
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    needed = r"65536 bytes are needed to say how a run ended, \d+ are free; nothing was run: see to it, and start again"
    with pytest.raises(SuiteError, match=rf"runs/mine/a cannot be written to \(No space left on device\): {needed}"):
        execute(run)
    assert [path.name for path in run.directory.iterdir()] == [".lock"]


@pytest.fixture
def parts(repository):  # noqa: F811
    """Files that a run is made of, or not; the run, which ended well."""
    files = ["text4vis_core/model.py", "text4vis_lab/suites/page.py", "data/numbers.csv", "data/descriptions/x.json"]
    files += [
        "mine.csv",
        "models/a/model.json",
        "models/a/w.safetensors",
        "data/videos/a.mp4",
        "runs/other/recipes.yaml",
    ]
    files += ["data/mine/lists/train.txt", "data/mine/lists/test.txt"]
    for name in files:
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text("old")
    taking = notebook(parameters='run_dir = "runs/x"\nfiles = ["x"]  # that it reads\ndata_root = train_list = ""')
    (repository / "notebooks" / "train.ipynb").write_text(taking)
    given = "[mine.csv, models/a, data/videos, runs/other/recipes.yaml]"
    data = "data_root: data/mine, train_list: lists/train.txt"
    mine = suite(f"runs: [{{name: a, notebook: train, parameters: {{files: {given}, {data}}}}}]")
    left(mine.runs[0])
    write_attempt(mine.runs[0], status="ok", error="", seconds=1.5, made_of=made_of(mine.runs[0]))
    return mine


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("notebooks/train.ipynb", True),
        ("text4vis_core/model.py", True),
        ("text4vis_core/new.py", True),
        ("data/numbers.csv", True),
        ("data/descriptions/x.json", True),
        ("mine.csv", True),
        ("models/a/model.json", True),
        ("models/a/w.safetensors", True),
        ("data/mine/lists/train.txt", True),
        ("data/mine/lists/test.txt", False),
        ("text4vis_lab/suites/page.py", False),
        ("data/videos/a.mp4", False),
        ("runs/other/recipes.yaml", False),
        ("notebooks/report.ipynb", False),
    ],
)
def test_other_content_with_an_old_time_is_noticed_and_another_time_is_not(parts, capsys, name, counts):
    for path in Path().rglob("*.*"):
        os.utime(path)
    forget_failures(parts)
    assert read_attempt(parts.runs[0])["status"] == "ok"
    Path(name).write_text("new" if "notebooks" not in name else notebook("1 + 1"))
    os.utime(name, (1, 1))
    forget_failures(parts)
    assert read_attempt(parts.runs[0])["status"] == ("missing" if counts else "ok")
    told = f"a is executed again: {name} changed since\n"
    assert capsys.readouterr().out == told * counts


@pytest.mark.slow
def test_snakemake_executes_again_what_has_other_content_and_nothing_for_another_time(repository):  # noqa: F811
    shutil.copy(ROOT / "Snakefile", "Snakefile")
    write = f"import pathlib\nwith open({str(repository / 'said')!r}, 'a') as file:\n    file.write(run_dir)"
    for name in ("train", "report"):
        Path(f"notebooks/{name}.ipynb").write_text(notebook(write))
    suite("runs: [{name: a, notebook: train}, {name: b, notebook: report, after: [a]}]")
    program = str(Path(sysconfig.get_path("scripts"), "snakemake"))
    command = [program, "--cores", "1", "--resources", "gpu=0", "--config", "suite=experiments/mine.yaml"]

    def said() -> str:
        Path("said").write_text("")
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return Path("said").read_text()

    assert said() == "runs/mine/aruns/mine/b"
    for path in Path("notebooks").iterdir():
        os.utime(path)
    assert said() == ""
    Path("notebooks/report.ipynb").write_text(notebook(write, "1 + 1"))
    os.utime("notebooks/report.ipynb", (1, 1))
    assert said() == "runs/mine/b"


def test_the_command_about_runs_marks_what_does_not_count(run, capsys):
    again(run, "runs: [{name: b, notebook: train}]")
    with pytest.raises(SystemExit) as ended:
        text4vis(["runs", "runs"])
    said = capsys.readouterr()
    assert ended.value.code == 0 and said.out.startswith("runs/mine/a   train, ")
    assert "runs/mine/a/result.json does not count: experiments/mine.yaml has no run 'a'" in said.err

"""What a run finds around it: whatever a shell or a home holds, whoever else uses the machine, however a start ends."""

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import papermill
import pytest
from conftest import ROOT

from text4vis_lab import Lab, surroundings
from text4vis_lab.records import RunRecord
from text4vis_lab.sources import Clips
from text4vis_lab.suites import SuiteError, _gpus, execute, read_suite
from text4vis_lab.surroundings import (
    cache_folder,
    clear_up,
    compiled_folder,
    leave,
    of_a_command,
    of_a_run,
    own_folder,
    take,
    temporary_folder,
)

HOLDS = """
import os, pathlib, sys
from text4vis_lab.surroundings import write_to
write_to(pathlib.Path(sys.argv[1]))
if os.fork() == 0:  # as the workers of a loader, which outlive a process that is killed
    sys.stdin.read()
print("holds", flush=True)
sys.stdin.read()
"""
LOOKS = """
import json, os, sys, tempfile
import matplotlib, matplotlib.pyplot as plt
from IPython import get_ipython
import text4vis_lab.figures.style as style
style.use_style()
found = {"python": sys.executable, "ipython": get_ipython().ipython_dir, "startup": globals().get("planted", "")}
found |= {"margin": plt.rcParams["axes.xmargin"], "map": plt.rcParams["image.cmap"], "temporary": tempfile.gettempdir()}
print(json.dumps(found))
plt.plot([1, 2]);
"""

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """A shell and a home that would change a run: another kernel, another look, windows, what is executed first."""
    home = tmp_path / "home"
    kernel = {"argv": ["/bin/false"], "display_name": "foreign", "language": "python"}
    files = {
        "jupyter/kernels/python3/kernel.json": json.dumps(kernel),
        ".local/share/jupyter/kernels/python3/kernel.json": json.dumps(kernel),
        "ipython/profile_default/startup/00.py": "planted = 'startup of IPython'",
        "ipython/profile_default/ipython_config.py": "c.InlineBackend.figure_formats = ['svg']",
        "ipython/profile_default/ipython_kernel_config.py": "c.InlineBackend.figure_formats = ['svg']",
        "startup.py": "planted = 'PYTHONSTARTUP'",
        "matplotlibrc": "axes.xmargin: 0.4\nimage.cmap: gray\n",
    }
    for name, text in files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    for name, value in {
        "HOME": home,
        "JUPYTER_PATH": home / "jupyter",
        "IPYTHONDIR": home / "ipython",
        "PYTHONSTARTUP": home / "startup.py",
        "MATPLOTLIBRC": home / "matplotlibrc",
        "MPLBACKEND": "TkAgg",
    }.items():
        monkeypatch.setenv(name, str(value))
    return home


@pytest.fixture
def suite(tmp_path, monkeypatch):
    """A suite of one notebook, which says what it finds and draws a line."""
    monkeypatch.chdir(tmp_path)
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": KERNEL})
    opens = 'if False:\n    Lab.open("look", globals(), uses=())'
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in ('run_dir = ""', opens, LOOKS)]
    notebook.cells[0].metadata["tags"] = ["parameters"]
    for folder in ("notebooks", "experiments"):
        (tmp_path / folder).mkdir()
    nbformat.write(notebook, tmp_path / "notebooks" / "look.ipynb")
    (tmp_path / "experiments" / "mine.yaml").write_text("runs: [{name: a, notebook: look}]")
    return read_suite("experiments/mine.yaml")


def seen(run) -> tuple[dict, set[str]]:
    """What the suite's notebook found, and in which forms its picture is there."""
    outputs = nbformat.read(run.executed, 4).cells[-1].outputs
    [told] = [output.text for output in outputs if output.output_type == "stream" and output.name == "stdout"]
    return json.loads(told), {form for each in outputs if "data" in each for form in each.data}


@pytest.mark.slow
def test_a_suites_run_sees_nothing_of_the_shell_and_the_home(suite, shell, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    before = dict(os.environ)
    attempt = execute(suite.runs[0])
    assert attempt["status"] == "ok", attempt["error"]
    assert dict(os.environ) == before
    found, forms = seen(suite.runs[0])
    assert (found["python"], found["startup"], found["margin"], found["map"]) == (sys.executable, "", 0.05, "rocket")
    assert not Path(found["ipython"]).is_relative_to(shell)
    assert forms == {"image/png", "text/plain"}
    assert not Path(found["temporary"]).exists()


@pytest.mark.slow
def test_a_suite_runs_without_a_home_to_write_to(suite, monkeypatch, tmp_path):
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, "/dev/null/nowhere")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    attempt = execute(suite.runs[0])
    assert attempt["status"] == "ok", attempt["error"]
    assert "image/png" in seen(suite.runs[0])[1]


def test_the_kernel_of_a_suites_run_is_of_no_folder(suite, shell, monkeypatch):
    """Nor of the environment's own, where somebody may have installed another under this name."""
    asked = {}
    monkeypatch.setattr(papermill, "execute_notebook", lambda *_, **options: asked.update(options))
    assert execute(suite.runs[0])["status"] == "ok"
    assert asked["kernel_manager_class"](kernel_name=asked["kernel_name"]).kernel_spec.argv[0] == sys.executable


def test_a_style_is_the_projects_whatever_was_set_before(shell):
    look = "import matplotlib; from text4vis_lab.figures.style import use_style; use_style(); "
    look += "print(matplotlib.rcParams['axes.xmargin'], matplotlib.rcParams['image.cmap'])"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"}
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split() == ["0.05", "rocket"]


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["agg", "TkAgg"])
def test_a_notebook_of_its_own_shows_its_figures_whatever_window_the_shell_names(suite, tmp_path, monkeypatch, backend):
    monkeypatch.setenv("MPLBACKEND", backend)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    command = [sys.executable, "-m", "papermill", suite.runs[0].source, "out.ipynb", "--no-progress-bar"]
    subprocess.run(command, check=True, capture_output=True)
    outputs = nbformat.read("out.ipynb", 4).cells[-1].outputs
    assert any("image/png" in each.get("data", {}) for each in outputs)


def test_temporary_files_of_a_run_are_gone_when_it_is_stopped(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    with of_a_run(1):
        left = Path(os.environ["TMPDIR"], "left")
        left.touch()
        clear_up()
        assert not left.parent.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["caches"]


def test_a_folder_of_ones_own_is_nobody_elses(tmp_path):
    assert stat.S_IMODE(own_folder(tmp_path / "new").stat().st_mode) == 0o700
    (tmp_path / "open").mkdir(mode=0o755)
    assert stat.S_IMODE(own_folder(tmp_path / "open").stat().st_mode) == 0o700


def planted_link(path: Path) -> None:
    path.symlink_to(path.parent)


def planted_file(path: Path) -> None:
    path.touch()


def planted_open(path: Path) -> None:
    path.mkdir()
    path.chmod(0o777)


def planted_by_another(path: Path) -> None:
    path.mkdir()
    os.chown(path, 4711, -1)


@pytest.mark.parametrize(
    ("plant", "reason"),
    [
        (planted_link, "it is a link"),
        (planted_file, "it is no folder"),
        (planted_open, r"others can write to it \(mode 0777\)"),
        pytest.param(
            planted_by_another,
            r"it belongs to another user \(number 4711\)",
            marks=pytest.mark.skipif(os.getuid() != 0, reason="only root gives folders away"),
        ),
    ],
)
def test_a_folder_that_another_has_put_there_is_refused(tmp_path, monkeypatch, plant, reason):
    path = tmp_path / "mine"
    plant(path)
    with pytest.raises(PermissionError, match=f"{path} is not this user's own: {reason}; remove it"):
        own_folder(path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "a")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.setattr(_gpus, "_listed", dict)
    with pytest.raises(SuiteError, match=f"locks of GPUs: {path} is not this user's own"), _gpus.own(1, folder=path):
        pass
    assert not (tmp_path / "choosing").exists()


def test_caches_go_elsewhere_only_with_a_word(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine" / "text4vis-lab"
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/nowhere")
    folder = tmp_path / f"text4vis-caches-{os.getuid()}"
    assert cache_folder() == folder
    said = f"warning: /dev/null/nowhere/text4vis-lab cannot be written to (Not a directory); caches go to {folder}\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("home", ["mine", "/dev/null/nowhere"])
def test_a_command_has_folders_to_write_to_and_weights_where_they_were(monkeypatch, tmp_path, home):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / home))
    for name in ("HF_HOME", "TORCH_HOME", "IPYTHONDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JUPYTER_PATH", "/foreign")
    found = of_a_command()
    assert "JUPYTER_PATH" not in found
    if home == "mine":
        assert found["XDG_CACHE_HOME"] == str(tmp_path / home)
        assert "HF_HOME" not in found
    else:
        assert found["HF_HOME"] == "/dev/null/nowhere/huggingface"
        for name in ("XDG_CACHE_HOME", "IPYTHONDIR", "JUPYTER_DATA_DIR"):
            assert Path(found[name]).is_relative_to(tmp_path / f"text4vis-caches-{os.getuid()}")


@pytest.mark.slow
def test_snakemake_starts_without_a_home_to_write_to(tmp_path):
    names = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
    environment = os.environ | dict.fromkeys(names, "/dev/null/nowhere") | {"TMPDIR": str(tmp_path)}
    bin_folder = Path(sys.executable).parent
    command = [sys.executable, "-m", "text4vis_lab.surroundings", bin_folder / "snakemake", "--dry-run", "--cores", "1"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "caches go to" in done.stderr


def test_what_is_compiled_lies_where_nobody_else_can_put_it(monkeypatch, tmp_path):
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
    folder = Path(compiled_folder(tmp_path))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    folder.chmod(0o777)
    with pytest.raises(PermissionError, match="others can write to it"):
        compiled_folder(tmp_path)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "/chosen")
    assert compiled_folder(tmp_path) == "/chosen"


def test_temporary_files_within_a_run_are_the_runs(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with temporary_folder() as outer:
        assert Path(outer).parent == tmp_path
        monkeypatch.setattr(tempfile, "tempdir", outer)
        with temporary_folder() as inner:
            assert inner == outer
        assert Path(outer).exists()
    assert not Path(outer).exists()


def test_a_lock_follows_no_link(tmp_path):
    target = tmp_path / "target"
    target.write_text("precious")
    (tmp_path / "lock").symlink_to(target)
    with pytest.raises(PermissionError, match="lock is a link, which no lock is; remove it"):
        take(tmp_path / "lock")
    assert target.read_text() == "precious"


def test_a_folder_that_cannot_be_locked_is_said(tmp_path):
    (tmp_path / surroundings.WRITER).mkdir()
    message = (
        rf"^run_dir {tmp_path} cannot be locked: Is a directory; remove \.writer in it, or choose another run_dir$"
    )
    with pytest.raises(RuntimeError, match=message):
        RunRecord("x", tmp_path, {})


def test_two_do_not_write_to_one_folder(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", HOLDS, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, env=environment, **pipes) as other:
        assert other.stdout.readline() == "holds\n"
        with pytest.raises(
            RuntimeError, match=rf"run_dir {tmp_path}: process {other.pid} on .+ writes to it already; "
        ):
            RunRecord("x", tmp_path, {})
        other.send_signal(signal.SIGKILL)
        other.wait()
        RunRecord("x", tmp_path, {})  # though what it forked still lives
        other.stdin.close()
    assert take(tmp_path / surroundings.WRITER) is None
    leave(tmp_path)


def test_one_process_writes_to_a_folder_again_and_leaves_it_with_its_record(tmp_path):
    for _ in range(2):
        record = RunRecord("x", tmp_path, {})
    record.save()
    os.close(take(tmp_path / surroundings.WRITER))
    with pytest.raises(KeyError):  # it has no settings
        Lab(record, {}, {}, Clips()).run([])
    assert take(tmp_path / surroundings.WRITER) is None
    record.save()
    record.add_cell("x", [])
    assert take(tmp_path / surroundings.WRITER) is None
    leave(tmp_path)
    leave(tmp_path)

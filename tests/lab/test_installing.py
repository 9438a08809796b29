"""The installation's one line: how far pip is, from what pip says; and what it said where it fails."""

import io
import subprocess
import sys

from conftest import ROOT

from text4vis_lab.installing import Progress, run

PIP = """Obtaining file:///work/text4vis-lab
  Preparing metadata (pyproject.toml): started
Collecting torch>=2.6 (from text4vis-lab==0.1.0)
  Downloading torch-2.14.1-cp311-cp311-manylinux_2_28_x86_64.whl.metadata (31 kB)
Collecting numpy (from torchvision>=0.21->text4vis-lab==0.1.0)
  Using cached numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.whl (16.9 MB)
Processing /wheels/nvidia_cublas-13.1.1.3-py3-none-manylinux_2_27_x86_64.whl (from torch>=2.6)
Collecting torch>=2.6 (from other)
Downloading torch-2.14.1-cp311-cp311-manylinux_2_28_x86_64.whl (1.2 GB)
Downloading tqdm-4.67.1-py3-none-any.whl (78 kB)
Installing collected packages: numpy, torch, nvidia_cublas, tqdm
Successfully installed numpy-2.4.6 torch-2.14.1
"""


def test_pips_lines_become_one():
    progress = Progress(8)
    said = [progress.read(line.strip()) for line in PIP.splitlines()[:10]]
    assert progress.known == {"torch", "numpy", "nvidia_cublas"}
    assert [line for line in said if line] == ["fetching torch (1200.0 MB)"]
    assert progress.shown(0, 65.0) == "[####" + "." * 20 + "] 1:05 3 of 8 found, 1.2 GB fetched: tqdm (0.1 MB)"
    assert progress.read(PIP.splitlines()[10]) == "unpacking 4 packages"
    assert progress.shown(2, 125.0) == f"[{'#' * 18}......] 2:05 2 of 4 unpacked, 1.2 GB fetched: unpacking"
    assert progress.shown(9, 0.0).startswith("[" + "#" * 24)


def test_where_there_is_no_terminal_there_are_few_lines(tmp_path):
    stream = io.StringIO()
    assert run([sys.executable, "-c", f"print({PIP!r})"], 8, stream, tmp_path) == 0
    assert stream.getvalue().splitlines()[:-1] == ["fetching torch (1200.0 MB)", "unpacking 4 packages"]
    assert "installed in 0.0 minutes" in stream.getvalue()


def test_a_failure_shows_the_end_of_what_was_said_and_its_status(tmp_path):
    stream = io.StringIO()
    script = "import sys; [print(f'line {i}') for i in range(90)]; sys.exit('ERROR: no space left')"
    assert run([sys.executable, "-c", script], 8, stream, tmp_path) == 1
    lines = stream.getvalue().splitlines()
    assert len(lines) == 30
    assert "ERROR: no space left" in lines


def test_it_is_called_as_the_makefile_does():
    """As a file whose folder is not on the path: a module of the laboratory might be taken for one of Python's."""
    text = (ROOT / "Makefile").read_text()
    assert "python -I text4vis_lab/installing.py -c requirements.lock -e '.[all]'" in text
    command = [sys.executable, "-I", "text4vis_lab/installing.py", "--dry-run", "--no-index", "no-such-package-here"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "No matching distribution found for no-such-package-here" in done.stderr
    assert done.stdout == ""

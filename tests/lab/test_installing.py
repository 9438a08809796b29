"""The installation's one line: how far pip is, from what pip says; and what it said where it fails."""

import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT

from text4vis_lab import installing
from text4vis_lab.installing import LANGUAGE, Progress, part, run

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
    assert stream.getvalue().splitlines() == ["fetching torch (1200.0 MB)", "unpacking 4 packages"]


def test_a_failure_shows_the_end_of_what_was_said_and_its_status(tmp_path):
    stream = io.StringIO()
    script = "import sys; [print(f'line {i}') for i in range(90)]; sys.exit('ERROR: no space left')"
    assert run([sys.executable, "-c", script], 8, stream, tmp_path) == 1
    lines = stream.getvalue().splitlines()
    assert len(lines) == 30
    assert "ERROR: no space left" in lines


LOCK = """# made by a command
# with two lines
demo==1.0 ; python_version < '4' \\
    --hash=sha256:{digest}
nvidia-demo==2.0 \\
    --hash=sha256:00
"""


def test_a_part_of_a_lock_keeps_its_hashes():
    text = LOCK.format(digest="ab")
    assert part(text, without=["nvidia-*"]) == "demo==1.0 ; python_version < '4' \\\n    --hash=sha256:ab\n"
    assert part(text, only=["nvidia-demo"]) == "nvidia-demo==2.0 \\\n    --hash=sha256:00\n"
    with pytest.raises(ValueError, match=r"^requirements\.lock: other has no hash; make the file anew: make lock$"):
        part(text + "other==1.0\n")


def wheel(folder: Path, content: str, name: str = "demo", version: str = "1.0") -> str:
    """A package of one line in a folder of an index; the SHA-256 of its file."""
    folder.mkdir(exist_ok=True, parents=True)
    path, about = folder / f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
    files = {f"{name}.py": content, f"{about}/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n", f"{about}/RECORD": ""}
    files[f"{about}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    with zipfile.ZipFile(path, "w") as file:
        for member, text in files.items():
            file.writestr(zipfile.ZipInfo(member), text)
    (folder / "index.html").write_text(f'<a href="{path.name}">{path.name}</a>')
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.slow
def test_a_wheel_that_was_changed_is_refused(tmp_path):
    """From an index on this machine; what is installed, called as the Makefile does, is what the lock was made of."""
    index = tmp_path / "index"
    (tmp_path / "requirements.lock").write_text(LOCK.format(digest=wheel(index, "value = 1")))
    script = ROOT / "text4vis_lab" / "installing.py"
    command = [sys.executable, "-I", script, "--only", "demo", "--target", "there", "--no-index", "--find-links", index]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "there" / "demo.py").read_text() == "value = 1"

    shutil.rmtree(tmp_path / "there")
    wheel(index, "value = 2")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert not (tmp_path / "there").exists()


@pytest.mark.slow
def test_pytorch_may_come_from_another_index(tmp_path, monkeypatch, capfd):
    lock = "".join(f"{name}==2.14.1 \\\n    --hash=sha256:00\n" for name in ("torch", "torchvision"))
    for name in ("torch", "torchvision"):
        wheel(tmp_path / "index" / name, "value = 1", name, "2.14.1+cpu")
    monkeypatch.setenv("PIP_TARGET", str(tmp_path / "there"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    index = (tmp_path / "index").as_uri()
    assert installing._other_pytorch(index, lock) == 0
    assert f"PyTorch is taken from {index}, not checked by a hash" in capfd.readouterr().err
    assert (tmp_path / "there" / "torchvision-2.14.1+cpu.dist-info").is_dir()


def test_it_is_called_as_the_makefile_does():
    """As a file whose folder is not on the path: a module of the laboratory might be taken for one of Python's."""
    text = (ROOT / "Makefile").read_text()
    assert '$(BIN)/python -I text4vis_lab/installing.py $${TORCH_INDEX:+--torch "$$TORCH_INDEX"}\n' in text
    assert not re.search(r"pip install", text), "past the hashes"
    command = [sys.executable, "-I", "text4vis_lab/installing.py", "--print"]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = set(re.findall(r"^[\w.-]+", printed, flags=re.MULTILINE))
    assert names >= {"pip", "setuptools", "torch", "jupyterlab"}
    assert not names & set(LANGUAGE)
    other = subprocess.run([*command, "--torch", "a"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {"torch", "torchvision", "triton"} <= names - set(re.findall(r"^[\w.-]+", other, flags=re.MULTILINE))
    assert "\nnvidia-" in printed and "\nnvidia-" not in other

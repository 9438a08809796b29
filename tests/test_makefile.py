"""The Makefile hands on what it is given as it stands: neither make nor the shell takes any of it for its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from snakemake.cli import parse_config

EVIL = [
    "x'; touch evil; '",
    'x"; touch evil; "',
    "$(shell touch evil)$(touch evil)`touch evil`",
    "it costs $5, $$HOME and ${HOME} # not 50 %",
    "[a] & b; c | d > evil",
    "back\\slash 'single' \"double\" (one, two) *",
    "--help",
    "電影 é",
]
# What this may have been started with, by make itself.
GIVEN = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "SUITE", "suite", "JOBS", "GPUS", "PROFILE", "PYTHON", "FRESH"}
STUB = """#!{python}
import json, os, sys
if "text4vis_lab.surroundings" in sys.argv:
    os.execv(sys.argv[3], sys.argv[3:])
if "text4vis_lab.own_suite" in sys.argv:
    json.dump(sys.argv[3:], open("own.json", "w"))
    sys.exit(print("own.yaml"))
print(json.dumps([os.path.basename(sys.argv[0]), *sys.argv[1:]]))
"""


@pytest.fixture
def place(tmp_path) -> Path:
    """A folder with the Makefile, whose programs print what they are given; of videos one's own suite is `own.yaml`."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "requirements.lock", ".venv/.installed"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    for name in ("python", "snakemake", "jupyter", "ruff", "mypy"):
        program = tmp_path / ".venv" / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(STUB.format(python=sys.executable))
        program.chmod(0o755)
    return tmp_path


def told(place: Path, *words: str, **environment: str) -> list[list[str]]:
    """What each program was given."""
    known = {name: value for name, value in os.environ.items() if name not in GIVEN}
    done = subprocess.run(["make", *words], cwd=place, env=known | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(place.rglob("evil"))
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("text", EVIL)
def test_a_suite_is_handed_on_as_it_is_called(place, text):
    check, run, build = told(place, "book", f"SUITE={text}", "JOBS=3", "GPUS=0")
    assert check == ["python", "-m", "text4vis_lab.suites", "check", "--", text]
    assert run[:-1] == ["snakemake", "--cores", "3", "--resources", "gpu=0", "--config"]
    assert parse_config([run[-1]]) == {"suite": text}
    assert build == ["python", "book/build.py", text]
    for words, given in ((["watch", f"suite={text}"], {}), (["watch"], {"SUITE": text})):
        assert told(place, *words, **given) == [["python", "-m", "text4vis_lab.suites", "watch", "--", text]]
    assert told(place, "rehearse", f"SUITE={text}") == [["python", "-m", "text4vis_lab.rehearsal", "--", text]]


@pytest.mark.parametrize("text", EVIL)
def test_so_are_videos_of_ones_own_and_what_runs_them(place, text):
    given = {name: f"{name} {text}" for name in ("DATA", "LABELS", "MODEL", "PRETRAINED")}
    words = [f"{name}={value}" for name, value in given.items()]
    check, run, _ = told(place, "book", *words, f"PROFILE={text}")
    assert check[-1] == "own.yaml" and run[:3] == ["snakemake", "--profile", f"profiles/{text}"]
    options = [f"--{name.lower()}={given[name]}" for name in ("LABELS", "MODEL", "PRETRAINED")]
    assert json.loads((place / "own.json").read_text()) == [*options, "--", given["DATA"]]
    _, run, _ = told(place, "book", f"JOBS={text}", f"GPUS={text}")
    assert run[1:5] == ["--cores", text, "--resources", f"gpu={text}"]


def test_what_nobody_gave_is_counted_and_other_peoples_variables_are_left_alone(place):
    check, run, _ = told(place, "book", DATA="somebody's", LABELS="x", CUDA_VISIBLE_DEVICES="0,2")
    assert check[-1] == "experiments/miniature.yaml"
    assert int(run[2]) >= 1 and run[4] == "gpu=2"
    assert not (place / "own.json").exists()
    assert told(place, "watch", "suite=a.yaml", "SUITE=b.yaml")[0][-1] == "b.yaml"


def test_a_suite_may_begin_with_a_hyphen():
    words = [sys.executable, "-m", "text4vis_lab.suites", "check", "--", "--help"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and "error: --help: no such suite file" in done.stderr

"""End to end, in a copy of the repository: suite, runs, records, book; again; and with a run that fails."""

import html
import json
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from urllib.parse import quote

import pytest
from conftest import ROOT

from text4vis_lab.records import read_record
from text4vis_lab.results import recomputed
from text4vis_lab.suites import read_suite

pytestmark = pytest.mark.slow

SMOKE = "experiments/smoke.yaml"
WITH_SCORES = {
    "01_mini_clip",
    "02_zero_shot",
    "03_few_shot",
    "04_full_training",
    "08_supervised",
    "09_base_to_novel",
    "10_frozen_encoder",
    "14_conformance",
    "15_tuning",
    "16_frozen_tuning",
    "18_time_order",
}


def files_of_the_project(empty: Path) -> list[str]:
    """What git would commit, also of an archive that is no repository: by `.gitignore`, from an empty repository."""
    subprocess.run(["git", "init", "--quiet", "--bare", "."], cwd=empty, check=True)
    listing = ["git", f"--git-dir={empty}", f"--work-tree={ROOT}", "ls-files", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True)
    return [name for name in listed.stdout.split("\0") if (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """What git would commit, with the miniature of this checkout, made if it is missing (minutes, once)."""
    make = "from text4vis_lab import miniature; miniature.make()"
    subprocess.run([sys.executable, "-c", make], cwd=ROOT, check=True)
    folder = tmp_path_factory.mktemp("clone")
    for name in files_of_the_project(tmp_path_factory.mktemp("git")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    (folder / "data" / "miniature").symlink_to(ROOT / "data" / "miniature")
    return folder


def call(clone: Path, *command: str) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(clone)}
    return subprocess.run(
        command, cwd=clone, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def snakemake(clone: Path, suite: str) -> subprocess.CompletedProcess:
    program = str(Path(sysconfig.get_path("scripts"), "snakemake"))
    return call(clone, program, "--cores", "2", "--resources", "gpu=0", "--config", f"suite={suite}")


def build_book(clone: Path, suite: str) -> subprocess.CompletedProcess:
    return call(clone, sys.executable, "book/build.py", suite)


def text_of(page: Path) -> str:
    """What a reader sees, without markup."""
    return html.unescape(re.sub(r"<[^>]+>", "", page.read_text()))


@pytest.fixture(scope="module")
def smoke(clone):
    """The smoke suite, run; and what Snakemake said."""
    return read_suite(ROOT / SMOKE), snakemake(clone, SMOKE)


def test_every_run_ends_well_and_leaves_a_record(clone, smoke):
    suite, done = smoke
    assert done.returncode == 0, done.stdout
    assert f"{len(suite.runs)} of {len(suite.runs)} runs ok" in done.stdout
    for run in suite.runs:
        record = json.loads((clone / run.directory / "result.json").read_text())
        assert (record["suite"], record["run"], record["notebook"]) == ("smoke", run.name, run.notebook)
        assert record["metrics"] or record["rows"]
        assert record["skipped"] == []
        assert (clone / run.executed).exists()


def test_every_metric_is_computed_again_from_the_scores_per_video(clone, smoke):
    suite, _ = smoke
    counts = {}
    for run in suite.runs:
        record = read_record(clone / run.directory / "result.json")
        count, difference = recomputed(record)
        assert difference == 0, run.name
        counts[run.notebook] = counts.get(run.notebook, 0) + count
        assert count >= 2 * len(record["rows"]), run.name  # two accuracies of each row; one of some epochs and trials
        kept = {path.stem.removesuffix(".epochs") for path in (clone / run.directory / "scores").glob("*")}
        cells = {row["cell"] for row in record["rows"]}
        of_ranks = all(name.startswith("ranks") for name in kept)
        assert kept == cells or of_ranks, "scores of what is not in the record, or not all"
    assert {name for name, count in counts.items() if count} == WITH_SCORES


def test_a_second_call_executes_nothing(clone, smoke):
    suite, _ = smoke
    before = {run.name: (clone / run.attempt).stat().st_mtime_ns for run in suite.runs}
    again = snakemake(clone, SMOKE)
    assert again.returncode == 0, again.stdout
    assert "started" not in again.stdout
    assert {run.name: (clone / run.attempt).stat().st_mtime_ns for run in suite.runs} == before


def test_the_book_has_a_page_for_every_run_with_the_command_that_remakes_it(clone, smoke):
    suite, _ = smoke
    built = build_book(clone, SMOKE)
    assert built.returncode == 0, built.stdout
    index = clone / "book" / "_build" / "html" / "index.html"
    assert built.stdout.splitlines()[-1] == str(index)
    contents = index.read_text()
    for run in suite.runs:
        assert f"papermill {run.source} {run.executed}" in text_of(index.parent / "runs" / f"{run.name}.html")
        assert f'href="runs/{quote(run.name)}.html"' in contents
    again = build_book(clone, SMOKE)
    assert "Building the book" in built.stdout
    assert "Building the book" not in again.stdout
    assert again.returncode == 0


def test_three_commands_drawn_by_seed_make_the_pictures_that_the_book_shows(clone, smoke):
    html_of = clone / "book" / "_build" / "html"
    shown = {}
    for page in sorted(html_of.glob("runs/*.html")):
        for command in re.findall(r'<div class="again">.*?<pre[^>]*>(.*?)</pre>', page.read_text(), re.DOTALL):
            words = shlex.split(html.unescape(command))
            if words[1:3] == ["-m", "text4vis_lab.figures"]:
                shown[words[3]] = (page.stem, words)
    assert len(shown) >= 10
    (clone / ".venv").symlink_to(Path(sys.executable).parents[1])
    for asked in random.Random(14).sample(sorted(shown), 3):
        run, words = shown[asked]
        name = re.sub(r"[^A-Za-z0-9_-]+", "_", Path(asked).stem)
        pictures = {}
        for ending, kind in ((".png", "light"), (".dark.png", "dark")):
            [on_the_page] = html_of.glob(f"_images/{re.sub(r'[^A-Za-z0-9_=.-]+', '_', run)}-{name}.{kind}.png")
            pictures[clone / Path(asked).with_name(Path(asked).stem + ending)] = on_the_page
        for picture in pictures:
            picture.unlink()
        done = call(clone, *words)
        assert done.returncode == 0, done.stdout
        for picture, on_the_page in pictures.items():
            assert picture.read_bytes() == on_the_page.read_bytes(), asked
    (clone / ".venv").unlink()


def test_all_is_computed_again_as_it_is_stored_and_a_notebook_executed_without_training(clone, smoke):
    again = [word for name in ("few_shot", "results") for word in ("--again", f"runs/smoke/{name}")]
    done = call(clone, sys.executable, "-m", "text4vis_lab.cli", "recompute", "runs/smoke", *again)
    assert done.returncode == 0, done.stdout
    kinds = {kind for kind in ("metric", "mean", "claim", "figure", "notebook") if f" {kind}" in done.stdout}
    assert kinds == {"metric", "mean", "claim", "figure", "notebook"}
    assert done.stdout.splitlines()[-1].endswith("; all as stored")
    cell = next((clone / "runs/smoke/few_shot/cells").glob("text-frozen-*.json"))
    content = cell.read_bytes()
    cell.unlink()
    done = call(clone, sys.executable, "-m", "text4vis_lab.cli", "recompute", "runs/smoke/few_shot", *again[:2])
    cell.write_bytes(content)
    assert done.returncode == 1
    assert f"cell '{cell.stem}' would be trained: no finished one of this code" in done.stdout


def test_nothing_is_written_outside_runs_data_and_the_books_build(clone, smoke, tmp_path):
    known = files_of_the_project(tmp_path)
    allowed = ("runs/", "book/_build/", "data/", ".snakemake/")
    written = {path.relative_to(clone).as_posix() for path in clone.rglob("*") if path.is_file()} - set(known)
    assert [name for name in sorted(written) if not name.startswith(allowed) and "__pycache__" not in name] == []


BROKEN = """
reference: false
runs:
  - {name: broken, notebook: 03_few_shot, parameters: {frozen: [text, xavier]}}
  - {name: results, notebook: 06_results, after: [broken]}
"""


def test_a_run_that_fails_is_named_and_the_rest_goes_on(clone, smoke):
    (clone / "experiments" / "broken.yaml").write_text(BROKEN)
    done = snakemake(clone, "experiments/broken.yaml")
    assert done.returncode != 0
    assert "1 of 2 runs ok" in done.stdout
    assert "broken failed: ValueError: parameter frozen: unknown 'xavier'; choose from: random" in done.stdout
    assert "see runs/broken/broken/03_few_shot.ipynb" in done.stdout
    assert (clone / "runs" / "broken" / "broken" / "03_few_shot.ipynb").exists()
    assert (clone / "runs" / "broken" / "results" / "result.json").exists()

    built = build_book(clone, "experiments/broken.yaml")
    assert built.returncode == 0, built.stdout
    pages = clone / "book" / "_build" / "html"
    assert "This run is missing" in text_of(pages / "runs" / "broken.html")
    assert "parameter frozen: unknown 'xavier'" in text_of(pages / "runs" / "broken.html")
    assert "Not every run is here" in text_of(pages / "index.html")
    assert 'href="runs/broken.html"' in (pages / "index.html").read_text()
    assert (pages / "runs" / "results.html").exists()


def test_a_parameter_that_the_notebook_lacks_stops_before_anything_runs(clone):
    (clone / "experiments" / "wrong.yaml").write_text(
        "runs: [{name: good, notebook: 06_results}, {name: wrong, notebook: 03_few_shot, parameters: {shot: [1]}}]"
    )
    done = snakemake(clone, "experiments/wrong.yaml")
    assert done.returncode != 0
    assert "'shot' is not one of notebooks/03_few_shot.ipynb; did you mean 'shots'?" in done.stdout
    assert not (clone / "runs" / "wrong").exists()
    built = build_book(clone, "experiments/wrong.yaml")
    assert built.returncode == 1
    assert "did you mean 'shots'?" in built.stdout

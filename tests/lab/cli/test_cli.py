"""The command text4vis: its examples run, its errors are two lines, and nothing is lost."""

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib
import pandas as pd
import pytest
import torch
from conftest import ROOT

from text4vis_lab import miniature
from text4vis_lab.cli import EXAMPLES, app, main
from text4vis_lab.models import load_model
from text4vis_lab.tournament.features import read_features

CLASSES = ("PlayingGuitar", "Archery", "JugglingBalls")
COMMANDS = [line for lines in EXAMPLES.values() for line in lines]


def run(line: str, status: int = 0) -> None:
    with pytest.raises(SystemExit) as ended, matplotlib.rc_context():
        main(shlex.split(line)[1:])
    assert ended.value.code == status


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A user's folder: a video, some in folders of classes, and a model that the first example has trained."""
    folder, films = tmp_path_factory.mktemp("user"), miniature.make(parts=["puppets", "mini_clip"]).videos / "videos"
    for name in CLASSES:
        (folder / "my_videos" / name).mkdir(parents=True)
        for path in sorted((films / name).glob("*_c01*"))[:4]:
            shutil.copy(path, folder / "my_videos" / name)
    shutil.copy(path, folder / "video.mp4")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run(EXAMPLES["train"][0])
    return folder


@pytest.fixture
def here(place, monkeypatch):
    monkeypatch.chdir(place)
    return place


@pytest.mark.slow
@pytest.mark.parametrize("line", COMMANDS)
def test_an_example_of_the_help_runs(line, here, capsys):
    run(line)
    assert capsys.readouterr().out or "--out" in line


def test_the_help_shows_the_examples(capsys):
    for name, lines in EXAMPLES.items():
        run(f"text4vis {name} --help")
        shown = capsys.readouterr().out
        assert all(f"  {line}\n" in shown for line in lines)


def test_commands_on_the_pages_of_the_book_can_be_typed():
    import typer

    commands = typer.main.get_command(app).commands
    pages = "\n".join(path.read_text() for path in sorted((ROOT / "book").glob("**/*.md"))).replace("\\\n", " ")
    lines = [shlex.split(line, comments=True) for line in pages.splitlines() if line.startswith("text4vis ")]
    assert {words[1] for words in lines} >= {"compare", "predict", "train"}
    for words in lines:
        typed = words[2 : words.index(">")] if ">" in words else words[2:]
        if "--help" not in typed:
            commands[words[1]].make_context(words[1], typed)


def test_the_help_imports_nothing_heavy():
    heavy = "[m for m in ('torch', 'pandas', 'av') if m in sys.modules]"
    program = f"import sys\nfrom text4vis_lab.cli import commands\nprint({heavy})"
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.slow
def test_predictions_are_a_table_in_which_no_video_is_lost(here, tmp_path, capsys):
    shutil.copytree(here / "my_videos" / "Archery", tmp_path / "in" / "deep")
    (tmp_path / "in" / "=damaged<b>.mp4").write_bytes(b"none")
    (tmp_path / "in" / "cover.jpg").touch()
    out, page = Path("p.csv"), Path("p.html")
    run(f"text4vis predict '{tmp_path}/in' --model runs/mine --out {out} --page {page}", status=1)
    said = capsys.readouterr()
    assert said.out == "" and "=damaged<b>.mp4: " in said.err
    assert "1 passed over, as pictures (the first: cover.jpg)." in said.err
    table = pd.read_csv(out, keep_default_na=False)
    assert len(table) == 5 and (table["error"] != "").sum() == 1
    assert set(table["class"]) <= {"", *load_model("runs/mine").classes}
    text = page.read_text()
    assert "&lt;b&gt;" in text and "<b>.mp4" not in text
    assert text.count("<video") == 4 and text.index("cannot be read") < text.index("<video")
    assert "http" not in text.replace("http-equiv", "").replace("http://www.w3.org", "")
    for suffix, read in ((".json", pd.read_json), (".parquet", pd.read_parquet)):
        run(f"text4vis predict '{tmp_path}/in/deep' --model runs/mine --top 2 --out '{tmp_path}/p{suffix}'")
        assert read(tmp_path / f"p{suffix}")["rank"].tolist() == [1, 2] * 4


@pytest.mark.slow
def test_what_is_trained_is_what_predicts(here, capsys):
    facts = load_model("runs/mine").facts
    record = json.loads((here / "runs" / "mine" / "result.json").read_text())
    [row] = [row for row in record["rows"] if row["method"] == "text, frozen"]
    assert facts.measured[0]["top1"] == row["top1"]
    scores = pd.read_parquet(here / "runs" / "mine" / "scores" / f"{row['cell']}.parquet")
    run("text4vis predict my_videos --model runs/mine --out all.csv")
    table = pd.read_csv("all.csv").set_index("video")["class"]
    assert len(scores)
    for video, values in zip(scores["video"], scores["scores"], strict=True):
        assert table[video] == facts.classes[values.argmax()]
    capsys.readouterr()


@pytest.mark.slow
def test_embeddings_are_in_the_form_that_the_laboratory_reads(here, tmp_path):
    run(f"text4vis embed my_videos --model runs/mine --out '{tmp_path}'")
    found = read_features(tmp_path)
    assert [len(found.train), len(found.val), len(found.test)] == [6, 3, 3]
    assert found.train.rows.norm(dim=-1).allclose(torch.ones(6)) and found.text.shape == (3, 128)
    run(f"text4vis embed my_videos/Archery --model runs/mine --out '{tmp_path}'")
    found = read_features(tmp_path)
    assert [len(found.train), len(found.val), len(found.test)] == [4, 0, 0]


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        ("text4vis predict", 2, "Missing argument"),
        ("text4vis nothing", 2, "No such command"),
        ("text4vis predict . --out p.xlsx", 2, "--out p.xlsx: a table is written as .csv, .json, .parquet"),
        ("text4vis predict here.mp4 --model nowhere/at-all", 1, "nowhere/at-all"),
        ("text4vis classify here.mp4 --labels 'a, a'", 2, "parameter labels: 'a' comes twice"),
        ("text4vis classify here.mp4 --labels 'a,,b'", 2, "name 2 of 3 is blank"),
        ("text4vis classify here.mp4 --labels dancing", 2, "--labels has one name alone, 'dancing'"),
        ("text4vis classify nowhere.mp4 --labels a,b", 1, "there is no file or folder nowhere.mp4"),
        ("text4vis predict . --model mini_clip", 1, "there is no video in ."),
        ("text4vis check nowhere", 1, "there is no folder nowhere"),
        ("text4vis classify here.mp4 --model ViT-B/32", 1, "there is no folder ViT-B/32"),
        ("text4vis classify here.mp4 --model ViT-B/32 --labels a,b", 1, "model folder ViT-B/32 does not exist"),
        ("text4vis classify here.mp4 --model here.mp4 --labels a,b", 1, "here.mp4 is a file"),
        ("text4vis runs nowhere", 1, "there is no run in nowhere"),
        ("text4vis train nowhere", 1, "nowhere"),
        ("text4vis compare nowhere zs-ucf101", 1, "there is no run in nowhere"),
        ("text4vis compare nowhere", 2, "Missing argument 'RUN|PUBLISHED'"),
    ],
)
def test_an_error_is_two_lines_what_and_remedy(line, status, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.mp4" if "here" in line else tmp_path / "notes.txt").write_text("no video")
    run(line, status)
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 2, said.err
    assert words in said.err.splitlines()[0] and said.err.splitlines()[1]


@pytest.mark.slow
def test_a_file_that_cannot_be_read_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.mp4").write_text("no video")
    run("text4vis classify a.mp4", 1)
    said = capsys.readouterr()
    assert "no decoder can open it" in said.out and "play it to see whether it is whole" in said.err


def test_problems_of_files_are_printed_and_counted(tmp_path, video, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in" / "a").mkdir(parents=True)
    for name in ("one.mp4", "two.mp4"):
        shutil.copy(video, tmp_path / "in" / "a" / name)
    (tmp_path / "in" / "a" / "bad.mp4").write_bytes(b"none")
    run("text4vis check in --out wrong.json", 1)
    said = capsys.readouterr().out
    assert "3 videos: 1 unreadable, 2 duplicated" in said
    assert {row["problem"] for row in json.loads(Path("wrong.json").read_text())} == {"unreadable", "duplicated"}

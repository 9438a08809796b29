"""What became something else since a run: who says so, of which file, and that nothing is said where nothing did."""

import json
from pathlib import Path

import data_sets
import pytest
from conftest import ROOT
from test_attempts import left, record_of, run  # noqa: F401 - a fixture
from test_suites import notebook, repository, suite  # noqa: F401 - a fixture

from text4vis_core.data.formats.readers import READERS, load_videos
from text4vis_core.data.video_list import Video, VideoList
from text4vis_lab import provenance, staleness
from text4vis_lab.book import collecting
from text4vis_lab.cli.running import main as text4vis
from text4vis_lab.records import RECORDS, RunRecord, read_record
from text4vis_lab.staleness import stale
from text4vis_lab.suites import forget_failures
from text4vis_lab.suites.attempts import write_attempt
from text4vis_lab.suites.changes import UNKNOWN, listed
from text4vis_lab.suites.inputs import made_of


def code(name: str = "text4vis_core/data/transforms.py") -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text("x = 1\n")


def test_of_a_suites_run_each_kind_of_file_is_named(run):  # noqa: F811
    assert stale(record_of(run)) == []
    code()
    code("text4vis_lab/rows.py")
    Path("notebooks/train.ipynb").write_text(notebook("x", "y"))
    Path("data").mkdir()
    Path("data/numbers.csv").write_text("a")
    Path("requirements.lock").write_text("torch")
    assert stale(record_of(run)) == [
        "text4vis_core/data/transforms.py and text4vis_lab/rows.py changed since",
        "notebooks/train.ipynb changed since",
        "data/numbers.csv and requirements.lock changed since",
    ]


def test_other_parameters_of_its_suite_are_told(run):  # noqa: F811
    suite("runs: [{name: a, notebook: train, parameters: {lr: 0.25}}]")
    assert stale(record_of(run)) == ["the suite gives a other parameters now than it ran with"]


def test_of_a_run_that_an_earlier_version_ended_it_is_not_known(run):  # noqa: F811
    for made in ({}, {"made_of": "0" * 64}):
        write_attempt(run, status="ok", error="", seconds=1.5, **made)
        assert stale(record_of(run)) == [UNKNOWN]


def test_a_suite_that_cannot_be_read_any_more_is_named(run):  # noqa: F811
    Path("experiments/mine.yaml").write_text("runs: 3")
    [told] = stale(record_of(run))
    assert told.startswith("experiments/mine.yaml: runs must be a list")


def test_of_a_run_of_no_suite_the_code_and_the_notebook_that_was_executed_are_looked_at(repository, monkeypatch):  # noqa: F811
    path = RunRecord("train", Path("runs/interactive/train"), {}).save()
    assert stale(read_record(path)) == []
    executed = path.with_name("train.ipynb")
    executed.write_text(notebook())
    monkeypatch.setattr(staleness, "notebook_file", lambda name: Path("notebooks", f"{name}.ipynb"))
    assert stale(read_record(path)) == []
    given = json.loads(notebook())
    given["cells"].insert(1, {"cell_type": "code", "metadata": {"tags": ["injected-parameters"]}, "source": "lr = 7"})
    executed.write_text(json.dumps(given))
    assert stale(read_record(path)) == []
    Path("notebooks/train.ipynb").write_text(notebook("1 + 1"))
    assert stale(read_record(path)) == ["notebooks/train.ipynb changed since"]
    before = provenance.sources()
    name = ROOT / "text4vis_core" / "data" / "transforms.py"
    monkeypatch.setattr(staleness, "sources", lambda: before | {name: "0" * 64})
    monkeypatch.setattr(staleness, "run_code", lambda: "0" * 64)
    saved = read_record(path)
    modules = {name: digest[:12] for name, digest in provenance.by_name(before, staleness.WITHOUT_EFFECT).items()}
    known = {name: value for name, value in saved["provenance"].items() if name != "modules"}
    told = {
        "text4vis_core/data/transforms.py changed since": known | {"modules": modules},
        "files of the code changed since": known,
    }
    for sentence, facts in told.items():
        RECORDS.write(path, {name: value for name, value in saved.items() if name != "path"} | {"provenance": facts})
        assert stale(read_record(path)) == [sentence, "notebooks/train.ipynb changed since"]


@pytest.mark.parametrize("of_a_suite", [True, False])
def test_a_video_with_other_content_is_named(run, tmp_path, video, monkeypatch, capsys, of_a_suite):  # noqa: F811
    monkeypatch.setattr("text4vis_lab.digests.cache_folder", lambda: tmp_path)
    paths = [tmp_path / name for name in ("a.mp4", "b.mp4", "c.mp4")]
    for path in paths[:2]:
        path.write_bytes(video.read_bytes())
    listed_videos = VideoList(("x",), tuple(Video(path, 0) for path in paths[:2]), (Video(paths[2], 0),))
    folder = run.directory if of_a_suite else Path("runs/interactive/train")
    record = RunRecord("train", folder, {})
    record.add_data("test", listed_videos)
    path = record.save()
    if of_a_suite:
        write_attempt(run, status="ok", error="", seconds=1.5, made_of=made_of(run))
    assert stale(read_record(path)) == []
    paths[1].write_bytes(video.read_bytes() + b"more")
    assert stale(read_record(path)) == ["of 2 videos b.mp4 changed since"]
    paths[0].unlink()
    assert stale(read_record(path)) == ["of 2 videos a.mp4 and b.mp4 changed since"]
    if of_a_suite:
        forget_failures(suite("runs: [{name: a, notebook: train, parameters: {lr: 0.5}}]"))
        assert capsys.readouterr().out == "a is executed again: of 2 videos a.mp4 and b.mp4 changed since\n"


@pytest.mark.parametrize("of_a_suite", [True, False])
def test_a_file_of_annotations_with_other_content_is_named(run, tmp_path, monkeypatch, of_a_suite):  # noqa: F811
    monkeypatch.setattr("text4vis_lab.digests.cache_folder", lambda: tmp_path)
    annotations = data_sets.ucf101(tmp_path / "ucf101") / "ucfTrainTestlist"
    record = RunRecord("train", run.directory if of_a_suite else Path("runs/interactive/train"), {})
    for split in ("train", "test"):
        record.add_data(split, load_videos("ucf101", annotations.parent, split).select_classes([0, 1]))
    path = record.save()
    if of_a_suite:
        write_attempt(run, status="ok", error="", seconds=1.5, made_of=made_of(run))
    assert [Path(name).name for name in read_record(path)["data"]["test"]["annotations"]] == [
        "classInd.txt",
        "testlist01.txt",
    ]
    (annotations / "testlist02.txt").write_text("which no list was read from")
    assert stale(read_record(path)) == []
    (annotations / "testlist01.txt").write_text("YoYo/v_YoYo_g01_c01.avi\n")
    assert stale(read_record(path)) == ["of 3 files of annotations testlist01.txt changed since"]
    (annotations / "classInd.txt").unlink()
    assert stale(read_record(path)) == ["of 3 files of annotations classInd.txt and testlist01.txt changed since"]


def test_a_file_of_annotations_that_changes_while_a_run_goes_on_is_named(run, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setattr("text4vis_lab.digests.cache_folder", lambda: tmp_path)
    listing = data_sets.ucf101(tmp_path / "ucf101") / "ucfTrainTestlist" / "testlist01.txt"
    record = RunRecord("train", run.directory, {})
    record.add_data("test", load_videos("ucf101", tmp_path / "ucf101", "test"))
    listing.write_text("YoYo/v_YoYo_g01_c01.avi\n")
    assert read_record(record.save())["provenance"]["changed_while_running"] == [str(listing)]


@pytest.mark.parametrize("dataset", sorted({*READERS} & {*vars(data_sets)}))
def test_every_reader_tells_the_files_that_it_read(dataset, tmp_path):
    root = getattr(data_sets, dataset)(tmp_path / dataset)
    read = load_videos(dataset, root, "test", missing="report").sources
    assert len(read) == len({*read}) and all(path.is_file() and root in path.parents for path in read)
    assert bool(read) == (dataset != "folders")


def test_a_video_that_a_run_made_in_its_folder_and_removed_is_no_change(run, tmp_path, video, monkeypatch):  # noqa: F811
    monkeypatch.setattr("text4vis_lab.digests.cache_folder", lambda: tmp_path)
    made = run.directory / "made" / "a.mp4"
    record = RunRecord("train", run.directory, {})
    made.parent.mkdir(parents=True)
    made.write_bytes(video.read_bytes())
    record.add_data("made", VideoList(("x",), (Video(made, 0),)))
    path = record.save()
    write_attempt(run, status="ok", error="", seconds=1.5, made_of=made_of(run))
    made.unlink()
    assert stale(read_record(path)) == []


def test_features_of_a_cache_are_no_files_that_could_be_gone(run):  # noqa: F811
    record = RunRecord("train", run.directory, {"dataset": "features"})
    record.evidence.add_list("test", VideoList(("x",), (Video(Path("test/0"), 0),)), {Path("test/0"): "0" * 64})
    path = record.save()
    write_attempt(run, status="ok", error="", seconds=1.5, made_of=made_of(run))
    assert stale(read_record(path)) == []


@pytest.mark.parametrize("number", [1, 2, 3, 4, 9])
def test_a_few_names_are_said_and_the_others_counted(number):
    said = listed([f"{index}.py" for index in range(number)], "files of code")
    assert (
        said
        == {
            1: "0.py",
            2: "0.py and 1.py",
            3: "0.py, 1.py and 2.py",
            4: "0.py, 1.py, 2.py and 1 more files of code",
            9: "0.py, 1.py, 2.py and 6 more files of code",
        }[number]
    )


def said_of_runs(capsys, *options: str) -> str:
    with pytest.raises(SystemExit) as ended:
        text4vis(["runs", "runs", *options])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_the_command_about_runs_marks_what_is_stale(run, capsys):  # noqa: F811
    assert "stale" not in said_of_runs(capsys)
    assert json.loads(said_of_runs(capsys, "--json"))[0]["stale"] == []
    code()
    assert "\n  stale: text4vis_core/data/transforms.py changed since\n" in said_of_runs(capsys)
    assert json.loads(said_of_runs(capsys, "--json"))[0]["stale"] == ["text4vis_core/data/transforms.py changed since"]


def test_its_page_says_at_the_top_that_it_is_stale(run, repository, monkeypatch):  # noqa: F811
    for folder in ("book", "data"):
        (repository / folder).symlink_to(ROOT / folder)
    write_attempt(run, status="ok", error="", seconds=1.5, made_of=made_of(run))

    def cells() -> list[str]:
        pages = collecting.collect(suite("runs: [{name: a, notebook: train, parameters: {lr: 0.5}}]"))
        return ["".join(cell["source"]) for cell in json.loads(pages["runs/a.ipynb"])["cells"]]

    assert not any("stale" in source for source in cells())
    code()
    _, note, *others = cells()
    assert note.startswith(":::{admonition} This page is stale\n:class: warning\n")
    assert r"text4vis\_core\/data\/transforms\.py changed since" in note
    assert not any("stale" in source for source in others)


def test_what_is_stale_is_executed_again_and_not_said_any_more(run, capsys):  # noqa: F811
    code()
    assert stale(record_of(run))
    left(run)
    write_attempt(run, status="ok", error="", seconds=1.5, made_of=made_of(run))
    assert stale(record_of(run)) == []
    assert "stale" not in said_of_runs(capsys)

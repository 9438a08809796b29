"""Names of every kind come through what keeps and what shows them: records, scores, tables, pages, the data check."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from conftest import CLASSES, write_video
from names import NASTY
from PIL import Image

from text4vis_core.data.video_list import Video, VideoList
from text4vis_lab.book.markdown import escaped, fenced
from text4vis_lab.claims import claims
from text4vis_lab.datacheck import check_data
from text4vis_lab.notebooks import SettingsTable
from text4vis_lab.plain import LONGEST_NAME, encodable, file_name, readable
from text4vis_lab.prepare.data_set import Work, prepare
from text4vis_lab.records import RunRecord, read_record
from text4vis_lab.results import headline, histories_of, overview, recompute_all, rows_of, scores_of
from text4vis_lab.scores import Scores, write_scores

# Those that a file can have.
FILES = {key: name.replace("/", ":").replace("\0", "")[:120].strip() for key, name in NASTY.items() if name.strip()}
del FILES["half a character"]


@pytest.fixture(params=NASTY)
def name(request) -> str:
    return NASTY[request.param]


@pytest.fixture
def record(name, tmp_path) -> dict:
    """A record in which everything has the name that can have one, with its scores."""
    labels = torch.arange(4) % 2
    parts = {(name, name): Scores([f"{name}/{i}" for i in range(4)], labels, torch.eye(2)[labels])}
    run = RunRecord("02_zero_shot", tmp_path / "suite" / "run", {"dataset": name, "list": [name], name: {name: name}})
    run.add_data(name, VideoList((name, "b"), (), missing=(Video(Path(f"/{name}"), 0),), notes=(name,)))
    write_scores(
        run.run_dir / "scores" / f"{file_name(name, 'cell')}.parquet", parts, {"method": name, "template": name}
    )
    run.rows = [
        {"cell": file_name(name, "cell"), "test": name, "view": name, "method": name, "template": name, "classes": 2}
        | {"seed": seed, "videos": 4, "top1": 100.0, "top5": 100.0}
        for seed in (0, 1)
    ]
    run.histories = [{"cell": name, "method": name, "epoch": 1, "loss": 1.0}]
    run.timings["histories"] = [1.0]
    run.add_skipped([(name, name)])
    run.metrics = {name: name, "all": [name]}
    assert printed(run.skipped_note())
    return read_record(run.save())


def printed(text: str, longest: int = 1_000) -> bool:
    """Whether a terminal, a page and a line can take a text."""
    return text.encode() is not None and len(text.splitlines()) == 1 and "\x1b" not in text and len(text) <= longest


def test_a_record_keeps_names_as_they_are(record, name):
    assert record["rows"][0]["test"] == record["metrics"][name] == record["skipped"][0]["video"] == name
    assert record["parameters"] == {"dataset": name, "list": [name], name: {name: name}}
    assert record["data"][name]["notes"] == [name]
    assert Path(record["path"]).read_bytes().isascii()


def test_every_table_of_a_record_is_made_and_shown(record, name):
    rows = rows_of(record)
    assert rows["method"].tolist() == [encodable(name)] * 2
    tables = [rows, histories_of(record), headline([record]), overview([record])]
    for table in tables:
        assert table.to_html().encode() and table.to_string().encode() and repr(table).encode()
        assert "<script>" not in table.to_html()
    assert all(printed(value) for value in headline([record])[["data", "test", "method"]].iloc[0] if value)
    for verdict in claims([record]):
        assert printed(verdict["suite"]) and printed(verdict["evidence"])


def test_metrics_are_computed_again_from_the_scores(record, name):
    assert recompute_all([record]) == (4, 0.0, [])
    assert scores_of(record, record["rows"][0]).videos[3] == encodable(f"{name}/3")


def test_settings_are_shown(name):
    table = SettingsTable({"data_root": name, "list": [name]}, {"data_root": "", "list": []})
    assert table._repr_html_().encode() and repr(table).encode()
    assert "<script>" not in table._repr_html_()


def test_a_file_is_named_after_it(name, tmp_path):
    file = file_name("zero-shot", name, name)
    assert len(file.encode()) <= LONGEST_NAME
    (tmp_path / f".{file}.parquet.1234567-12345678.tmp").touch()


def test_the_book_takes_it(name):
    assert printed(escaped(name), 2_000) or not name.strip()
    assert fenced(f"{name}\n{name}").encode()


def test_what_is_readable_stays_so(name):
    for longest in (10, 120, 400):
        shown = readable(name, longest)
        assert readable(shown, longest) == shown
        assert len(shown) <= longest
    assert readable("ApplyLipstick, 日本, नमस्ते, می‌خواهم") == "ApplyLipstick, 日本, नमस्ते, می‌خواهم"
    assert readable("abcdefghij", 7) == "abc…hij" and readable(Path("a/b")) == "a/b" and readable(3) == "3"


def test_names_that_are_long_and_alike_keep_their_own_files():
    assert file_name("x" * 500 + "a") != file_name("x" * 500 + "b")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> VideoList:
    """A video and a folder of frames of every name, and a damaged file."""
    root = tmp_path_factory.mktemp("files")
    good, videos = write_video(root / "good.mp4", 9), []
    for i, name in enumerate(FILES.values()):
        folder = root / str(i)
        folder.mkdir()
        videos.append(Video(Path(shutil.copy(good, folder / f"{name}.mp4")), 0))
        (folder / name).mkdir()
        Image.new("RGB", (16, 16), (i, 9, 9)).save(folder / name / f"{name}_0001.png")
        videos.append(Video(folder / name, 1))
        (folder / f"{name}.avi").write_bytes(b"no video at all")
        videos.append(Video(folder / f"{name}.avi", 0))
    return VideoList(CLASSES, tuple(videos))


def test_the_data_check_counts_names_and_draws_files_of_every_name(files, tmp_path):
    report = check_data({"train": files}, 4, progress=False)
    counts = report.counts()["train"]
    count = len(FILES)
    assert (counts["listed"], counts["unreadable"], counts["too short"]) == (3 * count, count, count)
    assert counts["duplicated"] == count
    assert all(printed(str(problem)) for problem in report.problems)
    assert json.loads(json.dumps([problem.row() for problem in report.problems]))
    pictures, captions = report.pictures(100)
    assert len(pictures) == 2 * count
    assert all(printed(readable(caption)) for caption in captions)


def test_copies_are_made_of_files_of_every_name(files, tmp_path):
    done = prepare(files, tmp_path / "copies", work=Work(0, "skip", progress=False))
    assert (done.made + done.kept, len(done.skipped)) == (2 * len(FILES), len(FILES))


def test_a_name_may_have_as_many_bytes_as_a_file_system_allows(tmp_path):
    names = ["バ" * 83 + ".mp4", "x" * 251 + ".mp4", "\udce9" * 251 + ".mp4"]
    videos = VideoList(
        ("a",), tuple(Video(write_video(tmp_path / name, 3, shift=i), 0) for i, name in enumerate(names))
    )
    assert prepare(videos, tmp_path / "copies", work=Work(0, progress=False)).made == 3
    assert check_data({"a": videos}, 2, progress=False).problems == ()

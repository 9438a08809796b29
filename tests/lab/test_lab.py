"""A notebook's laboratory: what it opens, a grid of cells that goes on where it stopped, and what it leaves."""

import os
from dataclasses import replace
from pathlib import Path

import matplotlib
import pytest
import torch
from conftest import ROOT, write_ucf101

from text4vis_core.data.reading import Reading
from text4vis_core.data.video_list import NoValidation
from text4vis_core.evaluation import EmbeddedVideos, zero_shot_accuracy
from text4vis_lab import Cell, Lab, Method, Part, _cells, experiment
from text4vis_lab import lab as laboratory
from text4vis_lab.evidence import evidence_of
from text4vis_lab.miniature import making
from text4vis_lab.models import following
from text4vis_lab.records import read_record
from text4vis_lab.results import histories_of, recomputed, rows_of, scores_of, tensors_of

METHODS = [Method("text, frozen", "text"), Method("random, frozen", "random"), Method("lda, trainable", "lda", False)]
CELLS = ["text-frozen-shots2-seed0", "random-frozen-shots2-seed0", "lda-trainable-shots2-seed0"]


@pytest.fixture(autouse=True)
def at_home(monkeypatch):
    """`Lab.open` goes to the project's folder, and sets the style of figures; the miniature is not made."""
    monkeypatch.chdir(ROOT)

    def make(*_, **__):
        raise AssertionError("the miniature was made")

    monkeypatch.setattr(making, "make", make)
    with matplotlib.rc_context():
        yield


@pytest.fixture
def open_lab(ucf101, clip_folder, tmp_path):
    """A laboratory of `03_few_shot` with the tests' videos and CLIP; settings are given by name."""

    def opened(run_dir: str = "run", **given) -> Lab:
        given = {"dataset": "ucf101", "data_root": str(ucf101), "model": str(clip_folder), "cache": ""} | given
        given = {"epochs": 1, "warmup_epochs": 0.0, "batch_size": 4, "num_frames": 2} | given
        return Lab.open("03_few_shot", {"run_dir": str(tmp_path / run_dir), **given})

    return opened


def test_validation_videos_are_held_out_of_training_and_the_record_says_so(open_lab, capsys):
    with pytest.raises(NoValidation, match="set val_share"):
        open_lab().val  # noqa: B018
    lab, whole = open_lab(val_share=0.5), open_lab().train
    train, val = ({video.path for video in videos.videos} for videos in (lab.train, lab.val))
    assert train | val == {video.path for video in whole.videos}
    assert not train & val
    notes = [data["notes"] for name, data in lab.record.data.items() if name in ("train", "val")]
    assert len(notes) == 2
    assert all("val_share 0.5: " in " ".join(each) for each in notes)
    assert "train: val_share 0.5: 3 of 9 training videos are held out as val, 3 of 9 groups" in capsys.readouterr().out


def test_a_world_is_asked_of_the_miniature(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(making, "make", lambda **how: asked.append(how) or making.Miniature(tmp_path))
    lab = Lab.open("03_few_shot", {"run_dir": str(tmp_path / "run"), "world": 2, "model": "mini_clip_withheld"})
    assert lab.folder == tmp_path / "puppets"
    assert asked == [{"seed": 2, "parts": ["puppets", "mini_clip_withheld"]}]


def grid(lab: Lab) -> list[Cell]:
    few = lab.train.few_shot(2, 0)
    return [Cell(method, few, {"test": lab.test}, lab.recipe(), {"shots": 2}, every_epoch="test") for method in METHODS]


@pytest.fixture
def calls(monkeypatch) -> dict[str, list]:
    """Which cells were trained, and how often videos were embedded; "die" names a cell in which the run ends."""
    seen: dict[str, list] = {"trained": [], "embedded": [], "die": []}
    train, embed = laboratory.train_and_test, experiment.Clips.embed

    def train_and_test(cell, *arguments, **options):
        if cell.name in seen["die"]:
            raise KeyboardInterrupt
        seen["trained"].append(cell.name)
        return train(cell, *arguments, **options)

    def embedded(self, *arguments, **options):
        seen["embedded"].append(len(arguments[1]))
        return embed(self, *arguments, **options)

    monkeypatch.setattr(laboratory, "train_and_test", train_and_test)
    monkeypatch.setattr(experiment.Clips, "embed", embedded)
    return seen


def measured(lab: Lab) -> dict:
    """What of a record does not depend on when it was made."""
    found = read_record(lab.save())
    return {name: found[name] for name in ("rows", "histories", "metrics", "data", "weights", "skipped")}


def test_a_grid_gives_rows_histories_and_scores(open_lab, calls):
    lab = open_lab()
    rows = lab.run(grid(lab))
    assert rows["cell"].to_list() == calls["trained"] == CELLS
    assert rows["method"].to_list() == [method.name for method in METHODS]
    assert rows["frozen"].to_list() == [True, True, False]
    for name, value in {"test": "test", "view": "1 view", "shots": 2, "seed": 0, "classes": 3, "videos": 6}.items():
        assert (rows[name] == value).all(), name
    assert rows["trained_parameters"].iloc[2] == rows["trained_parameters"].iloc[0] + 3 * 16
    assert lab.histories["cell"].to_list() == CELLS
    assert (lab.histories["val_top1"] - rows["top1"]).abs().max() < 1e-9
    assert (lab.histories["seconds"] > 0).all()

    path = lab.save(extra=[1])
    record = read_record(path)
    assert (record["notebook"], record["metrics"]) == ("03_few_shot", {"extra": [1]})
    assert rows_of(record).equals(rows)
    assert histories_of(record).equals(lab.histories)
    assert recomputed(record) == (9, 0.0)
    for row in record["rows"]:
        assert torch.equal(scores_of(record, row).scores, lab.scores(row).scores)
        tensors = tensors_of(record, row["cell"])
        assert tensors.keys() == {"initial", "learned", "means"}
        assert torch.equal(tensors["initial"], tensors["learned"]) == row["frozen"]
    assert {"train", "test"} == record["data"].keys()
    assert record["weights"].keys() == {"clip"}
    assert sorted(path.name for path in (path.parent / "scores").iterdir()) == sorted(
        f"{cell}{end}" for cell in CELLS for end in (".parquet", ".epochs.parquet")
    )


def test_an_interrupted_grid_goes_on_at_the_cell_where_it_stopped(open_lab, calls):
    whole = open_lab("whole")
    whole.run(grid(whole))
    expected = measured(whole)

    calls["trained"].clear()
    calls["die"].append(CELLS[1])
    lab = open_lab("killed")
    with pytest.raises(KeyboardInterrupt):
        lab.run(grid(lab))
    assert calls["trained"] == CELLS[:1]

    calls["die"].clear()
    calls["trained"].clear()
    calls["embedded"].clear()
    again = open_lab("killed")
    again.run(grid(again))
    assert calls["trained"] == CELLS[1:]
    assert len(calls["embedded"]) == 2 * 2 + 1  # after the epoch and at the end; and before, for lda
    assert measured(again) == expected

    calls["trained"].clear()
    calls["embedded"].clear()
    third = open_lab(
        "killed", num_workers=0, keep_mb=0.0, max_seconds=5.0
    )  # how a run is done is no reason to do it again
    third.run(grid(third))
    assert calls["trained"] == calls["embedded"] == []
    assert measured(third) == expected


@pytest.mark.parametrize(
    "given",
    [
        {"lr": 5e-3},
        {"num_frames": 1},
        {"crops": 3},
        {"template": "{}"},
        {"names": "published"},
        {"augmentation": "published"},
        {"epochs": 2},
        {"temporal": "transformer", "temporal_heads": 2},
        {"decoder": "decord"},
        {"max_pixels": 1_000_000},
    ],
    ids=lambda given: next(iter(given)),
)
def test_another_setting_makes_a_cell_anew(open_lab, calls, given):
    lab = open_lab()
    lab.run(grid(lab)[:1])
    other = open_lab(**given)
    other.run(grid(other)[:1])
    assert calls["trained"] == CELLS[:1] * 2
    same = open_lab(**given)
    same.run(grid(same)[:1])
    assert calls["trained"] == CELLS[:1] * 2


@pytest.mark.parametrize(
    "given", [{}, {"decoder": "decord"}, {"max_pixels": 2_000, "max_seconds": 5}, {"decoder": "decord", "keep_mb": 0}]
)
def test_how_files_are_read_reaches_whatever_reads_them(open_lab, given):
    lab = open_lab(**given)
    wanted = Reading(**{name: value for name, value in given.items() if name != "keep_mb"})
    assert lab.clips.store.reading == wanted
    assert lab.clips.training(lab.train, 16, 0).store.reading == wanted
    assert lab.clips.evaluation(lab.train, 16).store.reading == wanted
    other = lab.changed({"max_pixels": 9_000})
    assert other.clips.store.reading == replace(wanted, max_pixels=9_000)
    assert lab.changed({"epochs": 2}).clips.store is lab.clips.store
    name = {"pyav": "PyAV", "decord": "decord"}[wanted.decoder]
    assert {facts["decoder"].split()[0] for facts in lab.record.data.values()} == {name}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"decoder": "opencv"}, "parameter decoder: unknown 'opencv'; choose from: pyav, decord"),
        ({"max_pixels": 0}, "parameter max_pixels: 0; it must be 1 or more"),
        ({"max_seconds": 0}, "parameter max_seconds: 0; it must be 1 or more"),
    ],
)
def test_ways_to_read_that_cannot_be_are_refused(open_lab, given, message):
    with pytest.raises(ValueError, match=message):
        open_lab(**given)


def test_what_a_reader_did_is_printed_once_and_kept(open_lab, capsys, monkeypatch):
    notes = ("class folders were split by a rule", "2 files are no videos: a.txt, caf\udce9\n.txt")
    real = laboratory.listed_videos
    monkeypatch.setattr(
        laboratory, "listed_videos", lambda *args: replace(real(*args), notes=notes, ignored=(Path("a"),))
    )
    lab = open_lab()
    assert lab.train.notes == lab.test.notes == notes
    printed = capsys.readouterr().out.splitlines()
    assert printed == [f"train: {notes[0]}", "train: 2 files are no videos: a.txt, caf\\udce9\\n.txt"]
    data = read_record(lab.save())["data"]
    assert data["train"]["notes"] == data["test"]["notes"] == list(notes)
    assert data["test"]["ignored"] == ["a"]


@pytest.mark.parametrize("split", ["train", "test"])
def test_another_video_file_makes_a_cell_anew(open_lab, calls, tmp_path, split):
    root = write_ucf101(tmp_path / "data", train=2, test=1)
    for _ in range(2):
        lab = open_lab(data_root=str(root))
        lab.run(grid(lab)[:1])
    assert len(calls["trained"]) == 1
    file = lab.videos(split).videos[0].path
    os.utime(file, ns=(0, 0))
    lab = open_lab(data_root=str(root))
    lab.run(grid(lab)[:1])
    assert len(calls["trained"]) == 2


def test_other_code_makes_a_cell_anew(open_lab, calls, monkeypatch):
    lab = open_lab()
    lab.run(grid(lab)[:1])
    monkeypatch.setattr(_cells, "run_code", lambda: "other")
    lab = open_lab()
    lab.run(grid(lab)[:1])
    assert len(calls["trained"]) == 2


@pytest.mark.parametrize("file", ["scores/{}.parquet", "cells/{}.safetensors", "cells/{}.json"])
@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_a_damaged_file_makes_its_cell_anew(open_lab, calls, file, damage):
    lab = open_lab()
    lab.run(grid(lab)[:2])
    expected = measured(lab)
    path = lab.record.run_dir / file.format(CELLS[0])
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    else:
        path.write_bytes(content[:20] + bytes([content[20] ^ 1]) + content[21:])
    calls["trained"].clear()
    again = open_lab()
    again.run(grid(again)[:2])
    assert calls["trained"] == CELLS[:1]
    assert measured(again) == expected
    assert recomputed(read_record(again.record.run_dir / "result.json")) == (6, 0.0)


def test_answers_after_each_epoch_that_were_lost_are_said_to_be(open_lab, calls, capsys):
    lab = open_lab()
    lab.run(grid(lab)[:1])
    record = read_record(lab.save())
    path = lab.record.run_dir / "scores" / f"{CELLS[0]}.epochs.parquet"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"epochs\.parquet is not what the record beside it was written with"):
        recomputed(record)
    again = open_lab()
    again.run(grid(again)[:1])  # its checkpoint is finished
    told = (
        "what it answered after each epoch is not kept, for it was trained before: delete its checkpoint and run again"
    )
    assert capsys.readouterr().out.splitlines()[-1] == f"{CELLS[0]}: {told}"
    with pytest.raises(ValueError, match=r"epochs\.parquet: the ranks cannot be read"):
        recomputed(read_record(again.save()))


def test_two_cells_of_one_name_are_an_error(open_lab, calls):
    lab = open_lab()
    cells = grid(lab)[:1]
    with pytest.raises(ValueError, match=f"two cells are called '{CELLS[0]}': tell them apart by their labels"):
        lab.run(cells * 2)
    lab = open_lab("other")
    lab.run(cells)
    with pytest.raises(ValueError, match="two cells are called"):
        lab.changed({"lr": 1.0}).run(cells)
    assert len(calls["trained"]) == 1


def test_a_grid_that_is_run_again_in_the_same_kernel_stands_in_the_record_once(open_lab, calls):
    lab = open_lab()
    cells = grid(lab)[:2]
    first, zero = lab.run(cells), lab.zero_shot({"test": lab.test}, halves=True)
    again, zero_again = lab.run(cells), lab.zero_shot({"test": lab.test}, halves=True)
    assert first.equals(again)
    assert zero.equals(zero_again)
    assert len(lab.record.rows) == len(first) + len(zero)
    assert len(lab.histories) == len(lab.record.timings["histories"]) == 2
    assert len(calls["trained"]) == 2


def test_zero_shot_scores_of_other_settings_do_not_take_each_others_place(open_lab):
    lab = open_lab()
    lab.zero_shot({"test": lab.test})
    with pytest.raises(ValueError, match="two cells are called 'zero-shot-test': tell them apart by their labels"):
        lab.changed({"template": "{}"}).zero_shot({"test": lab.test})


def test_an_earlier_record_goes_when_other_scores_come(open_lab):
    lab = open_lab()
    lab.run(grid(lab)[:1])
    path = lab.save()
    lab.run(grid(lab)[:1])
    assert not path.exists()


def test_what_an_earlier_run_left_of_other_cells_is_forgotten_when_a_run_is_saved(open_lab):
    lab = open_lab()
    lab.run(grid(lab))
    lab.save()
    folder = lab.record.run_dir
    assert len(list((folder / "cells").iterdir())) == 6
    other = open_lab()
    other.run(grid(other)[:1])
    assert len(list((folder / "cells").iterdir())) == 6  # not before it is known that all went well
    other.save()
    assert sorted(path.name for path in (folder / "cells").iterdir()) == [
        f"{CELLS[0]}.{s}" for s in ("json", "safetensors")
    ]
    left = [f"{CELLS[0]}.{end}" for end in ("epochs.parquet", "parquet")]
    assert sorted(path.name for path in (folder / "scores").iterdir()) == left
    assert [*evidence_of(read_record(folder / "result.json")).draws["cell"].unique()] == CELLS[:1]


def test_a_changed_laboratory_shares_the_record_and_what_is_loaded(open_lab, monkeypatch):
    loaded = []
    load = following.load_clip
    monkeypatch.setattr(following, "load_clip", lambda *arguments: loaded.append(arguments) or load(*arguments))
    lab = open_lab()
    in_time = lab.changed({"temporal_heads": 2, "lr": 5e-3, "num_frames": 1, "on_error": "skip"})
    assert in_time.record is lab.record
    assert (in_time.clips.num_frames, lab.clips.num_frames) == (1, 2)
    assert in_time.clips.store is lab.clips.store
    assert (in_time.recipe(3).lr, in_time.recipe(3).seed, lab.recipe().lr) == (5e-3, 3, 1e-3)
    assert in_time.source.clip is lab.source.clip
    assert (in_time.source.num_frames, in_time.source.temporal_heads) == (1, 2)
    assert len(loaded) == 1
    first = lab.run(grid(lab)[:1])
    second = in_time.run([replace(cell, temporal="transformer") for cell in grid(in_time)[:1]])
    assert (len(first), len(second), len(lab.record.rows)) == (1, 1, 2)
    assert lab.record.rows[1]["temporal"] == "transformer"
    assert lab.save() == in_time.save()
    assert len(list((lab.record.run_dir / "scores").iterdir())) == 4
    assert lab.record.parameters["lr"] == 1e-3
    with pytest.raises(ValueError, match=r"unknown parameter 'lrr'; did you mean 'lr'\?"):
        lab.changed({"lrr": 1.0})
    with pytest.raises(ValueError, match="epochs is 0; it must be at least 1"):
        lab.changed({"epochs": 0})
    with pytest.raises(ValueError, match="parameter on_error: unknown 'ignore'"):
        lab.changed({"on_error": "ignore"})


def test_zero_shot_scores_by_the_names_of_classes_and_among_halves(open_lab, test_videos):
    lab = open_lab()
    six = replace(
        lab.test,
        classes=(*lab.test.classes, "Archery", "Biking", "Diving"),
        videos=tuple(replace(video, label=label) for label, video in enumerate(lab.test.videos)),
    )
    rows = lab.zero_shot({"test": six, "one": Part(six, (1,))}, halves=True)
    known = lab.embedded(six)
    assert isinstance(known, EmbeddedVideos)
    expected = zero_shot_accuracy(known.mean, lab.source.embed_classes(six), known.labels)
    whole = rows[rows["half"].isna()]
    assert whole["top1"].iloc[0] == expected["top1"]
    halves = rows[rows["half"].notna()]
    in_halves = halves[halves["test"] == "test"]
    assert in_halves["half"].to_list() == list(range(10))
    assert in_halves["top1"].to_list() == expected["half_top1"]
    alone = halves[halves["test"] == "one"]  # whose only class is not in every half
    assert 0 < len(alone) < 10
    assert (alone["videos"] == 1).all() and (alone["classes"] == 3).all()
    assert whole["counted"].isna().to_list() == [True, False]
    assert whole["videos"].to_list() == [6, 1]
    other = lab.zero_shot({"test": six}, source=replace(lab.source, template="{}"))
    assert other["template"].to_list() == ["{}"]
    assert len({row["cell"] for row in lab.record.rows}) == 2
    record = read_record(lab.save())
    assert recomputed(record)[1] == 0.0
    assert len(list((lab.record.run_dir / "scores").iterdir())) == 2


def test_opening_checks_everything_and_puts_right_what_arrived_as_text(tmp_path, ucf101, clip_folder):
    variables = {"run_dir": str(tmp_path / "run"), "shots": "[1, 4]", "data_root": str(ucf101), "dataset": "ucf101"}
    lab = Lab.open("03_few_shot", variables | {"model": str(clip_folder)})
    assert lab.values["shots"] == [1, 4]
    assert lab.record.parameters.keys() == lab.values.keys() - {"run_dir"}
    assert lab.record.run_dir == tmp_path / "run"
    assert lab.defaults["shots"] == [1, 4]
    assert lab.folder == ucf101
    table = lab.settings().table()
    assert set(table.index[:3]) == {"data_root", "dataset", "model"}
    with pytest.raises(ValueError, match=r"unknown parameter 'shot'; did you mean 'shots'\?"):
        Lab.open("03_few_shot", {"run_dir": str(tmp_path / "never"), "shot": [1]})
    assert not (tmp_path / "never").exists()


def test_testing_alone_is_allowed_where_the_notebook_says_so(tmp_path, ucf101, clip_folder):
    given = {"run_dir": str(tmp_path / "run"), "epochs": 0, "dataset": "ucf101", "data_root": str(ucf101)}
    given |= {"model": str(clip_folder), "num_frames": 2, "cache": ""}
    with pytest.raises(ValueError, match="epochs is 0"):
        Lab.open("08_supervised", dict(given))
    lab = Lab.open("08_supervised", dict(given), may_test_only=True)
    assert not lab.trains
    cell = Cell(METHODS[0], lab.train, {"test": lab.test}, lab.recipe(), by_view=True, fine_tune=lab.trains)
    rows = lab.run([cell])
    assert rows["view"].to_list() == ["1 view", "4 clips", "4 x 3 views"]
    assert lab.record.histories == []


def test_videos_that_are_left_out_are_noted_and_said(open_lab, tmp_path):
    root = write_ucf101(tmp_path / "data", train=2, test=2)
    lab = open_lab(data_root=str(root), on_error="skip")
    broken = lab.test.videos[0].path
    broken.write_bytes(b"no video")
    rows = lab.run(grid(lab)[:1])
    assert rows["videos"].to_list() == [5]
    assert lab.notes.startswith(f"1 videos, unreadable or too short, are left out: {broken.name}")
    again = open_lab(data_root=str(root), on_error="skip")
    again.run(grid(again)[:1])
    assert again.record.skipped == lab.record.skipped
    record = read_record(again.save())
    assert [entry["video"] for entry in record["skipped"]] == [str(broken)]

"""The split "val": the publisher's, where he has validation videos beside those of train and test, else none."""

import shutil

import data_sets
import pytest
from data_sets import lines, video

from text4vis_core import load_videos
from text4vis_core.data.video_list import AnnotationError, NoValidation

WITHOUT = [*data_sets.WRITERS]


def names_of(videos) -> list[str]:
    return sorted(video.path.name for video in videos.videos)


@pytest.mark.parametrize("dataset", WITHOUT)
def test_where_test_is_the_validation_set_or_there_is_none_the_remedy_is_named(dataset, tmp_path):
    root = data_sets.WRITERS[dataset](tmp_path / "data")
    with pytest.raises(NoValidation, match=r"no validation videos of its own .*; set val_share"):
        load_videos(dataset, root, "val")


def test_a_list_of_ucf101s_layout_is_val_and_part_of_all(tmp_path):
    root = data_sets.ucf101(tmp_path / "data")
    folder = root / "ucfTrainTestlist"
    train, val, test = ([f"{name}/v_{name}_g{group}_c01.avi" for name in ("YoYo",)] for group in ("01", "02", "03"))
    lines(folder / "classInd.txt", "1 YoYo")
    for name, files in {"trainlist01": train, "vallist01": val, "testlist01": test}.items():
        lines(folder / f"{name}.txt", *files)
    assert [names_of(load_videos("ucf101", root, split)) for split in ("train", "val", "test")] == [
        ["v_YoYo_g01_c01.avi"],
        ["v_YoYo_g02_c01.avi"],
        ["v_YoYo_g03_c01.avi"],
    ]
    assert len(load_videos("ucf101", root, "all")) == 3
    with pytest.raises(NoValidation):
        load_videos("ucf101", root, "val", lists={"test": "ucfTrainTestlist/vallist01.txt"})
    (folder / "vallist01.txt").write_text("Yoyo/nothing.avi 1\n")
    with pytest.raises(AnnotationError, match=r"vallist01\.txt, line 1: class 'Yoyo'"):
        load_videos("ucf101", root, "val")


@pytest.mark.parametrize("called", ["val", "validation", "valid"])
def test_a_class_folder_beside_train_and_test_is_val(called, tmp_path):
    for split, file in (("train", "1.mp4"), (called, "2.mp4")):
        video(tmp_path / split / "run" / file)
    with pytest.raises(NoValidation):
        load_videos("folders", tmp_path, "val")
    assert [path.name for path in load_videos("folders", tmp_path, "train").ignored] == [called]
    video(tmp_path / "test/run/3.mp4")
    assert [names_of(load_videos("folders", tmp_path, split)) for split in ("train", "val", "test", "all")] == [
        ["1.mp4"],
        ["2.mp4"],
        ["3.mp4"],
        ["1.mp4", "2.mp4", "3.mp4"],
    ]
    assert load_videos("folders", tmp_path, "train").ignored == ()
    shutil.rmtree(tmp_path / "test")
    with pytest.raises(NoValidation):
        load_videos("folders", tmp_path, "val", lists={"test": called})


def test_class_folders_without_splits_have_none(tmp_path):
    for name in ("a.mp4", "b.mp4"):
        video(tmp_path / "run" / name)
    with pytest.raises(NoValidation, match="val_share"):
        load_videos("folders", tmp_path, "val")

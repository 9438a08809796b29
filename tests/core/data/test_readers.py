"""Every reader on its publisher's true format: paths, labels, splits, folds, and what is missing."""

import json
import shutil
from collections import Counter
from pathlib import Path

import data_sets
import pytest
from data_sets import WRITERS, clip, lines, table, video
from hypothesis import given
from hypothesis import strategies as st

from text4vis_core import load_videos
from text4vis_core.data.formats._annotations import read_csv
from text4vis_core.data.formats._frame_lists import _ways
from text4vis_core.data.formats._places import video_at
from text4vis_core.data.formats.kinetics import kinetics400_categories
from text4vis_core.data.video_list import Video


def pairs(videos) -> list[tuple[str, int]]:
    """(file name, class) of the videos of a `VideoList` or of a sequence."""
    return [(video.path.name, video.label) for video in getattr(videos, "videos", videos)]


@pytest.mark.parametrize("dataset", WRITERS)
def test_every_video_that_is_read_is_there(dataset, tmp_path):
    root = WRITERS[dataset](tmp_path / "data")
    for split in ("test", "all"):
        videos = load_videos(dataset, root, split)
        assert len(videos) > 0
        assert all(video.path.exists() for video in videos.videos)
        assert {i for video in videos.videos for i in video.all_labels} <= set(range(len(videos.classes)))
        assert videos.multi_label == (dataset in ("activitynet", "charades"))
        assert videos.targets.sum() == sum(len(video.all_labels) for video in videos.videos)


@pytest.mark.parametrize("dataset", sorted(WRITERS.keys() - {"activitynet", "hmdb51", "kinetics600_zero_shot"}))
def test_all_is_training_and_test_together(dataset, tmp_path):
    root = WRITERS[dataset](tmp_path / "data")
    train, test, both = (load_videos(dataset, root, split) for split in ("train", "test", "all"))
    assert train.classes == test.classes == both.classes
    assert both.videos == train.videos + test.videos
    assert both.missing == train.missing + test.missing


@pytest.mark.parametrize("dataset", ["ucf101", "hmdb51"])
def test_three_folds_differ_and_have_no_video_in_two_splits(dataset, tmp_path):
    root = WRITERS[dataset](tmp_path / "data")
    seen = set()
    for fold in (1, 2, 3):
        train, test = (set(load_videos(dataset, root, split, fold).videos) for split in ("train", "test"))
        assert not train & test
        seen.add(frozenset(test))
    assert len(seen) == 3


def test_hmdb51_codes(tmp_path):
    root = data_sets.hmdb51(tmp_path / "data")
    train, test, both = (load_videos("hmdb51", root, split, 2) for split in ("train", "test", "all"))
    assert train.classes == ("brush_hair", "clap", "situp")
    assert train.class_names("published") == ["brush hair", "clap", "situp"]
    assert [path.path.stem[-1] for path in train.videos[:2]] == ["1", "4"]  # fold 2: codes 0 1 2 0 1 2
    assert [path.path.stem[-1] for path in test.videos[:2]] == ["2", "5"]
    assert len(both) == 18, "code 0 is in neither split, and in the whole"


def test_kinetics_in_class_folders_and_flat_with_missing_clips(tmp_path):
    root = data_sets.kinetics(tmp_path / "data")
    train, test = (load_videos("kinetics600", root, split) for split in ("train", "test"))
    assert train.classes == ("adjusting glasses", "ski ballet", "vacuuming floor")
    assert Counter(train.labels.tolist()) == {0: 3, 1: 3, 2: 2}
    assert pairs(train.missing) == [(f"{clip('_0abc-DEF_2', 20)}.mp4", 2)]
    assert train.videos[0].path == root / "videos_train" / "vacuuming_floor" / f"{clip('_0abc-DEF_0', 0)}.mp4"
    assert test.videos[0].path == root / "val" / f"{clip('-0abc-DEF_0', 0)}.mp4"
    assert train.videos[0].start is None, "a file is the clip, not the whole video"


@pytest.mark.parametrize("name", ["val.csv", "validate.csv", "test.csv", "kinetics-600_val.csv", "k600_validate.csv"])
def test_kinetics_annotations_have_several_names(tmp_path, name):
    root = data_sets.kinetics(tmp_path / "data")
    (root / "annotations" / "val.csv").rename(root / name)
    assert len(load_videos("kinetics600", root, "test")) == 8


def test_kinetics_prefers_the_validation_set(tmp_path):
    root = data_sets.kinetics(tmp_path / "data")
    shutil.copy(root / "annotations/train.csv", root / "annotations/test.csv")
    assert load_videos("kinetics600", root, "test").videos[0].path.parent.name == "val"


def test_kinetics_as_folders_of_frames_which_are_not_searched(tmp_path):
    root = data_sets.kinetics(tmp_path / "data")
    for path in sorted(root.rglob("*.mp4")):
        path.unlink()
        data_sets.frames(path.with_suffix(""), 2, "img_{:05d}.jpg")
        video(path.with_suffix("") / f"{clip('-0abc-DEF_2', 20)}.mp4")  # would be found if it were
    videos = load_videos("kinetics600", root, "test")
    assert all(each.path.is_dir() for each in videos.videos)
    assert len(videos.missing) == 1


def test_kinetics_with_a_column_more_and_a_byte_order_mark(tmp_path):
    root = data_sets.kinetics(tmp_path / "data")
    path = root / "annotations" / "val.csv"
    rows = [f"{row},0" for row in path.read_text().splitlines()]
    lines(path, "\ufeff" + rows[0][:-2] + ",is_cc", *rows[1:])
    assert len(load_videos("kinetics600", root, "test")) == 8


def test_kinetics_400_has_torchvisions_names_in_torchvisions_order(tmp_path):
    names = kinetics400_categories()
    spelled = [name.replace("'", "").replace(" ", "_").lower() for name in names]  # as many copies have them
    rows = [(label, f"abcdefg{i:04d}", 0, 10, "val") for i, label in enumerate(reversed(spelled))]
    table(tmp_path / "val.csv", data_sets.KINETICS, *rows)
    for _, identity, *_ in rows:
        video(tmp_path / f"{clip(identity, 0)}.mp4")
    videos = load_videos("kinetics400", tmp_path, "test")
    assert videos.classes == names
    assert videos.labels.tolist() == list(reversed(range(400)))
    assert videos.class_names("published") == list(names)


def test_kinetics_600_zero_shot_has_three_lists(tmp_path):
    root = data_sets.kinetics600_zero_shot(tmp_path / "data")
    first, third = (load_videos("kinetics600_zero_shot", root, "test", fold) for fold in (1, 3))
    assert first.classes == ("new class 1", "new class 2", "new class 3")
    assert third.classes == ("new class 3", "new class 4", "new class 5")
    assert first.labels.tolist() == [0, 0, 1, 1, 2]
    assert pairs(first.missing) == [(f"{clip('121cdefghij', 1)}.mp4", 2)]


def test_kinetics_600_zero_shot_from_class_names_and_kinetics_600(tmp_path):
    root = data_sets.kinetics(tmp_path / "data")
    lines(root / "classes_split2.txt", "vacuuming floor", "ski ballet")
    videos = load_videos("kinetics600_zero_shot", root, "test", 2)
    assert videos.classes == ("vacuuming floor", "ski ballet")
    assert videos.labels.tolist() == [0, 0, 1, 1, 1]


def test_activitynet_trains_on_segments_and_is_tested_on_whole_videos(tmp_path):
    root = data_sets.activitynet(tmp_path / "data")
    train, test, both = (load_videos("activitynet", root, split) for split in ("train", "test", "all"))
    assert train.classes == test.classes == ("Archery", "BMX", "Zumba")
    assert [(v.path.stem, v.label, v.start, v.end, v.duration) for v in train.videos] == [
        ("v_aaaaaaaaaaa", 2, 0.5, 12.25, 40),
        ("v_aaaaaaaaaaa", 2, 20, 30.5, 40),
        ("-cccccccccc", 1, 1, 20, 30),
        ("-cccccccccc", 0, 4, 9, 30),
    ]
    assert train.missing == (Video(Path("v_annotations.mp4"), 0, start=1.0, end=2.0, duration=60.0),)
    assert not train.multi_label
    assert [(v.path.stem, v.label, v.labels, v.start) for v in test.videos] == [
        ("v_ddddddddddd", 1, (1, 2), None),
        ("v_eeeeeeeeeee", 0, (0,), None),
    ]
    assert test.targets.tolist() == [[0, 1, 1], [1, 0, 0]]
    assert [v.path.stem for v in both.videos] == ["v_aaaaaaaaaaa", "-cccccccccc", "v_ddddddddddd", "v_eeeeeeeeeee"]
    assert both.targets[1].tolist() == [1, 1, 0]


def test_charades_has_several_labels_in_order_of_appearance(tmp_path):
    root = data_sets.charades(tmp_path / "data")
    train, test = (load_videos("charades", root, split) for split in ("train", "test"))
    assert train.classes[0] == "Holding some clothes"
    assert [(v.path.stem, v.label, v.labels) for v in train.videos] == [("46GP8", 2, (2, 0)), ("N11GT", 1, (1,))]
    assert [(v.path.name, v.labels) for v in test.videos] == [("YSKX3", (3, 1))]


def test_ssv2_templates_lose_their_brackets_and_left_right_is_never_mirrored(tmp_path):
    root = data_sets.ssv2(tmp_path / "data")
    train, test = (load_videos("ssv2", root, split) for split in ("train", "test"))
    assert pairs(train) == [("78687.webm", 1), ("42326.webm", 2), ("100904.webm", 0)]
    assert pairs(test) == [("74225.webm", 3)]
    assert train.classes == tuple(data_sets.SSV2_LABELS)
    assert train.directional == {1}, "upright is not right"
    assert train.select_classes([3, 1]).directional == {1}
    assert train.select_classes([1]).directional == {0}


def test_ssv2_names_without_prefix(tmp_path):
    root = data_sets.ssv2(tmp_path / "data")
    for path in root.glob("*.json"):
        path.rename(root / path.name.removeprefix("something-something-v2-"))
    assert len(load_videos("ssv2", root, "all")) == 4


def test_tsn_lists_of_frames_and_of_files(tmp_path):
    root = data_sets.tsn(tmp_path / "data")
    train, test = (load_videos("tsn", root, split) for split in ("train", "test"))
    assert pairs(train) == [("a clip 1", 0), ("b", 1), ("c", 2)]
    assert pairs(test) == [("d e.mp4", 2), ("f.MP4", 0)]
    assert pairs(test.missing) == [("gone", 2)]
    assert train.directional == {1}
    assert pairs(load_videos("tsn", root, "train", fold=2)) == [("d e.mp4", 2)]
    shutil.copy(root / "lists/train_rgb_split_1.txt", root / "lists/k_full_for_zeroshot.txt")
    assert pairs(load_videos("tsn", root, "all")) == pairs(train)


def test_tsn_table_of_names_with_quotes(tmp_path):
    root = data_sets.tsn(tmp_path / "data")
    before = load_videos("tsn", root, "train")
    lines(root / "lists/labels.csv", '"id","name"', '0,"abseiling"', '"1",turning left', "2,yoga")
    assert load_videos("tsn", root, "train") == before


def test_activitynet_does_without_a_taxonomy(tmp_path):
    root = data_sets.activitynet(tmp_path / "data")
    path = root / "activity_net.v1-3.min.json"
    path.write_text(json.dumps({"database": data_sets.activitynet_content()["database"]}))
    assert load_videos("activitynet", root, "train").classes == ("Archery", "BMX", "Zumba")


def test_class_names_in_both_styles(tmp_path):
    ucf101 = load_videos("ucf101", data_sets.ucf101(tmp_path / "ucf101"), "test")
    assert ucf101.class_names("published") == ["ApplyEyeMakeup", "PlayingGuitar", "YoYo"]
    assert ucf101.class_names("words") == ucf101.names == ["apply eye makeup", "playing guitar", "yo yo"]
    kinetics = load_videos("kinetics400", data_sets.kinetics400(tmp_path / "k400"), "test")
    assert kinetics.class_names("published") == list(data_sets.KINETICS400)
    assert kinetics.class_names("words")[2] == "passing american football (in game)"
    with pytest.raises(ValueError, match="names are 'raw'; choose from: published, words"):
        ucf101.class_names("raw")


def test_a_video_with_another_suffix_or_as_a_folder_of_frames_is_found(tmp_path):
    assert video_at(tmp_path / "a.avi") is None
    assert video_at(video(tmp_path / "a.mp4").with_suffix(".avi")) == tmp_path / "a.mp4"
    (tmp_path / "b.c_1").mkdir()
    assert video_at(tmp_path / "b.c_1.avi") == tmp_path / "b.c_1"


def test_links_in_a_circle_end(tmp_path):
    root = data_sets.ssv2(tmp_path / "data")
    (root / "20bn-something-something-v2" / "again").symlink_to(root)
    assert len(load_videos("ssv2", root, "train")) == 3


@pytest.mark.parametrize("dataset", ["folders", "kinetics400", "charades"])
def test_a_fold_that_a_data_set_does_not_have(dataset, tmp_path):
    with pytest.raises(ValueError, match=f"fold is 2; {dataset} has folds 1 to 1"):
        load_videos(dataset, tmp_path, "train", fold=2)


words = st.text("abcXYZ019_-().,'", min_size=1, max_size=9)
paths = st.lists(words, min_size=1, max_size=3).map(" ".join)


@pytest.mark.slow
@given(paths, st.integers(0, 9999), st.integers(0, 9))
def test_tsn_lines_are_read_as_they_were_written(path, frames, label):
    usual = _ways(f"{path} {frames} {label}")[1]
    assert usual == (path, (frames, label))
    assert (f"{path}.mp4", (label,)) in _ways(f"{path}.mp4 {label}")
    for separator in ("\t", ","):
        assert _ways(f"{path}.mp4{separator}{frames}{separator}{label}") == [(f"{path}.mp4", (frames, label))]


fields = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=8).map(str.strip)


@pytest.mark.slow
@given(st.lists(st.tuples(fields.filter(bool), fields), min_size=1, max_size=5))
def test_csv_is_read_as_it_was_written(tmp_path_factory, rows):
    path = table(tmp_path_factory.mktemp("csv") / "t.csv", "label,name", *rows)
    read = read_csv(path, ("name",))
    assert [(row["label"], row["name"]) for _, row in read] == rows
    assert [number for number, _ in read] == list(range(2, len(rows) + 2))

import os
from pathlib import Path, PurePosixPath

import pytest

from text4vis_core import load_videos
from text4vis_core.data.video_list import AnnotationError
from text4vis_lab.groups import group_name
from text4vis_lab.own_videos import recognise
from text4vis_lab.sources import listed_videos


@pytest.fixture
def folder(tmp_path):
    """Makes a folder that holds empty files; of one with a video's suffix the decoder is not asked what it is."""

    def make(*names: str) -> Path:
        for name in names:
            path = tmp_path / "my vidéos" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path / "my vidéos"

    return make


def of(own, split: str) -> list[str]:
    return [str(video.path.relative_to(own.folder)) for video in getattr(own, split).videos]


def test_videos_alone_have_no_labels(folder):
    own = recognise(
        folder("a.mp4", "b.MOV", "notes.txt", "cover.jpg", "c.mp4.part", ".hidden.mp4"), ["tap dancing", "x"]
    )
    assert [(video.path.name, video.label) for video in own.videos] == [("a.mp4", None), ("b.MOV", None)]
    assert own.classes == ("tap dancing", "x")
    assert own.sentence.endswith(
        "my vidéos holds 2 videos: no folders of classes, to be told apart as tap dancing, x. 1 passed over, as "
        "unfinished downloads; 1 passed over, as no videos; 1 passed over, as pictures (the first: c.mp4.part)."
    )
    assert own.too_few.startswith("These videos have no labels, so nothing is trained: put them into folders")


def test_folders_of_classes_are_classes_whatever_their_style(folder):
    own = recognise(folder(*(f"{c}/IMG_{i:04d}.mp4" for c in ("PlayingGuitar", "push_up") for i in range(8))))
    assert own.names == ["playing guitar", "push up"]
    assert "16 videos: folders of classes, 2 classes (playing guitar, push up). Nothing is passed over." in own.sentence
    assert (len(own.train), len(own.test)) == (12, 4)
    assert not set(of(own, "train")) & set(of(own, "test"))
    assert own.division.startswith("Nobody has divided them, so videos whose names")
    assert own.division.endswith("12 videos for training, 4 for the test, 12 and 4 recordings.")


def test_clips_of_a_recording_stay_together(folder):
    names = [f"{c}/{r}_clip{i}.mp4" for c in "ab" for r in ("park", "home", "gym") for i in range(3)]
    own = recognise(folder(*names))
    recordings = [{Path(name).name.split("_")[0] for name in of(own, split)} for split in ("train", "test")]
    assert len(own.test) == 6
    for c in "ab":
        of_class = [{n.split("_")[0] for n in of(own, split) if n.startswith(c)} for split in ("train", "test")]
        assert len(of_class[1]) == 1 and not of_class[0] & of_class[1]
    assert recordings[1] <= {"park", "home", "gym"}


def test_one_person_filmed_in_each_class_is_one_recording(folder):
    own = recognise(folder(*(f"{c}/v_{c}_g{g:02d}_c01.mp4" for c in ("Run", "Sit") for g in range(8))))
    groups = [{name.split("_")[2] for name in of(own, split)} for split in ("train", "test")]
    assert len(groups[1]) == 2 and not groups[0] & groups[1]


@pytest.mark.parametrize("words", [("train", "test"), ("Training", "TESTING"), ("train", "val"), ("train", "valid")])
def test_folders_of_splits_are_taken_at_their_word(folder, words):
    own = recognise(folder(*(f"{w}/{c}/{i}.mp4" for w in words for c in "ab" for i in range(2)), "old/a/x.mp4"))
    assert of(own, "train") == [f"{words[0]}/{c}/{i}.mp4" for c in "ab" for i in range(2)]
    assert len(own.test) == 4
    assert own.division == "Divided as the folders say: 4 videos for training, 4 for the test."
    assert own.passed_over == ((own.folder / "old/a/x.mp4", "as they lie beside the folders of splits"),)


def test_validation_videos_are_neither_trained_nor_tested(folder):
    own = recognise(folder(*(f"{w}/{c}/{i}.mp4" for w in ("train", "val", "test") for c in "ab" for i in range(2))))
    assert {name.split("/")[0] for name in of(own, "train")} == {"train"}
    assert {name.split("/")[0] for name in of(own, "test")} == {"test"}
    assert len(own.all) == 12


def test_splits_below_the_classes(folder):
    own = recognise(folder(*(f"{c}/{w}/{i}.mp4" for w in ("train", "test") for c in "ab" for i in range(2))))
    assert own.classes == ("a", "b")
    assert (len(own.train), len(own.test)) == (4, 4)


def test_folders_in_folders(folder):
    upper = recognise(
        folder(*(f"set/{c}/{day}{c}/{i}.mp4" for c in "ab" for day in ("mon", "tue", "wed") for i in "12"))
    )
    assert upper.classes == ("a", "b")
    assert upper.layout == "folders in folders, of which the upper are the classes"
    found = [{name.split("/")[2] for name in of(upper, split)} for split in ("train", "test")]
    assert not found[0] & found[1]


def test_the_lowest_folders_are_the_classes_where_they_recur(folder):
    own = recognise(folder(*(f"{day}/{c}/{i}.mp4" for c in ("sit", "run") for day in ("mon", "tue") for i in "12")))
    assert own.classes == ("run", "sit")
    assert own.layout == "folders in folders, of which the lowest are the classes"


def test_videos_beside_the_folders_have_no_label(folder):
    own = recognise(folder("a/1.mp4", "a/2.mp4", "b/1.mp4", "b/2.mp4", "loose.mp4"))
    assert [video.path.name for video in own.videos if video.label is None] == ["loose.mp4"]
    assert "1 has no label, for it lies beside the folders" in own.sentence
    assert len(own.all) == 5 and len(own.train) + len(own.test) == 4


def test_a_class_of_one_video_says_what_is_lacking(folder):
    own = recognise(folder("a/1.mp4", "b/1.mp4", "b/2.mp4"))
    assert own.division == (
        "No video of a is left for the test, so nothing is trained: add videos of other recordings, or make folders "
        "train and test."
    )


def test_a_folder_of_pictures_is_a_video(folder):
    own = recognise(folder(*(f"a/{v}/{i}.jpg" for v in ("x", "y") for i in "12"), "b/1.mp4", "b/2.mp4"))
    assert [video.path.name for video in own.videos] == ["x", "y", "1.mp4", "2.mp4"]
    assert own.classes == ("a", "b")
    assert own.passed_over == ()


@pytest.mark.parametrize(
    ("names", "labels", "message"),
    [
        (("notes.txt",), (), r"there is no video in it or below it \(.txt\); give the folder that holds them"),
        (("PushUp/1.mp4", "push_up/1.mp4"), (), "'PushUp' and 'push_up' are both 'push up'; merge the two folders"),
        (("a/1.mp4", "__/1.mp4"), (), "the folder '__' has no word in its name; rename it as what it shows"),
        (("a/1.mp4", "b/1.mp4"), ("x", "y"), r"parameter labels: .* has folders of classes already \(a, b\): leave"),
        (("1.mp4",), "dancing", r"parameter labels: 'dancing' is one text, not a list; write it as "),
        (("1.mp4",), "a, b", "is one text, not a list"),
        (("1.mp4",), ["a", " "], "parameter labels: name 2 of 2 is blank; leave it out"),
        (("1.mp4",), ["tap", "Tap"], "parameter labels: 'tap' and 'Tap' are the same name; leave one out"),
    ],
)
def test_what_cannot_be_is_refused_with_the_remedy(folder, names, labels, message):
    with pytest.raises((AnnotationError, ValueError), match=message):
        recognise(folder(*names), labels)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(AnnotationError, match="the folder does not exist; give the folder that holds your videos"):
        recognise(tmp_path / "nowhere")


def test_the_home_is_found(folder, monkeypatch):
    root = folder("a.mp4")
    monkeypatch.setenv("HOME", str(root.parent))
    assert recognise("~/my vidéos").folder == root


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_left_to_its_reader(folder):
    root = folder("a/1.mp4", "b/1.mp4")
    (root / "b").chmod(0)
    assert len(recognise(root).videos) == 2
    (root / "b").chmod(0o755)


def test_every_notebook_reads_such_a_folder(folder):
    root = folder(*(f"{c}/{i}.mp4" for c in "ab" for i in range(8)))
    train, test = (load_videos("own", root, split) for split in ("train", "test"))
    assert (len(train), len(test), len(load_videos("own", root, "all"))) == (12, 4, 16)
    assert "16 videos: folders of classes" in train.notes[0] and "12 videos for training" in train.notes[1]
    values = {"dataset": "own", "fold": 1, "val_share": 0.25}
    assert [len(listed_videos(values, root, split)) for split in ("train", "val", "test")] == [10, 2, 4]


def test_what_class_folders_refuse_and_own_reads_is_said(folder):
    values = {"dataset": "folders", "fold": 1}
    root = folder("IMG_1.mp4", "IMG_2.mp4")
    with pytest.raises(
        AnnotationError, match=r"no class folders .*; or set dataset to own, which reads it: .* 2 videos"
    ):
        listed_videos(values, root, "all")
    with pytest.raises(AnnotationError, match=r"does not exist; set data_root to where the data set lies$"):
        listed_videos(values, root / "nowhere", "all")


def test_videos_without_labels_are_read_too(folder):
    alone = load_videos("own", folder("1.mp4", "2.mp4"), "all")
    assert (alone.classes, alone.labels.tolist()) == (("without a label",), [0, 0])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("v_Run_g01_c01", "v_Sit_g01_c07", True),
        ("park_clip1", "park_clip22", True),
        ("park_3_1", "park_3_2", True),
        ("park_3_1", "park_4_1", False),
        ("IMG_0001", "IMG_0002", False),
        ("VID_20260101_120000", "VID_20260101_130000", False),
        ("clip1", "clip2", False),
        ("abc1", "abc2", False),
    ],
)
def test_recordings_are_told_by_names(one, other, same):
    first, second = (group_name("own", PurePosixPath("x", f"{name}.mp4").as_posix()) for name in (one, other))
    assert (first == second) is same

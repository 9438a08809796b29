"""Annotation readers: the right list, or the file and the line that are wrong. And what the `Dataset` makes of it."""

import shutil

import numpy as np
import pytest
import torch
from conftest import CLASSES, grey, write_ucf101, write_video
from hypothesis import given
from hypothesis import strategies as st

from text4vis_core import VideoDataset, VideoError, load_videos
from text4vis_core.datasets import AnnotationError, Video, VideoList, collate, read_class_folders, read_ucf101


@pytest.fixture
def data(ucf101, tmp_path):
    """A copy of the data set that a test may spoil."""
    return shutil.copytree(ucf101, tmp_path / "data")


def fault(root, split="train") -> str:
    with pytest.raises(AnnotationError) as caught:
        read_ucf101(root, split)
    return str(caught.value)


def append(path, line: str) -> int:
    """Add a line to an annotation file; its number."""
    with open(path, "a") as file:
        file.write(line + "\n")
    return len(path.read_text().splitlines())


def test_ucf101_is_read_as_annotated(ucf101):
    train, test = (load_videos("ucf101", ucf101, split) for split in ("train", "test"))
    assert train.classes == test.classes == CLASSES
    assert train.names == ["apply lipstick", "hula hoop", "wall pushups"]
    assert train.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert test.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert all(video.path.is_file() and video.path.parent.name == CLASSES[video.label] for video in train.videos)
    assert not {video.path for video in train.videos} & {video.path for video in test.videos}


def test_ucf101_annotations_beside_the_class_folders(ucf101, tmp_path):
    for folder in ("annotations", "videos"):
        shutil.copytree(ucf101 / folder, tmp_path / "flat", dirs_exist_ok=True)
    assert read_ucf101(tmp_path / "flat", "test").labels.tolist() == [0, 0, 1, 1, 2, 2]


def test_a_video_may_be_a_folder_of_frames(data):
    (data / "videos" / "HulaHoop" / "v_frames").mkdir()
    append(data / "annotations" / "trainlist01.txt", "HulaHoop/v_frames 2")
    assert read_ucf101(data, "train").videos[-1] == Video(data / "videos" / "HulaHoop" / "v_frames", 1)


def test_blank_lines_do_not_count(data):
    append(data / "annotations" / "trainlist01.txt", "\n   \n")
    assert len(read_ucf101(data, "train")) == 9


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("HulaHoop/v_gone.avi 2", "no such video"),
        ("HulaHoop/v_HulaHoop_g01_c01.avi 0", "label 0 is not between 1 and 3"),
        ("HulaHoop/v_HulaHoop_g01_c01.avi 4", "label 4 is not between 1 and 3"),
        ("HulaHoop/v_HulaHoop_g01_c01.avi -1", "label -1 is not between 1 and 3"),
        ("HulaHoop/v_HulaHoop_g01_c01.avi two", "label two is not between 1 and 3"),
        ("HulaHoop/v_HulaHoop_g01_c01.avi ²", "label ² is not between 1 and 3"),
        ("HulaHoop/v_HulaHoop_g01_c01.avi 2 2", "two fields at most"),
        ("HulaHoops/v_HulaHoop_g01_c01.avi", "class 'HulaHoops' is not in classInd.txt"),
    ],
)
def test_a_faulty_line_is_named_by_file_and_number(data, line, reason):
    path = data / "annotations" / "trainlist01.txt"
    number = append(path, line)
    message = fault(data)
    assert f"{path}, line {number}: " in message
    assert reason in message
    assert line in message


@pytest.mark.parametrize("line", ["four WavingHand", "4", "4 Waving Hand", "-4 WavingHand"])
def test_a_faulty_line_of_the_class_index(data, line):
    path = data / "annotations" / "classInd.txt"
    assert f"{path}, line {append(path, line)}: expected 'ID NAME'" in fault(data)


@pytest.mark.parametrize("line", ["0 WavingHand", "5 WavingHand"])
def test_class_ids_are_one_to_their_number(data, line):
    append(data / "annotations" / "classInd.txt", line)
    assert "classInd.txt: class ids must be 1 to 4, each once" in fault(data)


def test_a_class_id_that_occurs_twice(data):
    path = data / "annotations" / "classInd.txt"
    assert f"{path}, line {append(path, '3 WavingHand')}: class id 3 occurs twice" in fault(data)


def test_a_class_without_videos_is_named(data):
    append(data / "annotations" / "classInd.txt", "4 WavingHand")
    message = fault(data)
    assert "trainlist01.txt: no videos of class WavingHand" in message


@pytest.mark.parametrize("name", ["classInd.txt", "trainlist01.txt"])
def test_a_missing_annotation_file(data, name):
    (data / "annotations" / name).unlink()
    assert fault(data).startswith(f"{data}: no {name} in it")


@pytest.mark.parametrize("dataset", ["ucf101", "folders"])
def test_a_missing_root_says_which_and_what_to_set(tmp_path, dataset):
    with pytest.raises(AnnotationError, match=r"nowhere.*does not exist; set data_root"):
        load_videos(dataset, tmp_path / "nowhere", "train")


def test_another_fold(data):
    shutil.copy(data / "annotations" / "testlist01.txt", data / "annotations" / "testlist03.txt")
    assert len(load_videos("ucf101", data, "test", fold=3)) == 6
    with pytest.raises(AnnotationError, match=r"no testlist02\.txt"):
        load_videos("ucf101", data, "test", fold=2)


def test_unknown_data_set_and_split_name_the_choices(ucf101):
    with pytest.raises(ValueError, match="unknown data set 'ucf'; choose from: puppets, ucf101, folders"):
        load_videos("ucf", ucf101, "train")
    with pytest.raises(ValueError, match="unknown split 'val'; choose from: train, test"):
        load_videos("ucf101", ucf101, "val")


def test_class_folders(tmp_path):
    for name, files in {"waving": ("b.mp4", "a.AVI", "notes.txt"), "archery": ("frames",)}.items():
        folder = tmp_path / "train" / name
        folder.mkdir(parents=True)
        for file in files:
            (folder / file).mkdir() if "." not in file else (folder / file).touch()
    videos = load_videos("folders", tmp_path, "train")
    assert videos.classes == ("archery", "waving")
    assert [(video.path.name, video.label) for video in videos.videos] == [("frames", 0), ("a.AVI", 1), ("b.mp4", 1)]


def test_class_folders_that_are_empty(tmp_path):
    (tmp_path / "train").mkdir()
    with pytest.raises(AnnotationError, match="train: no class folders"):
        read_class_folders(tmp_path, "train")
    (tmp_path / "train" / "archery").mkdir()
    with pytest.raises(AnnotationError, match="train: no videos of class archery"):
        read_class_folders(tmp_path, "train")


def made_up(counts) -> VideoList:
    videos = [Video(f"{label}/{i}.mp4", label) for label, count in enumerate(counts) for i in range(count)]
    return VideoList(tuple(f"class {label}" for label in range(len(counts))), tuple(videos))


counts = st.lists(st.integers(1, 9), min_size=1, max_size=5)


@given(counts, st.integers(0, 2**32 - 1), st.data())
def test_few_shot_is_balanced_nested_and_seeded(counts, seed, data):
    videos = made_up(counts)
    more = data.draw(st.integers(1, min(counts)))
    fewer = data.draw(st.integers(1, more))
    large, small = videos.few_shot(more, seed), videos.few_shot(fewer, seed)
    assert np.bincount(large.labels).tolist() == [more] * len(counts)
    assert len(set(large.videos)) == len(large)
    assert set(small.videos) <= set(large.videos) <= set(videos.videos)
    assert videos.few_shot(more, seed) == large


def test_few_shot_seeds_draw_other_videos():
    videos = made_up([20, 20])
    assert len({videos.few_shot(2, seed) for seed in range(10)}) == 10


def test_more_shots_than_videos_names_the_class():
    with pytest.raises(ValueError, match="4 shots were asked for, class 'class 1' has 3 videos"):
        made_up([5, 3]).few_shot(4, 0)


def test_select_classes_renumbers_in_the_order_given(train_videos):
    part = train_videos.select_classes([2, 0])
    assert part.classes == ("WallPushups", "ApplyLipstick")
    assert [(video.path.parent.name, video.label) for video in part.videos] == [
        *[("ApplyLipstick", 1)] * 3,
        *[("WallPushups", 0)] * 3,
    ]


def test_only_some_classes_keeps_labels(train_videos):
    some = train_videos.only([0, 2])
    assert some.classes == train_videos.classes
    assert set(some.labels) == {0, 2}
    assert len(some) == sum(label in (0, 2) for label in train_videos.labels)


def test_class_ids_takes_names_in_any_spelling(train_videos):
    assert train_videos.class_ids(["wall pushups", "HulaHoop", "apply_lipstick"]) == [2, 1, 0]
    with pytest.raises(
        ValueError, match="unknown class 'archery'; choose from: apply lipstick, hula hoop, wall pushups"
    ):
        train_videos.class_ids(["hula hoop", "archery"])


def test_fingerprint_tells_data_sets_apart(train_videos, test_videos, tmp_path):
    same = load_videos("ucf101", write_ucf101(tmp_path / "elsewhere"), "train")
    assert train_videos.fingerprint() == same.fingerprint()
    others = [test_videos, train_videos.few_shot(2, 0), train_videos.select_classes([0, 1])]
    assert len({videos.fingerprint() for videos in [train_videos, *others]}) == 4


def test_an_evaluation_item_is_the_views_of_one_video(train_videos):
    item = VideoDataset(train_videos, 3, 16, clips=2, crops=3)[4]
    assert (item["label"], item["index"]) == (1, 4)
    assert (item["frames"].shape, item["frames"].dtype) == ((6, 3, 3, 16, 16), torch.uint8)
    # Frames 0, 2 and 4 of a six-frame video, then the clip that starts one later; each in three crops.
    red = item["frames"][:, :, 0, 8, 8].int()
    expected = [[grey(6 + i) for i in clip] for clip in [(0, 2, 4)] * 3 + [(1, 3, 5)] * 3]
    assert (red - torch.tensor(expected)).abs().max() <= 4


def test_a_training_item_is_a_function_of_seed_epoch_and_index(train_videos):
    def clip(seed, epoch, index):
        dataset = VideoDataset(train_videos, 2, 16, training=True, seed=seed)
        dataset.epoch = epoch
        return dataset[index]["frames"]

    assert clip(0, 0, 0).shape == (2, 3, 16, 16)
    assert torch.equal(clip(0, 1, 2), clip(0, 1, 2))
    assert len({clip(*key).numpy().tobytes() for key in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 2, 0)]}) == 4


def test_a_video_shorter_than_the_clip_works(tmp_path):
    videos = VideoList(("a",), (Video(write_video(tmp_path / "short.mp4", 2), 0),))
    assert VideoDataset(videos, 8, 16)[0]["frames"].shape == (1, 8, 3, 16, 16)
    assert VideoDataset(videos, 8, 16, training=True, dense=True)[0]["frames"].shape == (8, 3, 16, 16)


@pytest.fixture
def one_broken(data):
    """The test videos, the second of which cannot be decoded."""
    videos = load_videos("ucf101", data, "test")
    videos.videos[1].path.write_text("broken")
    return videos


@pytest.mark.parametrize("training", [False, True])
def test_a_broken_video_stops_by_default(one_broken, training):
    dataset = VideoDataset(one_broken, 2, 16, training=training)
    with pytest.raises(VideoError, match=one_broken.videos[1].path.name):
        dataset[1]


@pytest.mark.parametrize("training", [False, True])
def test_a_broken_video_is_left_out_and_never_replaced(one_broken, training):
    dataset = VideoDataset(one_broken, 2, 16, training=training, on_error="skip")
    batch = collate([dataset[i] for i in range(4)])
    assert batch["indices"].tolist() == [0, 2, 3]
    assert batch["labels"].tolist() == [0, 1, 1]
    assert len(batch["frames"]) == 3
    [(index, reason)] = batch["errors"]
    assert index == 1
    assert one_broken.videos[1].path.name in reason


def test_a_batch_of_broken_videos_only():
    batch = collate([{"index": 5, "error": "broken"}])
    assert batch["frames"] is None
    assert (batch["labels"].tolist(), batch["errors"]) == ([], [(5, "broken")])


@pytest.mark.parametrize("wrong", [{"on_error": "replace"}, {"crops": 2}])
def test_unknown_options_name_the_choices(train_videos, wrong):
    with pytest.raises(ValueError, match="choose"):
        VideoDataset(train_videos, 2, 16, **wrong)


def test_class_folders_have_the_same_labels_in_every_split(tmp_path):
    for split, names in (("train", ["archery", "boxing", "cycling"]), ("test", ["archery", "cycling"])):
        for name in names:
            (tmp_path / split / name).mkdir(parents=True)
            (tmp_path / split / name / "1.mp4").write_bytes(b"x")
    assert load_videos("folders", tmp_path, "train").classes == ("archery", "boxing", "cycling")
    with pytest.raises(AnnotationError, match="no videos of class boxing"):
        load_videos("folders", tmp_path, "test")

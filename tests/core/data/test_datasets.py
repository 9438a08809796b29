"""Lists of videos: the right ones, or the file and the line that are wrong. And what the `Dataset` makes of them."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import CLASSES, frame_numbers, grey, write_ucf101, write_video
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from text4vis_core import VideoDataset, VideoError, load_videos
from text4vis_core.data import Augmentation, Views
from text4vis_core.data.datasets import collate
from text4vis_core.data.formats.readers import read_class_folders, read_ucf101
from text4vis_core.data.transforms import finish
from text4vis_core.data.video_list import AnnotationError, Video, VideoList


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
    with pytest.raises(ValueError, match="unknown split 'dev'; choose from: train, val, test, all"):
        load_videos("ucf101", ucf101, "dev")


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


@pytest.mark.parametrize("shots", [0, -1])
def test_fewer_shots_than_one(shots):
    with pytest.raises(ValueError, match=f"{shots} shots were asked for: ask for 1 or more"):
        made_up([5, 3]).few_shot(shots, 0)


SEVERAL = VideoList(
    ("a", "b", "c"),
    (Video("1.mp4", 2, (2, 0)), Video("2.mp4", 1, (1,)), Video("3.mp4", 0, (0,))),
    missing=(Video("4.mp4", 1, (1, 2)), Video("5.mp4", 2, (2,))),
    directional=frozenset({0, 2}),
)


def test_several_labels_become_targets():
    assert SEVERAL.multi_label
    assert SEVERAL.labels.tolist() == [2, 1, 0]
    assert SEVERAL.targets.tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 0]]
    assert SEVERAL.targets.dtype == torch.float32


@given(counts)
def test_one_label_becomes_a_one_hot_target(counts):
    videos = made_up(counts)
    assert not videos.multi_label
    assert torch.equal(videos.targets, torch.eye(len(counts))[videos.labels])


def test_a_choice_of_classes_goes_by_every_label_of_a_video():
    some = SEVERAL.select_classes([0, 1])
    assert [(video.path, video.label, video.labels) for video in some.videos] == [
        ("1.mp4", 0, (0,)),
        ("2.mp4", 1, (1,)),
        ("3.mp4", 0, (0,)),
    ]
    assert (some.classes, some.directional) == (("a", "b"), {0})
    assert some.missing == (Video("4.mp4", 1, (1,)),)


def test_select_classes_renumbers_in_the_order_given(train_videos):
    part = train_videos.select_classes([2, 0])
    assert part.classes == ("WallPushups", "ApplyLipstick")
    assert [(video.path.parent.name, video.label) for video in part.videos] == [
        *[("ApplyLipstick", 1)] * 3,
        *[("WallPushups", 0)] * 3,
    ]


def test_fingerprint_tells_data_sets_apart(train_videos, test_videos, tmp_path):
    same = load_videos("ucf101", write_ucf101(tmp_path / "elsewhere"), "train")
    assert train_videos.fingerprint() == same.fingerprint()
    others = [test_videos, train_videos.few_shot(2, 0), train_videos.select_classes([0, 1])]
    assert len({videos.fingerprint() for videos in [train_videos, *others]}) == 4


def test_fingerprint_tells_parts_and_labels_apart(train_videos):
    [video, *_] = train_videos.videos
    changes = [{}, {"start": 0.0}, {"start": 0.0, "end": 1.0}, {"labels": (0,)}, {"labels": (0, 1)}]
    lists = [VideoList(train_videos.classes, (replace(video, **change),)) for change in changes]
    assert len({videos.fingerprint() for videos in lists}) == len(changes)


def test_an_evaluation_item_is_the_views_of_one_video(train_videos):
    item = VideoDataset(train_videos, 3, 16, Views(clips=2, crops=3))[4]
    assert (item["label"], item["index"]) == (1, 4)
    assert (item["frames"].shape, item["frames"].dtype) == ((6, 3, 3, 16, 16), torch.uint8)
    # Frames 0, 2 and 4 of a six-frame video, then the clip that starts one later; each in three crops.
    red = item["frames"][:, :, 0, 8, 8].int()
    expected = [[grey(6 + i) for i in clip] for clip in [(0, 2, 4)] * 3 + [(1, 3, 5)] * 3]
    assert (red - torch.tensor(expected)).abs().max() <= 4


def test_a_training_item_is_a_function_of_seed_epoch_and_index(train_videos):
    def clip(seed, epoch, index):
        dataset = VideoDataset(train_videos, 2, 16, Views(training=True), seed=seed)
        dataset.epoch = epoch
        return dataset[index]["frames"]

    assert clip(0, 0, 0).shape == (2, 3, 16, 16)
    assert torch.equal(clip(0, 1, 2), clip(0, 1, 2))
    assert len({clip(*key).numpy().tobytes() for key in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 2, 0)]}) == 4


def test_a_training_batch_says_what_is_left_to_finish(train_videos):
    options = Augmentation(flip=1.0, grayscale=0.0, blur=1.0, solarize=1.0)
    dataset = VideoDataset(train_videos, 2, 16, Views(training=True, augmentation=options))
    rows = collate([dataset[i] for i in range(4)])["finish"]
    assert (rows.shape, rows.dtype) == ((4, 4), torch.float32)
    assert rows[:, [0, 1, 3]].tolist() == [[1, 0, 1]] * 4
    assert ((rows[:, 2] >= 0.1) & (rows[:, 2] <= 2)).all() and len(set(rows[:, 2].tolist())) == 4
    assert "finish" not in collate([VideoDataset(train_videos, 2, 16)[0]])


def part(path, start, end, duration=None) -> VideoList:
    return VideoList(("a",), (Video(path, 0, start=start, end=end, duration=duration),))


def shades(videos: VideoList, frames: int) -> list[int]:
    """The numbers of the frames in a clip of the first video."""
    clip = VideoDataset(videos, frames, 32)[0]["frames"][0]
    return frame_numbers(clip.permute(0, 2, 3, 1).numpy())


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0.5, 0.75, [6, 7, 8]),  # 12 frames per second
        (None, 0.25, [0, 1, 2]),
        (0.75, None, [9, 10, 11]),
        (0.75, 60.0, [9, 10, 11]),  # beyond the end
        (0.5, 0.5, [6, 6, 6]),  # no length: one frame
    ],
)
def test_a_part_of_a_video_is_given_in_seconds(video, start, end, expected):
    assert shades(part(video, start, end), 3) == expected


def test_a_part_of_a_folder_of_frames_is_placed_by_the_videos_duration(tmp_path):
    for i in range(6):
        Image.fromarray(np.full((32, 32, 3), (grey(i), 110, 200), np.uint8)).save(tmp_path / f"{i}.png")
    assert shades(part(tmp_path, 2.0, 4.0, duration=12.0), 1) == [1]
    assert shades(part(tmp_path, 2.0, 4.1, duration=12.0), 2) == [1, 2]
    with pytest.raises(VideoError, match="its frame rate is unknown; use video files"):
        shades(part(tmp_path, 2.0, 4.0), 1)


def test_a_part_outside_of_the_video(video):
    with pytest.raises(VideoError, match=r"twelve\.mp4: a part from 3 s is asked for, it lasts 1\.0 s"):
        shades(part(video, 3.0, 4.0), 1)
    dataset = VideoDataset(part(video, 3.0, 4.0), 2, 16, on_error="skip")
    assert "it lasts 1.0 s" in dataset[0]["error"]


def test_a_video_shorter_than_the_clip_works(tmp_path):
    videos = VideoList(("a",), (Video(write_video(tmp_path / "short.mp4", 2), 0),))
    assert VideoDataset(videos, 8, 16)[0]["frames"].shape == (1, 8, 3, 16, 16)
    assert VideoDataset(videos, 8, 16, Views(training=True, dense=True))[0]["frames"].shape == (8, 3, 16, 16)


@pytest.fixture
def one_broken(data):
    """The test videos, the second of which cannot be decoded."""
    videos = load_videos("ucf101", data, "test")
    videos.videos[1].path.write_text("broken")
    return videos


@pytest.mark.parametrize("training", [False, True])
def test_a_broken_video_stops_by_default(one_broken, training):
    dataset = VideoDataset(one_broken, 2, 16, Views(training=training))
    with pytest.raises(VideoError, match=one_broken.videos[1].path.name):
        dataset[1]


@pytest.mark.parametrize("training", [False, True])
def test_a_broken_video_is_left_out_and_never_replaced(one_broken, training):
    dataset = VideoDataset(one_broken, 2, 16, Views(training=training), on_error="skip")
    batch = collate([dataset[i] for i in range(4)])
    assert batch["indices"].tolist() == [0, 2, 3]
    assert batch["labels"].tolist() == [0, 1, 1]
    assert len(batch["frames"]) == 3
    [(index, reason)] = batch["errors"]
    assert index == 1
    assert one_broken.videos[1].path.name in reason


def test_targets_are_in_items_and_batches_where_videos_may_have_several_labels(test_videos):
    videos = tuple(replace(video, labels=(video.label, 2)) for video in test_videos.videos[:3])
    dataset = VideoDataset(replace(test_videos, videos=videos), 2, 16)
    batch = collate([dataset[i] for i in range(3)])
    assert batch["targets"].tolist() == [[1, 0, 1], [1, 0, 1], [0, 1, 1]]
    assert "targets" not in collate([VideoDataset(test_videos, 2, 16)[0]])


def test_classes_that_tell_left_from_right_are_never_mirrored(tmp_path):
    picture = np.zeros((16, 16, 3), np.uint8)
    picture[:, :8] = 255  # bright on the left
    for name in ("left", "other"):
        (tmp_path / name).mkdir()
        Image.fromarray(picture).save(tmp_path / name / "1.png")
    videos = VideoList(
        ("left", "other"), (Video(tmp_path / "left", 0), Video(tmp_path / "other", 1)), directional=frozenset({0})
    )
    always = Augmentation(flip=1.0, grayscale=0.0, scale=(1.0, 1.0))
    dataset = VideoDataset(videos, 1, 16, Views(training=True, augmentation=always))
    batch = collate([dataset[i] for i in range(2)])
    frames = finish(batch["frames"], batch["finish"])
    sides = [[bool(clip[0, 0, 8, x] > 128) for x in (2, 13)] for clip in frames]
    assert sides == [[True, False], [False, True]]


def test_a_batch_of_broken_videos_only():
    batch = collate([{"index": 5, "error": "broken"}])
    assert batch["frames"] is None
    assert (batch["labels"].tolist(), batch["errors"]) == ([], [(5, "broken")])


def test_unknown_options_name_the_choices(train_videos):
    with pytest.raises(ValueError, match="choose"):
        VideoDataset(train_videos, 2, 16, on_error="replace")
    with pytest.raises(ValueError, match="choose"):
        Views(crops=2)


def test_class_folders_have_the_same_labels_in_every_split(tmp_path):
    for split, names in (("train", ["archery", "boxing", "cycling"]), ("test", ["archery", "cycling"])):
        for name in names:
            (tmp_path / split / name).mkdir(parents=True)
            (tmp_path / split / name / "1.mp4").write_bytes(b"x")
    assert load_videos("folders", tmp_path, "train").classes == ("archery", "boxing", "cycling")
    with pytest.raises(AnnotationError, match="no videos of class boxing"):
        load_videos("folders", tmp_path, "test")

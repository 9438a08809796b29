"""Where models and class embeddings come from, and how videos become clips."""

import re
from dataclasses import replace

import pytest
import torch
from conftest import write_video
from PIL import Image

from text4vis_core.data import Video, VideoDataset, VideoError, VideoList
from text4vis_lab.class_embeddings import save_class_embeddings
from text4vis_lab.sources import AUGMENTATIONS, Clips, Source, leave_out_short, listed_videos


def test_a_checkpoint_beside_a_text_tower(published, clip, test_videos):
    path, model = published
    source = Source(clip=clip, checkpoint=str(path), num_frames=2)
    frames = torch.randn(1, 2, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(source.build().cpu().encode_video(frames), model.encode_video(frames))
    assert torch.equal(source.embed_classes(test_videos), clip.class_embeddings(test_videos.names))
    assert set(source.fingerprints()) == {"clip", "checkpoint"}


def test_a_checkpoint_beside_a_file_of_class_embeddings(published, clip, test_videos, tmp_path):
    path, _ = published
    names = test_videos.class_names("published")
    rows = clip.class_embeddings(names)
    save_class_embeddings(tmp_path / "rows.safetensors", names, rows, clip.source, "{}")
    settings = {"checkpoint": str(path), "class_embeddings": str(tmp_path / "rows.safetensors")}
    source = Source(**settings, names="published", num_frames=2)
    assert torch.equal(source.embed_classes(test_videos), rows)
    assert set(source.fingerprints()) == {"checkpoint", "class_embeddings"}
    with pytest.raises(ValueError, match="lacks 3 of 3 classes: 'apply lipstick'"):
        replace(source, names="words").embed_classes(test_videos)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"names": "shouted"}, "parameter names: unknown 'shouted'; choose from: published, words"),
        ({"template": "no place"}, "must hold {} exactly once"),
        ({"temporal": "lstm"}, "unknown temporal module 'lstm'; choose from: mean, transformer"),
        ({"checkpoint": "x.pt"}, "parameter model is empty: .* checkpoint and class_embeddings .* are needed, both"),
        ({}, "parameter model is empty: without it, checkpoint and class_embeddings .* are needed, both"),
    ],
)
def test_sources_that_cannot_be(settings, message):
    with pytest.raises(ValueError, match=message.replace("{}", r"\{\}")):
        Source(**settings)


def test_a_file_that_is_not_there_names_its_parameter(clip):
    with pytest.raises(FileNotFoundError, match=r"parameter checkpoint: there is no file nowhere\.pt"):
        Source(clip=clip, checkpoint="nowhere.pt").fingerprints()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_frames": 0}, "num_frames: 0"),
        ({"num_frames": 2.5}, "parameter num_frames: 2.5 is not a whole number"),
        ({"resize": -1}, "resize: -1"),
        ({"clips": 0}, "clips: 0"),
        ({"clips": "two"}, "parameter clips: 'two' is not a whole number"),
    ],
)
def test_clips_that_cannot_be(settings, message):
    with pytest.raises(ValueError, match=message):
        Clips(**settings)


def test_what_only_a_data_set_can_tell_is_told_with_the_choices(test_videos):
    with pytest.raises(ValueError, match=r"on_error.*'ignore'"):
        Clips(on_error="ignore").evaluation(test_videos, 32)
    with pytest.raises(ValueError, match="crops is 2; choose one of 1, 3, 5, 10"):
        Clips().evaluation(test_videos, 32, (1, 2))


def test_sizes_that_cannot_be():
    with pytest.raises(ValueError, match="parameter resize: 256 is less than 336, the model's input size"):
        Clips(resize=256).check(336)
    Clips(resize=336).check(336)
    Clips().check(336)


def test_settings_reach_the_clips(train_videos):
    clips = Clips(num_frames=2, dense=True, resize=40, augmentation="published", randaugment=(1, 5))
    training, evaluation = clips.training(train_videos, 32, seed=3), clips.evaluation(train_videos, 32, (2, 3))
    assert training.views.augmentation == replace(AUGMENTATIONS["published"], randaugment=(1, 5))
    assert (training.views.resize, training.views.dense, training.seed, evaluation.views.resize) == (40, True, 3, 40)
    assert training[0]["frames"].shape == (2, 3, 32, 32)
    assert evaluation[0]["frames"].shape == (6, 2, 3, 32, 32)


@pytest.mark.parametrize(
    ("clips", "crops", "expected"),
    [
        (1, 1, {"1 view": [0]}),
        (1, 3, {"1 view": [1], "1 x 3 views": [0, 1, 2]}),
        (2, 1, {"1 view": [0], "2 clips": [0, 1]}),
        (2, 3, {"1 view": [1], "2 clips": [1, 4], "2 x 3 views": [0, 1, 2, 3, 4, 5]}),
        (1, 5, {"1 view": [4], "1 x 5 views": [0, 1, 2, 3, 4]}),
    ],
)
def test_views_are_named_and_the_centre_crop_is_among_them(video, clips, crops, expected):
    from text4vis_core.data.video_list import Video, VideoList

    some = Clips(num_frames=2, clips=clips, crops=crops)
    assert some.views_by_name == expected
    assert some.all_views == list(expected)[-1]
    frames = some.evaluation(VideoList(("x",), (Video(video, 0),)), 32, some.views)[0]["frames"]
    assert len(frames) == clips * crops


def test_short_folders_are_left_out_but_of_a_test_in_several_views(test_videos, tmp_path):
    from PIL import Image

    for number in range(2):
        Image.new("RGB", (40, 40)).save(tmp_path / f"{number}.jpg")
    videos = replace(test_videos, videos=(replace(test_videos.videos[0], path=tmp_path), *test_videos.videos))
    clips = Clips(num_frames=2, min_frames=3)
    for test in (True, False):
        kept, left_out = clips.long_enough(videos, test)
        assert len(kept) == len(test_videos)
        assert [path for path, _ in left_out] == [str(tmp_path)]
    assert clips.long_enough(videos, True)[0].videos == test_videos.videos
    several = replace(clips, crops=3)
    assert several.long_enough(videos, test=True) == (videos, [])
    assert len(several.long_enough(videos, test=False)[0]) == len(test_videos)
    assert replace(clips, min_frames=0).long_enough(videos, False) == (videos, [])


@pytest.fixture
def short_and_long(tmp_path) -> VideoList:
    """A folder of 7 frames, one of 8, a segment of half of the latter, and a file of 2 frames."""
    folders = [tmp_path / name for name in ("seven", "eight")]
    for folder, count in zip(folders, (7, 8), strict=True):
        folder.mkdir()
        for i in range(count):
            Image.new("RGB", (16, 16)).save(folder / f"img_{i:05d}.jpg")
    videos = [Video(path, 0) for path in (*folders, write_video(tmp_path / "two.mp4", 2))]
    segment = Video(folders[1], 0, start=2.0, end=4.0, duration=4.0)
    return VideoList(("a",), (*videos, segment), missing=(Video("gone.mp4", 0),))


def test_folders_of_few_frames_are_left_out_and_named_and_files_are_not(short_and_long):
    seven, eight, two, segment = short_and_long.videos
    kept, left_out = leave_out_short(short_and_long, 8)
    assert kept == replace(short_and_long, videos=(eight, two))
    assert [path for path, _ in left_out] == [str(seven.path), str(segment.path)]
    assert [re.findall(r"\d+ frames", reason) for _, reason in left_out] == [["7 frames"], ["4 frames"]]
    assert leave_out_short(short_and_long, 4) == (short_and_long, [])
    assert leave_out_short(short_and_long, 0) == (short_and_long, [])


def test_what_cannot_be_read_is_not_left_out_as_short_but_named_when_it_is_decoded(tmp_path):
    (tmp_path / "empty").mkdir()
    videos = VideoList(("a",), (Video(tmp_path / "empty", 0), Video(tmp_path / "empty", 0, start=1.0, end=2.0)))
    assert leave_out_short(videos, 8) == (videos, [])
    with pytest.raises(VideoError, match="empty: it has no frames"):
        VideoDataset(videos, 2, 16)[0]


def test_lists_are_chosen_by_settings(tmp_path):
    for place in ("train/run/a.mp4", "train/run/b.mp4", "train/run/notes.txt", "val/run/c.mp4", "test/run/d.mp4"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(b"x")
    values = {"dataset": "folders", "fold": 1}
    assert [video.path.name for video in listed_videos(values, tmp_path, "test").videos] == ["d.mp4"]
    found = listed_videos(values | {"test_list": "val", "train_list": ""}, tmp_path, "all")
    assert [video.path.name for video in found.videos] == ["a.mp4", "b.mp4", "c.mp4"]
    [note] = found.notes
    assert "2 passed over, as no videos: 'test', 'train/run/notes.txt'" in note
    with pytest.raises(ValueError, match="test_list is 'val'; only puppets"):
        listed_videos({"dataset": "hmdb51", "fold": 1, "test_list": "val"}, tmp_path, "test")


def test_settings_that_a_checkpoint_would_leave_without_effect_are_refused(clip, published):
    path, _ = published
    with pytest.raises(
        ValueError, match=r"parameter temporal: 'transformer', but .* has its own; leave temporal at 'mean'"
    ):
        Source(clip=clip, checkpoint=str(path), temporal="transformer", num_frames=2).build()
    with pytest.raises(ValueError, match="parameter checkpoint_temporal is of a checkpoint, and there is none"):
        Source(clip=clip, checkpoint_temporal="tokenshift")

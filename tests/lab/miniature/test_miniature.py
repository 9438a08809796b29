"""The small world: the same for the same seed, laid out like UCF101, with captions that name what is shown."""

import numpy as np
import open_clip
import pytest
import torch
from conftest import ROOT, frame_numbers

from text4vis_core import load_clip, load_videos, read_frames
from text4vis_core.model.labels import as_words
from text4vis_core.model.video_classifier import fingerprint
from text4vis_lab import miniature
from text4vis_lab.miniature import ACTIONS, NOVEL_CLASSES, TIME_ORDERED_PAIRS, making
from text4vis_lab.miniature.clip import MODEL_CONFIG, PretrainingConfig, pretrain
from text4vis_lab.miniature.skeleton import random_actor
from text4vis_lab.miniature.world import make_pictures, make_puppets, render_picture, render_video, write_video

SMALL = {"height": 48, "width": 64, "num_frames": 4}
CAPTIONS = 40


def test_there_are_enough_classes_with_names_of_the_field():
    assert len(ACTIONS) >= 24
    assert {"jumping jacks", "push up", "juggling balls", "playing guitar", "archery", "cartwheeling"} <= set(ACTIONS)
    assert set(NOVEL_CLASSES) <= set(ACTIONS)
    assert not set(NOVEL_CLASSES) & {name for pair in TIME_ORDERED_PAIRS for name in pair}


@pytest.mark.parametrize("name", ACTIONS)
def test_names_survive_their_folders(name):
    assert as_words("".join(word.capitalize() for word in name.split())) == name


@pytest.mark.parametrize("name", ACTIONS)
def test_footage_is_a_function_of_action_seed_and_group(name):
    frames = render_video(name, 0, 1, **SMALL)
    assert (frames.shape, frames.dtype) == ((4, 48, 64, 3), np.uint8)
    assert np.array_equal(frames, render_video(name, 0, 1, **SMALL))
    assert np.abs(frames[0].astype(int) - frames[2]).mean() > 2  # something moves


def test_seeds_groups_and_actions_all_matter():
    keys = [("archery", 0, 1), ("archery", 1, 1), ("archery", 0, 2), ("push up", 0, 1)]
    videos = [render_video(*key, **SMALL).astype(int) for key in keys]
    assert min(np.abs(a - b).mean() for i, a in enumerate(videos) for b in videos[:i]) > 3


def test_pictures_are_a_function_of_their_generator():
    first, second, other = (render_picture("archery", np.random.default_rng(seed), 32) for seed in (0, 0, 1))
    assert np.array_equal(first[0], second[0])
    assert first[1] == second[1]
    assert not np.array_equal(first[0], other[0])


def test_pictures_do_not_depend_on_how_many_are_drawn():
    (many, captions), (few, beginning) = (make_pictures(count, 3, 16, workers=1) for count in (70, 5))
    assert many.shape == (70, 3, 16, 16)
    assert np.array_equal(many[:5], few)
    assert captions[:5] == beginning


@pytest.mark.parametrize("pair", TIME_ORDERED_PAIRS)
def test_a_time_ordered_pair_is_one_motion_in_two_directions(pair):
    forwards, backwards = (ACTIONS[name] for name in pair)
    actor = random_actor(np.random.default_rng(0))
    assert forwards.time_ordered
    assert backwards.time_ordered
    assert (forwards.backwards, backwards.backwards) == (False, True)
    for t in (0.0, 0.3, 1.0):
        assert forwards.draw(actor, t) == backwards.draw(actor, t)
    assert forwards.draw(actor, 0.0) != forwards.draw(actor, 1.0)


@pytest.fixture(scope="module")
def captions() -> dict[str, list[str]]:
    rng = np.random.default_rng(0)
    return {name: [render_picture(name, rng, 8)[1] for _ in range(CAPTIONS)] for name in ACTIONS}


def test_every_class_is_named_in_captions(captions):
    for name, texts in captions.items():
        assert sum(name in text for text in texts) >= CAPTIONS // 5, name


def test_captions_vary_and_are_finished_sentences(captions):
    for name, texts in captions.items():
        assert len(set(texts)) >= CAPTIONS // 2, name
        assert all(text == text.lower() and "{" not in text and "  " not in text for text in texts), name


def test_captions_fit_the_text_tower(captions):
    length = MODEL_CONFIG["text_cfg"]["context_length"]
    tokens = open_clip.SimpleTokenizer(context_length=length + 10)([t for texts in captions.values() for t in texts])
    assert int((tokens != 0).sum(1).max()) <= length


@pytest.mark.parametrize("render", [lambda: render_video("flying", 0, 1), lambda: render_picture("flying", None)])
def test_an_unknown_action_names_the_choices(render):
    with pytest.raises(ValueError, match=r"unknown action 'flying'; the actions are: .*archery"):
        render()


def test_a_video_file_holds_the_frames_it_was_given(tmp_path):
    frames = np.stack([np.full((32, 40, 3), (20 + 10 * i, 110, 200), np.uint8) for i in range(10)])
    write_video(tmp_path / "a.mp4", frames)
    assert frame_numbers(read_frames(tmp_path / "a.mp4", lambda length: np.arange(length))) == list(range(10))


@pytest.fixture(scope="module")
def puppets(tmp_path_factory):
    """One training and one test video of each class."""
    return make_puppets(tmp_path_factory.mktemp("puppets"), 0, 1, 1, workers=1)


@pytest.mark.slow
def test_puppets_are_read_as_a_data_set(puppets):
    train, test = (load_videos("puppets", puppets, split) for split in ("train", "test"))
    assert train.names == test.names == list(ACTIONS)
    assert train.labels.tolist() == test.labels.tolist() == list(range(len(ACTIONS)))
    assert not {video.path for video in train.videos} & {video.path for video in test.videos}
    frames = read_frames(train.videos[0].path, lambda length: np.arange(length))
    drawn = render_video(train.names[0], 0, 1)
    assert frames.shape == drawn.shape
    assert np.abs(frames.astype(int) - drawn).mean() < 12  # H.264 of a noisy picture


@pytest.mark.slow
def test_an_interrupted_making_goes_on_and_ends_with_the_same_bytes(puppets):
    files = sorted(path for path in puppets.rglob("*") if path.is_file())
    before = {path: path.read_bytes() for path in files}
    times = {path: path.stat().st_mtime_ns for path in files if path.suffix == ".mp4"}
    lost = [files[3], *(path for path in files if path.name in ("testlist01.txt", "v_Archery_g02_c01.mp4"))]
    for path in lost:
        path.unlink()
    make_puppets(puppets, 0, 1, 1, workers=1)
    assert {path: path.read_bytes() for path in puppets.rglob("*") if path.is_file()} == before
    assert all(path.stat().st_mtime_ns == time for path, time in times.items() if path not in lost)


def test_another_seeds_world_is_not_mixed_in(puppets):
    with pytest.raises(ValueError, match="holds another world"):
        make_puppets(puppets, 1, 1, 1, workers=1)


@pytest.mark.slow
def test_pretraining_writes_a_folder_that_can_be_loaded(tmp_path):
    pictures, texts = make_pictures(16, 0, MODEL_CONFIG["vision_cfg"]["image_size"], workers=1)
    prints = []
    for folder in ("a", "b"):
        config = PretrainingConfig(pictures=16, epochs=1, batch_size=8)
        log = pretrain(torch.from_numpy(pictures), texts, config, tmp_path / folder)
        assert [row["epoch"] for row in log] == [1]
        assert miniature.training_log(tmp_path / folder) == log
        clip = load_clip(str(tmp_path / folder))
        prints.append(fingerprint(clip.model))
        assert clip.class_embeddings(["archery"]).shape == (1, MODEL_CONFIG["embed_dim"])
    assert prints[0] == prints[1]


def test_prepare_makes_nothing_that_was_not_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(making, "make", lambda *_, **__: pytest.fail("the miniature was made"))
    monkeypatch.chdir(ROOT)
    assert miniature.prepare("ucf101", "", "ViT-B-32") == (ROOT / "data" / "ucf101", "ViT-B-32")
    assert miniature.prepare("puppets", str(tmp_path), "RN50") == (tmp_path, "RN50")

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
from text4vis_lab.miniature.films import make_puppets, render_video, write_video
from text4vis_lab.miniature.pictures import caption, make_pictures, render_picture
from text4vis_lab.miniature.skeleton import random_actor

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
    """A training, a validation and a test video of each class."""
    return make_puppets(tmp_path_factory.mktemp("puppets"), 0, 1, 1, 1, workers=1)


@pytest.mark.slow
def test_puppets_are_read_as_a_data_set(puppets):
    lists = {split: load_videos("puppets", puppets, split) for split in ("train", "val", "test", "all")}
    groups = {"train": ["01"], "val": ["02"], "test": ["03"], "all": ["01", "02", "03"]}
    for split, videos in lists.items():
        assert videos.names == list(ACTIONS)
        assert videos.labels.tolist() == list(range(len(ACTIONS))) * len(groups[split])
        assert [v.path.name.split("_")[2] for v in videos.videos[:: len(ACTIONS)]] == [f"g{g}" for g in groups[split]]
    train = lists["train"]
    frames = read_frames(train.videos[0].path, lambda length: np.arange(length))
    drawn = render_video(train.names[0], 0, 1)
    assert frames.shape == drawn.shape
    assert np.abs(frames.astype(int) - drawn).mean() < 12  # H.264 of a noisy picture


@pytest.mark.slow
def test_an_interrupted_making_goes_on_and_ends_with_the_same_bytes(puppets):
    files = sorted(path for path in puppets.rglob("*") if path.is_file())
    before = {path: path.read_bytes() for path in files}
    times = {path: path.stat().st_mtime_ns for path in files if path.suffix == ".mp4"}
    names = ("puppets.json", "vallist01.txt", "testlist01.txt", "v_Archery_g02_c01.mp4")
    lost = [path for path in files if path.name in names]
    assert len(lost) == 4
    for path in lost:
        path.unlink()
    make_puppets(puppets, 0, 1, 1, 1, workers=1)
    assert {path: path.read_bytes() for path in puppets.rglob("*") if path.is_file()} == before
    assert all(path.stat().st_mtime_ns == time for path, time in times.items() if path not in lost)


def test_another_seeds_world_is_not_mixed_in(puppets):
    with pytest.raises(ValueError, match="holds another world"):
        make_puppets(puppets, 1, 1, 1, 1, workers=1)


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


@pytest.fixture
def made(monkeypatch):
    """What is asked of the miniature, in place of its making: (seed, parts)."""
    calls = []

    def make(root=None, seed=0, workers=2, parts=()):
        calls.append((seed, list(parts)))
        return making.Miniature(ROOT / "data" / f"miniature-seed{seed}")

    monkeypatch.setattr(making, "make", make)
    monkeypatch.chdir(ROOT)
    return calls


def test_prepare_makes_nothing_that_was_not_asked_for(tmp_path, made):
    assert miniature.prepare("ucf101", "", "ViT-B-32") == (ROOT / "data" / "ucf101", "ViT-B-32")
    assert miniature.prepare("puppets", str(tmp_path), "RN50") == (tmp_path, "RN50")
    assert made == []


def test_a_world_is_a_seed_and_its_parts_are_made_where_they_are_asked_for(tmp_path, made):
    world = ROOT / "data" / "miniature-seed2"
    assert miniature.prepare("puppets", "", "RN50", 2) == (world / "puppets", "RN50")
    assert miniature.prepare("folders", str(tmp_path), "mini_clip", 2) == (tmp_path, str(world / "mini_clip"))
    withheld = str(world / "mini_clip_withheld")
    assert miniature.prepare("puppets", "", "mini_clip_withheld", 2) == (world / "puppets", withheld)
    assert made == [(2, ["puppets"]), (2, ["mini_clip"]), (2, ["puppets", "mini_clip_withheld"])]


def test_a_part_that_there_is_not_names_the_choices(tmp_path):
    with pytest.raises(ValueError, match="unknown 'films'; choose from: puppets, mini_clip, mini_clip_withheld"):
        miniature.make(tmp_path, parts=["films"])


def test_no_caption_holds_a_name_that_is_withheld():
    rng = np.random.default_rng(0)
    actor = random_actor(rng)
    texts = {
        name: {caption(ACTIONS[name], actor, "in a park", rng, name not in NOVEL_CLASSES) for _ in range(CAPTIONS * 5)}
        for name in ACTIONS
    }
    for name in NOVEL_CLASSES:
        stems = {word[:4] for word in name.split() if word not in ("the", "a")}
        given_away = {word for text in texts[name] for word in text.split() if word[:4] in stems}
        assert not given_away, name
        assert not any(name in text for several in texts.values() for text in several), name
        assert len(texts[name]) >= 8, name


def test_a_picture_is_the_same_whether_or_not_it_is_named():
    named, unnamed = (make_pictures(24, 0, 16, 1, withheld) for withheld in ((), NOVEL_CLASSES))
    assert np.array_equal(named[0], unnamed[0])
    same = {name for name, one, other in zip(ACTIONS, named[1], unnamed[1], strict=True) if one == other}
    assert set(ACTIONS) - set(NOVEL_CLASSES) <= same

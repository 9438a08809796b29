"""A model's folder gives back what was put into it, and what is wrong with one is said."""

import json
from dataclasses import replace

import pytest
import torch
from backbones import KINDS, NAMES, TEMPLATE
from conftest import CLASSES

from text4vis_core import VideoClassifier, load_clip
from text4vis_lab.model_files import Facts, ModelError, find_model, save_model
from text4vis_lab.model_files.folder import models_in
from text4vis_lab.model_files.network import architecture_of, configuration
from text4vis_lab.models import load_model, open_model
from text4vis_lab.text_linear import LinearClassifier, TextLinear
from text4vis_lab.video_files import find_videos


def facts_for(network, clip, folder="") -> Facts:
    encoder = configuration(clip)
    origin = {"model": str(folder), "pretrained": "", "world": 0}
    clips = {"num_frames": 2, "dense": False, "resize": 0, "clips": 1, "crops": 1}
    return Facts(tuple(NAMES), architecture_of(network, encoder, 2), TEMPLATE, clip=origin, clips=clips)


def classifiers(network: VideoClassifier, rows: torch.Tensor) -> dict:
    linear = LinearClassifier(len(rows), network.dim, seed=3)
    text = TextLinear(rows)
    with torch.no_grad():
        linear.bias.add_(0.5)
        text.bias.sub_(0.25)
    return {
        "text": lambda: network.set_classifier(rows),
        "trained rows": lambda: network.set_classifier(rows * 1.5, frozen=False),
        "linear": lambda: setattr(network, "classifier", linear),
        "text linear": lambda: setattr(network, "classifier", text),
    }


def round_trip(network, facts, folder):
    frames = torch.randint(0, 256, (2, 2, 3, network.size, network.size), dtype=torch.uint8)
    save_model(folder, network, facts)
    again = load_model(folder).network
    with torch.no_grad():
        assert torch.equal(again(frames), network(frames))
    return again


@pytest.mark.parametrize("temporal", ["mean", "transformer", "tsm"])
@pytest.mark.parametrize("kind", ["text", "trained rows", "linear", "text linear"])
def test_logits_after_the_round_trip_are_equal(kind, temporal, clip, tmp_path):
    network = VideoClassifier.from_clip(clip, temporal, num_frames=2)
    classifiers(network, clip.class_embeddings(NAMES))[kind]()
    again = round_trip(network, facts_for(network, clip), tmp_path / "model")
    assert type(again.classifier) is type(network.classifier)
    assert again.classifier.frozen == network.classifier.frozen


@pytest.mark.parametrize("kind", [*KINDS, "coca"])
def test_a_model_on_any_backbone_comes_back(kind, folders, no_network, tmp_path):
    clip = load_clip(str(folders[kind]))
    network = VideoClassifier.from_clip(clip, num_frames=2).set_classifier(clip.class_embeddings(NAMES))
    again = round_trip(network, facts_for(network, clip), tmp_path / "model")
    assert again.logit_bias == network.logit_bias


def test_a_model_that_began_as_a_published_checkpoint_comes_back(published, tmp_path):
    network = published[1].set_classifier(torch.eye(3, 16))
    facts = Facts(tuple(NAMES), architecture_of(network, "published", 2), "{}", clips={"num_frames": 2})
    round_trip(network, facts, tmp_path / "model")


@pytest.fixture
def kept(model, clip, clip_folder, tmp_path):
    """A model in a run's folder, with a number that was measured."""
    facts = replace(facts_for(model, clip, clip_folder), measured=({"test": "test", "videos": 6, "top1": 50.0},))
    return save_model(tmp_path / "run" / "models" / "text-seed0", model, facts)


def test_a_model_is_found_by_its_folder_its_run_and_its_name(kept, model, clip, clip_folder):
    run = kept.parents[1]
    assert find_model(kept) == find_model(run) == find_model(run / "text-seed0") == kept
    save_model(run / "models" / "text-seed1", model, facts_for(model, clip, clip_folder))
    assert [path.name for path in models_in(run)] == ["text-seed0", "text-seed1"]
    with pytest.raises(ModelError, match=r"(?s)run holds 2 models; name one of them:.*text-seed0   test 50.0 %"):
        load_model(run)
    with pytest.raises(ModelError, match="there is no folder nowhere"):
        load_model("nowhere")
    with pytest.raises(ModelError, match="holds no model: run its notebook again with keep_models=first"):
        load_model(clip_folder)


def test_its_card_tells_what_was_measured_and_escapes_names(kept, model, clip):
    card = (kept / "README.md").read_text()
    assert "| test | 6 | 50.00 |" in card
    assert "text4vis predict VIDEOS --model" in card
    facts = replace(facts_for(model, clip), classes=("<script>|", "b", "c"))
    save_model(kept, model, facts)
    assert "&lt;script&gt;\\|" in (kept / "README.md").read_text()


@pytest.mark.parametrize(
    ("file", "spoil", "message"),
    [
        ("model.json", lambda data: data[:-20], "model.json is not what a model's folder tells of it"),
        ("model.json", lambda data: b'{"format": 99}', "is not of format 2"),
        ("model.json", lambda data: json.dumps({"format": 1}).encode(), "field 'classes': Field required"),
        (
            "model.json",
            lambda data: data.replace(b'"names": "words"', b'"names": "other"'),
            "field 'seal' is not that of",
        ),
        ("model.safetensors", lambda data: data[:100], "model.safetensors cannot be read"),
        ("model.safetensors", lambda data: data[:-1] + bytes([data[-1] ^ 1]), "is damaged, or of another model"),
    ],
)
def test_a_damaged_folder_is_named(file, spoil, message, kept):
    path = kept / file
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(ModelError, match=message):
        load_model(kept)


def test_videos_are_found_below_folders_and_named_ones_stay(tmp_path, video):
    (tmp_path / "a" / "deep").mkdir(parents=True)
    (tmp_path / "a" / "deep" / "clip.mp4").write_bytes(video.read_bytes())
    (tmp_path / "a" / "damaged.mp4").write_bytes(b"no video")
    (tmp_path / "a" / "notes.txt").write_text("none")
    (tmp_path / "a" / ".hidden.mp4").write_bytes(b"")
    (tmp_path / "a" / "frames").mkdir()
    (tmp_path / "a" / "frames" / "1.png").write_bytes(b"")
    (tmp_path / "a" / "again").symlink_to(tmp_path / "a")
    found = find_videos([tmp_path / "a", tmp_path / "missing.mp4", tmp_path / "a" / "damaged.mp4"])
    names = [path.relative_to(tmp_path).as_posix() for path in found]
    assert names == ["a/damaged.mp4", "a/deep/clip.mp4", "a/frames", "missing.mp4"]


def test_predictions_name_every_video_and_lose_none(kept, ucf101, tmp_path, video):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "b.mp4").write_bytes(video.read_bytes())
    (tmp_path / "in" / "a.mp4").write_bytes(b"no video")
    table = load_model(kept).predict([tmp_path / "in"], top=2, progress=False)
    assert [name.rsplit("/", 1)[1] for name in table["video"]] == ["a.mp4", "b.mp4", "b.mp4"]
    assert table["rank"].tolist() == [0, 1, 2]
    assert "cannot" not in table["error"][0] and table["error"][0]
    assert table["probability"][1] >= table["probability"][2]
    only = load_model(kept).predict([tmp_path / "in" / "a.mp4"], progress=False)
    assert len(only) == 1 and only["error"][0]
    assert load_model(kept).predict([], progress=False).empty


def test_other_class_names_need_the_text_tower_that_it_came_from(kept, video, model, clip):
    opened = load_model(kept)
    frames = opened.frames(video)
    own = opened.with_labels(NAMES)
    assert torch.equal(own.logits(frames), opened.logits(frames))
    table = opened.classify(video, ["walking", "flying"])
    assert sorted(table["class"]) == ["flying", "walking"]
    assert table["probability"].sum() == pytest.approx(1)
    facts = replace(facts_for(model, clip), clip={"model": "/nowhere/clip", "pretrained": ""})
    save_model(kept, model, facts)
    with pytest.raises(ModelError, match="the text tower of /nowhere/clip is needed"):
        load_model(kept).classify(video, ["walking"])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("dancing", r"class_names: 'dancing' is one text, not a list; write it as \[\"dancing\"\]"),
        ([], "class_names is empty"),
        (["a", " "], "name 2 of 2 is blank"),
        (["a", "b", "a "], "'a' comes twice"),
    ],
)
def test_class_names_that_cannot_be_are_refused(labels, message, clip_folder):
    with pytest.raises(ValueError, match=message):
        open_model(str(clip_folder), labels)


def test_a_clip_is_opened_with_class_names(clip_folder, video, clip):
    opened = open_model(str(clip_folder), list(CLASSES), num_frames=2, template="{}")
    assert opened.classes == list(CLASSES)
    assert opened.frames(video).shape[0] == 2
    assert opened.template == "" and opened.facts.template == "{}"
    assert opened.probabilities(opened.frames(video)).sum() == pytest.approx(1)

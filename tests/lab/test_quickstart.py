"""The quick start: what a model sees in one video, and the panel that asks the same functions."""

import json
from dataclasses import replace
from datetime import datetime, timezone

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import ROOT

from text4vis_core import VideoClassifier
from text4vis_lab.miniature import making
from text4vis_lab.models.opening import open_model
from text4vis_lab.quickstart import answers, heat_map, look, looking, over_time, pictured, reading, reworded_table
from text4vis_lab.quickstart.asking import Asked, usual_names
from text4vis_lab.quickstart.heat import BY_COVERING, BY_PATCHES, PLACES
from text4vis_lab.quickstart.page import with_maps
from text4vis_lab.quickstart.widgets import Panel, panel

NAMES = ["apply lipstick", "hula hoop", "wall pushups"]


@pytest.fixture(autouse=True)
def without_miniature(monkeypatch):
    """No miniature is made, and none is compared with."""
    monkeypatch.chdir(ROOT)

    def make(*_, **__):
        raise AssertionError("the miniature was made")

    monkeypatch.setattr(making, "make", make)
    monkeypatch.setattr(looking, "_of_miniature", lambda per_class: None)


@pytest.fixture
def asked_model(clip_folder):
    return open_model(str(clip_folder), NAMES, num_frames=4)


@pytest.fixture
def film(test_videos) -> str:
    return str(test_videos.videos[0].path)


def test_probabilities_as_frames_come_in_end_where_the_model_does(asked_model, film):
    seen = look(asked_model, film)
    assert seen.steps.shape == (4, 3)
    assert seen.steps.sum(1) == pytest.approx(np.ones(4), abs=1e-5)
    assert seen.probabilities == pytest.approx(asked_model.probabilities(asked_model.frames(film)), abs=1e-5)
    assert seen.steps[0] == pytest.approx(asked_model.probabilities(seen.frames[:1]), abs=1e-5)
    table = seen.over_time()
    assert table.columns.to_list() == ["frames seen", "class", "probability (%)"]
    assert table.groupby("class")["frames seen"].apply(list).to_list() == [[1, 2, 3, 4]] * 3
    assert table["class"].iloc[0] == seen.best


def test_a_temporal_module_gets_as_many_frames_as_ever(asked_model, film, clip):
    network, counts = VideoClassifier.from_clip(clip, "transformer", 2, num_frames=4), []
    network.set_classifier(asked_model.classifier.weight)
    encode = network.encode_video
    network.encode_video = lambda frames: counts.append(frames.shape[1]) or encode(frames)
    seen = look(replace(asked_model, network=network), film)
    assert counts == [4] * 4
    assert seen.steps.shape == (4, 3)


def test_a_covered_frame_is_less_like_the_class_where_the_map_is_bright(asked_model):
    frames = np.random.default_rng(0).integers(0, 256, (2, 40, 40, 3), dtype=np.uint8)
    maps, how = heat_map(asked_model, frames, "hula hoop")
    assert (maps.shape, how) == ((2, PLACES, PLACES), BY_COVERING)
    assert (maps.min(), maps.max()) == (0, 1)
    assert np.array_equal(maps, heat_map(asked_model, frames, "hula hoop")[0])
    assert not np.array_equal(maps, heat_map(asked_model, frames, "wall pushups")[0])


def test_a_vit_is_asked_for_its_patches(tmp_path, clip_folder, film):
    import open_clip
    from safetensors.torch import save_file

    config = json.loads((clip_folder / "open_clip_config.json").read_text())
    config["model_cfg"]["vision_cfg"] = {"layers": 2, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 32}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = open_clip.model.CLIP(**config["model_cfg"])
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    save_file(
        {name: tensor.contiguous() for name, tensor in made.state_dict().items()}, tmp_path / "open_clip.safetensors"
    )
    vit = open_model(str(tmp_path), NAMES, num_frames=2)
    maps, how = heat_map(vit, vit.frames(film), "hula hoop")
    assert (maps.shape, how, maps.max()) == ((2, 4, 4), BY_PATCHES, 1)


def test_a_page_shows_each_frame_with_its_map(asked_model, film):
    shown = pictured(look(asked_model, film))
    page = shown._repr_html_()
    assert page.count("<img ") == 4
    assert 'role="img" aria-label="4 frames of ' in page and "not an explanation" in page
    one = with_maps(np.zeros((1, 40, 60, 3), np.uint8), np.ones((1, 2, 2)), 1.0, 'a "b"', "<c>")
    assert 'aria-label="a &quot;b&quot;"' in one._repr_html_() and "<p>&lt;c&gt;</p>" in one._repr_html_()


def test_other_words_change_the_probabilities_and_the_answer_says_how(asked_model, film):
    seen = look(asked_model, film)
    table = reworded_table(seen, {"hula hoop": "spinning a ring"})
    other = asked_model.with_labels(["apply lipstick", "spinning a ring", "wall pushups"])
    assert table["reworded probability (%)"].item() == pytest.approx(
        100 * other.probabilities(seen.frames)[1], abs=1e-3
    )
    told = answers(seen, "hula hoop", table, "It is far away.")
    assert told[0].startswith(f"Most probably {seen.best!r} (")
    assert told[1].startswith("Called 'spinning a ring', 'hula hoop' has ")
    assert told[2:] == ["It is far away."]
    assert reworded_table(seen, {}).empty
    assert repr(seen.best) in reading(seen)
    shown = over_time(seen, "hula hoop")
    assert shown["draw"](shown["data"], **shown["options"]).to_dict()["title"]["text"]


def test_names_where_none_are_given():
    assert usual_names("runs/x", trained=True, own_video=True) == []
    assert len(usual_names("mini_clip", trained=False, own_video=True)) == 24
    assert len(usual_names("RN50", trained=False, own_video=False)) == 24
    with pytest.raises(ValueError, match=r"class_names is empty, and RN50 has no classes of its own; name what may be"):
        usual_names("RN50", trained=False, own_video=True)


@pytest.fixture
def made(asked_model, film):
    return Panel(Asked(asked_model, film, "", {}))


def text_of(made: Panel, part: str) -> str:
    [output] = made.shown[part].outputs
    return output["data"]["text/plain"]


def test_a_panel_shows_all_and_follows_what_is_written(made):
    made.wait()
    assert made.status.value == '<div role="status"></div>'
    assert all(len(part.outputs) == 1 for part in made.shown.values())
    assert text_of(made, "answer").startswith("Most probably ")
    made.names.value = "dancing, singing"
    assert "progress" in made.status.value  # at once
    made.wait()
    assert "dancing" in text_of(made, "answer") or "singing" in text_of(made, "answer")
    spec = json.dumps(made.shown["chart"].outputs[0]["data"])
    assert "dancing" in spec and "hula hoop" not in spec
    made.frames.value = 2
    made.wait()
    assert "Curves over 1 to 2 frames" in text_of(made, "chart")


@pytest.mark.parametrize(
    ("widget", "value", "lines"),
    [
        ("names", "a\na ", ("parameter class_names: &#x27;a&#x27; comes twice", "leave one out")),
        ("names", "", ("parameter class_names is empty, and", "name what may be seen")),
        ("path", "x<.mp4", ("cannot read video x&lt;.mp4: no such file", "give the path of something that is there")),
        ("template", "none", ("prompt template &#x27;none&#x27; must hold {} exactly once", "or be one of")),
        ("model", "ViT-B32", ("unknown model &#x27;ViT-B32&#x27;", "closest: ViT-B-32")),
    ],
)
def test_a_panel_says_in_two_lines_what_cannot_be(asked_model, film, widget, value, lines):
    made = Panel(Asked(asked_model, film, "", {}), begin=False)
    getattr(made, widget).value = value
    made.wait()
    what, remedy = made.status.value.removeprefix('<div role="alert"><strong>').split("</strong><br>")
    assert what.startswith(lines[0]) and remedy.startswith(lines[1])


def test_a_file_that_is_handed_over_is_looked_at(made, film, tmp_path, monkeypatch):
    made.wait()
    monkeypatch.setattr("text4vis_lab.quickstart.widgets.UPLOADS", tmp_path / "uploads")
    with open(film, "rb") as file:
        content = file.read()
    suffix = film[film.rindex(".") :]
    handed = {"name": f"../my film{suffix}", "type": "video", "size": len(content), "content": content}
    handed["last_modified"] = datetime(2026, 1, 1, tzinfo=timezone.utc)
    made.upload.set_trait("value", (handed,))
    made.wait()
    [kept] = (tmp_path / "uploads").iterdir()
    assert (kept.name, kept.read_bytes()) == (f"my-film{suffix}", content)
    assert made.path.value == kept.as_posix()
    assert text_of(made, "clip") == f"the video my-film{suffix}"


def test_without_jupyterlab_a_sentence_stands_in_the_panels_place(asked_model, film, monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert repr(panel(Asked(asked_model, film, "", {}))).startswith("Run in JupyterLab")


def test_the_nearest_videos_are_of_other_groups(asked_model, test_videos, monkeypatch, tmp_path):
    monkeypatch.setattr(looking, "_of_miniature", lambda per_class: test_videos)
    monkeypatch.setattr(looking, "repository_root", lambda: tmp_path)
    seen = look(asked_model, test_videos.videos[0].path)
    near = looking.nearest(seen, 3, None)
    assert isinstance(near, pd.DataFrame) and near["cosine"].is_monotonic_decreasing
    own = looking.group_name("puppets", str(test_videos.videos[0].path))
    assert own not in {looking.group_name("puppets", path) for path in near["video"]}

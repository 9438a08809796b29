import math

import numpy as np
import pytest
import torch
from conftest import write_video

from text4vis_core import VideoClassifier, load_clip, load_videos
from text4vis_core.data.video_list import Video, VideoList
from text4vis_lab import familiarity, miniature
from text4vis_lab.familiarity import Known, known_from, reading_of, unread_words, vocabulary, watching
from text4vis_lab.sources import Clips

KNOWN = Known(torch.eye(4)[:2], torch.linspace(0.01, 0.1, 100), "the videos of this test")


def test_a_frame_that_is_known_is_at_no_distance_and_another_is_far():
    assert KNOWN.distance(3 * torch.eye(4)[:1]) == 0
    assert KNOWN.distance(torch.eye(4)[[0, 3]]) == 0.5  # the mean of 0 and 1
    assert [KNOWN.percentile(each) for each in (0, 0.0549, 1)] == [0, 50, 100]


def test_a_far_video_is_told_before_all_else():
    found = reading_of(torch.eye(4)[3:], KNOWN, [0.74, 0.2, 0.06], ["dancing", "a", "b"], {"a", "b"})
    assert (found.distance, found.percentile) == (1, 100)
    assert found.note == (
        "This video lies farther from the videos of this test than 99 % of such videos: the answer means nothing."
    )


def test_of_a_few_held_out_videos_it_is_told_how_few():
    few = Known(torch.eye(4)[:2], torch.linspace(0.01, 0.1, 5), "your own training videos")
    assert reading_of(torch.eye(4)[3:], few, [0.9, 0.1]).note == (
        "This video lies farther from your own training videos than all 5 that were held out; of videos like them one "
        "in 6 does so."
    )


def test_words_that_were_never_read_are_told():
    found = reading_of(torch.eye(4)[:1], KNOWN, [0.74, 0.26], ["TapDancing", "a"], {"a"})
    assert found.unread == ("tap", "dancing")
    assert found.note == "The model's captions never held 'tap', 'dancing': what it says of such a name means little."


def test_two_names_that_are_not_told_apart_are_told():
    assert "2 points apart" in reading_of(None, None, [0.51, 0.49]).note


def test_nothing_is_said_of_a_sure_answer_and_nothing_is_made_up():
    assert reading_of(torch.eye(4)[:1], KNOWN, [0.9, 0.1], ["a"], {"a"}).note == ""
    found = reading_of(None, None, [1.0])
    assert math.isnan(found.distance) and math.isnan(found.percentile)
    assert (found.note, found.margin, found.unread) == ("", 1, ())


def test_what_mini_clip_has_read():
    words = vocabulary("data/miniature/mini_clip")
    assert unread_words([*miniature.ACTIONS], words) == ()
    assert unread_words(["playing the guitar", "cooking dinner", "waltzing"], words) == (
        "cooking",
        "dinner",
        "waltzing",
    )
    assert "violin" in unread_words(["playing violin"], vocabulary("mini_clip_withheld"))
    assert vocabulary("ViT-B-32") is None


@pytest.fixture
def colours(tmp_path) -> VideoList:
    paths = [write_video(tmp_path / f"{i}.mp4", 6, shift=i) for i in range(3)]
    return VideoList(("a",), tuple(Video(path, 0) for path in paths))


def test_a_networks_knowledge_is_kept_beside_it(model, colours, tmp_path):
    known = known_from(model, Clips(num_frames=4), colours, colours, "three colours")
    assert known.features.shape[0] == 3 * 4
    assert known.distances.max() < 1e-5  # the same videos
    familiarity.keep(tmp_path, model, known)
    back = familiarity.kept(tmp_path, model)
    assert back.name == "three colours"
    assert torch.allclose(back.features, known.features, atol=1e-3)
    with torch.no_grad():
        next(iter(model.visual.parameters())).add_(1)
    assert familiarity.kept(tmp_path, model) is None  # that is another network
    assert familiarity.known_of(model, "ViT-B-32", tmp_path) is None


def test_a_damaged_file_is_no_knowledge(model, colours, tmp_path):
    path = familiarity.keep(tmp_path, model, Known(torch.eye(2), torch.zeros(1), "x"))
    path.write_bytes(path.read_bytes()[:40])
    assert familiarity.kept(tmp_path, model) is None


@pytest.mark.slow
def test_puppets_are_familiar_and_test_pictures_noise_and_colours_are_not():
    world = miniature.make()
    clip = load_clip(str(world.clip))
    network = VideoClassifier.from_clip(clip)
    known = familiarity.known_of(network, "mini_clip")

    def flagged(frames: torch.Tensor) -> float:
        """The share of videos, uint8 (N, T, 3, 64, 64), of which something is said."""
        with torch.no_grad(), watching(network) as seen:
            network.encode_video(frames)
        features = seen.features.unflatten(0, frames.shape[:2])
        return float(np.mean([reading_of(each, known, [1.0]).note != "" for each in features]))

    puppets = load_videos("puppets", world.videos, "test")
    clips = Clips().evaluation(puppets.take(np.arange(0, len(puppets), 17)), clip.size)
    assert flagged(torch.stack([clips[i]["frames"][0] for i in range(len(clips))])) <= 0.1

    rng = np.random.default_rng(0)
    bars = np.repeat(np.array([[255] * 3, [255, 255, 0], [0, 255, 255], [0, 255, 0], [255, 0, 255], [255, 0, 0],
                               [0, 0, 255], [0] * 3], np.uint8), 8, axis=0)  # fmt: skip
    odd = [np.broadcast_to(bars.T[:, None], (8, 3, 64, 64)), np.broadcast_to(bars.T[:, :, None], (8, 3, 64, 64))]
    odd += [rng.integers(0, 256, (8, 3, 64, 64), dtype=np.uint8) for _ in range(4)]
    odd += [np.broadcast_to(rng.integers(0, 256, (1, 3, 1, 1), dtype=np.uint8), (8, 3, 64, 64)) for _ in range(4)]
    assert flagged(torch.from_numpy(np.stack(odd))) >= 0.8

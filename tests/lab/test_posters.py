"""Small pictures of tested videos: some of every kind of answer, mistakes first."""

from pathlib import Path

import numpy as np
import pytest
import torch

from text4vis_core.data.probe import VideoError
from text4vis_core.data.video_list import Video, VideoList
from text4vis_lab import posters as module
from text4vis_lab.posters import posters
from text4vis_lab.scores import Scores


@pytest.fixture
def read(monkeypatch):
    """Paths that were read; one of them cannot be."""
    paths = []

    def read_frames(path, choose, start, end, duration):
        paths.append(str(path))
        if path.name == "broken.mp4":
            raise VideoError(path, "no video")
        return np.zeros((len(choose(9)), 4, 4, 3), np.uint8)

    monkeypatch.setattr(module, "read_frames", read_frames)
    monkeypatch.setattr(module.figures, "poster", lambda frame: f"data:{frame.shape}", raising=False)
    return paths


def listed(names: list[str], labels: list[int], predicted: list[int]) -> tuple[Scores, VideoList]:
    videos = VideoList(["a", "b"], [Video(Path(name), label) for name, label in zip(names, labels, strict=True)])
    return Scores(names, torch.tensor(labels), torch.eye(2)[predicted]), videos


def test_mistakes_come_first_and_of_each_kind_only_some(read):
    names = [f"{number}.mp4" for number in range(6)]
    scores, videos = listed(names, [0, 0, 0, 0, 1, 1], [0, 0, 0, 1, 0, 1])
    found = posters(scores, videos, each=2, most=4)
    assert read == ["3.mp4", "4.mp4", "0.mp4", "1.mp4"]
    assert found == dict.fromkeys(read, "data:(4, 4, 3)")


def test_what_cannot_be_read_has_no_picture(read):
    scores, videos = listed(["broken.mp4", "good.mp4"], [0, 1], [0, 1])
    assert posters(scores, videos).keys() == {"good.mp4"}

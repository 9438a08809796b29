"""A small picture of a video for what stands behind a cell of a confusion matrix, or a prediction."""

import contextlib
from collections import Counter
from collections.abc import Iterable

import numpy as np

from text4vis_core.data.probe import VideoError
from text4vis_core.data.video import read_frames
from text4vis_core.data.video_list import VideoList

from . import figures
from .scores import Scores, video_name


def posters(scores: Scores, videos: VideoList, each: int = 3, most: int = 300) -> dict[str, str]:
    """The middle frame of some tested videos, for `figures.predicted`.

    Args:
        scores: of the list.
        videos: the list itself.
        each: videos of every pair of a true and a predicted class, the first ones.
        most: in all, those of mistakes first; each is a few kilobytes.

    Returns:
        Path -> data URI; without videos that cannot be read.
    """
    by_name = {video_name(video): video for video in videos.videos}
    seen, chosen = Counter[tuple[int, int]](), list[tuple[bool, str]]()
    for name, true, predicted in zip(scores.videos, scores.labels.tolist(), scores.scores.argmax(-1), strict=True):
        pair = true, int(predicted)
        seen[pair] += 1
        if seen[pair] <= each and str(name) in by_name:
            chosen.append((true == pair[1], str(name)))
    found = {}
    for _, name in sorted(chosen, key=lambda one: one[0])[:most]:
        video = by_name[name]
        try:
            [frame] = read_frames(video.path, _middle, video.start, video.end, video.duration)
        except VideoError:
            continue
        found[name] = figures.poster(frame)
    return found


def of_names(names: Iterable[str], most: int = 60) -> dict[str, str]:
    """The middle frame of videos by the names that scores have for them: name -> data URI, of the first ones that are
    there and can be read.

    Args:
        names: paths, with the part of the file where only a part counts, see `scores.video_name`.
        most: in all.
    """
    found: dict[str, str] = {}
    for name in names:
        if len(found) == most:
            break
        path, _, part = name.partition("#t=")
        start, end = (float(second) if second else None for second in (part or ",").split(","))
        with contextlib.suppress(VideoError, OSError):
            [frame] = read_frames(path, _middle, start, end)
            found[name] = figures.poster(frame)
    return found


def _middle(length: int) -> np.ndarray:
    return np.array([length // 2])

"""Lists of videos, made of others: some of their videos, and the same ones again and again."""

import os
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from text4vis_core.data.video_list import Video, VideoList
from text4vis_core.model.labels import as_words

from .prepare.index import IndexedVideos


def class_ids(videos: VideoList, names: Sequence[str]) -> list[int]:
    """Ids of classes given by name, raw or as words; a ValueError with the choices for a name that no class has."""
    known = {as_words(name): i for i, name in enumerate(videos.classes)}
    unknown = [name for name in names if as_words(name) not in known]
    if unknown:
        raise ValueError(f"unknown class {unknown[0]!r}; choose from: {', '.join(videos.names)}")
    return [known[as_words(name)] for name in names]


def base_and_novel(videos: VideoList, novel: Sequence[str] = ()) -> tuple[list[int], list[int]]:
    """Ids of the classes that are trained, and of those that are not: given by name, else by `base_novel_split`.

    Args:
        videos: the training videos.
        novel: names of classes; empty: the half with fewer videos is novel.

    Raises:
        ValueError: an unknown name (with the choices), or no class is left to train on.
    """
    if not novel:
        base, rare = base_novel_split(np.bincount(videos.labels, minlength=len(videos.classes)).tolist())
        return base.tolist(), rare.tolist()
    ids = sorted(class_ids(videos, novel))
    others = [i for i in range(len(videos.classes)) if i not in ids]
    if not others:
        raise ValueError("parameter novel_classes names every class: none is left to train on")
    return others, ids


def base_novel_split(counts: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Base and novel classes of the base-to-novel protocol (Rasheed et al., ViFi-CLIP, CVPR 2023).

    The half of the classes with more training videos is base, the rarer half novel; of an odd number base has one more.
    Of classes with equally many the first are novel: the published split of HMDB51, where all have 70, has them so.
    From the training videos of each class (C,) to the ids of base and of novel classes, both in increasing order.
    """
    rarest_first = np.argsort(np.asarray(counts), kind="stable")
    novel, base = np.split(rarest_first, [len(rarest_first) // 2])
    return np.sort(base), np.sort(novel)


def only(videos: VideoList, ids: Sequence[int]) -> VideoList:
    """Only the videos of these classes, also of those that are missing; classes and labels stay."""
    wanted = set(ids)

    def chosen(each: Sequence[Video]) -> Sequence[Video]:
        if isinstance(each, IndexedVideos):
            return each.with_any(wanted)
        return tuple(video for video in each if wanted.intersection(video.all_labels))

    return replace(videos, videos=chosen(videos.videos), missing=chosen(videos.missing))


def spread(videos: VideoList, count: int, without: Collection[str] = ()) -> VideoList:
    """At most `count` videos, evenly through the list, of those whose absolute paths are not in `without`."""
    there = np.array([i for i, video in enumerate(videos.videos) if os.path.abspath(video.path) not in without])
    places = np.linspace(0, len(there) - 1, min(count, len(there))).round().astype(int)
    return replace(videos.take(there[places]), missing=())


def without(videos: VideoList, skipped: Collection[tuple[str, str]]) -> VideoList:
    """The videos but for those that were left out, as (path, reason)."""
    paths = {path for path, _ in skipped}
    kept = [place for place, video in enumerate(videos.videos) if str(video.path) not in paths]
    return videos.take(np.array(kept, dtype=np.int64))


def repeated(videos: VideoList, length: int) -> VideoList:
    """The videos again and again, in order, `length` in all: so a few shots have the full set's epochs."""
    if length and not videos.videos:
        raise ValueError(f"a list without videos cannot be repeated to {length}")
    return videos.take(np.arange(length) % max(1, len(videos)))

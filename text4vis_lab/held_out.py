"""Validation videos where the publisher has none: groups that are held out of the training videos, by a fixed rule."""

import hashlib
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath

import numpy as np

from text4vis_core.data.video_list import Video, VideoList

from .groups import GROUPS, group_name

SEED = 0  # of the order in which groups are held out


def hold_out(dataset: str, train: VideoList, share: float) -> dict[str, VideoList]:
    """The training videos in two: "train", what is left of them, and "val", groups that were held out.

    Of each class as many groups are held out as `share` of them is, rounded, one at least and all but one at most; of a
    class with a single group none is. A group goes as a whole, with its videos of other classes. Which come first says
    a digest of their names, so that a larger share holds a smaller one's, and copies that lack some videos agree.

    Args:
        dataset: a key of `data.READERS`, by which groups are told.
        train: the training videos, some of which may be missing: those are held out like the others.
        share: of each class's groups, between 0 and 0.5.
    """
    listed = [*train.videos, *train.missing]
    names = [group_name(dataset, video.path.as_posix()) for video in listed]
    of_class, of_group = defaultdict[int, set[str]](set), defaultdict[str, set[int]](set)
    for name, video in zip(names, listed, strict=True):
        for label in video.all_labels:
            of_class[label].add(name)
            of_group[name].add(label)
    held, left = set[str](), {label: len(groups) for label, groups in of_class.items()}
    for label in sorted(of_class):
        mine = sorted(of_class[label], key=lambda name: (_rank(name), name))
        wanted = min(max(1, math.ceil(share * len(mine) - 0.5)), len(mine) - 1)  # of half a group none
        for name in mine:
            if len(mine) - left[label] >= wanted:
                break
            if name not in held and all(left[each] > 1 for each in of_group[name]):
                held.add(name)
                for each in of_group[name]:
                    left[each] -= 1
    is_held = np.array([name in held for name in names], dtype=bool)
    unit = "groups" if dataset in GROUPS else "videos, each a group of its own"
    note = f"val_share {share:g}: {int(is_held.sum())} of {len(listed)} training videos are held out as val, "
    note += f"{len(held)} of {len(of_group)} {unit}"
    bare = [train.classes[label] for label, groups in of_class.items() if left[label] == len(groups)]
    note += f"; none of {', '.join(sorted(bare))}, where they are all one group" if bare else ""
    return {
        split: replace(_take(train, np.flatnonzero(is_held == (split == "val"))), notes=(*train.notes, note))
        for split in ("train", "val")
    }


def _take(train: VideoList, places: np.ndarray) -> VideoList:
    """The videos at these places of those that are there and those that are missing, one after the other."""
    count = len(train.videos)
    missing: Sequence[Video] = [train.missing[place - count] for place in places[places >= count].tolist()]
    return replace(train.take(places[places < count]), missing=tuple(missing))


def _rank(name: str) -> bytes:
    """The folder that a copy lies in does not matter."""
    return hashlib.sha256(f"{SEED} {PurePath(name).stem}".encode("utf-8", "surrogateescape")).digest()

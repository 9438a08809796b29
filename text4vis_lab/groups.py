"""Which test videos belong together: pieces of one film, or one person in one place. Intervals are taken over these.

A data set whose videos come in groups is one line in `GROUPS`; of any other every video is a group of its own.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from text4vis_core.data.video_list import VideoList

if TYPE_CHECKING:
    import pandas as pd


def _of_puppets(path: PurePosixPath) -> str:
    """One person and place, filmed once in each class: v_PushUp_g21_c01.mp4 is of group 21."""
    return re.sub(r".*_g(\d+)_c\d+$", r"\1", path.stem)


def _of_ucf101(path: PurePosixPath) -> str:
    """25 groups in each class, whose videos share their person or background: v_Archery_g01_c03.avi."""
    return re.sub(r"_c\d+$", "", path.stem)


def _of_hmdb51(path: PurePosixPath) -> str:
    """Clips of one film begin with its title: <title>_<action>_f_cm_np1_ba_med_0.avi."""
    return re.sub(r"_[a-z]_[a-z]+_np\d+_[a-z]+_[a-z]+_\d+$", "", path.stem)


CLIP = r"(?:clip|part|pt|seg|segment|scene|take|chunk|c)"  # words before the number of a piece of a recording


def _of_own(path: PurePosixPath) -> str:
    """Pieces of one recording, told by the number of a clip: a_clip1.mp4 and a_clip2.mp4, x_3_1.mp4 and x_3_2.mp4.

    UCF101's and Puppets' numbers of groups are taken for such across classes. A phone's IMG_1234.mp4 and
    VID_20260101_120000.mp4, whose numbers only count or date, are recordings of their own.
    """
    if group := re.search(r"_(g\d+)_c\d+$", path.stem):
        return group[1]
    piece = rf"(.*[^\W\d_].*?)[\W_]+{CLIP}[\W_]*\d{{1,4}}|(.*[^\W\d_].*?[\W_]*(?<!\d)\d{{1,4}})[\W_]+\d{{1,4}}"
    match = re.fullmatch(piece, path.stem, re.IGNORECASE)
    return str(path.with_name(match[1] or match[2])) if match else str(path)


GROUPS: dict[str, Callable[[PurePosixPath], str]] = {
    "puppets": _of_puppets,
    "ucf101": _of_ucf101,
    "hmdb51": _of_hmdb51,
    "own": _of_own,
}


def group_name(dataset: str, video: str) -> str:
    """The name of a video's group: its own path, where a data set has no groups. Parts of one file are one video."""
    return GROUPS.get(dataset, str)(PurePosixPath(re.sub(r"#t=[\d.]*,[\d.]*$", "", video)))


def groups_in(dataset: str, lists: Mapping[str, VideoList]) -> "pd.DataFrame":
    """A row for each split: its videos, those that are missing too, its groups, and how many another split has as well.

    Args:
        dataset: a key of `data.READERS`.
        lists: split -> its videos.
    """
    import pandas as pd

    groups = {split: {group_name(dataset, path) for path in _paths(videos)} for split, videos in lists.items()}
    rows = {}
    for split, mine in groups.items():
        others = set().union(*(its for name, its in groups.items() if name != split))
        rows[split] = {"videos": len(_paths(lists[split])), "groups": len(mine), "shared groups": len(mine & others)}
    return pd.DataFrame(rows).T


def _paths(videos: VideoList) -> list[str]:
    return [video.path.as_posix() for video in (*videos.videos, *videos.missing)]


def groups_of(dataset: str, videos: Sequence[str]) -> tuple[np.ndarray, str]:
    """The group of each video, as whole numbers (N,) from 0, and what a group is: "groups", "videos" or "images".

    Args:
        dataset: a key of `data.READERS`.
        videos: N paths, as `scores.Scores` has them; parts of one file are one video.
    """
    names = [group_name(dataset, video) for video in videos]
    unit = "groups" if dataset in GROUPS else "images" if dataset == "features" else "videos"
    return np.unique(names, return_inverse=True)[1], unit

"""A small picture of each video of a table: what stands behind a cell of a confusion matrix, or a prediction."""

import numpy as np
import pandas as pd

from text4vis_core.data.probe import VideoError
from text4vis_core.data.video import read_frames
from text4vis_core.data.video_list import VideoList

from . import figures
from .scores import video_name


def with_posters(table: pd.DataFrame, videos: VideoList, each: int = 2, most: int = 300) -> pd.DataFrame:
    """The table with a column `poster`: the middle frame of the first videos that were predicted so, as data URIs.

    Args:
        table: of `figures.predicted`: columns video, true, predicted.
        videos: where its videos are from.
        each: videos of every pair of true and predicted class.
        most: in all, mistakes first; each is a few kilobytes.

    Returns:
        A copy; videos without a picture, those that cannot be read among them, have an empty text.
    """
    by_name = {video_name(video): video for video in videos.videos}
    first = table.groupby(["true", "predicted"], sort=False).head(each)
    first = first.iloc[(first["true"] == first["predicted"]).to_numpy().argsort(kind="stable")][:most]
    found = dict.fromkeys(table.index, "")
    for index, name in first["video"].items():
        video = by_name.get(name)
        if video is None:
            continue
        try:
            [frame] = read_frames(video.path, _middle, video.start, video.end, video.duration)
        except VideoError:
            continue
        found[index] = figures.poster(frame)
    return table.assign(poster=pd.Series(found, dtype=object))


def _middle(length: int) -> np.ndarray:
    return np.array([length // 2])

"""What lists of videos show: which are there, what is in their files, what decodes them."""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from ..plain import readable
from ..scores import Ranks, Scores
from ..wording import counted
from .of_frames import channels, decoded, frame_shift
from .of_names import called, counting, plainly
from .pair import Pair, Side, some

COPY = ("dataset", "data_root")  # parameters that name another copy of the videos


def missing_videos(pair: Pair) -> str:
    """Looked at: tested videos of classes that count on both sides, which only one side has."""
    here, there = lacking(pair)
    if not here and not there:
        return ""
    told = [counted(len(each), "video") for each in (here, there)]
    parts = [f"{told[0]} of there are not here" if here else "", f"{told[1]} of here are not there" if there else ""]
    return " and ".join(filter(None, parts))


def undo_missing_videos(pair: Pair, here: Scores | Ranks, there: Scores | Ranks) -> tuple:
    """Both on the videos that they share."""
    shared = {*here.videos} & {*there.videos}
    return tuple(some(part, np.array([v in shared for v in part.videos], dtype=bool)) for part in (here, there))


def bounds(part: Scores | Ranks, lacks: int, metric: str) -> tuple[float, float]:
    """What so many videos that are not there may do to a number, in points: were all of them right, and all wrong."""
    right = part.right(1 if metric == "top1" else 5)
    value, whole = 100 * float(right.mean()), len(right) + lacks
    return value - 100 * (float(right.sum()) + lacks) / whole, value - 100 * float(right.sum()) / whole


@lru_cache(maxsize=2)
def lacking(pair: Pair) -> tuple[list[str], list[str]]:
    """Videos that are not here but there, and not there but here, of classes whose videos count on both sides."""
    found: list[list[str]] = []
    for side, other in (pair.sides, pair.sides[::-1]):
        mine, count = set(side.part.videos), counting(side)
        its = called(other)
        found.append([v for v, name in its.items() if v not in mine and (not count or plainly(name) in count)])
    return found[0], found[1]


def contents(pair: Pair) -> str:
    """Looked at: SHA-256 of the shared tested videos' files, where both sides have them as files, or as frames.

    Not named where looks tell what is other in them: frames off by one, or red and blue swapped.
    """
    contents_here, contents_there = pair.both(_contents)
    both = contents_here.index.intersection(contents_there.index).intersection(pd.Index(pair.shared))
    if _stored(pair)[0] != _stored(pair)[1] or frame_shift(pair) or channels(pair):
        return ""
    here, there = contents_here.loc[both], contents_there.loc[both]
    other = both[(here != there) & (here != "") & (there != "")]
    if not len(other):
        return ""
    return f"{counted(len(other), 'shared video')} hold other bytes, such as {_short(other[0])}"


def change_contents(pair: Pair) -> Mapping[str, Any]:
    """The copy of there."""
    return pair.as_there(COPY)


def decoder(pair: Pair) -> str:
    """Looked at: what decodes, and whether videos are files or folders of frames, of the tested lists.

    Another version of the same decoder is none, unless the decoded frames are others, see `of_frames.decoded`.
    """
    here, there = _stored(pair)
    if here != there:
        return f"videos are {here} here, {there} there"
    mine, its = pair.both(_decoder)
    if not mine or not its or mine == its or decoded(pair) == "same":
        return ""
    if mine.split()[0] != its.split()[0] or decoded(pair) == "other":
        return f"{readable(mine)} decodes here, {readable(its)} there"
    return ""


def change_decoder(pair: Pair) -> Mapping[str, Any]:
    """As there."""
    return pair.as_there(("decoder",) if _stored(pair)[0] == _stored(pair)[1] else COPY)


def _contents(side: Side) -> pd.Series:
    found = side.evidence.videos
    found = found[found["list"] == side.listed].drop_duplicates("video")
    return found.set_index("video")["content"]


def _decoder(side: Side) -> str:
    lists = side.record["data"]
    found: dict = lists.get(side.listed) or next(iter(lists.values()), {})
    return str(found.get("decoder") or side.given.get("decoder") or "")


@lru_cache(maxsize=2)
def _stored(pair: Pair) -> tuple[str, str]:
    """Whether videos are files or folders, by the first name of a shared video on each side; "" both: not known."""
    paths = [_suffix(side) for side in pair.sides]
    kinds = ["files" if suffix else "folders of frames" for suffix in paths]
    return (kinds[0], kinds[1]) if None not in paths else ("", "")


def _suffix(side: Side) -> str | None:
    """The ending of a side's videos as its own record names them; "" of folders of frames."""
    for video in side.as_named[:1]:
        return PurePosixPath(re.sub(r"#t=.*$", "", video)).suffix
    return None


def _short(video: str) -> str:
    return repr(readable(video.rsplit("/", 1)[-1]))

"""What looks at frames show: which frames, which channels, how they are scaled, in how many crops.

A look is a frame averaged to 8 x 8 pixels; records have those of a few tested videos, see `evidence`.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from .pair import Pair, Side

CROPPED, CHOSEN, SCALED = ("clips", "crops"), ("num_frames", "dense"), ("resize",)
SAME = 0.5  # grey levels, on average: looks of frames that are the same
CLOSER = 0.25  # share of a distance that is left where looks are those of another frame, or of swapped channels
LEAST, MOST = 4, 0.8  # looks that tell, and the share of them that has to agree


def crops(pair: Pair) -> str:
    """Looked at: the rows' views, the parameters `clips` and `crops`, and in how many crops the model saw a frame."""
    here, there = pair.both(lambda side: side.row["view"])
    if here != there:
        return f"{here} here, {there} there"
    mine, its = pair.both(_crops)
    if mine and its and mine != its:
        return f"a frame is cropped {mine} times here, {its} times there"
    if mine and its:
        return ""
    return _differ(pair, CROPPED) if here != "1 view" else ""


def change_crops(pair: Pair) -> Mapping[str, Any]:
    """As there."""
    return pair.as_there(CROPPED)


def frames(pair: Pair) -> str:
    """Looked at: the parameters `num_frames` and `dense`; and the numbers of the frames that were taken."""
    if told := _differ(pair, CHOSEN):
        return told
    numbers = _numbers(pair)
    if not len(numbers) or (numbers["frame"] == numbers["frame_there"]).all() or _by_one(numbers):
        return ""
    first = numbers[numbers["frame"] != numbers["frame_there"]].iloc[0]
    return f"other frames are taken: number {first['frame']} here, {first['frame_there']} there"


def change_frames(pair: Pair) -> Mapping[str, Any]:
    """As there."""
    return pair.as_there(CHOSEN)


def frame_shift(pair: Pair) -> str:
    """Looked at: whether the frames here are the neighbours, by one and the same side, of those there; or their
    numbers are one more, or one less.
    """
    shift = shift_of(pair)
    return f"frames here are the ones {'after' if shift > 0 else 'before'} those there" if shift else ""


def change_frame_shift(pair: Pair) -> Mapping[str, Any]:
    """Back by one."""
    return {"frame_shift": -shift_of(pair)}


def channels(pair: Pair) -> str:
    """Looked at: whether frames here are those there with red and blue swapped, and not as they are."""
    return "red and blue are swapped on one side" if _swapped(pair, "frame") or _swapped(pair, "input") else ""


def change_channels(pair: Pair) -> Mapping[str, Any]:
    """Swapped."""
    return {"channels": "bgr"}


def resize(pair: Pair) -> str:
    """Looked at: the parameter `resize`; and whether the model saw other pictures of frames that are the same."""
    if told := _differ(pair, SCALED):
        return told
    if decoded(pair) != "same" or frame_shift(pair) or channels(pair) or crops(pair):
        return ""
    apart = _distances(pair, "input")
    if len(apart) < LEAST or float(np.median(apart)) <= 2 * SAME:
        return ""
    return f"the same frames reach the model otherwise scaled or cropped, {np.median(apart):.0f} of 255 levels apart"


def change_resize(pair: Pair) -> Mapping[str, Any]:
    """As there."""
    return pair.as_there(SCALED)


def decoded(pair: Pair) -> str:
    """Whether frames of one number were decoded to the "same" pictures, or "other" ones; "" where nobody looked."""
    apart = _distances(pair, "frame")
    if not len(apart):
        return ""
    return "same" if apart.max() <= SAME else "other"


def shift_of(pair: Pair) -> int:
    """1 where frames here are those after the ones there, -1 where those before; else 0."""
    return _shift(pair)


@lru_cache(maxsize=2)
def _shift(pair: Pair) -> int:
    if _differ(pair, CHOSEN):
        return 0
    numbers = _numbers(pair)
    if by_one := _by_one(numbers):
        return by_one
    for offset in (1, -1):
        its = _looks(pair.there, "frame", offset)[["video", "place", "look"]]
        both = numbers.merge(its.rename(columns={"look": "look_beside"}), on=["video", "place"])
        if not len(both):
            continue
        own, beside = _apart(both["look"], both["look_there"]), _apart(both["look"], both["look_beside"])
        telling = _apart(both["look_there"], both["look_beside"]) > 0
        if telling.sum() >= LEAST and (beside[telling] <= CLOSER * own[telling]).mean() >= MOST:
            return offset
    return 0


def _by_one(numbers: pd.DataFrame) -> int:
    """By how much all frames' numbers are off, where it is by one; at the ends of a video there is no next one."""
    steps = (numbers["frame"] - numbers["frame_there"]).to_numpy()
    for step in (1, -1):
        if len(steps) >= LEAST and (steps == step).mean() >= MOST and set(steps.tolist()) <= {0, step}:
            return step
    return 0


@lru_cache(maxsize=4)
def _swapped(pair: Pair, kind: str) -> bool:
    both = _joined(pair, kind, "frame")
    if not len(both):
        return False
    mine, its = _pixels(both["look"]), _pixels(both["look_there"])
    own, other = np.abs(mine - its).mean((1, 2, 3)), np.abs(mine[..., ::-1] - its).mean((1, 2, 3))
    telling = own > SAME  # a grey picture is the same swapped
    return bool(telling.sum() >= LEAST and (other[telling] <= CLOSER * own[telling]).mean() >= MOST)


def _distances(pair: Pair, kind: str) -> np.ndarray:
    both = _joined(pair, kind, "frame")
    return _apart(both["look"], both["look_there"])


def _crops(side: Side) -> int:
    """In how many crops the model saw the first frame of a video; 0 where nobody looked."""
    found = side.evidence.looks
    found = found[(found["list"] == side.listed) & (found["kind"] == "input")]
    return int(found["crop"].nunique())


@lru_cache(maxsize=2)
def _numbers(pair: Pair) -> pd.DataFrame:
    """The frames that stand in the same places here and there: columns video, place, frame, look, and both of there."""
    return _joined(pair, "frame", "place")


def _joined(pair: Pair, kind: str, by: str) -> pd.DataFrame:
    """Looks of the same videos, by the "place" in the clip, or the number of the "frame"."""
    here, there = pair.both(lambda side: _looks(side, kind, 0))
    on = ["video", "crop", by]
    both = here.merge(there, on=on, suffixes=("", "_there"))
    return both[both["video"].isin(pair.shared)].reset_index(drop=True)


def _looks(side: Side, kind: str, offset: int) -> pd.DataFrame:
    """Columns video, crop, place, frame and look."""
    found = side.evidence.looks
    found = found[(found["list"] == side.listed) & (found["kind"] == kind) & (found["offset"] == offset)]
    return found[["video", "crop", "place", "frame", "look"]]


def _pixels(looks: pd.Series) -> np.ndarray:
    """float32 (N, 8, 8, 3)."""
    return np.stack([np.frombuffer(look, np.uint8).reshape(8, 8, 3) for look in looks]).astype(np.float32)


def _apart(here: pd.Series, there: pd.Series) -> np.ndarray:
    """How far looks are apart on average, in levels, (N,)."""
    return np.abs(_pixels(here) - _pixels(there)).mean((1, 2, 3)) if len(here) else np.zeros(0)


def _differ(pair: Pair, names: tuple[str, ...]) -> str:
    return ", ".join(f"{name} {mine} here, {its} there" for name, (mine, its) in pair.differ(names).items())

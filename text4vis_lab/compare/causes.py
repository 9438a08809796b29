"""Why a number may differ: the known causes, each with how it is noticed, and how its effect is told.

A cause is noticed from what both records hold: parameters, names, videos and their contents, looks at frames, draws,
scores. Nothing is guessed; where a record does not hold what a cause shows in, it is not noticed. With `undo` the
effect is told from stored scores alone; with `change` by evaluating again, see `trying`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..scores import Ranks, Scores
from . import of_frames, of_names, of_scores, of_training, of_videos
from .pair import Pair

RECOMPUTED, TRIED, NOT_TRIED = "recomputed from stored scores", "tried", "not tried"
Parts = tuple[Scores | Ranks, Scores | Ranks]


@dataclass(frozen=True)
class Effect:
    """What a cause does to a number.

    Attributes:
        points: of `here` minus what it would be without the cause.
        low, high: ends of its 95 % interval; of missing videos the bounds, were they all right or all wrong.
        how: it is known: `RECOMPUTED`, `TRIED`, or "not tried: " and the command that would.
    """

    points: float | None
    low: float | None
    high: float | None
    how: str


@dataclass(frozen=True)
class Cause:
    """A reason for which two numbers differ.

    Attributes:
        id: by which tables name it.
        title: in a few words.
        notice: a sentence on what differs, here first; empty where nothing does.
        undo: of a pair, and what both sides are compared on: the same without the cause. None, or giving it, where
            stored scores cannot tell.
        change: how to evaluate the run of `here` as that of `there` was: keyword arguments of `trying.try_out`; empty
            where it cannot be had by evaluating again.
        last: named only where nothing else differs, and the numbers do.
    """

    id: str
    title: str
    notice: Callable[[Pair], str]
    undo: Callable[..., Parts | None] | None = None
    change: Callable[[Pair], Mapping[str, Any]] | None = None
    last: bool = False


# In the order in which those that stored scores tell are undone.
_ALL = (
    Cause("softmax", "a second softmax before ranking", of_scores.softmax, of_scores.undo_softmax),
    Cause("label_order", "the order of the classes", of_names.label_order, of_names.undo_label_order),
    Cause("labels", "other labels of the same videos", of_names.labels, of_names.undo_labels),
    Cause("classes", "half or all classes, or others", of_names.classes, of_names.undo_classes),
    Cause("missing_videos", "missing videos", of_videos.missing_videos, of_videos.undo_missing_videos),
    Cause("template", "the prompt template", of_names.template, None, of_names.change_template),
    Cause("names", "how class names are written", of_names.names, None, of_names.change_names),
    Cause("crops", "views of a video: clips and crops", of_frames.crops, None, of_frames.change_crops),
    Cause("resize", "how frames are scaled and cropped", of_frames.resize, None, of_frames.change_resize),
    Cause("frames", "which frames are looked at", of_frames.frames, None, of_frames.change_frames),
    Cause("frame_shift", "frames off by one", of_frames.frame_shift, None, of_frames.change_frame_shift),
    Cause("channels", "red and blue swapped", of_frames.channels, None, of_frames.change_channels),
    Cause("decoder", "what decodes, files or frames", of_videos.decoder, None, of_videos.change_decoder),
    Cause("contents", "other videos under the same names", of_videos.contents, None, of_videos.change_contents),
    Cause("precision", "bits in which it is computed", of_training.precision, None, of_training.change_precision),
    Cause("method", "another method", of_training.method),
    Cause("weights", "other weights, or another model", of_training.weights, None, of_training.change_weights),
    Cause("epoch", "another epoch of the training", of_training.epoch, None, of_training.change_weights),
    Cause("draw", "other training videos", of_training.draw),
    Cause("seed", "another seed", of_training.seed),
    Cause("recipe", "another recipe of training", of_training.recipe),
    Cause("code", "other code", of_training.code, last=True),
    Cause("versions", "other versions of packages", of_training.versions, last=True),
)
CAUSES = {cause.id: cause for cause in _ALL}

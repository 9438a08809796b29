"""What scores themselves show: whether they went through a softmax before they were ranked."""

from dataclasses import replace

import torch

from ..scores import Scores
from .pair import Pair, Side, are_probabilities


def softmax(pair: Pair) -> str:
    """Average precision ranks probabilities: scores that are such already go through a second softmax.

    Looked at: whether the stored scores of one side are probabilities, or its record's average precision is that of
    its scores after one softmax more.
    """
    here, there = pair.both(twice)
    if pair.metric != "map" or here == there:
        return ""
    return f"the scores {'here' if here else 'there'} went through a second softmax before they were ranked"


def undo_softmax(pair: Pair, here: Scores, there: Scores) -> tuple[Scores, Scores]:
    """Both after one softmax."""
    tiny = torch.finfo(torch.float32).tiny
    return tuple(
        replace(part, scores=part.scores.clamp_min(tiny).log()) if are_probabilities(part) else part
        for part in (here, there)
    )  # type: ignore[return-value]


def twice(side: Side) -> bool:
    """Whether the scores that a side's metrics are computed from are probabilities already."""
    return isinstance(side.part, Scores) and are_probabilities(side.part)


def after_softmax(part: Scores) -> Scores:
    """Scores whose average precision is that after one softmax more."""
    return replace(part, scores=part.scores.softmax(-1))

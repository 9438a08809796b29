"""What the quick start's parameters ask for, checked before anything is loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from text4vis_core.data.video import open_video

from .. import miniature
from ..lab import Lab
from ..models.following import trained_in
from ..models.model import Model
from ..naming import checked_rewording

USUAL = "playing guitar"  # the class of the test film that is looked at when no video is given


@dataclass(frozen=True)
class Asked:
    """A video, and who is asked about it.

    Attributes:
        model: with the class names.
        path: of the video.
        truth: its class; "" where nobody knows.
        reworded: name -> other words for it.
    """

    model: Model
    path: str
    truth: str
    reworded: dict[str, str]


def asked(lab: Lab, video: str, class_names: Sequence[str], reworded: Mapping[str, str]) -> Asked:
    """What the notebook's parameters ask for.

    Raises:
        VideoError: the video cannot be read.
        ValueError, FileNotFoundError: names or a model that cannot be; names the parameter, and the remedy.
    """
    if video:
        open_video(video)
    trained = trained_in(lab.values) is not None
    names = list(class_names) or usual_names(str(lab.values["model"]), trained, own_video=bool(video))
    usual = lab.defaults["reworded"]
    if names:
        checked_rewording("reworded", reworded, names, usual)
    model = lab.model(names)
    known = checked_rewording("reworded", reworded, model.classes, usual)
    path, truth = (video, "") if video else (miniature.film(USUAL)[0], USUAL)
    return Asked(model, path, truth, known)


def usual_names(model: str, trained: bool, own_video: bool) -> list[str]:
    """Class names where none are given: the miniature's, or none for a trained model, which has its own.

    Raises:
        ValueError: a CLIP is asked about a video of one's own, and knows no names.
    """
    if trained:
        return []
    if own_video and model not in miniature.MODELS:
        remedy = 'name what may be seen, such as ["dancing", "cooking"]'
        raise ValueError(f"parameter class_names is empty, and {model} has no classes of its own; {remedy}")
    return list(miniature.ACTIONS)

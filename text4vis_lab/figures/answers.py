"""What was answered for each tested video, as one table: the confusion matrix and the gallery are drawn of it."""

import base64
import io
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from PIL import Image

from ..plain import encodable, readable
from ..scores import Scores

COLUMNS = ("video", "true", "predicted")


def predicted(scores: Scores, names: Sequence[str], posters: Mapping[str, str] | None = None) -> pd.DataFrame:
    """A row for each video of a tested list: video (its file's name), true, predicted, probability, and a poster.

    Args:
        scores: of the list, as `Lab.scores` gives them.
        names: C names of its classes.
        posters: path of a video -> its picture, as `poster` makes it.

    Raises:
        ValueError: there are not as many names as classes.
    """
    if len(names) != scores.scores.shape[1]:
        raise ValueError(f"{len(names)} names for {scores.scores.shape[1]} classes")
    probabilities, best = scores.scores.float().softmax(-1).max(-1)
    table = pd.DataFrame(
        {
            "video": [encodable(str(path)).rsplit("/", 1)[-1] for path in scores.videos],
            "true": [encodable(names[label]) for label in scores.labels.tolist()],
            "predicted": [encodable(names[label]) for label in best.tolist()],
            "probability": probabilities.numpy().round(4),
        }
    )
    if posters:
        table["poster"] = [posters.get(str(path), "") for path in scores.videos]
    return table


def poster(frame: np.ndarray, width: int = 72) -> str:
    """A frame, uint8 (H, W, 3), as a small picture of so many pixels: a data URI of 1 to 3 KB."""
    picture = Image.fromarray(frame)
    picture.thumbnail((width, width))
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=60, method=6)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"


def picture_of(uri: str) -> np.ndarray | None:
    """The pixels, uint8 (H, W, 3), of what `poster` made; None for an empty text, or what is no such picture."""
    kind, _, content = str(uri).partition(";base64,")
    if not kind.startswith("data:image/"):
        return None
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB"))


def is_poster(uri: object) -> bool:
    """Whether a text is a picture that a page may show: nothing else is ever put into one."""
    return isinstance(uri, str) and uri.startswith("data:image/") and readable(uri, len(uri)) == uri

"""What a model sees in one video: probabilities as frames come in, and the videos that are nearest.

T frames of H x W pixels, C classes, D width of an embedding, N videos.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional as F

from text4vis_core.data.formats.readers import load_videos
from text4vis_core.data.transforms import evaluation_views, to_clip
from text4vis_core.data.video_list import VideoList

from .. import miniature
from ..groups import group_name
from ..models.model import Model
from ..notebooks import repository_root
from ..plain import readable

SHOWN = 5  # classes whose probability is drawn
SMALL = 64  # pixels of an input; what encodes larger ones takes its time without a GPU
PER_CLASS = {True: 5, False: 1}  # videos of each class that are compared, of a small model and of others
CACHE = "data/cache"


@dataclass(frozen=True)
class Look:
    """A video as a model sees it.

    Attributes:
        path: of the file, or of the folder of frames.
        model: that was asked.
        frames: uint8 (T, H, W, 3), those that it looks at.
        steps: float32 (T, C), the probabilities after the first frame, after two, ... and after all.
        embedding: float32 (D,), of all frames.
    """

    path: str
    model: Model
    frames: np.ndarray
    steps: np.ndarray
    embedding: Tensor

    @property
    def name(self) -> str:
        """Of the file or folder, as it can be shown."""
        return readable(Path(self.path).name, 60)

    @property
    def probabilities(self) -> np.ndarray:
        """Of the model's classes, float32 (C,)."""
        return self.steps[-1]

    @property
    def best(self) -> str:
        """The most probable class."""
        return self.model.classes[int(self.probabilities.argmax())]

    def over_time(self, beside: str = "") -> pd.DataFrame:
        """A row for each number of frames and each of the likeliest classes: frames seen, class, probability (%).

        Args:
            beside: a class that is told too, wherever it comes.
        """
        order = np.argsort(-self.probabilities, kind="stable")[:SHOWN].tolist()
        if beside in self.model.classes and self.model.classes.index(beside) not in order:
            order.append(self.model.classes.index(beside))
        rows = [
            {"frames seen": count, "class": self.model.classes[label], "probability (%)": 100 * float(values[label])}
            for label in order
            for count, values in enumerate(self.steps, 1)
        ]
        return pd.DataFrame(rows)


def look(model: Model, path: str | Path) -> Look:
    """Let a model look at a video.

    A model with a temporal module gets as many frames as ever: the last one that it has seen stands for the rest.

    Raises:
        VideoError: it cannot be read.
    """
    _ = model.classifier  # names that cannot be told apart are said before the video is read
    frames = model.frames(path)
    if model.network.temporal_name == "mean":
        embeddings = _each_frame(model, frames)
        counts = torch.arange(1, len(frames) + 1)[:, None]
        seen = embeddings.cumsum(0) / counts
    else:
        places = np.arange(len(frames))
        seen = torch.stack([model.embedding(frames[places.clip(max=last)]) for last in places])
    steps = model.logits_of(seen).softmax(-1).numpy()
    return Look(str(path), model, frames, steps, seen[-1])


@torch.no_grad()
def _each_frame(model: Model, frames: np.ndarray) -> Tensor:
    """The embedding (T, D) of each frame alone."""
    views = evaluation_views(to_clip(frames), model.network.size, model.clips.resize or None)[0]
    device = model.network.logit_scale.device
    with torch.autocast(device.type, enabled=device.type == "cuda"):
        return model.network.encode_video(views[:, None].to(device)).float().cpu()


def reworded_table(seen: Look, reworded: Mapping[str, str]) -> pd.DataFrame:
    """What becomes of the probabilities when names are worded otherwise: a row for each of them.

    Args:
        seen: what the model said by the names as they are.
        reworded: name -> other words for it.

    Returns:
        Columns name, reworded, probability (%), reworded probability (%).

    Raises:
        ValueError: the model came from no CLIP that is known here, so that it has no text tower for other names.
    """
    columns = ["name", "reworded", "probability (%)", "reworded probability (%)"]
    if not reworded:
        return pd.DataFrame(columns=columns)
    names = seen.model.classes
    other = seen.model.with_labels([reworded.get(name, name) for name in names])
    after = other.logits_of(seen.embedding[None])[0].softmax(-1).numpy()
    places = [(name, names.index(name)) for name in reworded]
    rows = [(name, reworded[name], 100 * seen.probabilities[i], 100 * after[i]) for name, i in places]
    return pd.DataFrame(rows, columns=columns)


def nearest(seen: Look, count: int = 5, progress: str | None = "comparing with {} videos") -> pd.DataFrame:
    """The videos of the miniature that lie nearest, by the cosine of the embeddings: video, class, cosine.

    They are encoded once, and kept. There are none where the miniature has not been made.

    Args:
        seen: the video. Of one of the miniature those of its own group are left out: the same person in the same place
            lies nearest, whatever is done.
        count: how many.
        progress: label of a bar; None for none.
    """
    network, columns = seen.model.network, ["video", "class", "cosine"]
    videos = _of_miniature(PER_CLASS[network.size <= SMALL])
    if videos is None:
        return pd.DataFrame(columns=columns)
    clips = replace(seen.model.clips, cache=str(repository_root() / CACHE))
    known = clips.embed(network, videos, progress=progress and progress.format(len(videos)))
    cosines = F.normalize(known.mean, dim=-1) @ F.normalize(seen.embedding, dim=-1)
    found = [videos.videos[place] for place in known.indices.tolist()]
    rows = [(str(video.path), videos.names[video.label], c) for video, c in zip(found, cosines.tolist(), strict=True)]
    table, own = pd.DataFrame(rows, columns=columns), group_name(miniature.making.VIDEOS, Path(seen.path).as_posix())
    others = table[table["video"].map(lambda path: group_name(miniature.making.VIDEOS, path)) != own]
    return others.nlargest(count, "cosine").reset_index(drop=True)


def familiar(seen: Look) -> str:
    """What is to be said of how far the video lies from what the model was made for: one plain sentence, or none."""
    if find_spec("text4vis_lab.familiarity") is None:
        return ""
    from .. import familiarity

    origin = str(seen.model.facts.clip.get("model", ""))
    with familiarity.watching(seen.model.network) as noted:
        seen.model.embedding(seen.frames)
    known = familiarity.known_of(seen.model.network, origin, seen.model.folder)
    words = familiarity.vocabulary(origin)
    return familiarity.reading_of(noted.features, known, seen.probabilities.tolist(), seen.model.classes, words).note


def films() -> dict[str, str]:
    """A test film of each class of the miniature, class -> path; none where it has not been made."""
    videos = _of_miniature(1)
    return {} if videos is None else {videos.names[video.label]: str(video.path) for video in videos.videos}


def _of_miniature(per_class: int) -> VideoList | None:
    """Some test videos of each class of the miniature; None where it has not been made."""
    folder = repository_root() / "data" / "miniature" / miniature.making.VIDEOS
    if not (folder / "made.json").is_file():
        return None
    test, counts = load_videos(miniature.making.VIDEOS, folder, "test"), dict[int, int]()
    places = []
    for place, video in enumerate(test.videos):
        counts[video.label] = counts.get(video.label, 0) + 1
        if counts[video.label] <= per_class:
            places.append(place)
    return test.take(np.array(places))

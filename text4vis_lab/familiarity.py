"""How far a video lies from what a model was made for, so that an answer about anything else is not taken for one.

    known = known_of(network, "mini_clip")
    with watching(network) as seen:
        probabilities = ...                       # whatever encodes the video
    reading_of(seen.features, known, probabilities, names, vocabulary("mini_clip")).note

Every frame is compared with the frames of videos that the model knows, by the cosine of what an early stage of its
encoder makes of them: k-nearest-neighbour detection of what is out of distribution (Sun et al. 2022, arXiv 2204.06507),
with k = 1. A video's distance is its frames' mean. What it means is read from the distances of videos that were held
out: the percentile says how many of them lie nearer. Where an encoder has no such stages, as a ViT, its embeddings
are compared. Beside it stands the margin of the decision; the greatest probability alone (Hendrycks and Gimpel 2016,
arXiv 1610.02136) is no use here, for a softmax over two dozen names is sure of a test picture too.

M frames that are known, K held-out videos, T frames of a video, F width of a feature, C classes.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from text4vis_core.data.formats.readers import load_videos
from text4vis_core.data.video_list import VideoList
from text4vis_core.files import check_finite, replacing
from text4vis_core.model.labels import TEMPLATES, as_words
from text4vis_core.model.video_classifier import VideoClassifier, fingerprint

from . import miniature
from .frame_store import FrameStore
from .miniature.actions import ACTIONS, UNNAMED
from .miniature.making import MODELS, VIDEOS
from .miniature.pictures import NAME_TEMPLATES, PAPERS, PERSON_TEMPLATES, WHEREABOUTS
from .miniature.skeleton import COLOURS
from .plain import readable
from .sources import Clips

STAGE = "layer2"  # of a ResNet: what a frame looks like, before what it shows
UNFAMILIAR = 99.0  # percentile
ENOUGH = 99  # held-out videos: after K of them the next of their kind is the farthest in one case of K + 1
CLOSE = 0.05  # two probabilities that differ by less are not told apart
EVERY = 3  # of Puppets' training videos each third is known: 160, some of every person and place
KNOWN_AS = "Puppets, the generated videos that Mini CLIP was made for,"


@dataclass(frozen=True)
class Known:
    """What a model knows.

    Attributes:
        features: float32 (M, F), rows of unit length, of the frames of videos that it knows.
        distances: float32 (K,), increasing, of held-out videos of the same kind to these.
        name: what these videos are, as in "farther from the videos of its training than 99 % of such videos".
    """

    features: Tensor
    distances: Tensor
    name: str

    def distance(self, features: Tensor) -> float:
        """Of a video's frames (T, F), of any length: 0 for the same, at most 2."""
        return float((1 - (F.normalize(features.float(), dim=-1) @ self.features.T).max(-1).values).mean())

    def percentile(self, distance: float) -> float:
        """How many of the held-out videos lie nearer, in percent."""
        return 100 * int((self.distances < distance).sum()) / max(1, len(self.distances))


@dataclass(frozen=True)
class Familiarity:
    """How far a video lies from what the model was made for, and how sure its decision is.

    Attributes:
        distance: cosine distance to the nearest known frames, 0 to 2; nan where nothing is known.
        percentile: of the held-out videos that lie nearer, 0 to 100; nan where nothing is known.
        margin: of the greatest probability over the second, 0 to 1.
        unread: words of the class names that the model's captions never held.
        note: one plain sentence, or "" where there is nothing to doubt.
    """

    distance: float
    percentile: float
    margin: float
    unread: tuple[str, ...]
    note: str


@dataclass
class Seen:
    """What an encoder made of frames at its early stage, batch after batch."""

    parts: list[Tensor] = field(default_factory=list)

    @property
    def features(self) -> Tensor:
        """float32 (frames, F), in the order in which they were encoded."""
        return torch.cat(self.parts)


@contextmanager
def watching(network: VideoClassifier) -> Iterator[Seen]:
    """While this is open, note the early features of all frames that the network encodes."""
    seen = Seen()

    def note(module: nn.Module, inputs: object, output: Tensor) -> None:
        pooled = output.detach().float()
        seen.parts.append((pooled.mean((-2, -1)) if pooled.ndim == 4 else pooled.flatten(0, -2)).cpu())

    hook = getattr(network.visual, STAGE, network.visual).register_forward_hook(note)
    try:
        yield seen
    finally:
        hook.remove()


def reading_of(
    features: Tensor | None,
    known: Known | None,
    probabilities: Sequence[float],
    names: Sequence[str] = (),
    words: Collection[str] | None = None,
) -> Familiarity:
    """What is to be said of an answer.

    Args:
        features: (T, F) of the video's frames, see `watching`.
        known: what the model knows; None where that is not known.
        probabilities: C, of the names.
        names: class names between which it chose.
        words: all that the model's captions held; None where that is not known.
    """
    best = sorted((float(p) for p in probabilities), reverse=True)[:2]
    margin = best[0] - best[1] if len(best) > 1 else 1.0
    unread = unread_words(names, words)
    if known is None or features is None:
        return Familiarity(float("nan"), float("nan"), margin, unread, _note(None, 0.0, margin, unread))
    distance = known.distance(features)
    percentile = known.percentile(distance)
    return Familiarity(distance, percentile, margin, unread, _note(known, percentile, margin, unread))


def _note(known: Known | None, percentile: float, margin: float, unread: Sequence[str]) -> str:
    if known is not None and percentile >= UNFAMILIAR:
        count = len(known.distances)
        if count < ENOUGH:
            rate = f"of videos like them one in {count + 1} does so"
            return f"This video lies farther from {known.name} than all {count} that were held out; {rate}."
        return f"This video lies farther from {known.name} than 99 % of such videos: the answer means nothing."
    if unread:
        words = ", ".join(repr(readable(word, 30)) for word in unread[:3])
        return f"The model's captions never held {words}: what it says of such a name means little."
    if margin < CLOSE:
        return f"The two likeliest names are {100 * margin:.0f} points apart: the model does not tell them apart."
    return ""


def unread_words(names: Sequence[str], words: Collection[str] | None) -> tuple[str, ...]:
    """Words of class names that are not among `words`, each once; () where `words` is None."""
    found = (word for name in names for word in _words(as_words(name)))
    return () if words is None else tuple(dict.fromkeys(word for word in found if word not in words))


def vocabulary(model: str) -> frozenset[str] | None:
    """All words of the captions that a Mini CLIP was trained on, and of the prompts; None for another model.

    Args:
        model: its name, or its folder.
    """
    name = Path(model).name
    if name not in MODELS:
        return None
    named = [action for action in ACTIONS.values() if action.name not in MODELS[name]]
    texts = [text for action in named for text in (action.name, action.phrase, *action.paraphrases, *action.states)]
    texts += [text for action in MODELS[name] for text in UNNAMED[action]]
    texts += [
        *NAME_TEMPLATES,
        *PERSON_TEMPLATES,
        *PAPERS,
        *COLOURS,
        *(t for many in WHEREABOUTS.values() for t in many),
    ]
    texts += ["a an on background", *TEMPLATES.values()]
    return frozenset(word for text in texts for word in _words(re.sub(r"\{.*?\}", " ", text)))


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def known_from(network: VideoClassifier, clips: Clips, videos: VideoList, held_out: VideoList, name: str) -> Known:
    """What a network knows: the frames of some videos, and how far others of the same kind lie from them.

    Args:
        network: that encodes.
        clips: how videos become clips; what cannot be decoded is left out where it says so.
        videos: known ones, as those of its training.
        held_out: others, as those of its test.
        name: see `Known`.
    """
    rows = [features_of(network, clips, each) for each in (videos, held_out)]
    features = F.normalize(rows[0].flatten(0, 1), dim=-1)
    known = Known(features, torch.zeros(0), name)
    return Known(features, torch.tensor(sorted(known.distance(each) for each in rows[1])), name)


def features_of(network: VideoClassifier, clips: Clips, videos: VideoList) -> Tensor:
    """The early features (N, T, F) of the frames of each video that can be decoded, by one process."""
    with watching(network) as seen:
        embedded = clips.embed(network, videos, cache=False)
    return seen.features.unflatten(0, (len(embedded.labels), -1))


def keep(folder: Path, network: VideoClassifier, known: Known) -> Path:
    """Write what a network knows beside it."""
    path = _file(folder, network)
    with replacing(path) as temporary:
        tensors = {"features": known.features.half().contiguous(), "distances": known.distances.contiguous()}
        safetensors.torch.save_file(tensors, temporary, metadata={"name": known.name})
    return path


def kept(folder: Path, network: VideoClassifier) -> Known | None:
    """What was written beside a network with the same weights; None where nothing was, or it is damaged."""
    path = _file(folder, network)
    refused = (OSError, ValueError, KeyError, safetensors.SafetensorError)
    with suppress(*refused), safetensors.safe_open(path, "pt") as file:
        features, distances = file.get_tensor("features").float(), file.get_tensor("distances")
        check_finite(path, {"features": features, "distances": distances})
        return Known(F.normalize(features, dim=-1), distances, file.metadata()["name"])
    return None


def known_of(network: VideoClassifier, origin: str, folder: Path | None = None, world: int = 0) -> Known | None:
    """What a network knows, read beside it; of what came from a Mini CLIP found out on Puppets, once, in seconds.

    Args:
        network: any.
        origin: the CLIP that it came from.
        folder: the model's own; None for the CLIP itself.
        world: the miniature's seed.

    Returns:
        None where nothing was kept and the origin is no Mini CLIP.
    """
    name = Path(origin).name
    own = name in MODELS
    if folder is None and own:
        folder = miniature.make(seed=world, parts=[name]).root / name
    found = kept(folder, network) if folder is not None else None
    if found is not None or not own or folder is None:
        return found
    root = miniature.make(seed=world, parts=[VIDEOS]).videos
    videos, held_out = (load_videos(VIDEOS, root, split) for split in ("train", "val"))
    videos = videos.take(np.arange(0, len(videos), EVERY))
    found = known_from(network, Clips(on_error="skip", store=FrameStore(0)), videos, held_out, KNOWN_AS)
    with suppress(OSError):  # of a folder that cannot be written to it is found out again
        keep(folder, network, found)
    return found


def _file(folder: Path, network: VideoClassifier) -> Path:
    return Path(folder, f"familiarity-{fingerprint(network.visual)[:12]}.safetensors")

"""What is to be said against a model's answers: how far each video lies from what it was made for."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from ..familiarity import Seen, known_of, reading_of, vocabulary, watching

if TYPE_CHECKING:
    from .model import Model


class Doubts:
    """Notes about the videos that a model encodes while `watching` is open.

    Args:
        model: that is asked.
    """

    def __init__(self, model: "Model"):
        origin = model.facts.clip
        self.model, self.origin = model, str(origin.get("model", ""))
        self.known = known_of(model.network, self.origin, model.folder, int(origin.get("world", 0)))

    def watching(self) -> AbstractContextManager[Seen | None]:
        """A context in which is noted what the network makes of frames, if there is something to compare it with."""
        return nullcontext() if self.known is None else watching(self.model.network)

    def notes(self, seen: Seen | None, probabilities: Tensor) -> list[str]:
        """A sentence, or "", for each of the videos that were encoded, whose probabilities are (N, C)."""
        words = vocabulary(Path(self.origin).name) if self.model.by_text else None
        features: list[Tensor | None] = [None] * len(probabilities)
        if seen is not None and len(probabilities):
            features = list(seen.features.unflatten(0, (len(probabilities), -1)))
        pairs = zip(features, probabilities.tolist(), strict=True)
        return [reading_of(of_video, self.known, row, self.model.classes, words).note for of_video, row in pairs]

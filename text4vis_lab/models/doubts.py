"""What is to be said against a model's answers: how far each video lies from what it was made for."""

from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from .model import Model


class Doubts:
    """Notes about the videos that a model encodes while `watching` is open.

    Args:
        model: that is asked.
    """

    def __init__(self, model: "Model"):
        self.model = model
        self.known: Any = None
        if find_spec("text4vis_lab.familiarity") is None:
            return
        from ..familiarity import known_of

        origin = model.facts.clip
        self.known = known_of(model.network, str(origin.get("model", "")), model.folder, int(origin.get("world", 0)))

    def watching(self) -> Any:
        """A context in which the network is looked over its shoulder; gives what was seen, or None."""
        if self.known is None:
            return nullcontext()
        from ..familiarity import watching

        return watching(self.model.network)

    def notes(self, seen: Any, probabilities: "Tensor") -> list[str]:
        """A sentence, or "", for each of the videos that were encoded, whose probabilities are (N, C)."""
        if find_spec("text4vis_lab.familiarity") is None or not len(probabilities):
            return [""] * len(probabilities)
        from ..familiarity import reading_of, vocabulary

        words = vocabulary(Path(str(self.model.facts.clip.get("model", ""))).name) if self.model.by_text else None
        features = [None] * len(probabilities)
        if self.known is not None and seen is not None:
            features = list(seen.features.unflatten(0, (len(probabilities), -1)))
        pairs = zip(features, probabilities.tolist(), strict=True)
        return [reading_of(seen_of, self.known, row, self.model.classes, words).note for seen_of, row in pairs]

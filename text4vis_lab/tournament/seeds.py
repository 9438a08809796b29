"""What a seed draws, part by part: the few videos, the classifier's rows, and the order of training."""

from collections.abc import Sequence
from dataclasses import dataclass

VARIED = ("draw", "initialisation", "order")


@dataclass(frozen=True)
class Seeds:
    """The seeds of one training.

    Attributes:
        seed: by which tables name it, and pair it with other methods' trainings.
        draw: of the few videos.
        initial: of the classifier's rows and other new parameters.
        order: of the order of videos, their random clips and dropout: `TrainingConfig.seed`.
    """

    seed: int
    draw: int
    initial: int
    order: int

    @property
    def labels(self) -> dict[str, int]:
        """Columns of `rows.COLUMNS`: the seed, and those that are not the same."""
        parts = {"draw": self.draw, "initial": self.initial, "order": self.order}
        return {name: value for name, value in parts.items() if value != self.seed} | {"seed": self.seed}


def seeds_of(seeds: Sequence[int], vary: Sequence[str] = VARIED) -> list[Seeds]:
    """The seeds of a table's trainings, where only some parts vary; the others stay at seed 0.

    Args:
        seeds: as many trainings of each method.
        vary: of `VARIED`; a ValueError where nothing varies and there are several seeds.
    """
    if not vary and len(seeds) > 1:
        raise ValueError(f"parameter vary is empty: {len(seeds)} seeds would train the same; name one of {VARIED}")
    return [Seeds(seed, *(seed if part in vary else 0 for part in VARIED)) for seed in seeds]

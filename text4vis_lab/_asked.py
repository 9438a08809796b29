"""What a notebook's settings ask for: methods, seeds, and the recipe of each training."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from text4vis_core.training.recipe import TrainingConfig

from .records import RunRecord
from .settings import by_name
from .sources import Source
from .tournament.methods import Method, in_settings, methods
from .tournament.recipes import RECIPES, problem_of, read_recipes, trial_of
from .tournament.seeds import VARIED, Seeds, seeds_of
from .tournament.texts import unavailable


class Asked:
    """The part of `Lab` that reads its settings, `values`."""

    record: RunRecord
    values: dict[str, Any]
    source: Any  # a cached property of `Lab`: where models and class embeddings come from

    @cached_property
    def methods(self) -> list[Method]:
        """What the parameters `frozen`, `trainable` and `slow` ask for, in each `setting`, but for what is not here."""
        asked = methods(*(self.values.get(name, []) for name in ("frozen", "trainable", "slow")))
        if not asked:
            raise ValueError("parameters frozen and trainable are both empty: there is nothing to train")
        source: Source = self.source
        reasons = {method: unavailable(method.initialisation, source) for method in asked}
        for reason in dict.fromkeys(filter(None, reasons.values())):
            print(reason)
        found = [method for method, reason in reasons.items() if not reason]
        return in_settings(found, self.values.get("setting", ["validation-free"]))

    @property
    def seeds(self) -> list[Seeds]:
        """What each of the parameter `seeds` draws: all that the parameter `vary` names."""
        return seeds_of(self.values["seeds"], self.values.get("vary", VARIED))

    @property
    def over(self) -> str:
        """What means are taken over: "3 seeds"."""
        count = len(self.values["seeds"])
        return f"{count} seed" + "s" * (count != 1)

    @property
    def trains(self) -> bool:
        """Whether anything is trained."""
        return self.values["epochs"] > 0

    def recipe(self, seed: int = 0, method: Method | None = None, shots: int = 0) -> TrainingConfig:
        """A training recipe with this seed: what was tuned for a method, or that of the settings.

        Args:
            seed: of order and clips.
            method: whose `setting` decides; None for the recipe of the settings.
            shots: training videos per class; 0: all.

        Raises:
            ValueError: the method's setting is "tuned", and there is no recipe for it (with the remedy).
        """
        other: dict[str, Any] = {} if self.trains else {"epochs": 1, "warmup_epochs": 0}
        if method is not None and method.setting == "tuned":
            problem = problem_of(self.values["dataset"], shots)
            found = trial_of(read_recipes(problem, self.values.get("recipes", RECIPES)), problem, method.name, shots)
            other = found["tried"][0]["settings"]
            self.record.trials += [found] if found not in self.record.trials else []
        return recipe_in(self.values | other, seed)


def recipe_in(values: Mapping[str, Any], seed: int = 0) -> TrainingConfig:
    """The training recipe of some settings; a ValueError for what cannot be."""
    return by_name(TrainingConfig, values, seed=seed, grad_clip=values["grad_clip"] or None)

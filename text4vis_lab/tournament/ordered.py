"""Which rates, and which size of the frame positions, a temporal module is trained with: chosen on validation videos.

The published positions begin at 0.02 (Text4Vis's release), beside embeddings of CLIP whose entries are about 0.4; that
size is one of those that are tried, and the one of the setting "validation-free".
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from sklearn.model_selection import ParameterGrid

from text4vis_core.model.temporal import split_temporal

from . import recipes
from .recipes import RECIPES, chosen_for, read_recipes
from .sweep import best_trials

PUBLISHED = {"position_std": 0.02}


def problem_of(dataset: str) -> str:
    """What the recipes of temporal modules are chosen on."""
    return f"{dataset} ordered"


def trials(temporal: str, sweep: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """All combinations of a sweep's values, in a fixed order; only a transformer over frames has positions.

    Args:
        temporal: a module, see `split_temporal`.
        sweep: setting -> its values.
    """
    tried = {n: list(values) for n, values in sweep.items() if n != "position_std" or _has_positions(temporal)}
    return list(ParameterGrid(tried))


def asked(temporals: Sequence[str], settings: Sequence[str]) -> list[tuple[str, str]]:
    """Each module in each of `methods.SETTINGS`; one without positions is trained as tuned alone, where both are asked.

    What the settings differ in is the positions: without them there is nothing published to stand beside.
    """
    pairs = [(temporal, setting) for temporal in temporals for setting in settings]
    return [(name, one) for name, one in pairs if _has_positions(name) or one == "tuned" or "tuned" not in settings]


def best(rows: pd.DataFrame) -> pd.DataFrame:
    """The best trial of each temporal module, in order of appearance: `sweep.best_trials`."""
    return best_trials(rows, ["temporal"])


def settings_of(dataset: str, temporal: str, setting: str, path: Any = RECIPES) -> dict[str, Any]:
    """The settings of a temporal module: what was chosen for it, or "validation-free" the `PUBLISHED` positions.

    Raises:
        ValueError: nothing was chosen for it (with the remedy).
    """
    if setting == "validation-free":
        return dict(PUBLISHED) if _has_positions(temporal) else {}
    return chosen_for(read_recipes(problem_of(dataset), path), temporal, 0)


def trial_of(dataset: str, temporal: str, path: Any = RECIPES) -> dict[str, Any]:
    """What a record tells of a temporal module that was tuned elsewhere: `recipes.trial_of`."""
    problem = problem_of(dataset)
    return recipes.trial_of(read_recipes(problem, path), problem, temporal, 0)


def _has_positions(temporal: str) -> bool:
    return split_temporal(temporal)[1] == "transformer"

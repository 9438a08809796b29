"""What was chosen on validation videos, for each method and number of shots: `experiments/recipes.yaml`.

problem:                # what it was chosen on, such as "puppets rows"
  "text, frozen":       # method
    4: {lr: 0.003, epochs: 24, validation: 57.1}
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock

from text4vis_core.files import replacing

from ..handwritten import from_yaml

RECIPES = Path("experiments/recipes.yaml")
HEADING = "# Chosen on validation data by 15_tuning and 16_frozen_tuning; no test item was scored for it.\n"
Chosen = dict[str, dict[int, dict[str, Any]]]  # method -> shots (0: all) -> settings, and "validation" in percent


def read_recipes(problem: str, path: str | Path = RECIPES) -> Chosen:
    """What was chosen on a problem.

    Raises:
        ValueError: the file is none, or has no such problem (with the choices).
    """
    try:
        found = from_yaml(Path(path).read_text(encoding="utf-8"), path)
        if not isinstance(found, dict):
            raise ValueError("it is no mapping of problems")
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} holds no recipes ({error}): run 15_tuning") from error
    if problem not in found:
        raise ValueError(f"{path} has no recipes for {problem!r}, but for {', '.join(found)}: run 15_tuning")
    return found[problem]


def chosen_for(recipes: Chosen, method: str, shots: int) -> dict[str, Any]:
    """The settings that were chosen for a method at a number of shots; a ValueError (with a remedy) for another."""
    if shots not in recipes.get(method, {}):
        known = ", ".join(f"{name} at {', '.join(map(str, by))}" for name, by in recipes.items())
        raise ValueError(f"no recipe for {method!r} at {shots} shots; there are: {known}. Run 15_tuning")
    return {name: value for name, value in recipes[method][shots].items() if name != "validation"}


def trial_of(recipes: Chosen, problem: str, method: str, shots: int) -> dict[str, Any]:
    """What a record tells of a cell that was tuned elsewhere (`RunRecord.trials`): the settings that were chosen.

    The others that were tried are in the record of the run that tuned it. A ValueError as of `chosen_for`.
    """
    found = {"settings": chosen_for(recipes, method, shots), "validation": recipes[method][shots].get("validation")}
    return {"problem": problem, "method": method, "shots": shots, "tried": [found | {"cells": []}]}


def problem_of(dataset: str, shots: int) -> str:
    """What the recipes of trained encoders are chosen on: "puppets rows", or "puppets base" for 0 shots."""
    return f"{dataset} {'rows' if shots else 'base'}"


def write_recipes(problem: str, recipes: Mapping[str, Mapping[int, Mapping[str, Any]]], path: str | Path = RECIPES):
    """Add what was chosen on a problem to the file; other methods, shots and problems stay."""
    path = Path(path)
    with FileLock(path.with_name(f".{path.name}.lock")):  # several sweeps may write at a time
        known = from_yaml(path.read_text(encoding="utf-8"), path) if path.exists() else {}
        of_problem = (known := known or {}).setdefault(problem, {})
        for method, by_shots in recipes.items():
            of_problem.setdefault(method, {}).update({shots: dict(settings) for shots, settings in by_shots.items()})
        text = yaml.safe_dump(known, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
        with replacing(path) as temporary:
            temporary.write_text(HEADING + text)

"""Recipes are kept, added to, and asked for by name."""

import pytest

from text4vis_lab.tournament.recipes import chosen_for, read_recipes, write_recipes


def test_what_was_chosen_is_found_again_and_the_rest_stays(tmp_path):
    path = tmp_path / "recipes.yaml"
    write_recipes("a", {"text, frozen": {1: {"lr": 0.01, "validation": 50.0}}}, path)
    write_recipes("a", {"text, frozen": {4: {"lr": 0.03, "validation": 60.0}}, "linear": {4: {"lr": 1.0}}}, path)
    write_recipes("b", {"linear": {0: {"lr": 2.0}}}, path)
    recipes = read_recipes("a", path)
    assert chosen_for(recipes, "text, frozen", 1) == {"lr": 0.01}
    assert chosen_for(recipes, "text, frozen", 4) == {"lr": 0.03}
    assert chosen_for(read_recipes("b", path), "linear", 0) == {"lr": 2.0}


def test_what_is_not_there_is_said(tmp_path):
    path = tmp_path / "recipes.yaml"
    with pytest.raises(ValueError, match="run 15_tuning"):
        read_recipes("a", path)
    write_recipes("a", {"linear": {4: {"lr": 1.0}}}, path)
    with pytest.raises(ValueError, match="'b', but for a"):
        read_recipes("b", path)
    with pytest.raises(ValueError, match="'linear' at 1 shots; there are: linear at 4"):
        chosen_for(read_recipes("a", path), "linear", 1)

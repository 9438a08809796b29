"""Methods, seeds and recipes that a notebook's settings ask for."""

from types import SimpleNamespace

import pytest

from text4vis_lab import _asked
from text4vis_lab._asked import Asked
from text4vis_lab.settings import declared
from text4vis_lab.tournament.methods import Method, named
from text4vis_lab.tournament.recipes import write_recipes

TUNED = Method("text, frozen", "text", setting="tuned")


def asked(**given) -> Asked:
    """The settings' part of a laboratory, without data and models."""
    found = Asked()
    found.values = {name: setting.default for name, setting in declared().items()} | {"seeds": [0]} | given
    found.source, found.record = None, SimpleNamespace(trials=[])
    return found


@pytest.fixture(autouse=True)
def everything_is_here(monkeypatch):
    monkeypatch.setattr(_asked, "unavailable", lambda initialisation, source: "")


def test_methods_are_asked_for_in_every_setting():
    lab = asked(frozen=["text"], trainable=["linear"], slow=["lda"], setting=["tuned", "validation-free"])
    assert [(method.name, method.setting) for method in lab.methods] == [
        (name, setting) for setting in ("tuned", "validation-free") for name in ("text, frozen", "linear", "lda, slow")
    ]
    with pytest.raises(ValueError, match="frozen and trainable are both empty"):
        asked(frozen=[], trainable=[]).methods  # noqa: B018


def test_what_is_not_installed_is_left_out_with_a_sentence(monkeypatch, capsys):
    monkeypatch.setattr(_asked, "unavailable", lambda name, source: "It is not here." * (name == "language model"))
    lab = asked(frozen=["text", "language model"], trainable=["language model"])
    assert [method.name for method in lab.methods] == ["text, frozen"]
    assert capsys.readouterr().out == "It is not here.\n"


def test_a_seed_draws_what_varies():
    assert [each.draw for each in asked(seeds=[3, 4]).seeds] == [3, 4]
    assert [(each.draw, each.initial) for each in asked(seeds=[3, 4], vary=["draw"]).seeds] == [(3, 0), (4, 0)]


def test_the_recipe_is_that_of_the_settings_or_what_was_tuned(tmp_path):
    path = tmp_path / "recipes.yaml"
    write_recipes("puppets rows", {"text, frozen": {4: {"lr": 0.5, "epochs": 24, "validation": 60.0}}}, path)
    write_recipes("puppets base", {"text, frozen": {0: {"lr": 0.25, "validation": 70.0}}}, path)
    lab = asked(recipes=str(path), epochs=3, weight_decay=0.125)
    free = lab.recipe(7, named("text, frozen"), 4)
    assert free == lab.recipe(7)
    assert (free.seed, free.epochs, free.lr) == (7, 3, 1e-3)
    tuned = lab.recipe(7, TUNED, 4)
    assert (tuned.seed, tuned.epochs, tuned.lr, tuned.weight_decay) == (7, 24, 0.5, 0.125)
    assert (lab.recipe(0, TUNED).lr, lab.recipe(0, TUNED).epochs) == (0.25, 3)
    known = [(each["problem"], each["method"], each["shots"], each["tried"]) for each in lab.record.trials]
    assert known == [
        ("puppets rows", TUNED.name, 4, [{"settings": {"lr": 0.5, "epochs": 24}, "validation": 60.0, "cells": []}]),
        ("puppets base", TUNED.name, 0, [{"settings": {"lr": 0.25}, "validation": 70.0, "cells": []}]),
    ]
    with pytest.raises(ValueError, match=r"no recipe for 'text, frozen' at 1 shots.* Run 15_tuning"):
        lab.recipe(0, TUNED, 1)
    with pytest.raises(ValueError, match="has no recipes for 'ucf101 rows', but for puppets rows, puppets base"):
        asked(recipes=str(path), dataset="ucf101").recipe(0, TUNED, 1)

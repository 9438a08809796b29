"""Settings: each is declared once, with what it is; what is given is checked by these declarations."""

from dataclasses import dataclass

import pytest
from conftest import ROOT

from text4vis_core import TrainingConfig
from text4vis_lab.notebooks import SettingsTable, notebook_defaults, notebook_uses
from text4vis_lab.settings import (
    GROUPS,
    NEVER_EMPTY,
    NOT_SHARED,
    Range,
    as_kind,
    by_name,
    check_choices,
    checked,
    declared,
    refuse_misspelt,
)
from text4vis_lab.sources import Clips, Source

KINDS = {bool, int, float, str, list}


@pytest.mark.parametrize("setting", declared().values(), ids=declared().keys())
def test_a_setting_says_what_it_is_and_has_a_default_that_it_may_have(setting):
    assert 5 <= len(setting.about) <= 120
    assert "\n" not in setting.about
    assert setting.group in GROUPS
    assert setting.kind in KINDS
    assert as_kind(setting.name, setting.default, setting.kind) == setting.default
    if isinstance(setting.choices, Range):
        assert setting.choices.low <= setting.default <= setting.choices.high
    elif setting.choices is not None:
        assert len(list(setting.choices)) > 1
        check_choices(setting.name, setting.default, setting.choices)


def test_names_are_unique_over_groups():
    """A setting is given by its name alone."""
    from text4vis_lab import settings

    kinds = [settings.DataSettings, settings.ModelSettings, settings.ClipSettings, settings.HardwareSettings]
    names = [
        setting.name
        for kind, group in zip(kinds, GROUPS, strict=False)
        for setting in settings._declarations(group, kind)
    ]
    recipe = [setting.name for setting in settings._declarations("recipe", TrainingConfig)]
    names += [name for name in recipe if name not in NOT_SHARED]
    assert len(names) == len(set(names)) == len(declared())
    assert {setting.group for setting in declared().values()} == set(GROUPS)
    assert set(recipe) >= NOT_SHARED


def test_a_declared_default_is_used_by_nobody_else():
    """`Source` and `Clips` are the settings' own classes, so that their defaults are the declared ones."""
    for kind in (Source, Clips):
        for name in kind.__dataclass_fields__.keys() & declared().keys() - {"cache"}:
            default = kind.__dataclass_fields__[name].default
            assert declared()[name].default == (list(default) if isinstance(default, tuple) else default), name


def test_what_is_given_is_taken_and_the_rest_is_as_declared():
    found = checked({"num_workers": 2, "lr": 5}, {"shots": [1], "lr": 0.5, "run_dir": "x"}, ("recipe", "hardware"))
    assert (found["num_workers"], found["lr"], found["shots"], found["run_dir"]) == (2, 5, [1], "x")
    assert found["weight_decay"] == declared()["weight_decay"].default
    assert "dataset" not in found
    assert list(found)[:3] == ["shots", "lr", "run_dir"]
    assert checked({}, {"lr": 0.5}, ("recipe",))["lr"] == 0.5  # a notebook's own default goes before


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"num_worker": 2}, "unknown parameter 'num_worker'; did you mean 'num_workers'?"),
        ({"shot": [1]}, "unknown parameter 'shot'; did you mean 'shots'?"),
        ({"template": "{}"}, "unknown parameter 'template': it is a setting of the group 'model', which this notebook"),
        ({"zzz": 1}, r"unknown parameter 'zzz' \(its own: shots, seeds, split, note; shared: num_frames, "),
        ({"num_frames": 2.5}, "parameter num_frames: 2.5 is not a whole number"),
        ({"num_frames": True}, "parameter num_frames: True is not a whole number"),
        ({"num_frames": "eight"}, "parameter num_frames: 'eight' is not a whole number"),
        ({"blur": "much"}, "parameter blur: 'much' is not a number"),
        ({"dense": "maybe"}, "parameter dense: 'maybe' is not true or false"),
        ({"dense": 1}, "parameter dense: 1 is not true or false"),
        ({"augmentation": 3}, "parameter augmentation: 3 is not text"),
        ({"augmentation": "strong"}, "parameter augmentation: unknown 'strong'; choose from: light, published"),
        ({"on_error": "ignore"}, "parameter on_error: unknown 'ignore'; choose from: raise, skip"),
        ({"crops": 2}, "parameter crops: unknown 2; choose from: 1, 3, 5, 10"),
        ({"shots": 4}, r"parameter shots: 4 is not a list; write it as \[4\]"),
        ({"shots": "[1, 4"}, r"parameter shots: '\[1, 4' is not a list"),
        ({"shots": []}, "parameter shots is empty; it must hold one value at least"),
        ({"seeds": [0, 1, 0]}, r"parameter seeds: \[0, 1, 0\] holds a value twice"),
        ({"split": "validation"}, "parameter split: unknown 'validation'; choose from: train, val, test"),
        ({"note": [1]}, r"parameter note: \[1\] is not a mapping"),
    ],
)
def test_what_cannot_be_given_is_named(given, message):
    own = {"shots": [1], "seeds": [0], "split": "test", "note": {}}
    with pytest.raises(ValueError, match=message):
        checked(given, own, ("clips", "hardware"))


def test_choices_can_be_left_unchecked():
    assert checked({"dataset": "anything"}, {}, ("data",), choices=False)["dataset"] == "anything"
    with pytest.raises(ValueError, match="parameter fold"):
        checked({"fold": "first"}, {}, ("data",), choices=False)


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("false", bool, False),
        ("True", bool, True),
        ("8", int, 8),
        ("1e-3", float, 1e-3),
        (3, float, 3.0),
        ("-1.5E2", float, -150.0),
        ("TRUE", bool, True),
        ("FALSE", bool, False),
        ("[1, 4]", list, [1, 4]),
        ("[text, random]", list, ["text", "random"]),
        ((0, 9), list, [0, 9]),
        ("{a: 1}", dict, {"a": 1}),
        ("[1, 4]", str, "[1, 4]"),
        ("8", str, "8"),
        (None, type(None), None),
    ],
)
def test_text_that_shows_a_value_is_read_as_one(value, kind, expected):
    found = as_kind("name", value, kind)
    assert found == expected
    assert type(found) is type(expected)


def test_a_class_takes_the_settings_that_its_fields_are_called_by():
    @dataclass(frozen=True)
    class Some:
        lr: float
        other: int = 3

    assert by_name(Some, {"lr": 0.5, "dense": True}) == Some(0.5)
    assert by_name(Some, {"lr": 0.5, "other": 1}, lr=2.0, other=4) == Some(2.0, 4)
    settings = checked({"compile_model": True, "randaugment": [1, 5]}, {}, GROUPS)
    assert by_name(TrainingConfig, settings).compile is True
    assert by_name(Clips, settings).randaugment == [1, 5]


def test_choices():
    check_choices("temporals", ["mean"], {"mean": 1, "transformer": 2})
    check_choices("split", "test", ("train", "test"))
    for values in ("lstm", ["mean", "lstm"]):
        with pytest.raises(ValueError, match="parameter temporals: unknown 'lstm'; choose from: mean, transformer"):
            check_choices("temporals", values, {"mean": 1, "transformer": 2})


class TestTable:
    def test_lists_what_was_changed_first(self):
        defaults, own = {"own": 1, "lr": 0.2, "epochs": 3}, {"own": "what the cell says of it"}
        table = SettingsTable({"own": 1, "lr": 0.1, "epochs": 3}, defaults, own).table()
        assert list(table.index) == ["lr", "own", "epochs"]
        assert table.loc["lr"].to_list() == [0.1, 0.2, declared()["lr"].about]
        assert table.loc["own", "about"] == "what the cell says of it"

    def test_shows_what_was_changed_and_folds_the_rest(self):
        html = SettingsTable({"lr": 0.1, "epochs": 3}, {"lr": 0.2, "epochs": 3})._repr_html_()
        first, folded = html.split("<details>")
        assert "lr" in first and "epochs" not in first
        assert "all 2 settings" in folded and "lr" in folded and "epochs" in folded
        same = SettingsTable({"lr": 0.1}, {"lr": 0.1})._repr_html_()
        assert same.startswith("<p>All settings are at their defaults.</p>")

    def test_a_value_is_no_markup(self):
        html = SettingsTable({"template": "<b>{}</b> & <script>"}, {"template": "{}"})._repr_html_()
        assert "<b>" not in html and "<script>" not in html
        assert "&lt;b&gt;{}&lt;/b&gt; &amp; &lt;script&gt;" in html


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebooks_own_parameter_that_is_shared_too_has_its_kind(path):
    for name, default in notebook_defaults(path).items():
        if name in declared() and declared()[name].group in notebook_uses(path):
            assert as_kind(name, default, declared()[name].kind) == default
        if name in NEVER_EMPTY:
            assert default != []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"blur": 7}, "parameter blur: 7; it must be between 0 and 1"),
        ({"fold": 0}, "parameter fold: 0; it must be 1 or more"),
        ({"temporal_heads": -2}, "parameter temporal_heads: -2; it must be 0 or more"),
        ({"position_std": float("nan")}, "parameter position_std: nan is not a finite number"),
        ({"checkpoint_temporal": "foo"}, "parameter checkpoint_temporal: unknown 'foo'; choose from: auto, none"),
        ({"randaugment": [1]}, r"parameter randaugment: \[1\]; it must hold 2 values"),
        ({"randaugment": ["a", "b"]}, "parameter randaugment: 'a' is not a whole number"),
        ({"seeds": ["a"]}, "parameter seeds: 'a' is not a whole number"),
        ({"shots": [1, 2.5]}, "parameter shots: 2.5 is not a whole number"),
    ],
)
def test_values_out_of_range_and_items_of_another_kind_are_named(given, message):
    with pytest.raises(ValueError, match=message):
        checked(given, {"run_dir": "x", "seeds": [0], "shots": [1, 4]}, GROUPS)


def test_a_parameter_that_a_notebook_has_and_never_uses_may_be_a_misspelt_setting():
    refuse_misspelt({"published", "mine"})
    with pytest.raises(ValueError, match=r"unknown parameter 'num_worker'; did you mean 'num_workers'\?"):
        refuse_misspelt({"num_worker"})

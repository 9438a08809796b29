"""Files that people write: a doubled key, and aliases that unfold without end, are errors that name file and line."""

import json

import pytest

from text4vis_lab.handwritten import LARGEST, from_json, from_yaml
from text4vis_lab.tournament.recipes import read_recipes, write_recipes
from text4vis_lab.tournament.texts import read_descriptions

BOMB = "a0: &a0 [lol, lol]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 30))
MERGED = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 30))
MISTAKES = {
    "a: 1\nb: 2\na: 3": "line 3: the key 'a' occurs twice; remove one of the two",
    "x:\n- {lr: 1, b: [{c: 1,\n  'c': 2}]}": "line 3: the key 'c' occurs twice",
    "1: a\n0x1: b": "line 2: the key 1 occurs twice",
    BOMB: r"line \d: its aliases unfold to more than 2,000,000 characters; use fewer of them",
    MERGED: r"line \d: its aliases unfold to more than",
    f"a: &a {'x' * 5000}\nb: [{', '.join(['*a'] * 1000)}]": "line 2: its aliases unfold to more than",
    "a: &a [1, *a]": "line 1: what stands here refers to itself",
    "a: &a {b: {c: *a}}": "line 1: what stands here refers to itself",
    "[" * 5000: "it is nested too deeply",
    "a: [": "cannot be read",
    "a: 2024-13-45": "cannot be read: month must be in 1..12",
    "a: \x07": "cannot be read",
    "a: !!python/object/apply:os.system [x]": "cannot be read",
    "? [a]\n: b": "cannot be read",
}


@pytest.mark.parametrize("text", MISTAKES, ids=lambda text: text[:20])
def test_a_mistake_in_yaml_names_file_and_line(text):
    with pytest.raises(ValueError, match=MISTAKES[text]) as caught:
        from_yaml(text, "mine.yaml")
    assert str(caught.value).startswith("mine.yaml: ") and "\n" not in str(caught.value)


def test_yaml_is_read_as_it_is_meant():
    assert from_yaml("a: &a {lr: 1e-09}\nb: {<<: *a, lr: 2e3}\nc: [*a, *a]", "x") == {
        "a": {"lr": 1e-9},
        "b": {"lr": 2000.0},  # what stands there goes before what is merged
        "c": [{"lr": 1e-9}] * 2,
    }
    assert from_yaml("", "x") is None
    assert len(from_yaml(f"a: {'x' * (LARGEST - 100)}", "x")["a"]) == LARGEST - 100


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": [1],\n "b": ["a"],\n "a": [2]}', "line 3: the key 'a' occurs twice; remove one of the two"),
        ('{"é": 1,\n"\\u00e9": 2}', "the key 'é' occurs twice"),
        ("[" * 100_000, "it is nested too deeply"),
        ('{"a"', "cannot be read"),
    ],
)
def test_a_mistake_in_json_names_file_and_line(text, message):
    with pytest.raises(ValueError, match=message) as caught:
        from_json(text, "mine.json")
    assert str(caught.value).startswith("mine.json: ")


def test_recipes_and_descriptions_with_a_doubled_key_are_refused(tmp_path):
    recipes, descriptions = tmp_path / "recipes.yaml", tmp_path / "descriptions.json"
    recipes.write_text("puppets rows:\n  linear: {4: {lr: 1}}\n  linear: {4: {lr: 2}}\n")
    for reading in (lambda: read_recipes("puppets rows", recipes), lambda: write_recipes("x", {}, recipes)):
        with pytest.raises(ValueError, match=r"recipes\.yaml.*line 3: the key 'linear' occurs twice"):
            reading()
    descriptions.write_text(f'{{"wave": ["a"],\n"wave": {json.dumps(["b"])}}}')
    with pytest.raises(ValueError, match=r"descriptions\.json.*line 2: the key 'wave' occurs twice"):
        read_descriptions(descriptions, ["wave"])

"""Class names as words, and the prompts made of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from text4vis_core.model.labels import TEMPLATES, as_words, class_names, directional, prompts

words = st.lists(st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=8), min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("ApplyEyeMakeup", "apply eye makeup"),
        ("apply_eye_makeup", "apply eye makeup"),
        ("PlayingTVGames", "playing tv games"),
        ("YoYo", "yo yo"),
        ("Tai Chi", "tai chi"),
        (" push  up ", "push up"),
        ("Shotput2Hands", "shotput2 hands"),
    ],
)
def test_spellings(raw, expected):
    assert as_words(raw) == expected


@given(words)
def test_every_spelling_becomes_the_same_words(parts):
    expected = " ".join(parts)
    camel = "".join(part.capitalize() for part in parts)
    assert as_words(camel) == as_words("_".join(parts)) == as_words(expected) == expected


@given(st.text())
def test_words_stay_as_they_are(name):
    assert as_words(as_words(name)) == as_words(name)


def test_prompts_put_the_name_in_its_place():
    assert prompts(["archery", "push up"]) == ["a video of a person archery.", "a video of a person push up."]
    assert prompts(["archery"], "look: {}!") == ["look: archery!"]
    assert prompts(["{}"], "name") == ["{}"]


@pytest.mark.parametrize("key", TEMPLATES)
def test_a_template_by_its_key(key):
    assert prompts(["archery"], key) == prompts(["archery"], TEMPLATES[key])


@pytest.mark.parametrize("template", ["a video", "{} and {}", "{name}", "", "publisched"])
def test_a_template_without_one_place_names_the_choices(template):
    with pytest.raises(ValueError, match=r"exactly once.*published, name, photo, action"):
        prompts(["archery"], template)


@pytest.mark.parametrize(
    ("raw", "published", "as_text"),
    [
        ("ApplyEyeMakeup", "ApplyEyeMakeup", "apply eye makeup"),
        ("brush_hair", "brush hair", "brush hair"),
        ("passing American football (in game)", "passing American football (in game)", None),
        ("massaging person's head", "massaging person's head", "massaging person's head"),
    ],
)
def test_names_as_published_and_as_words(raw, published, as_text):
    assert class_names([raw], "published") == [published]
    assert class_names([raw], "words") == [as_text or published.lower()]


def test_an_unknown_style_names_the_choices():
    with pytest.raises(ValueError, match="names are 'raw'; choose from: published, words"):
        class_names(["archery"], "raw")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Pulling something from left to right", True),
        ("Turning the camera left while filming something", True),
        ("turn_right", True),
        ("Putting something upright on the table", False),
        ("eating leftovers", False),
    ],
)
def test_which_classes_tell_left_from_right(name, expected):
    assert directional(["open a door", name]) == ({1} if expected else set())

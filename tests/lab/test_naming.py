"""Class names as a user gives them."""

import pytest

from text4vis_lab.naming import checked_names, checked_rewording
from text4vis_lab.settings import checked

OWN = {"class_names": [], "novel_classes": [], "shots": [1]}


def test_names_lose_the_blanks_that_nobody_sees():
    assert checked_names("class_names", [" dancing", "playing  the\tguitar "]) == ["dancing", "playing the guitar"]
    assert checked_names("class_names", ()) == []


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("dancing", "parameter class_names: 'dancing' is one text, not a list; write it as [\"dancing\"]"),
        ("a, b c", 'parameter class_names: \'a, b c\' is one text, not a list; write it as ["a", "b c"]'),
        (["a", " "], "parameter class_names: name 2 of 2 is blank; leave it out"),
        (["a", 3], "parameter class_names: name 2, 3, is no text; write it in quotes"),
        (["a", "b", "a "], "parameter class_names: 'a' comes twice; leave one out"),
        (["a b", "A  b"], "parameter class_names: 'a b' and 'A b' are the same name; leave one out"),
    ],
)
def test_names_that_cannot_be_are_refused_with_the_remedy(names, message):
    with pytest.raises(ValueError) as error:
        checked_names("class_names", names)
    assert str(error.value) == message


def test_every_list_of_names_is_checked_when_a_laboratory_opens():
    assert checked({"class_names": "[dancing, 'a  b']"}, OWN, ())["class_names"] == ["dancing", "a b"]
    for given, message in (
        ({"class_names": "dancing"}, r"class_names: 'dancing' is one text, not a list; write it as \[\"dancing\"\]"),
        ({"novel_classes": ["a", "a "]}, "parameter novel_classes: 'a' comes twice; leave one out"),
        ({"novel_classes": ["a", ""]}, "parameter novel_classes: name 2 of 2 is blank; leave it out"),
    ):
        with pytest.raises(ValueError, match=message):
            checked(given, OWN, ())


NAMES = ["playing guitar", "archery"]
DEFAULT = {"playing guitar": "strumming a guitar"}


def test_a_rewording_is_of_the_names():
    assert checked_rewording("reworded", DEFAULT, NAMES, DEFAULT) == DEFAULT
    assert checked_rewording("reworded", DEFAULT, ["dancing"], DEFAULT) == {}
    assert checked_rewording("reworded", {"archery": " bow "}, NAMES, DEFAULT) == {"archery": "bow"}


@pytest.mark.parametrize(
    ("reworded", "message"),
    [
        ({"plying guitar": "x"}, "'plying guitar' is none of the class names; did you mean 'playing guitar'?"),
        ({"zzz": "x"}, "'zzz' is none of the class names; choose from: playing guitar, archery"),
        ({"archery": "Playing guitar"}, "'playing guitar' and 'Playing guitar' are the same name; leave one out"),
        ({"archery": ""}, "name 2 of 2 is blank; leave it out"),
        ({"archery": 3}, "name 2, 3, is no text; write it in quotes"),
    ],
)
def test_a_rewording_that_cannot_be_is_refused(reworded, message):
    with pytest.raises(ValueError) as error:
        checked_rewording("reworded", reworded, NAMES, DEFAULT)
    assert str(error.value) == f"parameter reworded: {message}"

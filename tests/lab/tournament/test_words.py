"""Each method of a tournament says in words what its last layer is."""

import pytest

from text4vis_core.model.classifier import INITIALISERS
from text4vis_lab.tournament.methods import CONTROLS, TEXT_FREE, TRAINABLE, in_settings, methods, named
from text4vis_lab.tournament.words import ROWS, explained, in_words


@pytest.mark.parametrize("method", methods(list(INITIALISERS), TRAINABLE, ["text"]), ids=lambda method: method.name)
def test_every_method_has_words_of_its_own(method):
    words = in_words(method)
    assert len(words) > 15
    assert list(map(in_words, methods(list(INITIALISERS), TRAINABLE, ["text"]))).count(words) == 1


def test_what_the_notebooks_compare_is_said_for_newcomers():
    assert {"text", *CONTROLS, *TEXT_FREE} - {"linear"} <= ROWS.keys()
    assert in_words(named("random, frozen")) == "random numbers; frozen"
    assert in_words(named("text, slow")).endswith("; trained slowly")


def test_a_method_has_one_line_whatever_its_settings():
    table = explained(in_settings(methods(["text", "random"], ["linear"]), ["tuned", "validation-free"]))
    assert list(table["method"]) == ["text, frozen", "random, frozen", "linear"]
    assert list(table["knows"]) == [
        "knows the class names",
        "knows labelled videos alone",
        "knows labelled videos alone",
    ]
    assert explained([]).empty

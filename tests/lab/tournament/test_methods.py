"""Methods by name, their roles and settings, and what a seed draws."""

import pytest

from text4vis_core.model.classifier import INITIALISERS
from text4vis_lab.rows import ROLES
from text4vis_lab.tournament.methods import CONTRASTIVE, OTHERS, Method, in_settings, methods, named
from text4vis_lab.tournament.seeds import Seeds, seeds_of

EVERY = methods(list(INITIALISERS), [*INITIALISERS, *OTHERS], list(INITIALISERS))


def test_every_method_is_found_by_its_name_and_has_a_role():
    assert len({method.name for method in EVERY}) == len(EVERY)
    for method in EVERY:
        assert named(method.name) == method
        assert method.role in ROLES
    roles = {method.name: method.role for method in EVERY}
    assert roles["linear"] == roles["means, trainable"] == "text-free"
    assert roles["linear, text"] == roles["contrastive"] == roles["typos, frozen"] == "text"
    assert roles["nearest simplex, frozen"] == roles["shuffled, slow"] == "control"


def test_what_moves_is_said_by_the_name():
    frozen, trainable, slow = methods(["text"], ["text"], ["text"])
    assert (frozen.frozen, trainable.frozen, slow.frozen) == (True, False, False)
    assert (frozen.slow, trainable.slow, slow.slow) == (False, False, True)
    assert named(CONTRASTIVE) == Method(CONTRASTIVE, "text", objective=CONTRASTIVE)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("text", "unknown method 'text'; it is <initialisation>, frozen"),
        ("text, thawed", "unknown method"),
        ("xavier, frozen", "unknown initialisation 'xavier'; choose from: random"),
    ],
)
def test_an_unknown_name_is_said(name, message):
    with pytest.raises(ValueError, match=message):
        named(name)


def test_each_method_is_asked_for_in_each_setting():
    found = in_settings(methods(["text"], ["linear"]), ["tuned", "validation-free"])
    assert [(method.name, method.setting) for method in found] == [
        ("text, frozen", "tuned"),
        ("linear", "tuned"),
        ("text, frozen", "validation-free"),
        ("linear", "validation-free"),
    ]
    with pytest.raises(ValueError, match="unknown setting 'guessed'; choose from: tuned, validation-free"):
        in_settings(found, ["guessed"])


def test_what_does_not_vary_stays_at_seed_0():
    assert seeds_of([3]) == [Seeds(3, 3, 3, 3)]
    assert seeds_of([3])[0].labels == {"seed": 3}
    [only_draw] = seeds_of([3], ["draw"])
    assert only_draw == Seeds(3, draw=3, initial=0, order=0)
    assert only_draw.labels == {"initial": 0, "order": 0, "seed": 3}
    with pytest.raises(ValueError, match="vary is empty: 2 seeds would train the same"):
        seeds_of([0, 1], [])

"""`compare` finds what was done wrong on purpose, and nothing else; with nothing done wrong it names nothing."""

import numpy as np
import pytest

from text4vis_lab.compare import CAUSES, compare
from text4vis_lab.compare.measuring import gap
from text4vis_lab.compare.planting import COMBINED, OTHERWISE, WRONGS, asked

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("at_home")]


def test_there_are_twelve_causes():
    causes = [wrong.causes for wrong in WRONGS.values()]
    assert len({*causes}) == 12
    assert {cause for each in causes for cause in each} <= set(CAUSES)
    assert {other.cause for other in OTHERWISE} <= set(CAUSES)


@pytest.mark.parametrize("name", WRONGS)
def test_the_planted_cause_is_found_with_its_effect(ground, name):
    wrong = WRONGS[name]
    found = asked(wrong, ground)
    assert [finding.cause for finding in found.comparison.findings] == list(wrong.causes)
    finding = found.finding
    assert finding.effect == pytest.approx(found.difference, abs=0.2)
    assert finding.low <= found.difference <= finding.high
    assert found.comparison.whole == pytest.approx(found.difference)
    assert found.comparison.rest.points == pytest.approx(0, abs=0.2)
    assert finding.what
    assert not finding.how.startswith("not tried")


@pytest.mark.parametrize("name", COMBINED)
def test_of_two_planted_causes_both_are_found_each_with_its_own_effect(ground, name):
    wrong = COMBINED[name]
    found = asked(wrong, ground)
    effects = {finding.cause: finding for finding in found.comparison.findings}
    assert effects.keys() == {*wrong.causes}
    assert sum(finding.effect for finding in effects.values()) == pytest.approx(found.difference, abs=1e-6)
    for finding in effects.values():
        assert finding.low <= finding.effect <= finding.high
        assert finding.low < finding.high


def test_effects_of_two_causes_are_those_of_each_alone(ground):
    """The prompt of a record with missing videos, on those that are there; the crops of one with the right order."""
    prompt, gone = ({f.cause: f for f in asked(wrong, ground).comparison.findings} for wrong in
                    (WRONGS["template"], COMBINED["template and missing videos"]))  # fmt: skip
    assert gone["template"].how == prompt["template"].how == "tried"
    crops = asked(WRONGS["one crop"], ground).finding
    ordered = {f.cause: f for f in asked(COMBINED["label order and one crop"], ground).comparison.findings}
    assert ordered["crops"].effect == pytest.approx(crops.effect)
    assert ordered["label_order"].effect == pytest.approx(found_with_one_crop(ground))


def found_with_one_crop(ground) -> float:
    """What the order of the classes does to the number with one crop."""
    _, made = COMBINED["label order and one crop"].plant(ground)
    _, cropped = WRONGS["one crop"].plant(ground)
    return made["rows"][0]["top1"] - cropped["rows"][0]["top1"]


@pytest.mark.parametrize("name", ["right", "right_few_shot", "right_two_labels"])
def test_of_one_run_done_twice_nothing_is_named(ground, name):
    again = {
        "right": lambda: ground.zero_shot("once more"),
        "right_few_shot": lambda: ground.few_shot("few shots once more"),
        "right_two_labels": lambda: ground.zero_shot("two labels once more", data_root=str(ground.two_labels)),
    }
    found = compare(again[name](), getattr(ground, name), try_out=True)
    assert found.findings == []
    assert found.whole == 0


def test_another_seed_is_named_as_such(ground):
    """Another order of training, and no other videos."""
    found = compare(ground.few_shot("another order", order=1), ground.right_few_shot)
    assert [finding.cause for finding in found.findings] in ([], ["seed"])


def test_on_another_machine_nothing_is_named_where_the_numbers_are_the_same(ground):
    other = ground.right["provenance"] | {"hardware": {"processor": "another", "gpu": "one"}}
    packages = other["packages"] | {"numpy": "0.0.1"}
    found = compare(ground.right, ground.right | {"provenance": other | {"packages": packages}})
    assert found.findings == []
    assert len(found.others) >= 2


@pytest.mark.parametrize("other", OTHERWISE, ids=[other.title for other in OTHERWISE])
def test_what_may_be_otherwise_is_measured_on_the_same_films(ground, other):
    apart = gap(*other.measure(ground), "tsn", "top1")
    assert apart.videos == 72
    assert apart.low <= apart.points <= apart.high
    assert np.isfinite([apart.low, apart.high]).all()

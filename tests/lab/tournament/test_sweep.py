"""A sweep gives every method as many trials, and takes the best."""

import pandas as pd
import pytest

from text4vis_lab.tournament.methods import named
from text4vis_lab.tournament.sweep import Space, best_trials

SPACE = Space(epochs=24, rates=[1e-4, 1e-3, 1e-2])


def encoder_rates(trials: list[dict]) -> list[float]:
    return [trial["lr"] * trial["clip_lr_ratio"] for trial in trials]


@pytest.mark.parametrize("name", ["text, frozen", "random, trainable", "text, slow", "linear", "contrastive"])
def test_every_method_has_as_many_trials_none_of_which_is_another(name):
    trials = SPACE.first_round() + SPACE.second_round(named(name), best=1e-3)
    assert len(trials) == SPACE.num_trials == 6
    assert len({tuple(trial.items()) for trial in trials}) == 6
    assert all(trial["warmup_epochs"] == trial["epochs"] / 8 for trial in trials)


def test_the_second_round_is_around_the_best_of_the_first():
    frozen = SPACE.second_round(named("text, frozen"), best=1e-3)
    assert encoder_rates(frozen) == pytest.approx([1e-3, 1e-3 / 10**0.5, 1e-3 * 10**0.5], rel=1e-3)
    assert [trial["epochs"] for trial in frozen] == [12, 24, 24]
    trained = SPACE.second_round(named("linear"), best=1e-3)
    assert encoder_rates(trained) == pytest.approx([1e-3] * 3, rel=1e-3)
    assert [trial["lr"] for trial in trained] == pytest.approx([1e-2, 1e-3, 1e-1])


@pytest.mark.parametrize(("rate", "edge"), [(1e-5, True), (1e-4, True), (3e-4, False), (1e-2, True), (3e-2, True)])
def test_a_choice_at_the_edge_of_the_rates_is_told(rate, edge):
    assert SPACE.at_edge(SPACE.settings(rate)) == edge


def test_the_best_trial_is_that_of_the_highest_mean_and_of_equal_ones_of_the_lower_loss():
    rows = pd.DataFrame(
        [
            ("a", 1, 0, 40.0, 0.5),
            ("a", 1, 0, 60.0, 0.5),
            ("a", 1, 1, 55.0, 0.1),
            ("a", 1, 1, 41.0, 0.1),
            ("a", 4, 0, 70.0, 0.4),
            ("a", 4, 1, 70.0, 0.3),
            ("b", 4, 0, 10.0, 0.3),
        ],
        columns=["method", "shots", "trial", "top1", "train_loss"],
    )
    assert best_trials(rows).values.tolist() == [["a", 1, 0, 50.0, 0.5], ["a", 4, 1, 70.0, 0.3], ["b", 4, 0, 10.0, 0.3]]

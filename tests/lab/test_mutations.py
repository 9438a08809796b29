"""Films that are damaged at random: a sample of the trial `make mutations`, and that its counting is right."""

from collections import Counter

import pytest
from cases import workers
from cases.films import Film
from cases.mutations import FAULTS, FILMS, KINDS, OUTCOMES, mutations, table, trial

SAMPLE = [mutation for mutation in mutations(140) if mutation.seed[1] % 3 == mutation.seed[2] % 3][:32]


@pytest.mark.slow
def test_damage_is_named_or_harmless_or_concealed_by_ffmpeg(tmp_path):
    rows = list(trial(SAMPLE, tmp_path, ("pyav", "decord")))
    assert len(rows) == 2 * len(SAMPLE)
    assert not [row for row in rows if row["outcome"] in FAULTS]
    assert {row["outcome"] for row in rows} >= {"error", "right"}
    assert not list(tmp_path.iterdir())


def test_a_mutation_is_the_same_for_ever_and_each_is_another():
    content = bytes(range(256)) * 80
    found = mutations(300)
    made = [mutation.of(content) for mutation in found]
    assert made == [mutation.of(content) for mutation in mutations(300)]
    assert content not in made
    assert len({mutation.seed for mutation in found}) == len(found)
    assert {mutation.film for mutation in found} == set(FILMS)
    assert {mutation.kind for mutation in found} == set(KINDS)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    Film(24)(path)
    return path


@pytest.mark.parametrize(
    ("count", "indices", "numbers", "outcome"),
    [
        (24, [0, 12], [0, 12], "right"),
        (24, [0, 12], [0, 13], "wrong"),
        (24, [0, 12], [None, 12], "wrong"),
        (22, [0, 12], [0, 14], "fewer"),
        (22, [0, 12], [0, 15], "wrong"),
        (12, [0, 8], [12, 20], "fewer"),
        (12, [0, 8], [0, 20], "hole"),
    ],
)
def test_pictures_are_those_that_were_asked_for_or_not(film, count, indices, numbers, outcome):
    assert workers._outcome(film, count, indices, numbers, 24)[0] == outcome


def test_a_worker_that_dies_or_hangs_is_an_outcome_and_the_others_go_on(film, monkeypatch, tmp_path):
    """A job without a path ends the process that is given it."""
    job = {"path": str(film), "decoder": "pyav", "frames": 24}
    found = Counter(outcome for _, outcome, _ in workers.Crew(1).do([{}, job, {"path": str(tmp_path)} | job]))
    assert found == {"crash": 1, "right": 2}
    monkeypatch.setattr(workers.selectors.DefaultSelector, "select", lambda self, timeout: [])  # nobody answers
    [(_, outcome, words)] = workers.Crew(1).do([job])
    assert (outcome, words) == ("timeout", f"longer than {workers.SECONDS:g} s")


def test_outcomes_are_counted_by_decoder():
    rows = [{"decoder": "pyav", "outcome": outcome} for outcome in ("right", "right", "wrong")]
    counts = dict(line.rsplit("  ", 1)[0].rsplit(maxsplit=1) for line in table(rows).splitlines()[1:] if "  " in line)
    assert len(counts) == len(OUTCOMES)
    assert "2" in next(line for line in table(rows).splitlines() if line.startswith("right"))

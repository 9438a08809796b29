"""The landing page's sentences say what the verdicts say, what fails first."""

import pytest

from text4vis_lab.headline import sentence, why, worth


def verdict(identity, word, mean=6.0, shots="4 videos", half=3.0):
    return {
        "id": identity,
        "verdict": word,
        "mean": mean,
        "low": mean - half,
        "high": mean + half,
        "shots": shots,
        "margin": 5.0,
        "comparator": "linear",
        "notebook": "03_few_shot",
    }


def test_what_fails_comes_first_and_what_is_no_claim_of_worth_is_left_out():
    verdicts = [
        verdict("few shots", "holds", 12, "1 video"),
        verdict("few shots", "undecided"),
        verdict("all videos", "fails", -6, "all videos"),
        verdict("alignment", "holds", 40),
    ]
    sentences = [told for told, _ in worth(verdicts)]
    against = "against the best method without text (linear)"
    assert sentences == [
        f"With all videos, text is behind: -6.0 points [-9.0, -3.0] {against}, where 5 would matter.",
        f"With 4 videos per class, it is undecided whether text is ahead by 5 points: 6.0 points [3.0, 9.0] {against}.",
        f"With 1 video per class, text is worth 12.0 points [9.0, 15.0] {against}: more than the 5 that would matter.",
    ]


@pytest.mark.parametrize(
    "mean, half, words",
    [
        (2, 1, "text is ahead by less than the 5 that would matter: 2.0 points [1.0, 3.0] against"),
        (2, 2.5, "text is not shown to be ahead: 2.0 points [-0.5, 4.5] against"),
        (-4, 2, "text is behind: -4.0 points [-6.0, -2.0] against"),
    ],
)
def test_a_gain_below_the_margin_is_still_told_from_none(mean, half, words):
    [(sentence, _)] = worth([verdict("few shots", "fails", mean, half=half)])
    assert words in sentence


@pytest.mark.parametrize(
    "alignment, geometry, words",
    [
        ("holds", "holds", "both the alignment of the names with the encoder and the angles"),
        ("holds", "fails", "aligned with the encoder; that the angles between them are worth 5 points is refuted"),
        (
            "holds",
            "undecided",
            "aligned with the encoder; that the angles between them are worth 5 points is not shown",
        ),
        (
            "fails",
            "holds",
            "the angles between the names; that their alignment with the encoder is worth 5 points is refuted",
        ),
        ("undecided", "undecided", "neither the alignment"),
    ],
)
def test_alignment_and_geometry_are_told_apart(alignment, geometry, words):
    [sentence] = why([verdict("alignment", alignment, 33), verdict("geometry", geometry, 2)])
    assert words in sentence
    assert sentence.startswith("With 4 videos per class, ")
    assert "33.0 points [30.0, 36.0]" in sentence
    assert "2.0 points [-1.0, 5.0]" in sentence


def test_why_is_said_for_the_fewest_and_the_most_shots():
    asked = [verdict(name, "holds", shots=f"{k} videos") for k in (1, 2, 4) for name in ("alignment", "geometry")]
    assert [sentence.split(" per ")[0] for sentence in why(asked)] == ["With 1 videos", "With 4 videos"]


def test_why_is_not_said_where_it_was_not_asked():
    assert why([verdict("alignment", "holds"), verdict("few shots", "holds")]) == []
    assert why([verdict("few shots", "holds")]) == []


def test_the_headline_comparison_is_one_sentence():
    def judged(word: str, shots: str, mean: float, dataset: str = "puppets") -> dict:
        ends = {"low": mean - 0.5, "high": mean + 0.5}
        return {"id": "few shots", "verdict": word, "shots": shots, "mean": mean, "dataset": dataset} | ends

    failed = (
        judged("fails", shots, mean) for shots, mean in (("all videos", -5.2), ("8 videos", 0.1), ("4 videos", 1))
    )
    told = sentence([*failed, judged("undecided", "2 videos", 2.25), judged("holds", "1 video", 18.6)])
    assert told == (
        "Against the best method without text, a last layer made of class names is, on generated videos, "
        "ahead with 1 video per class (+18.6 points), undecided with 2 videos per class (+2.2 points), "
        "ahead by too little to matter with 4 videos per class (+1.0 points), "
        "not ahead with 8 videos per class (+0.1 points), behind with all videos (−5.2 points)."
    )
    real = [judged("holds", "1 image", 9, "features"), judged("holds", "2 images", 4, "features")]
    assert "is, on real CLIP embeddings, ahead with 1 and 2 images per class (+9.0 and +4.0 points)." in sentence(real)
    assert sentence([]) == ""

"""What the landing page says first: what text is worth, and why, in sentences made of the verdicts on the claims."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .inference.verdicts import FAILS, HOLDS, UNDECIDED
from .wording import listed

Verdict = Mapping[str, Any]  # of `claims.claims`

WORTH = ("few shots", "all videos", "frozen encoder")  # the paper's claim, where it is asked
FROZEN = "10_frozen_encoder"
LITTLE = "ahead by too little to matter"
SAID = ("ahead", "undecided", LITTLE, "not ahead", "behind")  # of text, in the landing page's sentence


def sentence(verdicts: Iterable[Verdict]) -> str:
    """The headline comparison in one sentence; empty when no run speaks of it."""
    asked = [verdict for verdict in verdicts if verdict["id"] in WORTH]
    parts = []
    for real, place in ((False, "on generated videos"), (True, "on real CLIP embeddings")):
        some = [verdict for verdict in asked if is_real(verdict) is real]
        by_word = {word: [verdict for verdict in some if _said(verdict) == word] for word in SAID}
        said = [f"{word} {_conditions(same)}" for word, same in by_word.items() if same]
        if said:
            parts.append(f"{place}, {', '.join(said)}")
    if not parts:
        return ""
    told = "; ".join(parts)
    return f"Against the best method without text, a last layer made of class names is, {told}."


def _said(verdict: Verdict) -> str:
    """One of `SAID`: what fails is the margin, and a gain below it is a gain."""
    failed = LITTLE if verdict["low"] > 0 else "behind" if verdict["high"] < 0 else "not ahead"
    return {HOLDS: "ahead", UNDECIDED: "undecided"}.get(verdict["verdict"], failed)


def _conditions(verdicts: Sequence[Verdict]) -> str:
    """ "with 1 and 2 images per class (+10.4 and +4.4 points)"."""
    counts = [*(verdict["shots"].split()[0] for verdict in verdicts[:-1]), verdicts[-1]["shots"]]
    counts[-1] += "" if counts[-1].startswith("all ") else " per class"
    gains = listed([f"{verdict['mean']:+.1f}" for verdict in verdicts]).replace("-", "\N{MINUS SIGN}")
    return f"with {listed(counts)} ({gains} points)"


def worth(verdicts: Sequence[Verdict]) -> list[tuple[str, Verdict]]:
    """What text is worth against the best method without text: a sentence for each verdict, what fails first."""
    asked = [verdict for verdict in verdicts if verdict["id"] in WORTH]
    order = [FAILS, UNDECIDED, HOLDS]
    return [(_worth(verdict), verdict) for verdict in sorted(asked, key=lambda each: order.index(each["verdict"]))]


def _worth(verdict: Verdict) -> str:
    against = f"against the best method without text ({verdict['comparator']})"
    gain = f"{points(verdict)} {against}"
    if verdict["verdict"] == HOLDS:
        return f"{_where(verdict)}, text is worth {gain}: more than the {verdict['margin']:g} that would matter."
    if verdict["verdict"] == FAILS:
        if verdict["low"] > 0:
            return f"{_where(verdict)}, text is ahead by less than the {verdict['margin']:g} that would matter: {gain}."
        word = "behind" if verdict["high"] < 0 else "not shown to be ahead"
        return f"{_where(verdict)}, text is {word}: {gain}, where {verdict['margin']:g} would matter."
    return f"{_where(verdict)}, it is undecided whether text is ahead by {verdict['margin']:g} points: {gain}."


def why(verdicts: Sequence[Verdict]) -> list[str]:
    """Whether it is the alignment of the rows with the encoder or the angles between them that helps.

    Args:
        verdicts: of one run.

    Returns:
        A sentence for the fewest shots that were asked about and for the most; none where nothing was.
    """
    asked = [verdict["shots"] for verdict in verdicts if _name(verdict) == "alignment"]
    return [*filter(None, (_why(verdicts, shots) for shots in dict.fromkeys([*asked[:1], *asked[-1:]])))]


def _why(verdicts: Sequence[Verdict], shots: str) -> str:
    by_id = {_name(verdict): verdict for verdict in verdicts if verdict["shots"] == shots}
    alignment, geometry, alone = (by_id.get(name) for name in ("alignment", "geometry", "geometry alone"))
    if not alignment or not geometry:
        return ""
    helps = {
        (True, True): "both the alignment of the names with the encoder and the angles between them help",
        (True, False): "what helps is that the names are aligned with the encoder; that the angles between them are "
        f"worth {geometry['margin']:g} points is " + ("refuted" if geometry["verdict"] == FAILS else "not shown"),
        (False, True): "what helps are the angles between the names; that their alignment with the encoder is "
        f"worth {alignment['margin']:g} points is " + ("refuted" if alignment["verdict"] == FAILS else "not shown"),
        (False, False): "neither the alignment of the names with the encoder nor the angles between them is shown to "
        f"be worth {alignment['margin']:g} points",
    }[alignment["verdict"] == HOLDS, geometry["verdict"] == HOLDS]
    parts = [
        f"text is ahead of itself in a random rotation, which keeps all angles, by {points(alignment)}",
        f"of the nearest rows of equal angles by {points(geometry)}",
    ]
    if alone:
        parts.append(f"where nothing is aligned, its angles are ahead of equal ones by {points(alone)}")
    return f"{_where(alignment)}, {helps}: {'; '.join(parts)}."


def points(verdict: Verdict) -> str:
    """ "6.4 points [3.1, 9.7]"."""
    return f"{verdict['mean']:.1f} points [{verdict['low']:.1f}, {verdict['high']:.1f}]"


def _where(verdict: Verdict) -> str:
    where = f"With {verdict['shots']}" + ("" if verdict["shots"].startswith("all ") else " per class")
    return where + (" and a frozen encoder" if verdict["notebook"] == FROZEN else "")


def _name(verdict: Verdict) -> str:
    return verdict["id"].removeprefix("frozen encoder, ")


def is_real(verdict: Verdict) -> bool:
    """Whether it is of embeddings that a real CLIP gave, not of generated videos."""
    return verdict["dataset"] == "features"

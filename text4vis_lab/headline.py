"""What the landing page says first: what text is worth, and why, in sentences made of the verdicts on the claims."""

from collections.abc import Mapping, Sequence
from typing import Any

from .inference.verdicts import FAILS, HOLDS, UNDECIDED

Verdict = Mapping[str, Any]  # of `claims.claims`

WORTH = ("few shots", "all videos", "frozen encoder")  # the paper's claim, where it is asked
FROZEN = "10_frozen_encoder"


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

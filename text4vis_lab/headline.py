"""What the landing page says first: what text is worth, and why, in sentences made of the verdicts on the claims."""

from collections.abc import Mapping, Sequence
from typing import Any

Verdict = Mapping[str, Any]  # of `claims.claims`

WORTH = ("few shots", "all videos", "frozen encoder")  # the paper's claim, where it is asked
HOLDS, FAILS, UNDECIDED = "holds", "fails", "undecided"


def worth(verdicts: Sequence[Verdict]) -> list[tuple[str, Verdict]]:
    """What text is worth against the best method without text: a sentence for each verdict, what fails first."""
    asked = [verdict for verdict in verdicts if verdict["id"] in WORTH]
    order = [FAILS, UNDECIDED, HOLDS]
    return [(_worth(verdict), verdict) for verdict in sorted(asked, key=lambda each: order.index(each["verdict"]))]


def _worth(verdict: Verdict) -> str:
    against = f"against the best method without text, {verdict['comparator']}"
    gain = f"{points(verdict)} {against}"
    if verdict["verdict"] == HOLDS:
        return f"{_where(verdict)}, text is worth {gain}: more than the {verdict['margin']:g} that would matter."
    if verdict["verdict"] == FAILS:
        word = "behind" if verdict["high"] < 0 else "not ahead"
        return f"{_where(verdict)}, text is {word}: {gain}, where {verdict['margin']:g} would matter."
    return f"{_where(verdict)}, it is undecided whether text is ahead by {verdict['margin']:g} points: {gain}."


def why(verdicts: Sequence[Verdict], shots: str = "") -> str:
    """Whether it is the alignment of the rows with the encoder or the angles between them: a sentence; "" if not asked.

    Args:
        verdicts: of one run.
        shots: as in the claims, "4 videos"; empty: the last that were asked about.
    """
    by_id: dict[str, Verdict] = {}
    for verdict in verdicts:
        if not shots or verdict.get("shots") == shots:
            by_id[verdict["id"]] = verdict
    alignment, geometry, alone = (by_id.get(name) for name in ("alignment", "geometry", "geometry alone"))
    if not alignment or not geometry:
        return ""
    helps = {
        (True, True): "Both the alignment of the names with the encoder and the angles between them help",
        (True, False): "What helps is that the names are aligned with the encoder; that the angles between them do is "
        + ("refuted" if geometry["verdict"] == FAILS else "not shown"),
        (False, True): "What helps are the angles between the names; that their alignment with the encoder does is "
        + ("refuted" if alignment["verdict"] == FAILS else "not shown"),
        (False, False): "Neither the alignment of the names with the encoder nor the angles between them is shown to "
        "help",
    }[alignment["verdict"] == HOLDS, geometry["verdict"] == HOLDS]
    parts = [
        f"text is ahead of itself in a random rotation, which keeps all angles, by {points(alignment)}",
        f"of the nearest rows of equal angles by {points(geometry)}",
    ]
    if alone:
        parts.append(f"where nothing is aligned, its angles are ahead of equal ones by {points(alone)}")
    return f"{helps} ({_where(alignment, first=False)}): {'; '.join(parts)}."


def points(verdict: Verdict) -> str:
    """ "6.4 points [3.1, 9.7]"."""
    return f"{verdict['mean']:.1f} points [{verdict['low']:.1f}, {verdict['high']:.1f}]"


def _where(verdict: Verdict, first: bool = True) -> str:
    where = f"with {verdict['shots']}" + ("" if verdict["shots"].startswith("all ") else " per class")
    where += " and a frozen encoder" if verdict["id"] == "frozen encoder" else ""
    return where[0].upper() + where[1:] if first else where

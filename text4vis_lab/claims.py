"""The paper's claims, in one table that is written before the runs; what a run must show for one to hold.

A claim is a difference between methods (its estimand), a margin and a kind, see `inference.verdicts`. It is of all
classes where a run has a test of all. The margins are the project's own and the same for every claim: 5 points on
videos, below which nobody would change a method on so few of them; 2 points on the thousands of a cache of features.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from .inference.verdicts import NON_INFERIORITY, SUPERIORITY, decide
from .judging import CHANCE, Claim, Judged, Reader, judge
from .plain import readable
from .results import scores_of
from .suites import counted

_TEXT, _FREE, _ALL = {"method": "text, frozen"}, {"role": "text-free"}, {"test": "test"}
_BY = "by more than {margin} points"
_03 = partial(Claim, notebook="03_few_shot", kind=SUPERIORITY, where=_ALL, shots=(1, 2, 3, 4))
_10 = partial(Claim, notebook="10_frozen_encoder", kind=SUPERIORITY, where=_ALL, shots=(1, 2, 4, 8, 16))

CLAIMS: tuple[Claim, ...] = (
    Claim(
        "zero-shot",
        f"A classifier made of text names videos of {{classes}} classes that nobody labelled, above chance {_BY}",
        "02_zero_shot",
        SUPERIORITY,
        {"method": "zero-shot"},
        CHANCE,
        _ALL,
    ),
    _03(
        "few shots",
        f"With {{shots}} per class, frozen rows of text are ahead of every method without text {_BY}",
        ahead=_TEXT,
        behind=_FREE,
    ),
    Claim(
        "all videos",
        f"With all videos of {{classes}} classes, frozen rows of text are ahead of every method without text {_BY}",
        "04_full_training",
        SUPERIORITY,
        _TEXT,
        _FREE,
        {"test": "base, all"},
    ),
    _03(
        "alignment",
        f"With {{shots}} per class, text is ahead of the same rows in a random rotation {_BY}: it is aligned with the "
        "encoder",
        ahead=_TEXT,
        behind={"method": "rotated, frozen"},
    ),
    _03(
        "names",
        f"With {{shots}} per class, text is ahead of the same rows in a wrong order {_BY}: a class needs its own name",
        ahead=_TEXT,
        behind={"method": "shuffled, frozen"},
    ),
    _03(
        "geometry",
        f"With {{shots}} per class, text is ahead of the nearest rows of equal angles {_BY}: the angles between names "
        "help where the rows are aligned",
        ahead=_TEXT,
        behind={"method": "nearest simplex, frozen"},
    ),
    _03(
        "geometry alone",
        f"With {{shots}} per class, text in a random rotation is ahead of equal angles in one {_BY}: the angles "
        "between names help where nothing is aligned",
        ahead={"method": "rotated, frozen"},
        behind={"method": "rotated simplex, frozen"},
    ),
    _03(
        "contrastive",
        "With {shots} per class, frozen rows of text are at most {margin} points behind a text tower that is trained",
        kind=NON_INFERIORITY,
        ahead=_TEXT,
        behind={"method": "contrastive"},
    ),
    *(
        Claim(
            f"novel classes, {what}",
            f"After training on {what}, top-1 on {{classes}} novel ones is at most {{margin}} points below zero-shot",
            notebook,
            NON_INFERIORITY,
            _TEXT,
            {"method": "zero-shot"},
            {"test": "novel"},
        )
        for notebook, what in (
            ("04_full_training", "all videos of other classes"),
            ("09_base_to_novel", "base classes"),
        )
    ),
    Claim(
        "time order",
        f"On {{classes}} classes that differ in the order of time, the temporal transformer is ahead of the mean {_BY}",
        "18_time_order",
        SUPERIORITY,
        _TEXT | {"temporal": "transformer"},
        _TEXT | {"temporal": "mean"},
        {"test": "ordered"},
    ),
    _10(
        "frozen encoder",
        f"On a frozen encoder with {{shots}} per class, rows from text are ahead of every method without text {_BY}",
        ahead={"method": "rows from text"},
        behind=_FREE,
    ),
    _10(
        "frozen encoder, names",
        f"On a frozen encoder with {{shots}} per class, rows from text are ahead of those in a wrong order {_BY}",
        ahead={"method": "rows from text"},
        behind={"method": "rows from shuffled text"},
    ),
    _10(
        "frozen encoder, alignment",
        f"On a frozen encoder with {{shots}} per class, rows from text are ahead of those from text in a random "
        f"rotation {_BY}",
        ahead={"method": "rows from text"},
        behind={"method": "rows from rotated text"},
    ),
    _10(
        "frozen encoder, geometry",
        f"On a frozen encoder with {{shots}} per class, rows from text are ahead of those from the nearest rows of "
        f"equal angles {_BY}",
        ahead={"method": "rows from text"},
        behind={"method": "rows from nearest simplex"},
    ),
)


def claims(
    records: Sequence[Mapping[str, Any]], refused: list[str] | None = None, read: Reader = scores_of
) -> list[dict[str, Any]]:
    """Verdicts on all claims that the records speak of. The claims of one suite are a family.

    Args:
        records: as `read_record` gives them; their scores per video lie beside them.
        refused: collects why records that do not count (`suites.counted`), or are without their scores, are left out;
            None: the first of them is an error.
        read: from a record and a row to its scores per video.

    Returns:
        Those of `decided`, in the order of `CLAIMS`.

    Raises:
        ValueError: scores per video are missing or do not match (which).
    """
    families: dict[str, list[Judged]] = {}
    for record in counted(records, refused):
        try:
            families.setdefault(record["suite"], []).extend([*judge(record, CLAIMS, read)])
        except ValueError as error:
            if refused is None:
                raise
            refused.append(readable(error, 400))
    verdicts = [verdict for family in families.values() for verdict in decided(family)]
    place = {claim.id: number for number, claim in enumerate(CLAIMS)}
    return sorted(verdicts, key=lambda verdict: place[verdict["id"]])


def worse(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """What other seeds say otherwise: claims on which two lists of verdicts differ, with the verdicts of both.

    Args:
        before, after: of `claims`, on two runs of the same notebooks.

    Returns:
        (claim, verdict before, verdict after), those that went from holds to fails first.
    """
    again = {(verdict["notebook"], verdict["claim"]): verdict["verdict"] for verdict in after}
    pairs = [(v["claim"], v["verdict"], again.get((v["notebook"], v["claim"]), "absent")) for v in before]
    changed = [pair for pair in pairs if pair[1] != pair[2]]
    return sorted(changed, key=lambda pair: pair[1:] != ("holds", "fails"))


def decided(family: Sequence[Judged]) -> Iterator[dict[str, Any]]:
    """The verdict on each claim of a family, which are corrected for their number.

    Returns:
        Dictionaries: id, claim, shots, kind, margin, verdict (holds, fails, undecided), mean, low, high (points),
        comparator (of several the best), p (after Holm), over, evidence, dataset, suite, run, notebook.
    """
    for judged, (verdict, p) in zip(family, decide([judged.test for judged in family]), strict=True):
        found = judged.found
        behind = f"{found.comparator}, the best of {len(found.each)}" if len(found.each) > 1 else found.comparator
        evidence = f"{found.percents[0]:.1f} % against {found.percents[1]:.1f} % of {behind}: {found.text()}"
        yield {
            "id": judged.of.id,
            "claim": judged.claim,
            "shots": judged.shots,
            "kind": judged.of.kind,
            "margin": judged.margin,
            "verdict": verdict,
            "mean": found.mean,
            "low": found.low,
            "high": found.high,
            "comparator": readable(found.comparator),
            "p": p,
            "over": found.over,
            "evidence": readable(f"{evidence}; p {p_text(p)}", 400),
            "notebook": judged.of.notebook,
            "dataset": judged.record["parameters"].get("dataset", "puppets"),
        } | {name: readable(judged.record[name]) for name in ("suite", "run")}


def p_text(value: float) -> str:
    """ "0.012", or "< 0.001"."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"

"""The paper's claims, in one table that is written before the runs; what a run must show for one to hold.

A claim is a difference between methods (its estimand), a margin and a kind, see `inference.verdicts`. It is of all
classes where a run has a test of all. The margins are the project's own and the same for every claim: 5 points on
videos, below which nobody would change a method on so few of them; 2 points on the thousands of a cache of features.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pandas as pd

from .inference.bootstrap import Estimate, bootstrap
from .inference.cube import Cube, Read, cube_of
from .inference.tables import Difference, difference
from .inference.verdicts import NON_INFERIORITY, SUPERIORITY, Test, against_all, decide, tested
from .plain import readable
from .results import rows_of, scores_of

MARGIN, MARGINS = 5.0, {"features": 2.0}  # points, and where they are others, by data set
CHANCE: dict[str, Any] = {}  # behind which there is no method

Condition = Mapping[str, Any]  # column of a row -> its value, or a tuple of these


@dataclass(frozen=True)
class Claim:
    """A claim that a run speaks of when it has rows of both sides.

    Attributes:
        id: short name.
        sentence: with {shots}, {classes}, {margin} where a number belongs.
        notebook: whose runs it is judged on.
        kind: of `inference.verdicts.KINDS`.
        ahead: which rows are said to be ahead.
        behind: of which methods, each of which it has to be ahead of; `CHANCE` for chance.
        where: which rows count on both sides.
        shots: the numbers of training videos per class, each of which is a claim of its own; empty: of any.
    """

    id: str
    sentence: str
    notebook: str
    kind: str
    ahead: Condition
    behind: Condition
    where: Condition = field(default_factory=dict)
    shots: tuple[int, ...] = ()

    def margin(self, dataset: str) -> float:
        """Points."""
        return MARGINS.get(dataset, MARGIN)


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
        "04_full_training",
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
)


@dataclass(frozen=True)
class Judged:
    """A claim on one run, before it is known how many others there are.

    Attributes:
        of: the claim.
        claim: its sentence, with numbers.
        margin: points.
        found: the difference that was measured.
        test: of the claim, against every method behind.
        record: of the run.
    """

    of: Claim
    claim: str
    margin: float
    found: Difference
    test: Test
    record: Mapping[str, Any]


def claims(records: Sequence[Mapping[str, Any]], refused: list[str] | None = None) -> list[dict[str, Any]]:
    """Verdicts on all claims that the records speak of. The claims of one suite are a family.

    Args:
        records: as `read_record` gives them; their scores per video lie beside them.
        refused: collects why records without their scores are left out; None: the first of them is an error.

    Returns:
        Dictionaries: id, claim, kind, margin, verdict (holds, fails, undecided), mean, low, high (points), comparator
        (of several the best), p (after Holm), over, evidence, suite, run, notebook.

    Raises:
        ValueError: scores per video are missing or do not match (which).
    """
    families: dict[str, list[Judged]] = {}
    for record in records:
        try:
            families.setdefault(record["suite"], []).extend(judge(record))
        except ValueError as error:
            if refused is None:
                raise
            refused.append(readable(error, 400))
    return [verdict for family in families.values() for verdict in _decided(family)]


def judge(record: Mapping[str, Any], read: Callable[[Mapping, Mapping], Any] = scores_of) -> Iterator[Judged]:
    """Every claim that a record speaks of, on its own; `read` gives the scores per video of the record and a row."""
    own = [claim for claim in CLAIMS if claim.notebook == record["notebook"]]
    if not own or not record["rows"]:
        return
    rows = _first_of_all(rows_of(record))
    known: dict[tuple, Any] = {}

    def scores(row: Mapping[str, Any]) -> Any:
        key = tuple(row[name] for name in ("cell", "test", "view"))
        if key not in known:
            known[key] = read(record, row)
        return known[key]

    dataset = record["parameters"].get("dataset", "puppets")
    for claim in own:
        some = _meets(rows, claim.where)
        counts = sorted(some["shots"].dropna().unique()) if claim.shots and "shots" in some else [None]
        for shots in counts:
            if shots is None or shots in claim.shots:
                part = some if shots is None else some[some["shots"] == shots]
                found = _compared(claim, part, scores, dataset)
                if found is not None:
                    margin = claim.margin(dataset)
                    sentence = _worded(claim.sentence, part, shots, margin)
                    each = [tested(claim.kind, margin, estimate) for estimate in found.each.values()]
                    yield Judged(claim, sentence, margin, found, against_all(each), record)


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


def _compared(claim: Claim, rows: pd.DataFrame, scores: Read, dataset: str) -> Difference | None:
    ahead = _meets(rows, claim.ahead)
    if claim.behind is CHANCE:
        if not len(ahead):
            return None
        if "template" in ahead:  # the others are prompts that were compared with the first
            ahead = ahead[ahead["template"] == ahead["template"].iloc[0]]
        return _above_chance(cube_of(ahead, scores, dataset), 100 / int(ahead["classes"].iloc[0]))
    behind = _meets(rows, claim.behind)
    if "seed" in rows and len(ahead) and len(behind):  # pairs alone: seeds that all have
        sides = [set(some["seed"].dropna()) for _, some in behind.groupby("method")] + [set(ahead["seed"].dropna())]
        common = set.intersection(*(side for side in sides if side)) if any(sides) else set()
        ahead, behind = (some[some["seed"].isna() | some["seed"].isin(common)] for some in (ahead, behind))
    if not (len(ahead) and len(behind)):
        return None
    found = difference(ahead, behind, scores, dataset)
    module = claim.behind.get("temporal")
    return replace(found, comparator=f"{found.comparator}, {module}") if module else found


def _above_chance(cube: Cube, chance: float) -> Difference:
    top1 = bootstrap([cube], lambda percent: percent)
    parts = (top1.of_seeds, top1.of_groups, top1.of_both)
    name, gain = f"chance ({chance:.1f} %)", Estimate(top1.mean - chance, top1.error, top1.freedom, *parts)
    return Difference(gain, name, cube.over, {name: gain})


def _decided(family: Sequence[Judged]) -> Iterator[dict[str, Any]]:
    for judged, (verdict, p) in zip(family, decide([judged.test for judged in family]), strict=True):
        found = judged.found
        evidence = f"{found.text()}; {'best of those behind' if len(found.each) > 1 else 'behind'}: {found.comparator}"
        yield {
            "id": judged.of.id,
            "claim": judged.claim,
            "kind": judged.of.kind,
            "margin": judged.margin,
            "verdict": verdict,
            "mean": found.mean,
            "low": found.low,
            "high": found.high,
            "comparator": readable(found.comparator),
            "p": p,
            "over": found.over,
            "evidence": readable(f"{evidence}; p {_p(p)}", 400),
            "notebook": judged.of.notebook,
        } | {name: readable(judged.record[name]) for name in ("suite", "run")}


def _first_of_all(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of methods that were tuned where tuned and others are there, and of weights as they were trained."""
    if "setting" in rows:
        rows = rows[rows["setting"].fillna("tuned") == "tuned"]
    return rows[rows["mix"].fillna(1) == 1] if "mix" in rows else rows


def _meets(rows: pd.DataFrame, condition: Condition) -> pd.DataFrame:
    for name, value in condition.items():
        rows = rows[rows[name] == value] if name in rows else rows.iloc[:0]
    return rows


def _worded(sentence: str, rows: pd.DataFrame, shots: int | None, margin: float) -> str:
    videos = "all videos" if not shots else f"{shots} video{'s' * (shots > 1)}"
    counted = (rows["counted"] if "counted" in rows else rows["classes"]).fillna(rows["classes"])
    classes = int(counted.iloc[0])
    return sentence.format(shots=videos, classes=classes, margin=f"{margin:g}")


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"

"""Claims judged on a run: which of its rows are compared, and what the comparison says of each claim alone."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from .inference.bootstrap import Estimate, bootstrap
from .inference.cube import Cube, Read, cube_of
from .inference.mixed import Logit, mixed_logit
from .inference.tables import Difference, by_method, difference
from .inference.verdicts import PValues, against_all, p_values
from .results import rows_of, scores_of

MARGIN, MARGINS = 5.0, {"features": 2.0}  # points, and where they are others, by data set
CHANCE: dict[str, Any] = {}  # behind which there is no method

Condition = Mapping[str, Any]  # column of a row -> its value
Reader = Callable[[Mapping[str, Any], Mapping[str, Any]], Any]  # from a record and a row to its scores per video


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


@dataclass(frozen=True)
class Judged:
    """A claim on one run, before it is known how many others there are.

    Attributes:
        of: the claim.
        claim: its sentence, with numbers.
        shots: "4 videos", or "all videos".
        margin: points.
        found: the difference that was measured.
        test: of the claim, against every method behind.
        record: of the run.
    """

    of: Claim
    claim: str
    shots: str
    margin: float
    found: Difference
    test: PValues
    record: Mapping[str, Any]


def judge(record: Mapping[str, Any], claims: Iterable[Claim], read: Reader = scores_of) -> Iterator[Judged]:
    """Every claim that a record speaks of, on its own.

    Args:
        record: as `read_record` gives it.
        claims: those of other notebooks say nothing.
        read: from the record and a row to its scores per video.

    Raises:
        ValueError: scores per video are missing or do not match (which).
    """
    scores, dataset = _kept(record, read), _dataset(record)
    for claim, shots, rows in _parts(record, claims):
        found = _compared(claim, rows, scores, dataset)
        if found is not None:
            margin = claim.margin(dataset)
            each = [p_values(claim.kind, margin, estimate) for estimate in found.each.values()]
            videos = _videos(shots, dataset)
            sentence = _worded(claim.sentence, rows, videos, margin)
            yield Judged(claim, sentence, videos, margin, found, against_all(each), record)


def check_by_logit(record: Mapping[str, Any], claim: Claim, read: Reader = scores_of) -> tuple[Judged, Logit] | None:
    """A claim with the most shots that it has in a record, and what a mixed-effects logit says of the same two methods.

    Args:
        record, read: see `judge`.
        claim: of methods, not of chance.

    Returns:
        None where the record does not speak of it.
    """
    judged = [*judge(record, [claim], read)]
    if not judged:
        return None
    sides = [sides for _, _, rows in _parts(record, [claim]) if (sides := _sides(claim, rows)) is not None]
    ahead, behind = sides[-1]
    best = by_method(behind)[judged[-1].found.comparator]
    return judged[-1], mixed_logit(ahead, best, _kept(record, read), _dataset(record))


def _parts(record: Mapping[str, Any], claims: Iterable[Claim]) -> Iterator[tuple[Claim, int | None, pd.DataFrame]]:
    """Each claim that a record may speak of, with each number of shots, and the rows to look for it in."""
    own = [claim for claim in claims if claim.notebook == record["notebook"]]
    if not own or not record["rows"]:
        return
    rows = first_of_all(rows_of(record))
    for claim in own:
        some = _meets(rows, claim.where)
        if not claim.shots:
            yield claim, None, some
        elif "shots" in some:
            for shots in sorted({*some["shots"].dropna()} & {*claim.shots}):
                yield claim, int(shots), some[some["shots"] == shots]


def _sides(claim: Claim, rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """The rows ahead and behind, with the seeds that all methods have; None where one side is missing."""
    ahead, behind = _meets(rows, claim.ahead), _meets(rows, claim.behind)
    if "seed" in rows:
        sides = [set(some["seed"].dropna()) for some in (ahead, *(some for _, some in behind.groupby("method")))]
        common = set.intersection(*filter(None, sides)) if any(sides) else set()
        ahead, behind = (some[some["seed"].isna() | some["seed"].isin(common)] for some in (ahead, behind))
    return (ahead, behind) if len(ahead) and len(behind) else None


def _compared(claim: Claim, rows: pd.DataFrame, scores: Read, dataset: str) -> Difference | None:
    if claim.behind is CHANCE:
        ahead = _meets(rows, claim.ahead)
        if "template" in ahead and len(ahead):  # the others are prompts that were compared with the first
            ahead = ahead[ahead["template"] == ahead["template"].iloc[0]]
        chance = 100 / ahead["classes"]
        return _above_chance(cube_of(ahead, scores, dataset), float(chance.iloc[0])) if len(ahead) else None
    sides = _sides(claim, rows)
    if sides is None:
        return None
    found = difference(*sides, scores, dataset)
    module = claim.behind.get("temporal")
    return replace(found, comparator=f"{found.comparator}, {module}") if module else found


def _above_chance(cube: Cube, chance: float) -> Difference:
    top1 = bootstrap([cube], lambda percent: percent)
    parts = (top1.of_seeds, top1.of_groups, top1.of_both)
    gain = Estimate(top1.mean - chance, top1.error, top1.freedom, *parts)
    return Difference(gain, "chance", cube.over, {"chance": gain}, (top1.mean, chance))


def _kept(record: Mapping[str, Any], read: Reader) -> Read:
    """Scores of the record's rows, each of which is read once."""
    known: dict[tuple, Any] = {}

    def scores(row: Mapping[str, Any]) -> Any:
        key = tuple(row[name] for name in ("cell", "test", "view"))
        if key not in known:
            known[key] = read(record, row)
        return known[key]

    return scores


def _dataset(record: Mapping[str, Any]) -> str:
    return record.get("parameters", {}).get("dataset", "puppets")


def first_of_all(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of methods that were tuned where tuned and others are there, and of weights as they were trained."""
    if "setting" in rows:
        first = rows["setting"].fillna("tuned") == "tuned"
        rows = rows[first] if (first & (rows["method"] != "zero-shot")).any() else rows
    return rows[rows["mix"].fillna(1) == 1] if "mix" in rows else rows


def _meets(rows: pd.DataFrame, condition: Condition) -> pd.DataFrame:
    for name, value in condition.items():
        rows = rows[rows[name] == value] if name in rows else rows.iloc[:0]
    return rows


def _videos(shots: int | None, dataset: str) -> str:
    thing = "image" if dataset == "features" else "video"
    return f"{shots} {thing}{'s' * (shots > 1)}" if shots else f"all {thing}s"


def _worded(sentence: str, rows: pd.DataFrame, videos: str, margin: float) -> str:
    counted = (rows["counted"] if "counted" in rows else rows["classes"]).fillna(rows["classes"])
    classes = int(counted.iloc[0])
    return sentence.format(shots=videos, classes=classes, margin=f"{margin:g}")

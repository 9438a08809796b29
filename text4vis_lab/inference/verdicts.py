"""Verdicts on differences: a claim holds, fails, or is undecided; corrected for the number of claims that are made.

With d the difference, in points, and m >= 0 the margin:

    superiority       holds where d > m is shown,       fails where d < m is
    non-inferiority   holds where d > -m is shown,      fails where d < -m is
    equivalence       holds where -m < d < m is shown,  fails where d < -m or d > m is

A test is one-sided at 2.5 %, so that a verdict on one claim alone can be read off the 95 % interval (ICH E9,
"Statistical principles for clinical trials", 1998, section 5.5). Equivalence is shown by two one-sided tests
(Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987).
"""

import gc
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .bootstrap import Estimate

SUPERIORITY, NON_INFERIORITY, EQUIVALENCE = KINDS = ("superiority", "non-inferiority", "equivalence")
HOLDS, FAILS, UNDECIDED = VERDICTS = ("holds", "fails", "undecided")
LEVEL = 0.025


@dataclass(frozen=True)
class PValues:
    """p of both hypotheses on one claim.

    Attributes:
        holds: of the hypothesis that the claim does not hold, which "holds" rejects.
        fails: of the hypothesis that it does.
    """

    holds: float
    fails: float


def p_values(kind: str, margin: float, estimate: Estimate) -> PValues:
    """The tests of a claim on one difference.

    Args:
        kind: one of `KINDS`.
        margin: points, not negative.

    Raises:
        ValueError: another kind, or a negative margin.
    """
    if margin < 0:
        raise ValueError(f"a margin is not negative, as {margin:g} is; its direction is that of the kind of the claim")
    if kind == SUPERIORITY:
        return PValues(estimate.above(margin), estimate.below(margin))
    if kind == NON_INFERIORITY:
        return PValues(estimate.above(-margin), estimate.below(-margin))
    if kind == EQUIVALENCE:
        inside = max(estimate.above(-margin), estimate.below(margin))
        return PValues(inside, min(1.0, 2 * min(estimate.below(-margin), estimate.above(margin))))
    raise ValueError(f"kind {kind!r} of a claim is none of {', '.join(KINDS)}")


def against_all(tests: Iterable[PValues]) -> PValues:
    """The test of a claim against each of several methods at once.

    It holds where it does against every one: the largest p (intersection-union test; Berger, Technometrics 24, 1982).
    It fails where it does against any: the smallest p times their number (Bonferroni).
    """
    tests = list(tests)
    return PValues(max(test.holds for test in tests), min(1.0, len(tests) * min(test.fails for test in tests)))


def decide(tests: Sequence[PValues], level: float = LEVEL) -> list[tuple[str, float]]:
    """The verdict on each claim of a family, and the p that decided it, after Holm's correction by statsmodels.

    "holds" and "fails" are corrected each for itself. Of what is undecided the p is that of "holds".

    Args:
        tests: of all claims of the family (Holm, Scandinavian Journal of Statistics 6, 1979).
        level: that the family keeps, one-sided.
    """
    from statsmodels.stats.multitest import multipletests

    if not tests:
        return []
    gc.freeze()  # statsmodels collects garbage with each correction, which takes long where there is much
    try:
        p = [[test.holds for test in tests], [test.fails for test in tests]]
        holds, fails = (multipletests(each, level, "holm")[:2] for each in p)
    finally:
        gc.unfreeze()
    verdicts = []
    for held, of_claim, failed, of_failure in zip(*holds, *fails, strict=True):
        verdict = HOLDS if held else FAILS if failed else UNDECIDED
        verdicts.append((verdict, float(of_failure if verdict == FAILS else of_claim)))
    return verdicts

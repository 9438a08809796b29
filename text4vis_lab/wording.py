"""Words that notebooks share when they say what was found: numbers of things, lists, and how a difference came out."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from .inference.tables import Difference
from .inference.verdicts import FAILS, HOLDS, SUPERIORITY, decide, p_values
from .plain import readable


def counted(number: int, thing: str) -> str:
    """ "1 video", "4 videos", "1 class", "24 classes"."""
    return f"{number:,} {thing}{'' if number == 1 else 'es' if thing.endswith('s') else 's'}"


def listed(items: Iterable[object]) -> str:
    """ "a", "a and b", "a, b and c"."""
    *first, last = [readable(item) for item in items] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def quoted(names: Iterable[object]) -> str:
    """ "'text, frozen', 'linear' and 'lda, frozen'": names that may hold commas."""
    return listed(repr(readable(name)) for name in names)


def per_class(shots: int) -> str:
    """ "1 video per class", or "all videos" for 0."""
    return f"{counted(shots, 'video')} per class" if shots else "all videos"


def in_ends(mean: float, low: float, high: float) -> str:
    """ "71.3 [70.1, 72.5]", or "71.3" without an interval."""
    return f"{mean:.1f}" if pd.isna(low) else f"{mean:.1f} [{low:.1f}, {high:.1f}]"


def points(found: Difference | Mapping[str, Any]) -> str:
    """ "6.4 points [3.1, 9.7]": a difference, or a row with mean, low and high."""
    ends = found if isinstance(found, Mapping) else {"mean": found.mean, "low": found.low, "high": found.high}
    return "{mean:.1f} points [{low:.1f}, {high:.1f}]".format(**ends)


def percent(mean: Mapping[str, Any]) -> str:
    """ "52.9 % [47.0, 58.8]": a row of `inference.means`."""
    return f"{mean['mean']:.1f} % [{mean['low']:.1f}, {mean['high']:.1f}]"


def relation(found: Difference) -> str:
    """Which side of zero the interval of a difference lies on."""
    return "is ahead of" if found.low > 0 else "is behind" if found.high < 0 else "cannot be told apart from"


def verdict(found: Difference, margin: float, kind: str = SUPERIORITY) -> str:
    """Of one claim alone: one of `verdicts.VERDICTS`.

    Args:
        margin: points, not negative.
        kind: of `verdicts.KINDS`.
    """
    return decide([p_values(kind, margin, found.estimate)])[0][0]


def worth(found: Difference, margin: float) -> str:
    """What a difference is at a margin, in points: "more than the 5 points that would matter", and so on."""
    said = {
        HOLDS: "more than the {0:g} points that would matter",
        FAILS: "less than the {0:g} points that would matter",
    }
    return said.get(verdict(found, margin), "undecided whether it is the {0:g} points that would matter").format(margin)


def shares(right: pd.Series, of: pd.Series) -> pd.DataFrame:
    """How often each name is right, with Wilson's 95 % interval, the most frequent first.

    Args:
        right: bool, of each video.
        of: its name; videos of one name are independent of each other.

    Returns:
        Columns name, percent, low, high, videos.
    """
    from statsmodels.stats.proportion import proportion_confint

    counts = right.groupby(of, sort=False).agg(["sum", "size"])
    low, high = proportion_confint(counts["sum"], counts["size"], method="wilson")
    values = {"percent": 100 * counts["sum"] / counts["size"], "low": 100 * low, "high": 100 * high}
    found = pd.DataFrame({"name": counts.index} | values | {"videos": counts["size"]}).reset_index(drop=True)
    return found.sort_values("percent", ascending=False, kind="stable", ignore_index=True)

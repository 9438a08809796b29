"""A measured number with all its repetitions; and the memory of the process that measures."""

import math
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

RESAMPLES = 2000


@dataclass(frozen=True)
class Quantity:
    """One number of the bench.

    Attributes:
        name: what it is, unique in a record.
        values: one per repetition, in the order in which they were taken.
        unit: "s", "ms", "videos/s", ...; "" for a ratio.
        better: "less" or "more".
        limit: what it should be at most (where less is better) or at least; None where nothing is asked for.
        value: the median of the values.
    """

    name: str
    values: Sequence[float]
    unit: str = ""
    better: str = "less"
    limit: float | None = None
    value: float = field(init=False)

    def __post_init__(self):
        if self.better not in ("less", "more"):
            raise ValueError(f"{self.name}: better is {self.better!r}; choose from: less, more")
        if len(self.values) == 0:
            raise ValueError(f"{self.name}: no repetition was measured")
        object.__setattr__(self, "values", tuple(map(float, self.values)))
        object.__setattr__(self, "value", float(np.median(self.values)))

    @property
    def interval(self) -> tuple[float, float]:
        """A 95 % interval of the median over repetitions; nan for a single one."""
        return bootstrap(np.median, self.values)

    @property
    def met(self) -> bool | None:
        """Whether the median keeps the limit; None where there is none."""
        if self.limit is None:
            return None
        return self.value <= self.limit if self.better == "less" else self.value >= self.limit

    @property
    def measured(self) -> str:
        """The median with its unit."""
        return f"{self.value:.3g} {self.unit}".rstrip()

    def row(self) -> dict[str, str]:
        """A line for a table: name, median with its interval, limit, and whether it is kept."""
        low, high = self.interval
        spread = "" if np.isnan(low) else f"{low:.3g} to {high:.3g}"
        limit = "" if self.limit is None else f"{'at most' if self.better == 'less' else 'at least'} {self.limit:g}"
        kept = {None: "", True: "yes", False: "no"}[self.met]
        return {"quantity": self.name, "median": self.measured, "95 % interval": spread, "limit": limit, "met": kept}

    def record(self) -> dict[str, Any]:
        """Plain values, as a run record keeps them; `from_record` reads them."""
        kept = {"values": list(self.values), "unit": self.unit, "better": self.better, "limit": self.limit}
        return kept | {"median": self.value, "interval": list(self.interval)}

    @classmethod
    def from_record(cls, name: str, record: Mapping[str, Any]) -> "Quantity":
        """The quantity that `record` wrote.

        Raises:
            KeyError: it lacks a field.
        """
        return cls(name, record["values"], record["unit"], record["better"], record["limit"])


def ratio(
    name: str, above: Sequence[float], below: Sequence[float], better: str = "less", limit: float | None = None
) -> Quantity:
    """The ratio of two measurements, repetition by repetition; they were taken in turn."""
    return Quantity(name, [a / b for a, b in zip(above, below, strict=True)], "", better, limit)


def distance(found: Any, expected: Any) -> float:
    """The norm of the difference of two tensors over the norm of the second; what is not a number is far away."""
    found, expected = found.detach().double(), expected.detach().to(found.device).double()
    apart = ((found - expected).norm() / expected.norm()).item()
    return apart if math.isfinite(apart) else 1e9


def bootstrap(statistic: Callable[..., Any], *samples: Sequence[float]) -> tuple[float, float]:
    """A 95 % percentile bootstrap interval of a statistic of one or several samples; always the same for the same.

    Args:
        statistic: samples and `axis` -> number, as `np.median`.
        samples: each is resampled by itself.

    Returns:
        (low, high); nan where a sample has a single value.
    """
    if min(map(len, samples)) < 2:
        return float("nan"), float("nan")
    rng = np.random.default_rng(0)
    drawn = [np.array(sample, float)[rng.integers(len(sample), size=(RESAMPLES, len(sample)))] for sample in samples]
    low, high = np.quantile(statistic(*drawn, axis=1), [0.025, 0.975])
    return float(low), float(high)


def peak_gb() -> float:
    """The largest memory of this process so far; on Linux without the pages of files that it has mapped now.

    Those, of which PyTorch alone has 0.3 to 0.5 GB, are the system's cache: it maps as many as it likes, and takes them
    back.
    """
    try:
        # Not the system's ru_maxrss, in which a process begins with what the one that started it had.
        lines = [line.split() for line in Path("/proc/self/status").read_text().splitlines()]
        told = {line[0]: line[1] for line in lines if line[0] in ("VmHWM:", "RssFile:")}
        return 1024 * (int(told["VmHWM:"]) - int(told["RssFile:"])) / 1e9
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e9 / 1024)

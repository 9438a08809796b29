"""What a run is at, from the events of its `progress.jsonl` (see `progress.py`)."""

from dataclasses import dataclass
from typing import Any

ACCURACIES = {"val_top1": "validation top-1", "train_top1": "training top-1"}  # of an epoch; the first there is
COUNTED = ("run", "draw")  # units of bars of few and long parts
TRAINING = "training "  # so begin the names of the bars of trainings


@dataclass(frozen=True)
class Activity:
    """What a run is at.

    Attributes:
        doing: in words: "trainings 2 of 6 · text-frozen-seed0: epoch 3 of 8, loss 0.43, training top-1 87.5 %".
        share: how much of the outermost progress bar is done, 0 to 1; of the notebook's cells where there is no bar;
            None where nobody knows.
        left: seconds until the outermost bar is done, by the pace of its last half; None where nobody knows.
    """

    doing: str
    share: float | None = None
    left: float | None = None


def activity(events: list[dict[str, Any]], now: float) -> Activity:
    """What the events come to.

    Args:
        events: of this start, in order.
        now: seconds since 1970.
    """
    latest: dict[str, dict] = {}
    bars: dict[str, dict] = {}  # those that are open, from the outermost to the innermost
    points: list[tuple[float, float]] = []  # time and share of the outermost
    for event in events:
        kind, what = event["event"], str(event.get("what"))
        latest[kind] = event
        if kind == "notebook":  # whatever the cell before left open is over
            bars, points = {}, []
        elif kind == "bar" and (event.get("closed") or not _count(event.get("of")) or not _number(event.get("done"))):
            bars.pop(what, None)
            points = points if bars else []
        elif kind == "bar":
            bars[what] = event
            share = _share(list(bars.values()))  # never less than before: an inner bar may close before the outer moves
            points.append((event["time"], max(share, points[-1][1] if points else 0.0)))
    repeated = _count(latest.get("started", {}).get("interrupted"))
    again = [f"start {repeated + 1}, after an interruption"] if repeated else []
    if bars:
        *outer, inner = bars.values()
        words = [*map(_counted, outer), _counted(inner) if inner.get("unit") in COUNTED else _words(inner, latest)]
        return Activity(" · ".join([*words, *again]), points[-1][1], seconds_left(points, now))
    number, of = (_count(latest.get("notebook", {}).get(name)) for name in ("number", "of"))
    if number and of:
        return Activity(" · ".join([f"cell {number} of {of} of the notebook", *again]), min(1.0, (number - 1) / of))
    return Activity(" · ".join(["starting", *again]))


def seconds_left(points: list[tuple[float, float]], now: float) -> float | None:
    """Seconds until the share is 1, by the pace of the last half of the time: what was kept earlier took none.

    Args:
        points: (time, share from 0 to 1), in order.
        now: the same clock.
    """
    (first, _), (last, share) = points[0], points[-1]
    middle = [point for point in points if point[0] <= (first + last) / 2]
    since, before = middle[-1]
    if share <= before or last <= since:
        return None
    return max(0.0, (1 - share) * (last - since) / (share - before) - (now - last))


def duration(seconds: float) -> str:
    """Seconds in words: "40 s", "12 min", "3 h 20 min", "2 d 4 h"."""
    if round(seconds) < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h"


def _share(bars: list[dict]) -> float:
    """The innermost bar's part within the outermost's."""
    inner = 0.0
    for bar in reversed(bars):
        inner = min(1.0, (bar["done"] + inner) / bar["of"])
    return inner


def _counted(bar: dict) -> str:
    return f"{bar['what']} {min(int(bar['done']) + 1, bar['of'])} of {bar['of']}"


def _words(bar: dict, latest: dict[str, dict]) -> str:
    what, share = str(bar["what"]), bar["done"] / bar["of"]
    epochs = _count(latest.get("training", {}).get("epochs"))
    if not (what.startswith(TRAINING) and epochs and latest["training"].get("cell") == what[len(TRAINING) :]):
        return f"{what}: {100 * min(1.0, share):.0f} %"
    parts = [f"{what[len(TRAINING) :]}: epoch {min(int(share * epochs) + 1, epochs)} of {epochs}"]
    measured = latest.get("epoch", {})
    if measured.get("what") == what:
        if _number(measured.get("loss")):
            parts.append(f"loss {measured['loss']:.3g}")
        known = next((name for name in ACCURACIES if _number(measured.get(name))), None)
        if known:
            parts.append(f"{ACCURACIES[known]} {measured[known]:.1f} %")
    return ", ".join(parts)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _count(value: Any) -> int:
    """A whole number from 1 up, as it is; else 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0

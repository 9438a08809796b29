"""The paper's claims, each with what a run record must show for it to hold there.

A claim is a function from a record to verdicts and one line in `CLAIMS`. The thresholds are the project's own: the
paper gives numbers of its own data sets, which no other data set has to reproduce.
"""

import math
from collections.abc import Callable, Iterator

from text4vis_core.evaluation.intervals import mean_interval, with_interval

FEW_SHOT_GAIN = 25  # points that frozen text must be ahead of frozen random, at every K up to 4
TEMPORAL_GAIN = 20  # points that the temporal transformer must be ahead of the mean, on time-ordered classes

Verdict = tuple[str, bool, str]  # claim, whether it holds, evidence


def claims(records: list[dict]) -> list[dict]:
    """Verdicts on all claims that the records speak of: dictionaries with claim, holds, evidence, suite, run."""
    return [
        {"claim": claim, "holds": holds, "evidence": evidence, "suite": record["suite"], "run": record["run"]}
        for record in records
        for judge in CLAIMS.get(record["notebook"], ())
        for claim, holds, evidence in judge(record["metrics"])
    ]


def _zero_shot(metrics: dict) -> Iterator[Verdict]:
    low, high = metrics["interval"]
    yield (
        "A classifier made of text names videos that nobody labelled, well above chance",
        low > metrics["chance"],
        f"top-1 {metrics['top1']:.1f} % (95 % interval {low:.1f} to {high:.1f}), chance {metrics['chance']:.1f} %",
    )


def _few_shot(metrics: dict) -> Iterator[Verdict]:
    for shots, gain in metrics["gain_text_over_random_frozen"].items():
        if int(shots) <= 4:
            text, random = (metrics["summary"][f"{name}, frozen"][shots] for name in ("text", "random"))
            yield (
                f"With {shots} video{'s' * (int(shots) > 1)} per class, frozen text beats frozen random by at least "
                f"{FEW_SHOT_GAIN} points",
                gain[0] >= FEW_SHOT_GAIN and _above(gain, 0),
                _compared({"text": text, "random": random}, gain, metrics["rows"]),
            )


def _base(metrics: dict) -> Iterator[Verdict]:
    rows = {(row["method"], row["seed"]): row["base_top1"] for row in metrics["rows"]}
    seeds = [seed for method, seed in rows if method == "text, frozen" and ("random, frozen", seed) in rows]
    if seeds:
        gain = mean_interval([rows["text, frozen", seed] - rows["random, frozen", seed] for seed in seeds])
        text, random = (metrics["summary"]["base"][f"{name}, frozen"] for name in ("text", "random"))
        yield (
            f"Trained on {len(metrics['base_classes'])} base classes, frozen text beats frozen random on the "
            f"{len(metrics['counted_classes'])} of them that can be told apart without the order of time",
            _above(gain, 0),
            _compared({"text": text, "random": random}, gain, metrics["rows"]),
        )


def _novel(metrics: dict) -> Iterator[Verdict]:
    after = metrics["summary"].get("novel", {}).get("text, frozen")
    if after:
        before = metrics["before"]["novel"]
        yield (
            "After training with frozen text, zero-shot accuracy on novel classes is, on average, at least what it was",
            after[0] >= before,
            f"before {before:.1f} %, after {with_interval(*after)}, {_seeds(metrics['rows'])}",
        )


def _temporal(metrics: dict) -> Iterator[Verdict]:
    rows = {(row["temporal"], row["seed"]): row["top1"] for row in metrics["ordered_rows"]}
    seeds = [seed for temporal, seed in rows if temporal == "transformer" and ("mean", seed) in rows]
    if seeds:
        gain = mean_interval([rows["transformer", seed] - rows["mean", seed] for seed in seeds])
        transformer, mean = (metrics["summary"]["ordered"][name] for name in ("transformer", "mean"))
        yield (
            f"On classes that differ only in the order of time, the temporal transformer beats the mean by at least "
            f"{TEMPORAL_GAIN} points",
            gain[0] >= TEMPORAL_GAIN and _above(gain, 0),
            _compared({"transformer": transformer, "mean": mean}, gain, metrics["ordered_rows"]),
        )


def _vision_only(metrics: dict) -> Iterator[Verdict]:
    for shots, gain in metrics["gain_of_text_classifier"].get("vision-only", {}).items():
        text, vision = (metrics["summary"][name][shots] for name in ("text classifier", "vision-only"))
        videos = f"{shots} video{'s' * (shots != '1')} per class" if int(shots) else "all videos"
        yield (
            f"Trained on {videos}, a frozen text classifier beats a linear layer that knows no text",
            _above(gain, 0),
            _compared({"text": text, "vision-only": vision}, gain, metrics["rows"]),
        )


CLAIMS: dict[str, tuple[Callable[[dict], Iterator[Verdict]], ...]] = {
    "02_zero_shot": (_zero_shot,),
    "03_few_shot": (_few_shot,),
    "04_full_training": (_base, _novel, _temporal),
    "10_comparison": (_vision_only,),
}


def _compared(values: dict[str, list], gain: list, rows: list[dict]) -> str:
    parts = [f"{name} {with_interval(*value)}" for name, value in values.items()]
    return ", ".join([*parts, f"gain {with_interval(*gain, unit='points')}", _seeds(rows)])


def _above(pair: list, level: float) -> bool:
    """Whether the whole 95 % interval of a mean lies above a level; the mean itself where there is one seed only."""
    mean, half = pair
    return mean - (0 if half is None or math.isnan(half) else half) > level


def _seeds(rows: list[dict]) -> str:
    count = len({row["seed"] for row in rows})
    return f"{count} seed{'s' * (count != 1)}"

"""What a cause does on embeddings that a real CLIP gave: those causes that stored embeddings can tell.

    python -m text4vis_lab.compare.on_embeddings FOLDER TEXT --out data/records/causes/NAME.json

FOLDER and TEXT are a cache of features and its text rows, as `tournament.features` reads them. Only what was measured
is kept, not the embeddings. N test items, C classes, D width of an embedding.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch.nn import functional as F

from text4vis_core.evaluation.metrics import topk_correct
from text4vis_core.model.classifier import class_means

from ..provenance import hardware, loaded, now
from ..scores import Scores
from ..sealing import Kind, Schema
from ..tournament.features import Features, read_features
from .measuring import gap

FOLDER = Path("data/records/causes")
MISSING = 0.061  # of the test items: as many of Kinetics-400's validation videos were gone in 2018
DRAWS, REPEATS = 40, 1000
RANGE = (2.5, 97.5)  # percentiles


class _Effects(Schema):
    """What was measured, and of what."""

    about: str
    items: int
    classes: int
    rows: list[dict[str, Any]]
    provenance: dict[str, Any]


EFFECTS = Kind(
    "effects of causes on embeddings", _Effects, "make it again: python -m text4vis_lab.compare.on_embeddings"
)


def effects(features: Features) -> pd.DataFrame:
    """A row for each cause: `cause`, `effect`, `low`, `high` in points, `metric`, and `note`: what was done.

    An interval is of 95 % over test items; of what is drawn at random it is where 95 % of the draws are.

    Raises:
        ValueError: the cache has no text rows.
    """
    if features.text is None:
        raise ValueError("the cache has no text rows: give a file with a row for each class")
    test = features.test
    logits = features.logit_scale * test.rows @ features.text.T
    truth = F.one_hot(test.labels, len(features.classes)).float()
    right = Scores(test.names, test.labels, logits, truth, features.classes)
    found = [_classes(right), _label_order(right), _softmax(right), *_missing(right)]
    return pd.DataFrame([*found, *(_draw(features, shots) for shots in (1, 4) if not features.is_all(shots))])


def _classes(right: Scores) -> dict[str, Any]:
    single = Scores(right.videos, right.labels, right.scores)
    halves = [single.metrics(half)["top1"] for half in single.halves]
    whole = single.metrics()["top1"]
    high, low = whole - np.percentile(halves, RANGE)
    note = f"all classes, {whole:.1f}, instead of halves, {np.mean(halves):.1f}; the interval over {len(halves)} halves"
    return _row("classes", whole - np.mean(halves), low, high, note)


def _label_order(right: Scores) -> dict[str, Any]:
    order = np.random.default_rng(0).permutation(right.scores.shape[1])
    wrong = Scores(right.videos, right.labels, right.scores[:, order])
    between = gap(wrong, Scores(right.videos, right.labels, right.scores), "features", "top1")
    note = f"classes in a random order, {between.here:.1f}, instead of their own, {between.there:.1f}"
    return _row("label_order", between.points, between.low, between.high, note)


def _softmax(right: Scores) -> dict[str, Any]:
    twice = Scores(right.videos, right.labels, right.scores.softmax(-1), right.targets)
    between = gap(twice, right, "features", "map")
    note = f"items ranked after a second softmax, {between.here:.2f}, instead of after one, {between.there:.2f}"
    return _row("softmax", between.points, between.low, between.high, note, "mAP")


def _missing(right: Scores) -> list[dict[str, Any]]:
    correct = topk_correct(right.scores, right.labels).double().numpy()
    whole, count = 100 * correct.mean(), round(MISSING * len(correct))
    rng = np.random.default_rng(0)
    kept = [100 * np.delete(correct, rng.choice(len(correct), count, replace=False)).mean() for _ in range(REPEATS)]
    low, high = np.percentile(kept, RANGE) - whole
    share = f"{100 * MISSING:.1f} % of the items"
    ordered = np.sort(correct)
    worst, best = 100 * ordered[: len(correct) - count].mean() - whole, 100 * ordered[count:].mean() - whole
    return [
        _row("missing_videos", np.mean(kept) - whole, low, high, f"{share} gone at random, {REPEATS} times"),
        _row("missing_videos", None, worst, best, f"{share} gone: the worst and the best that may be"),
    ]


def _draw(features: Features, shots: int) -> dict[str, Any]:
    found = []
    for seed in range(DRAWS):
        drawn = features.draw(shots, seed)
        means, *_ = class_means("means", len(features.classes), drawn.rows, drawn.labels)
        logits = features.test.rows @ F.normalize(means, dim=-1).float().T
        found.append(100 * topk_correct(logits, features.test.labels).double().mean().item())
    pairs = np.subtract.outer(found, found)[~np.eye(DRAWS, dtype=bool)]
    low, high = np.percentile(pairs, RANGE)
    note = f"{shots} image{'s' * (shots > 1)} a class, its mean as the row: another draw instead of one, {DRAWS} draws"
    return _row("draw", pairs.mean(), low, high, note)


def _row(cause: str, effect: Any, low: Any, high: Any, note: str, metric: str = "top-1") -> dict[str, Any]:
    known = None if effect is None else float(effect)
    return {"cause": cause, "effect": known, "low": float(low), "high": float(high), "metric": metric, "note": note}


def kept_effects(folder: Path = FOLDER) -> tuple[pd.DataFrame, list[str]]:
    """What was measured and kept, with `data`, the name of its file; and what each file is of, a sentence each.

    Raises:
        ValueError: a file is damaged, or was changed.
    """
    tables, about = [pd.DataFrame(columns=["cause", "effect", "low", "high", "metric", "note", "data"])], []
    for path in sorted(folder.glob("*.json")):
        found = EFFECTS.read(path)
        tables.append(pd.DataFrame(found["rows"]).assign(data=path.stem))
        about.append(found["about"])
    return pd.concat([table for table in tables if len(table) or len(tables) == 1], ignore_index=True), about


def main(arguments: list[str] | None = None) -> int:
    """Measure and keep; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m text4vis_lab.compare.on_embeddings")
    parser.add_argument("folder", help="of a cache of features")
    parser.add_argument("text", help="file of its text rows")
    parser.add_argument("--about", required=True, help="what these embeddings are of, in a sentence")
    parser.add_argument("--out", type=Path, required=True, help="file to write, .json")
    options = parser.parse_args(arguments)
    try:
        features = read_features(options.folder, options.text)
        facts = {"about": options.about, "items": len(features.test), "classes": len(features.classes)}
        made = {"finished": now(), **loaded(), "hardware": hardware()}
        found = effects(features)
        rows = found.astype(object).where(found.notna(), None).to_dict("records")
        EFFECTS.write(options.out, facts | {"rows": rows, "provenance": made})
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(found.to_string())
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())

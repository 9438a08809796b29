"""What finished runs hold, as tables: for the notebooks that read other notebooks' records, and for the book."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors.torch import load
from torch import Tensor

from text4vis_core.evaluation.protocols import LEAST

from .epochs import ACCURACY, accuracies, epochs_file
from .inference import means
from .plain import encodable, readable
from .rows import METRICS, SCHEMA, as_table
from .scores import Ranks, Scores, read_part, recompute, written
from .staleness import stale
from .wording import in_ends

# What tells the numbers of a run apart, besides seeds and folds, over which they are averaged.
HALF = "half of the classes"
CONDITIONS = ("test", "view", "method", "setting", "temporal", "template", "shots", "mix", "strength")


def rows_of(record: Mapping[str, Any]) -> pd.DataFrame:
    """A record's rows as a table, without those of the half-class splits."""
    return as_table([row for row in record["rows"] if row.get("half") is None])


def histories_of(record: Mapping[str, Any]) -> pd.DataFrame:
    """A row for each epoch of each cell, with the seconds of training since its begin."""
    histories = [{name: encodable(value) for name, value in epoch.items()} for epoch in record["histories"]]
    return pd.DataFrame(histories).assign(seconds=record["timings"].get("histories", []))


def scores_of(record: Mapping[str, Any], row: Mapping[str, Any]) -> Scores | Ranks:
    """The scores per video from which a row's metrics were computed, or of a large grid the ranks.

    Raises:
        ValueError: they are missing or damaged.
    """
    return read_part(Path(record["path"]).parent, row, record.get("files"))


def tensors_of(record: Mapping[str, Any], cell: str) -> dict[str, Tensor]:
    """A cell's classifier rows (C, D), "initial" and "learned", and "means" of its classes' embeddings.

    Raises:
        FileNotFoundError: the run's folder lacks them.
    """
    path = Path(record["path"]).parent / "cells" / f"{cell}.safetensors"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is gone, which the run of {record['path']} left: run its notebook again")
    return load(path.read_bytes())


def headline(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """What runs measured: a mean in percent, the ends of its 95 % interval, and over what, see `inference.means`.

    Where scores per video are missing there is no interval. Half-class splits are one line, whose halves overlap: it
    has a standard deviation instead of an interval.
    """
    lines = []
    for record in records:
        about = {"suite": record["suite"], "run": record["run"], "data": record["parameters"].get("dataset", "puppets")}
        about = {name: readable(value) for name, value in about.items()}
        left_out = {"videos left out": len(record["skipped"])}
        rows, whole = as_table(record["rows"]), rows_of(record)
        by = [name for name in CONDITIONS if name in whole]
        tested = _tested(whole, by)
        for metric in [name for name in METRICS if name != "top5" and name in whole]:
            for mean in means_of(record, whole.dropna(subset=metric), by, metric).to_dict("records"):
                values = {name: "" if pd.isna(mean[name]) else _shown(mean[name]) for name in by} | {"metric": metric}
                values |= tested[tuple(None if pd.isna(mean[name]) else mean[name] for name in by)]
                values |= {"%": round(mean["mean"], 1), "low": round(mean["low"], 1), "high": round(mean["high"], 1)}
                values["over"] = mean["over"]
                lines.append(about | values | left_out)
        if "half" in rows and rows.loc[rows["classes"] >= LEAST, "half"].notna().any():
            halves = rows[rows["classes"] >= LEAST].dropna(subset="half").groupby("half")["top1"].mean()
            over = f"{len(halves)} overlapping halves, standard deviation {halves.std(ddof=0):.1f}"
            line = about | {"test": HALF, "method": "zero-shot", "metric": "top1"}
            line |= {"classes": int(rows["classes"].max()), "videos": int(rows["videos"].max()), "folds": ""}
            lines.append(
                line | {"%": round(halves.mean(), 1), "low": math.nan, "high": math.nan, "over": over} | left_out
            )
    return pd.DataFrame(lines)


def means_of(record: Mapping[str, Any], rows: pd.DataFrame, by: list[str], metric: str = "top1") -> pd.DataFrame:
    """`inference.means` of a record's rows; where its scores give no intervals, `over` says why."""
    try:
        return means(rows, by, partial(scores_of, record), record["parameters"].get("dataset", "puppets"), metric)
    except ValueError as error:
        plain = rows.groupby(by, sort=False, dropna=False)[metric].mean().rename("mean").reset_index()
        return plain.assign(low=math.nan, high=math.nan, over=readable(error, 400))


def side_by_side(means: pd.DataFrame, by: str = "method", across: str = "test") -> pd.DataFrame:
    """Means as a table for readers, as texts: a row for each value of `by`, a column for each of `across`."""
    texts = [in_ends(*ends) for ends in means[["mean", "low", "high"]].to_numpy()]
    wide = means.assign(text=texts).pivot(index=by, columns=across, values="text")
    wide = wide.reindex(index=[*dict.fromkeys(means[by])], columns=[*dict.fromkeys(means[across])])
    return wide.fillna("").rename_axis(columns=None).reset_index()


def width_by_unit(record: Mapping[str, Any]) -> str:
    """How wide the interval of a record's first mean is over groups of videos, and how wide it would be over videos."""
    from statsmodels.stats.proportion import proportion_confint

    rows = rows_of(record)
    first = rows[rows["cell"] == rows["cell"].iloc[0]].head(1)
    mean = means_of(record, first, ["test"]).iloc[0]
    count = int(first["videos"].iloc[0])
    low, high = proportion_confint(count * mean["mean"] / 100, count, method="wilson")
    ends = f"{mean['mean']:.1f} % [{mean['low']:.1f}, {mean['high']:.1f}] over {mean['over']}"
    return f"{ends}; Wilson's of {count} videos would be [{100 * low:.1f}, {100 * high:.1f}]"


def _tested(rows: pd.DataFrame, by: list[str]) -> dict[tuple, dict[str, Any]]:
    """Of each group of rows among how many classes, on how many videos, and of which folds it was tested."""
    found = {}
    for key, some in rows.groupby(by, sort=False, dropna=False) if by else ():
        folds = sorted(some["fold"].dropna().unique()) if "fold" in some else []
        sizes = {name: int(some[name].max()) for name in ("classes", "videos")}
        told = sizes | {"folds": ", ".join(map(str, folds))}
        found[tuple(None if pd.isna(part) else part for part in key)] = told
    return found


def _shown(value: Any) -> Any:
    return readable(value) if isinstance(value, str) else value


def overview(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row per run: where it belongs, how long it took, what changed since, on what and when."""
    return pd.DataFrame(
        [
            {
                "suite": readable(record["suite"]),
                "run": readable(record["run"]),
                "notebook": readable(record["notebook"]),
                "minutes": round(record["timings"]["total_seconds"] / 60, 1),
                "videos left out": len(record["skipped"]),
                "stale": "; ".join(stale(record)),
                "commit": (record["provenance"]["commit"] or "")[:9],
                "hardware": record["provenance"]["hardware"]["gpu"] or record["provenance"]["hardware"]["processor"],
                "finished": record["provenance"]["finished"],
            }
            for record in records
        ]
    )


def recomputed(record: Mapping[str, Any]) -> tuple[int, float]:
    """How many metrics of a record were computed again from its scores per video, and their largest difference.

    Those of its rows, of its histories the accuracies after each epoch, and of its trials those on validation videos.

    Raises:
        ValueError: scores are missing, or do not give a metric that the record has (which).
    """
    folder, files = Path(record["path"]).parent, record.get("files")
    pairs = []
    for row, again in zip(record["rows"], recompute(folder, record["rows"], files), strict=True):
        for metric in METRICS:
            if row.get(metric) is not None:
                if metric not in again:
                    raise ValueError(f"{record['path']}: {metric} of {row['cell']} cannot be computed from its scores")
                pairs.append((row[metric], again[metric]))
    for trial in record["trials"]:
        for tried in trial["tried"]:
            if tried["cells"]:
                top1 = [found["top1"] for found in recompute(folder, tried["cells"], files)]
                pairs.append((tried["validation"], float(np.mean(top1))))
    if record["schema"] >= SCHEMA:
        histories = groupby((epoch for epoch in record["histories"] if ACCURACY in epoch), itemgetter("cell"))
        for cell, epochs in histories:
            answers = accuracies(written(epochs_file(folder, cell), files))
            pairs += [(epoch[ACCURACY], answers.get(epoch["epoch"], math.nan)) for epoch in epochs]
    return len(pairs), float(np.max([0.0, *(abs(then - now) for then, now in pairs)]))


def recompute_all(records: Sequence[Mapping[str, Any]]) -> tuple[int, float, list[str]]:
    """`recomputed` of every record: metrics, their largest difference, and what is wrong with which record."""
    count, largest, faults = 0, 0.0, []
    for record in records:
        try:
            metrics, difference = recomputed(record)
        except ValueError as error:
            faults.append(readable(error, 400))
            continue
        count, largest = count + metrics, max(largest, difference)
        if difference != 0:
            faults.append(
                f"{readable(record['path'])}: metrics differ by {difference:g} from its scores; run its notebook again"
            )
    return count, largest, faults

"""What differs between two records, fact by fact, and the videos that are right in one of them alone."""

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

import numpy as np
import pandas as pd

from ..plain import encodable, readable
from ..scores import Ranks, Scores
from ..settings import declared

FACTS = ("kind", "what", "here", "there")
OTHERS = ("hardware", "versions", "time")  # kinds of facts that explain no number
SIDES = ("video", "label", "here", "there", "rank_here", "rank_there")
DIGITS = 12  # of a fingerprint that is shown


def differences(here: Mapping[str, Any], there: Mapping[str, Any]) -> pd.DataFrame:
    """A row for each fact that differs: its kind (parameter, data, weights, code, hardware, versions, time), what it is
    called, and its value here and there as text, empty where one record has none.
    """
    told = [dict(_facts(record)) for record in (here, there)]
    keys = dict.fromkeys([*told[0], *told[1]])
    rows = [(*key, *(_shown(each.get(key)) for each in told)) for key in keys if told[0].get(key) != told[1].get(key)]
    return pd.DataFrame(rows, columns=list(FACTS))


def others(facts: pd.DataFrame) -> pd.DataFrame:
    """Those of `differences` that explain no number."""
    return facts[facts["kind"].isin(OTHERS)].reset_index(drop=True)


def turned(here: Scores | Ranks, there: Scores | Ranks) -> pd.DataFrame:
    """A row for each shared video that is right on one side alone, in the order of `here`.

    Columns: video; label, its class; here and there, what each called it, empty where ranks alone are kept; rank_here
    and rank_there, of its class among the answers, from 1.
    """
    place = {video: index for index, video in enumerate(there.videos)}
    at = np.array([index for index, video in enumerate(here.videos) if video in place], dtype=int)
    its = np.array([place[here.videos[index]] for index in at], dtype=int)
    other = here.right(1)[at] != there.right(1)[its]
    at, its = at[other], its[other]
    names = [_names(here), _names(there)]
    labels = np.asarray(here.labels)[at]
    values = {"video": [encodable(here.videos[index]) for index in at], "label": names[0][labels]}
    for name, part, index, known in (("here", here, at, names[0]), ("there", there, its, names[1])):
        top = np.asarray(part.scores[index].argmax(-1)) if isinstance(part, Scores) else None
        values[name] = [""] * len(index) if top is None else known[top]
        values[f"rank_{name}"] = _ranks(part, index)
    return pd.DataFrame(values, columns=list(SIDES))


def answered(sides: pd.DataFrame, runs: tuple[str, str], posters: Mapping[str, str]) -> pd.DataFrame:
    """Videos that changed sides as `figures.predictions` draws them: a row for each video and run.

    Args:
        sides: see `turned`.
        runs: what here and there are called.
        posters: pictures by the videos' names.
    """
    rows = [
        {"video": row["video"].rsplit("/", 1)[-1], "true": row["label"], "method": run, "predicted": row[side]}
        | {"poster": posters.get(row["video"], "")}
        for row in sides.to_dict("records")
        for side, run in zip(("here", "there"), runs, strict=True)
    ]
    return pd.DataFrame(rows, columns=["video", "true", "method", "predicted", "poster"])


def _names(part: Scores | Ranks) -> np.ndarray:
    named = part.classes if isinstance(part, Scores) else ()
    count = part.scores.shape[1] if isinstance(part, Scores) else int(np.asarray(part.labels).max(initial=0)) + 1
    return np.array([encodable(name) for name in named] or [str(number) for number in range(count)], dtype=object)


def _ranks(part: Scores | Ranks, index: np.ndarray) -> np.ndarray:
    if isinstance(part, Ranks):
        return part.ranks[index].astype(int) + 1
    scores = part.scores[index]
    if part.targets is None:
        own = scores.gather(1, part.labels[index][:, None])
    else:
        own = scores.masked_fill(part.targets[index] == 0, -np.inf).amax(-1, keepdim=True)
    return ((scores > own).sum(-1) + 1).numpy()


def _facts(record: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Any]]:
    known = declared()
    for name, value in record["parameters"].items():
        is_hardware = name != "precision" and name in known and known[name].group == "hardware"
        yield ("hardware" if is_hardware else "parameter", name), value
    for name, facts in record["data"].items():
        read = {PurePath(path).name: digest for path, digest in facts.get("annotations", {}).items()}
        for what, value in ({k: v for k, v in facts.items() if k != "annotations"} | read).items():
            yield ("data", f"{what} of {name}"), value
    yield ("data", "videos left out"), len(record["skipped"])
    for name, value in record["weights"].items():
        yield ("weights", name), value
    found = record["provenance"]
    yield ("code", "notebook"), record["notebook"]
    yield ("code", "commit"), found["commit"]
    modules = found.get("modules") or {"all that ran": found["code"]}
    for name, value in modules.items():
        yield ("code", name), value
    for name, value in (found["packages"] | {"python": found.get("python")}).items():
        yield ("versions", name), value
    for name, value in found["hardware"].items():
        yield ("hardware", name), value
    yield ("time", "finished"), found["finished"]
    yield ("time", "seconds"), round(record["timings"]["total_seconds"], 1)
    for name, value in (found.get("beside") or {}).items():
        yield ("time", {"load": "load at begin and end", "others": "what else ran"}.get(name, name)), value


def _shown(value: Any) -> str:
    if value is None:
        return ""
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    is_digest = len(text) == 64 and not set(text) - set("0123456789abcdef")
    return text[:DIGITS] if is_digest else readable(text, 300)

"""What has other content since a run ended well: by this a suite executes it again, and its numbers show as stale."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..digests import contents_of
from ..evidence import evidence_of
from ..plain import readable
from ..records import RECORD, read_record
from .attempts import other_parameters, read_attempt
from .inputs import made_of
from .reading import Run

FEW = 3  # names in a sentence
UNKNOWN = "its notebook, the code, or a file that it reads may have changed since: what it was made of is not known"


def changes(run: Run) -> list[str]:
    """What has become something else since a run ended well, in sentences without a full stop; empty where nothing has.

    Raises:
        SuiteError: `attempt.json` is damaged.
    """
    attempt = read_attempt(run)
    if attempt["status"] != "ok":
        return []
    if why := other_parameters(run, attempt):
        return [why]
    before = attempt.get("made_of")
    return differences(before, made_of(run)) if isinstance(before, Mapping) else [UNKNOWN]


def other_data(record: Mapping[str, Any]) -> list[str]:
    """Which files of annotations, and which videos, that a run was given have other content now, in sentences; empty
    where none has.

    A file of the same size and times as when it was read last is not read again. What is gone has no content; what a
    run made in its own folder it may have removed. A cache of features has no videos: its files are among what a run
    is made of.
    """
    if record["parameters"].get("dataset") == "features":
        return []
    own = os.path.join(os.path.abspath(Path(record["path"]).parent), "")
    try:
        known = evidence_of(record).videos
    except ValueError as error:
        return [readable(error, 400)]
    known = known[~known["missing"] & (known["content"] != "")]
    pairs = zip((video.rpartition("#t=")[0] or video for video in known["video"]), known["content"], strict=True)
    annotations = [pair for facts in record["data"].values() for pair in facts.get("annotations", {}).items()]
    told = []
    for kind, read in {"files of annotations": annotations, "videos": pairs}.items():
        given = {Path(name): content for name, content in read if not os.path.abspath(name).startswith(own)}
        now = contents_of(given, f"{kind} of {record['run']}")
        other = sorted(path.name for path, content in given.items() if now[path] != content)
        told += [f"of {len(given)} {kind} {listed(other, kind)} changed since"] if other else []
    return told


def stale(run: Run) -> list[str]:
    """`changes` of a run, and `other_data` of its record.

    Raises:
        SuiteError: `attempt.json` is damaged.
    """
    found = changes(run)
    if read_attempt(run)["status"] == "ok" and (run.directory / RECORD).is_file():
        found += other_data(read_record(run.directory / RECORD))
    return found


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """A sentence for each kind of file that is gone, new, or has another digest.

    Args:
        before, after: name -> digest, as of `made_of`.
    """
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    kinds = {"code": ".py", "notebooks": ".ipynb"}
    parts = {kind: [name for name in names if name.endswith(suffix)] for kind, suffix in kinds.items()}
    parts["files"] = [name for name in names if not name.endswith((*kinds.values(),))]
    told = [("files of code" if kind == "code" else kind, some) for kind, some in parts.items() if some]
    return [f"{listed(some, kind)} changed since" for kind, some in told]


def listed(names: Sequence[str], kind: str) -> str:
    """The first few of some names: "a.py, b.py, c.py and 4 more files of code"."""
    shown = [readable(name) for name in names[:FEW]]
    if len(names) > FEW:
        return f"{', '.join(shown)} and {len(names) - FEW} more {kind}"
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))

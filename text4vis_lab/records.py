"""One record per run: what was measured, with everything needed to measure it again.

A record is `result.json` in the run's folder. Its `rows` and `metrics` are functions of data, weights and settings and
come out the same when the run is repeated; `timings` and `provenance` do not.
"""

import hashlib
import importlib.metadata
import itertools
import json
import os
import platform
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from text4vis_core.files import check_writable, code_fingerprint

from .plain import plain, readable, write_json
from .rows import SCHEMA, check_rows
from .surroundings import leave, write_to

if TYPE_CHECKING:
    from text4vis_core.data.reading import Reading
    from text4vis_core.data.video_list import VideoList

# How runs are started, watched, rehearsed, measured, drawn and told of.
WITHOUT_EFFECT = frozenset(
    {"suites", "rehearsal", "bench", "gpu", "book", "cli", "figures", "progress.py", "loggers.py", "answering.py"}
    | {"moving.py", "posters.py", "work.py", "installing.py", "structure.py", "surroundings.py"}
)
ROOT = Path(__file__).parents[1]
RECORD = "result.json"
TRIED = 10  # videos of a list that are opened at most, to see which decoder does it
PACKAGES = ("torch", "torchvision", "open_clip_torch", "decord2", "av", "lightning-fabric", "numpy", "papermill")


class SchemaError(ValueError):
    """A record that another version of this project wrote. Names the file and the remedy."""


@dataclass
class RunRecord:
    """Collects a run's results and writes them as `result.json`.

    Attributes:
        notebook: its name without suffix, "03_few_shot".
        run_dir: the run's folder; made and checked for writing at once, and until `save` this process's alone.
        parameters: every setting of the run, by its name.
        rows: the experiment's table, see `rows.COLUMNS`.
        histories: a row for each epoch of each cell, with the cell's name.
        metrics: what else was measured; functions of data, weights and settings, as the rows are.
        timings: what comes out otherwise every time.
        data: size, classes, fingerprint, notes and decoder of each list of videos.
        weights: fingerprint of each file or model.
        skipped: (path, reason) of videos that the numbers leave out.
    """

    notebook: str
    run_dir: Path
    parameters: dict[str, Any]
    rows: list[dict] = field(default_factory=list)
    histories: list[dict] = field(default_factory=list)
    metrics: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)
    skipped: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self):
        self.run_dir = check_writable(self.run_dir)
        write_to(self.run_dir)
        self._begin = time.perf_counter()

    def add_data(self, name: str, videos: "VideoList", reading: "Reading | None" = None) -> list[str]:
        """Note a list of videos: its size, classes, fingerprint and notes, and which decoder reads it, by `reading`.

        Returns the notes that no list had before.
        """
        known = {note for facts in self.data.values() for note in facts.get("notes", ())}
        facts: dict[str, Any] = {"videos": len(videos), "classes": len(videos.classes), "missing": len(videos.missing)}
        try:
            facts["fingerprint"] = videos.fingerprint()
        except OSError:  # a link that leads nowhere, say; the data check goes on and names it
            facts["fingerprint"] = None
        facts["decoder"] = decoder_of(videos, reading)
        if videos.ignored:
            facts["ignored"] = [str(path) for path in videos.ignored]
        if videos.notes:
            facts["notes"] = list(videos.notes)
        self.data[name] = facts
        return [note for note in videos.notes if note not in known]

    def add_cell(self, cell: str, rows: Iterable[dict], history: Iterable[dict] = ()) -> None:
        """Note a cell's rows and its history, in the place of what was noted of it before.

        An earlier record of the run goes: its numbers are not those of the scores that lie beside it from now on.

        Args:
            cell: its name.
            rows: see `rows.COLUMNS`.
            history: a row for each epoch, with its seconds.
        """
        (self.run_dir / RECORD).unlink(missing_ok=True)
        self.rows = [row for row in self.rows if row["cell"] != cell] + list(rows)
        seconds = zip(self.histories, self.timings.get("histories", []), strict=True)
        kept = [(epoch, took) for epoch, took in seconds if epoch["cell"] != cell]
        kept += [({k: v for k, v in epoch.items() if k != "seconds"}, epoch["seconds"]) for epoch in history]
        self.histories, self.timings["histories"] = [epoch for epoch, _ in kept], [took for _, took in kept]

    def add_skipped(self, skipped: Iterable[tuple[str, str]]) -> None:
        """Note videos that are left out of the numbers: they could not be decoded, or are too short."""
        self.skipped += [(path, why) for path, why in skipped if (path, why) not in self.skipped]

    def save(self) -> Path:
        """Write the record atomically; returns its path.

        Raises:
            ValueError: a row is not of the schema, or a metric is not a plain number, text, list or dictionary.
        """
        path = self.run_dir / RECORD
        write_to(self.run_dir)
        self.timings["total_seconds"] = time.perf_counter() - self._begin
        record = {
            "schema": SCHEMA,
            "notebook": self.notebook,
            "run": self.run_dir.name,
            "suite": self.run_dir.parent.name,
            "parameters": self.parameters,
            "rows": plain(self.rows),
            "histories": self.histories,
            "metrics": self.metrics,
            "timings": self.timings,
            "data": self.data,
            "weights": self.weights,
            "skipped": [{"video": path, "reason": reason} for path, reason in self.skipped],
            "provenance": provenance(),
        }
        check_rows(record["rows"], str(path))
        write_json(path, record)
        leave(self.run_dir)
        return path

    def skipped_note(self) -> str:
        """What to show beside a number that leaves videos out, or whose lists have missing ones; else empty."""
        absent = {name: facts["missing"] for name, facts in self.data.items() if facts["missing"]}
        note = "".join(f"{count} listed videos of {readable(name)} are missing. " for name, count in absent.items())
        if not self.skipped:
            return note
        return (
            note
            + f"{len(self.skipped)} videos, unreadable or too short, are left out: "
            + ", ".join(readable(Path(path).name) for path, _ in self.skipped)
        )


def decoder_of(videos: "VideoList", reading: "Reading | None" = None) -> str:
    """Which decoder opens a list's videos, with its version: "PyAV 18.1.0"; empty where its first ones do not open."""
    from text4vis_core.data.reading import Reading, VideoError
    from text4vis_core.data.video import open_video

    for video in itertools.islice(videos.videos, TRIED):
        try:
            return open_video(video.path, reading or Reading()).decoder
        except VideoError:  # decoding it says why
            continue
    return ""


def read_record(path: str | Path) -> dict:
    """A `result.json`, with `path` added.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged, of another schema, or a row is not of it; names the file and the remedy.
    """
    path = Path(path)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        schema = record.get("schema", 1)
        if schema == SCHEMA:
            record["notebook"], record["metrics"], record["parameters"], record["provenance"]["finished"]
            check_rows(record["rows"], str(path))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a run record ({error}); delete it and run again") from error
    if schema != SCHEMA:
        raise SchemaError(f"{path} is a record of schema {schema}, this version reads {SCHEMA}: run its notebook again")
    return record | {"path": str(path)}


def read_records(runs: str | Path, refused: list[str] | None = None) -> list[dict]:
    """Every record below a folder, in order of suite and run; each gains `path`.

    Args:
        runs: the folder.
        refused: collects why records of another schema are left out; None: the first of them is an error.

    Raises:
        ValueError: a record is damaged (which file), or of another schema.
    """
    records = []
    for path in sorted(Path(runs).glob(f"**/{RECORD}")):
        try:
            records.append(read_record(path))
        except SchemaError as error:
            if refused is None:
                raise
            refused.append(readable(error, 400))
    return records


def newest_record(
    runs: str | Path, notebook: str, folder: str | Path = "", fits: Callable[[dict], bool] = lambda record: True
) -> dict | None:
    """The record in `folder`, or when that is empty the last finished one of a notebook below `runs`, if any `fits`.

    Raises:
        FileNotFoundError: `folder` holds no record.
        ValueError: it is another notebook's, or damaged.
    """
    if folder:
        records = read_records(folder)
        if not records:
            raise FileNotFoundError(f"{folder} holds no result.json; give the folder of a finished run of {notebook}")
        if records[0]["notebook"] != notebook:
            raise ValueError(f"{folder} is a run of {records[0]['notebook']}, expected one of {notebook}")
        if not fits(records[0]):
            raise ValueError(f"{folder} is a run of {notebook} that left out what is needed here; give another")
        return records[0]
    records = [record for record in read_records(runs, []) if record["notebook"] == notebook and fits(record)]
    return max(records, key=lambda record: record["provenance"]["finished"], default=None)


def run_code() -> str:
    """SHA-256 over the sources of both packages, but for those that no result depends on."""
    parts = [code_fingerprint(ROOT / name, WITHOUT_EFFECT) for name in ("text4vis_core", "text4vis_lab")]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def provenance() -> dict[str, Any]:
    """When, where and with what: time, commit, code and package versions, hardware."""
    import torch

    cuda = torch.cuda.is_available()
    return {
        "finished": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "HEAD"),
        "uncommitted_changes": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "code": run_code(),
        "python": platform.python_version(),
        "packages": {name: package_version(name) for name in PACKAGES},
        "hardware": {
            "machine": platform.machine(),
            "system": platform.system(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "gpu": torch.cuda.get_device_name() if cuda else None,
        },
    }


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def package_version(package: str) -> str | None:
    """Of a package that is installed; else None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")

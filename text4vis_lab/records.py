"""One record per run: what was measured, with everything needed to measure it again.

A record is `result.json` in the run's folder. Its `rows` and `metrics` are functions of data, weights and settings and
come out the same when the run is repeated; `timings` and `provenance` do not. It is written with a seal (`sealing.py`),
and with digests of the scores per video and the evidence (`evidence.py`) that lie beside it.
"""

import hashlib
import itertools
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from text4vis_core.files import check_writable, file_digest

from .beside import Beside
from .evidence import FOLDER
from .plain import plain, readable
from .provenance import LOADED, by_name, changed, hardware, loaded, now
from .rows import BEFORE, SCHEMA, check_rows
from .sealing import Kind, Schema
from .surroundings import leave, write_to

if TYPE_CHECKING:
    from text4vis_core.data.reading import Reading
    from text4vis_core.data.video_list import VideoList

    from .gathered import Gathered

# How runs are started, watched, rehearsed, measured, drawn and told of.
WITHOUT_EFFECT = frozenset(
    {"suites", "rehearsal", "bench", "gpu", "book", "cli", "figures", "progress.py", "loggers.py", "answering.py"}
    | {"moving.py", "posters.py", "work.py", "installing.py", "structure.py", "surroundings.py"}
    | {"beside.py", "digests.py", "evidence.py", "gathered.py", "looks.py"}
    | {"compare", "recompute", "staleness.py"}
)
RECORD, SCORES = "result.json", "scores"
TRIED = 10  # videos of a list that are opened at most, to see which decoder does it; and files named, that changed


class _Hardware(Schema):
    """Of the machine that a record was made on."""

    processor: str
    gpu: str | None


class _Beside(Schema):
    """What else went on: the machine's load at begin and end, None where it does not tell, and names of runs."""

    load: list[float | None] = Field(min_length=2, max_length=2)
    others: list[str] | None


class _Provenance(Schema):
    """Of a record. What may be None is not known, or of a version that did not write it."""

    finished: str
    started: str | None = None
    commit: str | None
    uncommitted_changes: bool | None
    code: str
    changed_while_running: list[str] | None = None
    packages: dict[str, str | None]
    lock: str | None = None
    modules: dict[str, str] | None = None
    beside: _Beside | None = None
    hardware: _Hardware


class _Timings(Schema):
    """Of a run; of each epoch of each cell the seconds."""

    total_seconds: float
    histories: list[float] | None = None


class _Skipped(Schema):
    """A video that the numbers leave out."""

    video: str
    reason: str


class _Record(Schema):
    """What a record holds; its rows are checked by `rows.check_rows`."""

    notebook: str
    run: str
    suite: str
    parameters: dict[str, Any]
    rows: list[dict[str, Any]]
    histories: list[dict[str, Any]]
    metrics: dict[str, Any]
    timings: _Timings
    data: dict[str, dict[str, Any]]
    weights: dict[str, str]
    skipped: list[_Skipped]
    files: dict[str, str] | None = None
    trials: list[dict[str, Any]] | None = None
    provenance: _Provenance


RECORDS = Kind("a run record", _Record, "delete it and run again")


class SchemaError(ValueError):
    """A record that another version of this project wrote. Names the file and the remedy."""


def _gathered() -> "Gathered":
    from .gathered import Gathered  # which loads torch, where records are read without

    return Gathered()


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
        data: size, classes, fingerprint, notes, decoder, and SHA-256 of each file of annotations, of each list of
            videos.
        weights: fingerprint of each file or model.
        skipped: (path, reason) of videos that the numbers leave out.
        trials: of each cell whose settings were chosen: problem, method, shots, and what was "tried":
            settings, accuracy on validation videos in percent, and cells of whose scores that is the mean.
        evidence: what the numbers are computed from.
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
    trials: list[dict[str, Any]] = field(default_factory=list)
    evidence: "Gathered" = field(default_factory=_gathered)

    def __post_init__(self):
        self.run_dir = check_writable(self.run_dir)
        write_to(self.run_dir)
        self._begin, self._started = time.perf_counter(), now()
        self._beside = Beside(self.run_dir)
        loaded()  # before anything is measured: what is committed meanwhile did not run

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
        self.evidence.add_list(name, videos)
        if videos.sources:
            facts["annotations"] = {str(path): self.evidence.contents[path] for path in videos.sources}
        return [note for note in videos.notes if note not in known]

    def add_cell(self, cell: str, rows: Iterable[dict], history: Iterable[dict] = ()) -> None:
        """Note a cell's rows and its history, in the place of what was noted of it before.

        An earlier record of the run goes: its numbers are not those of the scores that lie beside it from now on.

        Args:
            cell: its name.
            rows: see `rows.COLUMNS`.
            history: a row for each epoch, with its seconds.
        """
        write_to(self.run_dir)
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
        tried = (cell for trial in self.trials for each in trial["tried"] for cell in each["cells"])
        self.evidence.write(self.run_dir, {row["cell"] for row in (*self.rows, *tried)})
        beside = [file for folder in (SCORES, FOLDER) for file in self.run_dir.glob(f"{folder}/*.parquet")]
        beside += self.run_dir.glob("figures/*.json")  # each with digests of its table and pictures
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
            "files": {f"{file.parent.name}/{file.name}": file_digest(file) for file in sorted(beside)},
            "trials": self.trials,
            "provenance": {"started": self._started, "beside": self._beside.told()} | provenance(),
        }
        files = [str(path) for path in self.evidence.changed()]
        record["provenance"]["changed_while_running"] += files[:TRIED]
        check_rows(record["rows"], str(path))
        RECORDS.write(path, record)
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
    """A `result.json`, with `path` added. Of one of schema 3 `evidence.evidence_of` says what it lacks.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged, was changed, is of another schema, or a row is not of it; names the file, the field
            and the remedy.
    """
    path = Path(path)
    found = RECORDS.load(path)
    schema = found.get("schema", 1)
    if schema not in (SCHEMA, BEFORE):
        shown, remedy = readable(schema), "run its notebook again"
        raise SchemaError(f"{path} is a record of schema {shown}, this version reads {SCHEMA}: {remedy}")
    record = RECORDS.checked(path, found)
    try:
        check_rows(record["rows"], "rows")
    except ValueError as error:
        raise RECORDS.wrong(path, error) from None
    return {"trials": []} | record | {"path": str(path)}


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


def run_code() -> str:
    """SHA-256 over the loaded sources of both packages, but for those that no result depends on."""
    parts = [f"{name} {digest}\n" for name, digest in by_name(LOADED, WITHOUT_EFFECT).items()]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def provenance() -> dict[str, Any]:
    """When, where and with what: time, commit, code and package versions, hardware.

    All but the time is of when the code was loaded; "changed_while_running" names what has become something else since.
    """
    return {
        "finished": now(),
        **loaded(),
        "code": run_code(),
        "modules": {name: digest[:12] for name, digest in by_name(LOADED, WITHOUT_EFFECT).items()},
        "changed_while_running": changed(WITHOUT_EFFECT),
        "hardware": hardware(),
    }

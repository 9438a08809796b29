"""One record per run: what was measured, with everything needed to measure it again.

A record is `result.json` in the run's folder. Its `metrics` are functions of data, weights and parameters and come
out the same when the run is repeated; `timings` and `provenance` do not.
"""

import hashlib
import importlib.metadata
import json
import math
import os
import platform
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from text4vis_core.files import check_writable, code_fingerprint, replacing

from .notebooks import notebook_parameters

# How runs are started, rehearsed, measured and drawn.
WITHOUT_EFFECT = frozenset({"suites", "rehearsal", "bench", "figures"})
ROOT = Path(__file__).parents[1]
PACKAGES = ("torch", "torchvision", "open_clip_torch", "decord2", "av", "lightning-fabric", "numpy", "papermill")


def repository_root(start: str | Path = ".") -> Path:
    """The nearest folder above `start` that holds this project's notebooks and package.

    Raises:
        FileNotFoundError: there is none.
    """
    start = Path(start).resolve()
    for folder in (start, *start.parents):
        if (folder / "notebooks").is_dir() and (folder / "text4vis_core").is_dir():
            return folder
    raise FileNotFoundError(f"{start} is not inside a clone of the project")


@dataclass
class RunRecord:
    """Collects a run's results and writes them as `result.json`.

    Args:
        notebook: its name without suffix, "03_few_shot".
        run_dir: the run's folder; made and checked for writing at once.
        parameters: every parameter of the run.
    """

    notebook: str
    run_dir: Path
    parameters: dict[str, Any]
    metrics: dict[str, Any] = field(default_factory=dict)
    headline: list[dict] = field(default_factory=list)
    timings: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)
    skipped: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self):
        self.run_dir = check_writable(self.run_dir)
        self._begin = time.perf_counter()

    @classmethod
    def of_notebook(cls, notebook: str, variables: dict[str, Any]) -> "RunRecord":
        """Begin a notebook's record, after its parameters: `RunRecord.of_notebook("03_few_shot", globals())`.

        The parameters are those of the notebook's `parameters` cell. A list that arrived as text, as
        `papermill -p shots "[1, 4]"` passes it, is put right in `variables`.

        Raises:
            ValueError: a text that begins like a list and is none.
        """
        names = notebook_parameters(repository_root() / "notebooks" / f"{notebook}.ipynb")
        for name in names:
            if isinstance(variables.get(name), str) and variables[name].startswith("["):
                variables[name] = _read_list(name, variables[name])
        parameters = {name: variables[name] for name in names if name in variables}
        return cls(notebook, Path(parameters.pop("run_dir")), parameters)

    def add_data(self, split: str, videos) -> None:
        """Note a split of the data: its size, classes and fingerprint."""
        self.data[split] = {
            "videos": len(videos),
            "classes": len(videos.classes),
            "fingerprint": videos.fingerprint(),
        }

    def add_headline(self, task: str, method: str, value: float, half: float, over: str, metric: str = "top-1") -> None:
        """A line for the table of results: a metric in percent, half the width of its 95 % interval, over what."""
        data = self.parameters.get("dataset", "puppets")
        self.headline.append(
            {"task": task, "data": data, "method": method, "metric": metric, "%": round(value, 1)}
            | {"± (95 %)": round(half, 1), "over": over, "videos left out": len(self.skipped)}
        )

    def add_skipped(self, skipped: list[tuple[str, str]]) -> None:
        """Note videos that are left out of the numbers: they could not be decoded, or are too short."""
        self.skipped += [tuple(pair) for pair in skipped if tuple(pair) not in self.skipped]

    def save(self) -> Path:
        """Write the record atomically; returns its path.

        Raises:
            ValueError: a metric is not a plain number, text, list or dictionary.
        """
        self.timings["total_seconds"] = time.perf_counter() - self._begin
        record = {
            "notebook": self.notebook,
            "run": self.run_dir.name,
            "suite": self.run_dir.parent.name,
            "parameters": self.parameters,
            "headline": self.headline,
            "metrics": self.metrics,
            "timings": self.timings,
            "data": self.data,
            "weights": self.weights,
            "skipped": [{"video": path, "reason": reason} for path, reason in self.skipped],
            "provenance": provenance(),
        }
        path = self.run_dir / "result.json"
        write_json(path, record)
        return path

    def skipped_note(self) -> str:
        """A sentence to show beside every number that leaves videos out; empty when there are none."""
        if not self.skipped:
            return ""
        return f"{len(self.skipped)} videos, unreadable or too short, are left out: " + ", ".join(
            Path(path).name for path, _ in self.skipped
        )


def check_lists(**lists) -> None:
    """Raise a ValueError that names the parameter, if one is not a list, is empty, or holds a value twice."""
    for parameter, values in lists.items():
        if not isinstance(values, list | tuple):
            raise ValueError(f"parameter {parameter}: {values!r} is not a list; write it as [{values}]")
        if not values:
            raise ValueError(f"parameter {parameter} is empty; it must hold one value at least")
        if len(set(values)) < len(values):
            raise ValueError(f"parameter {parameter}: {values} holds a value twice")


def check_choices(parameter: str, values, choices) -> None:
    """Raise a ValueError that names the parameter, the value and the choices, if a value is not one of them."""
    for value in values if isinstance(values, list | tuple) else [values]:
        if value not in choices:
            raise ValueError(f"parameter {parameter}: unknown {value!r}; choose from: {', '.join(map(str, choices))}")


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically; NaN becomes null."""
    text = json.dumps(_plain(value), indent=1, allow_nan=False)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_records(runs: str | Path) -> list[dict]:
    """Every `result.json` below a folder, in order of suite and run; each gains `path`.

    Raises:
        ValueError: a record is damaged (which file).
    """
    records = []
    for path in sorted(Path(runs).glob("**/result.json")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            record["notebook"], record["metrics"], record["headline"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is not a run record ({error}); delete it and run again") from error
        records.append(record | {"path": str(path)})
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
    records = [record for record in read_records(runs) if record["notebook"] == notebook and fits(record)]
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
        "packages": {name: _version(name) for name in PACKAGES},
        "hardware": {
            "machine": platform.machine(),
            "system": platform.system(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "gpu": torch.cuda.get_device_name() if cuda else None,
        },
    }


def _read_list(parameter: str, text: str) -> list:
    import yaml

    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = None
    if not isinstance(value, list):
        raise ValueError(f"parameter {parameter}: {text!r} is not a list; write it as [1, 4] or [text, random]")
    return value


def _plain(value: Any) -> Any:
    """Plain JSON values: arrays and tensors as lists, NaN as None."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, Path):
        return value.as_posix()
    raise ValueError(f"{value!r} of type {type(value).__name__} cannot go into a run record")


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _version(package: str) -> str | None:
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

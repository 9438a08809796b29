"""What a run is made of, by content: an archive or a copy may bring other files with old times."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from text4vis_core.files import file_digest

from .reading import Run

# How runs are started, watched, shown and computed again, and what measures the machine: no result is a function of it.
OTHERS = {"suites", "rehearsal", "bench", "book", "cli", "recompute", "progress.py", "loggers.py", "surroundings.py"}
MODEL = {".safetensors", ".pt", ".bin", ".json"}  # files of a model's folder
DIGITS = 16  # of a SHA-256 that are kept of each file
GIVEN = ("data/*.csv", "data/descriptions/*", "data/records/*/*.json", "experiments/recipes.yaml", "requirements.lock")


def shared_inputs() -> list[Path]:
    """Files of the project that any result may be a function of, besides its notebook."""
    modules = [path for path in Path().glob("text4vis_*/**/*.py") if not OTHERS.intersection(path.parts)]
    return sorted({*modules, *(path for pattern in GIVEN for path in Path().glob(pattern) if path.is_file())})


def made_of(run: Run) -> dict[str, str]:
    """Digests by name of the notebook, the shared inputs, and files and models that parameters name.

    Not over the videos of a data set, of which a run's record has the fingerprint; nor over what lies in `runs`, which
    this run may write, or another that it waits for.
    """
    data, place = (str(run.parameters.get(name, "")) for name in ("dataset", "data_root"))
    folders = {Path(), Path(place), Path("data", data)}  # below which lists are named
    named = {path for text in _texts(run.parameters) for folder in folders for path in _files(folder, text)}
    return {path.as_posix(): _content(path)[:DIGITS] for path in (run.source, *shared_inputs(), *sorted(named))}


def _texts(value: Any) -> Iterator[str]:
    """Every text in plain values."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Iterable):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _files(folder: Path, text: str) -> list[Path]:
    """The file that a text names in a folder, or a named model's: its weights, and what tells of them."""
    try:
        path = folder / text
        if not text or Path("runs").resolve() in path.resolve().parents:
            return []
        if path.is_file():
            return [path]
        return [file for file in path.iterdir() if file.suffix in MODEL and file.is_file()] if path.is_dir() else []
    except (OSError, RuntimeError, ValueError):  # no file's name
        return []


def _content(path: Path) -> str:
    status = path.stat()
    return _digest(path, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@lru_cache(maxsize=4096)
def _digest(path: Path, *changed: int) -> str:
    return file_digest(path)

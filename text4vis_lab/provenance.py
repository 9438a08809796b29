"""What ran: code, commit, packages and hardware, as they were when this process loaded them, and what changed since.

A kernel lives for hours and goes on with the code that it has loaded, whatever is edited meanwhile. So the sources are
looked at when this module is imported, and again when a record is written: a difference is named in the record.
"""

import functools
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Collection, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import text4vis_core
from text4vis_core.files import file_digest

ROOT = Path(__file__).parents[1]
FOLDERS = {"text4vis_core": Path(text4vis_core.__path__[0]), "text4vis_lab": Path(__file__).parent}
PACKAGES = ("torch", "torchvision", "open_clip_torch", "decord2", "av", "lightning-fabric", "numpy", "papermill")
# What runs and is no data: git does not know of such a file before it is added, and the code's fingerprint does.
UNTRACKED = (":(glob)text4vis_*/**/*.py", ":(glob)notebooks/*.ipynb")


def sources() -> dict[Path, str]:
    """Every Python file of both packages, and the SHA-256 of what is in it now."""
    return {file: file_digest(file) for folder in FOLDERS.values() for file in sorted(folder.rglob("*.py"))}


def by_name(files: Mapping[Path, str], without: Collection[str] = ()) -> dict[str, str]:
    """The same by names such as "text4vis_lab/rows.py", but for those of some rooms and files."""
    parents = [folder.parent for folder in FOLDERS.values()]
    named = {file.relative_to(next(p for p in parents if p in file.parents)): file for file in files}
    return {name.as_posix(): files[file] for name, file in named.items() if not {*without} & {*name.parts}}


def changed(without: Collection[str] = ()) -> list[str]:
    """Names of files, but for those of some rooms and files, and of packages that are not what was loaded."""
    before, after = by_name(LOADED, without), by_name(sources(), without)
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return names + [name for name, version in loaded()["packages"].items() if package_version(name) != version]


def lock_digest() -> str | None:
    """SHA-256 of `requirements.lock`; None where there is none, as in a package that was installed."""
    lock = ROOT / "requirements.lock"
    return file_digest(lock) if lock.is_file() else None


@functools.cache
def loaded() -> dict[str, Any]:
    """Commit, whether there are changes that it does not hold, and versions, as this process found them first.

    Both of the first are None outside of the project's own repository, as in an archive unpacked inside another; the
    second also where git cannot tell.
    """
    found = (_git("rev-parse", "--show-toplevel", "HEAD") or "").splitlines()
    commit = found[1] if len(found) == 2 and Path(found[0]).resolve() == ROOT.resolve() else None
    told = [_git("status", "--porcelain", "--untracked-files=no"), _git("ls-files", "--others", "--", *UNTRACKED)]
    return {
        "commit": commit,
        "uncommitted_changes": None if commit is None or None in told else any(told),
        "python": platform.python_version(),
        "packages": {name: package_version(name) for name in PACKAGES},
        "lock": lock_digest(),
    }


def hardware() -> dict[str, Any]:
    """The machine, as far as numbers may depend on it."""
    import torch

    return {
        "machine": platform.machine(),
        "system": platform.system(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def package_version(package: str) -> str | None:
    """Of a package that is installed; else None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git(*arguments: str) -> str | None:
    """What git says of the folder that the packages lie in, whatever repository the environment names."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(ROOT), *arguments]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")


LOADED = sources()

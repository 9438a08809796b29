"""What is in video files, as digests: a file is read once, and its digest kept for all runs and processes.

It is kept with the file's stamp, its size and times, in a small database among the user's caches. The time of the last
change of status is in it, which no copying and no `touch` sets back. Where the database cannot be used, files are read
each time, which is said.

Reading costs what the disk gives, and about a second for each GB and core; what is known costs a look at each file.
"""

import hashlib
import itertools
import json
import os
import sqlite3
import time
import warnings
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from text4vis_core.data.reading import PICTURE_SUFFIXES
from text4vis_core.files import file_digest, first_line
from text4vis_core.processes import progress_bar

from .surroundings import cache_folder

DATABASE = "contents.sqlite"
TABLE = "CREATE TABLE IF NOT EXISTS contents (path TEXT PRIMARY KEY, stamp TEXT NOT NULL, digest TEXT NOT NULL)"
SETTLED = 2.0  # seconds after a file's last change from which on another one shows in its times
WAIT = 60.0  # seconds for another process that writes
BATCH = 500  # files, after which their digests are kept
SHOWN = 64 * 2**20  # bytes to read, from which on there is a progress bar


class Stamp(NamedTuple):
    """How a file, or a folder's pictures, can be told from what was there before, without reading.

    Attributes:
        size: bytes.
        changed: seconds since 1970 of the last change.
        text: size and times, of a folder in a digest.
    """

    size: int
    changed: float
    text: str


def contents_of(paths: Iterable[Path], progress: str | None = None) -> dict[Path, str]:
    """SHA-256 of what is in files, of folders over the names and bytes of their pictures; "" of what cannot be read.

    Args:
        paths: files and folders of frames; repeats allowed.
        progress: label of a progress bar, where there is much to read; None for none.
    """
    stamps = {path: stamp_of(path) for path in dict.fromkeys(paths)}
    there = {path: stamp for path, stamp in stamps.items() if stamp is not None}
    known = _known(there)
    new = [path for path in there if path not in known]
    shown = progress if sum(there[path].size for path in new) >= SHOWN else None
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        read = zip(new, progress_bar(pool.map(_digest, new), shown, total=len(new), unit="file"), strict=True)
        while batch := dict(itertools.islice(read, BATCH)):
            known |= batch
            settled = time.time() - SETTLED
            lasting = [path for path in batch if batch[path] and there[path].changed < settled]
            _keep({path: (there[path], batch[path]) for path in lasting})
    return {path: known.get(path, "") for path in stamps}


def stamp_of(path: Path) -> Stamp | None:
    """Of a file, or of all pictures in a folder; None where there is nothing, or it cannot be looked at."""
    try:
        if not path.is_dir():
            times = _times(path.stat())
            return Stamp(times[0], times[-1] / 1e9, json.dumps(times))
        pictures = {os.fsencode(file.name).hex(): _times(file.stat()) for file in _pictures(path)}
    except (OSError, ValueError):
        return None
    sizes, changes = [times[0] for times in pictures.values()], [times[-1] for times in pictures.values()]
    return Stamp(sum(sizes), max(changes, default=0) / 1e9, hashlib.sha256(json.dumps(pictures).encode()).hexdigest())


def _times(status: os.stat_result) -> list[int]:
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _pictures(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as files:
        pictures = (file for file in files if os.path.splitext(file.name)[1].lower() in PICTURE_SUFFIXES)
        return sorted(pictures, key=lambda file: file.name)


def _digest(path: Path) -> str:
    try:
        if not path.is_dir():
            return file_digest(path) if path.is_file() else ""  # a pipe would never end
        pictures = [os.fsencode(file.name) + f"\0{file_digest(Path(file))}\n".encode() for file in _pictures(path)]
        return hashlib.sha256(b"".join(pictures)).hexdigest() if pictures else ""
    except OSError:
        return ""


def _known(stamps: Mapping[Path, Stamp]) -> dict[Path, str]:
    """Digests of files that are as they were when these were kept."""
    if not stamps:
        return {}
    try:
        with closing(_open()) as database:
            found = {}
            for path, stamp in stamps.items():
                row = database.execute("SELECT stamp, digest FROM contents WHERE path = ?", (_key(path),)).fetchone()
                if row and row[0] == stamp.text:
                    found[path] = str(row[1])
            return found
    except sqlite3.Error as error:
        _say(error)
        return {}


def _keep(found: Mapping[Path, tuple[Stamp, str]]) -> None:
    rows = [(_key(path), stamp.text, digest) for path, (stamp, digest) in found.items()]
    if not rows:
        return
    try:
        with closing(_open()) as database, database:
            database.executemany("INSERT OR REPLACE INTO contents VALUES (?, ?, ?)", rows)
    except sqlite3.Error as error:
        _say(error)


def _open() -> sqlite3.Connection:
    database = sqlite3.connect(cache_folder() / DATABASE, timeout=WAIT)
    database.execute(TABLE)
    return database


def _key(path: Path) -> str:
    return os.fsencode(os.path.abspath(path)).decode("utf-8", "backslashreplace")


def _say(error: sqlite3.Error) -> None:
    path = cache_folder() / DATABASE
    warnings.warn(f"{path}: digests of files are not kept ({first_line(error)}); delete it", stacklevel=4)

"""A training-ready copy of a data set: the same frames at the same times, any few of which are decoded at once.

    prepare(load_videos("kinetics400", root, "train"), "/data/k400-prepared", work=Work(num_workers=16))
    load_videos("prepared", "/data/k400-prepared", "train")

The originals are only read. A folder holds `videos/`, a journal of what was copied, and an index of each split.
"""

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from pydantic import Field

from text4vis_core.data.datasets import ON_ERROR
from text4vis_core.data.reading import Reading, VideoError
from text4vis_core.data.video_list import Video, VideoList
from text4vis_core.processes import progress_bar

from ..plain import write_json
from ..sealing import Schema, first_wrong
from ..settings import check_choices
from ._crew import do_jobs
from .copying import Recipe, attempt, is_there, stamp
from .index import index_path, write_index
from .reader import SUFFIX, VERSION

JOURNAL, RECIPE, LOCK = "journal.jsonl", "recipe.json", ".lock"


class _JournalRow(Schema):
    """What is known of a copy; it lies in a folder below `videos/`, and nowhere else."""

    original: str
    stamp: str
    digest: str
    original_bytes: int
    psnr: float
    size: int = Field(alias="bytes")
    sha256: str
    place: str = Field(alias="copy", pattern=r"^videos/([^/.]|\.[^/.]|\.\.[^/])[^/]*/[^/]+$")


class PrepareError(RuntimeError):
    """Copies cannot be made here, or no more of them. Says what is kept and what to do."""


@dataclass(frozen=True)
class Prepared:
    """What `prepare` did.

    Attributes:
        made, kept: copies that were made now, and that were there already.
        bytes_before, bytes_after: of all the originals that have a copy, and of their copies.
        lowest_psnr: of the frames that were compared, in decibels.
        skipped: (path, reason) of the originals that could not be copied.
    """

    made: int
    kept: int
    bytes_before: int
    bytes_after: int
    lowest_psnr: float
    skipped: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Work:
    """How copying goes on. It makes no difference to a copy.

    Attributes:
        num_workers: processes that copy; 0 for this one.
        on_error: of an original that cannot be copied, "raise" stops and names it, "skip" leaves it out, counted, named
            and noted in the index. The next call tries it again.
        timeout: seconds that a copy may take, with workers: a decoder that hangs is ended; 0 for no limit.
        progress: show progress bars.
        reading: how originals are read, but that they are always read strictly. Copies of one folder are of one
            decoder.

    Raises:
        ValueError: an unknown `on_error`, or a number below 0.
    """

    num_workers: int = 2
    on_error: str = "raise"
    timeout: float = 600.0
    progress: bool = True
    reading: Reading = field(default_factory=Reading)

    def __post_init__(self):
        check_choices("on_error", self.on_error, ON_ERROR)
        if self.num_workers < 0 or self.timeout < 0:
            raise ValueError(f"num_workers is {self.num_workers} and timeout {self.timeout}; both must be 0 or more")


def prepare(
    videos: VideoList,
    folder: str | Path,
    *,
    split: str = "train",
    fold: int = 1,
    recipe: Recipe | None = None,
    work: Work | None = None,
) -> Prepared:
    """Copy the videos of a split, so that `load_videos("prepared", folder, split, fold)` gives them.

    Number and times of the frames stay, so that frame numbers and seconds mean the same. Every copy is compared with
    its original. What is interrupted, at any moment, is taken up by the next call: copies are whole or not there, and a
    copy whose original was changed is made anew. Splits and folds may share a folder, and then share copies.

    Args:
        videos: what to copy; a file of which several parts are listed is copied once, as a whole.
        folder: for the copies.
        split, fold: under which the list is to be loaded.
        recipe: how copies are made, `Recipe()` if None; the same for all of a folder.
        work: how copying goes on, `Work()` if None.

    Raises:
        VideoError: an original cannot be copied, damaged as it may be in a place that a decoder would conceal, and
            `work.on_error` is "raise".
        PrepareError: the folder cannot be written, is full, in use, or holds copies by another recipe, another decoder
            or another version; PyAV is not installed.
        ValueError: none of the videos can be copied, or one lies in `folder`.
    """
    from filelock import FileLock, Timeout

    folder, recipe, work = Path(os.path.abspath(folder)), recipe or Recipe(), work or Work()
    reading = replace(work.reading, strict=True)
    made_by = {"version": VERSION, "decoder": reading.decoder} | asdict(recipe)
    originals = list(dict.fromkeys(os.path.abspath(video.path) for video in videos.videos))
    inside = next((path for path in originals if Path(path).is_relative_to(folder)), None)
    if inside:
        raise ValueError(f"{inside} lies in {folder}, where the copies go; choose another folder")
    try:
        import av  # noqa: F401

        (folder / "videos").mkdir(parents=True, exist_ok=True)
        with FileLock(folder / LOCK, timeout=0):
            _check_recipe(folder, made_by)
            _sweep(folder)
            rows = _read_journal(folder)
            todo = list(_unfinished(originals, folder, rows, work.progress))
            shared = {"folder": str(folder), "recipe": asdict(recipe), "reading": asdict(reading)}
            jobs = (shared | {"original": path, "known": rows.get(path)} for path in todo)
            results = do_jobs("text4vis_lab.prepare.copying", jobs, work.num_workers, work.timeout)
            if not work.num_workers:
                results = ((job, attempt(job)) for job in jobs)
            label = f"preparing {len(todo)} videos of {split}" if work.progress and todo else None
            with closing(results):  # an error that somebody keeps would keep the workers
                made, skipped = _keep_account(
                    folder, rows, progress_bar(results, label, total=len(todo)), work.on_error
                )
            _sweep(folder)
            done = {path: rows[path] for path in originals if path not in skipped}
            if not done:
                first = "; ".join(f"{path}: {reason}" for path, reason in [*skipped.items()][:1])
                raise ValueError(f"none of the {len(originals)} videos could be copied; the first: {first}")
            about = {"version": VERSION, "recipe": made_by, "skipped": list(skipped.items())}
            _write_index(index_path(folder, split, fold), videos, done, about)
    except ImportError as error:
        raise PrepareError("preparing needs PyAV: pip install av") from error
    except Timeout as error:
        raise PrepareError(f"{folder}: another call is preparing there; wait for it, or end it") from error
    except OSError as error:
        raise PrepareError(_stopped(folder, error.strerror or str(error))) from error
    return Prepared(
        made=made,
        kept=len(originals) - made - len(skipped),
        bytes_before=sum(row["original_bytes"] for row in done.values()),
        bytes_after=sum(row["bytes"] for row in done.values()),
        lowest_psnr=min(row["psnr"] for row in done.values()),
        skipped=tuple(skipped.items()),
    )


def _unfinished(originals: list[str], folder: Path, rows: dict[str, dict], progress: bool) -> Iterator[str]:
    """The originals that have no copy, or have been written since."""
    for path in progress_bar(originals, "looking for what is done" if progress and rows else None):
        try:
            if path not in rows or rows[path]["stamp"] != stamp(Path(path)) or not is_there(folder, rows[path]):
                yield path
        except OSError:  # copying it says what is wrong with it
            yield path


def _keep_account(
    folder: Path, rows: dict[str, dict], results: Iterable[tuple[dict, dict]], on_error: str
) -> tuple[int, dict[str, str]]:
    """Note in journal and `rows` what was copied; returns how many copies are new, and path -> reason of what failed.

    Raises:
        VideoError, PrepareError: see `prepare`.
    """
    made, users = 0, Counter(row["copy"] for row in rows.values())
    skipped: dict[str, str] = {}
    with open(folder / JOURNAL, "a", encoding="utf-8") as journal:
        for job, result in results:
            path = job["original"]
            if "fatal" in result:
                raise PrepareError(_stopped(folder, result["fatal"]))
            if "error" in result:
                if on_error == "raise":
                    raise VideoError(path, result["error"])
                skipped[path] = result["error"]
                continue
            before, rows[path] = rows.get(path), result["row"]
            made += result["made"]
            users[rows[path]["copy"]] += 1
            journal.write(json.dumps(rows[path]) + "\n")
            journal.flush()
            if before:
                users[before["copy"]] -= 1
                if not users[before["copy"]]:  # of what the original was
                    (folder / before["copy"]).unlink(missing_ok=True)
    return made, skipped


def _write_index(path: Path, videos: VideoList, rows: dict[str, dict], about: dict) -> None:
    """Index a list by its copies; what has none is missing."""
    there, absent = [], [replace(video, path=_no_copy(path.parent, video)) for video in videos.missing]
    for video in videos.videos:
        row = rows.get(os.path.abspath(video.path))
        if row:
            there.append(replace(video, path=path.parent / row["copy"]))
        else:
            absent.append(replace(video, path=_no_copy(path.parent, video)))
    copies = {path.parent / row["copy"]: row for row in rows.values()}
    write_index(path, replace(videos, videos=tuple(there), missing=tuple(absent)), copies, about)


def _no_copy(folder: Path, video: Video) -> Path:
    """The name of a video that is not there."""
    return folder / "videos" / video.path.parent.name / f"{video.path.stem}{SUFFIX}"


def _check_recipe(folder: Path, made_by: dict) -> None:
    """Note by what a folder's copies are made, or compare with it."""
    remedy = "choose another folder, or delete it"
    try:
        before = json.loads((folder / RECIPE).read_text(encoding="utf-8"))
        version = before.get("version", 1)
    except FileNotFoundError:
        return write_json(folder / RECIPE, made_by)
    except (ValueError, AttributeError, RecursionError) as error:
        raise PrepareError(f"{folder / RECIPE} is damaged ({error}); delete the folder and prepare anew") from error
    if version != VERSION:
        found = f"copies of version {version}, this is {VERSION}: in those of 1 seconds meant other frames"
        raise PrepareError(f"{folder} holds {found}; {remedy}")
    differing = [f"{name} {before.get(name)}, not {now}" for name, now in made_by.items() if before.get(name) != now]
    if differing:
        raise PrepareError(f"{folder} holds copies of {', '.join(differing)}; {remedy}")


def _read_journal(folder: Path) -> dict[str, dict]:
    """Original -> what is known of its copy. A last line that was not finished is cut off."""
    rows: dict[str, dict] = {}
    journal = folder / JOURNAL
    if not journal.exists():
        return rows
    with open(journal, "r+b") as file:
        whole = 0
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                file.truncate(whole)
                break
            whole += len(line)
            try:
                row = json.loads(line)
                if wrong := first_wrong(_JournalRow, row):
                    raise ValueError(wrong)
                rows[row["original"]] = row
            except (ValueError, RecursionError) as error:
                reason = f"the line is damaged ({error}); delete the line, its copy is made anew"
                raise PrepareError(f"{journal}, line {number}: {reason}") from error
    return rows


def _sweep(folder: Path) -> None:
    """Remove what ended workers and calls have left; `.tmp...` is what safetensors had begun."""
    for pattern in (f"videos/*/.*{SUFFIX}.*.tmp", ".*.tmp", ".tmp*"):
        for file in folder.glob(pattern):
            file.unlink(missing_ok=True)


def _stopped(folder: Path, reason: str) -> str:
    finished = sum(1 for _ in (folder / "videos").glob(f"*/*{SUFFIX}"))
    return f"{folder}: {reason}; the {finished} copies that are finished are kept: see to it, and call prepare again"

"""The data check: what is listed, what is there, what can be read, and what is there twice.

    report = check_data({"train": load_videos(...), "test": load_videos(...)}, num_frames=8, workers=4)
    report.counts(), report.problems, report.metrics()

Every file is opened and a clip of each listed part of it decoded, as an evaluation would; nothing is changed or left
out.
"""

import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from text4vis_core.data.formats.index import IndexedVideos
from text4vis_core.data.sampling import evaluation_indices
from text4vis_core.data.video import VideoError, decode_frames, open_video, part_of, read_frames
from text4vis_core.data.video_list import Video, VideoList
from text4vis_core.processes import progress_bar

PROBLEMS = ("missing", "unreadable", "too short", "duplicated")
PICTURED = ("too short", "duplicated")
NAMED_TWINS = 3  # in a reason; so many files may be the same that naming all in each would fill pages
HASHED_BYTES = 1 << 16  # of a file's beginning and of its end

Part = tuple[float | None, float | None, float | None]  # start, end and duration of a `Video`, in seconds


@dataclass(frozen=True)
class PartFacts:
    """What is found out about a listed part of a file, or about the whole of it.

    Attributes:
        first, stop: its first frame in the file, and the one after its last.
        error: why no clip of it can be decoded; empty when one can.
    """

    first: int = 0
    stop: int = 0
    error: str = ""


@dataclass(frozen=True)
class FileFacts:
    """What is found out about a video file or a folder of frames.

    Attributes:
        frames: in the whole file.
        fps: frames per second; 0 where unknown, as for a folder of frames.
        width, height: of a frame, in pixels; 0 where none could be decoded.
        digest: of size, beginning and end; files that share it hold the same.
        error: why it cannot be opened; empty when it can.
        parts: what was found out about each part that is listed; empty where the file cannot be opened.
    """

    frames: int = 0
    fps: float = 0.0
    width: int = 0
    height: int = 0
    digest: str = ""
    error: str = ""
    parts: Mapping[Part, PartFacts] = field(default_factory=dict)

    def of(self, video: Video) -> PartFacts:
        """What was found out about a video that is this file or a part of it."""
        return self.parts.get(_part(video), PartFacts(error=self.error))


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with one listed video.

    Attributes:
        kind: one of `PROBLEMS`.
        split, video: where it is listed, and as what.
        reason: what is wrong, in words.
    """

    kind: str
    split: str
    video: Video
    reason: str

    @property
    def path(self) -> str:
        return str(self.video.path)

    @property
    def label(self) -> int:
        return self.video.label

    def row(self) -> dict[str, Any]:
        """As plain values, for a file."""
        place = {"path": self.path, "label": self.label, "start": self.video.start, "end": self.video.end}
        return {"kind": self.kind, "split": self.split, **place, "reason": self.reason}


@dataclass(frozen=True)
class DataReport:
    """The outcome of a data check.

    Attributes:
        splits: split -> its videos, as they were given.
        files: path -> what was found out, for every listed file that exists.
        problems: everything that is wrong, in order of `PROBLEMS`, split and list.
        num_frames: of a clip; a video with fewer frames is too short.
        workers: threads that read.
        seconds: that reading took, on the clock.
    """

    splits: Mapping[str, VideoList]
    files: Mapping[Path, FileFacts]
    problems: tuple[Problem, ...]
    num_frames: int
    workers: int
    seconds: float

    def counts(self) -> dict[str, dict[str, int]]:
        """Split -> how many videos are listed, found, and of each problem; a video can have several."""
        rows = {}
        for split, videos in self.splits.items():
            found = Counter(problem.kind for problem in self.problems if problem.split == split)
            listed = len(videos) + len(videos.missing)
            rows[split] = {"listed": listed, "found": listed - found["missing"]} | {k: found[k] for k in PROBLEMS}
        return rows

    def per_class(self, split: str) -> dict[str, np.ndarray]:
        """For a split, "found" and each problem -> int64 (C,): videos by first class."""
        videos = self.splits[split]
        present = [video.label for video in videos.videos if video.path in self.files]
        columns = {"found": present} | {
            kind: [p.label for p in self.problems if (p.kind, p.split) == (kind, split)] for kind in PROBLEMS
        }
        return {
            name: np.bincount(np.array(labels, dtype=np.int64), minlength=len(videos.classes))
            for name, labels in columns.items()
        }

    def durations(self, split: str) -> np.ndarray:
        """float64: seconds of the videos of a split, of the parts that are used, where the frame rate is known."""
        seconds = []
        for video, facts in self._readable(split):
            rate = facts.fps or (facts.frames / video.duration if video.duration else 0)
            if rate:
                part = facts.of(video)
                seconds.append((part.stop - part.first) / rate)
        return np.array(seconds, dtype=float)

    def frame_rates(self, split: str) -> np.ndarray:
        """float64: frames per second of the videos of a split, where known."""
        return np.array([facts.fps for _, facts in self._readable(split) if facts.fps], dtype=float)

    def resolutions(self, split: str) -> list[str]:
        """Width x height of the readable videos of a split, such as "320x240"."""
        return [f"{facts.width}x{facts.height}" for _, facts in self._readable(split)]

    def speed(self) -> dict[str, float]:
        """Files read, and frames decoded, in a second by all workers together; opening and hashing included."""
        clips = [sum(not part.error for part in facts.parts.values()) for facts in self.files.values()]
        return {
            "videos_per_second": sum(count > 0 for count in clips) / self.seconds,
            "frames_per_second": sum(clips) * self.num_frames / self.seconds,
            "workers": self.workers,
        }

    def metrics(self) -> dict:
        """The numbers of the report as plain values, for a run record; no times, which differ from run to run."""
        splits: dict[str, dict[str, Any]] = {}
        for split, counts in self.counts().items():
            found = self.per_class(split)["found"]
            splits[split] = {
                **counts,
                "classes": len(found),
                "fewest_per_class": int(found.min()),
                "most_per_class": int(found.max()),
                "seconds": _quantiles(self.durations(split)),
                "frames_per_second": _quantiles(self.frame_rates(split)),
                "resolutions": dict(Counter(self.resolutions(split)).most_common(20)),
            }
        return {"num_frames": self.num_frames, "splits": splits}

    def sound(self, split: str) -> list[Video]:
        """The videos of a split without any problem."""
        faulty = {problem.video for problem in self.problems if problem.split == split}
        return [video for video in self.splits[split].videos if video not in faulty]

    def pictures(self, limit: int = 12) -> tuple[list[np.ndarray], list[str]]:
        """First frames of videos (of their parts) with a problem of `PICTURED`, uint8 (H, W, 3), and their captions."""
        shown = [problem for problem in self.problems if problem.kind in PICTURED][:limit]
        videos = [problem.video for problem in shown]
        pictures = [read_frames(video.path, lambda _: np.zeros(1, np.int64), *_part(video))[0] for video in videos]
        return pictures, [f"{each.kind}: {Path(each.path).name} ({each.split}), {each.reason}" for each in shown]

    def _readable(self, split: str) -> Iterable[tuple[Video, FileFacts]]:
        for video in self.splits[split].videos:
            facts = self.files.get(video.path)
            if facts is not None and not facts.of(video).error:
                yield video, facts


def check_data(
    videos: Mapping[str, VideoList], num_frames: int = 8, workers: int = 2, progress: bool = True
) -> DataReport:
    """Open every listed file once, decode a clip of each of its parts, and compare what is found with what is listed.

    Args:
        videos: split -> its videos.
        num_frames: frames of the clip; a video with fewer is too short.
        workers: threads that read.
        progress: show a progress bar.

    Raises:
        ValueError: num_frames or workers is less than 1.
    """
    if num_frames < 1 or workers < 1:
        raise ValueError(f"num_frames is {num_frames} and workers {workers}; both must be at least 1")
    listed: dict[Path, dict[Part, None]] = defaultdict(dict)  # the parts of a file, each once, in order
    changed: dict[Path, Callable[[], str]] = {}  # of copies that `prepare` made and indexed
    for each in videos.values():
        for place, video in enumerate(each.videos):
            listed[video.path][_part(video)] = None
            if isinstance(each.videos, IndexedVideos):
                changed[video.path] = partial(each.videos.changed, place, thorough=True)
    paths = [path for path in listed if path.exists()]
    begin = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        facts = pool.map(lambda path: examine(path, listed[path], num_frames, changed.get(path)), paths)
        label = "checking videos" if progress else None
        files = dict(zip(paths, progress_bar(facts, label, total=len(paths)), strict=True))
    seconds = time.perf_counter() - begin
    return DataReport(videos, files, tuple(_problems(videos, files, num_frames)), num_frames, workers, seconds)


def examine(path: Path, parts: Iterable[Part], num_frames: int, changed: Callable[[], str] | None = None) -> FileFacts:
    """Open a video and decode an evaluation clip of each listed part of it; an error becomes part of the facts.

    `changed` says why the file is not what was written, empty where it is.
    """
    reason = changed() if changed else ""
    if reason:
        return FileFacts(error=reason)
    try:
        video = open_video(path)
    except VideoError as error:
        return FileFacts(error=error.reason)
    facts, height, width = {}, 0, 0
    for start, end, duration in parts:
        first, stop, reason = 0, 0, ""
        try:
            first, stop = part_of(len(video), video.fps, start, end, duration)
            frames = decode_frames(video, path, first + evaluation_indices(stop - first, num_frames))
            height, width = frames.shape[1:3]
        except VideoError as failure:
            reason = ": ".join(filter(None, [_words(start, end), failure.reason]))
        except ValueError as failure:  # the part lies outside of the video, or cannot be placed
            reason = str(failure)
        facts[start, end, duration] = PartFacts(first, stop, reason)
    return FileFacts(len(video), video.fps, width, height, _digest(path), parts=facts)


def _problems(videos: Mapping[str, VideoList], files: Mapping[Path, FileFacts], num_frames: int) -> list[Problem]:
    found: dict[str, list[Problem]] = {kind: [] for kind in PROBLEMS}
    same: dict[tuple, list[tuple[str, Video]]] = defaultdict(list)

    def note(kind: str, split: str, video: Video, reason: str) -> None:
        found[kind].append(Problem(kind, split, video, reason))

    for split, each in videos.items():
        for video in (*each.missing, *(video for video in each.videos if video.path not in files)):
            note("missing", split, video, "listed and not there")
        for video in (video for video in each.videos if video.path in files):
            facts, part = files[video.path], files[video.path].of(video)
            if part.error:
                note("unreadable", split, video, part.error)
                continue
            same[facts.digest, video.start, video.end].append((split, video))
            frames, words = part.stop - part.first, _words(video.start, video.end)
            if frames < num_frames:
                count = f"{words} has {frames}" if words else f"{frames}"
                reason = f"{count} {'frame' if frames == 1 else 'frames'}, fewer than {num_frames}"
                note("too short", split, video, reason)
    for group in (group for group in same.values() if len(group) > 1):
        for i, (split, video) in enumerate(group):
            others = [twin for j, twin in enumerate(group[: NAMED_TWINS + 1]) if j != i][:NAMED_TWINS]
            reasons = list(dict.fromkeys(_twin(split, video, *other, videos) for other in others))
            total = [f"{len(group)} times in all"] if len(group) > 2 else []
            note("duplicated", split, video, "; ".join(reasons + total))
    return [problem for kind in PROBLEMS for problem in found[kind]]


def _twin(split: str, video: Video, where: str, other: Video, videos: Mapping[str, VideoList]) -> str:
    """How another video of the same content differs in file, split and classes."""
    what = "listed again" if other.path == video.path else f"same content as {other.path.name}"
    mine, its = (
        [videos[name].classes[label] for label in each.all_labels] for name, each in ((split, video), (where, other))
    )
    place = f" in {where}" if where != split else ""
    return what + place + (f", as {' and '.join(its)}" if set(its) != set(mine) else "")


def _part(video: Video) -> Part:
    return video.start, video.end, video.duration


def _words(start: float | None, end: float | None) -> str:
    """A part in words; empty for a whole video."""
    if start is None and end is None:
        return ""
    return f"its part from {start or 0:g} s to " + ("its end" if end is None else f"{end:g} s")


def _digest(path: Path) -> str:
    """Of size, beginning and end of a file; of a folder, of the number of its files and of three of them."""
    if path.is_dir():
        files = sorted(each for each in path.iterdir() if each.is_file())
        parts = [str(len(files)).encode(), *(files[i].read_bytes() for i in (0, len(files) // 2, -1))]
    else:
        size = path.stat().st_size
        with open(path, "rb") as file:
            parts = [str(size).encode(), file.read(HASHED_BYTES)]
            file.seek(max(0, size - HASHED_BYTES))
            parts.append(file.read())
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _quantiles(values: np.ndarray) -> dict[str, float] | None:
    """Least, median and greatest; None where there are no values."""
    if len(values) == 0:
        return None
    return {"least": float(values.min()), "median": float(np.median(values)), "most": float(values.max())}

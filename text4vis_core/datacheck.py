"""The data check: what is listed, what is there, what can be read, and what is there twice.

    report = check_data({"train": load_videos(...), "test": load_videos(...)}, num_frames=8, workers=4)
    report.counts(), report.problems, report.metrics()

Every file is opened and a clip of it decoded, as an evaluation would; nothing is changed or left out.
"""

import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from .evaluation import progress_bar
from .sampling import evaluation_indices
from .video import VideoError, decode_frames, open_video, part_of, read_frames
from .video_list import Video, VideoList

PROBLEMS = ("missing", "unreadable", "too short", "duplicated")
HASHED_BYTES = 1 << 16  # of a file's beginning and of its end


@dataclass(frozen=True)
class FileFacts:
    """What is found out about a video file or a folder of frames.

    Attributes:
        frames: in the whole file.
        fps: frames per second; 0 where unknown, as for a folder of frames.
        width, height: of a frame, in pixels.
        digest: of size, beginning and end; files that share it hold the same.
        error: why it cannot be read; empty when it can.
    """

    frames: int = 0
    fps: float = 0.0
    width: int = 0
    height: int = 0
    digest: str = ""
    error: str = ""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with one listed video.

    Attributes:
        kind: one of `PROBLEMS`.
        split, path: where it is listed, and the file.
        label: its (first) class; -1 where the list does not tell, of missing videos.
        reason: what is wrong, in words.
    """

    kind: str
    split: str
    path: str
    label: int
    reason: str


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
        """For a split, "found" and each problem -> int64 (C,): videos by first class; those `missing` have none."""
        videos = self.splits[split]
        present = [video.label for video in videos.videos if video.path in self.files]
        columns = {"found": present} | {
            kind: [p.label for p in self.problems if (p.kind, p.split) == (kind, split) and p.label >= 0]
            for kind in PROBLEMS
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
                first, stop = _part(video, facts)
                seconds.append((stop - first) / rate)
        return np.array(seconds, dtype=float)

    def frame_rates(self, split: str) -> np.ndarray:
        """float64: frames per second of the videos of a split, where known."""
        return np.array([facts.fps for _, facts in self._readable(split) if facts.fps], dtype=float)

    def resolutions(self, split: str) -> list[str]:
        """Width x height of the readable videos of a split, such as "320x240"."""
        return [f"{facts.width}x{facts.height}" for _, facts in self._readable(split)]

    def speed(self) -> dict[str, float]:
        """Files opened, and frames decoded, in a second by all workers together; opening and hashing included."""
        read = sum(not facts.error for facts in self.files.values())
        return {
            "videos_per_second": read / self.seconds,
            "frames_per_second": read * self.num_frames / self.seconds,
            "workers": self.workers,
        }

    def metrics(self) -> dict:
        """The numbers of the report as plain values, for a run record; no times, which differ from run to run."""
        result = {"num_frames": self.num_frames, "splits": {}}
        for split, counts in self.counts().items():
            found = self.per_class(split)["found"]
            result["splits"][split] = counts | {
                "classes": len(found),
                "fewest_per_class": int(found.min()),
                "most_per_class": int(found.max()),
                "seconds": _quantiles(self.durations(split)),
                "frames_per_second": _quantiles(self.frame_rates(split)),
                "resolutions": dict(Counter(self.resolutions(split)).most_common(20)),
            }
        return result

    def pictures(self, limit: int = 12) -> tuple[list[np.ndarray], list[str]]:
        """First frames of videos that are too short or duplicated, uint8 (H, W, 3), and their captions."""
        pictures, captions = [], []
        for problem in self.problems:
            if problem.kind in ("too short", "duplicated") and len(pictures) < limit:
                pictures.append(read_frames(problem.path, lambda length: np.zeros(1, np.int64))[0])
                captions.append(f"{problem.kind}: {Path(problem.path).name} ({problem.split}), {problem.reason}")
        return pictures, captions

    def _readable(self, split: str) -> Iterable[tuple[Video, FileFacts]]:
        for video in self.splits[split].videos:
            facts = self.files.get(video.path)
            if facts is not None and not facts.error and _part(video, facts) is not None:
                yield video, facts


def check_data(
    videos: Mapping[str, VideoList], num_frames: int = 8, workers: int = 2, progress: bool = True
) -> DataReport:
    """Open every listed file once, decode a clip of it, and compare what is found with what is listed.

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
    listed = dict.fromkeys(video.path for each in videos.values() for video in each.videos)
    paths = [path for path in listed if path.exists()]
    begin = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        facts = pool.map(partial(examine, num_frames=num_frames), paths)
        label = "checking videos" if progress else None
        files = dict(zip(paths, progress_bar(facts, label, total=len(paths)), strict=True))
    seconds = time.perf_counter() - begin
    return DataReport(videos, files, tuple(_problems(videos, files, num_frames)), num_frames, workers, seconds)


def examine(path: Path, num_frames: int) -> FileFacts:
    """Open a video and decode an evaluation clip of it; an error becomes part of the facts."""
    try:
        video = open_video(path)
        frames = decode_frames(video, path, evaluation_indices(len(video), num_frames))
        height, width = frames.shape[1:3]
        return FileFacts(len(video), video.fps, width, height, _digest(path))
    except VideoError as error:
        return FileFacts(error=error.reason)


def _problems(videos: Mapping[str, VideoList], files: Mapping[Path, FileFacts], num_frames: int) -> list[Problem]:
    found: dict[str, list[Problem]] = {kind: [] for kind in PROBLEMS}
    same: dict[tuple, list[tuple[str, Video]]] = defaultdict(list)

    def note(kind: str, split: str, path: Path | str, label: int, reason: str) -> None:
        found[kind].append(Problem(kind, split, str(path), label, reason))

    for split, each in videos.items():
        for name in each.missing:
            note("missing", split, name, -1, "listed and not there")
        for video in each.videos:
            facts = files.get(video.path)
            part = _part(video, facts) if facts is not None and not facts.error else None
            if facts is None:
                note("missing", split, video.path, video.label, "listed and not there")
            elif part is None:
                reason = facts.error or f"its part from {video.start} s to {video.end} s lies outside of it"
                note("unreadable", split, video.path, video.label, reason)
            else:
                same[facts.digest, video.start, video.end].append((split, video))
                if part[1] - part[0] < num_frames:
                    reason = f"{part[1] - part[0]} frames, fewer than {num_frames}"
                    note("too short", split, video.path, video.label, reason)
    for group in same.values():
        for i, (split, video) in enumerate(group if len(group) > 1 else []):
            others = group[:i] + group[i + 1 :]
            note("duplicated", split, video.path, video.label, _twins(split, video, others, videos))
    return [problem for kind in PROBLEMS for problem in found[kind]]


def _twins(split: str, video: Video, others: list[tuple[str, Video]], videos: Mapping[str, VideoList]) -> str:
    """How a video and the others of the same content differ in file, split and class."""
    where, other = others[0]
    what = "listed again" if other.path == video.path else f"same content as {other.path.name}"
    labels = {videos[each].classes[twin.label] for each, twin in others} - {videos[split].classes[video.label]}
    return "".join(
        [
            what,
            f" in {where}" if where != split else "",
            f", as {', '.join(sorted(labels))}" if labels else "",
            f", {len(others)} times in all" if len(others) > 1 else "",
        ]
    )


def _part(video: Video, facts: FileFacts) -> tuple[int, int] | None:
    """The frames of a readable file that are used, as (first, one after the last); None if there are none."""
    try:
        return part_of(facts.frames, facts.fps, video.start, video.end, video.duration)
    except ValueError:
        return None


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
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _quantiles(values: np.ndarray) -> dict[str, float] | None:
    """Least, median and greatest; None where there are no values."""
    summaries: dict[str, Callable] = {"least": np.min, "median": np.median, "most": np.max}
    return {name: float(summary(values)) for name, summary in summaries.items()} if len(values) else None

"""The data check: what is listed, what is there, what can be read, and what is there twice.

    report = check_data({"train": load_videos(...), "test": load_videos(...)}, num_frames=8, workers=4)
    report.counts(), report.problems, report.metrics()

Every file is opened and a clip of each listed part of it decoded, strictly: what a decoder would conceal is a problem.
Whatever lies under a name, a link that leads nowhere, a pipe, a folder without permission, is a problem as well, and
never an error. Nothing is changed or left out.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from text4vis_core.data.reading import Reading, VideoError
from text4vis_core.data.video import read_frames
from text4vis_core.data.video_list import Video, VideoList
from text4vis_core.processes import progress_bar

from .file_facts import STRICT, FileFacts, Part, examine, is_there, part_in_words, part_of
from .plain import readable
from .prepare.index import IndexedVideos

PROBLEMS = ("missing", "unreadable", "too short", "duplicated", "ignored")
PICTURED = ("too short", "duplicated")
NAMED_TWINS = 3  # in a reason; so many files may be the same that naming all in each would fill pages


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with one listed video, or with a file that lies among them.

    Attributes:
        kind: one of `PROBLEMS`.
        split, file: where it is listed, or left out, and which file or folder it is.
        reason: what is wrong, in words.
        video: as what it is listed; None for a file that is ignored.
    """

    kind: str
    split: str
    file: Path
    reason: str
    video: Video | None = None

    @property
    def path(self) -> str:
        return str(self.file)

    @property
    def label(self) -> int | None:
        return self.video.label if self.video else None

    def row(self) -> dict[str, Any]:
        """As plain values, for a file."""
        part = {name: getattr(self.video, name, None) for name in ("label", "start", "end")}
        return {"kind": self.kind, "split": self.split, "path": self.path, **part, "reason": self.reason}

    def __str__(self) -> str:
        return f"{self.kind}: {readable(self.path)} ({readable(self.split)}): {readable(self.reason, 400)}"


@dataclass(frozen=True)
class DataReport:
    """The outcome of a data check.

    Attributes:
        splits: split -> its videos, as they were given.
        files: path -> what was found out, for everything listed under whose name there is something.
        problems: everything that is wrong, in order of `PROBLEMS`, split and list.
        num_frames: of a clip; a video with fewer frames is too short.
        workers: threads that read.
        seconds: that reading took, on the clock.
        reading: how files were read.
    """

    splits: Mapping[str, VideoList]
    files: Mapping[Path, FileFacts]
    problems: tuple[Problem, ...]
    num_frames: int
    workers: int
    seconds: float
    reading: Reading = STRICT

    def counts(self) -> dict[str, dict[str, int]]:
        """Split -> how many videos are listed, found, and of each problem; a video can have several."""
        rows = {}
        for split, videos in self.splits.items():
            found = Counter(problem.kind for problem in self.problems if problem.split == split)
            listed = len(videos) + len(videos.missing)
            rows[split] = {"listed": listed, "found": listed - found["missing"]} | {k: found[k] for k in PROBLEMS}
        return rows

    def per_class(self, split: str) -> dict[str, np.ndarray]:
        """For a split, "found" and each problem -> int64 (C,): videos by first class. What is ignored has none."""
        videos = self.splits[split]
        present = [video.label for video in videos.videos if video.path in self.files]
        columns = {"found": present} | {
            kind: [p.label for p in self.problems if p.video and (p.kind, p.split) == (kind, split)]
            for kind in PROBLEMS
        }
        return {
            name: np.bincount(np.array(labels, dtype=np.int64), minlength=len(videos.classes))
            for name, labels in columns.items()
        }

    def durations(self, split: str) -> np.ndarray:
        """float64: seconds of the videos of a split, of the parts that are used, where they are known."""
        seconds = (facts.of(video).seconds for video, facts in self._readable(split))
        return np.array([each for each in seconds if each], dtype=float)

    def frame_rates(self, split: str) -> np.ndarray:
        """float64: frames per second of the videos of a split, where known."""
        return np.array([facts.fps for _, facts in self._readable(split) if facts.fps], dtype=float)

    def resolutions(self, split: str) -> list[str]:
        """Width x height of the readable videos of a split, such as "320x240"."""
        return [f"{facts.width}x{facts.height}" for _, facts in self._readable(split)]

    def decoders(self) -> dict[str, int]:
        """Which decoder, with its version, opened how many files."""
        return dict(Counter(facts.decoder for facts in self.files.values() if facts.decoder).most_common())

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
        return {"num_frames": self.num_frames, "decoders": self.decoders(), "splits": splits}

    def sound(self, split: str) -> list[Video]:
        """The videos of a split without any problem."""
        faulty = {problem.video for problem in self.problems if problem.split == split}
        return [video for video in self.splits[split].videos if video not in faulty]

    def pictures(self, limit: int = 12) -> tuple[list[np.ndarray], list[str]]:
        """First frames of videos (of their parts) with a problem of `PICTURED`, uint8 (H, W, 3), and their captions.

        A video that can no longer be read is left out.
        """
        pictures, captions = list[np.ndarray](), list[str]()
        for each in self.problems:
            if len(pictures) == limit:
                break
            if each.kind not in PICTURED or each.video is None:
                continue
            try:
                first = read_frames(each.file, lambda _: np.zeros(1, np.int64), *part_of(each.video), self.reading)
            except VideoError:
                continue
            pictures.append(first[0])
            captions.append(f"{each.kind}: {readable(each.file.name, 60)} ({each.split}), {each.reason}")
        return pictures, captions

    def _readable(self, split: str) -> Iterable[tuple[Video, FileFacts]]:
        for video in self.splits[split].videos:
            facts = self.files.get(video.path)
            if facts is not None and not facts.of(video).error:
                yield video, facts


def check_data(
    videos: Mapping[str, VideoList],
    num_frames: int = 8,
    workers: int = 2,
    progress: bool = True,
    reading: Reading = STRICT,
    every_frame: bool = False,
) -> DataReport:
    """Open every listed file once, decode a clip of each of its parts, and compare what is found with what is listed.

    Args:
        videos: split -> its videos.
        num_frames: frames of the clip; a video with fewer is too short.
        workers: threads that read.
        progress: show a progress bar.
        reading: how files are read. Without `strict` what a decoder conceals is not found.
        every_frame: decode the frames between those of the clips as well, where damage may lie that no clip meets.

    Raises:
        ValueError: num_frames or workers is less than 1.
    """
    if num_frames < 1 or workers < 1:
        raise ValueError(f"num_frames is {num_frames} and workers {workers}; both must be at least 1")
    listed: dict[Path, dict[Part, None]] = defaultdict(dict)  # the parts of a file, each once, in order
    changed: dict[Path, Callable[[], str]] = {}  # of copies that `prepare` made and indexed
    ignored: dict[Path, str] = {}  # file -> the first split that leaves it out
    for split, each in videos.items():
        for place, video in enumerate(each.videos):
            listed[video.path][part_of(video)] = None
            if isinstance(each.videos, IndexedVideos):
                changed[video.path] = partial(each.videos.changed, place, thorough=True)
        for path in each.ignored:
            ignored.setdefault(path, split)
    paths = [path for path in listed if is_there(path)]
    begin = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        facts = pool.map(
            lambda path: examine(path, listed[path], num_frames, changed.get(path), reading, every_frame), paths
        )
        label = "checking videos" if progress else None
        files = dict(zip(paths, progress_bar(facts, label, total=len(paths)), strict=True))
        why = dict(zip(ignored, pool.map(lambda path: _why_ignored(path, num_frames, reading), ignored), strict=True))
    seconds = time.perf_counter() - begin
    problems = _problems(videos, files, num_frames)
    problems += [Problem("ignored", split, path, why[path]) for path, split in ignored.items()]
    return DataReport(videos, files, tuple(problems), num_frames, workers, seconds, reading)


def _why_ignored(path: Path, num_frames: int, reading: Reading) -> str:
    facts = examine(path, [(None, None, None)], num_frames, None, reading)
    error = next((each.error for each in facts.parts.values()), facts.error)
    return f"lies among the videos and is none: {error}" if error else "it can be decoded, and is in no list"


def _problems(videos: Mapping[str, VideoList], files: Mapping[Path, FileFacts], num_frames: int) -> list[Problem]:
    found: dict[str, list[Problem]] = {kind: [] for kind in PROBLEMS}
    same: dict[tuple, list[tuple[str, Video]]] = defaultdict(list)

    def note(kind: str, split: str, video: Video, reason: str) -> None:
        found[kind].append(Problem(kind, split, video.path, reason, video))

    for split, each in videos.items():
        for video in (*each.missing, *(video for video in each.videos if video.path not in files)):
            note("missing", split, video, "listed and not there")
        for video in (video for video in each.videos if video.path in files):
            facts, part = files[video.path], files[video.path].of(video)
            if part.error:
                note("unreadable", split, video, part.error)
                continue
            same[facts.digest, video.start, video.end].append((split, video))
            frames, words = part.stop - part.first, part_in_words(video.start, video.end)
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
    what = "listed again" if other.path == video.path else f"same content as {readable(other.path.name, 60)}"
    mine, its = (
        [videos[name].classes[label] for label in each.all_labels] for name, each in ((split, video), (where, other))
    )
    place = f" in {where}" if where != split else ""
    return what + place + (f", as {readable(' and '.join(its))}" if set(its) != set(mine) else "")


def _quantiles(values: np.ndarray) -> dict[str, float] | None:
    """Least, median and greatest; None where there are no values."""
    if len(values) == 0:
        return None
    return {"least": float(values.min()), "median": float(np.median(values)), "most": float(values.max())}

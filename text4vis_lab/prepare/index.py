"""An index file: the videos of a split as columns, mapped into memory, however many there are.

A video becomes an object when it is asked for and not before; a worker process is given the file's name and shares its
pages. The file is a safetensors file: named arrays and plain text, no code. With this module imported, "prepared" is a
data set of `load_videos`, and its copies are read by `reader.py`.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from text4vis_core.data.formats.readers import FOLDS, READERS
from text4vis_core.data.video_list import AnnotationError, NoValidation, Video, VideoList
from text4vis_core.files import file_digest, first_line, replacing

from . import reader  # noqa: F401  # of the copies that are listed

REMEDY = "call prepare again: what is whole it keeps"
SUFFIX = ".index"
SECONDS = ("start", "end", "duration")
ABSENT = -1  # in the place of a size
FACTS = {"videos": int, "classes": list, "directional": list, "fingerprint": str}  # and "notes", where there are any
LOOKED_AT = 1000  # copies, when an index is opened; the data check looks at all


class Index:
    """The columns of an index file, read only.

    Attributes:
        path: of the file, in whose folder the paths of videos begin.
        about: plain values, as `write_index` wrote them.
        columns: "label" int32 (N,), the first class; "names" uint8 and "name_ends" int64 (N,), paths one after the
            other; "bytes" int64 (N,), the files' sizes, -1 for videos that are not there; "sha256" and "original" uint8
            (N, 16), digests of the files and of what they were made from. Where there are any: "labels" int32 and
            "label_ends" int64 (N,), all classes; "start", "end" and "duration" float64 (N,), NaN for None.
        digest: of all that.

    Args:
        path: of the file; an `AnnotationError` when it is damaged, or has another digest.
        digest: that the file is known to have, which is then not computed again.
    """

    def __init__(self, path: str | Path, digest: str | None = None):
        self.path = Path(path)
        try:
            with safe_open(self.path, framework="pt") as file:  # torch maps the file, where numpy's way copies it
                self.columns = {name: file.get_tensor(name).numpy() for name in file.keys()}  # noqa: SIM118
                self.digest, about = json.loads(file.metadata()["index"])
            if digest is None and self.digest != digest_of(self.columns, about):
                raise ValueError("it does not hold what was written")
            self.about = json.loads(about)
            self._check()
        except OSError as error:
            raise AnnotationError(f"{path}: the index cannot be read ({error.strerror}); {REMEDY}") from error
        except Exception as error:  # safetensors has exceptions of its own
            reason = f"the index is damaged ({first_line(error)[:200]})"
            raise AnnotationError(f"{path}: {reason}; delete it and {REMEDY}") from error
        if digest not in (None, self.digest):
            raise AnnotationError(f"{path}: the index was written anew while it was in use; start again")

    def _check(self) -> None:
        """Raise a ValueError that names the field, if columns or facts are not what they must be."""
        facts = self.about if isinstance(self.about, dict) else {}
        for name, kind in FACTS.items():
            if not isinstance(facts.get(name), kind):
                raise ValueError(f"field {name!r} is not a {kind.__name__}")
        rows, videos = len(self.columns.get("label", ())), facts["videos"]
        ends = {"names": "name_ends"} | ({"labels": "label_ends"} if "labels" in self.columns else {})
        for name in ("label", *ends.values(), "bytes", *(name for name in SECONDS if name in self.columns)):
            if name not in self.columns or self.columns[name].shape != (rows,):
                raise ValueError(f"field {name!r} has not a value for each row")
        for name, end in ends.items():
            if name not in self.columns or (np.diff(self.columns[end], prepend=0) < 0).any():
                raise ValueError(f"field {end!r} does not grow")
            if rows and self.columns[end][-1] != len(self.columns[name]):
                raise ValueError(f"field {end!r} ends elsewhere than {name!r}")
        for name in ("label", *(name for name in ("labels",) if name in self.columns)):
            if ((self.columns[name] < 0) | (self.columns[name] >= len(facts["classes"]))).any():
                raise ValueError(f"field {name!r} holds a class that there is not")
        if not 0 <= videos <= rows:
            raise ValueError("field 'videos' is more than there are rows")

    def __reduce__(self):
        return Index, (self.path, self.digest)

    def __len__(self) -> int:
        return len(self.columns["label"])

    def file(self, row: int) -> Path:
        """Where a row's video lies."""
        begin, end = self._span("name_ends", row)
        return self.path.parent / self.columns["names"][begin:end].tobytes().decode("utf-8", "surrogateescape")

    def video(self, row: int, mapping: np.ndarray | None = None) -> Video:
        """A row as an object; `mapping` from class to class, or to -1 for those that are left out."""
        label, labels = int(self.columns["label"][row]), ()
        if "labels" in self.columns:
            begin, end = self._span("label_ends", row)
            labels = tuple(self.columns["labels"][begin:end].tolist())
        if mapping is not None:
            kept = tuple(int(mapping[each]) for each in labels or (label,) if mapping[each] >= 0)
            label, labels = kept[0], kept if labels else ()
        seconds = {name: float(self.columns[name][row]) for name in SECONDS if name in self.columns}
        return Video(self.file(row), label, labels, **{k: None if np.isnan(v) else v for k, v in seconds.items()})

    def _span(self, ends: str, row: int) -> tuple[int, int]:
        return (int(self.columns[ends][row - 1]) if row else 0), int(self.columns[ends][row])


class IndexedVideos(Sequence):
    """Rows of an index, as the `Video` objects of a `VideoList`.

    Args:
        source: the index that they are in.
        rows: int64 (N,): which, in which order.
        mapping: int64 (C,): the class that each class of the index has become, -1 for one that is left out; None where
            they stayed as they are. Every row has one that is not left out.
    """

    def __init__(self, source: Index, rows: np.ndarray, mapping: np.ndarray | None = None):
        self.source, self.rows, self.mapping = source, rows, mapping

    def __reduce__(self):
        return IndexedVideos, (self.source, self.rows, self.mapping)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place):
        if isinstance(place, slice):
            return self.take(self.rows[place], of_index=True)
        return self.source.video(int(self.rows[place]), self.mapping)

    def __iter__(self) -> Iterator[Video]:
        return (self.source.video(row, self.mapping) for row in self.rows.tolist())

    def __eq__(self, other) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(mine == its for mine, its in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __add__(self, other: Sequence[Video]) -> tuple[Video, ...]:
        return *self, *other

    def __repr__(self) -> str:
        return f"<{len(self)} videos of {self.source.path}>"

    def take(self, places: np.ndarray, of_index: bool = False) -> "IndexedVideos":
        """Videos by their places here, or by their rows in the index."""
        rows = np.asarray(places, dtype=np.int64)
        return IndexedVideos(self.source, rows if of_index else self.rows[rows], self.mapping)

    @property
    def sizes(self) -> np.ndarray:
        """int64 (N,): bytes of each file as it was written."""
        return self.source.columns["bytes"][self.rows]

    def fingerprint(self, classes: Sequence[str]) -> str | None:
        """Of a list of all these videos as they were indexed; None where they are others, or other classes."""
        about = self.source.about
        whole = self.mapping is None and np.array_equal(self.rows, np.arange(about["videos"]))
        return about["fingerprint"] if whole and list(classes) == about["classes"] else None

    @property
    def multi_label(self) -> bool:
        """Whether a video may have several classes."""
        if "labels" not in self.source.columns:
            return False
        ends = self.source.columns["label_ends"]
        return bool((np.diff(ends, prepend=0)[self.rows] > 0).any())

    @property
    def labels(self) -> np.ndarray:
        """int64 (N,): the first class of each."""
        if self.mapping is None:
            return self.source.columns["label"][self.rows].astype(np.int64)
        places, classes = self.all_labels()
        return classes[np.unique(places, return_index=True)[1]]

    def all_labels(self, mapping: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """int64 (K,) places and (K,) classes: every class of every video, in order; by another mapping if given."""
        columns, mapping = self.source.columns, self.mapping if mapping is None else mapping
        places, classes = np.arange(len(self)), columns["label"][self.rows].astype(np.int64)
        if "labels" in columns:
            counts = np.diff(columns["label_ends"], prepend=0)[self.rows]
            first, several = columns["label_ends"][self.rows] - counts, counts > 0
            counts = np.maximum(counts, 1)
            places = places.repeat(counts)
            within = np.arange(len(places)) - (counts.cumsum() - counts).repeat(counts)
            flat = np.where(several[places], first[places] + within, 0)
            classes = np.where(several[places], columns["labels"][flat], classes[places]).astype(np.int64)
        if mapping is not None:
            classes = mapping[classes]
            places, classes = places[classes >= 0], classes[classes >= 0]
        return places, classes

    def renumbered(self, new: Mapping[int, int]) -> "IndexedVideos":
        """The videos that have a class in `new`, with the classes that it gives."""
        mapping = np.arange(len(self.source.about["classes"])) if self.mapping is None else self.mapping
        mapping = np.array([new.get(each, -1) for each in mapping.tolist()], dtype=np.int64)
        places, _ = self.all_labels(mapping)
        return IndexedVideos(self.source, self.rows[np.unique(places)], mapping)

    def with_any(self, ids: Iterable[int]) -> "IndexedVideos":
        """The videos that have one of these classes."""
        places, classes = self.all_labels()
        return self.take(np.unique(places[np.isin(classes, list(ids))]))

    def changed(self, place: int, thorough: bool = False) -> str:
        """Why a file is not what was written, from its size or all of its content; empty where it is."""
        row = int(self.rows[place])
        file, written = self.source.file(row), int(self.source.columns["bytes"][row])
        try:
            found = file.stat().st_size
            if found != written:
                return f"it has {found} bytes, {written} were written; {REMEDY}"
            if thorough and file_digest(file)[:32] != self.source.columns["sha256"][row].tobytes().hex():
                return "its content is not what was written; delete it and call prepare again"
        except OSError as error:
            return f"it cannot be read ({error.strerror}); {REMEDY}"
        return ""


def index_path(folder: str | Path, split: str, fold: int = 1) -> Path:
    """Where a split's index lies."""
    return Path(folder, f"{split}-{fold}{SUFFIX}")


def read_prepared(root: str | Path, split: str, fold: int = 1, missing: str = "error") -> VideoList:
    """A data set that `prepare` copied: `root/<split>-<fold>.index`. Its videos are objects only while they are used.

    `missing="report"` looks whether every copy is there; "error" looks at the sizes of a thousand of them. The data
    check looks at all of their content. What could not be copied, or was missing then, is missing here.
    """
    path = index_path(root, split, fold)
    if not path.is_file():
        others = sorted(each.name.removesuffix(SUFFIX) for each in Path(root).glob(f"*{SUFFIX}"))
        known = f"there are {', '.join(others)}" if others else "there is none"
        kind, other = (NoValidation, "set val_share") if split == "val" else (AnnotationError, "correct data_root")
        raise kind(f"{path}: no such index; {known}: prepare that split (notebook 12), or {other}")
    index = Index(path)
    rows = np.arange(len(index))
    there = rows < index.about["videos"]
    videos = IndexedVideos(index, rows[there])
    if missing == "report":
        there[: len(videos)] = [index.file(row).is_file() for row in range(len(videos))]
    else:
        some = np.linspace(0, len(videos) - 1, min(len(videos), LOOKED_AT)).astype(int)
        for place in some.tolist():
            reason = videos.changed(place)
            if reason:
                raise AnnotationError(f"{index.file(place)}: {reason}")
    return VideoList(
        tuple(index.about["classes"]),
        videos.take(rows[there]),
        IndexedVideos(index, rows[~there]),
        frozenset(index.about["directional"]),
        tuple(index.about.get("notes", ())),
        sources=(path,),
    )


def write_index(path: Path, videos: VideoList, copies: Mapping[Path, Mapping], about: Mapping) -> None:
    """Write a list, what is `missing` too, as an index file in the folder below which all videos lie; atomically.

    `copies`: path of each video -> its "bytes", "sha256" and "digest" (of what it was made from), as hex. `about`: more
    plain values.
    """
    rows, there = [*videos.videos, *videos.missing], [copies[video.path] for video in videos.videos]
    absent = len(videos.missing)
    names = [str(video.path.relative_to(path.parent)).encode("utf-8", "surrogateescape") for video in rows]
    columns: dict[str, np.ndarray] = {
        "label": np.array([video.label for video in rows], dtype=np.int32),
        "names": np.frombuffer(b"".join(names), dtype=np.uint8).copy(),
        "name_ends": np.cumsum([len(name) for name in names], dtype=np.int64),
        "bytes": np.array([each["bytes"] for each in there] + [ABSENT] * absent, dtype=np.int64),
        "sha256": _digests([each["sha256"] for each in there], absent),
        "original": _digests([each["digest"] for each in there], absent),
    }
    if any(video.labels for video in rows):
        columns["labels"] = np.array([label for video in rows for label in video.labels], dtype=np.int32)
        columns["label_ends"] = np.cumsum([len(video.labels) for video in rows], dtype=np.int64)
    for name in SECONDS:
        values = [getattr(video, name) for video in rows]
        if any(value is not None for value in values):
            columns[name] = np.array(values, dtype=np.float64)  # None becomes NaN
    facts = {"videos": len(videos.videos), "classes": videos.classes, "directional": sorted(videos.directional)}
    text = json.dumps(facts | {"fingerprint": videos.fingerprint(), "notes": videos.notes} | dict(about))
    with replacing(path) as temporary:
        tensors = {name: torch.from_numpy(column) for name, column in columns.items()}
        # One entry: of several the file would have now the one first, now the other.
        save_file(tensors, temporary, {"index": json.dumps([digest_of(columns, text), text])})


def digest_of(columns: Mapping[str, np.ndarray], about: str) -> str:
    """SHA-256 of an index's columns and plain values."""
    digest = hashlib.sha256(about.encode())
    for name in sorted(columns):
        digest.update(f"{name} {columns[name].dtype} {columns[name].shape}".encode())
        digest.update(np.ascontiguousarray(columns[name]).data)
    return digest.hexdigest()


def _digests(texts: Sequence[str], absent: int) -> np.ndarray:
    """uint8 (N, 16), zeros for those that are absent."""
    return np.frombuffer(bytes.fromhex("".join(texts)) + bytes(16 * absent), dtype=np.uint8).reshape(-1, 16).copy()


READERS["prepared"], FOLDS["prepared"] = read_prepared, 99

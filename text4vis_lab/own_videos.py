"""A folder of one's own videos, however they lie in it: recognised by a rule that is told in a sentence.

    own = recognise("~/my_videos", labels=["cooking", "dancing"])
    own.sentence, own.passed_over             what was found, and which files are none
    own.train, own.test                       labelled videos, divided as the folders say, or by recordings

Layouts, in the order in which they are looked for: folders of splits (`train/cooking/a.mp4`, `test/...`), folders of
classes (`cooking/a.mp4`), folders in folders (`cooking/monday/a.mp4` or `monday/cooking/a.mp4`), and videos alone,
which have no labels. A video is a file, or a folder of nothing but pictures. As the data set "own" such a folder is
read by every notebook.
"""

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from text4vis_core.data.formats._annotations import NO_TEXT
from text4vis_core.data.formats._places import UNFINISHED, existing_root, visible
from text4vis_core.data.formats.readers import READERS, VALIDATION, load_videos
from text4vis_core.data.reading import PICTURE_SUFFIXES
from text4vis_core.data.video_list import AnnotationError, NoValidation, Video, VideoList
from text4vis_core.model.labels import as_words

from .groups import group_name
from .naming import checked_names
from .plain import readable
from .video_files import find_videos

DATASET = "own"
SPLIT_WORDS = {"train": "train", "training": "train", "test": "test", "testing": "test"} | dict.fromkeys(
    VALIDATION, "val"
)
UNLABELLED = "without a label"  # the one class of videos that have none
SHARE = 0.25  # of a class's recordings that are tested, where nobody has divided them
RULE = (
    "videos whose names are the same up to the number of a clip (a_clip1, a_clip2; g01_c01, g01_c02), or that lie in "
    "one folder below their class, are of one recording and stay together, each other video is one of its own; a "
    "quarter of each class's recordings, one at least, is tested, those that come first by a digest of their names"
)


@dataclass(frozen=True)
class OwnVideo:
    """One video of the folder.

    Attributes:
        path: a file, or a folder of frames.
        label: its class, from 0; None where its place does not tell.
        group: its recording.
        split: "train", "val", "test", or "" where the folders do not tell.
    """

    path: Path
    label: int | None
    group: str
    split: str = ""


@dataclass(frozen=True)
class OwnVideos:
    """What lies in a folder.

    Attributes:
        folder: as it was given.
        layout: in words, such as "folders of classes".
        classes: names of folders, or the labels that were given; in the order of the labels of the videos.
        videos: all, sorted by path.
        passed_over: (path, why) of visible files that are none.
    """

    folder: Path
    layout: str
    classes: tuple[str, ...]
    videos: tuple[OwnVideo, ...]
    passed_over: tuple[tuple[Path, str], ...]

    @property
    def labelled(self) -> tuple[OwnVideo, ...]:
        """Those whose place tells their class."""
        return tuple(video for video in self.videos if video.label is not None)

    @property
    def names(self) -> list[str]:
        """The classes as words: `PlayingGuitar` and `playing_guitar` are "playing guitar"."""
        return [as_words(name) for name in self.classes]

    @property
    def sentence(self) -> str:
        """What was found."""
        count, bare = len(self.videos), len(self.videos) - len(self.labelled)
        found = f"{readable(self.folder)} holds {count} video{'s' * (count != 1)}: {self.layout}"
        if self.labelled:
            found += f", {len(self.classes)} classes ({_some(self.names)})"
            lie = "has no label, for it lies" if bare == 1 else "have no label, for they lie"
            found += f"; {bare} {lie} beside the folders" if bare else ""
        elif self.classes:
            found += f", to be told apart as {_some(self.names)}"
        return f"{found}. {told_of(self.passed_over)}"

    @cached_property
    def _tested(self) -> frozenset[Path]:
        """Videos that are tested."""
        splits = {video.split for video in self.labelled}
        if "train" in splits:
            last = "test" if "test" in splits else "val"
            return frozenset(video.path for video in self.labelled if video.split == last)
        of_class: dict[int, set[str]] = defaultdict(set)
        classes_of: dict[str, set[int]] = defaultdict(set)
        for video in self.labelled:
            assert video.label is not None
            of_class[video.label].add(video.group)
            classes_of[video.group].add(video.label)
        left, held = {label: len(groups) for label, groups in of_class.items()}, set[str]()
        for label in sorted(of_class):
            wanted = min(max(1, int(SHARE * len(of_class[label]))), len(of_class[label]) - 1)
            for group in sorted(of_class[label], key=_rank):
                if len(of_class[label]) - left[label] >= wanted:
                    break
                if group not in held and all(left[each] > 1 for each in classes_of[group]):
                    held.add(group)
                    for each in classes_of[group]:
                        left[each] -= 1
        return frozenset(video.path for video in self.labelled if video.group in held)

    @property
    def train(self) -> VideoList:
        """Labelled videos for training: the folder's own, or the recordings that are not tested."""
        return self._list(v for v in self.labelled if v.path not in self._tested and v.split in ("", "train"))

    @property
    def test(self) -> VideoList:
        """Labelled videos for the test."""
        return self._list(v for v in self.labelled if v.path in self._tested)

    @property
    def all(self) -> VideoList:
        """Every video; one without a label counts as one of the first class, `UNLABELLED` where there is no class."""
        return self._list(self.videos)

    @property
    def division(self) -> str:
        """How training and test videos were divided; or why few-shot training is left out."""
        if reason := self.too_few:
            return reason
        train, test = self.train, self.test
        counts = f"{len(train)} videos for training, {len(test)} for the test"
        if any(video.split for video in self.labelled):
            return f"Divided as the folders say: {counts}."
        groups = [
            len({video.group for video in self.labelled if (video.path in self._tested) is tested})
            for tested in (False, True)
        ]
        return f"Nobody has divided them, so {RULE}: {counts}, {groups[0]} and {groups[1]} recordings."

    @property
    def too_few(self) -> str:
        """Why nothing can be trained and tested; empty where it can."""
        if not self.labelled:
            remedy = "put them into folders that are called as what they show"
            return f"These videos have no labels, so nothing is trained: {remedy}."
        for split, videos in (("training", self.train), ("the test", self.test)):
            lacking = [self.names[i] for i in range(len(self.classes)) if i not in set(videos.labels.tolist())]
            if lacking:
                remedy = "add videos of other recordings, or make folders train and test"
                return f"No video of {_some(lacking)} is left for {split}, so nothing is trained: {remedy}."
        return "There is one class, so nothing is trained: add another." if len(self.classes) < 2 else ""

    def _list(self, videos: Iterable[OwnVideo]) -> VideoList:
        found = tuple(Video(video.path, video.label or 0) for video in videos)
        return VideoList(self.classes or (UNLABELLED,), found, ignored=tuple(path for path, _ in self.passed_over))


def recognise(folder: str | Path, labels: Sequence[str] = ()) -> OwnVideos:
    """What lies in a folder, read by the rule of this module.

    Args:
        folder: anywhere; `~` is the home.
        labels: names to choose between, for videos without labels; of folders of classes these are the names.

    Raises:
        AnnotationError: there is no such folder, no video in it, or two folders of classes have one name.
        ValueError: labels that cannot be, see `naming.checked_names`; or that the folder has already.
    """
    root = existing_root(Path(folder).expanduser(), "give the folder that holds your videos, or ")
    names = checked_names("labels", labels) if labels else []
    paths = [path for path in find_videos([root]) if path != root]
    if not paths:
        held = ", ".join(sorted({path.suffix or path.name for path in visible(root)})[:6]) or "nothing"
        raise AnnotationError(f"{root}: there is no video in it or below it ({held}); give the folder that holds them")
    placed, layout, beside = _placed([(path, path.relative_to(root).parts[:-1]) for path in paths])
    classes = tuple(sorted({name for _, _, name, _ in placed if name}))
    _check_folders(root, classes)
    if classes and names:
        remedy = "leave labels empty, or give a folder without them"
        raise ValueError(f"parameter labels: {root} has folders of classes already ({_some(classes)}): {remedy}")
    videos = tuple(
        OwnVideo(path, classes.index(name) if name else None, group, split) for path, split, name, group in placed
    )
    passed = [(path, "as they lie beside the folders of splits") for path in beside] + no_videos(root, set(paths))
    return OwnVideos(root, layout, classes or tuple(names), videos, tuple(passed))


Placed = tuple[Path, str, str, str]  # path, split, class's folder or "", group


def _placed(paths: list[tuple[Path, tuple[str, ...]]]) -> tuple[list[Placed], str, list[Path]]:
    """Where each video belongs; the layout in words; and what lies beside folders of splits."""
    while len({parts[:1] for _, parts in paths}) == 1 and paths[0][1]:  # a folder around all of them
        paths = [(path, parts[1:]) for path, parts in paths]
    if all(len(parts) > 1 and parts[1].lower() in SPLIT_WORDS for _, parts in paths):  # cooking/train/a.mp4
        paths = [(path, (parts[1], parts[0], *parts[2:])) for path, parts in paths]
    splits = {SPLIT_WORDS.get(parts[0].lower(), "") for _, parts in paths if parts}
    divided = "train" in splits and bool(splits & {"test", "val"})
    beside = [path for path, parts in paths if divided and not (parts and parts[0].lower() in SPLIT_WORDS)]
    kept = [(path, parts) for path, parts in paths if path not in set(beside)]
    given = {path: SPLIT_WORDS[parts[0].lower()] if divided else "" for path, parts in kept}
    below = [(path, parts[1:] if divided else parts) for path, parts in kept]
    tops: dict[str, set[str]] = defaultdict(set)
    deep = [parts for _, parts in below if len(parts) > 1]
    for parts in deep:
        tops[parts[-1]].add(parts[0])
    lowest = bool(deep) and 2 * sum(len(tops[parts[-1]]) > 1 for parts in deep) > len(deep)
    placed = list[Placed]()
    for path, parts in below:
        name = parts[-1 if lowest and len(parts) > 1 else 0] if parts else ""
        others = [part for part in parts if part != name]
        group = "/".join([name, *others]) if others and not lowest else group_name(DATASET, path.as_posix())
        placed.append((path, given[path], name, group))
    layout = "folders of classes" if any(name for _, _, name, _ in placed) else "no folders of classes"
    if deep:
        layout = f"folders in folders, of which the {'lowest' if lowest else 'upper'} are the classes"
    return placed, f"{layout}, in folders of splits" if divided else layout, beside


def _check_folders(root: Path, names: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        if NO_TEXT.search(name):
            raise AnnotationError(f"{root}: the folder {name!r} has a name that is not UTF-8; rename it")
        if not as_words(name):
            raise AnnotationError(f"{root}: the folder {name!r} has no word in its name; rename it as what it shows")
        other = seen.setdefault(as_words(name), name)
        if other != name:
            raise AnnotationError(f"{root}: {other!r} and {name!r} are both {as_words(name)!r}; merge the two folders")


def told_of(passed_over: Sequence[tuple[Path, str]]) -> str:
    """How many files are passed over and why, with the name of the first; of `no_videos`."""
    if not passed_over:
        return "Nothing is passed over."
    kinds = Counter(why for _, why in passed_over)
    named = "; ".join(f"{number} passed over, {why}" for why, number in kinds.items())
    return f"{named} (the first: {readable(passed_over[0][0].name)})."


def no_videos(root: Path, videos: Collection[Path]) -> list[tuple[Path, str]]:
    """Visible files below a folder that are none of its videos, and why."""
    found = []
    for at, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name[0] != "." and Path(at, name) not in videos)
        for path in (Path(at, name) for name in sorted(files) if name[0] != "."):
            suffix = path.suffix.lower()
            if path not in videos:
                unfinished = "as unfinished downloads" if suffix in UNFINISHED else "as no videos"
                found.append((path, "as pictures" if suffix in PICTURE_SUFFIXES else unfinished))
    return sorted(found, key=lambda pair: pair[1] == "as pictures")


def _rank(name: str) -> tuple[bytes, str]:
    """The folder that a copy lies in does not matter."""
    return hashlib.sha256(Path(name).name.encode("utf-8", "surrogateescape")).digest(), name


def _some(names: Sequence[str], most: int = 6) -> str:
    shown = ", ".join(readable(name, 40) for name in names[:most])
    return f"{shown}, and {len(names) - most} more" if len(names) > most else shown


def _read(root: str | Path, split: str, fold: int = 1, missing: str = "error") -> VideoList:
    """The data set "own"."""
    own = recognise(root)
    if split == "val":
        raise NoValidation(f"{root}: no validation videos of its own; set val_share, to hold training videos out")
    if split == "all":
        return replace(own._list(own.labelled or own.videos), notes=(own.sentence,))
    if own.too_few:
        raise AnnotationError(f"{root}: {own.too_few}")
    return replace(own.train if split == "train" else own.test, notes=(own.sentence, own.division))


READERS[DATASET] = _read


def load(dataset: str, root: Path, *where: Any) -> VideoList:
    """`load_videos`; the error of a folder that is refused as class folders says when "own" reads it.

    Args:
        dataset, root, where: as of `load_videos`.

    Raises:
        ValueError: as `load_videos`.
    """
    try:
        return load_videos(dataset, root, *where)
    except AnnotationError as error:
        found = ""
        if dataset == "folders" and not isinstance(error, NoValidation):
            with suppress(ValueError, OSError):
                found = recognise(root).sentence
        if not found:
            raise
        raise AnnotationError(f"{error}; or set dataset to {DATASET}, which reads it: {found}") from error

"""Reader of class folders: one per class in `train` and `test`, or one per class, whose files are split."""

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from random import Random

from ...model.labels import as_words
from ..probe import PICTURE_SUFFIXES, VIDEO_SUFFIXES
from ..video_list import AnnotationError, Video, VideoList, shown
from ._annotations import complete
from ._places import NONE, Lists, Root, existing_root, given, holds_video, stem_of, visible

SEED = 0  # of the split that is made where there is none


def read_class_folders(root: Root, split: str, fold: int = 1, missing: str = "error", lists: Lists = NONE) -> VideoList:
    """`root/<split>/<class>/<video>`; a video is a file or a folder of frames. Classes in alphabetical order.

    The classes are those of all splits together, so that a label means the same in each. Where there are no splits but
    `root/<class>/<video>`, they are made: see `_split`. Files that are no videos are `ignored`; links that are called
    as a video is and lead nowhere are missing.
    """
    root = existing_root(root)
    places = {part: given(root, lists, part, os.path.isdir) or root / part for part in ("train", "test")}
    whole = not any(map(os.path.isdir, places.values()))
    parts = ("train", "test") if split == "all" else (split,)
    folders = [root] if whole else [existing_root(places[part], f"add it, set {part}_list, or ") for part in parts]
    inside = [path for each in ([root] if whole else places.values()) for path in visible(each) if path.is_dir()]
    names = tuple(sorted({path.name for path in inside}))
    if not names:
        raise AnnotationError(f"{folders[0]}: no class folders in it; expected {folders[0]}/<class>/<video>")
    for i, name in enumerate(names):
        if shown(name) != name:
            raise AnnotationError(f"{root}: the class folder {shown(name)!r} has a name that is not UTF-8; rename it")
        other = next((other for other in names[:i] if as_words(other) == as_words(name)), None)
        if other is not None:
            raise AnnotationError(f"{root}: {other!r} and {name!r} are both {as_words(name)!r}; merge the two folders")
    videos, gone, notes = list[Video](), list[Video](), list[str]()
    ignored = [] if whole else [path for path in visible(root) if path.is_dir() and path not in places.values()]
    for folder in folders:
        before = len(videos), len(gone)
        ignored += [path for path in visible(folder) if not path.is_dir()]
        for label, name in enumerate(names):
            for path in visible(folder / name):
                if holds_video(path):
                    _check_frames(path, f"{folder}/<class>/<video>")
                    videos.append(Video(path, label))
                elif path.suffix.lower() in VIDEO_SUFFIXES and path.is_symlink() and not os.path.exists(path):
                    gone.append(Video(path, label))
                else:
                    ignored.append(path)
        complete(VideoList(names, tuple(videos[before[0] :]), tuple(gone[before[1] :])), folder)
    ignored = [path for path in ignored if path.suffix.lower() not in PICTURE_SUFFIXES]
    if whole and split != "all":
        test, rule = _split(root, names, videos + gone)
        videos, gone = ([v for v in each if (v.path in test) == (split == "test")] for each in (videos, gone))
        notes.append(rule)
    if ignored:
        named = ", ".join(str(path.relative_to(root)) for path in ignored[:5]) + ", …" * (len(ignored) > 5)
        notes.append(shown(f"{root}: passed over as no videos: {named} ({len(ignored)} in all)."))
    return VideoList(names, tuple(videos), tuple(gone), notes=tuple(notes), ignored=tuple(ignored))


def _split(root: Path, names: Sequence[str], videos: Sequence[Video]) -> tuple[set[Path], str]:
    """The test videos of class folders without splits, and the rule: files with one name up to their last number stay
    together, as clips of one recording do, and a quarter of a class's groups, one at least, is drawn for testing.
    """
    groups: list[dict[str, list[Path]]] = [defaultdict(list) for _ in names]
    for video in videos:
        stem = stem_of(video.path.name)
        match = re.fullmatch(r"(.*?)[0-9]+[^0-9]*", stem, re.DOTALL)
        groups[video.label][match[1] if match else stem].append(video.path)
    test = list[list[Path]]()
    for name, mine in zip(names, groups, strict=True):
        if len(mine) == 1:
            reason = f"up to their last number all files are called {min(mine)!r}, as clips of one recording"
            remedy = "make folders train and test, rename them (a_1.mp4, b_1.mp4), or use split=all"
            raise AnnotationError(f"{root / name}: {reason}, which are not divided between training and test; {remedy}")
        test += [mine[group] for group in Random(f"{SEED} {name}").sample(sorted(mine), max(1, len(mine) // 4))]
    paths = {path for group in test for path in group}
    rest = f"{len(videos) - len(paths)} in {sum(map(len, groups)) - len(test)} for training"
    rule = "files of a class are grouped by what precedes the last number in their names, and a quarter of the groups"
    drawn = f"(one at least) is drawn for testing by seed {SEED}: {len(paths)} videos in {len(test)} groups; {rest}."
    return paths, f"{root} has no folders train and test: {rule} {drawn}"


def _check_frames(folder: Path, expected: str) -> None:
    """A folder where a video is expected holds pictures, if anything."""
    name = ""
    for name in os.listdir(folder) if folder.is_dir() else ():
        if name.lower().endswith(PICTURE_SUFFIXES):
            return
    if name:
        remedy = f"expected {expected}, one folder less, or folders of splits that train_list and test_list name"
        raise AnnotationError(f"{folder}: holds {name} and no frames; {remedy}")

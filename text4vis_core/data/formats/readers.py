"""Annotation readers, one per public format: UCF101, HMDB51, class folders, Something-Something; and the table of all.

A reader returns a `VideoList`: class names and labelled paths, every path checked. A new data set is one reader and one
line in `READERS`.
"""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

from ...model.labels import as_words, directional
from ..reading import PICTURE_SUFFIXES, VIDEO_SUFFIXES
from ..video_list import AnnotationError, Video, VideoList
from . import _annotations
from ._annotations import NO_TEXT, NONE, Lists, complete, fault, find, find_all, given, is_number, read_json, read_lines
from ._frame_lists import read_tsn
from ._places import Known, Root, existing_root, folders_of, holds_video, locate, parts_of, stem_of, video_at, visible
from ._untrimmed import read_activitynet, read_charades
from .kinetics import read_kinetics, read_kinetics400, read_kinetics600_zero_shot

SPLITS = ("train", "val", "test", "all")  # "all" is every video: what the release's zero-shot figures are over
VALIDATION = ("val", "validation", "valid")  # class folders' folder of that split
MISSING = ("error", "report")  # what happens where a listed video is not there
SEED = 0  # of the split of class folders that have none
HMDB51_CODES = {"train": "1", "test": "2", "all": "012"}  # 0: in neither


def read_ucf101(root: Root, split: str, fold: int = 1, missing: str = "error", lists: Lists = NONE) -> VideoList:
    """UCF101's layout: class folders of videos, and `classInd.txt`, `trainlist01.txt`, `testlist01.txt`.

    "val" is `vallist01.txt`, where it is there; UCF101 itself has none. The annotation files lie in `root` or in a
    folder of it (`ucfTrainTestlist`, `annotations`), the class folders in `root` or in another (`UCF-101`, `videos`).
    """
    root = existing_root(root)
    index = find(root, "classInd.txt")
    classes: dict[int, str] = {}
    for number, line in read_lines(index):
        fields = line.split()
        if len(fields) != 2 or not is_number(fields[0]):
            raise fault(index, number, "expected 'ID NAME', such as '1 ApplyEyeMakeup'; correct the line", line)
        if int(fields[0]) in classes or fields[1] in classes.values():
            what = f"class id {fields[0]}" if int(fields[0]) in classes else f"class {fields[1]}"
            raise fault(index, number, f"{what} occurs twice; remove the line or renumber it", line)
        classes[int(fields[0])] = fields[1]
    if sorted(classes) != list(range(1, len(classes) + 1)):
        raise AnnotationError(f"{index}: class ids must be 1 to {len(classes)}, each once; renumber them")
    names = tuple(classes[i] for i in sorted(classes))
    ids = {name: i for i, name in enumerate(names)}

    base, known = _base(root, names), Known()
    videos, gone = list[Video](), list[Video]()
    own = {*find_all(root, f"vallist{fold:02d}.txt")} - {given(root, lists, "test")}
    parts = parts_of(split, root, own=bool(own))
    for listing in (given(root, lists, part) or find(root, f"{part}list{fold:02d}.txt") for part in parts):
        for number, line in read_lines(listing):
            fields = [line] if line.lower().endswith(VIDEO_SUFFIXES) else line.rsplit(maxsplit=1)
            name, _, file = (fields[0] if "/" in line else fields[0].replace("\\", "/")).partition("/")
            label, reason = fields[1] if len(fields) > 1 else str(ids.get(name, -1) + 1), ""
            if " " in Path(file).suffix or not file:
                reason = "expected 'CLASS/FILE' or 'CLASS/FILE LABEL', two fields at most; correct the line"
            elif name not in ids:
                reason = f"class {name!r} is not in {index.name}; correct it, or add the class there"
            elif not is_number(label) or not 1 <= int(label) <= len(names):
                reason = f"label {label} is not between 1 and {len(names)}; correct it"
            elif int(label) != ids[name] + 1:
                reason = f"label {label} is not that of {name}, {ids[name] + 1} in {index.name}; correct one"
            if reason:
                raise fault(listing, number, reason, line)
            path = video_at(base / name / file, known)
            if path is None and missing == "error":
                raise fault(listing, number, f"no such video {base / name / file}; fetch it or remove the line", line)
            (videos if path else gone).append(Video(path or base / name / file, ids[name]))
        complete(names, videos + gone, listing)
    return VideoList(names, tuple(videos), tuple(gone))


def read_hmdb51(root: str | Path, split: str, fold: int = 1, missing: str = "error") -> VideoList:
    """HMDB51: class folders of videos, and a file `<class>_test_split<fold>.txt` per class.

    Its lines are `<file> <code>`: 1 for training, 2 for test, 0 for neither; "all" is every video. The files lie in
    `root` or in a folder of it (`testTrainMulti_7030_splits`), as do the class folders.
    """
    root = existing_root(root)
    suffix = f"_test_split{fold}.txt"
    listings = {path.name.removesuffix(suffix): path for path in find_all(root, f"*{suffix}")}
    names = tuple(sorted(listings))
    if not names:
        find(root, f"<class>{suffix}")  # says that there is none
    base, known = _base(root, names), Known()
    videos, gone = list[Video](), list[Video]()
    for label, name in enumerate(names):
        listing, before = listings[name], len(videos) + len(gone)
        for number, line in read_lines(listing):
            fields = line.rsplit(maxsplit=1)
            if len(fields) != 2 or fields[1] not in ("0", "1", "2"):
                raise fault(listing, number, "expected 'FILE CODE' with code 0, 1 or 2; correct the line", line)
            if fields[1] not in HMDB51_CODES[split]:
                continue
            path = video_at(base / name / fields[0], known)
            if path is None and missing == "error":
                reason = f"no such video {base / name / fields[0]}; unpack {name}.rar, or remove the line"
                raise fault(listing, number, reason, line)
            (videos if path else gone).append(Video(path or base / name / fields[0], label))
        if len(videos) + len(gone) == before:
            reason = f"no video of class {name} has a code of split {split!r}; fetch the file again, or remove it"
            raise AnnotationError(f"{listing}: {reason}")
    return VideoList(names, tuple(videos), tuple(gone))


def read_class_folders(root: Root, split: str, fold: int = 1, missing: str = "error", lists: Lists = NONE) -> VideoList:
    """`root/<split>/<class>/<video>`; a video is a file or a folder of frames. Classes in alphabetical order.

    "val" is `root/val` (or `validation`, `valid`) beside folders of training and test. The classes are those of all
    splits together, so that a label means the same in each. Where there are no splits but `root/<class>/<video>`, they
    are made: see `_split`. Files that are no videos are `ignored`; links that are called as a video is and lead nowhere
    are missing.
    """
    root = existing_root(root)
    places = {part: given(root, lists, part, os.path.isdir) or root / part for part in ("train", "test")}
    whole = not any(map(os.path.isdir, places.values()))
    own = [root / name for name in VALIDATION if os.path.isdir(root / name) and root / name not in places.values()]
    places |= {"val": own[0]} if own and all(map(os.path.isdir, places.values())) else {}
    parts = parts_of(split, root, own="val" in places)
    folders = [root] if whole else [existing_root(places[p], f"add it, set {p}_list, or ") for p in parts]
    inside = [path for each in ([root] if whole else places.values()) for path in visible(each) if path.is_dir()]
    names = tuple(sorted({path.name for path in inside}))
    if not names:
        raise AnnotationError(f"{folders[0]}: no class folders in it; expected {folders[0]}/<class>/<video>")
    for i, name in enumerate(names):
        if NO_TEXT.search(name):
            raise AnnotationError(f"{root}: the class folder {name!r} has a name that is not UTF-8; rename it")
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
                if path.is_dir():
                    _check_frames(path, f"{folder}/<class>/<video>")
                if holds_video(path):
                    videos.append(Video(path, label))
                elif path.suffix.lower() in VIDEO_SUFFIXES and path.is_symlink() and not os.path.exists(path):
                    gone.append(Video(path, label))
                else:
                    ignored.append(path)
        complete(names, videos[before[0] :] + gone[before[1] :], folder)
    ignored = [path for path in ignored if path.suffix.lower() not in PICTURE_SUFFIXES]
    if whole and split != "all":
        test, rule = _split(root, names, videos + gone)
        videos, gone = ([v for v in each if (v.path in test) == (split == "test")] for each in (videos, gone))
        notes.append(rule)
    if ignored:
        named = ", ".join(repr(str(path.relative_to(root))) for path in ignored[:5])
        notes.append(f"{len(ignored)} passed over, as no videos: {named}{', ...' * (len(ignored) > 5)}")
    return VideoList(names, tuple(videos), tuple(gone), notes=tuple(notes), ignored=tuple(ignored))


def read_ssv2(root: str | Path, split: str, fold: int = 1, missing: str = "error") -> VideoList:
    """Something-Something v2: `something-something-v2-{labels,train,validation}.json`, videos `<id>.webm`.

    The prefix may be absent; "test" is the validation set. A video's class is its template without brackets. The
    classes whose names tell left from right are `directional`: their videos are never mirrored. (The release swaps
    their six labels instead.)
    """
    root = existing_root(root)

    def named(what: str) -> Path:
        return find(root, f"something-something-v2-{what}.json", f"{what}.json")

    source = named("labels")
    labels, fault_of = read_json(source, dict)
    ids: dict[int, str] = {}
    for name, number in labels.items():
        if not is_number(str(number)) or int(number) in ids or int(number) >= len(labels):
            raise fault_of(name, f"{number!r} is not a class id of its own from 0 to {len(labels) - 1}; correct it")
        ids[int(number)] = name
    classes = tuple(ids[i] for i in range(len(ids)))

    listed = []
    for path in (named({"train": "train", "test": "validation"}[part]) for part in parts_of(split, root)):
        entries, fault_of = read_json(path, list)
        for position, entry in enumerate(entries):
            key, template = (entry.get("id"), entry.get("template")) if isinstance(entry, dict) else (None, None)
            if not is_number(str(key)) or not isinstance(template, str):
                raise fault_of(str(key or template), f"entry {position + 1} has no id or no template; correct it")
            name = re.sub(r"[\[\]]", "", template)
            if name not in labels:
                raise fault_of(str(key), f"template {template!r} without brackets is not in {source.name}; correct it")
            listed.append((str(key), int(labels[name]), fault_of))
    if not listed:
        raise AnnotationError(f"{path}: the list is empty; fetch the file again")
    found = locate(root, (key for key, _, _ in listed), is_number)
    for key, _, fault_of in listed:
        if key not in found and missing == "error":
            absent = len({key for key, _, _ in listed} - found.keys())
            reason = f"no video {key}.webm below {root} ({absent} are missing in all); unpack it or remove the entry"
            raise fault_of(key, reason)
    videos = tuple(Video(found[key], label) for key, label, _ in listed if key in found)
    gone = tuple(Video(Path(f"{key}.webm"), label) for key, label, _ in listed if key not in found)
    return VideoList(classes, videos, gone, directional(classes))


READERS: dict[str, Callable[..., VideoList]] = {
    "puppets": read_ucf101,  # the miniature is laid out like UCF101
    "ucf101": read_ucf101,
    "folders": read_class_folders,
    "hmdb51": read_hmdb51,
    "kinetics400": read_kinetics400,
    "kinetics600": read_kinetics,
    "kinetics700": read_kinetics,
    "kinetics600_zero_shot": read_kinetics600_zero_shot,
    "activitynet": read_activitynet,
    "charades": read_charades,
    "ssv2": read_ssv2,
    "tsn": read_tsn,
}
LISTED = ("puppets", "ucf101", "folders", "tsn")  # whose lists may have other names
FOLDS = {"ucf101": 3, "hmdb51": 3, "kinetics600_zero_shot": 3, "tsn": 99}  # the others have one


def load_videos(
    dataset: str, root: Root, split: str, fold: int = 1, missing: str = "error", lists: Lists = NONE
) -> VideoList:
    """The videos of one split of a data set.

    Args:
        dataset: a name in `READERS`.
        root: the data set's folder.
        split: "train"; "val", where the publisher has validation videos beside those of train and test; "test", which
            is the validation set where test labels are not public; "all", all of these together.
        fold: which of the data set's splits, from 1.
        missing: where a listed video is not there: "error" stops at the first, "report" puts all into
            `VideoList.missing`, with their classes. Kinetics and ActivityNet, of which no copy is whole, and what a
            TSN list gives 0 frames, are reported either way; so are links of class folders that lead nowhere.
        lists: "train", "test" -> the file that lists that split, below `root`, where its name does not tell or another
            is meant; of class folders, the folder. The lab's settings `train_list` and `test_list`.

    Raises:
        ValueError: an unknown data set, split or `missing`, with the choices; a fold or list that the data set does
            not have.
        AnnotationError: what is wrong with the files; also where none of the listed videos is there.
        NoValidation: the publisher has no "val", be it that its validation set is "test".
    """
    for what, value, choices in (("data set", dataset, READERS), ("split", split, SPLITS)):
        if value not in choices:
            raise ValueError(f"unknown {what} {value!r}; choose from: {', '.join(choices)}")
    if not 1 <= fold <= FOLDS.get(dataset, 1):
        raise ValueError(f"fold is {fold}; {dataset} has folds 1 to {FOLDS.get(dataset, 1)}")
    if missing not in MISSING:
        raise ValueError(f"missing is {missing!r}; choose from: {', '.join(MISSING)}")
    if dataset not in (*LISTED, "prepared"):
        parts_of(split, root)  # which refuses "val"
    lists = {part: name for part, name in lists.items() if name}
    if lists and (dataset not in LISTED or not lists.keys() <= {"train", "test"}):
        reason = f"only {', '.join(LISTED)} have lists to choose, of train and test"
        raise ValueError(f"{next(iter(lists))}_list is {next(iter(lists.values()))!r}; {reason}: leave it empty")
    _annotations.READ.clear()
    videos = READERS[dataset](root, split, fold, missing, **({"lists": lists} if lists else {}))
    if not videos.videos:
        first, remedy = videos.missing[0].path, "fetch them, or set data_root to where they lie"
        reason = f"none of the {len(videos.missing)} videos of split {split!r} is there, the first is {first}"
        raise AnnotationError(f"{root}: {reason}; {remedy}")
    return replace(videos, sources=tuple(dict.fromkeys((*videos.sources, *_annotations.READ))))


def _base(root: Path, names: Sequence[str]) -> Path:
    """The folder that holds the class folders: the root or one of its folders."""
    return next((folder for folder in folders_of(root) if any(os.path.isdir(folder / name) for name in names)), root)


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
    drawn = f"(one at least) is drawn for testing by seed {SEED}: {len(paths)} videos in {len(test)} groups; {rest}"
    return paths, f"there are no folders train and test: {rule} {drawn}"


def _check_frames(folder: Path, expected: str) -> None:
    """A folder where a video is expected holds pictures, if anything."""
    names = [name for name in os.listdir(folder) if name[0] != "."]
    if names and not any(name.lower().endswith(PICTURE_SUFFIXES) for name in names):
        remedy = f"expected {expected}, one folder less, or folders of splits that train_list and test_list name"
        raise AnnotationError(f"{folder}: holds {max(names)} and no frames; {remedy}")

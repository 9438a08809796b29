"""Reader of the lists that Text4Vis, TSN and their relatives use: folders of frames or video files, and class names."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from ...model.labels import directional
from ..reading import PICTURE_SUFFIXES, VIDEO_SUFFIXES, is_video
from ..video_list import AnnotationError, Video, VideoList
from ._annotations import NONE, Lists, fault, find_all, given, is_number, read_lines, read_names
from ._places import Known, Root, existing_root, folders_of, parts_of, video_at, visible

VALIDATION = ("val", "validation")  # words in a list's name, as are
WORDS = {"train": ("train",), "val": VALIDATION, "test": (*VALIDATION, "test"), "all": ("full", "all")}
PARTED = "parted by spaces, or all of it by tabs or commas"
EXPECTED = f"expected 'PATH FRAMES LABEL' or 'FILE LABEL' or more labels, {PARTED}; correct the line"
HEADER = re.compile(r"\w*(path|file|video|name)\w*([ ,\t]+\w*frames\w*)?[ ,\t]+(labels?|class\w*)", re.IGNORECASE)
Way = tuple[str, tuple[int, ...]]  # to read a line: a path, and the numbers after it
Entry = tuple[str, Path | None, int | None, tuple[int, ...]]
Called = Callable[[int], str]  # from a frame's place, from 0, to its file's name


def read_tsn(root: Root, split: str, fold: int = 1, missing: str = "error", lists: Lists = NONE) -> VideoList:
    """The Text4Vis/TSN format: lists of `path frames label` or `path.mp4 label`, and a CSV of the columns `id,name`.

    The lists and the one CSV lie in `root` or in a folder of it. A list is told by its name: `train_rgb_split_1.txt`,
    `kinetics_video_val_se320.txt`; of several folds, `split_1` or `split1`. "test" is a list with val, validation or
    test in its name, which leaves "val" to one with val or validation where `lists` gives "test" another; "all" one
    with full or all, as in `ucf_full_for_zeroshot.txt`, or all of the others. Paths are relative to `root` or to a
    folder of it, and may hold spaces; commas or tabs may part the fields. A file may have several labels. Frames have
    any name that ends in a number, counted without holes; as many as are listed are there. What is listed with 0 frames
    is missing either way. Classes that tell left from right are `directional`.
    """
    root = existing_root(root)
    tables = find_all(root, "*.csv")
    named = [path for path in tables if _names_classes(path)]
    if len(named) != 1:
        found = f"several, {_names(root, named)}: keep one" if named else "none: add it, as in 0,abseiling"
        found += f", or call the columns of {_names(root, tables)} so" if tables and not named else ""
        raise AnnotationError(f"{root}: one CSV of class names that begins with 'id,name' is needed, there is {found}")
    classes, known = read_names(named[0]), Known()
    videos, gone, notes = list[Video](), list[Video](), list[str]()
    for listing in _lists(root, split, fold, lists):
        rows = [(number, line, _ways(line)) for number, line in read_lines(listing, "surrogateescape")]
        rows = rows[len(rows) > 1 and HEADER.fullmatch(rows[0][1]) is not None :]
        some = [path for _, _, ways in rows[:: len(rows) // 100 + 1] for path, _ in ways]
        base = next((each for each in folders_of(root) if any(video_at(each / path, known) for path in some)), root)
        called, several = None, 0
        for number, line, ways in rows:
            name, path, frames, labels = _entry(listing, number, line, ways, base, known)
            if max(labels) >= len(classes):
                reason = f"label {max(labels)} is not between 0 and {len(classes) - 1}; correct it, or the CSV of names"
                raise fault(listing, number, reason, line)
            several += len(labels) > 1
            video = Video(path or base / name, labels[0], labels if len(labels) > 1 else ())
            (gone if frames == 0 or path is None else videos).append(video)
            beside = frames is not None and path is None and video_at(base / name, known)
            if path is None and missing == "error" and (frames != 0 or beside):
                remedy = "fetch it, or remove the line" if frames is not None or _is_file(name) else EXPECTED
                remedy = f"if these are labels, list {beside.name}" if beside else remedy
                reason = f"no {'video' if frames is None else 'folder'} {base / name}; {remedy}"
                raise fault(listing, number, reason, line)
            if frames and path and not path.is_dir():
                reason = f"{path} is a file, {frames} frames are listed; extract them, or correct the line"
                raise fault(listing, number, reason, line)
            if frames != 0 and path and path.is_dir():
                called = _frames(listing, number, path, frames, called)
        if several:
            notes.append(f"{several} of {len(rows)} lines of {listing.name} give a file several labels")
    if not videos and missing == "error":
        raise AnnotationError(f"{listing}: every video is listed with 0 frames; extract the frames, count them again")
    return VideoList(classes, tuple(videos), tuple(gone), directional(classes), tuple(notes))


def _is_file(name: str) -> bool:
    return name.lower().endswith(VIDEO_SUFFIXES)


def _is_called(path: Path, split: str) -> bool:
    return not {*re.split(r"[^a-z]+", path.stem.lower())}.isdisjoint(WORDS[split])


def _names_classes(path: Path) -> bool:
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        return {"id", "name"} <= {field.strip(' "').lower() for field in file.readline(100).strip().split(",")}


def _names(root: Path, paths: list[Path]) -> str:
    return ", ".join(str(path.relative_to(root)) for path in paths)


def _lists(root: Path, split: str, fold: int, lists: Lists) -> list[Path]:
    """The one list of a split, or all lists for "all"."""
    if chosen := given(root, lists, split):
        return [chosen]
    paths = [path for kind in ("txt", "csv", "tsv") for path in find_all(root, f"*.{kind}")]
    test = given(root, lists, "test")
    own = bool(test and not _is_called(test, "val")) and any(_is_called(path, "val") for path in paths)
    parts = parts_of(split, root, own)
    found = [path for path in paths if _is_called(path, split) and not (split == "all" and lists)]
    found = [p for p in found if p.suffix == ".txt"] or [p for p in found if not _names_classes(p)]
    folds = {path: int(match[1]) for path in found if (match := re.search(r"split_?(\d+)", path.stem))}
    found = [path for path in found if folds.get(path) == fold] or [path for path in found if path not in folds]
    remedy = "or name the right one by train_list or test_list"
    if len(found) > 1:
        raise AnnotationError(f"{root}: several lists may be meant, {_names(root, found)}; keep one, {remedy}")
    if not found and split == "all":
        return [path for part in parts for path in _lists(root, part, fold, lists)]
    if not found:
        reason = f"no list of split {split}, fold {fold}, in it or in a folder of it"
        raise AnnotationError(f"{root}: {reason}; call it {WORDS[split][0]}_rgb_split_{fold}.txt, {remedy}")
    return found


def _ways(line: str) -> list[Way]:
    """How a line may be read, the longest path first; one way where commas or tabs part its fields."""
    separator = next((each for each in "\t," if each in line and is_number(line.rpartition(each)[2].strip())), " ")
    ways, path, numbers = list[Way](), line, tuple[int, ...]()
    while (parts := path.rpartition(separator))[0].strip() and is_number(parts[2].strip()):
        path, numbers = parts[0].strip(), (int(parts[2]), *numbers)
        quoted = separator != " " and len(path) > 1 and path[0] == path[-1] == '"'
        ways.append((path[1:-1].replace('""', '"') if quoted else path, numbers))
    return ways if separator == " " else ways[-1:]


def _entry(listing: Path, number: int, line: str, ways: list[Way], base: Path, known: Known) -> Entry:
    """A line's path as listed, what lies there, how many frames (None for a file), and its labels."""
    if not ways:
        raise fault(listing, number, EXPECTED, line)
    name, numbers = next((way for way in ways if _is_file(way[0])), ways[min(1, len(ways) - 1)])
    if not _is_file(name) and len(ways) > 1 and video_at(base / name, known) is None:
        if video_at(base / ways[0][0], known):
            name, numbers = ways[0]
        elif other := next((way[0] for way in ways[2:] if video_at(base / way[0], known)), None):
            raise fault(listing, number, f"this may be of {name!r} or of {other!r}; part its fields by commas", line)
    path = video_at(base / name, known)
    told, folder = _is_file(name), path is not None and path.is_dir()
    exact = path if path is not None and name.endswith(path.name) else None
    counted = len(numbers) > 1 and (bool(exact and folder) if told else not (exact and not folder and is_video(exact)))
    if not exact and ((counted and not folder) or (folder and told)):
        path = None  # frames where a file is listed, or a file where frames are
    return name, path, numbers[0] if counted else None, tuple(dict.fromkeys(numbers[counted:]))


def _frames(listing: Path, number: int, folder: Path, listed: int | None, before: Called | None) -> Called:
    """What a folder's frames are called; it must hold as many as are listed, and no other pictures.

    Where its first and last frame are called as those of the folder `before`, the others are not looked at.
    """
    if listed and before and all((folder / before(place)).exists() for place in (0, listed - 1)):
        return before
    pictures = [path.name for path in visible(folder) if path.suffix.lower() in PICTURE_SUFFIXES]
    parts = {name: match.groups() for name in pictures if (match := re.fullmatch(r"(.*?)([0-9]+)([^0-9]*)", name))}
    if not parts:
        what = f"its pictures are called {pictures[0]}: rename them" if pictures else "it holds none: extract them"
        raise fault(listing, number, f"{folder} holds no frames such as img_00001.jpg; {what}, or correct the line")
    [((prefix, after), _)] = Counter((prefix, after) for prefix, _, after in parts.values()).most_common(1)
    digits = [number for first, number, last in parts.values() if (first, last) == (prefix, after)]
    frames, width, first = listed or len(pictures), min(map(len, digits)), min(map(int, digits))
    first = first if frames <= len(pictures) else min(first, 1)

    def name(place: int) -> str:
        return f"{prefix}{first + place:0{width}d}{after}"

    others = [each for each in pictures if parts.get(each, ("", "", ""))[::2] != (prefix, after)]
    if others and frames <= len(pictures):
        reason = f"{folder} holds other pictures than {name(0)} and its like, {others[0]}; move them elsewhere"
        raise fault(listing, number, reason)
    # One more than there can be: however many are listed, the first that is absent is among them.
    expected = map(name, range(min(max(frames, len(digits)), len(pictures) + 1)))
    absent = next((each for each in expected if each not in parts), None)
    if absent:
        reason = f"{folder} holds {len(pictures)} frames, {frames} are listed, {absent} is not there; "
        raise fault(listing, number, reason + "extract them again, or correct the line")
    return name

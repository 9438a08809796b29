"""Readers of Kinetics-400, 600 and 700, and of the zero-shot splits of Kinetics-600.

A clip is a file `<YouTube id>_<start>_<end>.mp4` (seconds, six digits) or a folder of frames of that name, anywhere
below the root: flat in the split's folder, or in class folders. Clips disappear from YouTube, so no copy is whole: what
is listed and not there goes to `VideoList.missing`, whatever `missing` says.
"""

import difflib
import re
from pathlib import Path

from ..video_list import AnnotationError, Video, VideoList
from ._annotations import fault, find, find_all, is_number, read_csv, read_lines, read_names
from ._places import existing_root, locate, parts_of

COLUMNS = ("label", "youtube_id", "time_start", "time_end")
# Split -> its annotation files, the first that exists.
FILES = {"train": (r"train\.csv",), "test": (r"(val|validate|validation)\.csv", r"test\.csv")}
PREFIX = r"((kinetics|k)[-_]?(400|600|700)?([-_]?2020)?[-_])?"
CLIP = re.compile(r"[\w-]{11}_\d{6}_\d{6}", re.ASCII)


def read_kinetics(root: str | Path, split: str, fold: int = 1, missing: str = "report") -> VideoList:
    """Kinetics-600 or 700: CSV files `label,youtube_id,time_start,time_end,split` in `root` or in a folder of it.

    They are called `train.csv` and `val.csv` (or `validate.csv`), with or without a prefix such as `kinetics-600_`. The
    classes are the labels of all of them, in alphabetical order. "test" is the validation set, on which results are
    published (`test.csv` where there is no other).
    """
    return _read(existing_root(root), split)


def read_kinetics400(root: str | Path, split: str, fold: int = 1, missing: str = "report") -> VideoList:
    """Kinetics-400: as `read_kinetics`, with the names of torchvision's published list of its 400 categories."""
    return _read(existing_root(root), split, {_plain(name): name for name in kinetics400_categories()})


def read_kinetics600_zero_shot(root: str | Path, split: str, fold: int = 1, missing: str = "report") -> VideoList:
    """The zero-shot splits of Kinetics-600: 160 of the 220 classes that are new since Kinetics-400, three times.

    Either the release's files, `test_split1_exist.txt` (lines `<clip>.mp4 label`) with `k160_labels_split1.csv`
    (`id,name`); or a list of class names, `classes_split1.txt`, one a line, beside the CSV files of Kinetics-600, of
    which `test.csv` is preferred, as in the release. In `root` or in a folder of it. "all" is "test".
    """
    root = existing_root(root)
    if split == "train":
        remedy = "use split=test, and train on dataset=kinetics400"
        raise AnnotationError(f"{root}: the zero-shot splits have no training videos; {remedy}")
    names = (f"test_split{fold}_exist.txt", f"test_split{fold}.txt")
    listings = [path for name in names for path in find_all(root, name)]
    if listings:
        source = find(root, f"k160_labels_split{fold}.csv", f"*labels*split{fold}*.csv")
        classes = read_names(source)
        clips = [_listed_clip(listings[0], number, line, len(classes)) for number, line in read_lines(listings[0])]
        listing = listings[0]
    else:
        source = find(root, f"classes_split{fold}.txt", *names)
        lines = read_lines(source)
        classes = tuple(line for _, line in lines)
        for i, (number, name) in enumerate(lines):
            if name in classes[:i]:
                raise fault(source, number, f"class {name!r} occurs twice; remove the line", name)
        [listing] = _file(root, r"test\.csv", *FILES["test"])
        ids = {_plain(name): i for i, name in enumerate(classes)}
        rows = [(number, *_clip(listing, number, row)) for number, row in read_csv(listing, COLUMNS)]
        clips = [(number, clip, ids[_plain(label)]) for number, clip, label in rows if _plain(label) in ids]
        absent = set(range(len(classes))) - {label for _, _, label in clips}
        if absent:
            name, remedy = classes[min(absent)], "correct the name, or use Kinetics-600's files"
            raise fault(source, lines[min(absent)][0], f"class {name!r} is not in {listing}; {remedy}")
    old = {_plain(name) for name in kinetics400_categories()}
    known = next((name for name in classes if _plain(name) in old), None)
    if known is not None:
        number = next(number for number, line in read_lines(source) if known in line)
        raise fault(source, number, f"{known!r} is a class of Kinetics-400, so not one for zero-shot; take it out")
    return _located(root, classes, clips, listing)


def kinetics400_categories() -> tuple[str, ...]:
    """The 400 class names as torchvision publishes them with its Kinetics-400 weights, in their order."""
    from torchvision.models.video import R3D_18_Weights

    return tuple(R3D_18_Weights.KINETICS400_V1.meta["categories"])


def _read(root: Path, split: str, spelling: dict[str, str] | None = None) -> VideoList:
    """`spelling`: label without spaces and signs -> label as published; labels as they are when None."""
    wanted = parts_of(split, root)
    files = {name: path for name in wanted for path in _file(root, *FILES[name])}
    for name in FILES.keys() - files.keys():  # its labels are classes too, where the file is there
        files.update((name, path) for path in _file(root, FILES[name][0], needed=False))
    clips, labels = [], set()
    for name, path in files.items():
        for number, row in read_csv(path, COLUMNS):
            clip, label = _clip(path, number, row)
            if spelling is not None:
                label = _published(path, number, label, spelling)
            labels.add(label)
            if name in wanted:
                clips.append((number, clip, label))
    classes = tuple(sorted(labels))  # torchvision's order is the alphabet's, too
    ids = {name: i for i, name in enumerate(classes)}
    return _located(root, classes, [(number, clip, ids[label]) for number, clip, label in clips], files[wanted[0]])


def _file(root: Path, *patterns: str, needed: bool = True) -> list[Path]:
    """The one annotation file that matches the first pattern that any matches; none where that is allowed."""
    tables = find_all(root, "*.csv")
    for pattern in patterns:
        found = [path for path in tables if re.fullmatch(PREFIX + pattern, path.name, re.IGNORECASE)]
        if len(found) > 1:
            names = ", ".join(str(path.relative_to(root)) for path in found)
            remedy = "keep one, or set data_root to the folder of one data set"
            raise AnnotationError(f"{root}: several files may be meant, {names}; {remedy}")
        if found or not needed:
            return found
    name = re.sub(r"\\|\(|\|.*\)", "", patterns[0])
    remedy = "it is part of the data set's annotations: fetch it, or set data_root to where it lies"
    reason = f"no {name} in it or in a folder of it, nor kinetics-400_{name} or the like"
    raise AnnotationError(f"{root}: {reason}; {remedy}")


def _clip(path: Path, number: int, row: dict[str, str]) -> tuple[str, str]:
    """A row's clip, as its file is named, and label."""
    if not row["label"]:
        raise fault(path, number, "the label is empty; use the annotations that have labels, or remove the line", row)
    if not re.fullmatch(r"[\w-]{11}", row["youtube_id"], re.ASCII):
        raise fault(path, number, f"{row['youtube_id']!r} is not a YouTube id of 11 characters; correct it", row)
    seconds = []
    for column in ("time_start", "time_end"):
        text = row[column].removesuffix(".0")
        if not is_number(text):
            raise fault(path, number, f"{column} {row[column]!r} is not a number of seconds; correct it", row)
        seconds.append(int(text))
    if seconds[0] >= seconds[1]:
        raise fault(path, number, f"time_start {seconds[0]} is not before time_end {seconds[1]}; correct them", row)
    return f"{row['youtube_id']}_{seconds[0]:06d}_{seconds[1]:06d}", row["label"]


def _listed_clip(path: Path, number: int, line: str, classes: int) -> tuple[int, str, int]:
    name, _, label = re.sub(r"[\s,]+(?=\S*$)", " ", line).rpartition(" ")  # commas and tabs, too
    clip = re.split(r"[\\/]", name)[-1].partition(".")[0]
    if not CLIP.fullmatch(clip):
        raise fault(path, number, "expected '<YouTube id>_<start>_<end>.mp4 LABEL'; correct or remove the line", line)
    if not is_number(label) or int(label) >= classes:
        raise fault(path, number, f"label {label} is not between 0 and {classes - 1}; correct or remove the line", line)
    return number, clip, int(label)


def _published(path: Path, number: int, label: str, spelling: dict[str, str]) -> str:
    if _plain(label) not in spelling:
        close = difflib.get_close_matches(_plain(label), spelling, n=1)
        hint = f"did you mean {spelling[close[0]]!r}? " if close else ""
        reason = f"{label!r} is no class of Kinetics-400; {hint}correct it, or use dataset=kinetics600 or kinetics700"
        raise fault(path, number, reason)
    return spelling[_plain(label)]


def _located(root: Path, classes: tuple[str, ...], clips: list[tuple[int, str, int]], source: Path) -> VideoList:
    """`clips`: (line number, name, label)."""
    found = locate(root, (clip for _, clip, _ in clips), lambda name: CLIP.fullmatch(name) is not None)
    if not found:
        remedy = "set data_root to the folder that holds videos and annotations"
        reason = f"none of the {len(clips)} clips is below {root}, the first is {clips[0][1]}.mp4; {remedy}"
        raise fault(source, clips[0][0], reason)
    videos = tuple(Video(found[clip], label) for _, clip, label in clips if clip in found)
    missing = tuple(Video(Path(f"{clip}.mp4"), label) for _, clip, label in clips if clip not in found)
    return VideoList(classes, videos, missing)


def _plain(name: str) -> str:
    """A class name for comparison: copies differ in spaces, underscores, apostrophes and capitals."""
    return re.sub(r"[^a-z0-9]", "", name.lower())

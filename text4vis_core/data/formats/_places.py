"""Where data sets and their videos lie: what is called as it is listed, whatever its suffix."""

import os
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from unicodedata import normalize

from ..reading import PICTURE_SUFFIXES, VIDEO_SUFFIXES, is_video
from ..video_list import AnnotationError, NoValidation

UNFINISHED = (".part", ".ytdl", ".crdownload", ".download", ".aria2", ".tmp")  # never in the place of a video
Known = dict[Path, dict[str, list[Path]]]  # folder -> name or stem -> what is called so
Root = str | Path


def existing_root(root: str | Path, remedy: str = "") -> Path:
    """The data set's folder."""
    if not os.path.isdir(root):
        remedy += "set data_root to where the data set lies"
        raise AnnotationError(f"no data at {root}: the folder does not exist; {remedy}")
    return Path(root)


def parts_of(split: str, root: Root, own: bool = False) -> tuple[str, ...]:
    """The lists that a split is made of; `own`: whether the publisher has validation videos beside train and test."""
    if split == "val" and not own:
        reason = "no validation videos of its own beside those of train and test"
        raise NoValidation(f"{root}: {reason}; set val_share, to hold groups of the training videos out")
    return ("train", *["val"] * own, "test") if split == "all" else (split,)


def visible(folder: Path) -> list[Path]:
    """What lies in a folder, sorted, without hidden files; nothing when there is no such folder."""
    return sorted(path for path in folder.iterdir() if path.name[0] != ".") if os.path.isdir(folder) else []


def folders_of(root: Path) -> list[Path]:
    """The data set's folder and the folders in it, where what lists tell may lie."""
    return [root, *(path for path in visible(root) if path.is_dir())]


def holds_video(path: Path) -> bool:
    """Whether this is a video: a folder, or a file with a video's suffix; of other files the decoder is asked."""
    if not os.path.isfile(path):  # where a name is too long, or a link leads to itself, `Path.is_file` is an OSError
        return os.path.isdir(path)
    suffix = path.suffix.lower()
    return suffix in VIDEO_SUFFIXES or (suffix not in (*PICTURE_SUFFIXES, *UNFINISHED) and is_video(path))


def stem_of(name: str) -> str:
    """A file's name without its suffix, and without a video's before that, as in `id.mp4.webm`."""
    stem = os.path.splitext(name)[0]
    shorter, suffix = os.path.splitext(stem)
    return shorter if suffix.lower() in VIDEO_SUFFIXES else stem


def video_at(path: Path, known: Known | None = None) -> Path | None:
    """The video listed as `path`: that file, or one with another suffix or none, or a folder of frames; else None.

    Accents may be composed or not, and folders be told by backslashes. `known` keeps, from call to call, what folders
    hold: each is listed once.
    """
    if os.path.exists(path) or path == path.parent:
        return path
    known = {} if known is None else known
    folder = video_at(path.parent, known) or path.parent
    if folder not in known:
        known[folder] = defaultdict(list)
        for each in visible(folder):
            for name in {each.name, stem_of(each.name)}:
                known[folder][normalize("NFC", name)].append(each)
    stem, suffix = os.path.splitext(path.name)
    stem = normalize("NFC", stem if suffix.lower() in VIDEO_SUFFIXES else path.name)
    for each in sorted(known[folder].get(stem, ()), key=lambda each: each.suffix.lower() not in VIDEO_SUFFIXES):
        if holds_video(each) and (normalize("NFC", each.name) == stem or not each.is_dir()):
            return each
    return video_at(path.parent / path.name.replace("\\", "/"), known) if "\\" in path.name else None


def locate(root: Path, stems: Iterable[str], holds_frames: Callable[[str], bool]) -> dict[str, Path]:
    """Where the videos with these names lie below `root`, in whatever folders: name without suffix -> path.

    A video is a file, of any suffix or none, or a folder of frames. `holds_frames` tells by a folder's name that it is
    one: it is not searched, for a data set has millions of frames.
    """
    wanted, seen = set(stems), set()
    found: dict[str, Path] = {}
    others: dict[str, list[Path]] = defaultdict(list)  # the decoder is asked only where nothing else is found
    for folder, folders, files in os.walk(root, followlinks=True):
        place = os.path.realpath(folder)
        if place in seen:  # a link to a folder above
            folders.clear()
            continue
        seen.add(place)
        for name in sorted(folders):
            if name in wanted:
                found.setdefault(name, Path(folder, name))
        folders[:] = sorted(name for name in folders if not holds_frames(name) and not name.startswith("."))
        for path in (Path(folder, name) for name in sorted(files) if stem_of(name) in wanted):
            if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file():
                found.setdefault(stem_of(path.name), path)
            else:
                others[stem_of(path.name)].append(path)
    asked = ((stem, next(filter(holds_video, others[stem]), None)) for stem in others.keys() - found.keys())
    return found | {stem: path for stem, path in asked if path}

"""Reader of the lists that Text4Vis, TSN and their relatives use: folders of frames or video files, and class names."""

import os
import re
from pathlib import Path

from ...model.labels import is_directional
from ..reading import PICTURE_SUFFIXES, VIDEO_SUFFIXES
from ..video_list import AnnotationError, Video, VideoList
from ._annotations import existing_root, fault, find_all, is_number, read_lines, read_names, visible

TEMPLATES = ("img_{:05d}.jpg", "image_{:04d}.jpg", "image_{:06d}.jpg")
WORDS = {"train": ("train",), "test": ("val", "validation", "test"), "all": ("full", "all")}  # in a list's name


def read_tsn(root: str | Path, split: str, fold: int = 1, missing: str = "error") -> VideoList:
    """The Text4Vis/TSN format: lists of `path frames label` or `path.mp4 label`, and a CSV `id,name`.

    The lists and the one CSV lie in `root` or in a folder of it. A list is told by its name: `train_rgb_split_1.txt`,
    `kinetics_video_val_se320.txt`; of several folds, `split_1` or `split1`. Paths are relative to `root` or to a folder
    of it, and may hold spaces. Frames are called `img_00001.jpg`, `image_0001.jpg` or `image_000001.jpg`. A video that
    is listed with 0 frames is missing either way. "test" is a list with val, validation or test in its name; "all" one
    with full or all, as in `ucf_full_for_zeroshot.txt`, or both of the others. Classes that tell left from right are
    `directional`.
    """
    root = existing_root(root)
    tables = [path for path in find_all(root, "*.csv") if _names_classes(path)]
    if len(tables) != 1:
        found = f"several, {_names(root, tables)}: keep one" if tables else "none: add it, as in 0,abseiling"
        raise AnnotationError(f"{root}: one CSV of class names that begins with 'id,name' is needed, there is {found}")
    classes = read_names(tables[0])
    videos, gone = [], []
    for listing in _lists(root, split, fold):
        entries = [(number, line, *_entry(listing, number, line, len(classes))) for number, line in read_lines(listing)]
        folders = [root, *(path for path in visible(root) if path.is_dir())]
        some = [path for _, _, path, frames, _ in entries if frames != 0][:10]
        base = next((folder for folder in folders if any(map(os.path.exists, (folder / path for path in some)))), root)
        template = None
        for number, line, name, frames, label in entries:
            path = base / name
            there = os.path.exists(path)  # also of a name that is too long, of which `Path.exists` makes an OSError
            if frames == 0 or not there:
                if frames != 0 and missing == "error":
                    reason = f"no {'video' if frames is None else 'folder'} {path}; fetch it, or remove the line"
                    raise fault(listing, number, reason, line)
                gone.append(Video(path, label))
                continue
            if frames is not None and not path.is_dir():
                reason = f"{path} is a file, {frames} frames are listed; extract them, or correct the line"
                raise fault(listing, number, reason, line)
            if frames is not None and not (template and (path / template.format(frames)).exists()):
                template = _template(listing, number, path, frames)
            videos.append(Video(path, label))
    if not videos and missing == "error":
        raise AnnotationError(f"{listing}: every video is listed with 0 frames; extract the frames, count them again")
    directional = frozenset(i for i, name in enumerate(classes) if is_directional(name))
    return VideoList(classes, tuple(videos), tuple(gone), directional)


def _names_classes(path: Path) -> bool:
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        return re.fullmatch(r'("?)id\1\s*,\s*("?)name\2', file.readline(100).strip(), re.IGNORECASE) is not None


def _names(root: Path, paths: list[Path]) -> str:
    return ", ".join(str(path.relative_to(root)) for path in paths)


def _lists(root: Path, split: str, fold: int) -> list[Path]:
    """The one list of a split, or both lists for "all"."""
    words = {path: set(re.split(r"[^a-z]+", path.stem.lower())) for path in find_all(root, "*.txt")}
    found = [path for path in words if words[path].intersection(WORDS[split])]
    folds = {path: int(match[1]) for path in found if (match := re.search(r"split_?(\d+)", path.stem))}
    found = [path for path in found if folds.get(path) == fold] or [path for path in found if path not in folds]
    if len(found) > 1:
        raise AnnotationError(f"{root}: several lists may be meant, {_names(root, found)}; keep one")
    if not found and split == "all":
        return _lists(root, "train", fold) + _lists(root, "test", fold)
    if not found:
        example = f"{WORDS[split][0]}_rgb_split_{fold}.txt"
        reason = f"no list of split {split}, fold {fold}, in it or in a folder of it; call it {example}"
        raise AnnotationError(f"{root}: {reason}")
    return found


def _entry(listing: Path, number: int, line: str, classes: int) -> tuple[str, int | None, int]:
    """(path, frames or None for a file, label) of a line."""
    path, _, label = line.rpartition(" ")
    if not path.strip() or not is_number(label):
        raise fault(listing, number, "expected 'PATH FRAMES LABEL' or 'FILE LABEL'; correct the line", line)
    if int(label) >= classes:
        reason = f"label {label} is not between 0 and {classes - 1}; correct it, or the CSV of names"
        raise fault(listing, number, reason, line)
    path, frames = path.strip(), None
    if not path.lower().endswith(VIDEO_SUFFIXES):
        path, _, count = path.rpartition(" ")
        if not path.strip() or not is_number(count):
            raise fault(listing, number, "expected 'PATH FRAMES LABEL' or 'FILE LABEL'; correct the line", line)
        frames = int(count)
    return path.strip(), frames, int(label)


def _template(listing: Path, number: int, folder: Path, frames: int) -> str:
    """How a folder's frames are called; it must hold as many as are listed, and no other pictures."""
    pictures = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)
    for template in TEMPLATES:
        if template.format(1) in pictures:
            # One more than there can be: however many are listed, the first that is absent is among them.
            expected = [template.format(i) for i in range(1, len(pictures) + 2)]
            others, present = sorted(set(pictures) - set(expected)), set(pictures)
            if others and frames <= len(pictures):
                reason = f"{folder} holds other pictures than frames, {others[0]}; move them elsewhere"
                raise fault(listing, number, reason)
            absent = next((name for name in expected[:frames] if name not in present), None)
            if absent:
                reason = f"{folder} holds {len(pictures)} frames, {frames} are listed, {absent} is not there; "
                raise fault(listing, number, reason + "extract them again, or correct the line")
            return template
    what = f"its pictures are called {pictures[0]}" if pictures else "it holds no pictures"
    reason = f"{folder} holds no frames {', '.join(template.format(1) for template in TEMPLATES)}; {what}: rename them"
    raise fault(listing, number, reason)

"""Which videos are meant by the paths that a user gives: files, folders of frames, and folders of both."""

import os
from collections.abc import Iterable
from pathlib import Path

from text4vis_core.data.formats._places import holds_video, visible
from text4vis_core.data.reading import PICTURE_SUFFIXES


def find_videos(paths: Iterable[str | Path]) -> list[Path]:
    """The videos that paths name, each once: a file itself, whatever it is; of a folder all videos below it, sorted.

    A folder of pictures and no videos is one video, of these frames. Hidden files are passed over, as is what is no
    video; what cannot be read, of what is named or called as a video is, is left for its reader to say.

    Args:
        paths: files and folders. One text alone, in the place of a list, is one path.
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    found: dict[Path, None] = {}
    for path in map(Path, given):
        found |= dict.fromkeys(_below(path, set()) if path.is_dir() else [path])
    return list(found)


def _below(folder: Path, seen: set[str]) -> list[Path]:
    place = os.path.realpath(folder)
    if place in seen:  # a link to a folder above
        return []
    seen.add(place)
    try:
        inside = visible(folder)
    except OSError:  # not to be listed: its reader says why
        return [folder]
    folders = [path for path in inside if path.is_dir()]
    files = [path for path in inside if not path.is_dir()]
    videos = [path for path in files if holds_video(path)]
    if not videos and not folders and any(path.suffix.lower() in PICTURE_SUFFIXES for path in files):
        return [folder]
    return sorted([*videos, *(path for each in folders for path in _below(each, seen))])

"""Readers of videos that are longer than the actions in them and may show several: ActivityNet and Charades."""

from pathlib import Path
from typing import Any

from ..video_list import AnnotationError, Video, VideoList
from ._annotations import fault, find, find_all, read_csv, read_json, read_lines
from ._places import existing_root, locate, parts_of

SUBSETS = {"train": ("training",), "test": ("validation",), "all": ("training", "validation")}


def read_activitynet(root: str | Path, split: str, fold: int = 1, missing: str = "report") -> VideoList:
    """ActivityNet 1.3: `activity_net.v1-3.min.json`, and videos `v_<id>.mp4` or `<id>.mp4` anywhere below the root.

    A video is a file of any usual suffix or a folder of frames; those that are listed and not there go to `missing`,
    for videos disappear from YouTube. The classes are the labels in alphabetical order, which is the release's.
    "train" has one entry per labelled segment, as the release trains; "test" (the validation set) and "all", which the
    release's zero-shot figures are over, whole videos with all their labels.
    """
    root = existing_root(root)
    path = find(root, "activity_net*1-3*.json", "activity_net*.json")
    content, fault_of = read_json(path, dict)
    database = content.get("database")
    if not isinstance(database, dict) or not database:
        raise fault(path, 1, "no videos under 'database'; this is not ActivityNet's annotation file, fetch it again")
    taxonomy = content.get("taxonomy", [])
    taxonomy = taxonomy if isinstance(taxonomy, list) else [taxonomy]
    nodes = [node.get("nodeName") if isinstance(node, dict) else None for node in taxonomy]
    if not all(isinstance(name, str) for name in nodes):
        raise fault_of("taxonomy", "expected a list of objects with a nodeName; fetch the file again, or take it out")
    entries = {key: _entry(key, entry, set(nodes), fault_of) for key, entry in database.items()}
    classes = tuple(sorted({label for entry in entries.values() for _, _, label in entry["segments"]}))
    ids = {name: i for i, name in enumerate(classes)}

    stems = {stem for key in database for stem in (f"v_{key}", key)}
    found = locate(root, stems, stems.__contains__)
    videos, gone = list[Video](), list[Video]()
    listed = {key: entry for key, entry in entries.items() if entry["subset"] in SUBSETS[split]}
    for key, entry in listed.items():
        place = found.get(f"v_{key}", found.get(key))
        path, mine = (place, videos) if place else (Path(f"v_{key}.mp4"), gone)
        if split == "train":
            for start, end, label in entry["segments"]:
                mine.append(Video(path, ids[label], start=start, end=end, duration=entry["duration"]))
        else:
            labels = tuple(dict.fromkeys(ids[label] for _, _, label in entry["segments"]))
            mine.append(Video(path, labels[0], labels))
    if not listed:
        what = f"no video has the subset {' or '.join(SUBSETS[split])}"
        raise AnnotationError(f"{path}: {what}; use version 1.3's file, fetch it again")
    if not videos:
        first = gone[0].path
        reason = f"none of the {len(listed)} videos is below {root}, the first is {first}; set data_root to its folder"
        raise fault_of(first.stem.removeprefix("v_"), reason)
    return VideoList(classes, tuple(videos), tuple(gone))


def read_charades(root: str | Path, split: str, fold: int = 1, missing: str = "error") -> VideoList:
    """Charades: `Charades_v1_train.csv`, `Charades_v1_test.csv`, `Charades_v1_classes.txt`, videos `<id>.mp4`.

    Every video is used whole, with all the classes of its `actions` (`c092 11.90 21.20;c147 0.00 12.60`). A video
    without any is left out: the published evaluation ranks it behind all others, which comes to the same.
    """
    root = existing_root(root)
    source = find(root, "Charades_v1_classes.txt")
    codes: dict[str, str] = {}
    for number, line in read_lines(source):
        code, _, name = line.partition(" ")
        if code != f"c{len(codes):03d}" or not name.strip():
            reason = f"expected 'c{len(codes):03d} NAME', as in 'c000 Holding some clothes'; correct the line"
            raise fault(source, number, reason, line)
        if name.strip() in codes.values():
            raise fault(source, number, f"{name.strip()!r} occurs twice; give each class its own name", line)
        codes[code] = name.strip()
    ids = {code: i for i, code in enumerate(codes)}

    rows: list[tuple[Path, int, str, tuple[int, ...]]] = []
    for path in (find(root, f"Charades_v1_{name}.csv") for name in parts_of(split, root)):
        before = len(rows)
        for number, row in read_csv(path, ("id", "actions")):
            if not (row["id"].isascii() and row["id"].isalnum()):
                raise fault(path, number, f"{row['id']!r} is not a video's id such as 46GP8; correct it", row)
            labels = _actions(path, number, row["actions"], ids)
            if labels:
                rows.append((path, number, row["id"], labels))
        if len(rows) == before:
            raise AnnotationError(f"{path}: no video has an action; fetch it again")
    # Of the other split too: its videos may be folders of frames, which are not to be searched.
    known = {row.get("id") for path in find_all(root, "Charades_v1_t*.csv") for _, row in read_csv(path, ("id",))}
    found = locate(root, (key for _, _, key, _ in rows), known.__contains__)
    for path, number, key, _ in rows:
        if key not in found and missing == "error":
            absent = len({row[2] for row in rows} - found.keys())
            reason = f"no video {key}.mp4 below {root} ({absent} are missing in all); fetch it or remove the line"
            raise fault(path, number, reason)
    videos = tuple(Video(found[key], labels[0], labels) for _, _, key, labels in rows if key in found)
    gone = tuple(Video(Path(f"{key}.mp4"), labels[0], labels) for _, _, key, labels in rows if key not in found)
    return VideoList(tuple(codes.values()), videos, gone)


def _entry(key: str, entry: Any, nodes: set, fault_of) -> dict[str, Any]:
    """A video of ActivityNet's database, checked: subset, duration, and segments as (start, end, label)."""
    if not isinstance(entry, dict):
        raise fault_of(key, "expected an object with subset, duration and annotations; fetch the file again")
    if entry.get("subset") not in ("training", "validation", "testing"):
        reason = f"subset is {entry.get('subset')!r}; it must be training, validation or testing: correct it"
        raise fault_of(key, reason)
    if not _is_seconds(entry.get("duration")):
        raise fault_of(key, f"duration {entry.get('duration')!r} is not a number of seconds; correct it")
    annotations = entry.get("annotations")
    if not isinstance(annotations, list) or not (annotations or entry["subset"] == "testing"):
        raise fault_of(key, "no list of annotations; add the segments with their labels, or remove the video")
    segments = []
    for each in annotations:
        segment, label = (each.get("segment"), each.get("label")) if isinstance(each, dict) else (None, None)
        if not isinstance(segment, list) or len(segment) != 2 or not all(map(_is_seconds, segment)):
            raise fault_of(key, f"segment {segment!r} is not [start, end] in seconds; correct it")
        if segment[0] > segment[1]:
            raise fault_of(key, f"segment {segment!r} ends before it starts; swap the two")
        if not isinstance(label, str) or not label.strip() or (nodes and label not in nodes):
            raise fault_of(key, f"label {label!r} is not a name of the taxonomy; correct it")
        segments.append((float(segment[0]), float(segment[1]), label))
    return {"subset": entry["subset"], "duration": float(entry["duration"]), "segments": segments}


def _is_seconds(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9


def _actions(path: Path, number: int, text: str, ids: dict[str, int]) -> tuple[int, ...]:
    """Class ids of an `actions` field, each once, in order of appearance."""
    labels = []
    for action in filter(None, (part.strip() for part in text.split(";"))):
        fields = action.split()
        try:
            code, start, end = fields[0], float(fields[1]), float(fields[2])
        except (IndexError, ValueError):
            fields = []
        if len(fields) != 3 or not (_is_seconds(start) and _is_seconds(end)):
            reason = f"action {action!r} is not 'CLASS START END', as in 'c092 11.90 21.20'; correct it"
            raise fault(path, number, reason)
        if code not in ids:
            reason = f"class {code!r} is not in Charades_v1_classes.txt; correct it, or fetch both files again"
            raise fault(path, number, reason)
        labels.append(ids[code])
    return tuple(dict.fromkeys(labels))

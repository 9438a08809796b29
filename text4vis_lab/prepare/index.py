"""Index files are written: what `text4vis_core.data.formats.index` maps into memory and reads."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from text4vis_core.data.formats.index import SECONDS, digest_of
from text4vis_core.data.video_list import VideoList
from text4vis_core.files import replacing

ABSENT = -1  # in the place of a size


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


def _digests(texts: Sequence[str], absent: int) -> np.ndarray:
    """uint8 (N, 16), zeros for those that are absent."""
    return np.frombuffer(bytes.fromhex("".join(texts)) + bytes(16 * absent), dtype=np.uint8).reshape(-1, 16).copy()

"""What a run gathers of its evidence until its record is written; see `evidence.py`, which says what the tables hold.

N videos of a list.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from text4vis_core.data.video_list import Video, VideoList

from .digests import Stamp, contents_of, stamp_of
from .evidence import TABLES, table_schema, write_table
from .plain import encodable

if TYPE_CHECKING:
    import pyarrow as pa  # which a record without evidence is written without


class Listed:
    """A list of videos, and what they are called in scores."""

    def __init__(self, videos: VideoList):
        self.videos = videos

    @cached_property
    def names(self) -> list[str]:
        """N names."""
        return _called(self.videos.videos)

    @cached_property
    def inside(self) -> set[str]:
        """The names, to be looked for."""
        return set(self.names)

    @cached_property
    def drawn(self) -> pa.Table:
        """A row per video, "video" and "label", of one that is there several times once."""
        import pyarrow as pa

        rows = dict.fromkeys(zip(self.names, self.videos.labels.tolist(), strict=True))
        return pa.table({"video": [video for video, _ in rows], "label": [label for _, label in rows]})


@dataclass
class Gathered:
    """What a run gathers of its evidence.

    Attributes:
        lists: name -> its videos.
        contents: path of a video, or of a file of annotations -> SHA-256 of what is in it.
        said: name of a list -> of its classes the names, and the prompts.
        looks: name of a list -> rows of `Evidence.looks`, without `list`.
        draws: name of a cell -> its training videos.
    """

    lists: dict[str, Listed] = field(default_factory=dict)
    contents: dict[Path, str] = field(default_factory=dict)
    said: dict[str, tuple[Sequence[str], Sequence[str]]] = field(default_factory=dict)
    looks: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    draws: dict[str, Listed] = field(default_factory=dict)
    _stamps: dict[Path, Stamp | None] = field(default_factory=dict)
    _known: dict[int, Listed] = field(default_factory=dict)  # by the list's `id`, which lives as long as this

    def add_list(self, name: str, videos: VideoList, contents: dict[Path, str] | None = None) -> None:
        """Note a list, and what is in the files of its videos and annotations now.

        Args:
            name: of the list.
            videos: that are in it.
            contents: what is known to be in them, where they are no files; None: they are read.
        """
        self.lists[name] = self.known(videos)
        if contents is None:
            files = (*videos.sources, *(video.path for video in videos.videos))
            contents = contents_of(files, f"contents of {name}")
            self._stamps |= {path: stamp_of(path) for path in contents}
        self.contents |= contents

    def changed(self) -> list[Path]:
        """Files of the lists in which is now something else than when they were noted."""
        touched = [path for path, stamp in self._stamps.items() if stamp_of(path) != stamp]
        return [path for path, content in contents_of(touched).items() if content != self.contents[path]]

    def add_draw(self, cell: str, videos: VideoList) -> None:
        """Note which videos a cell is trained on."""
        self.draws[cell] = self.known(videos)

    def list_of(self, videos: VideoList) -> str:
        """Name of the smallest list that has all of these videos; "" where none has."""
        inside = self.known(videos).inside
        holding = {name: len(listed.inside) for name, listed in self.lists.items() if inside <= listed.inside}
        return min(holding, key=holding.__getitem__, default="")

    def known(self, videos: VideoList) -> Listed:
        """A list with its names, which are made once."""
        return self._known.setdefault(id(videos), Listed(videos))

    def write(self, run_dir: Path, cells: Iterable[str]) -> None:
        """Write it beside the record, in the place of what an earlier run has left there.

        Args:
            run_dir: the run's folder.
            cells: of which draws are kept: those of the record.
        """
        for name, parts in {
            "videos": self._videos(),
            "classes": self._classes(),
            "looks": self._looks(),
            "draws": self._draws(set(cells)),
        }.items():
            write_table(run_dir, name, _whole(parts))

    def _videos(self) -> list[pa.Table]:
        parts = []
        for name, listed in self.lists.items():
            there, missing = listed.videos.videos, listed.videos.missing
            whole = [*there, *missing]
            contents = [self.contents.get(video.path, "") for video in there] + [""] * len(missing)
            columns = [[encodable(name)] * len(whole), [*listed.names, *_called(missing)]]
            columns += [[video.label for video in whole], [list(video.all_labels) for video in whole]]
            columns += [[False] * len(there) + [True] * len(missing), contents]
            parts.append(_table("videos", columns))
        return parts

    def _classes(self) -> list[pa.Table]:
        rows: list[tuple] = []
        for name, listed in self.lists.items():
            spelled = listed.videos.classes
            names, texts = self.said.get(name, (listed.videos.names, [""] * len(spelled)))
            rows += zip([name] * len(spelled), range(len(spelled)), spelled, names, texts, strict=True)
        return _table_of("classes", rows)

    def _looks(self) -> list[pa.Table]:
        columns = [column for column in TABLES["looks"] if column != "list"]
        return _table_of(
            "looks", [(name, *(row[c] for c in columns)) for name, rows in self.looks.items() for row in rows]
        )

    def _draws(self, cells: set[str]) -> list[pa.Table]:
        if not self.draws:
            return []
        import pyarrow as pa

        parts = []
        for cell, listed in self.draws.items():
            if cell in cells:
                named = [encodable(cell), encodable(self.list_of(listed.videos))]
                repeated = [pa.repeat(pa.scalar(each), len(listed.drawn)) for each in named]
                parts.append(_table("draws", [*repeated, *listed.drawn.columns]))
        return parts


def _called(videos: Iterable[Video]) -> list[str]:
    from .scores import video_name  # which loads torch

    return [encodable(video_name(video)) for video in videos]


def _table(name: str, columns: Sequence[Any]) -> pa.Table:
    import pyarrow as pa

    return pa.table(columns, schema=table_schema(name))


def _table_of(name: str, rows: list[tuple]) -> list[pa.Table]:
    return [_table(name, [[*map(encodable, values)] for values in zip(*rows, strict=True)])] if rows else []


def _whole(parts: list[pa.Table]) -> pa.Table | None:
    if not parts:
        return None
    import pyarrow as pa

    return pa.concat_tables(parts)

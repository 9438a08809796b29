"""What a run's numbers were computed from: which videos, what was in them, class names, draws, and a look at frames.

    runs/<suite>/<run>/evidence/videos.parquet     a row per listed video: name, label, SHA-256 of its content
    runs/<suite>/<run>/evidence/classes.parquet    a row per class of each list: as it is spelled, named, prompted
    runs/<suite>/<run>/evidence/looks.parquet      of some tested videos the frames that were decoded, 8 x 8 pixels
    runs/<suite>/<run>/evidence/draws.parquet      a row per training video of each trained cell

The record has digests of these files. A table that has no rows is not written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from text4vis_core.files import file_digest

from .digests import contents_of
from .plain import encodable
from .rows import SCHEMA
from .stored_tables import read_table
from .storing import replacing

if TYPE_CHECKING:
    import pyarrow as pa

    from text4vis_core.data.video_list import VideoList

FOLDER = "evidence"
SIDE = 8  # pixels, of a look
# Table -> its columns, and their types in pyarrow's words.
TABLES: dict[str, dict[str, str]] = {
    "videos": {
        "list": "string",
        "video": "string",
        "label": "int64",
        "labels": "list<element: int64>",
        "missing": "bool",
        "content": "string",
    },
    "classes": {"list": "string", "label": "int64", "spelled": "string", "name": "string", "text": "string"},
    "looks": {
        "list": "string",
        "video": "string",
        "kind": "string",
        "crop": "int64",
        "place": "int64",
        "offset": "int64",
        "frame": "int64",
        "look": "binary",
    },
    "draws": {"cell": "string", "list": "string", "video": "string", "label": "int64"},
}


@dataclass(frozen=True)
class Evidence:
    """What a run's numbers were computed from, as tables; of a table that the run has not, one without rows.

    Attributes:
        videos: a row per listed video: `list`, its name in `record["data"]`; `video`, as `scores.video_name` gives it;
            `label`, `labels`; `missing`, whether it is not there; `content`, SHA-256 of the file's bytes, of a folder
            over the names and bytes of its pictures, "" where it could not be read.
        classes: a row per class of each list: `list`, `label`, `spelled` as the data set has it, `name` as it went into
            the prompt, `text` the whole prompt, "" where no text was embedded.
        looks: a row per picture of at most 16 videos of each tested list: `list`, `video`; `kind`, "frame" for what was
            decoded and "input" for what the model was given; `crop` of the inputs, -1 of frames; `place` in the video's
            first clip, from 0; `offset`, -1 and 1 for the frames before and after, where there are any; `frame`, its
            number in the video or its part, from 0; `look`, 8 x 8 x 3 uint8, RGB, the means of 8 x 8 parts.
        draws: a row per training video of each trained cell: `cell`, `list` that the video is in or "", `video`,
            `label` among the classes that were trained.
        note: a sentence on what is lacking; empty where nothing is.
    """

    videos: pd.DataFrame
    classes: pd.DataFrame
    looks: pd.DataFrame
    draws: pd.DataFrame
    note: str = ""


@dataclass
class Gathered:
    """What a run gathers of it until its record is written.

    Attributes:
        lists: name -> its videos.
        contents: path -> SHA-256.
        said: name of a list -> of its classes the names, and the prompts.
        looks: name of a list -> rows of `Evidence.looks`, without `list`.
        draws: name of a cell -> its training videos.
    """

    lists: dict[str, "VideoList"] = field(default_factory=dict)
    contents: dict[Path, str] = field(default_factory=dict)
    said: dict[str, tuple[Sequence[str], Sequence[str]]] = field(default_factory=dict)
    looks: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    draws: dict[str, "VideoList"] = field(default_factory=dict)
    _named: dict[str, set[str]] = field(default_factory=dict)

    def add_list(self, name: str, videos: "VideoList") -> None:
        """Note a list, and what is in its videos' files now."""
        self.lists[name] = videos
        self._named.pop(name, None)
        self.contents |= contents_of((video.path for video in videos.videos), f"contents of {name}")

    def list_of(self, videos: "VideoList") -> str:
        """Name of the smallest list that has all of these videos; "" where none has."""
        names = _names(videos)
        holding = [name for name in self.lists if len(names) <= len(self._inside(name)) and names <= self._inside(name)]
        return min(holding, key=lambda name: len(self._inside(name)), default="")

    def _inside(self, name: str) -> set[str]:
        if name not in self._named:
            self._named[name] = _names(self.lists[name])
        return self._named[name]

    def write(self, run_dir: Path) -> None:
        """Write it beside the record, in the place of what an earlier run has left there."""
        for name, table in self.tables().items():
            write_table(run_dir, name, table)

    def tables(self) -> dict[str, pd.DataFrame]:
        """All of it, as `Evidence` has it."""
        from .scores import video_name

        videos: list[tuple] = []
        classes: list[tuple] = []
        for name, listed in self.lists.items():
            for each, missing in ((listed.videos, False), (listed.missing, True)):
                for video in each:
                    called = video_name(video)
                    content = "" if missing else self.contents.get(video.path, "")
                    videos.append((name, called, video.label, list(video.all_labels), missing, content))
            names, texts = self.said.get(name, (listed.names, [""] * len(listed.classes)))
            classes += zip([name] * len(names), range(len(names)), listed.classes, names, texts, strict=True)
        columns = [column for column in TABLES["looks"] if column != "list"]
        looks = [(name, *(row[c] for c in columns)) for name, rows in self.looks.items() for row in rows]
        draws = []
        for cell, listed in self.draws.items():
            drawn, name = (
                dict.fromkeys((video_name(video), video.label) for video in listed.videos),
                self.list_of(listed),
            )
            draws += [(cell, name, *each) for each in drawn]
        rows: dict[str, list[tuple]] = {"videos": videos, "classes": classes, "looks": looks, "draws": draws}
        return {name: _table(name, rows[name]) for name in TABLES}


def _table(name: str, rows: list[tuple]) -> pd.DataFrame:
    values = zip(*rows, strict=True) if rows else [()] * len(TABLES[name])
    return pd.DataFrame({c: [*map(encodable, v)] for c, v in zip(TABLES[name], values, strict=True)})


def _names(videos: "VideoList") -> set[str]:
    from .scores import video_name

    return {video_name(video) for video in videos.videos}


def write_table(run_dir: Path, name: str, table: pd.DataFrame) -> None:
    """Write a table of `TABLES` as Parquet, whole or not at all; one without rows removes what was there."""
    import pyarrow as pa
    from pyarrow import parquet

    path = run_dir / FOLDER / f"{name}.parquet"
    if table.empty:
        path.unlink(missing_ok=True)
        return
    columns = {column: table[column].to_list() for column in TABLES[name]}
    with replacing(path) as temporary:
        parquet.write_table(pa.table(columns, schema=_schema(name)), temporary, compression="zstd")


def evidence_of(record: Mapping[str, Any]) -> Evidence:
    """What a record's numbers were computed from; of one that an older version wrote, tables without rows and a note.

    Args:
        record: as `records.read_record` gives it.

    Raises:
        ValueError: a file is missing, damaged, or not what the record was written with; names it and the remedy.
    """
    folder, tables = Path(record["path"]).parent, {}
    for name in TABLES:
        digest = (record.get("files") or {}).get(f"{FOLDER}/{name}.parquet")
        tables[name] = _read(folder / FOLDER / f"{name}.parquet", name, digest)
    old = record.get("schema", 1) < SCHEMA
    what = "it has no contents of videos, class names, looks at frames and draws: run it again"
    return Evidence(**tables, note=f"{record['path']} is of an older version; {what}" if old else "")


def _read(path: Path, name: str, digest: str | None) -> pd.DataFrame:
    if digest is None:
        return _schema(name).empty_table().to_pandas()
    if path.is_file() and file_digest(path) != digest:
        raise ValueError(f"{path} is not what the record beside it was written with; run the notebook again")
    return read_table(path, TABLES[name], f"evidence of {name}").select(list(TABLES[name])).to_pandas()


def _schema(name: str) -> "pa.Schema":
    import pyarrow as pa

    kinds = {"list<element: int64>": pa.list_(pa.field("element", pa.int64()))}
    return pa.schema([(c, kinds.get(kind) or pa.type_for_alias(kind)) for c, kind in TABLES[name].items()])

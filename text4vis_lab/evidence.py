"""What a run's numbers were computed from: which videos, what was in them, class names, draws, and a look at frames.

    runs/<suite>/<run>/evidence/videos.parquet     a row per listed video: name, label, SHA-256 of its content
    runs/<suite>/<run>/evidence/classes.parquet    a row per class of each list: as it is spelled, named, prompted
    runs/<suite>/<run>/evidence/looks.parquet      of some tested videos the frames that were decoded, 8 x 8 pixels
    runs/<suite>/<run>/evidence/draws.parquet      a row per training video of each trained cell

The record has digests of these files. A table that has no rows is not written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from text4vis_core.files import file_digest

from .rows import SCHEMA
from .stored_tables import read_table
from .storing import replacing

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

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


def write_table(run_dir: Path, name: str, table: pa.Table | pd.DataFrame | None) -> None:
    """Write a table of `TABLES` as Parquet, whole or not at all; none, or one without rows, removes what was there."""
    path = run_dir / FOLDER / f"{name}.parquet"
    if table is None or not len(table):
        path.unlink(missing_ok=True)
        return
    import pandas as pd  # after it: a record without evidence is written without them
    import pyarrow as pa
    from pyarrow import parquet

    if isinstance(table, pd.DataFrame):
        table = pa.Table.from_pandas(table, table_schema(name), preserve_index=False)
    with replacing(path) as temporary:  # paths of many videos, again and again, are kept once
        table = table.cast(table_schema(name)).replace_schema_metadata(None)
        parquet.write_table(table, temporary, compression="zstd", dictionary_pagesize_limit=2**26)


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
        return table_schema(name).empty_table().to_pandas()
    if path.is_file() and file_digest(path) != digest:
        raise ValueError(f"{path} is not what the record beside it was written with; run the notebook again")
    return read_table(path, TABLES[name], f"evidence of {name}").select(list(TABLES[name])).to_pandas()


def table_schema(name: str) -> pa.Schema:
    """The columns of a table of `TABLES`, as pyarrow has them."""
    import pyarrow as pa

    kinds = {"list<element: int64>": pa.list_(pa.field("element", pa.int64()))}
    return pa.schema([(c, kinds.get(kind) or pa.type_for_alias(kind)) for c, kind in TABLES[name].items()])

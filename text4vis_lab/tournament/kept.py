"""A tournament's record that stays when its data is gone: rows, ranks and facts, none of the embeddings.

data/records/<name>/record.json               parameters, metrics, fingerprints, provenance of the run
data/records/<name>/rows.parquet              its table, see `rows.COLUMNS`
data/records/<name>/scores/ranks.parquet      the rank of the true class of each tested item, for every cell
data/records/<name>/README.md                 by hand: source, licence, and what it can and cannot show
data/records/<name>/note.txt                  by hand: the same in a sentence or two, beside every number of it

python -m text4vis_lab.tournament.kept runs/features/features data/records/ucf101_vit_b32      # keeps a run
"""

import shutil
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from text4vis_core.files import file_digest

from ..notebooks import repository_root
from ..records import RECORD, read_record
from ..rows import as_table, check_rows
from ..scores import FOLDER, RANKS
from ..sealing import Kind, Schema
from ..storing import replacing

KEPT, ROWS, NOTE = "record.json", "rows.parquet", "note.txt"
COSINES = "cosines.safetensors"  # (C, C) between text rows, by name
FACTS = ("notebook", "parameters", "metrics", "data", "weights", "timings", "provenance")


class _Parameters(Schema):
    """What a kept record's run was given, as far as it is looked at."""

    dataset: str


class _Metrics(Schema):
    """What a kept record tells of its data."""

    about: str
    text: Any


class _Finished(Schema):
    """When a kept record was measured."""

    finished: str


class _KeptRecord(Schema):
    """What `record.json` of a kept record holds."""

    notebook: str
    parameters: _Parameters
    metrics: _Metrics
    data: dict[str, dict[str, Any]]
    weights: dict[str, str]
    provenance: _Finished
    files: dict[str, str]


RECORDS = Kind("a kept record", _KeptRecord, "restore it, or keep the run again")


def keep(run_dir: str | Path, folder: str | Path) -> Path:
    """Keep a finished run's record in a folder; what was kept there before is replaced. Returns the folder.

    Raises:
        FileNotFoundError, ValueError: the run has no record, or it is damaged.
    """
    record, folder = read_record(Path(run_dir, RECORD)), Path(folder)
    rows = as_table(record["rows"])
    with replacing(folder / ROWS) as temporary:
        rows.to_parquet(temporary, index=False, compression="zstd")
    for name in _files(run_dir):
        with replacing(folder / name) as temporary:
            shutil.copyfile(Path(run_dir, name), temporary)
    digests = {name.as_posix(): file_digest(folder / name) for name in (Path(ROWS), *_files(folder))}
    RECORDS.write(folder / KEPT, {name: record[name] for name in FACTS if name in record} | {"files": digests})
    return folder


def read_kept(folder: str | Path) -> dict[str, Any]:
    """A kept record, with its rows as `rows`.

    Raises:
        FileNotFoundError: there is none in the folder.
        ValueError: it is damaged, or was changed; names the file, the field and the remedy.
    """
    path = Path(folder, KEPT)
    if not path.is_file():
        raise FileNotFoundError(f"parameter record: {folder} holds no {KEPT}; give the folder of a kept record")
    record = RECORDS.read(path)
    for name, digest in record["files"].items():
        if not (path.parent / name).is_file() or file_digest(path.parent / name) != digest:
            raise RECORDS.wrong(path, f"field 'files': {name} is not what was kept")
    try:
        table = pd.read_parquet(Path(folder, ROWS))
        rows = [{k: v for k, v in row.items() if not pd.isna(v)} for row in table.to_dict("records")]
        check_rows(rows, ROWS)
    except (OSError, ValueError) as error:
        raise RECORDS.wrong(path, error) from error
    return record | {"rows": rows}


def is_shown(lab: Any, folder: str | Path) -> bool:
    """Whether a kept record stands for the run: one is named, and the data of the settings is not at hand."""
    root = lab.values["data_root"]
    return bool(folder) and not (root and (repository_root() / root).is_dir())


def show(lab: Any, folder: str | Path) -> pd.DataFrame:
    """Take a kept record for the notebook's own: its rows, which are returned, ranks and facts go to the run's record.

    Args:
        lab: whose dataset is the record's.
        folder: of the kept record.

    Raises:
        FileNotFoundError, ValueError: there is none, it is damaged, or of another data set.
    """
    record = read_kept(folder)
    dataset = record["parameters"]["dataset"]
    if lab.values["dataset"] != dataset:
        raise ValueError(f"parameter record: {folder} is of dataset {dataset!r}: set dataset to it")
    for name in _files(folder):
        with replacing(lab.record.run_dir / name) as temporary:
            shutil.copyfile(Path(folder, name), temporary)
    (lab.record.run_dir / RECORD).unlink(missing_ok=True)  # whose numbers are not those of these ranks
    lab.record.rows, lab.record.data = record["rows"], record["data"]
    lab.record.weights |= record["weights"]
    facts = {name: record["provenance"].get(name) for name in ("finished", "commit", "code")}
    lab.record.metrics |= {"text": record["metrics"]["text"], "kept": {"folder": str(folder)} | facts}
    note, about = Path(folder, NOTE), record["metrics"]["about"]
    words = [note.read_text(encoding="utf-8").strip()] if note.is_file() else []
    lab.record.metrics["kept"]["note"] = " ".join(words)
    lab.record.metrics["about"] = " ".join([about, *words, f"Kept: measured {facts['finished'][:10]}, {folder}."])
    return as_table(record["rows"])


def _files(folder: str | Path) -> list[Path]:
    """What lies beside a record: ranks, and the cosines of text rows."""
    found = [*sorted(Path(folder, FOLDER).glob(f"{RANKS}*.parquet")), *Path(folder).glob(COSINES)]
    return [path.relative_to(folder) for path in found]


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m text4vis_lab.tournament.kept RUN_DIR FOLDER")
    try:
        print(keep(*sys.argv[1:]))
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")

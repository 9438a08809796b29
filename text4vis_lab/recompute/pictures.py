"""From a figure's stored table: the same specification, the same pixels, byte by byte."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from text4vis_core.files import file_digest

from ..figures import showing
from ..figures.__main__ import again

FOLDER = "figures/"


def figures_again(record: Mapping[str, Any]) -> tuple[int, list[str]]:
    """Every figure of a run from its table: how many, and which are not what is stored, by name.

    A figure that is not made of a table is the picture that it was.
    """
    run, count = Path(record["path"]).parent, 0
    sealed = {run / name: digest for name, digest in (record.get("files") or {}).items() if name.startswith(FOLDER)}
    faults = [f"{path} is gone" for path in sealed if not path.is_file()]
    faults += [
        f"{path} is not what the record beside it was written with"
        for path, digest in sealed.items()
        if path.is_file() and file_digest(path) != digest
    ]
    for path in sorted((run / "figures").glob("*.json")):
        count += 1
        try:
            asked = showing.FIGURES.read(path)
            wrong = [path.with_name(name) for name in asked["files"] if _digest(path, name) != asked["files"][name]]
            faults += [f"{file} {'changed since it was drawn' if file.is_file() else 'is gone'}" for file in wrong]
            if asked["draw"] is None or any(file.suffix == ".csv" for file in wrong):
                continue
            drawn, alt_text = again(path)
            with tempfile.TemporaryDirectory() as folder:
                digest_of = showing.digest_of(drawn, alt_text)
                showing.pictures(drawn, Path(folder, path.stem), alt_text)
                made = {file.name: file_digest(file) for file in Path(folder).iterdir()}
            others = [path.with_name(name) for name in sorted(made) if made[name] != asked["files"].get(name)]
            faults += [f"{file}: its table gives another picture" for file in others]
            if digest_of != asked["drawn"]:
                faults.append(f"{path}: its table gives another chart")
        except (OSError, ValueError) as error:
            faults.append(str(error))
    return count, faults


def _digest(path: Path, name: str) -> str:
    file = path.with_name(name)
    return file_digest(file) if file.is_file() else ""

"""A copy of the notebooks to work in: `make lab` opens it, and the project's own stay as they are.

python -m text4vis_lab.work            # copies what is not there yet, and names originals that changed since
python -m text4vis_lab.work --fresh    # takes every notebook anew; what was written in a copy goes to work/earlier/
"""

import argparse
import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from text4vis_core.files import file_digest

from .notebooks import repository_root
from .plain import write_json

FOLDER, EARLIER, ORIGINS = "work", "earlier", ".copied.json"


@dataclass
class Copied:
    """What `copy_notebooks` did, by the notebooks' file names.

    Attributes:
        new: that were copied; nothing of a reader's was in their place.
        behind: copies with a reader's work in them, whose originals have changed since.
        moved: copies with a reader's work, which lie in work/earlier now.
    """

    new: list[str] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)
    moved: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        lines = []
        if self.new:
            lines.append(f"{FOLDER}/ has {len(self.new)} new copies of notebooks")
        if self.behind:
            names = ", ".join(self.behind)
            lines.append(f"changed in notebooks/ since they were copied: {names}; make lab FRESH=1 takes all anew")
        if self.moved:
            lines.append(f"what you wrote lies in {FOLDER}/{EARLIER}/ now: {', '.join(self.moved)}")
        return "\n".join(lines)


def copy_notebooks(root: Path, fresh: bool = False) -> Copied:
    """Copy the project's notebooks to its folder `work`, where they are not.

    A copy that nobody has saved follows its original. Any other stays, unless all are wanted anew: then it is moved.

    Args:
        root: the project's folder.
        fresh: take all anew.
    """
    folder, done = root / FOLDER, Copied()
    folder.mkdir(exist_ok=True)
    origins = _read(folder / ORIGINS)
    for original in sorted((root / "notebooks").glob("*.ipynb")):
        name, copy, digest = original.name, folder / original.name, file_digest(original)
        now = file_digest(copy) if copy.exists() else ""
        if now == digest:
            origins[name] = digest
            continue
        if now and now != origins.get(name):  # saved by its reader
            if not fresh:
                done.behind += [name] * (origins.get(name) != digest)
                continue
            (folder / EARLIER).mkdir(exist_ok=True)
            os.replace(copy, folder / EARLIER / name)
            done.moved.append(name)
        shutil.copyfile(original, copy)
        origins[name] = digest
        done.new.append(name)
    write_json(folder / ORIGINS, origins)
    return done


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m text4vis_lab.work", description="Copies the notebooks to work/.")
    parser.add_argument("--fresh", action="store_true", help="take all anew; your copies are moved to work/earlier/")
    if text := str(copy_notebooks(repository_root(), parser.parse_args().fresh)):
        print(text)


if __name__ == "__main__":
    _main()

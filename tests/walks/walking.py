"""A page's commands, taken from its code blocks and run as they stand, in something like a fresh clone.

    walk = Walk(tmp_path, home=tmp_path / "home")
    for block in blocks(ROOT / "book/howto/your_videos.md"):
        print(walk.run(block))

Blocks in the languages of `RUN` are commands. The line `% not walked: a reason` above a block leaves it out, on the
page itself, where a reader of the source sees it; Sphinx prints no line that begins with %.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from conftest import ROOT

RUN = ("sh", "bash", "python")
FENCE = re.compile(r"^(?P<fence>`{3,})(?P<info>[^`]*)$")
LEFT_OUT = re.compile(r"^% not walked: (?P<reason>\S.*)$")
WRITTEN = ("book", "experiments", "notebooks")  # folders of the clone that commands write to: copied, the others linked
MINUTES = 10


@dataclass(frozen=True)
class Block:
    """A block of code of a page.

    Attributes:
        page: the file.
        line: where it begins, from 1.
        language: the first word after the fence.
        text: what is between the fences.
        left_out: why it is not run; empty where it is.
    """

    page: Path
    line: int
    language: str
    text: str
    left_out: str = ""

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"


def all_blocks(page: Path) -> list[Block]:
    """Every fenced block of a page, whatever its language; also within admonitions."""
    found, inside, reason = list[Block](), None, ""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        fence = FENCE.match(line.strip())
        if inside is None:
            if fence and not fence["info"].strip().startswith("{"):
                inside = number, fence["fence"], fence["info"].strip().split(" ")[0], list[str]()
            elif line.strip():
                told = LEFT_OUT.match(line.strip())
                reason = told["reason"] if told else ""
        elif fence and not fence["info"].strip() and len(fence["fence"]) >= len(inside[1]):
            begin, _, language, lines = inside
            found.append(Block(page, begin, language, "\n".join(lines) + "\n", reason))
            inside, reason = None, ""
        else:
            inside[3].append(line)
    return found


def blocks(page: Path) -> list[Block]:
    """The blocks of a page that are commands and are walked."""
    return [block for block in all_blocks(page) if block.language in RUN and not block.left_out]


@dataclass
class Walk:
    """Something like a fresh clone with its environment, in which a page's commands are run one after the other.

    Packages and data are those at hand, runs and the book its own. `~` is `home`: a page that says `~/my_videos` is
    walked as it stands.

    Attributes:
        folder: of the clone; made by the first command.
        home: what `~` is.
        instead: what a page says -> what is run in its place, where a machine lacks it: {"ViT-B-32": "mini_clip"}.
        told: stdout and stderr of each block that ran, by its line.
    """

    folder: Path
    home: Path
    instead: Mapping[str, str] = field(default_factory=dict)
    told: dict[int, str] = field(default_factory=dict)

    @property
    def clone(self) -> Path:
        """The clone's root, in which commands are given."""
        return self.folder / "clone"

    def run(self, block: Block) -> str:
        """Run a block by bash (or Python); what it printed. An AssertionError, with that, when a command fails.

        `cd`, `export` and `source` last until the block's end, as each is run by a shell of its own.
        """
        self._make()
        text = block.text
        for said, meant in self.instead.items():
            text = text.replace(said, meant)
        python = block.language == "python"
        command = [sys.executable, "-c", text] if python else ["bash", "-euo", "pipefail", "-c", text]
        done = subprocess.run(
            command,
            cwd=self.clone,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60 * MINUTES,
        )
        self.told[block.line] = done.stdout
        assert done.returncode == 0, f"{block}: exit status {done.returncode} of\n{text}\n{done.stdout[-4000:]}"
        return done.stdout

    @property
    def environment(self) -> dict[str, str]:
        """As after `source .venv/bin/activate`, with another home; no command asks the network."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV", "MAKE"))}
        return kept | {
            "HOME": str(self.home),
            "PATH": os.pathsep.join([str(self.clone / ".venv" / "bin"), str(self.folder / "bin"), kept["PATH"]]),
            "PYTHONPATH": str(self.clone),
            "MPLCONFIGDIR": str(self.folder / "matplotlib"),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",
            "JOBS": "2",
        }

    def _make(self) -> None:
        if self.clone.exists():
            return
        self.clone.mkdir(parents=True)
        self.home.mkdir(parents=True, exist_ok=True)
        for path in ROOT.iterdir():
            if path.name in WRITTEN:
                ignored = shutil.ignore_patterns("_build", "__pycache__", ".ipynb_checkpoints")
                shutil.copytree(path, self.clone / path.name, ignore=ignored)
            elif path.name not in ("runs", "work", ".venv", ".git", ".snakemake"):
                (self.clone / path.name).symlink_to(path)
        environment = self.clone / ".venv"  # a folder of its own, for `make` looks at the date of a file in it
        environment.mkdir()
        for path in Path(sys.prefix).iterdir():
            if path.name != ".installed":
                (environment / path.name).symlink_to(path)
        (environment / ".installed").touch()
        (self.folder / "bin").mkdir(exist_ok=True)
        command = self.folder / "bin" / "text4vis"  # for environments that were installed before it was declared
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m text4vis_lab.cli "$@"\n')
        command.chmod(0o755)

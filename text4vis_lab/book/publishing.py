"""A folder that any web server serves, and GitHub Pages: the built book, without what only its building needed.

python -m text4vis_lab.book.publishing [public]
"""

import shutil
import sys
from pathlib import Path

from .building import HTML

PUBLIC = Path("book/_build/public")
LEFT_OUT = (".buildinfo", ".doctrees", "objects.inv.txt")
MOST = 25 * 2**20  # bytes of a book


def main(target: str = "") -> int:
    """Write the folder; the exit status. Its path and size are printed."""
    folder = Path(target) if target else PUBLIC
    try:
        size = published(folder)
    except (FileNotFoundError, FileExistsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{folder.resolve()} ({size / 2**20:.1f} MB): upload all of it, .nojekyll included")
    if size > MOST:
        print(
            f"warning: more than {MOST / 2**20:.0f} MB: see which pictures of {folder}/_images are large",
            file=sys.stderr,
        )
    return 0


def published(folder: Path) -> int:
    """Copy the built book to a folder that was not there, or that an earlier call wrote; its size in bytes.

    Raises:
        FileNotFoundError: there is no built book.
        FileExistsError: the folder holds something else.
    """
    if not (HTML / "index.html").exists():
        raise FileNotFoundError(f"{HTML} holds no book: run make book first")
    if folder.exists() and any(folder.iterdir()) and not (folder / ".nojekyll").exists():
        raise FileExistsError(f"{folder} holds something that is no published book: name another folder")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(HTML, folder, ignore=shutil.ignore_patterns(*LEFT_OUT))
    (folder / ".nojekyll").touch()  # or GitHub leaves out what begins with "_"
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))

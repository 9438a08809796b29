"""python -m text4vis_lab.cache [FOLDER] [--clear]"""

import argparse
import time
from collections.abc import Sequence

from .cache import clear, entries


def _main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m text4vis_lab.cache", description="Lists cached embeddings.")
    parser.add_argument("folder", nargs="?", default="data/cache", help="default: data/cache")
    parser.add_argument("--clear", action="store_true", help="remove them")
    chosen = parser.parse_args(arguments)
    known = entries(chosen.folder)
    for entry in known:
        made = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.made))
        print(f"{entry.size / 1e6:10.1f} MB  {made}  {entry.path.name[:16]}  {entry.about}")
    print(f"{sum(entry.size for entry in known) / 1e6:10.1f} MB in {len(known)} files of {chosen.folder}")
    if chosen.clear:
        print(f"removed: {clear(chosen.folder) / 1e6:.1f} MB")


if __name__ == "__main__":
    _main()

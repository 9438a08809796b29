"""Builds the book of a suite's runs: python book/build.py experiments/miniature.yaml

Puts together book/_build/source (the pages of book/, the executed notebooks, a table of contents, and on the landing
page what the run records say of the paper's claims), gives it to Jupyter Book and prints the path of the index page:
see `text4vis_lab.book`.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # this checkout, whatever else is installed
    from text4vis_lab.book.building import main

    if len(sys.argv) != 2:
        sys.exit("usage: python book/build.py SUITE, for instance experiments/miniature.yaml")
    sys.exit(main(sys.argv[1]))

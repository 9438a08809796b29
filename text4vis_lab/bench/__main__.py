"""python -m text4vis_lab.bench compare A B: two records of the bench, as files or folders of their runs."""

import argparse
import sys

from ..suites import table
from .compare import BOUND, compare, read_bench, verdict


def main() -> None:
    """The command line, with a user's mistake said in one line."""
    parser = argparse.ArgumentParser(prog="python -m text4vis_lab.bench", description="Compare two records.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("compare", help="the second record over the first, quantity by quantity")
    command.add_argument("first", help="a run's folder, such as runs/bench/bench, or its result.json")
    command.add_argument("second", help="another")
    command.add_argument("--bound", type=float, default=BOUND, help="change that is pointed out; 0.05 is 5 %%")
    arguments = parser.parse_args()
    try:
        first, second = read_bench(arguments.first), read_bench(arguments.second)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    rows = compare(first, second, arguments.bound)
    if not rows:
        what = (f"{record['notebook']} ({', '.join(record['metrics']['parts'])})" for record in (first, second))
        sys.exit(f"error: no quantity is in both: the first is of {next(what)}, the second of {next(what)}")
    print(table(list(rows[0]), [list(row.values()) for row in rows]))
    print(verdict(first, second, arguments.bound))


if __name__ == "__main__":
    main()

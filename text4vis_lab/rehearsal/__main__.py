"""python -m text4vis_lab.rehearsal SUITE: exit status 1 when a run failed."""

import argparse
import sys

from ..plain import readable
from ..suites import SuiteError, read_suite
from . import rehearse
from .report import text_of


def main() -> int:
    """The command line, with a user's mistake said in one line."""
    description = "Check a machine in minutes before a suite is run on it for days."
    parser = argparse.ArgumentParser(prog="python -m text4vis_lab.rehearsal", description=description)
    parser.add_argument("suite", help="for instance experiments/kinetics400.yaml")
    try:
        record = rehearse(read_suite(parser.parse_args().suite))
    except (SuiteError, ValueError) as error:
        sys.exit(f"error: {readable(error, 4000)}")
    print(text_of(record))
    return int(any(row["status"] != "ok" for row in record["rows"]))


if __name__ == "__main__":
    sys.exit(main())

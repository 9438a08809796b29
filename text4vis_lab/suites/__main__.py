"""The command line: `python -m text4vis_lab.suites check|execute|summary|watch SUITE`."""

import argparse
import contextlib
import os
import signal
import sys
import time
from typing import NoReturn

from ..answering import LONGEST, answer_in
from ..plain import readable
from ..surroundings import clear_up
from . import __doc__ as about
from . import disagreement, execute, needs_table, read_attempt, read_suite, summary, watch
from .reading import Run, SuiteError
from .states import DONE


def main() -> NoReturn:
    """`check`, `execute`, `summary` or `watch`, with a user's mistake said in one line."""
    try:
        status = _main()
        sys.stdout.flush()
    except SuiteError as error:
        sys.exit(f"error: {readable(error, LONGEST)}")
    except BrokenPipeError:  # who reads wants no more, as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    sys.exit(status)


def _main() -> int:
    parser = argparse.ArgumentParser(prog="python -m text4vis_lab.suites", description=about.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (
        ("check", "read the suite and say what is wrong with it"),
        ("execute", "run one notebook of the suite"),
        ("summary", "say how each run ended; exit status 1 unless all are ok"),
        ("watch", "show every run until the suite has ended; exit status 1 unless all are ok"),
    ):
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("suite", help="for instance experiments/miniature.yaml")
        if name == "execute":
            command.add_argument("run")
            command.add_argument("--gpus", type=int, help="how many there are for it; by default what it asks for")
            command.add_argument("--with-parent", action="store_true", help="stop when the calling process is gone")
    arguments = parser.parse_args()

    suite = read_suite(arguments.suite, choices=arguments.command == "check")
    if arguments.command == "check":
        print("\n".join(filter(None, [f"{suite.path}: {len(suite.runs)} runs, nothing wrong", needs_table(suite)])))
    elif arguments.command == "execute":
        _execute(suite.run(arguments.run), arguments.gpus, arguments.with_parent)
    elif arguments.command == "watch":
        return int(any(state.state != DONE for state in watch(suite).states))
    else:
        print(summary(suite))
        return int(any(read_attempt(run)["status"] != "ok" or disagreement(run) for run in suite.runs))
    return 0


def _execute(run: Run, gpus: int | None, with_parent: bool) -> None:
    if with_parent:
        from ..processes import stop_with_parent

        stop_with_parent()
    signal.signal(signal.SIGTERM, lambda signum, _: _stopped(run, signum))
    print(f"{run.name}: started ({run.log})", flush=True)
    attempt = execute(run, gpus)
    found = attempt["error"] if attempt["status"] != "ok" else " ".join(answer_in(run.executed)[:1])
    print(f"{run.name}: {attempt['status']} after {attempt['seconds']:.0f} s {found}".rstrip(), flush=True)


def _stopped(run: Run, signum: int) -> None:
    """The last words of a run that is stopped from outside: the log is all it leaves."""
    line = f"{time.strftime('%H:%M:%S')} stopped by SIGTERM: a time limit was reached, or somebody cancelled it\n"
    with contextlib.suppress(OSError), run.log.open("a", encoding="utf-8") as file:
        file.write(line)
    clear_up()
    os._exit(128 + signum)


if __name__ == "__main__":
    main()

"""How a command runs: where, what it may say on which stream, and how it ends."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

COMPLETE = "_TEXT4VIS_COMPLETE"  # by which a shell asks for completions


class Unanswered(RuntimeError):
    """Something could not be answered, though the command was right: exit code 1. What, and what to do."""


class WrongUse(ValueError):
    """What was typed cannot be: exit code 2. What, and what to do."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The command `text4vis`, with an error in two lines: what is wrong, and what to do.

    Args:
        arguments: that were typed after its name; those of the process when None.
    """
    import typer

    from .commands import app

    # typer has its own copy of click since 0.20, whose errors are others.
    refused: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
    try:
        status = app(args=arguments, prog_name="text4vis", standalone_mode=False, complete_var=COMPLETE)
        sys.stdout.flush()
    except WrongUse as error:
        _say(*_in_two_lines(error, "see: text4vis --help"))
        sys.exit(2)
    except refused as error:
        context, what = getattr(error, "ctx", None), error.format_message()
        if what.startswith("Usage:"):  # nothing was typed
            print(what, file=sys.stderr)
        else:
            _say(what, f"see: {context.command_path if context else 'text4vis'} --help")
        sys.exit(2)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(128 + signal.SIGINT)
    except BrokenPipeError:  # who reads wants no more, as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except (ValueError, OSError, RuntimeError) as error:
        if os.environ.get("TEXT4VIS_TRACEBACK"):
            raise
        _say(*_in_two_lines(error, "set TEXT4VIS_TRACEBACK=1 to see what led to it"))
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)


def _in_two_lines(error: BaseException, otherwise: str) -> tuple[str, str]:
    """What is wrong and what to do: `otherwise`, where the error does not say."""
    from ..refusals import in_two_lines

    what, remedy = in_two_lines(error)
    return what, remedy if "folded below" not in remedy else otherwise


def _say(what: str, remedy: str) -> None:
    """What is wrong, and what to do: the second half of a message of ours, or else the remedy."""
    print(f"{' '.join(what.split())}\n{remedy}", file=sys.stderr)


def home() -> Path:
    """The project's folder, from wherever the command is called.

    Raises:
        Unanswered: the package does not lie in a clone.
    """
    from ..notebooks import repository_root

    with contextlib.suppress(FileNotFoundError):
        return repository_root()
    try:
        return repository_root(Path(__file__).parent)
    except FileNotFoundError:
        raise Unanswered("text4vis is installed without its clone; install it there: pip install -e '.[cli]'") from None


@contextlib.contextmanager
def at_home() -> Iterator[None]:
    """In the project's folder, where its data and runs lie; what is printed meanwhile goes to stderr."""
    before = Path.cwd()
    os.chdir(home())
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.chdir(before)


def absolute(path: Path) -> Path:
    """A path that stays right when the folder is left; links are not followed."""
    return Path(os.path.abspath(path.expanduser()))


def named(model: str) -> str:
    """A model as it was typed: a path from here, if something is there, else as it is: from the project's folder."""
    with contextlib.suppress(OSError, ValueError):
        return str(absolute(Path(model))) if Path(model).expanduser().exists() else model
    return model


def note(text: str) -> None:
    """Say something that is no result."""
    print(text, file=sys.stderr, flush=True)

"""Is every file read as it is meant? The cases of `tests/cases` are made and read, and what is given is judged.

    table = conform(cases(), folder)        a row for each case: kind, case, asked, given, verdict

A verdict is *right*; *concealed*, where FFmpeg shows damaged pictures without a word and the reader cannot know;
*refused*, where decord is asked and says by name that it cannot read what PyAV reads; *wrong*; or *not made*, where the
machine lacks what makes the file.
"""

import importlib.util
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from text4vis_core.data.video import Reading, VideoError, decode_frames, open_video
from text4vis_core.processes import progress_bar

from .notebooks import repository_root

RIGHT, CONCEALED, REFUSED, WRONG, NOT_MADE = "right", "concealed", "refused", "wrong", "not made"
LEFT = 0.9  # of the frames of a spoiled file, at least, where it is read and not refused
DRAWN = 12  # frames that are read again out of order


def load() -> Any:
    """The package `cases` of the project's tests, which makes the files."""
    if "cases" not in sys.modules:
        folder = repository_root() / "tests" / "cases"
        spec = importlib.util.spec_from_file_location(
            "cases", folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert spec is not None and spec.loader is not None
        sys.modules["cases"] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    for name in ("pattern", "direct", "case"):
        importlib.import_module(f"cases.{name}")
    return sys.modules["cases"]


def conform(cases: Iterable[Any], folder: Path, decoder: str = "pyav") -> pd.DataFrame:
    """Make each case in a folder, read it, and judge: columns kind, case, asked, given, verdict, seconds."""
    rows, cases = [], list(cases)
    for case in progress_bar(cases, "cases", unit="case"):
        begin = time.perf_counter()
        try:
            path = case.made_in(folder)
        except load().CannotMake as reason:
            verdict, given = NOT_MADE, str(reason)
        else:
            begin = time.perf_counter()
            verdict, given = judge(case, path, decoder)
        name = shown(case.name.removeprefix(f"{case.kind}/"))
        seconds = time.perf_counter() - begin
        rows.append((case.kind, name, case.asked, given, verdict, seconds))
    return pd.DataFrame(rows, columns=["kind", "case", "asked", "given", "verdict", "seconds"])


def judge(case: Any, path: Path, decoder: str = "pyav", strict: bool = False) -> tuple[str, str]:
    """The verdict on what a reader gives of a case's file, and that in words.

    Args:
        case: one of `load().CASES`.
        path: of its file.
        decoder, strict: as of `Reading`.
    """
    reading = Reading(decoder=decoder, strict=strict, **case.reading)
    with _inside(path.parent if case.relative else None):
        path = Path(path.name) if case.relative else path
        try:
            return _judged(case, path, reading)
        except VideoError as error:
            given = f"error: {shown(error.reason.replace(str(path.parent), '...'))}"
            if not error.reason or not Path(error.path).is_relative_to(path):  # of a folder, one of its pictures
                return WRONG, given
            if case.error and re.search(case.error, error.reason, re.IGNORECASE):
                return RIGHT, given
            return REFUSED if decoder == "decord" and case.numbers else WRONG, given
        except Exception as error:  # a reader has one kind of error
            return WRONG, f"{type(error).__name__}: {shown(str(error))}"


def _judged(case: Any, path: Path, reading: Reading) -> tuple[str, str]:
    pattern, ranges = load().pattern, load().case.ranges
    video = open_video(path, reading)
    frames = decode_frames(video, path, np.arange(len(video)))
    numbers, (height, width) = pattern.numbers_of(frames, case.turn), frames.shape[1:3]
    turns = sorted({pattern.orientation(frame) for frame in frames})
    readable = [number for number in numbers if number is not None]
    given = f"{len(frames)} frames ({ranges(readable)}) of {width} × {height}"
    given += f", {' and '.join(turns)}" if turns != ["upright"] else ""
    drawn = np.random.default_rng(0).permutation(len(frames))[:DRAWN]
    if not np.array_equal(decode_frames(open_video(path, reading), path, drawn), frames[drawn]):
        return WRONG, f"{given}; others where they are read out of order"
    right = numbers == list(case.numbers) and (height, width) == tuple(case.size)
    for part, asked in case.seconds.items():
        first, stop = video.part(*part)
        if numbers[first:stop] != list(asked):
            right = False
            given += f"; {part[0] or 0:g} to {part[1] or np.inf:g} s: {ranges(numbers[first:stop])}"
    if right:
        return RIGHT, given
    if case.error and case.numbers:
        known = iter(case.numbers)
        in_order = None not in numbers and all(number in known for number in numbers)
        if in_order and len(numbers) >= LEFT * len(case.numbers):
            return RIGHT, given
    if case.concealed:
        itself = load().direct.decode(path, reading.strict)
        if not itself.complains and list(itself.numbers) == numbers:
            return CONCEALED, f"{given}, as FFmpeg shows it without a word"
    return WRONG, given


def shown(text: str, most: int = 120) -> str:
    """A name or a message on a line: no line ends, no bytes that are not UTF-8, not too long."""
    text = os.fsencode(text).decode("utf-8", "backslashreplace").replace("\n", "\\n")
    return text if len(text) <= most else f"{text[: most // 2]}…{text[-most // 2 :]}"


@contextmanager
def _inside(folder: Path | None) -> Iterator[None]:
    """With a folder as the current directory."""
    before = os.getcwd()
    os.chdir(folder or before)
    try:
        yield
    finally:
        os.chdir(before)

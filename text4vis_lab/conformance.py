"""Is every file read as it is meant? The cases of `tests/cases` are made and read, and what is given is judged.

    table = conform(load().CASES, folder)        a row for each case: kind, case, asked, decoder, given, verdict

A verdict is *right*; *concealed*, where FFmpeg shows damaged pictures without a word and the reader cannot know;
*refused*, where decord says in words of its own that it cannot read the file; *wrong*; or *not made*, where the machine
lacks what makes the file.
"""

import importlib.util
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from text4vis_core.data.video import Reading, VideoError, decode_frames, open_video, read_frames
from text4vis_core.processes import progress_bar

from .notebooks import repository_root
from .plain import readable

VERDICTS = RIGHT, CONCEALED, REFUSED, WRONG, NOT_MADE = "right", "concealed", "refused", "wrong", "not made"
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


def kinds() -> list[str]:
    """The kinds of cases, in their order."""
    return list(dict.fromkeys(case.kind for case in load().CASES))


def conform(cases: Iterable[Any], folder: Path, decoders: Sequence[str] = ("pyav",), workers: int = 2) -> pd.DataFrame:
    """Make each case in a folder, read it by each decoder, and judge.

    Returns:
        A row for each case and decoder, in their order: kind, case, asked, decoder, given, verdict, and the seconds
        that reading took.
    """
    cases = list(cases)

    def rows(case: Any) -> list[tuple]:
        return [(case.kind, _name(case), case.asked, decoder, *_tried(case, folder, decoder)) for decoder in decoders]

    inside = {
        case.name: rows(case) for case in cases if case.relative
    }  # one after the other: they change the directory
    with ThreadPoolExecutor(workers) as pool:
        others = pool.map(lambda case: inside.get(case.name) or rows(case), cases)
        found = [row for each in progress_bar(others, "cases", total=len(cases)) for row in each]
    return pd.DataFrame(found, columns=["kind", "case", "asked", "decoder", "given", "verdict", "seconds"])


def by_kind(table: pd.DataFrame) -> pd.DataFrame:
    """How many cases of each kind have which verdict, in columns by decoder and verdict; without verdicts of none."""
    counts = table.pivot_table(index="kind", columns=["decoder", "verdict"], aggfunc="size", fill_value=0, sort=False)
    order = [(decoder, verdict) for decoder in table["decoder"].unique() for verdict in VERDICTS]
    return counts[[column for column in order if column in counts]]


def pictures(cases: Iterable[Any], folder: Path) -> tuple[list[np.ndarray], list[str]]:
    """What PyAV gives of the middle frame of the first sound file of each kind, uint8 (H, W, 3), and captions."""
    first: dict[str, Any] = {}
    for case in cases:
        if not (case.error or case.relative or case.reading) and case.kind not in first:
            with suppress(load().CannotMake):
                first[case.kind] = (case, case.made_in(folder))
    given = [read_frames(path, lambda length: np.array([length // 2]))[0] for _, path in first.values()]
    return given, [
        f"{kind}: {_name(case)}, {case.numbers[len(case.numbers) // 2]}" for kind, (case, _) in first.items()
    ]


def _name(case: Any) -> str:
    return readable(case.name.removeprefix(f"{case.kind}/"))


def _tried(case: Any, folder: Path, decoder: str) -> tuple[str, str, float]:
    """What is given, the verdict, and the seconds that reading took."""
    try:
        path = case.made_in(folder)
    except load().CannotMake as reason:
        return str(reason), NOT_MADE, 0.0
    begin = time.perf_counter()
    verdict, given = judge(case, path, decoder)
    return given, verdict, time.perf_counter() - begin


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
            given = f"error: {readable(error.reason.replace(str(path.parent), '...'))}"
            if not error.reason or not Path(error.path).is_relative_to(path):  # of a folder, one of its pictures
                return WRONG, given
            if case.error and re.search(case.error, error.reason, re.IGNORECASE):
                return RIGHT, given
            return REFUSED if decoder == "decord" else WRONG, given
        except Exception as error:  # a reader has one kind of error
            return WRONG, f"{type(error).__name__}: {readable(str(error))}"


def _judged(case: Any, path: Path, reading: Reading) -> tuple[str, str]:
    pattern, ranges = load().pattern, load().case.ranges
    video = open_video(path, reading)
    frames = decode_frames(video, path, np.arange(len(video)))
    numbers, (height, width) = pattern.numbers_of(frames, case.turn), frames.shape[1:3]
    turns = sorted({pattern.orientation(frame) for frame in frames})
    told = [number for number in numbers if number is not None]
    given = f"{len(frames)} frames ({ranges(told)}) of {width} × {height}"
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


@contextmanager
def _inside(folder: Path | None) -> Iterator[None]:
    """With a folder as the current directory."""
    before = os.getcwd()
    os.chdir(folder or before)
    try:
        yield
    finally:
        os.chdir(before)

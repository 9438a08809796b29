"""A trial: films of all containers are damaged at random, and what the readers make of them is counted.

    python -m tests.cases.mutations                    728 films, two readers: minutes on two cores
    python -m tests.cases.mutations --seed 1 --count 100 --only webm

Files are read by worker processes with limits in time and memory: 8 frames, chosen as in an evaluation. Every outcome
is one of `OUTCOMES`; what is wrong is listed, and kept in the folder of the trial.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from .films import Film
from .workers import Crew

FRAMES = 48
H264 = Film(FRAMES, b=2)
FILMS = {
    "h264.mp4": H264,
    "hevc.mp4": Film(FRAMES, codec="libx265", b=2),
    "index in front.mp4": Film(FRAMES, b=2, mux={"movflags": "faststart"}, sound=2),
    "fragments.mp4": Film(FRAMES, mux={"movflags": "frag_keyframe+empty_moov"}),
    "mjpeg.mov": Film(FRAMES, codec="mjpeg", pixels="yuvj420p"),
    "h264.mkv": H264,
    "vp8.webm": Film(FRAMES, codec="libvpx"),
    "vp9.webm": Film(FRAMES, codec="libvpx-vp9"),
    "mpeg4.avi": Film(FRAMES, codec="mpeg4", b=2),
    "h264.ts": Film(FRAMES, b=2, sound=2),
    "mpeg2.mpg": Film(FRAMES, codec="mpeg2video", b=2),
    "wmv2.wmv": Film(FRAMES, codec="wmv2"),
    "flv1.flv": Film(FRAMES, codec="flv"),
    "h263.3gp": Film(FRAMES, codec="h263", size=(144, 176)),
}
PER_FILM = 52
HEADER = 2048  # bytes at either end of a file, where most of the headers lie
OUTCOMES = {
    "error": "refused by name",
    "right": "the pictures that were asked for",
    "fewer": "right pictures, in order, of a file that lost its beginning, or up to a tenth",
    "concealed": "other pictures, as FFmpeg itself shows them, without a flag",
    "concealed, strict refuses": "the same, but FFmpeg's strict decoding refuses the file",
    "wrong": "other pictures, which FFmpeg flags, or does not show there",
    "hole": "right pictures, in order, of a file of which more than a tenth is gone from the middle",
    "no name": "an error that does not name the file",
    "crash": "the process died",
    "timeout": "it took longer than the limit",
    "memory": "it asked for more memory than the limit",
}
FAULTS = ("wrong", "hole", "no name", "crash", "timeout", "memory")


@dataclass(frozen=True)
class Mutation:
    """One damaged film: of which, how, and the seed; the same for ever."""

    film: str
    kind: str
    seed: tuple[int, int, int]

    @property
    def name(self) -> str:
        return f"{'-'.join(map(str, self.seed))} {self.kind} {self.film}"

    def of(self, content: bytes) -> bytes:
        """The film's bytes, damaged."""
        return KINDS[self.kind](bytearray(content), np.random.default_rng(self.seed))


def _flip(content: bytearray, rng: np.random.Generator, places: np.ndarray) -> bytearray:
    for place in places:
        content[place] ^= 1 << int(rng.integers(8))
    return content


def _count(rng: np.random.Generator, most: int) -> int:
    return int(np.exp(rng.uniform(0, np.log(most))))  # as often few as many


def _run(content: bytearray, rng: np.random.Generator) -> slice:
    size = min(len(content) // 3, _count(rng, 8000) + 8)
    begin = int(rng.integers(len(content) - size))
    return slice(begin, begin + size)


def flips(content: bytearray, rng: np.random.Generator) -> bytearray:
    return _flip(content, rng, rng.integers(0, len(content), _count(rng, 200)))


def header_flips(content: bytearray, rng: np.random.Generator) -> bytearray:
    size = min(HEADER, len(content) // 2)
    places = rng.integers(0, size, _count(rng, 40))
    return _flip(content, rng, len(content) - 1 - places if rng.random() < 0.4 else places)


def header_numbers(content: bytearray, rng: np.random.Generator) -> bytearray:
    """Four bytes become a number that headers seldom hold."""
    size = min(HEADER, len(content) // 2)
    begin = int(rng.integers(size))
    begin = len(content) - 4 - begin if rng.random() < 0.4 else begin
    values = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x10000, 0xFFFF)
    content[begin : begin + 4] = values[rng.integers(len(values))].to_bytes(
        4, "big" if rng.random() < 0.5 else "little"
    )
    return content


def zeros(content: bytearray, rng: np.random.Generator) -> bytearray:
    run = _run(content, rng)
    content[run] = bytes(run.stop - run.start)
    return content


def noise(content: bytearray, rng: np.random.Generator) -> bytearray:
    run = _run(content, rng)
    content[run] = rng.bytes(run.stop - run.start)
    return content


def cut(content: bytearray, rng: np.random.Generator) -> bytearray:
    return content[: int(rng.integers(16, len(content)))]


def beginning_lost(content: bytearray, rng: np.random.Generator) -> bytearray:
    return content[int(rng.integers(1, len(content) // 2)) :]


def swapped(content: bytearray, rng: np.random.Generator) -> bytearray:
    run = _run(content, rng)
    size = run.stop - run.start
    other = int(rng.integers(len(content) - size))
    content[run], content[other : other + size] = content[other : other + size], content[run]
    return content


def inserted(content: bytearray, rng: np.random.Generator) -> bytearray:
    place = int(rng.integers(len(content)))
    content[place:place] = rng.bytes(_count(rng, 4000))
    return content


def removed(content: bytearray, rng: np.random.Generator) -> bytearray:
    del content[_run(content, rng)]
    return content


def repeated(content: bytearray, rng: np.random.Generator) -> bytearray:
    run = _run(content, rng)
    content[run.stop : run.stop] = content[run]
    return content


KINDS = {
    each.__name__: each
    for each in (
        flips, header_flips, header_numbers, zeros, noise, cut, beginning_lost, swapped, inserted, removed, repeated,
    )
}  # fmt: skip


def mutations(count: int, seed: int = 0, only: str = "") -> list[Mutation]:
    """So many mutations, of every film whose name holds `only` in turn, and of every kind."""
    films = [name for name in FILMS if only in name]
    kinds = list(KINDS)
    found = []
    for number in range(count):
        film, place = films[number % len(films)], number // len(films)
        kind = kinds[(place + number) % len(kinds)]
        found.append(Mutation(film, kind, (seed, list(FILMS).index(film), place)))
    return found


def trial(found: list[Mutation], folder: Path, decoders: tuple[str, ...], workers: int = 2) -> Iterator[dict]:
    """Damage films in a folder, and read each by every decoder: mutation, decoder, outcome, words; in any order.

    Files of which something is wrong are left in the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    contents = {}
    with TemporaryDirectory() as temporary:
        for name in dict.fromkeys(mutation.film for mutation in found):
            film = Path(temporary, name)
            FILMS[name](film)
            contents[name] = film.read_bytes()

    def jobs() -> Iterator[dict]:
        for mutation in found:
            path = folder / mutation.name
            path.write_bytes(mutation.of(contents[mutation.film]))
            for decoder in decoders:
                yield {"path": str(path), "decoder": decoder, "frames": FRAMES, "mutation": asdict(mutation)}

    faulty, left = set(), Counter({mutation.name: len(decoders) for mutation in found})
    for job, outcome, words in Crew(workers).do(jobs()):
        name = Path(job["path"]).name
        left[name] -= 1
        if outcome in FAULTS:
            faulty.add(name)
        if not left[name] and name not in faulty:
            (folder / name).unlink()
        yield {**job["mutation"], "file": name, "decoder": job["decoder"], "outcome": outcome, "words": words}


def table(rows: list[dict]) -> str:
    """How many of each outcome, by decoder."""
    counts = Counter((row["decoder"], row["outcome"]) for row in rows)
    decoders = sorted({row["decoder"] for row in rows})
    lines = [f"{'':26}" + "".join(f"{decoder:>9}" for decoder in decoders)]
    for outcome, meaning in OUTCOMES.items():
        numbers = "".join(f"{counts[decoder, outcome]:9d}" for decoder in decoders)
        lines.append(f"{outcome:26}{numbers}   {meaning}")
    return "\n".join(lines)


def main() -> int:
    """Run a trial by the command line; the exit status is 1 where a reader is at fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=PER_FILM * len(FILMS), help="how many films are damaged")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="films whose names hold this")
    parser.add_argument("--decoders", nargs="+", default=["pyav", "decord"])
    parser.add_argument("--workers", type=int, default=2, help="processes that read")
    parser.add_argument("--folder", type=Path, default=Path("runs/mutations"), help="for the table, and what is wrong")
    asked = parser.parse_args()
    rows = []
    for row in trial(
        mutations(asked.count, asked.seed, asked.only), asked.folder, tuple(asked.decoders), asked.workers
    ):
        rows.append(row)
        if len(rows) % 100 == 0:
            print(f"{len(rows)} readings", file=sys.stderr, flush=True)
    rows.sort(key=lambda row: (row["decoder"], row["file"]))
    faults = [row for row in rows if row["outcome"] in FAULTS]
    (asked.folder / "outcomes.json").write_text(json.dumps(rows, indent=1))
    print(table(rows))
    for row in faults + [row for row in rows if row["outcome"].startswith("concealed")]:
        print(f"{row['outcome']}: {row['decoder']}: {row['file']}: {row['words']}")
    print(f"{len(faults)} faults; the files are in {asked.folder}")
    return int(bool(faults))


if __name__ == "__main__":
    raise SystemExit(main())

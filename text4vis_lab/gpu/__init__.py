"""What needs a GPU, tried and measured in one call: is it right, is it fast, and a record of both.

    python -m text4vis_lab.gpu                         # every part, on the GPU; without one it says so
    python -m text4vis_lab.gpu --device cpu --tiny     # rehearsed where there is none: every part, small

A part is a function that yields `bench` quantities, with a process and a time limit of its own: it may crash or hang
without hindering the next, and what it yielded is kept. `right.py` and `training.py` compare, `fast.py` measures.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


class Part(NamedTuple):
    """A part: its function, "module:name", the seconds that it may take, and whether others may run beside it."""

    function: str
    seconds: int
    beside: bool = False


PARTS = {
    "backbones": Part("right:backbones", 150, True),
    "reference": Part("right:reference", 60, True),
    "shared": Part("right:shared", 150, True),
    "few_shot": Part("training:few_shot", 150, True),
    "resume": Part("training:resume", 150, True),
    "scaler": Part("training:scaler", 150, True),
    "ceilings": Part("fast:ceilings", 30),
    "b32_f8": Part("fast:model", 60),
    "b16_f8": Part("fast:model", 120),
    "l14_f8": Part("fast:model", 90),
    "l14_336_f32": Part("fast:model", 60),
    "loading": Part("fast:loading", 75),
    "waiting": Part("fast:waiting", 150, True),
    "trace": Part("fast:trace", 30),
}


@dataclass(frozen=True)
class Check:
    """What a part is asked for: "cuda" or "cpu"; small; an absolute folder for what it writes; and its name."""

    device: str
    tiny: bool
    out: Path
    part: str = ""

    @property
    def cuda(self) -> bool:
        return self.device == "cuda"

    @property
    def few(self) -> tuple[int, int]:
        """Videos of each of the miniature's 24 classes, to train on and to test."""
        return (1, 1) if self.tiny else (4, 10)

    def size(self, usual: int, tiny: int) -> int:
        return tiny if self.tiny else usual

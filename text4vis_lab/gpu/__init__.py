"""What needs a GPU, tried and measured in one call: is it right, is it fast, and a record of both.

    python -m text4vis_lab.gpu                         # every part, on the GPU; without one it says so
    python -m text4vis_lab.gpu --device cpu --tiny     # rehearsed where there is none: every part, small

A part is a function that yields `bench` quantities, and has a process and a time limit of its own: it may crash, hang
or run out of memory without hindering the next. What it yielded until then is kept. `right.py` and `training.py`
compare, `fast.py` measures, `running.py` starts the parts and writes the record, which `bench compare` takes.
"""

from typing import NamedTuple

from text4vis_core._names import on_first_use


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
    "steps": Part("training:steps", 150, True),
    "ceilings": Part("fast:ceilings", 30),
    "b32_f8": Part("fast:b32_f8", 90),
    "b16_f8": Part("fast:b16_f8", 90),
    "l14_f8": Part("fast:l14_f8", 150),
    "l14_336_f32": Part("fast:l14_336_f32", 90),
    "loading": Part("loading:loading", 90),
    "waiting": Part("loading:waiting", 60),
    "trace": Part("loading:trace", 60),
}

__getattr__, __dir__, __all__ = on_first_use(__name__, {"running": "run_parts"})

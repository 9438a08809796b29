"""Rehearse a suite: what would go wrong on this machine, and how long it would take, in minutes instead of days.

    python -m text4vis_lab.rehearsal experiments/kinetics400.yaml

Every run that says what it `needs` is rehearsed on stand-ins for its data (`stand_ins.py`), through the same functions
as its notebook: the data set's reader, the architecture with its temporal module (random weights where the real ones
are not here), the class embeddings, two optimiser steps with a checkpoint after each, a resume from the first of them
that must end where the uninterrupted training did, and the evaluation of 4 x 3 views (`measure.py`). Each in a process
of its own, so that its peak memory is its own and a crash is a row of the table (`report.py`). Nothing is downloaded.

On a GPU nothing is reduced but the data. On a CPU a rehearsal is kept within a budget of floating-point operations
(`plan.py`), and the table says what is left to a GPU. Runs that are the same after that, but for the names of classes
and videos, are rehearsed once. Runs of one architecture that differ otherwise, as in the initialisation, in the
augmentation or in that videos have several labels, share its measurements, and each has a step of its own.
"""

from text4vis_core._names import on_first_use

__getattr__, __dir__, __all__ = on_first_use(__name__, {"running": "rehearse"})

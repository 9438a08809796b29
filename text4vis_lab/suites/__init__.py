"""Suites: which notebook runs with which parameters, read from `experiments/*.yaml`.

    python -m text4vis_lab.suites check experiments/miniature.yaml
    python -m text4vis_lab.suites execute experiments/miniature.yaml zero_shot
    python -m text4vis_lab.suites summary experiments/miniature.yaml
    python -m text4vis_lab.suites watch experiments/miniature.yaml

Snakemake calls `execute` once per run, in the order and as parallel as the suite and the machine allow (`Snakefile`).
A run writes to `runs/<suite>/<run>/`: the executed notebook, its log, what the notebook itself records, and
`attempt.json`, which says how the attempt ended. All paths are relative to the root of the repository.

`reading.py` reads and checks a suite, `running.py` runs what it holds, `_gpus.py` shares out the machine's GPUs.
`inputs.py` says what a run is made of, `changes.py` what of it has other content since, `attempts.py` whether what lies
in its folder is what the suite ran.
While it goes on, `states.py` reads how far every run is; `terminal.py` shows it, `page.py` writes `runs/board.html`.
"""

from .attempts import counted, disagreement, newest_record, read_attempt
from .changes import changes
from .inputs import shared_inputs
from .page import shown
from .reading import NEEDS, Run, Suite, SuiteError, needs_table, read_suite, table
from .running import execute, forget_failures, hold_lock, summary
from .states import board
from .terminal import watch

__all__ = [
    "NEEDS",
    "Run",
    "Suite",
    "SuiteError",
    "read_suite",
    "needs_table",
    "table",
    "execute",
    "read_attempt",
    "disagreement",
    "counted",
    "newest_record",
    "changes",
    "shared_inputs",
    "forget_failures",
    "hold_lock",
    "summary",
    "board",
    "shown",
    "watch",
]

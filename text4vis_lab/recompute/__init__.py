"""Every number and figure of finished runs, computed again from what they left and compared with what is stored.

    text4vis recompute runs/miniature
    text4vis recompute runs/miniature --again runs/miniature/zero_shot

`numbers.py` goes from the scores per video to metrics, means with their intervals, claims, contrasts and confusions;
`pictures.py` from a figure's table to its picture; `notebook.py` executes a run's notebook once more in a copy of its
folder, where finished trainings are read. `whole.py` does it all.
"""

from .notebook import executed_again
from .numbers import answers_again, claims_again, contrasts_again, means_again, metrics_again, table_again
from .pictures import figures_again
from .whole import Found, recompute

__all__ = [
    "Found",
    "recompute",
    "metrics_again",
    "means_again",
    "claims_again",
    "contrasts_again",
    "answers_again",
    "table_again",
    "figures_again",
    "executed_again",
]

"""The bench: what a machine does with this project's code, against yardsticks that are measured in the same run.

A measurement is a `Quantity`: a number with every repetition and, where there is one, the limit that it should keep.
`machine`, `loading`, `opening`, `copies`, `parallel`, `fresh`, `model` and `views` measure, on the videos of `clips`
and against the models of `baselines`; `figures` draws; `compare` sets two records side by side.
`notebooks/13_bench.ipynb` runs all of it, `python -m text4vis_lab.bench compare A B` compares two of its records.
"""

from text4vis_core._names import on_first_use

# What can be measured, in the order of the notebook.
PARTS = ("samples", "opening", "copies", "workers", "memory", "model", "evaluation", "starts", "scoring", "processes")

__getattr__, __dir__, __all__ = on_first_use(__name__, {"parts": "Bench Sizes"})

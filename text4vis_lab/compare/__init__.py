"""Why is my number different? Two runs, or a run and a published number, side by side.

pair.py, matching.py     which rows, and which videos, are the same in both
measuring.py             how far two lots of answers are apart, with an interval over groups of videos
causes.py                the known causes: how each is noticed, and undone. Its functions are in
of_names.py, of_videos.py, of_frames.py, of_training.py, of_scores.py
explaining.py            what each cause does, and what is left
comparing.py             two runs            published.py    a run and a published number
differing.py             facts that differ, and videos that changed sides
"""

from text4vis_core._names import on_first_use

__getattr__, __dir__, __all__ = on_first_use(
    __name__,
    {
        "comparing": "Comparison compare",
        "causes": "CAUSES Cause Effect",
        "explaining": "Finding",
        "pair": "Pair Side",
    },
)

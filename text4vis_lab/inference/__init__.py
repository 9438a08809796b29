"""What test videos and few seeds allow to say: intervals, differences, verdicts, and how many seeds are needed.

    cube.py       right or wrong, of each seed and video of a method      bootstrap.py   resampled over seeds and groups
    tables.py     means and differences of rows, which notebooks show     verdicts.py    holds, fails, or undecided
    components.py what varies, and how many seeds that asks for           mixed.py       another model, as a check
    simulate.py   how often verdicts are right

Nothing here trains or reads a video: it takes rows and scores per video, of a laboratory or of a record.
"""

from text4vis_core._names import on_first_use

__getattr__, __dir__, __all__ = on_first_use(
    __name__,
    {
        "bootstrap": "Estimate",
        "components": "half_widths seed_components",
        "cube": "Cube cube_of",
        "mixed": "Logit mixed_logit",
        "simulate": "Noise coverage permuted rates",
        "tables": "Difference difference mean_text means with_harmonic_mean",
    },
)

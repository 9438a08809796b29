"""Every figure of the notebooks and the book, in one style. Nothing is computed here but means and their intervals.

Results come as tidy tables, one row per trained-and-tested cell; every function returns its figure.
"""

from .accuracy import bars, class_gain, loss_curve, over
from .contrasts import contrasts, forest
from .distributions import difference_counts, distributions, videos_per_class
from .frontier import frontier
from .headline import headline
from .league import climb, league
from .matrices import correlation_maps
from .pictures import frame_strips, picture_grid, the_idea, top_classes
from .style import interval, look, palette, use_style

__all__ = [
    # Results: `rows` of a run.
    "over",
    "bars",
    "class_gain",
    "loss_curve",
    "contrasts",
    "frontier",
    "league",
    "climb",
    "forest",
    "headline",
    # Classes.
    "correlation_maps",
    # Videos.
    "frame_strips",
    "picture_grid",
    "top_classes",
    "the_idea",
    # Data sets.
    "videos_per_class",
    "distributions",
    "difference_counts",
    # Style.
    "use_style",
    "look",
    "palette",
    "interval",
]

"""Every figure of the notebooks and the book, in one style. Nothing is computed here but means and their intervals.

A figure is a function of one tidy table and plain options: of results it is a chart that answers to the pointer
(Vega-Altair), of data a picture (seaborn). `Lab.show` shows it with its data beside the record, from which

    python -m text4vis_lab.figures RUN/figures/NAME.json

draws it again. What is made of frames or matrices, `Lab.picture` shows.
"""

from .accuracy import bars, class_gain, loss_curve, over
from .answers import poster, predicted
from .confusion import confusion
from .contrasts import contrasts, forest
from .distributions import difference_counts, distributions, long, videos_per_class
from .effects import effects
from .frontier import frontier
from .gallery import predictions
from .headline import headline
from .idea import the_idea
from .league import climb, league
from .matrices import correlation_maps
from .pictures import frame_strips, picture_grid, probabilities, top_classes
from .steps import steps
from .style import interval, look, palette, use_style

# What `Lab.show` takes, and `python -m text4vis_lab.figures` draws again: functions of a table.
OF_TABLES = {
    draw.__name__: draw
    for draw in (
        *(
            headline,
            league,
            climb,
            over,
            loss_curve,
            bars,
            class_gain,
            contrasts,
            forest,
            effects,
            steps,
            frontier,
        ),  # results
        *(confusion, predictions, top_classes),  # answers
        *(videos_per_class, distributions, difference_counts),  # data sets
    )
}

__all__ = [
    "OF_TABLES",
    "bars",
    "class_gain",
    "climb",
    "confusion",
    "contrasts",
    "correlation_maps",
    "difference_counts",
    "distributions",
    "effects",
    "forest",
    "frame_strips",
    "frontier",
    "headline",
    "interval",
    "league",
    "long",
    "look",
    "loss_curve",
    "over",
    "palette",
    "picture_grid",
    "poster",
    "predicted",
    "predictions",
    "probabilities",
    "steps",
    "the_idea",
    "top_classes",
    "use_style",
    "videos_per_class",
]

"""The miniature: a generated data set of short video files, Puppets, and the small CLIP that was trained for it.

    from text4vis_lab import miniature
    world = miniature.make()            # once; seconds afterwards
    world.videos, world.clip            # a data set laid out like UCF101, a folder for `load_clip`

`actions.py` says what there is to see and `_moves.py` how it moves, `skeleton.py` and `drawing.py` draw it, `films.py`
writes the videos, `pictures.py` the captioned pictures, `clip.py` trains the CLIP, `making.py` calls them in turn.
"""

from text4vis_core._names import on_first_use

__getattr__, __dir__, __all__ = on_first_use(
    __name__,
    {
        "actions": "ACTIONS NOVEL_CLASSES TIME_ORDERED_PAIRS",
        "making": "MODELS Miniature captioned_pictures film make prepare training_log",
    },
)

"""Lists of videos as data sets publish them: a reader each.

A reader is `(root, split, fold, missing) -> VideoList`, its arguments those of `load_videos` (and `lists`, if it is in
`LISTED`); its docstring says what is its own. What is wrong with the files is an `AnnotationError` with the remedy.
"""

from ..._names import on_first_use

__getattr__, __dir__, __all__ = on_first_use(
    __name__,
    {"readers": "READERS SPLITS load_videos", "kinetics": "kinetics400_categories"},
)

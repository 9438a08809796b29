"""Lists of videos as data sets publish them: a reader each.

A reader is `(root, split, fold, missing) -> VideoList`, its arguments those of `load_videos`; its docstring says what
is its own. Whatever is wrong with the files it raises as an `AnnotationError` of the file, the line and the remedy.
"""

from ..._names import on_first_use

__getattr__, __dir__, __all__ = on_first_use(
    __name__,
    {
        "readers": "READERS SPLITS load_videos",
        "kinetics": "kinetics400_categories",
        "index": "index_path",
    },
)

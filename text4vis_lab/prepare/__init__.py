"""Prepared copies of videos: short side and key frames such that any frame is decoded at once (`prepare`)."""

from text4vis_core._names import on_first_use

__getattr__, __dir__, __all__ = on_first_use(
    __name__,
    {
        "prepare": "data_set",
        "Prepared": "data_set",
        "PrepareError": "data_set",
        "Work": "data_set",
        "write_index": "index",
        "Recipe": "copying",
        "Trials": "comparing",
        "compare_recipes": "comparing",
        "recipes_of": "comparing",
    },
)

"""Prepared copies of videos: short side and key frames such that any frame is decoded at once (`prepare`)."""

from text4vis_core._names import on_first_use

__getattr__, __dir__, __all__ = on_first_use(
    __name__,
    {
        "data_set": "prepare Prepared PrepareError Work",
        "index": "index_path read_prepared write_index",
        "copying": "Recipe",
        "comparing": "Trials compare_recipes recipes_of",
    },
)

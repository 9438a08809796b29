"""Lists of videos as data sets publish them: a reader each."""

from ..._names import on_first_use

__getattr__, __dir__, __all__ = on_first_use(
    __name__,
    {
        "READERS": "readers",
        "SPLITS": "readers",
        "load_videos": "readers",
        "read_prepared": "index",
        "write_index": "index",
    },
)

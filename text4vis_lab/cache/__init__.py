"""Embeddings kept on disk: what was computed once, from the same weights, data, views and code, is read.

python -m text4vis_lab.cache data/cache             # what is kept there, and how large it is
python -m text4vis_lab.cache data/cache --clear     # removes it
"""

from text4vis_core._names import on_first_use

__getattr__, __dir__, __all__ = on_first_use(__name__, {"cache": "cached_class_embeddings cached_videos clear entries"})

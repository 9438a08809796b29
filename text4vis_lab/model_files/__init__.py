"""A trained model as a folder: written by a training, read by whatever asks the model.

`facts.py` says what a folder tells of its model, `network.py` rebuilds it, `folder.py` writes and reads, `card.py`
writes the card.
"""

from text4vis_core._names import on_first_use

__getattr__, __dir__, __all__ = on_first_use(
    __name__, {"facts": "Facts ModelError read_facts", "folder": "find_model models_in save_model"}
)

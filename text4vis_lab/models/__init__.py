"""A trained model as a thing: a folder that holds it, and what it answers about a video.

    from text4vis_lab.models import load_model, open_model
    model = load_model("runs/miniature/full_training/models/text-frozen-tuned-seed0")
    model.predict(["my_videos"])                                       # a table: video, rank, class, probability
    open_model("mini_clip", labels=["juggling", "waving hand"])        # untrained, with names of one's own

`facts.py` says what a folder tells of its model, `network.py` rebuilds it, `folder.py` writes and reads, `card.py`
writes the card; `model.py` is what answers, `opening.py` opens one by name, `videos.py` finds what it is asked about,
`doubts.py` says what speaks against an answer. `keeping.py` and `following.py` are for a laboratory that leaves or
takes a model, `training.py` makes one of a folder of videos.
"""

from text4vis_core._names import on_first_use

__getattr__, __dir__, __all__ = on_first_use(
    __name__,
    {
        "folder": "find_model models_in save_model",
        "facts": "Facts ModelError read_facts",
        "model": "Model",
        "opening": "load_model open_model",
        "training": "train_folder Trained",
        "videos": "find_videos",
    },
)

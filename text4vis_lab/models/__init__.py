"""A trained model as a thing that answers: opened by the name of its folder, asked about videos.

    from text4vis_lab.models import load_model, open_model
    model = load_model("runs/miniature/full_training/models/text-frozen-tuned-seed0")
    model.predict(["my_videos"])                                       # a table: video, rank, class, probability
    open_model("mini_clip", labels=["juggling", "waving hand"])        # untrained, with names of one's own

`model.py` is what answers, `opening.py` opens one by name, `doubts.py` says what speaks against an answer,
`following.py` is for a laboratory that takes a model. What lies in its folder is in `model_files`.
"""

from text4vis_core._names import on_first_use

__getattr__, __dir__, __all__ = on_first_use(__name__, {"model": "Model", "opening": "load_model open_model"})

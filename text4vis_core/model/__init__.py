"""CLIP, the video classifier, its last layer, temporal modules, published checkpoints. Begin with `classifier.py`."""

from .._names import on_first_use

__getattr__, __dir__, __all__ = on_first_use(
    __name__,
    {
        "classifier": "INITIALISERS initialiser initialise CosineClassifier cosine_logits",
        "video_classifier": "ImageEncoder VideoClassifier fingerprint",
        "clip": "Clip load_clip",
        "labels": "TEMPLATES NAME_STYLES prompts as_words",
        "temporal": "TEMPORAL TemporalOptions split_temporal",
        "checkpoints": "load_text4vis_checkpoint save_text4vis_checkpoint check_exportable",
    },
)

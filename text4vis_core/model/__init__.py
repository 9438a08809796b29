"""CLIP, the video classifier, its last layer, temporal modules, published checkpoints. Begin with `classifier.py`."""

from .._names import on_first_use

__getattr__, __dir__, __all__ = on_first_use(
    __name__,
    {
        "INITIALISERS": "classifier",
        "initialiser": "classifier",
        "initialise": "classifier",
        "CosineClassifier": "classifier",
        "LinearClassifier": "classifier",
        "cosine_logits": "classifier",
        "ImageEncoder": "video_classifier",
        "VideoClassifier": "video_classifier",
        "fingerprint": "video_classifier",
        "Clip": "clip",
        "load_clip": "clip",
        "load_class_embeddings": "clip",
        "save_class_embeddings": "clip",
        "TEMPLATES": "labels",
        "NAME_STYLES": "labels",
        "prompts": "labels",
        "as_words": "labels",
        "TEMPORAL": "temporal",
        "TemporalOptions": "temporal",
        "split_temporal": "temporal",
        "load_text4vis_checkpoint": "checkpoints",
        "save_text4vis_checkpoint": "checkpoints",
        "check_exportable": "checkpoints",
    },
)

"""Text-initialised video classifiers: frames in, logits out.

    model/        CLIP by name, the video classifier, its last layer (classifier.py: the paper), temporal modules
    data/         video files, sampling, transforms, lists of videos, batches; formats/: a reader each
    training/     recipe, objectives, the loop, how it uses the hardware
    evaluation/   embedding a data set, protocols, metrics

The names below are imported on first use, so that `import text4vis_core` itself costs nothing.
"""

from ._names import on_first_use

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = on_first_use(
    __name__,
    {
        "model.classifier": "INITIALISERS initialise",
        "model.video_classifier": "VideoClassifier",
        "model.clip": "load_clip",
        "model.checkpoints": "load_text4vis_checkpoint save_text4vis_checkpoint",
        "data.formats.readers": "load_videos",
        "data.datasets": "VideoDataset",
        "data.reading": "VideoError",
        "data.video": "read_frames",
        "training.recipe": "TrainingConfig",
        "training.loop": "fit",
        "evaluation.embedding": "embed_videos",
    },
)

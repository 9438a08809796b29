"""Text-initialised video classifiers: frames in, logits out.

The names below are imported on first use, so that `import text4vis_core` itself costs nothing.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOME = {
    "VideoClassifier": "model",
    "load_clip": "clip",
    "initialise": "classifier",
    "TrainingConfig": "training",
    "fit": "training",
    "embed_videos": "evaluation",
    "load_text4vis_checkpoint": "checkpoints",
    "save_text4vis_checkpoint": "checkpoints",
    "load_videos": "datasets",
    "VideoDataset": "datasets",
    "VideoError": "video",
    "read_frames": "video",
}

__all__ = sorted(_HOME)


def __getattr__(name: str):
    if name in _HOME:
        return getattr(import_module(f"text4vis_core.{_HOME[name]}"), name)
    raise AttributeError(f"module 'text4vis_core' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__():
    return sorted([*globals(), *__all__])

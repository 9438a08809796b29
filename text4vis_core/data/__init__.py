"""Video files, which frames of them, pixels, lists of videos, batches. Formats of lists: `formats/`."""

from .._names import on_first_use

__getattr__, __dir__, __all__ = on_first_use(
    __name__,
    {
        "reading": "Reading VideoError is_video",
        "video": "open_video read_frames",
        "video_list": "AnnotationError NoValidation Video VideoList",
        "formats.readers": "READERS SPLITS load_videos",
        "datasets": "ON_ERROR FromFiles VideoDataset Views",
        "transforms": "Augmentation PUBLISHED_AUGMENTATION",
        "loader": "load_batches",
    },
)

"""Video files, which frames of them, pixels, lists of videos, batches. Formats of lists: `formats/`."""

from .._names import on_first_use

__getattr__, __dir__, __all__ = on_first_use(
    __name__,
    {
        "VideoError": "reading",
        "Reading": "reading",
        "is_video": "reading",
        "open_video": "video",
        "read_frames": "video",
        "AnnotationError": "video_list",
        "Video": "video_list",
        "VideoList": "video_list",
        "READERS": "formats.readers",
        "SPLITS": "formats.readers",
        "load_videos": "formats.readers",
        "ON_ERROR": "datasets",
        "VideoDataset": "datasets",
        "Views": "datasets",
        "Augmentation": "transforms",
        "PUBLISHED_AUGMENTATION": "transforms",
        "FrameStore": "frame_store",
        "load_batches": "loader",
    },
)

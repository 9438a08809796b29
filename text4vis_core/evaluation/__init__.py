"""Videos embedded once, then scored: protocols and metrics."""

from .._names import on_first_use

__getattr__, __dir__, __all__ = on_first_use(
    __name__,
    {
        "embedding": "EmbeddedVideos embed_videos",
        "protocols": "multi_view_scores half_class_splits zero_shot_accuracy",
        "metrics": "topk_accuracy topk_correct mean_average_precision",
    },
)

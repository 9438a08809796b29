"""Videos embedded once, then scored: protocols, metrics and their intervals."""

from .._names import on_first_use

__getattr__, __dir__, __all__ = on_first_use(
    __name__,
    {
        "EmbeddedVideos": "embedding",
        "embed_videos": "embedding",
        "multi_view_scores": "protocols",
        "half_class_splits": "protocols",
        "base_novel_split": "protocols",
        "zero_shot_accuracy": "protocols",
        "harmonic_mean": "protocols",
        "topk_accuracy": "metrics",
        "mean_average_precision": "metrics",
        "score_metrics": "metrics",
        "confusion_matrix": "metrics",
        "per_class_accuracy": "metrics",
        "mean_interval": "intervals",
        "wilson_interval": "intervals",
        "with_interval": "intervals",
    },
)

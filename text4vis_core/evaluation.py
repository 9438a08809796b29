"""Embed a data set once, then score it: multi-view, zero-shot, few-shot, with intervals.

Embeddings are the meeting point: the encoder runs once per video and view, every protocol and metric below is a
function of (embeddings, class embeddings, labels).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .datasets import VideoDataset
from .kernels import packed_weights
from .loader import load_batches
from .memory import ACTIVATIONS, keep_freed_memory
from .processes import gather_objects, gather_rows, rank, world

# Scores are computed for so many videos, and sorted for so many classes at a time: memory grows with neither.
ROWS, COLUMNS = 4096, 16


@dataclass
class EmbeddedVideos:
    """A data set's video embeddings: one per view.

    Attributes:
        views: float32 (N, V, D), not of unit length.
        labels: int64 (N,)
        indices: int64 (N,), the videos' places in their list.
        skipped: (path, reason) of the videos that could not be decoded; empty unless skipping was asked for.
        targets: 0/1 float32 (N, C) where videos may have several labels, else None.
    """

    views: Tensor
    labels: Tensor
    indices: Tensor
    skipped: list[tuple[str, str]] = field(default_factory=list)
    targets: Tensor | None = None

    @property
    def truth(self) -> Tensor:
        """What counts as right: the labels (N,), or the targets (N, C) where a video may have several."""
        return self.labels if self.targets is None else self.targets

    @property
    def mean(self) -> Tensor:
        """float32 (N, D): the mean of the views."""
        return self.views.mean(1)

    def only_views(self, ids: Sequence[int]) -> "EmbeddedVideos":
        """The same videos in some of their views."""
        return replace(self, views=self.views[:, list(ids)])


@torch.no_grad()
def embed_videos(
    model,
    dataset: VideoDataset,
    batch_size: int = 32,
    num_workers: int = 0,
    progress: str | None = None,
    timeout: float = 0.0,
) -> EmbeddedVideos:
    """Encode every video of a data set, once, in the order of the data set; all processes share the work.

    A batch holds the same videos whoever encodes it, so that the embeddings are the same, to the bit, on any number of
    processes (of as many threads each).

    Args:
        model: a `VideoClassifier`; runs where its parameters are, in half precision on CUDA.
        dataset: gives evaluation views (V, T, 3, S, S).
        batch_size: videos at a time.
        num_workers: processes that decode, for each that encodes.
        progress: label of the progress bar; None for none.
        timeout: seconds that decoding one video may take, with workers; 0 for no limit.

    Raises:
        VideoError: a video cannot be decoded and the data set does not skip.
        ValueError: no video could be decoded.
    """
    device = model.logit_scale.device
    cuda = device.type == "cuda"
    if not cuda:
        keep_freed_memory(ACTIVATIONS)
    batches = [list(range(i, min(i + batch_size, len(dataset)))) for i in range(0, len(dataset), batch_size)]
    mine = batches[rank() :: world()]
    model.eval()

    def encode(frames: Tensor) -> Tensor:
        with torch.autocast(device.type, enabled=cuda):
            embeddings = model.encode_video(frames.to(device, non_blocking=True).flatten(0, 1))
        return embeddings.float().unflatten(0, frames.shape[:2]).cpu()

    # Processes go through the model equally often, with or without videos: one in shards is whole only for all of them.
    nothing = {"frames": None, "errors": []}
    rounds = -(-len(batches) // world())
    views, labels, indices, targets, errors = [], [], [], [], []
    loaded = load_batches(dataset, mine, num_workers, pin_memory=cuda, timeout=timeout)
    with packed_weights(model):
        for batch in progress_bar(chain(loaded, [nothing] * (rounds - len(mine))), progress, total=rounds):
            errors += batch["errors"]
            if batch["frames"] is None:
                if world() > 1:
                    encode(torch.zeros(1, 1, dataset.num_frames, 3, dataset.size, dataset.size, dtype=torch.uint8))
                continue
            views.append(encode(batch["frames"]))
            labels.append(batch["labels"])
            indices.append(batch["indices"])
            targets += [batch["targets"]] if "targets" in batch else []
    errors = sorted(error for part in gather_objects(errors) for error in part)
    skipped = [(str(dataset.videos.videos[i].path), reason) for i, reason in errors]
    if len(skipped) == len(dataset):
        first = f"; the first: {skipped[0][1]}" if skipped else ""
        raise ValueError(f"none of the {len(dataset)} videos could be decoded{first}")
    place = torch.cat(gather_rows(torch.cat([torch.zeros(0, dtype=torch.int64), *indices])))
    order = place.argsort()

    def whole(parts: list[Tensor], *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """The rows of all processes, in the order of the data set."""
        rows = torch.cat(gather_rows(torch.cat([torch.zeros(0, *shape, dtype=dtype), *parts])))
        return rows if world() == 1 else rows[order]

    truth = whole(targets, len(dataset.videos.classes)) if dataset.videos.multi_label else None
    width = dataset.clips * dataset.crops, model.dim
    return EmbeddedVideos(whole(views, *width), whole(labels, dtype=torch.int64), place[order], skipped, truth)


def progress_bar(iterable, description: str | None, **options):
    """A progress bar that says what and how long, or the iterable itself when there is nothing to say.

    Of several processes the first shows it.
    """
    if description is None or rank():
        return iterable
    from tqdm.auto import tqdm

    return tqdm(iterable, desc=description, **options)


def multi_view_scores(view_embeddings: Tensor, class_embeddings: Tensor, logit_scale: float = np.log(100)) -> Tensor:
    """Class probabilities of videos seen in several views: the mean of the views' embeddings, then cosine, softmax.

    Args:
        view_embeddings: (B, V, D).
        class_embeddings: (C, D).
        logit_scale: the logarithm of the temperature's inverse; CLIP's own, ln 100, unless the model's is given.

    Returns:
        (B, C), rows sum to 1.
    """
    view_embeddings, class_embeddings = map(torch.as_tensor, (view_embeddings, class_embeddings))
    scale, classes = float(np.exp(logit_scale)), F.normalize(class_embeddings, dim=-1)

    def scores(views: Tensor) -> Tensor:
        return (scale * F.normalize(views.mean(1), dim=-1) @ classes.T).softmax(-1)

    return _by_rows(scores, view_embeddings, len(classes))


def topk_accuracy(scores: Tensor, labels: Tensor, k: int = 1, classes: Sequence[int] | None = None) -> float:
    """Percentage of videos whose label is among their k highest scores.

    Args:
        scores: (N, C).
        labels: (N,), or for several labels per video 0/1 (N, C): any of them is right.
        k: all classes, when it exceeds C.
        classes: only videos of these classes count; all, when None.
    """
    highest = scores.topk(min(k, scores.shape[1]), dim=-1).indices
    found = highest == labels[:, None] if labels.ndim == 1 else labels.gather(1, highest) > 0
    correct = found.any(-1).double()
    if classes is not None:
        ids = torch.as_tensor(list(classes), dtype=torch.int64)
        correct = correct[torch.isin(labels, ids) if labels.ndim == 1 else (labels[:, ids] > 0).any(-1)]
    return 100 * correct.mean().item()


def half_class_splits(num_classes: int, num_splits: int = 10) -> list[np.ndarray]:
    """The published half-class splits: seed s permutes the classes, the first half is taken, in increasing order."""
    # The legacy generator: the published splits were drawn with it.
    permutations = (np.random.RandomState(seed).permutation(num_classes) for seed in range(num_splits))
    return [np.sort(permutation[: num_classes // 2]) for permutation in permutations]


def base_novel_split(counts: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Base and novel classes of the base-to-novel protocol (Rasheed et al., ViFi-CLIP, CVPR 2023).

    The half of the classes with more training videos is base, the rarer half novel; of an odd number base has one more.
    Of classes with equally many the first are novel: the published split of HMDB51, where all have 70, has them so.

    Args:
        counts: (C,), training videos of each class.

    Returns:
        Class ids of base and of novel, in increasing order.
    """
    rarest_first = np.argsort(np.asarray(counts), kind="stable")
    novel, base = np.split(rarest_first, [len(rarest_first) // 2])
    return np.sort(base), np.sort(novel)


def zero_shot_accuracy(video_embeddings: Tensor, class_embeddings: Tensor, labels: Tensor) -> dict:
    """Zero-shot accuracy over all classes and over the ten half-class splits (Text4Vis, section 4.4).

    Args:
        video_embeddings: (N, D).
        class_embeddings: (C, D).
        labels: (N,), in 0..C-1.

    Returns:
        {"top1", "top5"}: percent; {"half_top1", "half_top5"}: a list with one value per split.
    """
    video_embeddings, class_embeddings, labels = map(torch.as_tensor, (video_embeddings, class_embeddings, labels))
    rows = F.normalize(class_embeddings, dim=-1)
    scores = _by_rows(lambda videos: F.normalize(videos, dim=-1) @ rows.T, video_embeddings, len(rows))
    result = {"top1": topk_accuracy(scores, labels), "top5": topk_accuracy(scores, labels, 5)}
    half_top1, half_top5 = [], []
    for classes in half_class_splits(len(class_embeddings)):
        inside = torch.isin(labels, torch.as_tensor(classes)).nonzero()[:, 0]
        part = scores[inside[:, None], torch.as_tensor(classes)]
        renumbered = torch.as_tensor(np.searchsorted(classes, labels[inside].numpy()))
        half_top1.append(topk_accuracy(part, renumbered))
        half_top5.append(topk_accuracy(part, renumbered, 5))
    return result | {"half_top1": half_top1, "half_top5": half_top5}


def mean_average_precision(scores: Tensor, labels: Tensor) -> float:
    """Mean over classes of the average precision, in percent.

    Args:
        scores: (N, C).
        labels: class ids (N,), or for several labels per video 0/1 (N, C). Classes without a video are left out.

    Raises:
        ValueError: no class has a video.
    """
    scores, labels = torch.as_tensor(scores), torch.as_tensor(labels)
    counts = torch.bincount(labels.long(), minlength=scores.shape[1]) if labels.ndim == 1 else labels.sum(0)
    present = counts.nonzero()[:, 0]
    if not len(present):
        raise ValueError("mean average precision needs at least one labelled video")
    precisions = []
    for classes in _parts(present, COLUMNS):
        truth = labels[:, None] == classes if labels.ndim == 1 else labels[:, classes]
        precisions.append(_average_precisions(scores[:, classes], truth))
    return 100 * torch.cat(precisions).mean().item()


def _average_precisions(scores: Tensor, truth: Tensor) -> Tensor:
    """float64 (C,) of each class, from scores and 0/1 truth (N, C)."""
    # Saturated probabilities tie; the plain sort leaves them in the order in which the published figures were taken.
    hits = truth.gather(0, scores.sort(dim=0, descending=True).indices).double()
    precision = hits.cumsum(0) / torch.arange(1, len(hits) + 1, dtype=torch.float64)[:, None]
    # The last of the running sums, which unlike `sum` round the same however many classes are beside each other.
    return (precision * hits).cumsum(0)[-1] / hits.sum(0)


def score_metrics(scores: Tensor, labels: Tensor, targets: Tensor | None = None) -> dict[str, float]:
    """The metrics that are usual for a data set's kind of labels, in percent.

    Args:
        scores: (N, C).
        labels: (N,), the class of each video.
        targets: 0/1 (N, C) for videos with several labels, else None.

    Returns:
        {"top1", "top5"}; with targets {"top1", "map"}, where the first class is right if it is any of a video's labels.
    """
    scores = torch.as_tensor(scores)
    if targets is None:
        labels = torch.as_tensor(labels)
        return {"top1": topk_accuracy(scores, labels), "top5": topk_accuracy(scores, labels, 5)}
    targets = torch.as_tensor(targets)
    return {"top1": topk_accuracy(scores, targets), "map": mean_average_precision(scores, targets)}


def confusion_matrix(predictions: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """int64 (C, C): videos of each class (rows) by predicted class (columns)."""
    return torch.bincount(labels * num_classes + predictions, minlength=num_classes**2).view(num_classes, num_classes)


def per_class_accuracy(predictions: Tensor, labels: Tensor, num_classes: int) -> Tensor:
    """float64 (C,): percent correct of each class's videos; nan for a class without any."""
    matrix = confusion_matrix(predictions, labels, num_classes).double()
    return 100 * matrix.diagonal() / matrix.sum(1)


def wilson_interval(percent: float, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of an accuracy measured on `count` videos: (low, high) in percent."""
    z = _normal_quantile(confidence)
    p = percent / 100
    centre = (p + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(p * (1 - p) / count + z**2 / (4 * count**2))
    return 100 * float(max(0, centre - half)), 100 * float(min(1, centre + half))


def mean_interval(values, confidence: float = 0.95) -> tuple[float, float]:
    """Mean over runs (seeds, splits) and half the width of its Student-t interval; nan for a single value."""
    from scipy import stats

    values = np.asarray(values, dtype=float)
    if len(values) < 2:
        return float(values.mean()), float("nan")
    t = stats.t.ppf((1 + confidence) / 2, len(values) - 1)
    return float(values.mean()), float(t * values.std(ddof=1) / np.sqrt(len(values)))


def with_interval(mean: float, half: float | None, unit: str = "%") -> str:
    """A mean with half the width of its interval, as text: "52.9 ± 3.1 %"; without it where there is none."""
    return f"{mean:.1f} {unit}" if half is None or np.isnan(half) else f"{mean:.1f} ± {half:.1f} {unit}"


def harmonic_mean(base: float, novel: float) -> float:
    """Of the accuracies on base and novel classes; 0 when both are."""
    return 2 * base * novel / (base + novel) if base + novel > 0 else 0.0


def _by_rows(function: Callable[[Tensor], Tensor], rows: Tensor, columns: int) -> Tensor:
    """A function from (n, ...) to (n, columns), of all rows, some at a time."""
    result = rows.new_empty(len(rows), columns)
    for part, into in zip(_parts(rows, ROWS), _parts(result, ROWS), strict=True):
        into.copy_(function(part))
    return result


def _parts(rows: Tensor, size: int) -> tuple[Tensor, ...]:
    """Parts of at most `size` and of equal length, up to a row: the product of only a few rows rounds differently."""
    return rows.tensor_split(max(1, -(-len(rows) // size)))


def _normal_quantile(confidence: float) -> float:
    return float(torch.special.ndtri(torch.tensor((1 + confidence) / 2, dtype=torch.float64)))

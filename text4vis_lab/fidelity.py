"""Differences from the published code: on its own vectors, and of pixels from the path that it takes, with PIL.

T frames, S pixels, N videos, C classes, D width of an embedding.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import functional as F
from torchvision.transforms.functional import InterpolationMode

from text4vis_core.data.sampling import evaluation_indices
from text4vis_core.data.transforms import evaluation_views, to_clip
from text4vis_core.data.video import VideoError
from text4vis_core.data.video_list import Video, VideoList
from text4vis_core.evaluation.metrics import mean_average_precision, topk_accuracy
from text4vis_core.evaluation.protocols import half_class_splits, multi_view_scores, zero_shot_accuracy
from text4vis_core.model.checkpoints import load_text4vis_checkpoint
from text4vis_core.model.video_classifier import VideoClassifier
from text4vis_core.processes import progress_bar
from text4vis_core.training.recipe import warmup_cosine

from .scores import Scores, video_name
from .sources import Clips

REFERENCE = Path("tests/reference")  # what the published code gave, for small random models and inputs
MODELS = {"mean": "auto", "transformer": "auto", "tokenshift": "tokenshift", "tokent1d": "auto"}
PIL_LEVELS = 4  # differences of so many grey levels and more are counted together

Pair = tuple[Tensor, Tensor]


def model_differences(reference: Path = REFERENCE, device: str = "cpu") -> dict[str, float]:
    """The largest difference of embeddings and of logits, for each of the published code's small models on a device."""
    differences = {}
    for name, inside in MODELS.items():
        expected = {key: value.to(device) for key, value in _vectors(reference / f"vit_{name}_f8.npz").items()}
        model = load_text4vis_checkpoint(reference / f"vit_{name}_f8.pt", 8, inside, temporal_heads=2).to(device)
        with torch.no_grad():
            embeddings = model.encode_video(expected["frames"])
            logits = model.logits(embeddings, expected["text_embeddings"])
        differences[f"embeddings, {name}"] = (embeddings - expected["video_embeddings"]).abs().max().item()
        differences[f"logits, {name}"] = (logits - expected["logits"]).abs().max().item()
    return differences


def protocol_differences(reference: Path = REFERENCE) -> dict[str, float]:
    """The largest difference of frame indices, class splits, accuracies (points) and learning rates (relative)."""
    found = {"frame indices": float(max(_index_differences(reference)))}

    splits = np.array(_json(reference / "half_class_splits.json")["101"])
    found["half-class splits"] = float(np.abs(splits - np.array(half_class_splits(101))).max())

    given = _vectors(reference / "zero_shot_protocol.npz")
    ours = zero_shot_accuracy(given["video_embeddings"], given["text_embeddings"], given["labels"])
    full = np.array([ours["top1"], ours["top5"]]) - given["full"].numpy()
    halves = np.array([ours["half_top1"], ours["half_top5"]]) - np.stack([given["half_top1"], given["half_top5"]])
    found["zero-shot accuracy, full classes"] = float(np.abs(full).max())
    found["zero-shot accuracy, half classes"] = float(np.abs(halves).max())

    given = _vectors(reference / "multi_view.npz")
    scores, labels = multi_view_scores(given["view_embeddings"], given["text_embeddings"]), given["labels"]
    found["12 views, top-1"] = abs(topk_accuracy(scores, labels) - given["top1"].item())
    found["12 views, top-5"] = abs(topk_accuracy(scores, labels, 5) - given["top5"].item())
    precision = mean_average_precision(scores, labels)
    found["12 views, plain mean average precision"] = abs(precision - given["mean_average_precision"].item())

    # The published loop sets the rate at the first step of an epoch and then at every tenth; in between it stays.
    schedule = [row for row in _json(reference / "lr_schedule.json") if row[1] == 0 or (row[1] + 1) % 10 == 0]
    rates = [(5e-5 * warmup_cosine(epoch + step / 25, 30, 5), rate) for epoch, step, _, rate in schedule]
    found["learning rate, relative"] = max(abs(ours - theirs) / 5e-5 for ours, theirs in rates)
    return found


def average_precisions(reference: Path = REFERENCE) -> tuple[float, float]:
    """Mean average precision in percent of the reference scores of 12 views: plain, and after a second softmax.

    The second is what the release reports: its scores are probabilities already when it takes a softmax of them for the
    ranking (`test_anet.py` and `mean_average_precision` in `utils/utils.py` of https://github.com/whwu95/Text4Vis).
    """
    given = _vectors(reference / "multi_view.npz")
    scores, labels = multi_view_scores(given["view_embeddings"], given["text_embeddings"]), given["labels"]
    return mean_average_precision(scores, labels), mean_average_precision(scores.softmax(-1), labels)


def decoded(videos: Sequence[Video], clips: Clips) -> tuple[list[np.ndarray], list[tuple[str, str]]]:
    """The frames of a single view of each video, uint8 (T, H, W, 3), and (path, reason) of what was left out.

    Raises:
        VideoError: a video cannot be decoded, and `clips` does not skip.
    """
    frames, skipped = [], []
    for video in progress_bar(videos, "decoding"):
        try:
            frames.append(clips.store.read(video, lambda n: evaluation_indices(n, clips.num_frames)))
        except VideoError as error:
            if clips.on_error == "raise":
                raise
            skipped.append((str(video.path), str(error)))
    return frames, skipped


def pixel_pairs(videos: Sequence[np.ndarray], short: int, crop: int) -> list[Pair]:
    """Of each video this project's pixels and those of the published path: uint8 (T, 3, S, S), twice.

    Args:
        videos: uint8 (T, H, W, 3) each.
        short: to which the short side is scaled, in pixels.
        crop: S.
    """
    return [(evaluation_views(to_clip(frames), crop, short)[0], with_pil(frames, crop, short)) for frames in videos]


def with_pil(frames: np.ndarray, crop: int, short: int) -> Tensor:
    """The published pixel path: uint8 (T, H, W, 3) -> (T, 3, S, S), frame by frame."""
    pictures = [F.resize(Image.fromarray(frame), [short], InterpolationMode.BICUBIC) for frame in frames]
    return torch.stack([F.pil_to_tensor(F.center_crop(picture, [crop, crop])) for picture in pictures])


def gaps(pairs: Sequence[Pair]) -> dict[str, Any]:
    """How far pixels are apart, in grey levels: largest, mean, percent of equal ones, and counts by difference."""
    levels = np.concatenate([(ours.int() - theirs.int()).abs().flatten().numpy() for ours, theirs in pairs])
    return {
        "largest": int(levels.max()),
        "mean": float(levels.mean()),
        "equal_percent": float(100 * (levels == 0).mean()),
        "counts": np.bincount(np.minimum(levels, PIL_LEVELS), minlength=PIL_LEVELS + 1),
    }


@torch.no_grad()
def pixel_scores(
    model: VideoClassifier, pairs: Sequence[Pair], rows: Tensor, videos: VideoList
) -> dict[tuple[str, str], Scores]:
    """Scores of class embeddings (C, D) for this project's pixels and the published path's, by test and view.

    Args:
        model: that encodes.
        pairs: of each video, see `pixel_pairs`.
        rows: of the list's classes.
        videos: that list.
    """
    names, labels = [video_name(video) for video in videos.videos], torch.from_numpy(videos.labels)
    targets, found = videos.targets if videos.multi_label else None, {}
    for i, test in enumerate(("pixels of this project", "pixels of PIL")):
        logits = torch.cat([model.logits(model.encode_video(pair[i][None]), rows) for pair in pairs])
        found[test, "1 view"] = Scores(names, labels, logits, targets, videos.classes)
    return found


def logit_effect(ours: Tensor, theirs: Tensor) -> dict[str, float]:
    """What the difference of pixels does to logits (N, C), beside the best class's margin."""
    top = theirs.topk(2, dim=-1).values
    return {
        "largest_logit_difference": (ours - theirs).abs().max().item(),
        "mean_logit_difference": (ours - theirs).abs().mean().item(),
        "median_margin": (top[:, 0] - top[:, 1]).median().item(),
        "answers_changed": int((ours.argmax(-1) != theirs.argmax(-1)).sum()),
        "videos": len(ours),
    }


def _index_differences(reference: Path) -> Iterator[int]:
    for row in _json(reference / "frame_sampling.json"):
        length, segments = row["num_frames"], row["num_segments"]
        for name, clips, dense in (
            ("single_view", 1, False),
            ("uniform_4_clips", 4, False),
            ("dense_4_clips", 4, True),
        ):
            yield np.abs(np.array(row[name]) - evaluation_indices(length, segments, clips, dense=dense)).max()


def _vectors(path: Path) -> dict[str, Tensor]:
    return {name: torch.from_numpy(array) for name, array in np.load(path).items()}


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))

"""What evaluating a video costs, from the pictures of its frames to its embedding: against the published code's way.

That is written anew from what it does (github whwu95/Text4Vis, `test.py`, `datasets/`, `utils/Augmentation.py`): each
frame of each clip is opened by itself, scaled with PIL and cut into crops; each crop's clips are stacked, divided by
255 and normalised; all views of a video go through the encoder at once.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import functional as F
from torchvision.transforms.functional import InterpolationMode

from text4vis_core.data.datasets import VideoDataset, Views
from text4vis_core.data.memory import ACTIVATIONS, keep_freed_memory
from text4vis_core.data.sampling import evaluation_indices
from text4vis_core.data.video_list import Video, VideoList
from text4vis_core.model.kernels import packed_weights
from text4vis_core.model.video_classifier import VideoClassifier

from ..timing import in_turn
from .baselines import MINIATURE, VIT_B_32, published
from .clips import draw_frames
from .loading import CLIPS, CROPS, MEAN, RESIZE, STD
from .measurement import Quantity, distance, ratio

FRAMES, SIZE, QUALITY = 120, (240, 320), 90  # of the JPEG pictures: of UCF101's size
SEEN = {"1 view": (1, 1), f"{CLIPS} x {CROPS} views": (CLIPS, CROPS)}
ALL = list(SEEN)[-1]
THEIRS, OURS, HALF = "published code", "this project", "this project in bf16"
FASTER = 1.5  # limit of all views
# What has to be the same, and the limits of its differences: PIL and torchvision round pixels in ways of their own.
PIXELS = "pixels, mean difference from the published code's, grey levels"
APART = {PIXELS: 0.1, **{f"embedding, {way}, distance": limit for way, limit in ((OURS, 0.005), (HALF, 0.05))}}


def write_pictures(folder: Path) -> Path:
    """A folder of a video's frames as JPEG, `img_00001.jpg` and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(draw_frames(0, SIZE, FRAMES), 1):
        Image.fromarray(frame).save(folder / f"img_{number:05}.jpg", quality=QUALITY)
    return folder


def published_views(folder: Path, num_frames: int, size: int, clips: int, crops: int) -> Tensor:
    """Views (V, T, 3, S, S) of a folder of pictures, float32, normalised."""
    paths = sorted(folder.iterdir())
    indices = evaluation_indices(len(paths), num_frames, clips)
    pictures = [Image.open(paths[index]).convert("RGB") for index in indices]
    pictures = [F.resize(picture, [RESIZE], InterpolationMode.BICUBIC) for picture in pictures]
    across, down = ((side - size) // 4 for side in pictures[0].size)
    corners = [(2 * down, step * across) for step in (0, 2, 4)]
    views = []
    for crop in range(crops):
        parts = [F.crop(p, *corners[crop], size, size) if crops > 1 else F.center_crop(p, [size]) for p in pictures]
        stacked = torch.from_numpy(np.concatenate([np.asarray(part) for part in parts], axis=2))
        view = stacked.permute(2, 0, 1).contiguous().float().div(255).unflatten(0, (clips, num_frames, 3))
        views.append(view.sub_(MEAN[:, None, None]).div_(STD[:, None, None]))
    return torch.stack(views, 1).flatten(0, 1)


@torch.no_grad()
def evaluation_times(folder: Path, repeats: int, miniature: bool = False) -> dict[str, list[float]]:
    """Seconds from a video's pictures to its embedding, the mean over its views, by each way in turn.

    The published code's way, and this project's in float32 and in bf16. One process, which decodes and then encodes,
    with as many threads as torch has; ViT-B/32 and clips of 8 frames.

    Args:
        folder: for the pictures.
        repeats: videos that are timed, after one that is not.
        miniature: a model that takes milliseconds, for tests.

    Returns:
        {"1 view, published code": [seconds] * repeats, ...}; of all views also the difference of the pixels and, over
        the norm of the published code's, the distances of the embeddings, by their names in `APART`.
    """
    shape, folder = MINIATURE if miniature else VIT_B_32, write_pictures(folder)
    theirs, ours, half = published(shape).eval(), shape.ours().eval(), shape.ours().eval()
    video = VideoList(("video",), (Video(folder, 0),))

    def by_published(clips: int, crops: int, *_: int) -> Tensor:
        return theirs.encode(published_views(folder, shape.frames, shape.size, clips, crops)).mean(0)

    def our_views(clips: int, crops: int) -> Tensor:
        seen = Views(resize=RESIZE, clips=clips, crops=crops)
        return VideoDataset(video, shape.frames, shape.size, seen)[0]["frames"]

    def by_ours(model: VideoClassifier, precision: torch.dtype, clips: int, crops: int, *_: int) -> Tensor:
        with torch.autocast("cpu", precision, enabled=precision != torch.float32):
            return model.encode_video(our_views(clips, crops)).float().mean(0)

    jobs: dict[str, Callable[..., Tensor]] = {}
    for seen, views in SEEN.items():
        jobs[f"{seen}, {THEIRS}"] = partial(by_published, *views)
        jobs[f"{seen}, {OURS}"] = partial(by_ours, ours, torch.float32, *views)
        jobs[f"{seen}, {HALF}"] = partial(by_ours, half, torch.bfloat16, *views)
    keep_freed_memory(ACTIVATIONS)
    with packed_weights(ours), packed_weights(half, torch.bfloat16):
        seconds = in_turn(jobs, 1, repeats)
        expected, *found = (jobs[f"{ALL}, {way}"]() for way in (THEIRS, OURS, HALF))
    pixels = published_views(folder, shape.frames, shape.size, *SEEN[ALL]) * STD[:, None, None] + MEAN[:, None, None]
    apart = [(255 * pixels - our_views(*SEEN[ALL])).abs().mean().item(), *(distance(each, expected) for each in found)]
    return seconds | {name: [value] for name, value in zip(APART, apart, strict=True)}


def evaluation_quantities(measured: Mapping[str, list[float]], miniature: bool = False) -> list[Quantity]:
    """What `evaluation_times` measured: seconds, the published way's over this project's, distances of embeddings.

    Of the miniature model no speed is asked for.
    """
    found = [Quantity(f"evaluation, {name}", values, "s") for name, values in measured.items() if name not in APART]
    for seen in SEEN:
        for way in (OURS, HALF):
            limit = FASTER if seen == ALL and not miniature else None
            theirs, ours = (measured[f"{seen}, {each}"] for each in (THEIRS, way))
            found.append(ratio(f"evaluation, {seen}, {THEIRS} / {way}", theirs, ours, "more", limit))
    return found + [Quantity(name, measured[name], limit=limit) for name, limit in APART.items()]

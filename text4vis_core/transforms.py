"""From decoded frames to clip views of the model's size: on whole clips at once, in uint8, with torchvision.

Randomness comes from the generator that is passed in, never from a global one, so that a sample's augmentation
depends on (seed, epoch, index) alone and not on which worker draws it.
"""

import numpy as np
import torch
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as F

CROPS = (1, 3, 5, 10)


def to_clip(frames: np.ndarray) -> torch.Tensor:
    """uint8 frames (T, H, W, 3) as a uint8 clip (T, 3, H, W)."""
    return torch.from_numpy(frames).permute(0, 3, 1, 2).contiguous()


def evaluation_views(clip: torch.Tensor, size: int, resize: int | None = None, crops: int = 1) -> torch.Tensor:
    """Deterministic views of a clip: short side to `resize` (bicubic), then square crops.

    Args:
        clip: uint8 (T, 3, H, W).
        size: side of a crop in pixels.
        resize: short side after scaling, at least `size`; `size` when None.
        crops: 1 (centre); 3 (left, centre and right, or top, centre and bottom, of the scaled frame); 5 (corners and
            centre); 10 (those and their mirror images).

    Returns:
        uint8 (crops, T, 3, size, size).

    Raises:
        ValueError: an unknown number of crops, or `resize` smaller than `size`.
    """
    resize = resize or size
    if resize < size:
        raise ValueError(f"resize is {resize}, smaller than the crop of {size}")
    clip = F.resize(clip, [resize], interpolation=InterpolationMode.BICUBIC, antialias=True)
    height, width = clip.shape[-2:]
    bottom, right = height - size, width - size
    centre = (round(bottom / 2), round(right / 2))
    match crops:
        case 1:
            corners = [centre]
        case 3 if width >= height:
            corners = [(centre[0], 0), centre, (centre[0], right)]
        case 3:
            corners = [(0, centre[1]), centre, (bottom, centre[1])]
        case 5 | 10:
            corners = [(0, 0), (0, right), (bottom, 0), (bottom, right), centre]
        case _:
            raise ValueError(f"crops is {crops}; choose one of {', '.join(map(str, CROPS))}")
    views = torch.stack([clip[..., y : y + size, x : x + size] for y, x in corners])
    return torch.cat([views, views.flip(-1)]) if crops == 10 else views


def training_view(
    clip: torch.Tensor,
    size: int,
    rng: np.random.Generator,
    *,
    resize: int | None = None,
    scale: tuple[float, float] = (0.5, 1.0),
    flip: float = 0.5,
    grayscale: float = 0.2,
) -> torch.Tensor:
    """One random view of a clip, the same for all its frames: random-resized crop, mirror image, grayscale.

    Args:
        clip: uint8 (T, 3, H, W).
        size: side of the view in pixels.
        rng: where the randomness comes from.
        resize: short side to which the clip is scaled first; not scaled when None.
        scale: range of the crop's share of the frame's area; its aspect ratio lies between 3/4 and 4/3.
        flip: probability of the mirror image.
        grayscale: probability of grey frames.

    Returns:
        uint8 (T, 3, size, size).
    """
    if resize is not None:
        clip = F.resize(clip, [resize], interpolation=InterpolationMode.BICUBIC, antialias=True)
    height, width = clip.shape[-2:]
    area = height * width * rng.uniform(*scale)
    ratio = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
    h, w = min(height, round(np.sqrt(area / ratio))), min(width, round(np.sqrt(area * ratio)))
    top, left = rng.integers(height - h + 1), rng.integers(width - w + 1)
    clip = F.resized_crop(
        clip, int(top), int(left), h, w, [size, size], interpolation=InterpolationMode.BICUBIC, antialias=True
    )
    if rng.random() < flip:
        clip = clip.flip(-1)
    if rng.random() < grayscale:
        clip = F.rgb_to_grayscale(clip, num_output_channels=3)
    return clip

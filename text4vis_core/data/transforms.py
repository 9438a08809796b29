"""From decoded frames to clip views of the model's size: on whole clips at once, in uint8, with torchvision.

    frames (T, H, W, 3)  ->  clip (T, 3, H, W)  ->  evaluation views (V, T, 3, S, S), or a training clip (T, 3, S, S)

T frames of H x W pixels, V views (the crops of one clip), S pixels on a view's side, B clips of a batch.

Randomness comes from the generator that is passed in, never from a global one, so that a sample's augmentation
depends on (seed, epoch, index) alone and not on which worker draws it.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torchvision.transforms.v2 import InterpolationMode, RandAugment
from torchvision.transforms.v2 import functional as F

CROPS = (1, 3, 5, 10)
INTERPOLATIONS = ("bicubic", "bilinear")


@dataclass(frozen=True)
class Augmentation:
    """What is drawn for a random training view. The defaults are the light one; `PUBLISHED_AUGMENTATION` the release's.

    Attributes:
        scale: range of the crop's share of the frame's area; its aspect ratio lies between 3/4 and 4/3, evenly in its
            logarithm (in the release evenly in itself, then turned or not).
        attempts: crops that are drawn until one fits into the frame; the last is cut to it. The release draws ten,
            which makes large crops rarer than a single draw does.
        interpolation: one of `INTERPOLATIONS`, with which the crop is resized; a ValueError for another.
        flip: probability of the mirror image.
        grayscale: probability of grey frames.
        randaugment: number of RandAugment's operations, and their magnitude between 0 and 30 (a ValueError otherwise):
            torchvision's. The release took another package's, for each frame alone; here a clip's frames share them.
        blur: probability of a Gaussian blur with a standard deviation between 0.1 and 2 pixels.
        solarize: probability that values from 128 on are inverted.
    """

    scale: tuple[float, float] = (0.5, 1.0)
    attempts: int = 1
    interpolation: str = "bicubic"
    flip: float = 0.5
    grayscale: float = 0.2
    randaugment: tuple[int, int] = (0, 9)
    blur: float = 0.0
    solarize: float = 0.0

    def __post_init__(self):
        if self.interpolation not in INTERPOLATIONS:
            raise ValueError(f"interpolation is {self.interpolation!r}; choose from: {', '.join(INTERPOLATIONS)}")
        operations, magnitude = self.randaugment
        if operations < 0 or not 0 <= magnitude <= 30:
            expected = "expected a number of operations, and a magnitude of 0 to 30"
            raise ValueError(f"randaugment is ({operations}, {magnitude}); {expected}")


LIGHT_AUGMENTATION = Augmentation()
# After the short side was resized to 256 (to the input size for 336).
PUBLISHED_AUGMENTATION = Augmentation(scale=(0.08, 1.0), attempts=10, interpolation="bilinear")


def to_clip(frames: np.ndarray) -> torch.Tensor:
    """uint8 frames (T, H, W, 3) as a uint8 clip (T, 3, H, W) of the same memory, in which resizing is fastest."""
    return torch.from_numpy(frames).permute(0, 3, 1, 2)


def evaluation_views(clip: torch.Tensor, size: int, resize: int | None = None, crops: int = 1) -> torch.Tensor:
    """Deterministic views of a clip: short side to `resize` (bicubic), then square crops.

    Where several crops lie is as in the release: at 0, 2 and 4 times a quarter, rounded down, of the room that a crop
    leaves, so that the last one ends up to three pixels before the frame does. The single crop is rounded as
    torchvision's CenterCrop. Three crops lie side by side in frames taller than wide too, where they all but coincide.

    Args:
        clip: uint8 (T, 3, H, W).
        size: S, side of a crop in pixels.
        resize: short side after scaling; `size` when None, a ValueError when less.
        crops: 1 (centre); 3 (left, centre, right of the scaled frame); 5 (upper left, upper right, lower left,
            lower right, centre); 10 (those, then their mirror images); a ValueError for others.

    Returns:
        uint8 (V, T, 3, S, S), V = `crops`.
    """
    resize = resize or size
    if resize < size:
        raise ValueError(f"resize is {resize}, smaller than the crop of {size}")
    clip = F.resize(clip, [resize], interpolation=InterpolationMode.BICUBIC, antialias=True)
    height, width = clip.shape[-2:]
    top, middle, bottom = (quarters * ((height - size) // 4) for quarters in (0, 2, 4))
    left, centre, right = (quarters * ((width - size) // 4) for quarters in (0, 2, 4))
    match crops:
        case 1:
            corners = [(round((height - size) / 2), round((width - size) / 2))]
        case 3:
            corners = [(middle, left), (middle, centre), (middle, right)]
        case 5 | 10:
            corners = [(top, left), (top, right), (bottom, left), (bottom, right), (middle, centre)]
        case _:
            raise ValueError(f"crops is {crops}; choose one of {', '.join(map(str, CROPS))}")
    if crops > 1:  # pixels are put in order once, and rows copied then
        clip = clip.contiguous()
    views = torch.stack([clip[..., y : y + size, x : x + size] for y, x in corners]).contiguous()
    return torch.cat([views, views.flip(-1)]) if crops == 10 else views


def training_crop(
    clip: torch.Tensor,
    size: int,
    rng: np.random.Generator,
    augmentation: Augmentation = LIGHT_AUGMENTATION,
    resize: int | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The part of a random view that needs the whole frames, and what `finish` is to do with it.

    In this order: RandAugment, the short side is resized, random-resized crop; then `finish`: mirror image, grayscale,
    blur, solarisation.

    Args:
        clip: uint8 (T, 3, H, W).
        size: S, side of the view in pixels.
        rng: where the randomness comes from.
        augmentation: what is drawn.
        resize: short side to which the clip is scaled first (bicubic); not scaled when None.

    Returns:
        uint8 (T, 3, S, S), and float32 (4,): a row of `finish`.
    """
    clip = _randaugment(clip, *augmentation.randaugment, rng)
    if resize is not None:
        clip = F.resize(clip, [resize], interpolation=InterpolationMode.BICUBIC, antialias=True)
    full = clip.shape[-2], clip.shape[-1]
    top, left, height, width = _random_crop(*full, augmentation.scale, augmentation.attempts, rng)
    mode = InterpolationMode(augmentation.interpolation)
    clip = F.resized_crop(clip, top, left, height, width, [size, size], interpolation=mode, antialias=True)
    row: list[float] = [rng.random() < augmentation.flip, rng.random() < augmentation.grayscale]
    row += [rng.uniform(0.1, 2.0) if rng.random() < augmentation.blur else 0.0, rng.random() < augmentation.solarize]
    return clip.contiguous(), torch.tensor(row, dtype=torch.float32)


def finish(frames: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """The end of the augmentation, which needs no whole frames: on batches, where the model computes.

    Args:
        frames: uint8 (B, T, 3, S, S), on any device.
        rows: float32 (B, 4), what to do with each clip: mirror image (1 or 0), grayscale (1 or 0), standard deviation
            of the blur in pixels (0 for none), solarisation (1 or 0). Leave it on the CPU: reading it waits for a GPU.

    Returns:
        uint8 (B, T, 3, S, S), on the same device.
    """
    return torch.stack([_finished(clip, *row) for clip, row in zip(frames, rows.tolist(), strict=True)])


def _finished(clip: torch.Tensor, flip: float, grayscale: float, sigma: float, solarize: float) -> torch.Tensor:
    if flip:
        clip = clip.flip(-1)
    if grayscale:
        clip = F.rgb_to_grayscale(clip, num_output_channels=3)
    if sigma:
        clip = F.gaussian_blur(clip, [2 * math.ceil(3 * sigma) + 1] * 2, [sigma, sigma])
    return F.solarize(clip, 128) if solarize else clip


def _random_crop(
    height: int, width: int, scale: tuple[float, float], attempts: int, rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """Top, left, height and width of a random crop."""
    for _ in range(attempts):
        area = height * width * rng.uniform(*scale)
        ratio = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
        h, w = max(1, round(np.sqrt(area / ratio))), max(1, round(np.sqrt(area * ratio)))
        if h <= height and w <= width:
            break
    h, w = min(h, height), min(w, width)
    return int(rng.integers(height - h + 1)), int(rng.integers(width - w + 1)), h, w


def _randaugment(clip: torch.Tensor, operations: int, magnitude: int, rng: np.random.Generator) -> torch.Tensor:
    if operations == 0:
        return clip
    # torchvision draws from torch's global generator, which is left as it was.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(rng.integers(2**63)))
        return RandAugment(operations, magnitude)(clip.contiguous())
